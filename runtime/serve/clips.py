"""Sound as WAV files in a folder per class, ready for training; the oldest go where there are too many."""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.errors import GtzanetError
from toolkit.files import atomic_path

UNCONFIRMED = ".unconfirmed"
"""The folder of clips whose label nobody has confirmed; training ignores hidden folders."""
_NAME = re.compile(r"serve-\d{8}T\d{6}-[0-9a-f]{12}\.wav")
"""Files of other names are never removed and do not count."""


class QuotaError(GtzanetError):
    """A clip alone is larger than the quota."""


class Clips:
    """A folder of class folders of clips."""

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        """Keep at most `quota_bytes` in `folder`, which exists."""
        self.folder, self._quota, self._lock = folder, quota_bytes, threading.Lock()

    def save(self, samples: NDArray[np.float32], rate: int, label: str | None) -> str:
        """Write mono samples, float32 (n,), as 16-bit WAV in a label's folder; return its name below the folder.

        None is no label that anybody has confirmed. Raise `QuotaError` where the clip is larger than the quota.
        """
        values = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
        if values.nbytes + 44 > self._quota:
            raise QuotaError(f"the clip needs {values.nbytes / 1e6:.1f} MB, and the quota is {self._quota / 1e6:g} MB")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        name = f"serve-{stamp}-{hashlib.sha256(values.tobytes()).hexdigest()[:12]}.wav"
        with self._lock:
            target = self._target(label, name)
            with atomic_path(target) as temporary:
                soundfile.write(temporary, values, rate, subtype="PCM_16")
            self._trim(target)
        return target.relative_to(self.folder).as_posix()

    def confirm(self, clip: str, label: str) -> str | None:
        """Move a clip into a label's folder and return its new name; None where it is there no more."""
        with self._lock:
            path = self.path(clip)
            if path is None:
                return None
            target = self._target(label, path.name)
            path.replace(target)
        return target.relative_to(self.folder).as_posix()

    def path(self, clip: str) -> Path | None:
        """Return the file of a clip that `save` or `confirm` returned the name of; None where it is there no more."""
        path = self.folder / clip
        return path if path.is_file() else None

    def _target(self, label: str | None, name: str) -> Path:
        folder = self.folder / (UNCONFIRMED if label is None else folder_name(label))
        folder.mkdir(exist_ok=True)
        return folder / name

    def _trim(self, newest: Path) -> None:
        """Remove the oldest clips, unconfirmed ones first, until the others fit; `newest` stays."""
        files = [path for path in self.folder.glob("*/*.wav") if _NAME.fullmatch(path.name)]
        sizes = {path: path.stat().st_size for path in files}
        excess = sum(sizes.values()) - self._quota
        for path in sorted(sizes, key=lambda path: (path.parent.name != UNCONFIRMED, path.name)):
            if excess <= 0:
                break
            if path != newest:
                path.unlink()
                excess -= sizes[path]


def folder_name(label: str) -> str:
    """Return a label as the name of a visible folder."""
    name = re.sub(r"[/\\\0-\x1f]", "_", label).strip()
    return "_" + name.lstrip(".") if name.startswith(".") or not name else name
