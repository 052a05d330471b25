"""What every command line here shares: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from toolkit.errors import GtzanetError, UsageError, interrupted

Main = Callable[[Sequence[str] | None], int]
INTERRUPTED, TERMINATED = 130, 143


def output_file(path: Path, flag: str) -> Path:
    """Return `path` if a file can be put there; to be asked before the work whose result it takes.

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
    """Return a path that was named; an empty one, such as an unset variable gives, would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(text)


class Version(argparse.Action):
    """The action of `--version`, which looks the version up only when it is asked for."""

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
    """An argument parser whose errors are one line that ends with where to find help, and that takes no empty path."""

    def __init__(self, **settings: Any) -> None:
        """Take what `argparse.ArgumentParser` takes."""
        super().__init__(**settings)
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (try: {self.prog} --help)\n")


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
    _open_missing_streams()
    try:
        return int(importlib.import_module(f"{package}.cli").entry(argv))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == package:
            raise
        wanted = f"'gtzanet-edge[{extra}]'" if extra else missing
        print(
            f"{prog}: error: {package} needs {missing}, which is not installed (try: pip install {wanted})",
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

    An expected error (`GtzanetError`) is printed as `prog: error: sentence` and gives its own code (1 failure, 2
    misuse). A full disk, a forbidden path (`OSError`) or too little memory gives 1, Ctrl-C gives 130, SIGTERM 143.
    Where the reader of the results went away (a closed pipe) the work ends with 0; where messages cannot be written, it
    goes on.
    """
    _open_missing_streams()
    try:
        with _Terminable():
            sys.stderr, messages = _Lossy(sys.stderr), sys.stderr
            try:
                code = main(argv)
                sys.stdout.flush()
                return code
            finally:
                sys.stderr = messages
    except GtzanetError as error:
        return _failed(prog, str(error), error.exit_code)
    except KeyboardInterrupt:
        _say(f"{prog}: interrupted")
        return INTERRUPTED
    except _Terminated:
        _say(f"{prog}: terminated")
        return TERMINATED
    except BrokenPipeError:
        _to_nowhere(sys.stdout)
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(prog, f"{where}{error.strerror or error}", 1)
    except MemoryError as error:
        return _failed(prog, f"not enough memory ({error or 'no more is known'}): ask for less at once", 1)


def _failed(prog: str, sentence: str, code: int) -> int:
    _say(f"{prog}: error: {sentence}")
    return code


def _say(line: str) -> None:
    print(line, file=_Lossy(sys.stderr), flush=True)


def _open_missing_streams() -> None:
    """Give standard streams that were closed before the start a place to go, and let any text be written to all.

    Otherwise the next file opened would take their descriptors, and get their output.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _to_nowhere(stream: Any) -> None:
    """Let a stream whose reader went away lose what is still to be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Lossy:
    """A text stream that may have no reader, or a full disk: what is written then is lost, and nothing fails."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError:
            _to_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _to_nowhere(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Terminated(BaseException):
    """SIGTERM came."""


class _Terminable:
    """Let SIGTERM end a block as an exception does, so that what is half-written is removed."""

    def __enter__(self) -> None:
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._stop)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    @staticmethod
    def _stop(number: int, frame: FrameType | None) -> NoReturn:
        raise _Terminated
