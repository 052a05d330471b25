"""The machine's record: what it names is there, and what is not installed is left out."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from toolkit.machine import describe_machine, machine_line


def test_the_record_names_machine_and_versions() -> None:
    facts = describe_machine(("numpy", "no-such-package"))
    assert facts["numpy"] == importlib.metadata.version("numpy") and "no-such-package" not in facts
    assert facts["architecture"] == platform.machine() and facts["cores"] == str(os.cpu_count())
    assert facts["processor"] and float(facts["load average before"]) >= 0
    assert machine_line({"cores": "2", "numpy": "2.0"}) == "Machine: cores 2; numpy 2.0."
