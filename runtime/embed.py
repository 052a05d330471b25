"""`python -m runtime embed`: the embedding of every window of sound files as arrays in one NPZ file, or of a stream."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.default_model import find_embedding
from runtime.engines.load import Engine, open_engine
from runtime.preprocess import model_input
from runtime.sources import STDIN_NAME, Raw, check_source, expanded
from toolkit.audio.decode import read
from toolkit.errors import AudioError, UsageError
from toolkit.files import atomic_path
from toolkit.frontend.windows import split_windows, window_spans
from toolkit.native_stderr import captured_stderr
from toolkit.progress import progress
from toolkit.stopwatch import Stopwatch


@dataclass(frozen=True)
class EmbedRequest:
    """Which files and folders to read, the file to write, and the model file; None for the one in ./artifacts.

    Of a stream there is no output, and there are no sources, but `raw` samples on standard input, and a hop.
    """

    sources: tuple[str, ...]
    output: Path | None
    model: Path | None = None
    engine: str | None = None
    threads: int | None = None
    raw: Raw = Raw()
    hop_seconds: float | None = None


def stream(request: EmbedRequest, report: Callable[[str], None]) -> Iterator[str]:
    """Yield a line of JSON per hop of the samples on standard input, see `runtime.stream.embedding.embeddings`."""
    from runtime.stream.embedding import Embedder, embeddings
    from runtime.stream.pipe import piped

    embedder = Embedder(_opened(request, report))
    try:
        yield from embeddings(embedder, piped(request.raw), request.raw.rate, request.hop_seconds, report)
    except AudioError as error:
        raise AudioError(f"{STDIN_NAME}: {error}") from None


def embed(request: EmbedRequest, report: Callable[[str], None]) -> int:
    """Write the embeddings of all files that can be read, and return how many cannot; `report` says which and why.

    Arrays of the file: `files`, their names; for every window, in the files' order, `features`, float32
    (windows, features), `file`, int64 (windows,), the place of its file in `files`, and `start`, float64 (windows,), in
    seconds; `window`, its length in seconds; `model` and `digest`, of the model file's network.

    Raise `UsageError` if the model has labels, `ArtifactError` or `EngineError` if it cannot be run, `AudioError` if no
    file can be read; nothing is written then.
    """
    assert request.output is not None  # this is no stream
    engine = _opened(request, report)
    sources = expanded(request.sources)
    if sources.left_out:
        report(sources.left_out_sentence())
    names = list(dict.fromkeys(sources.names))  # a file may be named beside its folder
    embedded: dict[str, tuple[NDArray[np.float32], list[float]]] = {}
    with progress("embedding") as done:
        for number, name in enumerate(names, 1):
            try:
                embedded[name] = _of_file(name, engine, report)
            except AudioError as error:
                report(f"error: {error}")
            done(number, len(names))
    if not embedded:
        raise AudioError(f"none of {len(names)} files can be read: nothing is written")
    _write(request.output, engine, embedded)
    windows = sum(len(starts) for _, starts in embedded.values())
    report(f"{request.output}: {windows} windows of {len(embedded)} files, {len(engine.card.labels)} features each")
    return len(names) - len(embedded)


def _opened(request: EmbedRequest, report: Callable[[str], None]) -> Engine:
    path = request.model or find_embedding()
    with captured_stderr():
        engine = open_engine(path, engine=request.engine, threads=request.threads)
    if not engine.card.is_embedding:
        raise UsageError(f"{path}: its output is labels, no embedding: name a file of `export mn04 --embedding`")
    if request.model is None:
        report(f"using {path}")
    return engine


def _of_file(name: str, engine: Engine, report: Callable[[str], None]) -> tuple[NDArray[np.float32], list[float]]:
    """Return the features of a file's windows, float32 (windows, features), and where they start, in seconds."""
    spec = engine.card.front_end
    check_source(name)
    with captured_stderr():  # decoders have remarks of their own
        sound = read(Path(name), spec.sample_rate, Stopwatch())
    for warning in sound.warnings:
        report(f"warning: {name}: {warning}")
    inputs = (model_input(window, engine.card)[np.newaxis] for window in split_windows(sound.samples, spec))
    features = np.concatenate([engine.run(value) for value in inputs])
    return features, [first / spec.sample_rate for first, _ in window_spans(len(sound.samples), spec)]


def _write(path: Path, engine: Engine, embedded: dict[str, tuple[NDArray[np.float32], list[float]]]) -> None:
    """Write the arrays as NumPy does, but without the time: the same sounds give the same bytes."""
    card, counts = engine.card, [len(starts) for _, starts in embedded.values()]
    arrays = {
        "files": np.array(list(embedded)),
        "features": np.concatenate([features for features, _ in embedded.values()]),
        "file": np.repeat(np.arange(len(embedded), dtype=np.int64), counts),
        "start": np.concatenate([starts for _, starts in embedded.values()]).astype(np.float64),
        "window": np.float64(card.front_end.window_seconds),
        "model": np.array(f"{card.model}-{card.precision}"),
        "digest": np.array(card.model_digest),
    }
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
