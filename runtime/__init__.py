"""Classify sound files on a device: one model file in, labels out.

>>> from runtime import Classifier
>>> Classifier.load("artifacts/gtzanet-int8.tflite").classify("song.wav").label  # doctest: +SKIP
'jazz'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.classifier import Classifier
    from runtime.prediction import Prediction, Window

__all__ = ["Classifier", "Prediction", "Window"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from runtime import classifier

        return getattr(classifier, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
