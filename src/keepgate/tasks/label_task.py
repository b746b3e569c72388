"""LabelTask: an encoder of a text, pooled states, and a linear layer to one of a fixed list of labels."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..data.multilabel import labels_of
from ..errors import SettingsError, ShapeError
from ..nn.encoder import Encoder
from .answer import Answer, candidates_of, check_finite
from .batched import in_batches, in_full_precision
from .task import Carry

# Steps times rows that are read at once when predicting: their states with 128 units take 64 MiB.
TOKENS_AT_ONCE = 131_072


class LabelTask(nn.Module):
    """Text → one of `choices`, its labels by number.

    settings: with the fields of the encoder. inputs: from ids to the encoder's inputs of `input_size`.
    label_counts: how often each label occurs in the training data, for a task whose settings have `class_weights`.
    A subclass makes `readout`, pools in `forward`, and gives `prepare`, `collate` and `shortened`.
    """

    unlabelled: ClassVar[str]  # why nothing can be learnt from an item whose label is none of the choices
    label_smoothing: float = 0.0  # share of the target given to all labels alike, in training
    label_weights: Tensor | None
    readout: nn.Linear
    shortened: Callable[[Any, int], Any]  # an example with the last so many tokens of its text
    collate: Callable[[Sequence[Any]], Any]
    prepare: Callable[..., Sequence[Any]]

    def __init__(
        self,
        labels: Sequence[str],
        settings: Any,
        inputs: nn.Module,
        *,
        input_size: int,
        window: int | None = None,
        label_counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.labels, self.settings = tuple(labels), settings
        self._targets = {label: number for number, label in enumerate(self.labels)}
        self.label_counts = None if label_counts is None else [*label_counts]
        weights = None
        if getattr(settings, "class_weights", None) == "balanced":
            if self.label_counts is None:
                raise SettingsError(
                    'class_weights is "balanced", and nobody says how often each label occurs'
                )
            weights = balanced_weights(self.label_counts)
        self.register_buffer("label_weights", weights, persistent=False)
        self.encoder = Encoder(
            settings.cell,
            inputs,
            input_size=input_size,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            init=settings.init,
            horizon=settings.horizon,
            forget_bias=settings.forget_bias,
            window=window,
        )
        self.dropout = nn.Dropout(settings.dropout)

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels, of which each item has one."""
        return self.labels

    def right_of(self, item: Any) -> Sequence[str]:
        """The labels that count as right of an item, whether or not they are among `labels`."""
        return labels_of(item) or ()

    def unlearnable(self, example: Any) -> str | None:
        """Why nothing can be learnt from this example; None if something can."""
        return self.unlabelled if example.target is None else None

    def lengths(self, item: Any, tokens: int | None = None) -> tuple[list[int], str | None]:  # noqa: ARG002
        """Those of the examples that training makes of an item, and where it makes none, the reason.

        tokens: how many the item has, where they were counted.
        """
        examples = self.prepare([item], training=True)
        if examples:
            return [example.length for example in examples], None
        (example,) = self.prepare([item], training=False)
        return [], self.unlearnable(example)

    def loss(self, batch: Any, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Mean cross entropy over the rows, in nats. Raises ShapeError if a row has no known label.

        In training a row counts as its label weighs; the weights of all training rows have the mean 1.
        """
        if batch.targets is None:
            raise ShapeError("this batch has items without a known answer; prepare them with training=True")
        return self._label_loss(self(batch), batch.targets), None

    def _label_loss(
        self, scores: Float[Tensor, "rows labels"], targets: Int[Tensor, " rows"]
    ) -> Float[Tensor, ""]:
        smoothing, weight = (self.label_smoothing, self.label_weights) if self.training else (0.0, None)
        # Over the number of rows, not the sum of their weights: so the batches of several processes add up to one.
        total = cross_entropy(scores, targets, weight=weight, label_smoothing=smoothing, reduction="sum")
        return total / len(targets)

    def losses(self, examples: Sequence[Any], last: int | None = None) -> Float[Tensor, " rows"]:
        """Cross entropy of each example, in nats, given the last so many tokens of its text; None gives all."""
        return cross_entropy(*self.scored(examples, last), reduction="none")

    def scored(
        self, examples: Sequence[Any], last: int | None = None
    ) -> tuple[Float[Tensor, "rows labels"], Int[Tensor, " rows"]]:
        """The labels' logits, and the right labels' numbers."""
        if last is not None:
            examples = [self.shortened(example, last) for example in examples]
        batch = self.collate(examples).to(self.readout.weight.device)
        return self(batch), batch.targets

    def probabilities(
        self,
        items: Sequence[Any],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Float[Tensor, "items labels"]:
        """The probability of each label for each item, on the processor, without dropout or gradient.

        Raises CorpusError for an item in which there is nothing to read, BundleError if the scores are not finite.
        """
        return self.logits(items, batch_size=batch_size, on_progress=on_progress).softmax(1)

    def logits(
        self,
        items: Sequence[Any],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Float[Tensor, "items labels"]:
        """What `probabilities` is the softmax of. Raises as it does."""

        def scores_of(batch: Any, _: list[int]) -> Sequence[Tensor]:
            scores = in_full_precision(self(batch))
            check_finite(scores)
            return scores.cpu().unbind()

        rows = in_batches(
            self,
            items,
            scores_of,
            batch_size=batch_size,
            tokens_at_once=TOKENS_AT_ONCE,
            on_progress=on_progress,
        )
        return torch.stack(rows) if rows else torch.empty(0, len(self.labels))

    def predict(self, items: Sequence[Any], *, batch_size: int = 64) -> list[Answer]:
        """The most probable label of each item, and the others after it. Raises as `probabilities` does."""
        candidates = candidates_of(self.probabilities(items, batch_size=batch_size).numpy(), self.labels)
        return [self.answer_of(item, labels) for item, labels in zip(items, candidates, strict=True)]

    def answer_of(self, item: Any, candidates: tuple[tuple[str, float], ...]) -> Answer:  # noqa: ARG002
        """The first of some labels with their probabilities as an answer to this item."""
        return Answer(*candidates[0], candidates=candidates)

    reading_run = 0

    def reading_layer(self) -> str:
        """The name of the layer that reads the text. Raises CellError if it has no memory."""
        assert self.encoder.recurrent is not None
        return "encoder.layer"


def balanced_weights(counts: Sequence[int]) -> Float[Tensor, " labels"]:
    """A weight for each label, by which all have the same sum: items / (labels · count), as scikit-learn's."""
    occurrences = torch.tensor(counts, dtype=torch.float32)
    return occurrences.sum() / (len(counts) * occurrences)
