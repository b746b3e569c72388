"""RuntimeLetters: what a recurrent layer makes of each token's letters, on numpy arrays; see `Spelling`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.encoder import encoder_layer
from ..arrays.recurrent import Recurrent
from ..arrays.weight_table import WeightTable
from ..data.vocabulary import Vocabulary

# Of a longer token the first and last half as many letters are read: an address may have thousands.
MOST_LETTERS = 32


def letters_read(token: str) -> str:
    """The letters of a token that are read."""
    half = MOST_LETTERS // 2
    return token if len(token) <= MOST_LETTERS else token[:half] + token[-half:]


class RuntimeLetters:
    """The last states over each token's letters; each of the different tokens is read once."""

    def __init__(self, table: WeightTable, letters: Vocabulary, cell: str, size: int) -> None:
        self.letters = letters
        self.letter = table.take("inputs.weight", len(letters), size)
        layer = encoder_layer(table, cell, input_size=size, hidden_size=size, bidirectional=True)
        assert isinstance(layer, Recurrent)
        self.layer = layer

    def __call__(self, tokens: Sequence[str]) -> NDArray[Any]:
        """[tokens, states]."""
        number = {token: place for place, token in enumerate(dict.fromkeys(tokens))}
        rows = [self.letters.ids(letters_read(token)) for token in number]
        lengths = np.array([len(row) for row in rows])
        ids = np.zeros((lengths.max(), len(rows)), np.int64)
        for column, row in enumerate(rows):
            ids[: len(row), column] = row
        states = self.layer(self.letter[ids], lengths=lengths)[0]
        half = states.shape[2] // 2
        last = states[lengths - 1, np.arange(len(rows))]
        spelt: NDArray[Any] = np.concatenate([last[:, :half], states[0, :, half:]], 1)
        return spelt[[number[token] for token in tokens]]
