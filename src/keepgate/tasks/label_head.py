"""LabelHead: from a layer's outputs to one of a fixed list of labels, as the lens asks for it."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .answer import CANDIDATES, Answer

M = TypeVar("M", bound=nn.Module)


class LabelHead:
    """One item, from the output of the layer that read it to the scores of the labels.

    labels: by number. output: what the layer gave for this item, [time, 1, output].
    A subclass computes `scores`, and says with `answer_of` where an answer stands.
    """

    def __init__(self, labels: Sequence[str], output: Float[Tensor, "time 1 output"]) -> None:
        self.labels, self.output = tuple(labels), output

    def scores(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "rows labels"]:
        """The logits of each label from these outputs, in their dtype."""
        raise NotImplementedError

    def attention(self, output: Float[Tensor, "time rows output"]) -> Float[Tensor, "time rows"] | None:
        """The weight of each step's state in the prediction; None where it does not attend."""
        raise NotImplementedError

    def answer_of(self, candidates: tuple[tuple[str, float], ...]) -> Answer:
        """The first of some labels with their probabilities as an answer."""
        return Answer(*candidates[0], candidates=candidates)

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The most probable label of each row, and the others after it."""
        best = self.scores(output).softmax(1).topk(min(len(self.labels), CANDIDATES), 1)
        # Where an answer stands in the text is looked up once: hundreds of rows mostly answer alike.
        placed: dict[int, Answer] = {}
        answers = []
        for shares, numbers in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            candidates = tuple(zip((self.labels[k] for k in numbers), shares, strict=True))
            if numbers[0] not in placed:
                placed[numbers[0]] = self.answer_of(candidates)
            answers.append(replace(placed[numbers[0]], probability=shares[0], candidates=candidates))
        return answers

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
