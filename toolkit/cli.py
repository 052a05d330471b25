"""`python -m toolkit`: render one clip as a picture, look into a dataset, write the synthetic corpus."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.audio import decode
from toolkit.command import Parser, run
from toolkit.data.dataset import SUFFIXES, Index, build_index
from toolkit.data.synthetic import is_synthetic, write_corpus
from toolkit.errors import UsageError
from toolkit.frontend import picture
from toolkit.frontend.windows import split_windows
from toolkit.parallel import Progress

PROG = "python -m toolkit"
SECONDS_BETWEEN_LINES = 5.0
NOUNS = {"pictures": "pictures", "audio": "sound files"}


def parser() -> Parser:
    """Return the parser of the toolkit's verbs."""
    top = Parser(prog=PROG, description="Pictures, datasets and synthetic sounds for gtzanet-edge.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    render = verbs.add_parser("render", help="draw the picture of a clip as the networks see it")
    render.add_argument("clip", type=Path, metavar="CLIP", help="a sound file")
    render.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    render.add_argument("--force", action="store_true", help="replace the picture if it exists")
    render.set_defaults(act=_render)

    dataset = verbs.add_parser("dataset", help="count a dataset's classes and list its unusable and equal files")
    dataset.add_argument("root", type=Path, metavar="DIR", help="GTZAN's folder, or one with one subfolder a class")
    dataset.add_argument("--kind", choices=sorted(SUFFIXES), help="which files to use where there are both")
    dataset.add_argument("--json", action="store_true", help="print one JSON object")
    dataset.set_defaults(act=_dataset)

    synth = verbs.add_parser("synth", help="write a synthetic corpus of ten sounds, to try things without GTZAN")
    synth.add_argument("root", type=Path, metavar="DIR", help="a new or empty folder")
    synth.add_argument("--clips", type=int, default=20, metavar="N", help="clips a class (%(default)s)")
    synth.add_argument("--seconds", type=float, default=30.0, metavar="S", help="length of a clip (%(default)s)")
    synth.add_argument("--seed", type=int, default=0, metavar="N", help="decides every clip (%(default)s)")
    synth.add_argument("--force", action="store_true", help="replace an earlier synthetic corpus")
    synth.set_defaults(act=_synth)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit code."""
    arguments = parser().parse_args(argv)
    arguments.act(arguments)
    return 0


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command line: errors become one sentence and an exit code."""
    return run(PROG, main, argv)


def _render(arguments: argparse.Namespace) -> None:
    output: Path = arguments.output
    if output.suffix.lower() != ".png":
        raise UsageError(f"{output} is no name that ends in .png: pictures are written as PNG only")
    if output.is_dir():
        raise UsageError(f"{output} is a folder: name the picture to write")
    if output.exists() and not arguments.force:
        raise UsageError(f"{output} exists: use --force to replace it")
    windows = split_windows(decode.load(arguments.clip))
    image = picture.render(windows[0])
    picture.save_png(image, output)
    if len(windows) > 1:
        print(f"{PROG}: {arguments.clip} has {len(windows)} windows of 30 s: the first is drawn", file=sys.stderr)
    print(output)


def _dataset(arguments: argparse.Namespace) -> None:
    with progress("reading") as report:
        index = build_index(arguments.root, arguments.kind, report)
    if arguments.json:
        print(json.dumps(_described(index), ensure_ascii=False, indent=1))
        return
    width = max(len(name) for name in index.classes)
    print(f"{index.root}: {len(index.items)} {NOUNS[index.kind]} in {len(index.classes)} classes")
    if is_synthetic(index.root):
        print("SYNTHETIC: made-up sounds, not music")
    for name, count in index.counts().items():
        print(f"  {name:<{width}} {count:6}")
    print(f"unusable files: {len(index.bad)}")
    for file in index.bad:
        print(f"  {file.name}: {file.reason}")
    print(f"sets of equal files: {len(index.duplicates)}")
    for names in index.duplicates:
        print(f"  {' = '.join(names)}")
    print(f"digest: {index.digest}")


def _described(index: Index) -> dict[str, Any]:
    """Return an index as a JSON object."""
    return {
        "root": str(index.root),
        "kind": index.kind,
        "gtzan": index.is_gtzan,
        "synthetic": is_synthetic(index.root),
        "digest": index.digest,
        "count": len(index.items),
        "classes": index.counts(),
        "bad": [{"name": file.name, "reason": file.reason} for file in index.bad],
        "duplicates": [list(names) for names in index.duplicates],
        "files": {item.name: item.digest for item in index.items},
    }


def _synth(arguments: argparse.Namespace) -> None:
    with progress("writing") as report:
        write_corpus(arguments.root, arguments.clips, arguments.seconds, arguments.seed, report, force=arguments.force)
    print(f"{arguments.root}: {arguments.clips} synthetic clips a class")


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show on stderr how far a long job is: a bar where there is a terminal and `rich`, else a line now and then."""
    bar = _rich_bar() if sys.stderr.isatty() else None
    if bar is not None:
        with bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)

    yield report


def _rich_bar() -> Any:
    """Return a progress bar on stderr, or None where `rich` is not installed."""
    try:
        from rich.console import Console
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    return Bar(console=Console(stderr=True), transient=True)
