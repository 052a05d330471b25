"""A page: one HTML document with its style and script inside, so that nothing else is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from toolkit.error_text import printable


def document(title: str, parts: Iterable[str], script: str = "") -> str:
    """Return a page of HTML parts under its title; empty parts are left out."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(title)}</title><style>{stylesheet()}</style></head><body><main>\n"
        + "\n".join(filter(None, [f"<h1>{escaped(title)}</h1>", *parts]))
        + f"\n</main>{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def stylesheet() -> str:
    """Return the stylesheet of every page."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def section(title: str, *parts: str) -> str:
    """Return HTML parts under a heading, and nothing where all are empty."""
    return f"<h2>{escaped(title)}</h2>\n" + "\n".join(parts) if any(parts) else ""


def wide(title: str, content: str) -> str:
    """Return what scrolls by itself where the screen is narrower, also by keyboard; `title` is for screen readers."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(title)}">{content}</div>'


def escaped(text: str) -> str:
    """Return a text as HTML, with escapes for control characters, such as line breaks in a file's name."""
    return escape(printable(text))
