"""SpanExample and SpanBatch: questions as ids and features, one and many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from ..batched import TensorBatch, complete
from .network import Inputs


@dataclass(frozen=True, eq=False)
class Side:
    """Ids and features of a text or a question: [tokens] words and pairs, [tokens, features] features."""

    words: NDArray[np.int32]
    pairs: NDArray[np.int32]
    features: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, place: slice) -> "Side":
        return Side(self.words[place], self.pairs[place], self.features[place])


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
    def of(cls, examples: Sequence[SpanExample]) -> Self:
        """The examples, padded at the end."""
        return cls(
            _inputs([example.text for example in examples]),
            _inputs([example.question for example in examples]),
            complete([example.first for example in examples]),
            complete([example.last for example in examples]),
        )


def _inputs(sides: Sequence[Side]) -> Inputs:
    lengths = torch.tensor([len(side) for side in sides])
    words, pairs = np.zeros((2, int(lengths.max()), len(sides)), np.int64)
    features = np.zeros((*words.shape, sides[0].features.shape[1]), np.float32)
    for row, side in enumerate(sides):
        words[: len(side), row], pairs[: len(side), row] = side.words, side.pairs
        features[: len(side), row] = side.features
    return Inputs(torch.from_numpy(words), torch.from_numpy(pairs), torch.from_numpy(features), lengths)
