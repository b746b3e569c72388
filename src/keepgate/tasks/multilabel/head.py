"""MultilabelHead: from the encoder's states over a text to the labels that it has, or to one of them."""

from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from ...errors import CellError
from ..answer import Answer
from ..batched import numbers_of
from ..classifier.head import ClassifierHead
from .content import answer_from, as_text


class MultilabelHead(ClassifierHead):
    """The same pooling and linear layer; every label has a score of its own.

    An answer is a label, a label's absence ("not urgent"), or the labels that are given, as one text.
    """

    def __init__(self, task: Any, item: Any, output: Float[Tensor, "time 1 output"]) -> None:
        super().__init__(task, item, output)
        self.labels, self.thresholds = task.labels, numbers_of(task.thresholds)

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The labels that reach their thresholds, for each row; of an item with a focus, whether that one does."""
        shares = numbers_of(self.scores(output).sigmoid())
        return [answer_from(row, self.thresholds, self.labels, self.item.focus) for row in shares]

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The probability of an answer for each row, the labels being independent given the text."""
        scores = self.scores(output)
        signs = self._signs(answer).to(scores)
        return logsigmoid(scores * signs).masked_fill(signs == 0, 0.0).sum(1).exp()

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The logit of a label, or the sum over all of those of what is answered, in float64."""
        scores = self.scores(output.double())
        return scores @ self._signs(answer).to(scores)

    def readout_terms(self, output: Float[Tensor, "time rows output"]) -> NoReturn:  # noqa: ARG002
        """Raises CellError: shares are told of choices that exclude each other."""
        raise CellError(
            "a multilabel classifier scores each label by itself, and shares are of labels that exclude each other; "
            "explain() says what its labels rest on, by leaving tokens out"
        )

    def _signs(self, answer: str | None) -> Float[Tensor, " labels"]:
        """1 for each label that an answer gives, -1 for each that it denies, 0 for what it says nothing of.

        Raises KeyError for an answer that is none of this item's.
        """
        own = self.answers(self.output)[0].text
        answer, focus = answer or own, self.item.focus
        if focus is not None:
            if answer not in (focus, f"not {focus}"):
                raise KeyError(f"{answer!r} is not asked of; it is {focus!r}, or 'not {focus}'")
            signs = [(1.0 if answer == focus else -1.0) * (label == focus) for label in self.labels]
            return torch.tensor(signs, dtype=torch.float64)
        names = set() if answer == as_text(()) else {answer} & {*self.labels} or {*answer.split(", ")}
        if not names <= {*self.labels}:
            raise KeyError(f"{answer!r} are no labels; there are {', '.join(self.labels)}")
        return torch.tensor([1.0 if label in names else -1.0 for label in self.labels], dtype=torch.float64)
