"""A process that may use fewer processors than the machine has starts no more threads than that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from toolkit.processors import usable_processors


def test_at_least_one_and_no_more_than_there_are() -> None:
    assert 1 <= usable_processors() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes to processors")
def test_a_pinned_process_counts_its_own() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    code += "from toolkit.processors import usable_processors; print(usable_processors())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "1\n"
