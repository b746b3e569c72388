"""Target: what of a model's prediction is explained, a label's probability or a number, and what stands for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from ...errors import SettingsError, nearest_first
from ...tasks.answer import CANDIDATES, Answer

# A sum of probabilities may differ from 1 by so much.
ROUNDING = 1e-3

Form = Literal["logits", "logit", "probabilities", "probability", "number"]
Index = int | tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One label, or one number of a row's prediction.

    form:   what the prediction is; "logit" and "probability" are those of the second of two labels.
    labels: their names; none for a number. index: the label's number, or the number's place in a row's prediction.
    is_likeliest: whether the label is the row's answer; of another one, `answers` are that label's probability alone.
    """

    form: Form
    labels: tuple[str, ...]
    index: Index
    is_likeliest: bool = True

    @property
    def is_label(self) -> bool:
        """Whether it is a label, with a probability, and not a number."""
        return self.form != "number"

    def scores(self, prediction: Float[Tensor, "candidates ..."]) -> Float[Tensor, " candidates"]:
        """The label's logit less that of the others together, or the number. It can be differentiated."""
        if not self.is_label:
            place: Any = self.index if isinstance(self.index, tuple) else (self.index,)
            return (
                prediction.reshape(len(prediction), -1)[:, 0]
                if not place
                else prediction[(slice(None), *place)]
            )
        logs, index = self._logs(prediction), self.index
        assert isinstance(index, int)
        others = torch.cat([logs[:, :index], logs[:, index + 1 :]], 1)
        return logs[:, index] - others.logsumexp(1)

    def answers(self, prediction: Float[Tensor, "candidates ..."]) -> list[Answer]:
        """The likeliest label and the next ones, or the number as a text, whose probability is NaN."""
        if not self.is_label:
            return [Answer(f"{value:.4g}", float("nan")) for value in self.scores(prediction).tolist()]
        probabilities, index = self._logs(prediction).exp(), self.index
        if not self.is_likeliest:
            assert isinstance(index, int)
            return [Answer(self.labels[index], value) for value in probabilities[:, index].tolist()]
        best = probabilities.topk(min(CANDIDATES, len(self.labels)), 1)
        rows = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        candidates = [
            tuple(zip((self.labels[k] for k in numbers), shares, strict=True)) for shares, numbers in rows
        ]
        return [Answer(*ranked[0], candidates=ranked) for ranked in candidates]

    def _logs(self, prediction: Tensor) -> Float[Tensor, "candidates labels"]:
        """Logarithms of the labels' probabilities."""
        if self.form == "logits":
            return prediction.log_softmax(1)
        if self.form == "probabilities":
            return prediction.clamp(min=torch.finfo(prediction.dtype).tiny).log()
        second = prediction.reshape(len(prediction))
        if self.form == "logit":
            return logsigmoid(torch.stack([-second, second], 1))
        return torch.stack([1 - second, second], 1).clamp(min=torch.finfo(second.dtype).tiny).log()


def target_of(
    prediction: Float[Tensor, "rows ..."],
    *,
    target: str | int | tuple[int, ...] | None,
    labels: Sequence[object] | None,
    reads_tokens: bool,
    named_logits: bool,
    squashed: bool,
) -> Target:
    """What is explained of predictions of this shape.

    target: a label, by name or number, None the likeliest; or the place of a number in a row's prediction.
    labels: their names, which say that the prediction is one of labels. reads_tokens: what else says so, for several
            outputs, as `named_logits` does, or that they sum to 1. squashed: whether a single output is a probability.
    Raises SettingsError where it cannot be known which number is meant, and for a target that there is not.
    """
    row = prediction[:1].detach().float()
    size = row.reshape(1, -1).shape[1]
    sums_to_one = bool((row >= 0).all()) and abs(float(row.sum()) - 1) < ROUNDING
    if size == 1 and labels is not None:
        form: Form = "probability" if squashed else "logit"
        return _label(form, prediction, target, labels, 2)
    if row.dim() == 2 and size > 1 and (labels is not None or reads_tokens or named_logits or sums_to_one):
        return _label("probabilities" if sums_to_one else "logits", prediction, target, labels, size)
    if labels is not None:
        raise SettingsError(
            f"there are {len(labels)} labels for a prediction of shape {list(row.shape[1:])} a row"
        )
    if target is None and size > 1:
        raise SettingsError(
            f"the prediction has {list(row.shape[1:])} numbers a row: say which one, target=0 or target=(0, 1), or, if "
            "they are a classifier's logits, give labels=, the names of its classes"
        )
    if isinstance(target, str):
        raise SettingsError(f"target is {target!r}, and the prediction is a number; give labels= for names")
    place = () if target is None else target if isinstance(target, tuple) else (target,)
    try:
        single = row[0][place]
    except IndexError as fault:
        raise SettingsError(
            f"target is {target}, but a row's prediction is of shape {list(row.shape[1:])}"
        ) from fault
    if single.numel() != 1:
        raise SettingsError(
            f"target is {target}, but a row's prediction is of shape {list(row.shape[1:])}; name one number"
        )
    return Target(form="number", labels=(), index=place)


def _label(
    form: Form,
    prediction: Tensor,
    target: str | int | tuple[int, ...] | None,
    labels: Sequence[object] | None,
    count: int,
) -> Target:
    names = tuple(map(str, labels if labels is not None else range(count)))
    if len(names) != count:
        raise SettingsError(f"there are {len(names)} labels, and the prediction has {count}")
    if isinstance(target, tuple):
        raise SettingsError(f"target is {target}; of {count} labels give one, by its number or name")
    if isinstance(target, str) and target not in names:
        raise SettingsError(
            f"there is no label {target!r}; there are {', '.join(nearest_first(target, names))}"
        )
    likeliest = int(Target(form=form, labels=names, index=0)._logs(prediction[:1]).argmax())
    index = likeliest if target is None else names.index(target) if isinstance(target, str) else target
    if not -count <= index < count:
        raise SettingsError(f"target is {index}, and the labels are numbered 0 to {count - 1}")
    index %= count
    return Target(form=form, labels=names, index=index, is_likeliest=index == likeliest)
