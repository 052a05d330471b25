"""Pictures of a run show names as they are, and never fail the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from train import plots
from train.plots import plot_confusion, plot_shots, plot_strengths, save_plot


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list to which each figure is added as it is saved."""
    saved: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: saved.append(figure))
    return saved


@pytest.mark.parametrize("name", ["a$AP_$", "$x$", "$", "\\alpha", "50 % \u2014 100 %"])
def test_names_are_shown_literally(figures: list[Any], name: str) -> None:
    plot_confusion([[1, 0], [0, 2]], [name, "other"], f"{name}: 3/3 correct", Path("x.png"))
    axes = figures[0].axes[0]
    texts = [axes.get_xticklabels()[0], axes.get_yticklabels()[0], axes.title]
    assert [text.get_text() for text in texts] == [name, name, f"{name}: 3/3 correct"]
    assert not any(text.get_parse_math() for text in texts)


def test_rows_are_true_and_columns_predicted(figures: list[Any]) -> None:
    plot_confusion([[3, 4, 0], [0, 5, 0], [6, 0, 0]], ["a", "b", "c"], "title", Path("x.png"))
    axes = figures[0].axes[0]
    assert {(*text.get_position(), text.get_text()) for text in axes.texts} == {
        (0, 0, "3"),
        (1, 0, "4"),
        (1, 1, "5"),
        (0, 2, "6"),
    }
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_markers_at_0_and_1_are_inside_the_axes(figures: list[Any]) -> None:
    part = {"mean": 1.0, "draws95": [0.9, 1.0], "wilson95": [0.5, 1.0]}
    plot_shots({"parts": ["test"], "shots": [{"shots": 1, "test": part}]}, "title", Path("x.png"))
    trial = {"strength": 1.0, "hidden": 0, "loss": 0.1, "val_loss": 0.1, "score": 1.0, "val_score": 0.0}
    plot_strengths([trial], "accuracy", Path("x.png"))
    for axes in (figures[0].axes[0], figures[1].axes[1]):
        low, high = axes.get_ylim()
        assert low < 0 and high > 1


def test_what_bars_and_bands_are_stands_in_the_picture(figures: list[Any]) -> None:
    part = {"mean": 0.5, "draws95": [0.4, 0.6], "wilson95": [0.2, 0.8]}
    plot_shots({"parts": ["test"], "shots": [{"shots": 1, "test": part}]}, "title", Path("x.png"))
    text = figures[0].axes[0].get_legend().get_title().get_text()
    assert "bars" in text and "bands" in text


def test_a_plot_is_a_png_file(tmp_path: Path) -> None:
    plot_confusion([[1, 0], [0, 2]], ["a", "b"], "title", tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_fails_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(value: Any, path: Path) -> None:
        raise ValueError("\nthis\nfails")

    save_plot(broken, 1, tmp_path / "history.png")
    error = capsys.readouterr().err
    assert error.startswith(f"warning: {tmp_path / 'history.png'}: ") and "(this)" in error and error.count("\n") == 1
