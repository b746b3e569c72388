"""MultilabelClassifier: text in, any number of labels out."""

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ...data.labelled import LabelledText
from ...data.multilabel import MultilabelText, labels_of
from ...data.tally import Tally
from ...data.vocabulary import Vocabulary
from ...errors import SettingsError
from ...wording import count_of, percent
from ..answer import Answer
from ..batched import numbers_of
from ..classifier.classifier import Classifier
from ..classifier.content import counts_of, vocabulary_of
from ..measure import Measurement, Metric
from .content import answer_from, names_given, text_with_labels, texts_counted
from .head import MultilabelHead
from .metrics import METRICS, measure_label_sets
from .settings import MultilabelSettings
from .thresholds import USUAL, best_thresholds


class MultilabelClassifier(Classifier):
    """Text → those of the labels that it has: a classifier with a probability and a threshold for each label.

    texts: how many were trained on. thresholds: a label whose probability is this or more is given.
    Raises CorpusError unless there is a label or more, all different.
    """

    kind: ClassVar[str] = "multilabel-classifier"
    settings_type: ClassVar[type] = MultilabelSettings
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    unlabelled = "it has a label that the model has not, or none is told"
    fewest_labels = 1
    head_type = MultilabelHead
    settings: MultilabelSettings
    thresholds: Float[Tensor, " labels"]

    def __init__(
        self,
        vocabulary: Vocabulary,
        pairs: Vocabulary,
        labels: Sequence[str],
        settings: MultilabelSettings,
        label_counts: Sequence[int] | None = None,
        texts: int | None = None,
    ) -> None:
        super().__init__(vocabulary, pairs, labels, settings, label_counts)
        self.texts = texts
        if self.label_weights is not None and texts is not None and label_counts is not None:
            counts = torch.tensor(label_counts, dtype=torch.float32)
            self.label_weights = (texts - counts).clamp(min=1) / counts
        self.register_buffer("thresholds", torch.full((len(labels),), settings.threshold or USUAL))

    @property
    def choices(self) -> None:  # type: ignore[override]
        """None: labels do not exclude each other; `labels` are their names."""
        return

    @classmethod
    def from_files(cls, settings: Any, vocabulary: Mapping[str, Any]) -> Self:
        """As a classifier's. Raises CorpusError if the vocabulary is not of that form."""
        tokens, pairs, labels = vocabulary_of(vocabulary)
        return cls(tokens, pairs, labels, settings, counts_of(vocabulary, labels), texts_counted(vocabulary))

    @classmethod
    def counted(cls, items: Sequence[LabelledText]) -> tuple[Counter[str], dict[str, Any]]:
        """How often each label occurs, and how many texts there are."""
        tally = Tally.of(items)
        return tally.labels + tally.several, {"texts": tally.label_counts.total()}

    def vocabulary_json(self) -> dict[str, Any]:
        """As a classifier's, with the number of texts that were trained on."""
        return {**super().vocabulary_json(), "texts": self.texts}

    def item(self, text: str, question: str | None = None) -> MultilabelText:
        """A text to predict the labels of. question: the label that the lens explains; None is all that are given.

        Raises SettingsError for a label that the model has not.
        """
        return text_with_labels(text, question, self.labels)

    def target_of(self, item: LabelledText) -> tuple[int, ...] | None:
        """The numbers of its labels; None where none is told, or one is not the model's."""
        labels = labels_of(item)
        if labels is None or any(label not in self._targets for label in labels):
            return None
        return tuple(self._targets[label] for label in labels)

    def stacked(self, targets: Sequence[Any]) -> Float[Tensor, "rows labels"] | None:
        """1 for each label that a text has, else 0; None if one text's are not known."""
        if any(target is None for target in targets):
            return None
        rows = torch.zeros(len(targets), len(self.labels))
        for row, numbers in zip(rows, targets, strict=True):
            row[list(numbers)] = 1.0
        return rows

    def _label_loss(
        self, scores: Float[Tensor, "rows labels"], targets: Float[Tensor, "rows labels"]
    ) -> Float[Tensor, ""]:
        weights = self.label_weights if self.training else None
        if self.training:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        return self._losses(scores, targets, weights).mean()

    def _losses(
        self,
        scores: Float[Tensor, "rows labels"],
        targets: Float[Tensor, "rows labels"],
        weights: Float[Tensor, " labels"] | None = None,
    ) -> Float[Tensor, " rows"]:
        losses = binary_cross_entropy_with_logits(
            scores, targets.to(scores), pos_weight=weights, reduction="none"
        )
        return losses.sum(1)

    def losses(self, examples: Sequence[Any], last: int | None = None) -> Float[Tensor, " rows"]:
        """The sum of the labels' cross entropies for each text, in nats, given the last so many of its tokens."""
        return self._losses(*self.scored(examples, last))

    def probabilities(
        self,
        items: Sequence[LabelledText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Float[Tensor, "items labels"]:
        """The probability of each label for each text, each by itself. Raises as a classifier does."""
        return self.logits(items, batch_size=batch_size, on_progress=on_progress).sigmoid()

    def labels_given(self, probabilities: Any) -> list[tuple[str, ...]]:
        """The labels that reach their thresholds, of each row. probabilities: [rows, labels]."""
        decisions = numbers_of(torch.as_tensor(probabilities)) >= numbers_of(self.thresholds)
        return [names_given(row, self.labels) for row in decisions]

    def predict(self, items: Sequence[LabelledText], *, batch_size: int = 64) -> list[Answer]:
        """The labels of each text as one answer; of one with a focus, whether it has that one. Raises as others."""
        shares = numbers_of(self.probabilities(items, batch_size=batch_size))
        thresholds = numbers_of(self.thresholds)
        return [
            answer_from(row, thresholds, self.labels, getattr(item, "focus", None))
            for item, row in zip(items, shares, strict=True)
        ]

    @torch.no_grad()
    def with_thresholds_at_zero(self) -> Self:
        """A copy whose logits are 0 or more where a label is given, for programs that know no thresholds."""
        shifted = copy.deepcopy(self)
        shifted.readout.bias -= self.thresholds.logit()
        shifted.thresholds.fill_(USUAL)
        return shifted

    def measure(
        self,
        items: Sequence[LabelledText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """F1 of all labels and by label, exact sets, calibration error. Raises SettingsError without labelled texts."""
        labelled = [item for item in items if labels_of(item) is not None]
        if not labelled:
            raise SettingsError("there are no labelled texts to evaluate on; give at least one")
        shares = numbers_of(self.probabilities(labelled, batch_size=batch_size, on_progress=on_progress))
        right = [labels_of(item) or () for item in labelled]
        return measure_label_sets(
            [item.id for item in labelled], right, shares, numbers_of(self.thresholds), self.labels
        )

    def calibrate(self, items: Sequence[LabelledText]) -> str:
        """Chooses each label's threshold by its F1 on these texts, unless the settings say one. Raises as `predict`."""
        if self.settings.threshold is not None:
            return ""
        targets = [self.target_of(item) for item in items]
        rows = [row for row, target in enumerate(targets) if target is not None]
        truth = self.stacked([targets[row] for row in rows])
        if not rows or truth is None:
            return ""
        shares = numbers_of(self.probabilities(items))[rows]
        before = self.measure([items[row] for row in rows]).values()["macro_f1"]
        thresholds = best_thresholds(shares, truth.numpy() > 0, numbers_of(self.thresholds))
        self.thresholds = torch.from_numpy(thresholds).to(self.thresholds)
        after = self.measure([items[row] for row in rows]).values()["macro_f1"]
        return (
            f"Thresholds from which on a label is given are chosen on these {count_of(len(rows), 'texts')}: "
            f"{thresholds.min():.2f} to {thresholds.max():.2f}, macro F1 {percent(before)} before and "
            f"{percent(after)} after."
        )
