"""The front-end spec: everything that decides how a sound becomes a picture, as one comparable value."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from toolkit.dataclass_json import is_finite, shown
from toolkit.errors import ArtifactError
from toolkit.files import digest_of

SHORT_POLICIES = ("tile", "pad", "stretch")
PADDINGS = ("reflect", "constant")
MAX_BANDS = 512
MAX_WINDOW_SAMPLES = 30_000_000
MAX_FRAMES = 1 << 16
MAX_WORK = 1 << 34
"""The most frames x n_fft x n_mels, in a window or in 30 s: 50 times those of the public pictures."""
_FEW_BANDS = 128
"""With fewer bands a frame is hardly faster: the Fourier transform is most of it."""
_LENGTHS = tuple(1 << power for power in range(6, 15))
_INTEGERS = ("sample_rate", "n_fft", "hop_length", "n_mels", "width", "height")
_NUMBERS = ("f_min", "f_max", "amin", "top_db", "window_seconds")


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How a sound becomes a picture; the defaults are the public GTZAN picture set's own settings.

    Attributes
    ----------
    sample_rate : int
        Samples a second the sound is brought to.
    n_fft, hop_length : int
        Length of a frame and distance of two frames, in samples. `n_fft` is a power of two.
    n_mels : int
        Number of mel bands.
    f_min, f_max : float
        Lowest and highest frequency of the bands in hertz; `f_max` is at most half the sample rate.
    amin : float
        Smallest mel power above silence.
    top_db : float
        Decibels kept below the loudest cell.
    padding : str
        What lies before and after the sound, for the outermost frames: its mirror image, "reflect" (as in the public
        pictures), or zeros, "constant".
    width, height : int
        Size of the picture in pixels: 432 by 288.
    window_seconds : float
        How much sound one picture shows.
    short : str
        What a shorter sound does: "tile" repeats it, "pad" adds silence, "stretch" lets its frames fill the picture.
    """

    sample_rate: int = 22_050
    n_fft: int = 2_048
    hop_length: int = 512
    n_mels: int = 128
    f_min: float = 0.0
    f_max: float = 11_025.0
    amin: float = 1e-5
    top_db: float = 80.0
    padding: str = "reflect"
    width: int = 432
    height: int = 288
    window_seconds: float = 30.0
    short: str = "tile"

    def __post_init__(self) -> None:
        """Refuse a spec that cannot be computed (`ArtifactError`)."""
        for name in _INTEGERS:
            value = getattr(self, name)
            _require(type(value) is int and value > 0, name, value, "a positive integer")
        for name in _NUMBERS:
            value = getattr(self, name)
            _require(type(value) in (int, float) and is_finite(value), name, value, "a finite number")
            object.__setattr__(self, name, float(value))
        _require(1_000 <= self.sample_rate <= 768_000, "sample_rate", self.sample_rate, "from 1000 to 768000")
        _require(self.n_fft in _LENGTHS, "n_fft", self.n_fft, "a power of two from 64 to 16384")
        _require(self.hop_length <= self.n_fft, "hop_length", self.hop_length, "at most n_fft")
        _require(
            self.n_mels <= min(MAX_BANDS, self.n_fft // 2),
            "n_mels",
            self.n_mels,
            f"at most {MAX_BANDS} and at most half of n_fft",
        )
        _require(0 <= self.f_min < self.f_max, "f_min", self.f_min, "at least 0 and below f_max")
        _require(self.f_max <= self.sample_rate / 2, "f_max", self.f_max, "at most half the sample rate")
        _require(1e-15 <= self.amin <= 1, "amin", self.amin, "from 1e-15 to 1")
        _require(0 < self.top_db <= 400, "top_db", self.top_db, "above 0 and at most 400")
        _require((self.width, self.height) == (432, 288), "width x height", (self.width, self.height), "432 x 288")
        _require(0.1 <= self.window_seconds <= 600, "window_seconds", self.window_seconds, "from 0.1 to 600")
        _require(self.padding in PADDINGS, "padding", self.padding, "one of " + ", ".join(PADDINGS))
        _require(self.short in SHORT_POLICIES, "short", self.short, "one of " + ", ".join(SHORT_POLICIES))
        self._require_affordable()

    def _require_affordable(self) -> None:
        """Refuse a spec that would need minutes or gigabytes for 30 s of sound."""
        _require(
            self.window_samples <= MAX_WINDOW_SAMPLES,
            "window_seconds",
            self.window_seconds,
            f"at most {MAX_WINDOW_SAMPLES} samples at sample_rate",
        )
        samples = self.sample_rate * max(30.0, self.window_seconds)
        least = math.ceil(samples / MAX_FRAMES)
        hop_range = f"at least {least}, so that there are at most {MAX_FRAMES} frames"
        _require(self.hop_length >= least, "hop_length", self.hop_length, hop_range)
        work, most = self.n_fft * max(self.n_mels, _FEW_BANDS) / self.hop_length, int(MAX_WORK / samples)
        work_range = f"at most {most}, or a picture would take too long: raise hop_length, or lower n_fft or n_mels"
        _require(work <= most, f"n_fft x max(n_mels, {_FEW_BANDS}) / hop_length", round(work, 1), work_range)

    @property
    def window_samples(self) -> int:
        """Samples in one full window: 661,500 by default."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def fixed_samples(self) -> int:
        """Samples in the one length of sound that a model with a front end of its own accepts: whole hops, 661,504."""
        return -(-self.window_samples // self.hop_length) * self.hop_length

    @property
    def fixed_frames(self) -> int:
        """Frames of so much sound: 1,293 by default."""
        return 1 + self.fixed_samples // self.hop_length

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as a JSON object, one key a field."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> FrontEnd:
        """Return the spec of a JSON object; raise `ArtifactError` if a field is unknown, missing or invalid."""
        if not isinstance(value, Mapping):
            raise ArtifactError(f"the front-end spec is not an object but {type(value).__name__}")
        names = {field.name for field in fields(cls)}
        if unknown := sorted(map(str, set(value) - names)):
            raise ArtifactError(f"the front-end spec has an unknown field: {shown(unknown[0])}")
        if missing := sorted(names - set(value)):
            raise ArtifactError(f"the front-end spec lacks a field: {', '.join(missing)}")
        return cls(**value)

    def digest(self) -> str:
        """Return the SHA-256 hex digest of the spec: equal specs render equal pictures."""
        return digest_of(self.to_dict())


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ArtifactError(f"the front-end spec's {name} is {reprlib.repr(value)}; it must be {expected}")


PICTURE = FrontEnd()
"""The front end of the public GTZAN pictures."""
