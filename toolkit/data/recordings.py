"""Which audio files are takes of one recording, as is stated about them or, where nothing is, as their names say.

Takes of a recording are alike: with some in training and some in validation, an accuracy is no measure of new sounds.

| name | its recording |
|---|---|
| ESC: `1-100032-A-0`, fold-source-take-class | the source, in all classes |
| UrbanSound8K: `100032-3-0-12`, source-class-occurrence-slice | the source, in all classes |
| Speech Commands: `0a7c2a8d_nohash_1` | the speaker, in all classes |
| xeno-canto: `XC12345_1`, `XC12345 - Robin` | the number, in all classes |
| a number and a take: `salsa.00012.0`, `dog 7_b` | what precedes the take, in its folder |
| a take in words: `sermon_part2` | what precedes the take, in its folder |
| a file in a numbered sub-folder of its class, or in one of five or more: `concert1/001` | the sub-folder |

The last three rules need two recordings in a class: `kick808_1` to `kick808_50` alone are fifty recordings. Dates and
times are no takes (`2024-05-01`), nor is a number after a word (`kick_1`, `blues.00012`).
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from toolkit.data.dataset import Item

SOURCES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\d-(?P<esc>\d+)-[A-Z](?:-\d+)?",
        r"(?P<urbansound>\d+)-\d-\d+-\d+",
        r"(?P<speaker>[0-9a-f]{8})_nohash_\d+",
        r"(?P<xenocanto>XC\d+)(?:[^\d].*)?",
    )
)
TAKE = re.compile(
    r"(.*\d)[-_. ]+(?:\d{1,3}|0\d{3}|[a-z])|(.+?)[-_. ]+(?:take|part|segment|seg|chunk|clip|slice)[-_. ]?\d+",
    re.IGNORECASE,
)
MOMENT = re.compile(r"(?:.*\D)?(?:\d\d|\d{4})([-_.])\d\d\1\d\d")
"""A name that ends in a date or a time."""
MANY_FOLDERS = 5


def recordings(items: Sequence[Item]) -> dict[str, str]:
    """Return the recording of every item of which another item is a take, too, by the items' names."""
    keys = {item.name: item.group for item in items if item.group}
    return _shared(keys or _named_recordings(items))


def _shared(keys: dict[str, str]) -> dict[str, str]:
    """Return the keys that several names have."""
    sizes = Counter(keys.values())
    return {name: key for name, key in keys.items() if sizes[key] > 1}


def _named_recordings(items: Sequence[Item]) -> dict[str, str]:
    """Return the recordings that the items' names state."""
    keys: dict[str, str] = {}
    classes: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        if source := _source(item):
            keys[item.name] = source
        else:
            classes[item.label].append(item)
    for members in classes.values():
        folders = {folder for item in members if (folder := _subfolder(item))}
        takes = {item.name: key for item in members if (key := _recording(item, len(folders)))}
        if len(set(takes.values())) > 1:
            keys |= takes
    return keys


def _source(item: Item) -> str:
    """Return the recording that a name in a public dataset's scheme states; "" for other names."""
    matches = (pattern.fullmatch(PurePosixPath(item.name).stem) for pattern in SOURCES)
    return next((f"{kind} {value}" for match in matches if match for kind, value in match.groupdict().items()), "")


def _recording(item: Item, folders: int) -> str:
    """Return the recording of an item of a class with so many sub-folders; "" where its name states none."""
    folder, (parent, stem) = _subfolder(item), os.path.split(os.path.splitext(item.name)[0])
    if folder and folders > 1 and (folders >= MANY_FOLDERS or re.search(r"\d", folder)):
        return parent
    match = TAKE.fullmatch(stem)
    return "" if match is None or MOMENT.fullmatch(stem) else f"{parent}/{match[1] or match[2]}"


def _subfolder(item: Item) -> str:
    """Return the folders between an item and its class folder, where it is in one; "" where there are none."""
    folders = item.name.split("/")[:-1]
    return "/".join(folders[folders.index(item.label) + 1 :]) if item.label in folders else ""
