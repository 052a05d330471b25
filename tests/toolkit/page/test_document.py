"""A page is whole, and legible in light and in dark."""

from __future__ import annotations

import re

import pytest

from tests.toolkit.page.reader import Reader
from toolkit.page.charts import SERIES
from toolkit.page.document import document, escaped, section, stylesheet, wide


def test_a_page_has_its_style_and_script_inside() -> None:
    text = document(
        '<a> & "b"\n', ["", section("One", "<p>1</p>"), section("Two", ""), wide("a", "<p>2</p>")], "f(1 < 2)"
    )
    head, _, body = text.partition("<body>")
    assert "<title>&lt;a&gt; &amp; &quot;b&quot;\\n</title>" in head and "<h1>&lt;a&gt; &amp;" in body
    assert stylesheet() in head and "<script>f(1 < 2)</script>" in body and "Two" not in body
    assert (
        'content="width=device-width, initial-scale=1"' in head and 'name="color-scheme" content="light dark"' in head
    )
    Reader(document("a", ["<p>b</p>"]))
    assert "<script" not in document("a", [])


def test_a_page_fetches_nothing() -> None:
    text = document("a", [])
    assert not re.search(r"https?:|url\(|@import|src=|href=", text)


def test_control_characters_are_named() -> None:
    assert escaped("a\n\x1b<") == "a\\n\\x1b&lt;"


def colours(scheme: str) -> dict[str, str]:
    """Return the variables of the stylesheet that are colours, by name."""
    light, dark = stylesheet().split("@media (prefers-color-scheme: dark)")
    text = light if scheme == "light" else dark.split("* {")[0]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", text))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_told_from_the_page(scheme: str) -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for what is drawn."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    named = colours(scheme)
    for paper in ("paper", "raised"):
        assert min(contrast(named[name], named[paper]) for name in ("ink", "dim", "mark", "alert")) >= 4.5
    assert contrast(named["ink"], named["heat"]) >= 4.5
    assert min(contrast(named[f"s{place}"], named["paper"]) for place in range(SERIES)) >= 3


def test_every_series_has_a_colour() -> None:
    assert all(f".s{place} {{ --series: var(--s{place}); }}" in stylesheet() for place in range(SERIES))
