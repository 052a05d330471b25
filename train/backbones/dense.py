"""Dense layers fitted to features at once, by L-BFGS: logistic regression, or one hidden layer before it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_ITERATIONS = (500, 100)
"""Of one layer, whose loss has one minimum, and of two."""
GRADIENT = 1e-5
"""The largest component of the gradient at which a fit ends."""

Values = NDArray[np.float64]


class Dense(NamedTuple):
    """kernel (inputs, units), bias (units,)."""

    kernel: NDArray[Any]
    bias: NDArray[Any]


def fit_dense(
    values: Values, targets: Values, weights: Values, penalty: float, start: tuple[Dense, ...], *, exclusive: bool
) -> tuple[Dense, ...]:
    """Return the layers, of the sizes of `start`, with the least weighted cross entropy + penalty / 2 |kernels|^2.

    ReLU stands between two. With one layer, n rows of weight 1 / n and penalty 1 / (C n), it is scikit-learn's logistic
    regression with that C.

    Parameters
    ----------
    values, targets, weights
        (rows, inputs); (rows, classes), 0 or 1; (rows,).
    start
        What the search begins with.
    exclusive
        Whether a row has one class (softmax), or each class is there or not by itself (sigmoid).
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    shapes = [array.shape for layer in start for array in layer]
    shares = weights[:, np.newaxis]

    def objective(flat: Values) -> tuple[float, Values]:
        layers = _unflattened(flat, shapes)
        inputs = [values]
        for layer in layers[:-1]:
            inputs.append(np.maximum(inputs[-1] @ layer.kernel + layer.bias, 0))
        losses, slope = _cross_entropy(inputs[-1] @ layers[-1].kernel + layers[-1].bias, targets, exclusive)
        slope *= shares
        gradients: list[Values] = []
        for layer, source in zip(reversed(layers), reversed(inputs), strict=True):
            gradients[:0] = [source.T @ slope + penalty * layer.kernel, slope.sum(axis=0)]
            slope = (slope @ layer.kernel.T) * (source > 0)
        squares = sum(float(np.sum(layer.kernel**2)) for layer in layers)
        loss = float(np.sum(losses * shares)) + penalty / 2 * squares
        return loss, np.concatenate([gradient.ravel() for gradient in gradients])

    flat = np.concatenate([array.ravel() for layer in start for array in layer])
    options = {"maxiter": MAX_ITERATIONS[len(start) - 1], "gtol": GRADIENT, "ftol": 64 * np.finfo(float).eps}
    with threadpool_limits(1):  # the products are small, and their sums the same on any number of cores
        solution = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options)
    return _unflattened(solution.x, shapes)


def first_layers(inputs: int, hidden: int, classes: int, seed: int) -> tuple[Dense, ...]:
    """Return zeros, or with `hidden` units two layers of random kernels (X. Glorot, Y. Bengio, 2010)."""
    if not hidden:
        return (Dense(np.zeros((inputs, classes)), np.zeros(classes)),)
    rng = np.random.default_rng(seed)
    sizes = [(inputs, hidden), (hidden, classes)]
    return tuple(Dense(rng.uniform(-1, 1, size) * np.sqrt(6 / sum(size)), np.zeros(size[1])) for size in sizes)


def _cross_entropy(logits: Values, targets: Values, exclusive: bool) -> tuple[Values, Values]:
    """Return each row's losses, (rows, 1), and their derivative by the logits, (rows, classes)."""
    if exclusive:
        shifted = logits - logits.max(axis=1, keepdims=True)
        totals = np.exp(shifted).sum(axis=1, keepdims=True)
        losses = np.log(totals) - np.sum(shifted * targets, axis=1, keepdims=True)
        return losses, np.exp(shifted) / totals - targets
    losses = np.logaddexp(0, logits) - logits * targets
    return losses.sum(axis=1, keepdims=True), np.exp(-np.logaddexp(0, -logits)) - targets


def _unflattened(flat: Values, shapes: list[tuple[int, ...]]) -> tuple[Dense, ...]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    arrays = [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
    return tuple(Dense(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))
