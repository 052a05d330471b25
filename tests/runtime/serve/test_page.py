"""The page in Chromium: what people see and do, with sound that is fed to a served process."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.runtime.serve.conftest import RATE, TOKEN, noise
from tests.runtime.serve.processes import LISTENING, PATIENCE, Serving, serving, tone, wait_for

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
FLAGS += "--disable-component-update --disable-sync"
DROP = """([bytes, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name));
    document.querySelector("#drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data}));
}"""
MILLISECONDS = 1000 * PATIENCE


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Chromium; without it the tests are skipped, or fail on continuous integration."""
    program = shutil.which("chromium")
    if program is None:
        reason = "chromium is not installed (apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page in a context of its own; an error in its script fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page, errors = context.new_page(), []
    page.set_default_timeout(MILLISECONDS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def text_is(page: Any, selector: str, expected: str) -> None:
    """Wait until an element's text is as expected."""
    page.wait_for_function(
        "([one, text]) => document.querySelector(one).textContent === text", arg=[selector, expected]
    )


def brightness(page: Any) -> int:
    """Return the sum of the spectrogram's pixels."""
    script = "() => { const canvas = document.querySelector('#spectrogram'), {width, height} = canvas; return canvas"
    script += ".getContext('2d').getImageData(0, 0, width, height).data.reduce((sum, value) => sum + value, 0); }"
    return int(page.evaluate(script))


def test_the_label_follows_the_sound(page: Any) -> None:
    with serving(*LISTENING) as served:
        page.goto(served.address)
        text_is(page, "#status", "Waiting for sound.")
        served.feed(noise(3))
        text_is(page, "#status", "Listening.")
        page.wait_for_function("() => !['–', 'silence'].includes(document.querySelector('#label').textContent)")
        assert page.inner_text("#label") == served.get("/api/now")["label"]
        assert page.locator("#scores tr").count() == 5
        before = brightness(page)
        served.feed(tone(3))
        wait_for(lambda: brightness(page) != before)
        served.feed(np.zeros(3 * RATE, np.float32))
        text_is(page, "#label", "silence")
        page.wait_for_selector("#recent rect")
        page.wait_for_selector("#events tbody tr")
        assert page.locator("#counts rect").count() == 24
        page.select_option("#by", "day")
        wait_for(lambda: page.locator("#counts rect").count() == 30)


def test_a_file_is_dropped_and_its_label_corrected(page: Any, sound: Path, keep: Path) -> None:
    with serving("--keep", str(keep)) as served:
        page.goto(served.address)
        text_is(page, "#status", "Nothing listens here: drop a file.")
        samples, rate = soundfile.read(sound)
        short = keep.parent / "short.wav"
        soundfile.write(short, samples[: 3 * rate], rate)
        page.evaluate(DROP, [list(short.read_bytes()), "<b>short</b>.wav"])
        page.wait_for_selector("#result:not([hidden])")
        assert page.inner_text("#file-status") == "<b>short</b>.wav, 3.0 s"
        assert page.inner_text("#file-label") in page.inner_text("#file-chart")
        wait_for(lambda: page.evaluate("() => document.querySelector('#player').duration") == pytest.approx(3))
        page.select_option("#keep-file-label", "jazz")
        page.click("#keep-file button")
        kept = "document.querySelector('#keep-file [role=status]').textContent"
        page.wait_for_function(f"() => {kept}.startsWith('kept as ')")
        (clip,) = keep.glob("jazz/*.wav")
        assert page.evaluate(f"() => {kept}") == f"kept as jazz/{clip.name}"
        page.set_input_files("#file", {"name": "text.wav", "mimeType": "audio/wav", "buffer": b"no sound at all"})
        page.wait_for_function("() => document.querySelector('#file-status').textContent.startsWith('the audio file')")
        assert page.is_hidden("#result")


def test_an_event_is_corrected_and_outlives_a_reload(page: Any, keep: Path) -> None:
    with serving(*LISTENING, "--keep", str(keep)) as served:
        page.goto(served.address)
        served.feed(np.concatenate([noise(6), np.zeros(5 * RATE, np.float32)]))
        page.wait_for_selector("#events form")
        page.locator("#events select").first.select_option("jazz")
        page.locator("#events button").first.click()
        wait_for(lambda: list(keep.glob("jazz/*.wav")))
        page.reload()
        page.wait_for_selector("#events form")
        assert page.locator("#events select").first.input_value() == "jazz"
        text_is(page, "#events [role=status]", "is jazz")
        assert page.evaluate("() => document.querySelector('#spectrogram').width") > 100
        assert brightness(page) > 0
        served.feed(noise(5))
        page.wait_for_function("() => !['–', 'silence'].includes(document.querySelector('#label').textContent)")
        page.focus("#keep-now-label")  # else the next hop chooses its own label
        page.select_option("#keep-now-label", "rock")
        page.click("#keep-now button")
        wait_for(lambda: list(keep.glob("rock/*.wav")))


def test_a_lost_server_comes_back(page: Any) -> None:
    with serving(*LISTENING) as served:
        page.goto(served.address)
        served.feed(noise(3))
        text_is(page, "#status", "Listening.")
        port = served.port
    text_is(page, "#status", "The connection is lost. Trying again …")
    with serving(*LISTENING, port=port) as served:
        text_is(page, "#status", "Waiting for sound.")
        served.feed(noise(3))
        text_is(page, "#status", "Listening.")
        wait_for(lambda: brightness(page) > 0)


def test_a_token_opens_the_page(page: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(*LISTENING, "--token-file", str(token)) as served:
        page.goto(served.address)
        text_is(page, "#status", "Locked.")
        assert page.is_hidden("#content")
        page.fill("#token", "not the token, but as long")
        page.keyboard.press("Enter")
        text_is(page, "#login-error", "This is not the token.")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        text_is(page, "#status", "Waiting for sound.")
        page.reload()
        text_is(page, "#status", "Waiting for sound.")


def test_the_file_and_its_label_are_reached_by_keyboard(page: Any, keep: Path) -> None:
    with serving("--keep", str(keep)) as served:
        page.goto(served.address)
        page.wait_for_selector("#content:not([hidden])")
        reached = []
        for _ in range(6):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("() => document.activeElement.id || document.activeElement.textContent"))
        assert reached[:3] == ["file", "by", "Download all as CSV"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_axe_finds_nothing_serious(browser: Any, scheme: str, width: int, sound: Path, keep: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with serving(*LISTENING, "--keep", str(keep)) as served:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        feed_slowly(served)
        page.goto(served.address)
        page.wait_for_selector("#events form")
        page.set_input_files("#file", str(sound))
        page.wait_for_selector("#result:not([hidden])")
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0
        for address in (served.address, f"{served.address}/api"):
            if address.endswith("/api"):
                page.goto(address)
                page.wait_for_selector("details")
            violations = Axe().run(page).response["violations"]
            serious = [
                (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in ("serious", "critical")
            ]
            assert serious == []
        page.close()


def feed_slowly(served: Serving) -> None:
    """Feed an event that ends, and then sound without end."""
    served.feed(np.concatenate([noise(6), np.zeros(3 * RATE, np.float32), noise(3)]))

    def feed() -> None:
        for seed in range(100):
            try:
                served.feed(noise(1, seed))
            except (OSError, ValueError):
                return
            time.sleep(1)

    threading.Thread(target=feed, daemon=True).start()
