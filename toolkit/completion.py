"""Completion of `gtzanet-edge` in a shell: verbs, flags and their values, by argcomplete."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
from collections.abc import Mapping

from toolkit.command import Jobs, Parser, with_verbs
from toolkit.errors import EngineError, UsageError

SHELLS = ("bash", "zsh", "fish")
NAME = "gtzanet-edge"


def shell_code(shell: str) -> str:
    """Return the code that a shell evaluates to complete `gtzanet-edge`.

    Raises
    ------
    UsageError
        If the shell is none of `SHELLS`.
    EngineError
        If argcomplete is not installed.
    """
    if shell not in SHELLS:
        raise UsageError(f"completion {shell}: name one of {', '.join(SHELLS)}")
    try:
        from argcomplete import shellcode
    except ModuleNotFoundError:
        raise EngineError(
            "completion needs argcomplete, which is not installed: run pip install 'gtzanet-edge[completion]'"
        ) from None
    return str(shellcode([NAME], shell=shell))


def is_asked() -> bool:
    """Return whether a shell runs this process to know what may come next."""
    return "_ARGCOMPLETE" in os.environ


def complete(packages: Mapping[str, str]) -> None:
    """Answer the shell and end the process, where argcomplete is installed.

    Only the parser of the package and verb on the command line is built: the others' imports would take a second.
    """
    try:
        import argcomplete
    except ModuleNotFoundError:
        return
    words = shlex.split(os.environ.get("COMP_LINE", ""), posix=False)[1:]
    root = Parser(prog=NAME)
    verbs = root.add_subparsers(metavar="VERB")
    for name in packages:
        _add(verbs, name, words[1:] if words[:1] == [name] else None)
    verbs.add_parser("completion").add_argument("shell", choices=SHELLS)
    argcomplete.autocomplete(root)


def _add(verbs: argparse._SubParsersAction[Parser], name: str, words: list[str] | None) -> None:
    """Add a package's parser to the tree; its own arguments only where `words` follow its name."""
    if words is None:
        verbs.add_parser(name)
        return
    jobs: Jobs = importlib.import_module(f"{name}.cli").jobs()
    verb = jobs.verbs.get(words[0]) if words else None
    if verb is not None:
        inner = verbs.add_parser(name).add_subparsers(metavar="VERB")
        inner.add_parser(words[0], parents=[verb.parser()], add_help=False)
        return
    parent = with_verbs(f"python -m {name}", jobs)
    for action in parent._actions:
        if not action.option_strings and jobs.verbs:
            action.completer = lambda **_: list(jobs.verbs)  # type: ignore[attr-defined]
    verbs.add_parser(name, parents=[parent], add_help=False)
