"""SpanExample and SpanBatch: questions as ids and features, one and many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from ...data.vocabulary import Vocabulary
from ..batched import TensorBatch, complete
from ..token_letters import collate_letters
from .network import Inputs


@dataclass(frozen=True, eq=False)
class Side:
    """Ids and features of a text or a question: [tokens] words and pairs, [tokens, features] features.

    tokens: as they stand in it, where their letters are read; else none.
    """

    words: NDArray[np.int32]
    pairs: NDArray[np.int32]
    features: NDArray[np.float16]
    tokens: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, place: slice) -> "Side":
        return Side(self.words[place], self.pairs[place], self.features[place], self.tokens[place])


# The first and last token of an answer that the text does not have.
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class SpanExample:
    """Ids and features of one question.

    first, last: the tokens of its answer; None if that is not known, `NOWHERE` if the text is known to have none.
    """

    text: Side
    question: Side
    first: int | None = None
    last: int | None = None

    @property
    def length(self) -> int:
        """Tokens of the text."""
        return len(self.text)


@dataclass(frozen=True)
class SpanBatch(TensorBatch):
    """A padded batch of examples. `first` and `last` are None if the answer of one of them is not known."""

    text: Inputs
    question: Inputs
    first: Int64[Tensor, " batch"] | None
    last: Int64[Tensor, " batch"] | None

    @classmethod
    def of(cls, examples: Sequence[SpanExample], letters: Vocabulary | None = None) -> Self:
        """The examples, padded at the end. letters: that are told apart; None of a reader that reads none."""
        return cls(
            _inputs([example.text for example in examples], letters),
            _inputs([example.question for example in examples], letters),
            complete([example.first for example in examples]),
            complete([example.last for example in examples]),
        )


def _inputs(sides: Sequence[Side], letters: Vocabulary | None) -> Inputs:
    lengths = torch.tensor([len(side) for side in sides])
    words, pairs = np.zeros((2, int(lengths.max()), len(sides)), np.int64)
    features = np.zeros((*words.shape, sides[0].features.shape[1]), np.float32)
    for row, side in enumerate(sides):
        words[: len(side), row], pairs[: len(side), row] = side.words, side.pairs
        features[: len(side), row] = side.features
    spelt = None if letters is None else collate_letters([side.tokens for side in sides], letters)
    ids = torch.from_numpy(words), torch.from_numpy(pairs)
    return Inputs(*ids, torch.from_numpy(features), lengths, spelt)
