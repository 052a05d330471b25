"""`python -m toolkit`: render one clip as a picture, look into a dataset, print a front end, write synthetic sounds."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit import dataset_verb
from toolkit.audio import decode
from toolkit.command import Jobs, Parser, Verb, dispatch, run
from toolkit.data.synthetic import write_corpus
from toolkit.data.synthetic_voices import RATE
from toolkit.errors import UsageError
from toolkit.frontend import picture, presets
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows
from toolkit.progress import progress

PROG = "python -m toolkit"


def jobs() -> Jobs:
    """Return the jobs of `python -m toolkit`."""
    verbs = {
        "attach": _handed_on("runtime", "attach", "put a card on a model file that was made elsewhere"),
        "backbone": _handed_on("train", "backbone", "fetch a pretrained network's weights"),
        "render": Verb("render a clip's picture as the networks see it", _render_parser, _render),
        "dataset": Verb("show a dataset's classes, lengths and unusable files", dataset_verb.parser, dataset_verb.work),
        "front-end": Verb("print a front end as JSON, or list those with a name", _front_end_parser, _front_end),
        "synth": Verb("write a synthetic corpus, to try things without GTZAN", _synth_parser, _synth),
    }
    return Jobs(verbs)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say and return the exit code."""
    return dispatch(PROG, jobs(), argv)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command line: errors become one sentence and an exit code."""
    return run(PROG, main, argv)


def _handed_on(package: str, name: str, help: str) -> Verb:
    """Return a verb that a package above this one does: nothing of it is imported before it is needed."""

    def verb() -> Verb:
        work: Verb = importlib.import_module(f"{package}.cli").jobs().verbs[name]
        return work

    return Verb(help, lambda: verb().parser(), lambda arguments: verb().work(arguments))


def _render_parser() -> Parser:
    render = Parser(prog=f"{PROG} render", description="Render the picture of a clip as the networks see it.")
    render.add_argument("clip", type=Path, metavar="CLIP", help="an audio file")
    render.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    render.add_argument("--force", action="store_true", help="replace the picture if it exists")
    return render


def _render(arguments: argparse.Namespace) -> int:
    output: Path = arguments.output
    if output.suffix.lower() != ".png":
        raise UsageError(f"{output} is no name that ends in .png: pictures are written as PNG only")
    if output.is_dir():
        raise UsageError(f"{output} is a folder: name the picture to write")
    if output.exists() and not arguments.force:
        raise UsageError(f"{output} exists: use --force to replace it")
    windows = split_windows(decode.load(arguments.clip, PICTURE.sample_rate))
    image = picture.render(windows[0])
    picture.save_png(image, output)
    if len(windows) > 1:
        print(f"{PROG}: {arguments.clip} has {len(windows)} windows of 30 s: this is the first", file=sys.stderr)
    print(output)
    return 0


def _front_end_parser() -> Parser:
    front_end = Parser(
        prog=f"{PROG} front-end",
        description="Print a front end as the JSON file that --front-end reads, and what it makes of a window.",
    )
    what = "a preset, or a JSON file whose fields replace those of gtzan-picture (default: list the presets)"
    front_end.add_argument("front_end", nargs="?", metavar="NAME|FILE", help=what)
    return front_end


def _front_end(arguments: argparse.Namespace) -> int:
    name = arguments.front_end
    if name is None:
        width = max(map(len, presets.PRESETS))
        for preset, spec in presets.PRESETS.items():
            print(f"{preset:<{width}}  {presets.summary(spec)}")
        return 0
    spec = presets.front_end(name)
    print(presets.to_json(spec), end="", flush=True)
    print(f"{PROG}: {name}: {presets.summary(spec)}", file=sys.stderr)
    return 0


def _synth_parser() -> Parser:
    synth = Parser(prog=f"{PROG} synth", description="Write a synthetic corpus of ten kinds of sound.")
    synth.add_argument("root", type=Path, metavar="DIR", help="a new or empty folder")
    synth.add_argument("--clips", type=int, default=20, metavar="N", help="clips per class (%(default)s)")
    length = ("--seconds", "--clips-seconds")
    synth.add_argument(*length, type=float, default=30.0, metavar="S", help="length of a clip (%(default)s)")
    synth.add_argument("--rate", type=int, default=RATE, metavar="HZ", help="samples per second (%(default)s)")
    synth.add_argument("--takes", type=int, default=1, metavar="N", help="clips of one recording (%(default)s)")
    synth.add_argument("--seed", type=int, default=0, metavar="N", help="decides every clip (%(default)s)")
    synth.add_argument("--force", action="store_true", help="replace an earlier synthetic corpus")
    return synth


def _synth(arguments: argparse.Namespace) -> int:
    sizes = (arguments.clips, arguments.seconds, arguments.seed)
    options = {"rate": arguments.rate, "takes": arguments.takes, "force": arguments.force}
    with progress("writing") as report:
        write_corpus(arguments.root, *sizes, report, **options)
    print(f"{arguments.root}: {arguments.clips} synthetic clips per class")
    return 0
