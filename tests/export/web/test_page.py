"""What people do with a page, and what it says where something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from export.web.onnxruntime_web import ADDRESS, FILES
from export.web.page import write_page
from export.write import Exported
from runtime.classifier import Classifier
from tests.export.web.pages import classified, opened, problem, served
from toolkit.artifact.file import read_card
from toolkit.data.synthetic import CLASSES, clip

pytestmark = pytest.mark.slow
RATE = 32_000
BROKEN = "cannot be loaded, or is not the file of this export: export the folder again."


@pytest.fixture
def folder(page_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """Return a copy of edgenet's page."""
    return Path(shutil.copytree(page_of("edgenet"), tmp_path / "page"))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "a sound.wav"
    soundfile.write(path, clip(CLASSES[0], 0, seconds=30, rate=RATE), RATE)
    return path


def test_a_file_that_is_dropped(launched: Any, folder: Path, sound: Path) -> None:
    drop = """async ([bytes, name]) => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
    }"""
    with opened(launched, folder) as page:
        page.evaluate(drop, [list(sound.read_bytes()[:200_000]), sound.name])
        page.wait_for_selector("#result:not([hidden])")
        assert page.inner_text("#name") == sound.name
        assert page.is_visible("#player")


def test_silence_has_no_label(launched: Any, folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
    with opened(launched, folder) as page:
        assert classified(page, tmp_path / "silence.wav")[0] == "silence"
        assert page.is_hidden("#table")


def test_thresholds_of_the_card(launched: Any, folder: Path, sound: Path) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "min_confidence": 1.0}), encoding="utf-8")
    with opened(launched, folder) as page:
        assert classified(page, sound)[0] == "unknown"
    thresholds = [0.0, 1.1, 0.0, 1.1]
    changed = {**card, "activation": "sigmoid", "thresholds": thresholds}
    (folder / "card.json").write_text(json.dumps(changed), encoding="utf-8")
    with opened(launched, folder) as page:
        label, _ = classified(page, sound)
        assert set(label.split(", ")) == {card["labels"][0], card["labels"][2]}


def test_a_temperature_of_the_card(launched: Any, folder: Path, sound: Path) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, "temperature": 1.0}), encoding="utf-8")
    with opened(launched, folder) as page:
        plain = classified(page, sound)[1]
    (folder / "card.json").write_text(json.dumps({**card, "temperature": 5.0}), encoding="utf-8")
    with opened(launched, folder) as page:
        assert max(classified(page, sound)[1].values()) < max(plain.values())


def test_the_windows_of_a_long_sound(launched: Any, folder: Path, sound: Path) -> None:
    (model,) = folder.glob("*.onnx")
    soundfile.write(sound, clip(CLASSES[0], 0, seconds=70, rate=RATE), RATE)
    windows = Classifier.load(model).classify(sound).windows
    with opened(launched, folder) as page:
        classified(page, sound)
        assert len(windows) > 1
        assert len(page.query_selector_all("#windows li")) == len(windows)


def test_the_microphone(launched: Any, folder: Path, room: Path) -> None:
    (model,) = folder.glob("*.onnx")
    expected = Classifier.load(model).classify(room)
    with opened(launched, folder, permissions=["microphone"]) as page:
        page.click("#listen")
        page.wait_for_selector("#name:text-matches('Microphone, the last ([3-9]|[0-9]{2}) s')")
        assert page.inner_text("#label") == expected.label
        assert page.get_attribute("#listen", "aria-pressed") == "true"
        page.click("#listen")
        assert page.inner_text("#status") == "Stopped."


def test_a_microphone_that_is_denied(launched: Any, folder: Path) -> None:
    with opened(launched, folder) as page:
        page.click("#listen")
        assert problem(page) == "The microphone is not allowed: allow it in the browser's settings for this page."
        assert page.get_attribute("#listen", "aria-pressed") == "false"


def test_a_file_that_is_no_sound(launched: Any, folder: Path, sound: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.wav").write_text("Dear colleague")
    with opened(launched, folder) as page:
        classified(page, sound)
        page.set_input_files("#file", tmp_path / "letter.wav")
        assert problem(page) == "letter.wav is no audio file that this browser can decode."
        classified(page, sound)  # and the next one is classified as ever


def test_a_missing_and_a_changed_model(launched: Any, folder: Path) -> None:
    (model,) = folder.glob("*.onnx")
    content = model.read_bytes()
    for damage in (model.unlink, lambda: model.write_bytes(content[:-1] + b"?")):
        damage()
        with served(folder) as address, launched.new_context() as context:
            page = context.new_page()
            page.goto(address)
            assert problem(page) == f"{model.name} {BROKEN}"
            assert page.is_disabled("#choose") and page.is_disabled("#listen")


@pytest.mark.parametrize(
    ("name", "missing"),
    [("card.json", "card.json"), ("sound.js", "classifier.js, or a file that it needs,")],
)
def test_a_missing_file(launched: Any, folder: Path, name: str, missing: str) -> None:
    (folder / name).unlink()
    with served(folder) as address, launched.new_context() as context:
        page = context.new_page()
        page.goto(address)
        assert problem(page) == f"{missing} cannot be loaded: export the folder again."


@pytest.mark.parametrize("damaged", [False, True])
def test_the_engine_from_its_public_address(launched: Any, folder: Path, sound: Path, damaged: bool) -> None:
    """Without `--vendor` the page loads the pinned release; one that was tampered with is refused."""
    contents = {}
    for name, _ in FILES.values():
        contents[ADDRESS + name] = (folder / name).read_bytes() + (b" " if damaged else b"")
        (folder / name).unlink()
    (model,) = folder.glob("*.onnx")
    write_page(Exported(model, read_card(model), model.stat().st_size, None), {})
    with served(folder) as address, launched.new_context() as context:
        headers = {"Access-Control-Allow-Origin": "*"}
        context.route(ADDRESS + "*", lambda call: call.fulfill(body=contents[call.request.url], headers=headers))
        page = context.new_page()
        page.goto(address)
        if damaged:
            assert BROKEN in problem(page)
        else:
            page.wait_for_selector("#choose:enabled")
            assert classified(page, sound)[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_a_screen_a_keyboard_and_a_screen_reader(
    launched: Any, folder: Path, sound: Path, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(launched, folder, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        classified(page, sound)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        focused = []
        for _ in range(3):
            page.keyboard.press("Tab")
            focused.append(page.evaluate("document.activeElement.id"))
        assert focused == ["choose", "listen", "player"]
        page.click("summary")
        violations = Axe().run(page).response["violations"]
        assert [(item["id"], item["nodes"][0]["html"]) for item in violations if item["impact"] != "minor"] == []
