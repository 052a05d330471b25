"""A synthetic corpus of ten kinds of sound, so that everything can be tried without GTZAN.

It tests the machinery, never how well music is recognised: its classes are named by their sound, and a file beside them
states what they are.
"""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.audio.samples import to_mono_at
from toolkit.data.synthetic_voices import RATE, VOICES
from toolkit.errors import UsageError
from toolkit.files import remove_leftovers, write_bytes, write_text
from toolkit.parallel import Progress, map_threads

CLASSES = tuple(VOICES)
MARK = "SYNTHETIC.txt"
UNFINISHED = "This corpus is not whole: its writing has not ended, or was interrupted.\n"
"""A line of the mark while clips are written; a mark without it states that all are there."""
NOTICE = "synthetic sound made by gtzanet-edge; not music"
SHORTEST_SECONDS, LONGEST_SECONDS, MOST_CLIPS, MOST_TAKES = 0.1, 600.0, 99_999, 99
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000


def clip(label: str, number: int, *, seconds: float = 30.0, seed: int = 0, rate: int = RATE) -> NDArray[np.float32]:
    """Return a clip of a class of `CLASSES`: float32 (round(rate * seconds),), mono at `rate` Hz, with a peak up to 1.

    Its voice, which has nothing above 11,025 Hz, is that of its class; (seed, class, number) alone decide tempo, key,
    pattern, echo, loudness and a light hiss of the rate's whole band.
    """
    n = round(RATE * seconds)
    rng = np.random.default_rng([seed, CLASSES.index(label), number])
    samples = VOICES[label](rng, n)
    delay = int(rng.uniform(0.08, 0.3) * RATE)
    echo = float(rng.uniform(0.0, 0.25)) * samples[:-delay] if n > delay else np.zeros(0)
    samples[n - len(echo) :] += echo
    peak = 10.0 ** (rng.uniform(-14.0, -2.0) / 20)
    samples *= peak / max(1e-9, float(np.abs(samples).max()))
    if rate != RATE:
        samples = np.resize(to_mono_at(samples, RATE, rate), round(rate * seconds)).astype(np.float64)
    hiss = 10.0 ** (rng.uniform(-70.0, -50.0) / 20)
    samples += hiss * rng.standard_normal(len(samples))
    return np.asarray(np.clip(samples, -1.0, 1.0), dtype=np.float32)


def write_corpus(
    root: Path | str,
    clips_per_class: int = 20,
    seconds: float = 30.0,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    rate: int = RATE,
    takes: int = 1,
    force: bool = False,
) -> None:
    """Write `<root>/<class>/<class>.<number>.flac` (mono, 16 bits, at `rate` Hz) and `<root>/SYNTHETIC.txt`.

    With several `takes`, so many clips are successive pieces of one recording: `<class>.<recording>-take<number>.flac`.

    The mark is there from the beginning, and states that the corpus is not whole until it is. Where writing fails, the
    mark and the clips are removed. `force` replaces the clips of an earlier synthetic corpus; its other files stay. A
    folder with files but without the mark of such a corpus is never written into.

    Raises `UsageError` if a number is out of range, or `root` is a file or a folder that is not empty, and `OSError` if
    a file cannot be written, as on a full disk.
    """
    root, is_new = Path(root), not Path(root).exists()
    _check_numbers(clips_per_class, seconds, rate, takes, seed)
    _check_free(root, force)
    mark = _mark(clips_per_class, seconds, rate, seed)

    def write(task: tuple[str, int]) -> None:
        label, recording = task
        samples = clip(label, recording, seconds=seconds * takes, seed=seed, rate=rate)
        for take in range(min(takes, clips_per_class - recording * takes)):
            suffix = f"-take{take + 1}" if takes > 1 else ""
            piece = samples[round(rate * seconds * take) : round(rate * seconds * (take + 1))]
            write_bytes(root / label / f"{label}.{recording:05}{suffix}.flac", _encoded(piece, rate))

    try:
        write_text(root / MARK, mark + UNFINISHED)
        _remove_clips(root)
        recordings = range(-(-clips_per_class // takes))
        map_threads(write, [(label, number) for label in CLASSES for number in recordings], progress)
        write_text(root / MARK, mark)
    except BaseException:
        _remove_clips(root)
        (root / MARK).unlink(missing_ok=True)
        with suppress(OSError):
            if is_new:
                root.rmdir()
        raise


def is_synthetic(root: Path | str) -> bool:
    """Return whether a folder is marked as a synthetic corpus."""
    mark = Path(root) / MARK
    return mark.is_file() and mark.read_bytes().startswith(b"SYNTHETIC")


def is_unfinished(root: Path | str) -> bool:
    """Return whether a folder is a synthetic corpus that is not whole."""
    return is_synthetic(root) and (Path(root) / MARK).read_bytes().endswith(UNFINISHED.encode())


def _check_numbers(clips: int, seconds: float, rate: int, takes: int, seed: int) -> None:
    """Refuse numbers that are out of range."""
    if not 1 <= clips <= MOST_CLIPS:
        raise UsageError(f"{clips} clips per class cannot be written: use 1 to {MOST_CLIPS}")
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        limits = f"{SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g}"
        raise UsageError(f"clips of {seconds:g} seconds cannot be written: use {limits}")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UsageError(f"a rate of {rate} Hz cannot be written: use {LOWEST_RATE} to {HIGHEST_RATE}")
    if not 1 <= takes <= MOST_TAKES or takes * seconds > LONGEST_SECONDS:
        limits = f"1 to {MOST_TAKES}, of {LONGEST_SECONDS:g} seconds together"
        raise UsageError(f"{takes} takes of a recording cannot be written: use {limits}")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: use 0 or more")


def _encoded(samples: NDArray[np.float32], rate: int) -> bytes:
    """Return a FLAC file's bytes. It is encoded in memory, so that a full disk is an error of the file system."""
    whole = BytesIO()
    with soundfile.SoundFile(whole, "w", rate, 1, "PCM_16", format="FLAC") as stream:
        stream.comment = NOTICE
        stream.write(samples)
    return whole.getvalue()


def _check_free(root: Path, force: bool) -> None:
    """Make sure that `root` may be written into."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file: name a folder to write the corpus to")
    if not root.is_dir() or not any(root.iterdir()):
        return
    if not is_synthetic(root):
        raise UsageError(f"{root} holds files that are no synthetic corpus: name a new or empty folder")
    if not force:
        state = "a synthetic corpus that is not whole" if is_unfinished(root) else "a synthetic corpus"
        raise UsageError(f"{root} already holds {state}: use --force to replace it, or name another folder")


def _remove_clips(root: Path) -> None:
    """Delete an earlier corpus' clips, what a killed process left of one, and the folders that are then empty."""
    for label in CLASSES:
        remove_leftovers(root / label)
        number = f"{label}.[0-9][0-9][0-9][0-9][0-9]"
        for pattern in (f"{number}.flac", f"{number}-take[0-9]*.flac"):
            for old in (root / label).glob(pattern):
                old.unlink()
        with suppress(OSError):
            (root / label).rmdir()


def _mark(clips: int, seconds: float, rate: int, seed: int) -> str:
    return (
        "SYNTHETIC\n\n"
        "The sounds in this folder are made by gtzanet-edge "
        f"({clips} clips of {seconds:g} s at {rate} Hz a class, seed {seed}).\n"
        "They are not music and not GTZAN: a model trained on them shows that the programs work, not that it\n"
        "recognises genres. Never report an accuracy on them as one on music.\n"
    )
