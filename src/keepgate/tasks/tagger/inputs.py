"""TaggerInputs: what the encoder reads of a token: itself, the pair with the next one, and its letters."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..token_letters import Letters, Spelling
from ..token_pairs import TokenPairs
from .settings import TaggerSettings


class TaggerInputs(nn.Module):
    """Embeddings of tokens and pairs and, beside them, what their letters say.

    letters: how many are told apart; 0 for tokens that are single characters, whose letters say nothing more.
    """

    def __init__(self, tokens: int, pairs: int, letters: int, settings: TaggerSettings) -> None:
        super().__init__()
        self.tokens = TokenPairs(tokens, pairs, settings.embedding_size, settings.pair_size)
        self.output_size = settings.embedding_size + settings.pair_size
        self.spelling: Spelling | None = None
        if letters:
            self.spelling = Spelling(
                letters,
                settings.letter_size,
                cell=settings.cell,
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
        return torch.cat([tokens, self.spelling.of_tokens(letters)], -1)
