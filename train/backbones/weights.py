"""Weights that others publish: found on this machine, or fetched once, and never used unless they are those."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from toolkit.data.features import default_cache
from toolkit.errors import DatasetError
from toolkit.files import file_digest, write_bytes
from toolkit.parallel import Progress

VARIABLE = "GTZANET_BACKBONES"
CHUNK = 1 << 16
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Weights:
    """A published file: where it is, its size and SHA-256, what allows its use, and whose work it is.

    The size is 0 of a form that is never fetched, until a copy is identified.
    """

    file: str
    address: str
    size: int
    digest: str
    licence: str
    origin: str


MN04 = Weights(
    file="mn04_as_mAP_432.pt",
    address="https://github.com/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt",
    size=4_066_513,
    digest="899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c",
    licence="MIT",
    origin="EfficientAT mn04_as, F. Schmid, K. Koutini, G. Widmer, ICASSP 2023; pretrained on AudioSet",
)
YAMNET = Weights(
    file="yamnet.tflite",
    address="https://storage.googleapis.com/tfhub-lite-models/google/lite-model/yamnet/classification/tflite/1.tflite",
    size=4_126_810,
    digest="10c95ea3eb9a7bb4cb8bddf6feb023250381008177ac162ce169694d05c317de",
    licence="Apache-2.0",
    origin="YAMNet, M. Plakal, D. Ellis, 2020; pretrained on AudioSet",
)
YAMNET_FIXED = replace(
    YAMNET,
    size=3_959_752,
    digest="687f226c147a2caab4706fbbab5e9cecb14b9a368264bf61108078b1fddf68f5",
    address="https://github.com/tensorflow/models/tree/master/research/audioset/yamnet",
    origin=f"{YAMNET.origin}; converted by TensorFlow 2.15 for inputs of 0.975 s",
)

# Not fetched, and not at hand here: the digest is the one that its users pin.
YAMNET_KERAS = replace(
    YAMNET,
    file="yamnet.h5",
    address="https://storage.googleapis.com/audioset/yamnet.h5",
    size=0,
    digest="13c3308955bbfaef262f175ac9c40e47b134573a93984f009220dd7cc12a1744",
    origin=f"{YAMNET.origin}; the Keras weights, which are not rounded to 8 bits",
)
AUDIOSET_CLASSES = Weights(
    file="audioset_class_labels_indices.csv",
    address="https://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/class_labels_indices.csv",
    size=14_675,
    digest="cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    licence="CC BY 4.0",
    origin="the names of AudioSet's 527 classes, J. Gemmeke et al., Google, ICASSP 2017",
)
YAMNET_CLASSES = Weights(
    file="yamnet_class_map.csv",
    address="https://raw.githubusercontent.com/tensorflow/models/master/research/audioset/yamnet/yamnet_class_map.csv",
    size=14_096,
    digest="cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
    licence="Apache-2.0",
    origin="the names of YAMNet's 521 classes, of AudioSet's",
)


class Copy(NamedTuple):
    """A file on this machine, and which published one it is."""

    path: Path
    weights: Weights


def locate(published: Sequence[Weights], file: Path | None = None) -> Copy | None:
    """Return a copy of one of the published files, which are forms of the same weights; None where there is none.

    It is `file` where that is given; else in the folder that GTZANET_BACKBONES names, or in the cache. Raise
    `DatasetError` where `file`, or a file in that folder, is another one.
    """
    folder = os.environ.get(VARIABLE)
    named = [Path(folder) / weights.file for weights in published if folder]
    for place in [file] if file else [*named, *map(cached, published)]:
        if place.exists() or place is file:
            return Copy(place, identify(place, published))
    return None


class Listener(Protocol):
    """What is told of a download."""

    def notice(self, sentence: str) -> None: ...

    def steps(self, what: str, done: int, total: int) -> None: ...


def provide(published: Sequence[Weights], file: Path | None, listener: Listener) -> Copy:
    """Return a copy of the weights: `file`, which is kept in the cache, one on this machine, or the first, fetched."""
    copy = locate(published, file)
    if copy is None:
        weights = published[0]
        listener.notice(f"fetching {weights.origin} ({weights.licence} licence) from {weights.address}")
        return Copy(fetch(weights, lambda done, total: listener.steps("bytes", done, total)), weights)
    if file is not None:
        write_bytes(cached(copy.weights), file.read_bytes())
    return copy


def cached(weights: Weights) -> Path:
    """Return where fetched weights are kept."""
    return default_cache() / "backbones" / weights.file


def identify(path: Path, published: Sequence[Weights]) -> Weights:
    """Return which of the published files a file is, byte for byte; raise `DatasetError` if it is none of them."""
    weights = published[0]
    try:
        size, digest = path.stat().st_size, file_digest(path)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file: name {weights.file} of {weights.address}") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    if not (same := [weights for weights in published if weights.digest == digest]):
        what = f"it has {size:,} bytes, not {weights.size:,}" if size != weights.size else "its SHA-256 is another"
        raise DatasetError(f"{path}: not {weights.file} ({what}): get that file from {weights.address}")
    return replace(same[0], size=size)


def fetch(weights: Weights, progress: Progress) -> Path:
    """Download the weights to the cache and return where they are; go on where an earlier download stopped.

    `progress(done, total)` counts bytes. Raise `DatasetError` where the address cannot be reached, or holds another
    file.
    """
    target = cached(weights)
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists() or part.stat().st_size != weights.size:
            _download(weights, part, progress)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason
        raise DatasetError(
            f"{weights.file} cannot be fetched ({reason}): run the same command again, or save {weights.address} as "
            f"{target}"
        ) from None
    try:
        identify(part, [weights])
    except DatasetError:
        part.unlink()
        raise DatasetError(f"{weights.address} holds another file than the one expected: nothing is kept") from None
    part.replace(target)
    return target


def _download(weights: Weights, part: Path, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    if done > weights.size:
        part.unlink()
        done = 0
    request = urllib.request.Request(weights.address, headers={"Range": f"bytes={done}-"} if done else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = 0  # the server sends the whole file
        with part.open("ab" if done else "wb") as stream:
            while done < weights.size and (chunk := response.read(min(CHUNK, weights.size - done))):
                stream.write(chunk)
                done += len(chunk)
                progress(done, weights.size)
            stream.flush()
            os.fsync(stream.fileno())
    if done < weights.size:
        raise http.client.IncompleteRead(b"", weights.size - done)
