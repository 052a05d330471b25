"""`python -m runtime FILE|DIR|-...`: classify audio; `info MODEL`: a model's card; `doctor`: what works here.

Nothing that needs NumPy is imported before it is needed: `doctor` must start where NumPy does not.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from toolkit.command import Jobs, Parser, Verb, dispatch, run
from toolkit.error_text import printable
from toolkit.errors import EngineError

if TYPE_CHECKING:
    from runtime.classifier import Classifier
    from runtime.classify import FilesRequest
    from runtime.output import Result
    from runtime.reading import Ahead
    from runtime.sources import Sources
    from runtime.timeline.run import TimelineRequest

PROG = "python -m runtime"


def jobs() -> Jobs:
    """Return the jobs of `python -m runtime`."""
    verbs = {
        "info": Verb("show a model file's card", _info_parser, _info),
        "attach": Verb("give a file from elsewhere a card", _parser_in("runtime.attach_arguments", "attach"), _attach),
        "embed": Verb(
            "the embeddings of audio files, for programs", _parser_in("runtime.embed_arguments", "embed"), _embed
        ),
        "catalogue": Verb(
            "a library as a table", _parser_in("runtime.catalogue.arguments", "catalogue"), _work_in("catalogue")
        ),
        "serve": Verb(
            "a page and an API on this device", _parser_in("runtime.serve.arguments", "serve"), _work_in("serve")
        ),
        "doctor": Verb("which engines and models work on this machine", _doctor_parser, _doctor),
    }
    return Jobs(verbs, Verb("", _parser, _classify))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 when a file could not be classified."""
    return dispatch(PROG, jobs(), argv)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command and turn errors into one line and an exit code."""
    return run(PROG, main, argv)


def _report(sentence: str) -> None:
    print(f"{PROG}: {printable(sentence)}", file=sys.stderr, flush=True)


def _parser_in(module: str, verb: str) -> Callable[[], Parser]:
    """Return what returns the parser of a verb that is in a module of its own."""
    return lambda: cast(Parser, importlib.import_module(module).parser(f"{PROG} {verb}"))


def _work_in(package: str) -> Callable[[argparse.Namespace], int]:
    """Return the work of a verb that is in a package of its own."""
    return lambda arguments: cast(int, importlib.import_module(f"runtime.{package}.command").work(arguments, _report))


def _parser() -> Parser:
    try:
        from runtime.arguments import parser
    except OSError as error:
        raise EngineError(f"a library does not work here ({error}): see `{PROG} doctor`") from None
    return parser(PROG)


def _classify(arguments: argparse.Namespace) -> int:
    from runtime.arguments import check, files_request, live_request, timeline_request

    check(arguments)
    endless = arguments.stream or arguments.listen
    live = live_request(arguments) if endless else None  # before a model is loaded
    timelines = timeline_request(arguments) if arguments.timeline else None
    classifier, path, first = _load(arguments)
    if arguments.model is None and (arguments.format != "table" or endless):
        _report(f"using {path}")
    from runtime.output import doubt

    if warning := doubt(classifier.card):
        _report(f"warning: {path}: {warning}")
    if live is not None:
        from runtime.stream.listen import listen

        for line in listen(classifier, live, _report):
            print(line, flush=True)
        return 0
    if timelines is not None:
        return _show_timelines(classifier, path, timelines)
    return _show(classifier, path, files_request(arguments), first)


def _load(arguments: argparse.Namespace) -> tuple[Classifier, Path, Ahead | None]:
    from runtime.classify import load
    from runtime.default_model import find_model

    path = arguments.model or find_model()
    source = "" if arguments.timeline else next(iter(arguments.files), "")
    classifier, first = load(path, source, arguments.engine, arguments.threads, arguments.backbone)
    return classifier, path, first


def _show(classifier: Classifier, path: Path, request: FilesRequest, first: Ahead | None) -> int:
    """Print what becomes of each source; return 1 where one could not be classified."""
    from runtime import output
    from runtime.classify import outcomes, sources_of

    if request.min_confidence is None:
        request = request._replace(min_confidence=classifier.card.min_confidence or None)
    if top := output.top_line(request, classifier, path):
        print(top)
    sources = sources_of(request)
    width = output.name_width(request, sources.names)

    def results() -> Iterator[Result]:
        for name, prediction, error in outcomes(classifier, request, sources.names, first):
            if prediction is None:
                yield output.Result(name, error=error)
            else:
                text = output.line(request, name, prediction, classifier.labels, width)
                yield output.Result(name, text, prediction.warnings)

    return _print_all(sources, results())


def _show_timelines(classifier: Classifier, path: Path, request: TimelineRequest) -> int:
    """Print or write the timeline of each source; return 1 where one could not be read."""
    from runtime.output import heading
    from runtime.sources import expanded
    from runtime.timeline.formats import Document
    from runtime.timeline.run import results

    sources = expanded(request.sources)
    document = Document(request.form, classifier.card, sources.names)
    texts = results(classifier, request, document, sources.names)
    if request.form == "table":
        print(heading(classifier, str(path)))
    elif request.folder is None and document.header:
        print(document.header)
    return _print_all(sources, texts)


def _print_all(sources: Sources, results: Iterator[Result]) -> int:
    """Print results as they come; return 1 where one is an error."""
    names, failed = sources.names, 0
    if sources.left_out:
        _report(sources.left_out_sentence())
    progress = _Progress(names)
    progress.show(0)
    for number, result in enumerate(results):
        progress.clear()
        for warning in result.warnings:
            _report(f"warning: {result.name}: {warning}")
        if result.error:
            _report(f"error: {result.error}")
            failed += 1
        elif result.text:
            print(result.text, flush=True)
        progress.show(number + 1)
    if failed and len(names) > 1:
        _report(f"{failed} of {len(names)} could not be classified")
    return 1 if failed else 0


class _Progress:
    """How far a long list is, on a terminal's last line; nothing anywhere else."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._shown = len(names) > 1 and sys.stderr.isatty()

    def show(self, number: int) -> None:
        if self._shown and number < len(self._names):
            text = f"{number + 1} of {len(self._names)}: {self._names[number][-60:]}"
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _info_parser() -> Parser:
    parser = Parser(prog=f"{PROG} info", description="Show a model file's card.")
    parser.add_argument(
        "model", type=Path, nargs="?", metavar="MODEL", help="a .tflite or .onnx file (default: as for classifying)"
    )
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    return parser


def _info(arguments: argparse.Namespace) -> int:
    from runtime.default_model import find_model
    from runtime.info import checked_card, described

    path = arguments.model or find_model()
    card = checked_card(path)
    print(card.to_json().rstrip() if arguments.json else described(path, card))
    return 0


def _doctor_parser() -> Parser:
    parser = Parser(
        prog=f"{PROG} doctor", description="Show which engines and models work on this machine, and why not."
    )
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a model file to try")
    return parser


def _doctor(arguments: argparse.Namespace) -> int:
    from runtime.doctor import examined

    findings = examined(arguments.model)
    for finding in findings:
        print(f"{finding.mark}  {finding.text}")
    return 1 if any(finding.bad for finding in findings) else 0


def _attach(arguments: argparse.Namespace) -> int:
    from runtime.attach import attach
    from runtime.attach_arguments import request
    from runtime.info import described

    attached = request(arguments)
    print(described(attached.output, attach(attached)))
    return 0


def _embed(arguments: argparse.Namespace) -> int:
    from runtime.embed import embed, stream
    from runtime.embed_arguments import request

    embedding = request(arguments)
    if embedding.output is not None:
        return 1 if embed(embedding, _report) else 0
    for line in stream(embedding, _report):
        print(line, flush=True)
    return 0
