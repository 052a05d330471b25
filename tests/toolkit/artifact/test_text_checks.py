"""Texts of a card: as long as they may be, and one character more."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.artifact.text_checks import label_problems, text_problems


@pytest.mark.parametrize(
    ("labels", "problems"),
    [
        (("a", "b"), []),
        (("a",), ["1 labels, not 2 to 10000"]),
        (tuple(map(str, range(10_000))), []),
        (tuple(map(str, range(10_001))), ["10001 labels, not 2 to 10000"]),
        (("a", "a"), ["a label occurs twice"]),
        (("a", "b" * 200), []),
        (("a", "b" * 201), [f"label {'b' * 40!r} is blank, unprintable or longer than 200 characters"]),
        (("a", "\u200d "), ["label '\\u200d ' is blank, unprintable or longer than 200 characters"]),
        (("a", "b\nc"), ["label 'b\\nc' is blank, unprintable or longer than 200 characters"]),
    ],
)
def test_labels(labels: tuple[str, ...], problems: list[str]) -> None:
    assert list(label_problems(labels)) == problems


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("x" * 1000, []),
        ("x" * 1001, ["card"]),
        ("two\nlines", ["card"]),
        ({"a": ["fine", "\x1b"], "b": {"c": "\r"}}, ["card.a[1]", "card.b.c"]),
        ({"\n": 1}, ["card.'\\n'"]),
        (7, []),
    ],
)
def test_texts_are_named_by_their_place(value: Any, places: list[str]) -> None:
    assert [problem.partition(" is unprintable")[0] for problem in text_problems("card", value)] == places
