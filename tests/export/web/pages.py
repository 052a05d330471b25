"""Pages in a headless Chromium, and what they show."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
ANSWER_MS = 60_000
SETTLED = "#result:not([hidden]), #problem:not(:empty)"


@contextmanager
def browser(chromium: str, flags: Sequence[str] = ()) -> Iterator[Any]:
    """Yield a headless Chromium with a new profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        yield launched
        launched.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Yield the address of a server of a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def opened(launched: Any, folder: Path, **context: Any) -> Iterator[Any]:
    """Yield the page of a folder, started or with a problem; fail on any message on its console."""
    with served(folder) as address, launched.new_context(**context) as fresh:
        page = fresh.new_page()
        page.set_default_timeout(ANSWER_MS)
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#choose:enabled, #problem:not(:empty)")
        yield page
        assert messages == []


def classified(page: Any, path: Path) -> tuple[str, dict[str, float]]:
    """Return the label and the probabilities that the page shows for a file."""
    page.evaluate("document.getElementById('result').hidden = true")
    page.set_input_files("#file", path)
    page.wait_for_selector(SETTLED)
    assert page.inner_text("#problem") == ""
    return page.inner_text("#label"), shown(page)


def shown(page: Any) -> dict[str, float]:
    """Return the probabilities that the page shows, by label."""
    rows = "rows => rows.map(row => [row.querySelector('th').textContent, row.querySelector('data').value])"
    return {label: float(value) for label, value in page.eval_on_selector_all("#probabilities tr", rows)}


def problem(page: Any) -> str:
    """Return the sentence about what is wrong, which the page shows alone."""
    page.wait_for_selector("#problem:not(:empty)")
    assert page.is_hidden("#result") and page.inner_text("#status") == ""
    return str(page.inner_text("#problem"))
