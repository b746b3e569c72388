"""LabelHead: from a layer's outputs to the label of one item, as the lens asks for it."""

import copy
from dataclasses import replace
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .answer import Answer, candidates_of
from .batched import numbers_of

M = TypeVar("M", bound=nn.Module)


class LabelHead:
    """Logits, probabilities and margins of the labels for one item, from the outputs of the layer that read it.

    task: with `choices`, its labels, and `answer_of`. output: what the layer gave for this item. A subclass computes
    `scores` and `attention`.
    """

    def __init__(self, task: Any, item: Any, output: Float[Tensor, "time 1 output"]) -> None:
        self.task, self.item, self.output = task, item, output
        self.labels = task.choices

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each label from these outputs, in their dtype."""
        raise NotImplementedError

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The weight of each step's state in the prediction; None where it does not attend."""
        raise NotImplementedError

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The most probable label of each row, and the others after it."""
        candidates = candidates_of(numbers_of(self.scores(output).softmax(1)), self.labels)
        # Where a label stands in the text is looked up once: hundreds of rows mostly answer alike.
        firsts = {labels[0][0]: labels for labels in candidates}
        placed = {label: self.task.answer_of(self.item, labels) for label, labels in firsts.items()}
        return [
            replace(placed[labels[0][0]], probability=labels[0][1], candidates=labels)
            for labels in candidates
        ]

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of one label, for each row."""
        return self.scores(output).softmax(1)[:, self.number(answer)]

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The logit of a label less the mean of all, in float64: what they have in common makes no answer."""
        scores = self.scores(output.double())
        return scores[:, self.number(answer)] - scores.mean(1)

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """`margins` of a single row."""
        return self.margins(output, answer)[0]

    def number(self, label: str | None) -> int:
        """A label's number; None is the one that was predicted. Raises KeyError for one that there is not."""
        if label is None:
            return int(self.scores(self.output)[0].argmax())
        if label not in self.labels:
            raise KeyError(f"{label!r} is no choice; there are {', '.join(self.labels)}")
        return self.labels.index(label)


def in_dtype(module: M, dtype: torch.dtype) -> M:
    """A frozen copy of the module in this dtype; where no gradient is asked for and it has this dtype, itself."""
    if not torch.is_grad_enabled() and all(weight.dtype == dtype for weight in module.parameters()):
        return module
    return copy.deepcopy(module).to(dtype).requires_grad_(False)
