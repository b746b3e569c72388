"""Pooling of one text's states on numpy arrays: by the last state, mean, maximum or attention."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .functions import linear, softmax
from .weight_table import WeightTable

Array = NDArray[Any]
PoolingName = Literal["last", "mean", "max", "mean+max", "attention"]


def last_states(states: Array, directions: int) -> Array:
    """The last state of each direction, that of the reverse one at the first step. states: [time, units]."""
    units = states.shape[1] // directions
    return states[-1] if directions == 1 else np.concatenate([states[-1, :units], states[0, units:]])


class Attention:
    """A query's scaled products with every state. Luong et al. (2015), arXiv:1508.04025 ("general")."""

    def __init__(self, table: WeightTable, query_size: int, key_size: int) -> None:
        self.projection = table.take("query_proj.weight", key_size, query_size)
        self.scale = np.float32(key_size**-0.5)

    def __call__(self, query: Array, keys: Array) -> Array:
        """What is read of the keys [time, units]."""
        read: Array = softmax(keys @ (self.projection @ query) * self.scale, 0) @ keys
        return read


class Pooling:
    """One vector of a text's states [time, units]. "attention" weighs the steps by a learnt query.

    Yang et al. (2016), "Hierarchical attention networks for document classification", NAACL, eq. 5 to 7.
    """

    def __init__(self, table: WeightTable, kind: PoolingName, state_size: int, directions: int) -> None:
        self.kind, self.directions = kind, directions
        self.output_size = state_size * (2 if kind == "mean+max" else 1)
        if kind == "attention":
            self.key = table.take_linear("key_proj", state_size, state_size)
            self.query = table.take("query.weight", 1, state_size)[0]

    def __call__(self, states: Array) -> Array:
        """The pooled states."""
        if self.kind == "last":
            return last_states(states, self.directions)
        if self.kind == "attention":
            read: Array = softmax(np.tanh(linear(states, *self.key)) @ self.query, 0) @ states
            return read
        pooled = [states.mean(0)] if "mean" in self.kind else []
        pooled += [states.max(0)] if "max" in self.kind else []
        return np.concatenate(pooled)
