"""What every command line here shares: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from toolkit.error_text import printable
from toolkit.errors import GtzanetError, UsageError, interrupted
from toolkit.streams import LossyStream, Terminable, Terminated, open_missing_streams, to_nowhere

Main = Callable[[Sequence[str] | None], int]
INTERRUPTED, TERMINATED = 130, 143


def output_file(path: Path, flag: str) -> Path:
    """Return `path` if a file can be written there; to be checked before the work whose result it will hold.

    Raises
    ------
    UsageError
        If it is a folder or a device, or its folder does not exist or may not be written to.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{flag} {path}: {'a folder' if path.is_dir() else 'no regular file'}: name a file to write")
    if not path.parent.is_dir():
        raise UsageError(f"{flag} {path}: there is no folder {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{flag} {path}: the folder {path.parent} may not be written to: name another")
    return path


def output_folder(path: Path, flag: str) -> Path:
    """Return `path`, made if need be, where files can be put into it; raise `UsageError` elsewhere."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file, not a folder" if path.is_file() else f"cannot be made ({error.strerror})"
        raise UsageError(f"{flag} {path}: {reason}: name another folder") from None
    if not os.access(path, os.W_OK):
        raise UsageError(f"{flag} {path}: the folder may not be written to: name another")
    return path


def _path(text: str) -> Path:
    """Return a path; refuse an empty one, as of an unset variable, which would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


class Version(argparse.Action):
    """The action of `--version`, which looks the version up only when it is needed."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(version())
        parser.exit()


def version() -> str:
    """Return the name and version of this package, as it is installed."""
    import importlib.metadata

    try:
        return f"gtzanet-edge {importlib.metadata.version('gtzanet-edge')}"
    except importlib.metadata.PackageNotFoundError:
        return "gtzanet-edge, not installed"


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that ends with where to find help, and that refuses empty paths."""

    def __init__(self, **settings: Any) -> None:
        """Take what `argparse.ArgumentParser` takes."""
        super().__init__(**settings)
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (try: {self.prog} --help)\n")


class Verb(NamedTuple):
    """One job of a command line: a line about it, its parser, and what does it and returns the exit code.

    The work gets the parsed arguments, and the whole command line as `arguments.command`.
    """

    summary: str
    parser: Callable[[], Parser]
    work: Callable[[argparse.Namespace], int]


class Jobs(NamedTuple):
    """All jobs of a command line: those with a verb, and what is done where no verb is named."""

    verbs: Mapping[str, Verb]
    default: Verb | None = None


def dispatch(prog: str, jobs: Jobs, argv: Sequence[str] | None = None) -> int:
    """Do the job that the first word of `argv` (default: the process's arguments) names, and return its exit code.

    Where the first word names none, the default's parser reads all words. Its help lists the verbs.

    Raises
    ------
    UsageError
        If the first word is no verb and there is no default, or it is nearly a verb and no file of that name exists.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    verbs, default = jobs.verbs, jobs.default
    verb = verbs.get(words[0]) if words else None
    if verb is None and words and (nearest := nearest_verb(words[0], verbs)):
        raise UsageError(f"{words[0]}: no verb and no file of this name: did you mean {nearest}?")
    if verb is not None:
        parser, rest = verb.parser(), words[1:]
    else:
        parser, rest = with_verbs(prog, jobs), words
    arguments = parser.parse_args(rest)
    arguments.command = shlex.join([*prog.split(), *words])
    chosen = verb or default
    if chosen is None:
        what = f"{words[0]}: no such verb" if words else "a verb is missing"
        raise UsageError(f"{what}: name one of {', '.join(verbs)}")
    return chosen.work(arguments)


def nearest_verb(word: str, verbs: Mapping[str, Verb]) -> str | None:
    """Return the verb that a mistyped word is meant to be, or None where it may be a file's name or a flag."""
    if word.startswith("-") or any(mark in word for mark in "./\\") or Path(word).exists():
        return None
    import difflib  # not before a word is mistyped: a label from nothing does not wait for it

    return next(iter(difflib.get_close_matches(word.lower(), verbs, 1, 0.7)), None)


def with_verbs(prog: str, jobs: Jobs) -> Parser:
    """Return the default's parser, or one that accepts any words, with a list of the verbs in its help."""
    verbs, default = jobs.verbs, jobs.default
    parser = default.parser() if default else Parser(prog=prog, usage=f"{prog} VERB ...")
    if default is None:
        parser.add_argument("words", nargs="*", metavar="VERB", help=argparse.SUPPRESS)
    width = max(map(len, verbs), default=0)
    lines = [f"  {name:<{width}}  {verb.summary}" for name, verb in verbs.items()]
    parts = [parser.epilog, f"verbs ({prog} VERB --help):", *lines] if lines else [parser.epilog]
    parser.epilog = "\n".join(part for part in parts if part)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def start(package: str, extra: str | None = None, argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Import `<package>.cli` and return what its `entry(argv)` returns.

    Parameters
    ----------
    package
        One of our packages.
    extra
        The extra of `gtzanet-edge` that installs what the package needs, named where something is missing.
    argv
        Arguments; by default the process's.
    prog
        The command's name in a message; by default `python -m <package>`.
    """
    prog = prog or f"python -m {package}"
    open_missing_streams()
    try:
        return int(importlib.import_module(f"{package}.cli").entry(argv))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == package:
            raise
        requirement = f"'gtzanet-edge[{extra}]'" if extra else missing
        print(
            f"{prog}: error: {package} needs {missing}, which is not installed (try: pip install {requirement})",
            file=sys.stderr,
        )
        return 1
    except (ImportError, OSError) as error:  # a library that is there, and does not work
        if interrupted(error):
            print(f"{prog}: interrupted", file=sys.stderr)
            return INTERRUPTED
        print(f"{prog}: error: a library does not work here ({error}) (try: python -m runtime doctor)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while the imports run
        print(f"{prog}: interrupted", file=sys.stderr)
        return INTERRUPTED


def run(prog: str, main: Main, argv: Sequence[str] | None = None) -> int:
    """Call `main(argv)` and return its exit code.

    An expected error (`GtzanetError`) is printed as `prog: error: sentence` and returns its own code (1 failure, 2
    misuse). A full disk, a forbidden path (`OSError`) or too little memory returns 1, Ctrl-C 130, SIGTERM 143.
    Where the reader of the results went away (a closed pipe) the work ends with 0; where messages cannot be written, it
    goes on.
    """
    open_missing_streams()
    try:
        with Terminable():
            sys.stderr, messages = LossyStream(sys.stderr), sys.stderr
            try:
                code = main(argv)
                sys.stdout.flush()
                return code
            finally:
                sys.stderr = messages
    except GtzanetError as error:
        return _failed(prog, str(error), error.exit_code)
    except KeyboardInterrupt:
        _report(f"{prog}: interrupted")
        return INTERRUPTED
    except Terminated:
        _report(f"{prog}: terminated")
        return TERMINATED
    except BrokenPipeError:
        to_nowhere(sys.stdout)
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(prog, f"{where}{error.strerror or error}", 1)
    except MemoryError as error:
        return _failed(prog, f"not enough memory ({error or 'no more is known'}): process less at once", 1)


def _failed(prog: str, sentence: str, code: int) -> int:
    _report(f"{prog}: error: {printable(sentence)}")
    return code


def _report(line: str) -> None:
    print(line, file=LossyStream(sys.stderr), flush=True)
