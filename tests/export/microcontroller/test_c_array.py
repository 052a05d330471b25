"""C source of a model: a C compiler accepts it, and what it holds is the model's."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.microcontroller.c_array import c_text, identifier, write_c_array
from tests.cards import MODEL, example_card
from tests.examples.c_program import needs
from toolkit.artifact.card import Card
from toolkit.artifact.file import append_card, read_model

NAME = "depthwise_separable"
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
PROGRAM = """\
#include <stdio.h>
#include "{header}"
int main(void) {{
    printf("%d\\n%d\\n", (int)((size_t){name}_model % 16), {upper}_SAMPLE_RATE);
    for (int at = 0; at < {upper}_MODEL_SIZE; at++) printf("%02x", {name}_model[at]);
    for (int at = 0; at < {upper}_LABELS; at++) printf("\\n%s", {name}_labels[at]);
    return 0;
}}
"""


def compiled(folder: Path, stem: str) -> list[str]:
    """Return what a program prints that is built from the source of a model."""
    name = identifier(stem)
    program = PROGRAM.format(header=f"{stem}.h", name=name, upper=name.upper())
    (folder / "main.c").write_text(program)
    sources = ["main.c", f"{stem}.c"]
    for language in (["-std=c11"], ["-std=c++17", "-x", "c++"]):
        kept = sources if "-std=c11" in language else ["main.c"]
        command = ["gcc", *language, *STRICT, "-c" if len(kept) == 1 else "-O1", *kept, "-o", f"out{len(kept)}"]
        if len(kept) == 1:
            command.insert(1, "-fsyntax-only")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    printed = subprocess.run([folder / "out2"], capture_output=True, text=True, check=True)
    return printed.stdout.split("\n")


@needs("gcc")
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_source_of_an_export_holds_the_model(precision: str, files: Path, tmp_path: Path) -> None:
    stem = f"{NAME}-{precision}"
    for suffix in (".c", ".h"):
        (tmp_path / f"{stem}{suffix}").write_bytes((files / f"{stem}{suffix}").read_bytes())
    alignment, rate, content, *labels = compiled(tmp_path, stem)
    model = read_model(files / f"{stem}.tflite")
    assert alignment == "0" and int(rate) == model.card.front_end.sample_rate
    assert bytes.fromhex(content) == model.content[: model.start]
    assert tuple(labels) == model.card.labels


@pytest.mark.slow
def test_equal_models_have_equal_sources(files: Path, tmp_path: Path) -> None:
    stem = f"{NAME}-int8"
    copy = tmp_path / f"{stem}.tflite"
    copy.write_bytes((files / copy.name).read_bytes())
    for path in write_c_array(copy):
        assert path.read_bytes() == (files / path.name).read_bytes()


def constants(card: Card, folder: Path) -> dict[str, str]:
    """Return the definitions of the header of a model with this card."""
    path = folder / "bells-int8.tflite"
    path.write_bytes(append_card(MODEL, card))
    header, _ = write_c_array(path)
    return dict(re.findall(r"^#define BELLS_INT8_(\w+) (.*?)(?: /\*.*)?$", header.read_text(), re.MULTILINE))


def test_constants_are_the_cards(tmp_path: Path) -> None:
    card = example_card(quantization="int8")
    lines = constants(card, tmp_path)
    assert (lines["INPUT_TYPE"], lines["INPUT_SIZE"]) == ('"int8"', str(288 * 432 * 3))
    assert (lines["INPUT_SCALE"], lines["INPUT_ZERO_POINT"]) == ("1.0f", "(-128)")
    assert (lines["OUTPUT_SCALE"], lines["OUTPUT_SIZE"], lines["LABELS"]) == ("0.00390625f", "2", "2")
    assert (lines["SAMPLE_RATE"], lines["WINDOW_SAMPLES"], lines["HOP_SAMPLES"]) == ("22050", "661500", "0")
    assert (lines["FRONT_END_N_MELS"], lines["FRONT_END_AMIN"]) == ("128", "1e-05f")
    assert lines["FRONT_END_SHORT"] == '"tile"' and lines["TEMPERATURE"] == "1.0f"
    assert lines["MODEL_SIZE"] == str(len(MODEL)) and "THRESHOLDS" not in lines
    source = (tmp_path / "bells-int8.c").read_text()
    assert "_Alignas(16) const unsigned char bells_int8_model[" in source  # x86 aligns large arrays anyway


def test_thresholds_of_several_labels(tmp_path: Path) -> None:
    card = example_card(quantization="int8")
    several: dict[str, Any] = {"activation": "sigmoid", "thresholds": (0.25, 0.5), "accuracy": None, "parity": None}
    card = replace(card, **several, origin=card.origin._replace(kind="foreign"))
    assert constants(card, tmp_path)["THRESHOLDS"] == "{0.25f, 0.5f}"


@needs("gcc")
def test_labels_of_any_text_survive_a_compiler(tmp_path: Path) -> None:
    labels = ('a "quoted" \\ label', "Vogel-Gezwitscher: Größe", "鳥", "what??/ %d", "0 follows 7é7")
    path = tmp_path / "9 odd-name's.tflite"
    path.write_bytes(append_card(MODEL, example_card(labels=labels)))
    write_c_array(path)
    assert compiled(tmp_path, path.stem)[3:] == list(labels)


def test_names() -> None:
    assert identifier("gtzanet-int8") == "gtzanet_int8"
    assert identifier("9 odd") == "model_9_odd" and identifier("--") == "model_"
    assert c_text('a"b') == '"a\\042b"' and c_text("é1") == '"\\303\\2511"'
