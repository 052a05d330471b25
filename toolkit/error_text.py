"""What is shown of a tool's error: one line, because an error of this toolkit is one sentence."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or the name of its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def last_line(text: str, otherwise: str) -> str:
    """Return the last line of what a process wrote, or `otherwise` where it wrote nothing.

    A traceback and most tools end with the reason.
    """
    return (text.strip().splitlines() or [otherwise])[-1]


def printable(text: str) -> str:
    """Return a text on one line, with escapes for what a terminal acts on, such as line breaks in a file's name."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
