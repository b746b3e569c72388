"""Labelled texts as what a classifier is examined with: its loss on the right label, given the end of each text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...data.labelled import LabelledText
from ..samples import in_batches

if TYPE_CHECKING:
    from .classifier import Classifier


@dataclass(frozen=True, kw_only=True, eq=False)
class TextSamples:
    """Some texts. Where in a text its label comes from nobody says: the whole of it is needed."""

    task: "Classifier"
    examples: Sequence[Any]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        return torch.tensor([example.length for example in self.examples])

    @property
    def needed(self) -> Int[Tensor, " rows"]:
        return self.lengths

    @property
    def tail(self) -> Int[Tensor, " rows"]:
        return torch.zeros_like(self.lengths)

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        cut = [
            replace(
                each, tokens=each.tokens[-(last or each.length) :], pairs=each.pairs[-(last or each.length) :]
            )
            for each in self.examples
        ]
        batch = self.task.collate(cut).to(self.task.readout.weight.device)
        assert batch.targets is not None
        return cross_entropy(self.task(batch), batch.targets, reduction="none")

    def first(self, rows: int) -> "TextSamples":
        return replace(self, examples=self.examples[:rows])


def samples_of(task: "Classifier", items: Sequence[LabelledText]) -> list[TextSamples]:
    """The labelled texts in batches. Raises SettingsError if none has a label that the model knows."""
    examples = task.prepare(items, training=False)
    return in_batches(
        examples,
        lambda example: example.target is not None,
        lambda rows: TextSamples(task=task, examples=[examples[row] for row in rows]),
        "texts has a label",
    )
