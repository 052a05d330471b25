"""Reads a page, strictly."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Collects the attributes and cells of a page, and fails where an element is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["td"]:
            self.cells[-1] += data

    def values(self, name: str) -> list[str]:
        """Return the values of all attributes of a name."""
        return [value for key, value in self.attributes if key == name and value is not None]


def numbers(text: str, attribute: str) -> list[float]:
    """Return the values of all attributes of a name that are numbers."""
    return [float(value) for value in Reader(text).values(attribute) if not value.endswith("%")]
