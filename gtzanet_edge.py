"""The console command `gtzanet-edge`: the same verbs as `python -m <package>`, under one name.

It stands above the five packages and imports the one that is named, so that a device which has only the
base dependencies never loads (or needs) the training code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from runtime.startup import lean, leave
from toolkit import completion
from toolkit.command import run, start, version
from toolkit.errors import UsageError

PACKAGES = {
    "train": "train a network and keep the run in a folder",
    "export": "turn a finished run into one self-describing model file",
    "runtime": "classify audio files with a model file",
    "benchmarks": "measure accuracy, size and latency of model files",
    "toolkit": "render a clip's picture, check a dataset, write a synthetic corpus",
}
EXTRAS = {"train": "train", "export": "train", "benchmarks": "bench"}


def usage() -> str:
    """Return the help text."""
    listed = {**PACKAGES, "completion": "print what a shell (bash, zsh, fish) evaluates to complete this command"}
    verbs = "\n".join(f"  {name:<11} {what}" for name, what in listed.items())
    return f"usage: gtzanet-edge VERB ...\n\n{verbs}\n\nHelp on one of them: gtzanet-edge VERB --help\n"


def entry(argv: Sequence[str] | None = None) -> int:
    """Run the command `argv` (default: the process's arguments) and return its exit code: 0, 1 failure, 2 misuse."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if completion.is_asked():
        completion.complete(PACKAGES)
    if arguments[:1] == ["completion"]:
        return run("gtzanet-edge", _completion, arguments[1:])
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0
    if arguments == ["--version"]:
        print(version())
        return 0
    if not arguments or arguments[0] not in PACKAGES:
        from difflib import get_close_matches

        near = get_close_matches(arguments[0], PACKAGES, 1) if arguments else []
        what = f"unknown command {arguments[0]!r}" if arguments else f"a command is missing: {', '.join(PACKAGES)}"
        hint = f"did you mean {near[0]}?" if near else "try: gtzanet-edge --help"
        print(f"gtzanet-edge: error: {what} ({hint})", file=sys.stderr)
        return 2
    package, rest = arguments[0], arguments[1:]
    return start(package, EXTRAS.get(package), rest, prog=f"gtzanet-edge {package}")


def _completion(words: Sequence[str] | None) -> int:
    if not words or len(words) > 1:
        raise UsageError(f"completion is followed by one shell: {', '.join(completion.SHELLS)}")
    print(completion.shell_code(words[0]))
    return 0


def main() -> NoReturn:
    """Be the process `gtzanet-edge`."""
    if sys.argv[1:2] != ["runtime"]:
        raise SystemExit(entry())
    lean()
    leave(entry())


if __name__ == "__main__":
    main()
