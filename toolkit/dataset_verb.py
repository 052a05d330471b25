"""The verb `dataset`: what is in a folder of classes, and whether a front end's windows suit it."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.command import Parser
from toolkit.data.dataset import SUFFIXES, Index, build_index
from toolkit.data.recordings import recordings
from toolkit.data.statistics import Statistics, measure
from toolkit.data.synthetic import is_synthetic
from toolkit.error_text import printable
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.presets import front_end
from toolkit.frontend.spec import FrontEnd
from toolkit.progress import progress

NOUNS = {"pictures": "pictures", "audio": "sound files"}


def parser() -> Parser:
    """Return the verb's parser."""
    dataset = Parser(
        prog="python -m toolkit dataset",
        description="Show a dataset's classes, lengths, rates and silence; list its unusable and equal files.",
    )
    root = "GTZAN's folder, one with a subfolder per class, or a list of files (.csv)"
    dataset.add_argument("root", type=Path, metavar="DIR", help=root)
    dataset.add_argument("--kind", choices=sorted(SUFFIXES), help="which files to use where there are both")
    dataset.add_argument(
        "--front-end",
        default="gtzan-picture",
        metavar="NAME|FILE",
        help="whose windows are to suit the clips (default: %(default)s; python -m toolkit front-end lists them)",
    )
    dataset.add_argument("--window", type=float, metavar="S", help="seconds of sound in one input of the network")
    dataset.add_argument("--hop", type=float, metavar="S", help="seconds from one window of a long clip to the next")
    dataset.add_argument("--group-by", default="", metavar="REGEX", help="what in a file's path names its recording")
    dataset.add_argument("--multi-label", action="store_true", help="a file in the list may have several labels")
    dataset.add_argument("--json", action="store_true", help="print one JSON object")
    return dataset


def work(arguments: argparse.Namespace) -> int:
    """Do what the arguments say and return the exit code."""
    spec = _front_end(arguments)
    with progress("reading") as report:
        options = {"group_by": arguments.group_by, "multi_label": arguments.multi_label}
        index = build_index(arguments.root, arguments.kind, report, **options)
    statistics = None
    if index.kind == "audio":
        with progress("measuring") as report:
            statistics = measure(index, spec, report)
    if arguments.json:
        print(json.dumps(_described(index, statistics), ensure_ascii=False, indent=1))
    else:
        print("\n".join(_lines(index, statistics)))
    return 0


def _front_end(arguments: argparse.Namespace) -> FrontEnd:
    """Return the front end of the flags."""
    changes = {"window_seconds": arguments.window, "hop_seconds": arguments.hop}
    try:
        return replace(
            front_end(arguments.front_end), **{n: value for n, value in changes.items() if value is not None}
        )
    except ArtifactError as error:
        raise UsageError(f"--front-end, --window, --hop: {error}") from None


def _lines(index: Index, statistics: Statistics | None) -> Iterator[str]:
    """Yield what is in an index as lines of text."""
    width = max(len(name) for name in index.classes)
    yield f"{index.root}: {len(index.items)} {NOUNS[index.kind]} in {len(index.classes)} classes"
    if is_synthetic(index.root):
        yield "SYNTHETIC sounds, not music"
    yield from (f"  {name:<{width}} {count:6}" for name, count in index.counts().items())
    if parts := _parts(index):
        yield "parts: " + ", ".join(f"{part} {count}" for part, count in parts.items())
    if takes := recordings(index.items):
        yield f"takes: {len(takes)} files are of {len(set(takes.values()))} recordings"
    if statistics:
        yield from statistics.lines()
    yield f"unusable files: {len(index.bad)}"
    yield from (printable(f"  {file.name}: {file.reason}") for file in index.bad)
    if index.doubtful:
        yield f"doubtful files: {len(index.doubtful)}"
        yield from (printable(f"  {line}") for line in index.doubtful)
    yield f"sets of equal files: {len(index.duplicates)}"
    yield from (printable(f"  {' = '.join(names)}") for names in index.duplicates)
    yield f"digest: {index.digest}"


def _described(index: Index, statistics: Statistics | None) -> dict[str, Any]:
    """Return an index as a JSON object."""
    takes = recordings(index.items)
    return {
        "root": str(index.root),
        "kind": index.kind,
        "gtzan": index.is_gtzan,
        "synthetic": is_synthetic(index.root),
        "digest": index.digest,
        "count": len(index.items),
        "classes": index.counts(),
        "parts": _parts(index),
        "takes": {"files": len(takes), "recordings": len(set(takes.values()))},
        "sound": statistics.to_dict() if statistics else None,
        "bad": [{"name": file.name, "reason": file.reason} for file in index.bad],
        "doubtful": [{"name": item.name, "reasons": list(item.warnings)} for item in index.items if item.warnings],
        "duplicates": [list(names) for names in index.duplicates],
        "files": {item.name: item.digest for item in index.items},
    }


def _parts(index: Index) -> dict[str, int]:
    """Return the number of items of each part that the dataset states."""
    return dict(Counter(item.part for item in index.items if item.part))
