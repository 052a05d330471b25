"""Pictures of a run show names as they are, and never fail the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from train.plots import plot_confusion, save_plot


@pytest.mark.parametrize("name", ["a$AP_$", "$x$", "$", "\\alpha", "50 % \u2014 100 %"])
def test_names_are_drawn_literally(tmp_path: Path, name: str) -> None:
    plot_confusion([[1, 0], [0, 2]], [name, "other"], f"{name}: 3/3 correct", tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(value: Any, path: Path) -> None:
        raise ValueError("\nthis\nfails")

    save_plot(broken, 1, tmp_path / "history.png")
    error = capsys.readouterr().err
    assert error.startswith(f"warning: {tmp_path / 'history.png'}: ") and "(this)" in error and error.count("\n") == 1
