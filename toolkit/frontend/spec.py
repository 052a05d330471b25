"""The front-end spec: everything that decides what of a sound the network sees, as one comparable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from toolkit.dataclass_json import is_finite, shown
from toolkit.errors import ArtifactError
from toolkit.files import digest_of
from toolkit.frontend.spec_checks import ADDED_FIELDS, NUMBERS, check

COLUMNS = 334
"""Columns of a picture that show frames and do not lie under its frame."""


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How a sound becomes what a network sees; the defaults are the public GTZAN picture set's own settings.

    The steps are those of the attributes' order: pre-emphasis, frames, Fourier transform, mel bands, logarithm,
    normalisation, layout.

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
    hop_seconds : float
        From one window of a longer sound to the next; 0 for the fewest windows that cover it, evenly spaced.
    layout : str
        "picture" is the paper's drawing, (288, 432, 3) of 0..255. "cells" are the colour indices that it shows,
        (n_mels, 334, 1) of 0..255. "grid" is every band and frame, (n_mels, frames, 1).
    pre_emphasis : float
        y[n] = x[n + 1] - pre_emphasis * x[n], one sample fewer; 0 for none.
    window : str
        "hann" is periodic, "hann-symmetric" is zero at both ends.
    window_length : int
        Its length in samples, at most `n_fft`, which 0 stands for; zeros fill the frame.
    centred : bool
        Whether frame i is centred on sample i * hop_length of a padded sound, or begins there and must lie inside.
    exponent : float
        2 for the power of the spectrum, 1 for its magnitude.
    mel_scale, mel_axis, mel_norm : str
        "slaney" or "htk" (2595 log10(1 + f / 700), which is Kaldi's as well); whether the triangles are straight over
        "hertz" or over "mel"; whether they have equal area, "slaney", or equal height, "none".
    log : str
        "amplitude-db" is 20 log10(max(amin, M)) of mel power M, the public pictures'. "db" is 10 log10(max(amin, M)).
        "ln" is ln(M + log_offset). Decibels are floored `top_db` below the maximum.
    reference : str
        What decibels relate to: the window's "max", or "one".
    normalise : str
        "affine" is (v + shift) * scale, "clip" gives each window the mean 0 and the variance 1.
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
    hop_seconds: float = 0.0
    layout: str = "picture"
    pre_emphasis: float = 0.0
    window: str = "hann"
    window_length: int = 0
    centred: bool = True
    exponent: float = 2.0
    mel_scale: str = "slaney"
    mel_axis: str = "hertz"
    mel_norm: str = "slaney"
    log: str = "amplitude-db"
    log_offset: float = 0.0
    reference: str = "max"
    normalise: str = "none"
    shift: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a spec that cannot be computed (`ArtifactError`)."""
        for name in NUMBERS:
            value = getattr(self, name)
            if type(value) is int and is_finite(value):
                object.__setattr__(self, name, float(value))
        if self.window_length == self.n_fft:
            object.__setattr__(self, "window_length", 0)  # so that equal settings are equal
        check(self)

    @property
    def frame_length(self) -> int:
        """Samples of a frame that are not multiplied by zero."""
        return self.window_length or self.n_fft

    @property
    def padded_samples(self) -> int:
        """Samples of padding that stand before the sound."""
        return self.n_fft // 2 if self.centred else 0

    @property
    def window_samples(self) -> int:
        """Samples in one full window: 661,500 by default."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Frames of one full window: 1,292 by default."""
        return self.frames_of(self.window_samples)

    def frames_of(self, samples: int) -> int:
        """Return the number of frames of so many samples."""
        samples -= 1 if self.pre_emphasis else 0
        return 1 + (samples if self.centred else samples - self.frame_length) // self.hop_length

    @property
    def fixed_samples(self) -> int:
        """Samples in the one length of sound that a model with a front end of its own accepts: 661,504, whole hops.

        A grid's are those of a window.
        """
        if self.layout == "grid":
            return self.window_samples
        return -(-self.window_samples // self.hop_length) * self.hop_length

    @property
    def fixed_frames(self) -> int:
        """Frames of so much sound: 1,293 by default."""
        return self.frames_of(self.fixed_samples)

    @property
    def shape(self) -> tuple[int, int, int]:
        """What a network sees of a window: rows, columns, channels."""
        if self.layout == "picture":
            return (self.height, self.width, 3)
        return (self.n_mels, COLUMNS if self.layout == "cells" else self.frames, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as a JSON object, one key per field; those added since version 1 where they differ."""
        value = asdict(self)
        defaults = {name: self.__dataclass_fields__[name].default for name in ADDED_FIELDS}
        return {name: item for name, item in value.items() if name not in defaults or item != defaults[name]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> FrontEnd:
        """Return the spec of a JSON object; raise `ArtifactError` if a field is unknown, missing or invalid."""
        if not isinstance(value, Mapping):
            raise ArtifactError(f"the front-end spec is not an object but {type(value).__name__}")
        names = {field.name for field in fields(cls)}
        if unknown := sorted(map(str, set(value) - names)):
            raise ArtifactError(f"the front-end spec has an unknown field: {shown(unknown[0])}")
        if missing := sorted(names - set(value) - set(ADDED_FIELDS)):
            raise ArtifactError(f"the front-end spec lacks a field: {', '.join(missing)}")
        return cls(**value)

    def digest(self) -> str:
        """Return the SHA-256 hex digest of the spec: equal specs render equal pictures."""
        return digest_of(self.to_dict())


PICTURE = FrontEnd()
"""The front end of the public GTZAN pictures."""
