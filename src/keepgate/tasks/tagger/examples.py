"""TaggedExample and TaggedBatch: tagged texts as ids, one by one and padded, with the token whose tag is asked for."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..batched import TensorBatch
from ..token_letters import Letters


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

    def since(self, begin: int) -> "TaggedExample":
        """The example without the tokens before this one; a token that is asked for among them becomes the first."""
        return replace(
            self,
            tokens=self.tokens[begin:],
            text=self.text[begin:],
            pairs=self.pairs[begin:],
            tags=None if self.tags is None else self.tags[begin:],
            focus=max(self.focus - begin, 0),
        )


@dataclass(frozen=True)
class TaggedBatch(TensorBatch):
    """A padded batch of examples, time first. ids: of the token, and of its pair. tags: None if some are missing.

    focus: the token of each row whose tag is asked for. targets: its tag. labels: of the texts, or None.
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
