"""RuntimePairs: embeddings of tokens and of their pairs with the next one, on numpy arrays; see `TokenPairs`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.weight_table import WeightTable


class RuntimePairs:
    """The embeddings of a text's tokens and pairs, side by side."""

    def __init__(self, table: WeightTable, tokens: int, pairs: int, token_size: int, pair_size: int) -> None:
        self.token = table.take("token.weight", tokens, token_size)
        self.pair = table.take("pair.weight", pairs, pair_size) if pair_size else None
        self.output_size = token_size + pair_size

    def __call__(self, tokens: Sequence[int], pairs: Sequence[int]) -> NDArray[Any]:
        """[time, token_size + pair_size]."""
        token = self.token[list(tokens)]
        return token if self.pair is None else np.concatenate([token, self.pair[list(pairs)]], 1)
