"""Errors a user can act on: one sentence that names the file or flag, what is wrong and what to do."""

from __future__ import annotations


class GtzanetError(Exception):
    """Base of every expected failure; a command prints it as one line and exits with `exit_code`."""

    exit_code = 1


class UsageError(GtzanetError):
    """The command or call was misused: a bad flag, a missing path, an impossible combination."""

    exit_code = 2


class AudioError(GtzanetError):
    """A sound cannot be read, or its samples are not usable."""


class NoSoundError(AudioError):
    """A file can be read, and there is no sound in it."""


class DatasetError(GtzanetError):
    """A dataset, its index or a split is not usable."""


class ArtifactError(GtzanetError):
    """A model file or its card is missing, malformed or of an unknown version."""


class EngineError(GtzanetError):
    """An inference engine is missing or cannot run a model."""


class PublishError(GtzanetError):
    """Nothing accepts the results where they are to be sent."""


class CatalogueError(GtzanetError):
    """A file of results is malformed, of an unknown version or cannot be written."""


class RunError(GtzanetError):
    """A training run folder is missing, unfinished or does not match the request."""


def interrupted(error: BaseException | None) -> bool:
    """Tell whether an error came of Ctrl-C: libraries in C turn one that comes while they are imported into others."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
