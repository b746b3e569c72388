"""Spelling: the last states of a recurrent layer over each token's letters, and the batch that it reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..cells.choices import Init
from ..data.batch import pad
from ..data.vocabulary import PAD, Vocabulary
from ..nn.encoder import Encoder
from .batched import TensorBatch
from .runtime_letters import letters_read


@dataclass(frozen=True)
class Letters(TensorBatch):
    """The different tokens of a batch, letter by letter. token: which of them stands at each step, 0 in the padding."""

    ids: Int64[Tensor, "letters tokens"]
    lengths: Int64[Tensor, " tokens"]
    token: Int64[Tensor, "time batch"]


class Spelling(Encoder):
    """The letters of each token → what a recurrent layer of both ways ends with over them.

    Ling et al. (2015), arXiv:1508.02096; Lample et al. (2016), arXiv:1603.01360.
    letters: how many are told apart. size: numbers for each, and units in each direction.
    """

    def __init__(self, letters: int, size: int, *, cell: str, dropout: float, init: Init) -> None:
        super().__init__(
            cell,
            nn.Embedding(letters, size, padding_idx=PAD),
            input_size=size,
            hidden_size=size,
            bidirectional=True,
            dropout=dropout,
            init=init,
        )

    def of_tokens(self, letters: Letters) -> Float[Tensor, "time batch states"]:
        """The states of the token at each step."""
        _, spelt = self(letters.ids, letters.lengths)
        of_tokens: Tensor = spelt[letters.token]
        return of_tokens


def collate_letters(texts: Sequence[Sequence[str]], alphabet: Vocabulary) -> Letters:
    """The tokens of these texts, each of the different ones spelt once."""
    tokens = list(dict.fromkeys(token for text in texts for token in text))
    number = {token: place for place, token in enumerate(tokens)}
    ids, lengths = pad([alphabet.ids(letters_read(token)) for token in tokens])
    placed = np.zeros((max(map(len, texts)), len(texts)), dtype=np.int64)
    for column, text in enumerate(texts):
        placed[: len(text), column] = [number[token] for token in text]
    return Letters(ids, lengths, torch.from_numpy(placed))
