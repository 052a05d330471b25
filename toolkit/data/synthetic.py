"""A synthetic corpus of ten kinds of sound, so that everything can be tried without GTZAN.

It tests the machinery, never how well music is recognised: its classes are named by their sound, and a file beside them
states what they are.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.data.synthetic_voices import RATE, VOICES
from toolkit.errors import UsageError
from toolkit.files import remove_leftovers, write_bytes, write_text
from toolkit.parallel import Progress, map_threads

CLASSES = tuple(VOICES)
MARK = "SYNTHETIC.txt"
UNFINISHED = "This corpus is not whole: its writing has not ended, or was interrupted.\n"
"""A line of the mark while clips are written; a mark without it states that all are there."""
NOTICE = "synthetic sound made by gtzanet-edge; not music"
SHORTEST_SECONDS, LONGEST_SECONDS, MOST_CLIPS = 0.1, 600.0, 99_999


def clip(label: str, number: int, *, seconds: float = 30.0, seed: int = 0) -> NDArray[np.float32]:
    """Return a clip of a class of `CLASSES`: float32 (round(22050 * seconds),), mono at 22,050 Hz, with a peak up to 1.

    Its voice is that of its class; (seed, class, number) alone decide tempo, key, pattern, echo, loudness and a light
    hiss.
    """
    n = round(RATE * seconds)
    rng = np.random.default_rng([seed, CLASSES.index(label), number])
    samples = VOICES[label](rng, n)
    delay = int(rng.uniform(0.08, 0.3) * RATE)
    echo = float(rng.uniform(0.0, 0.25)) * samples[:-delay] if n > delay else np.zeros(0)
    samples[n - len(echo) :] += echo
    peak = 10.0 ** (rng.uniform(-14.0, -2.0) / 20)
    samples *= peak / max(1e-9, float(np.abs(samples).max()))
    hiss = 10.0 ** (rng.uniform(-70.0, -50.0) / 20)
    samples += hiss * rng.standard_normal(n)
    return np.asarray(np.clip(samples, -1.0, 1.0), dtype=np.float32)


def write_corpus(
    root: Path | str,
    clips_per_class: int = 20,
    seconds: float = 30.0,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> None:
    """Write `<root>/<class>/<class>.<number>.flac` (22,050 Hz, mono, 16 bits) and `<root>/SYNTHETIC.txt`.

    The mark is there from the beginning, and states that the corpus is not whole until it is. `force` replaces the
    clips of an earlier synthetic corpus; its other files stay. A folder with files but without the mark of such a
    corpus is never written into.

    Raises
    ------
    UsageError
        If a number is out of range, or `root` is a file or a folder that is not empty.
    OSError
        If a file cannot be written, as on a full disk.
    """
    root = Path(root)
    if not 1 <= clips_per_class <= MOST_CLIPS:
        raise UsageError(f"{clips_per_class} clips per class cannot be written: use 1 to {MOST_CLIPS}")
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        limits = f"{SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g}"
        raise UsageError(f"clips of {seconds:g} seconds cannot be written: use {limits}")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: use 0 or more")
    _check_free(root, force)
    mark = _mark(clips_per_class, seconds, seed)
    write_text(root / MARK, mark + UNFINISHED)
    _remove_clips(root)

    def write(task: tuple[str, int]) -> None:
        label, number = task
        samples = clip(label, number, seconds=seconds, seed=seed)
        write_bytes(root / label / f"{label}.{number:05}.flac", _encoded(samples))

    map_threads(write, [(label, number) for label in CLASSES for number in range(clips_per_class)], progress)
    write_text(root / MARK, mark)


def is_synthetic(root: Path | str) -> bool:
    """Return whether a folder is marked as a synthetic corpus."""
    mark = Path(root) / MARK
    return mark.is_file() and mark.read_bytes().startswith(b"SYNTHETIC")


def is_unfinished(root: Path | str) -> bool:
    """Return whether a folder is a synthetic corpus that is not whole."""
    return is_synthetic(root) and (Path(root) / MARK).read_bytes().endswith(UNFINISHED.encode())


def _encoded(samples: NDArray[np.float32]) -> bytes:
    """Return a FLAC file's bytes. It is encoded in memory, so that a full disk is an error of the file system."""
    whole = BytesIO()
    with soundfile.SoundFile(whole, "w", RATE, 1, "PCM_16", format="FLAC") as stream:
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
    """Delete an earlier corpus' clips, and what a killed process left of one."""
    for label in CLASSES:
        remove_leftovers(root / label)
        for old in (root / label).glob(f"{label}.[0-9][0-9][0-9][0-9][0-9].flac"):
            old.unlink()


def _mark(clips: int, seconds: float, seed: int) -> str:
    return (
        "SYNTHETIC\n\n"
        f"The sounds in this folder are made by gtzanet-edge ({clips} clips of {seconds:g} s a class, seed {seed}).\n"
        "They are not music and not GTZAN: a model trained on them shows that the programs work, not that it\n"
        "recognises genres. Never report an accuracy on them as one on music.\n"
    )
