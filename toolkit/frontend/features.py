"""What a network sees of a window of sound, in any layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.grid import grid, grid_of_power
from toolkit.frontend.picture import cells, cells_of_power, render, render_power
from toolkit.frontend.spec import FrontEnd

_Layout = Callable[[NDArray[np.float32], FrontEnd], NDArray[np.uint8] | NDArray[np.float32]]
_OF_SAMPLES: dict[str, _Layout] = {"picture": render, "cells": cells, "grid": grid}
_OF_POWER: dict[str, _Layout] = {"picture": render_power, "cells": cells_of_power, "grid": grid_of_power}


def features(window: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return what a network sees of a window of mono samples, float32 (n,) at `spec.sample_rate`: float32 `spec.shape`.

    Raise `AudioError` if the samples are too few, not one-dimensional, or not finite.
    """
    return _OF_SAMPLES[spec.layout](window, spec).astype(np.float32, copy=False)


def features_of_power(power: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return, bit for bit, what `features` returns of a window whose frames have this mel power, (frames, n_mels)."""
    return _OF_POWER[spec.layout](power, spec).astype(np.float32, copy=False)
