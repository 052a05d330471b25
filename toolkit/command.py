"""What every command line here shares: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from toolkit.errors import GtzanetError

Main = Callable[[Sequence[str] | None], int]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that ends with where to find help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (try: {self.prog} --help)\n")


def run(prog: str, main: Main, argv: Sequence[str] | None = None) -> int:
    """Call `main(argv)` and return its exit code.

    An expected error (`GtzanetError`) is printed as `prog: error: sentence` and gives its own code (1 failure, 2
    misuse). A full disk or a forbidden path (`OSError`) gives 1, Ctrl-C gives 130, and a reader that went away (a
    closed pipe) gives 0.
    """
    try:
        code = main(argv)
        sys.stdout.flush()
        return code
    except GtzanetError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{prog}: error: {where}{error.strerror or error}", file=sys.stderr)
        return 1
