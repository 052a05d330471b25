"""The machine's record: what it names is there, and what is not installed is left out."""

from __future__ import annotations

import importlib.metadata
import os
import platform

from toolkit.measure.machine import describe_machine, features, machine_line


def test_the_record_names_machine_and_versions() -> None:
    facts = describe_machine(("numpy", "no-such-package"))
    assert facts["numpy"] == importlib.metadata.version("numpy") and "no-such-package" not in facts
    assert facts["architecture"] == platform.machine() and facts["cores"] == str(os.cpu_count())
    assert facts["processor"] and facts["features"]
    assert machine_line({"cores": "2", "numpy": "2.0"}) == "Machine: cores 2; numpy 2.0."


def test_features_of_both_kinds_of_processors() -> None:
    assert features("flags\t\t: fpu avx2\nmodel name : x\n") == {"fpu", "avx2"}
    assert features("Features\t: fp asimd asimddp\n") == {"fp", "asimd", "asimddp"}
