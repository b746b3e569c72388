"""SeriesClassifier: rows of numbers, one a step, in; one of the labels out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn

from ...data.labelled_series import LabelledSeries
from ...data.text import Tokens
from ...errors import SettingsError
from ...nn.eval_mode import eval_mode
from ...nn.pooling import Pooling
from ..batched import TensorBatch, complete
from ..calibration import calibrate
from ..classifier.head import ClassifierHead
from ..classifier.metrics import METRICS, measure_labels
from ..label_task import LabelTask
from ..measure import Measurement, Metric
from ..probe import Probe
from ..samples import TaskSamples, samples_of
from .content import SeriesContent
from .settings import SeriesClassifierSettings


@dataclass(frozen=True, eq=False)
class SeriesExample:
    """One series, standardised, [steps, features]; the number of its label."""

    text: NDArray[np.float32]
    target: int | None

    @property
    def length(self) -> int:
        """Steps of the series."""
        return len(self.text)


@dataclass(frozen=True)
class SeriesBatch(TensorBatch):
    """A padded batch of examples, time first. targets: None if one is missing."""

    values: Float[Tensor, "time batch features"]
    lengths: Int64[Tensor, " batch"]
    targets: Int64[Tensor, " batch"] | None


class SeriesClassifier(LabelTask):
    """Series → one of the labels: standardised features, recurrent layers, pooled states, a linear layer."""

    kind: ClassVar[str] = "series-classifier"
    settings_type: ClassVar[type] = SeriesClassifierSettings
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    unlabelled = "its label is none of the model's"
    vocabulary = None

    def __init__(self, content: SeriesContent, settings: SeriesClassifierSettings) -> None:
        super().__init__(
            content.labels,
            settings,
            nn.Identity(),
            input_size=len(content.features),
            label_counts=content.counts,
        )
        self.content, self.label_smoothing = content, settings.label_smoothing
        self.pooling = Pooling(
            settings.pooling, self.encoder.output_size, bidirectional=settings.bidirectional
        )
        self.readout = nn.Linear(self.pooling.output_size, len(content.labels))

    @classmethod
    def build(cls, items: Sequence[LabelledSeries], settings: SeriesClassifierSettings, seed: int) -> Self:
        """A classifier with these series' labels and features, with fresh weights: the same for the same seed.

        Labels stand in the order of their names. Raises CorpusError if there are fewer than two.
        """
        content = SeriesContent.of_items(items)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(content, settings)

    @classmethod
    def from_files(cls, settings: SeriesClassifierSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A classifier of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(SeriesContent.of_json(vocabulary), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """Labels in the order of their numbers with their counts, features, and what they are standardised by."""
        return self.content.json()

    def item(self, text: str, question: str | None = None) -> LabelledSeries:
        """The one series of a table. Raises SettingsError for a question or for several series."""
        return self.content.item(text, question)

    def series_in(self, raw: bytes, path: str, *, series_column: str | None = None) -> list[LabelledSeries]:
        """The series in a file's bytes, to be labelled. Raises CorpusError for no table of numbers, and no .npz."""
        return self.content.read(raw, path, series_column=series_column)

    def prepare(self, items: Sequence[LabelledSeries], *, training: bool) -> list[SeriesExample]:
        """The standardised values of each series; in training without the unlearnable ones.

        Raises CorpusError for a series without steps or with other features.
        """
        examples = [
            SeriesExample(self.content.standardised(item), self._targets.get(item.label or ""))
            for item in items
        ]
        return [example for example in examples if not training or self.unlearnable(example) is None]

    def shortened(self, example: SeriesExample, last: int) -> SeriesExample:
        """The example with the last so many steps of its series, one at the least."""
        return replace(example, text=example.text[max(example.length - max(last, 1), 0) :])

    def collate(self, examples: Sequence[SeriesExample]) -> SeriesBatch:
        """The examples as one padded batch. It has targets if every example has one."""
        lengths = torch.tensor([example.length for example in examples])
        values = nn.utils.rnn.pad_sequence([torch.from_numpy(example.text) for example in examples])
        values = values.to(self.readout.weight.dtype)
        return SeriesBatch(values, lengths, complete([example.target for example in examples]))

    def forward(self, batch: SeriesBatch) -> Float[Tensor, "batch labels"]:
        """The logits of each label."""
        states, _ = self.encoder.layer(self.encoder.embed(batch.values), lengths=batch.lengths)
        logits: Tensor = self.readout(self.dropout(self.pooling(states, batch.lengths)))
        return logits

    def measure(
        self,
        items: Sequence[LabelledSeries],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Accuracy, F1, balanced accuracy and calibration error. Raises SettingsError without labelled series."""
        labelled = [item for item in items if item.label is not None]
        if not labelled:
            raise SettingsError("there are no labelled series to evaluate on; give at least one")
        probabilities = self.probabilities(labelled, batch_size=batch_size, on_progress=on_progress)
        right = [item.label or "" for item in labelled]
        return measure_labels([item.id for item in labelled], right, probabilities.numpy(), self.choices)

    def calibrate(self, items: Sequence[LabelledSeries]) -> str:
        """Divides the logits by the temperature that is best for these series. Raises as `predict` does."""
        targets = [example.target for example in self.prepare(items, training=False)]
        return calibrate(self.readout, self.logits(items), targets, "series")

    def probe(self, item: LabelledSeries) -> Probe:
        """The encoder's inputs for one series, and the head on its outputs. Raises CorpusError for an empty one."""
        values = torch.from_numpy(self.content.standardised(item)).unsqueeze(1)
        x = values.to(self.readout.weight)
        with torch.no_grad(), eval_mode(self):
            head = ClassifierHead(self, item, self.encoder.layer(x)[0])
        (answer,) = self.predict([item])

        def without(removed: Collection[int]) -> Tensor:
            remaining = [step for step in range(len(x)) if step not in removed]
            # Where nothing is left, one step of means stands for it.
            return x[remaining] if remaining else torch.zeros_like(x[:1])

        return Probe(
            layer=self.encoder.recurrent, x=x, tokens=step_names(len(x)), answer=answer, head=head, unit="step",
            without=without,
        )  # fmt: skip

    def samples(self, items: Sequence[LabelledSeries]) -> list[TaskSamples]:
        """The series in batches of similar length. Raises SettingsError if none has a label that the model knows.

        Where in a series its label comes from nobody says.
        """
        return samples_of(self, items, "series has a label")


def step_names(steps: int) -> Tokens:
    """Steps, from 1, as the tokens of a text with blanks between them."""
    names = tuple(map(str, range(1, steps + 1)))
    ends = np.cumsum([len(name) + 1 for name in names]) - 1
    starts = tuple(int(end) - len(name) for end, name in zip(ends, names, strict=True))
    return Tokens(names, starts, tuple(map(int, ends)))
