"""The mel filter bank, on Slaney's scale (Auditory Toolbox, 1998) or HTK's (HTK Book, section 5.4)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.spec import PICTURE, FrontEnd

_HZ_PER_MEL = 200.0 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0
_HTK_HZ = 700.0
_HTK_MELS = 2595.0 / np.log(10.0)


def hz_to_mel(hz: NDArray[np.float64] | float, scale: str = "slaney") -> NDArray[np.float64]:
    """Return mels for hertz.

    Slaney's are linear below 1 kHz (3 mels for 200 Hz) and logarithmic above (27 mels for a factor 6.4); HTK's are
    2595 log10(1 + hz / 700).
    """
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(_HTK_MELS * np.log1p(hz / _HTK_HZ))
    above = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel: NDArray[np.float64] | float, scale: str = "slaney") -> NDArray[np.float64]:
    """Return hertz for mels; the inverse of `hz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(_HTK_HZ * np.expm1(mel / _HTK_MELS))
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, above)


def band_edges(spec: FrontEnd = PICTURE) -> NDArray[np.float64]:
    """Return the bands' corners in hertz, shape (n_mels + 2,): band j rises from j, peaks at j + 1, ends at j + 2."""
    low, high = hz_to_mel(spec.f_min, spec.mel_scale), hz_to_mel(spec.f_max, spec.mel_scale)
    return mel_to_hz(np.linspace(low, high, spec.n_mels + 2), spec.mel_scale)


def band_centres(spec: FrontEnd = PICTURE) -> NDArray[np.float64]:
    """Return the bands' centre frequencies in hertz, shape (n_mels,), rising."""
    return band_edges(spec)[1:-1]


@lru_cache(maxsize=8)
def filter_bank(spec: FrontEnd = PICTURE) -> NDArray[np.float32]:
    """Return the weights that turn a spectrum into mel bands, float32 (n_mels, n_fft // 2 + 1), read-only.

    Band j is a triangle from edge j to edge j + 2 with its peak at edge j + 1. Its height is 1, or with Slaney's
    normalisation 2 / (edge j + 2 - edge j) in hertz, so that all have the same area.
    """
    edges = band_edges(spec)
    bins = np.arange(spec.n_fft // 2 + 1, dtype=np.float64) * (spec.sample_rate / spec.n_fft)
    first = np.searchsorted(bins, edges[:-2])
    width = int((np.searchsorted(bins, edges[2:]) - first).max(initial=0))
    columns = np.minimum(first[:, None] + np.arange(width), len(bins) - 1)  # no other bin lies under a triangle
    heights = 2.0 / (edges[2:] - edges[:-2]) if spec.mel_norm == "slaney" else np.ones(spec.n_mels)
    if spec.mel_axis == "mel":
        edges, bins = (hz_to_mel(hertz, spec.mel_scale) for hertz in (edges, bins))
    widths = np.diff(edges)
    rising = (bins[columns] - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - bins[columns]) / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    weights = np.zeros((spec.n_mels, len(bins)), dtype=np.float32)
    np.put_along_axis(weights, columns, (triangles * heights[:, None]).astype(np.float32), axis=1)
    weights.flags.writeable = False
    return weights
