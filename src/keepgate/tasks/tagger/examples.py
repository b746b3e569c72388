"""TaggedExample and TaggedBatch: tagged texts as ids, one by one and padded, with the token whose tag is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..batched import TensorBatch
from ..token_letters import Letters
from .schemes import Moves

# In place of a text's label where it is not known.
UNLABELLED = -100


@dataclass(frozen=True)
class TaggedExample:
    """Ids of one text's tokens and of their pairs, and the numbers of their tags; `fault` says why these teach nothing.

    tokens: as they stand in the text. focus: the token whose tag is asked for. label: the number of the text's.
    """

    tokens: tuple[str, ...]
    text: list[int]
    pairs: list[int]
    tags: list[int] | None
    focus: int
    fault: str | None
    label: int | None = None

    @property
    def length(self) -> int:
        """Tokens of the text."""
        return len(self.text)

    def part(self, begin: int, end: int | None = None) -> "TaggedExample":
        """The tokens from one on, up to another; where one before is asked for, the first is."""
        piece = slice(begin, end)
        return replace(
            self,
            tokens=self.tokens[piece],
            text=self.text[piece],
            pairs=self.pairs[piece],
            tags=None if self.tags is None else self.tags[piece],
            focus=max(self.focus - begin, 0),
        )

    def cut(self, most: int, moves: Moves) -> Iterator["TaggedExample"]:
        """The example in pieces of at most so many tokens, each with a legal sequence of tags.

        Where no tag within reach may end a text, as within a long entity, a piece is longer.
        """
        return (self.part(begin, end) for begin, end in cuts(self.tags or [], most, moves))


def cuts(tags: Sequence[int], most: int, moves: Moves) -> Iterator[tuple[int, int]]:
    """Where the pieces of a text with these tags begin and end, see `TaggedExample.cut`."""
    begin, length = 0, len(tags)
    while length - begin > most:
        last = begin + most
        places = chain(range(last, begin, -1), range(last + 1, length))
        legal = (k for k in places if moves.end[tags[k - 1]] and moves.start[tags[k]])
        end = next(legal, length)
        yield begin, end
        begin = end
    if begin < length:
        yield begin, length


@dataclass(frozen=True)
class TaggedBatch(TensorBatch):
    """A padded batch of examples, time first. ids: of the token, and of its pair. tags: None if some are missing.

    focus: the token of each row whose tag is asked for. targets: its tag. labels: of the texts, `UNLABELLED` of one
    whose label is not known; None of a tagger that labels no texts.
    """

    ids: Int64[Tensor, "time batch 2"]
    letters: Letters | None
    lengths: Int64[Tensor, " batch"]
    focus: Int64[Tensor, " batch"]
    tags: Int64[Tensor, "time batch"] | None
    labels: Int64[Tensor, " batch"] | None = None

    @property
    def targets(self) -> Int64[Tensor, " batch"] | None:
        """The right tag of the token that is asked for."""
        return None if self.tags is None else self.tags.gather(0, self.focus.unsqueeze(0))[0]

    def at_focus(self, values: Float[Tensor, "time batch labels"]) -> Float[Tensor, "batch labels"]:
        """The values at the token of each row that is asked for."""
        return values[self.focus, torch.arange(len(self.focus), device=values.device)]
