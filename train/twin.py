"""The table of the training twin: the stock network's function, in an order that trains faster.

Nothing here needs TensorFlow.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from train.networks import Conv, Layer, Pool, Relu


def pool_before_relu(network: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the same function with the ReLU of every pooled convolution behind its pool, where it has less to do.

    The largest of a window's values is the same before and after ReLU, and so is where its gradient goes; the tables
    keep the usual order.
    """
    rewritten: list[Layer] = []
    for layer, following in zip_longest(network, network[1:]):
        previous = rewritten[-1] if rewritten else None
        if isinstance(layer, Conv) and layer.relu and isinstance(following, Pool):
            rewritten.append(replace(layer, relu=False))
        elif isinstance(layer, Pool) and isinstance(previous, Conv) and not previous.relu:
            rewritten += [layer, Relu()]
        else:
            rewritten.append(layer)
    return tuple(rewritten)
