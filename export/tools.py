"""Other people's converters and quantizers: what they raise becomes one sentence, what they print stays away."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.error_text import first_line, last_line
from toolkit.errors import ArtifactError, GtzanetError, RunError
from toolkit.native_stderr import captured_stderr


class Unconvertible(ArtifactError):
    """A network has an operator that a precision does not have."""


@contextmanager
def tool(sentence: str) -> Iterator[None]:
    """Turn whatever is raised in the block (a dozen types, the tool's and others') into `ArtifactError`: `sentence`."""
    with captured_stderr() as chatter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except GtzanetError:
            raise
        except Exception as error:
            reason = first_line(error) if str(error).strip() else last_line(chatter(), type(error).__name__)
            raise ArtifactError(f"{sentence}: {reason[:300]}") from error


@contextmanager
def needed(sentence: str, extra: str = "train") -> Iterator[None]:
    """Turn an import that fails in the block into `RunError`: `sentence`, and the extra that installs the package."""
    try:
        with captured_stderr():
            yield
    except ImportError as error:
        raise RunError(f"{sentence} ({error}): run `pip install 'gtzanet-edge[{extra}]'`") from None
