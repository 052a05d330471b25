"""What native libraries write to descriptor 2: one remark is dropped, nothing else is lost."""

from __future__ import annotations

import os

import pytest

from toolkit.native_stderr import without_remark


def test_a_remark_is_dropped_and_the_rest_follows(capfd: pytest.CaptureFixture[str]) -> None:
    with without_remark("INFO: hello"):
        os.write(2, b"ERROR: broken\nINFO: hello you\nWARNING: half")
    assert capfd.readouterr().err == "ERROR: broken\nWARNING: half"


def test_the_rest_follows_an_error_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), without_remark("INFO"):
        os.write(2, b"INFO: one\nERROR: two\n")
        raise ValueError
    assert capfd.readouterr().err == "ERROR: two\n"
