"""TaggerInputs: what the encoder reads of a token: itself, the pair with the next one, and its letters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ...data.batch import pad
from ...data.vocabulary import PAD, Vocabulary
from ...nn.encoder import Encoder
from ..batched import TensorBatch
from ..token_pairs import TokenPairs
from .content import letters_read
from .settings import TaggerSettings


@dataclass(frozen=True)
class Letters(TensorBatch):
    """The different tokens of a batch, letter by letter. token: which of them stands at each step, 0 in the padding."""

    ids: Int64[Tensor, "letters tokens"]
    lengths: Int64[Tensor, " tokens"]
    token: Int64[Tensor, "time batch"]


class TaggerInputs(nn.Module):
    """Embeddings of tokens and pairs and, beside them, the last states of a recurrent layer over a token's letters.

    Ling et al. (2015), arXiv:1508.02096; Lample et al. (2016), arXiv:1603.01360.
    letters: how many are told apart; 0 for tokens that are single characters, whose letters say nothing more.
    """

    def __init__(self, tokens: int, pairs: int, letters: int, settings: TaggerSettings) -> None:
        super().__init__()
        self.tokens = TokenPairs(tokens, pairs, settings.embedding_size, settings.pair_size)
        self.output_size = settings.embedding_size + settings.pair_size
        self.spelling: Encoder | None = None
        if letters:
            size = settings.letter_size
            self.spelling = Encoder(
                settings.cell,
                nn.Embedding(letters, size, padding_idx=PAD),
                input_size=size,
                hidden_size=size,
                bidirectional=True,
                dropout=settings.dropout / 2,
                init=settings.init,
            )
            self.output_size += self.spelling.output_size

    def forward(
        self, inputs: tuple[Int64[Tensor, "time batch 2"], Letters | None]
    ) -> Float[Tensor, "time batch input"]:
        """The vector of each token, from the ids of token and pair and, where letters are read, its letters."""
        ids, letters = inputs
        tokens = self.tokens(ids)
        if self.spelling is None or letters is None:
            return tokens
        _, spelt = self.spelling(letters.ids, letters.lengths)
        return torch.cat([tokens, spelt[letters.token]], -1)


def collate_letters(texts: Sequence[Sequence[str]], alphabet: Vocabulary) -> Letters:
    """The tokens of these texts, each of the different ones spelt once."""
    tokens = list(dict.fromkeys(token for text in texts for token in text))
    number = {token: place for place, token in enumerate(tokens)}
    ids, lengths = pad([alphabet.ids(letters_read(token)) for token in tokens])
    placed = np.zeros((max(map(len, texts)), len(texts)), dtype=np.int64)
    for column, text in enumerate(texts):
        placed[: len(text), column] = [number[token] for token in text]
    return Letters(ids, lengths, torch.from_numpy(placed))
