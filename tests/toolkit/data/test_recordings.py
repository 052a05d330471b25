"""Naming habits: which names say that files are takes of one recording, and which do not."""

from __future__ import annotations

from collections import defaultdict

import pytest

from toolkit.data.dataset import Item
from toolkit.data.recordings import recordings
from toolkit.measure.metrics import effective_count


def groups(*names: str) -> set[frozenset[str]]:
    """Return the sets of names that are takes of one recording; a name is class/.../file, without its suffix."""
    items = [Item(f"{name}.wav", name.split("/")[0], name, name) for name in names]
    sets: defaultdict[str, set[str]] = defaultdict(set)
    for name, recording in recordings(items).items():
        sets[recording].add(name.removesuffix(".wav"))
    return {frozenset(members) for members in sets.values()}


TAKES = {
    "ESC-50": [["dog/1-100032-A-0", "dog/1-100032-B-0"], ["dog/1-30226-A-0"], ["rain/3-7-B-9", "rain/3-7-C-9"]],
    "ESC without a class, of two classes": [["dog/1-100032-A", "cat/1-100032-B"], ["dog/2-100033-A"]],
    "UrbanSound8K": [["siren/100032-8-0-0", "siren/100032-8-2-11"], ["siren/100263-8-0-117"], ["dog/7061-3-1-0"]],
    "Speech Commands": [
        ["yes/0a7c2a8d_nohash_0", "yes/0a7c2a8d_nohash_1", "no/0a7c2a8d_nohash_0"],
        ["no/ffd2ba2f_nohash_0"],
    ],
    "xeno-canto": [["robin/XC12345_1", "robin/XC12345_2", "robin/XC12345"], ["robin/XC123456_1"]],
    "xeno-canto with a title": [["robin/XC12345 - Robin - Erithacus"], ["robin/XC1234-2", "robin/XC1234-3"]],
    "salsa": [["salsa/salsa.00012.0", "salsa/salsa.00012.1"], ["salsa/salsa.00013.0"]],
    "GTZAN's excerpts": [["blues/blues.00012.0", "blues/blues.00012.1"], ["blues/blues.00013.0"]],
    "letters": [["dog/rec 7_a", "dog/rec 7_b"], ["dog/rec 8_a"]],
    "freesound's numbers": [["dog/64760_1", "dog/64760_2"], ["dog/64761_1"]],
    "few long recordings": [[f"dog/rec{n}_{take:03}" for take in range(40)] for n in range(3)],
    "takes in one numbered folder": [["dog/wav16/rec7_1", "dog/wav16/rec7_2"], ["dog/wav16/rec8_1"]],
    "takes of four digits": [["dog/rec12_0000", "dog/rec12_0001"], ["dog/rec13_0000"]],
    "takes in words": [["talk/sermon_part1", "talk/sermon_part2"], ["talk/speech-take-1", "talk/speech-take-2"]],
    "folders with numbers": [["jazz/concert1/001", "jazz/concert1/002"], ["jazz/concert2/001", "jazz/concert2/002"]],
    "many folders": [[f"jazz/{night}/01", f"jazz/{night}/02"] for night in ("bern", "oslo", "rome", "lima", "cairo")],
}


@pytest.mark.parametrize("habit", TAKES)
def test_takes_are_of_one_recording(habit: str) -> None:
    expected = {frozenset(members) for members in TAKES[habit] if len(members) > 1}
    assert groups(*(name for members in TAKES[habit] for name in members)) == expected


SEPARATE = {
    "GTZAN": [f"blues/blues.{n:05}" for n in range(100)],
    "GTZAN's pictures": [f"blues/blues{n:05}" for n in range(100)],
    "numbers": [f"dog/{n:03}" for n in range(1, 201)],
    "numbers in two classes": [f"{label}/{n}" for n in range(1, 30) for label in ("dog", "cat")],
    "a word and a number": [f"drum/kick_{n}" for n in range(1, 40)],
    "a word, a blank, a number": [f"drum/kick {n}" for n in range(1, 40)],
    "one word that ends in a number": [f"drum/kick808_{n}" for n in range(1, 50)],
    "years": [f"drum/take 2024-{n}" for n in range(1, 50)],
    "FSD50K": [f"dog/{64760 + 17 * n}" for n in range(40)],
    "FSDKaggle": [f"dog/{n:08x}" for n in range(3_000, 3_040)],
    "freesound": [f"dog/{n}__user_{n}__bark" for n in range(40)],
    "dates": [f"owl/2024-{month:02}-{day:02}" for month in (4, 5) for day in range(1, 29)],
    "moments": [f"owl/AM1_20240501_{hour:02}0000" for hour in range(24)],
    "times": [f"owl/2024-05-01_{hour:02}-{minute:02}-00" for hour in range(24) for minute in (0, 30)],
    "AudioMoth": [f"owl/{n:08X}" for n in range(0x5E000000, 0x5E000020)],
    "AudioSet": [f"dog/Y--{n}PJHxphWEs_30.000" for n in range(20)],
    "FSDD": [f"three/3_jackson_{n}" for n in range(40)],
    "songs": ["rock/01 - One", "rock/02 - Two", "rock/1-03 Three", "rock/1-04 Four"],
    "notes": ["piano/C4", "piano/C5", "piano/A#3", "piano/piano-C4"],
    "one folder in between": [f"dog/wav16/{n:03}" for n in range(20)],
    "two kinds of a class": [f"dog/{kind}/{n:03}" for kind in ("small", "large") for n in range(20)],
}


@pytest.mark.parametrize("habit", SEPARATE)
def test_other_names_stand_alone(habit: str) -> None:
    assert groups(*SEPARATE[habit]) == set()


def test_the_parts_of_a_dataset_are_no_recordings() -> None:
    names = [f"{part}{n}/dog/{n:03}" for part in ("train", "test") for n in range(9)]
    items = [Item(f"{name}.wav", "dog", name, name) for name in names]
    assert recordings(items) == {}


@pytest.mark.parametrize(("sizes", "count"), [([1] * 80, 80), ([2] * 40, 40), ([10], 1), ([4, 1, 1], 2)])
def test_the_effective_count(sizes: list[int], count: float) -> None:
    """Four alike and two alone: the variance of their mean is that of two clips, (16 + 1 + 1) / 36."""
    assert effective_count(sizes) == pytest.approx(count)
