"""What a series classifier's files hold beside settings and weights, and the series that it reads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...data.corpora.labelled_series import series_in
from ...data.labelled_series import LabelledSeries
from ...errors import CorpusError, SettingsError
from ..classifier.content import check_labels, counts_of

# Deviations below this share of the largest value are rounding: such a feature is constant.
_CONSTANT = 1e-6


@dataclass(frozen=True, kw_only=True)
class SeriesContent:
    """Names of labels and features; the labels' counts, and each feature's mean and deviation, in the training data."""

    labels: Sequence[str]
    counts: Sequence[int] | None
    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of_items(cls, items: Sequence[LabelledSeries]) -> Self:
        """The content that these series give; a constant feature's deviation is 1.

        Raises CorpusError if there are fewer than two labels.
        """
        counts = Counter(item.label for item in items if item.label is not None)
        labels = sorted(counts)
        check_labels(labels)
        values = np.concatenate([item.values for item in items]).astype(np.float64)
        mean, deviation = values.mean(0), values.std(0)
        constant = deviation <= _CONSTANT * np.abs(values).max(0)
        return cls(
            labels=labels,
            counts=[counts[label] for label in labels],
            features=items[0].features,
            mean=tuple(mean.tolist()),
            deviation=tuple(np.where(constant, 1.0, deviation).tolist()),
        )

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Self:
        """The content whose JSON this is. Raises CorpusError for another form."""
        names: Any = [plain.get(name) for name in ("labels", "features")]
        numbers: Any = [plain.get(name) for name in ("mean", "deviation")]
        texts = all(isinstance(values, list) and all(isinstance(v, str) for v in values) for values in names)
        finite = all(
            isinstance(values, list) and all(type(v) in (int, float) and np.isfinite(v) for v in values)
            for values in numbers
        )
        if not texts or not finite or not names[1] or {len(v) for v in numbers} != {len(names[1])}:
            raise CorpusError(
                'a series classifier\'s vocabulary has "labels" and "features", lists of texts, and "mean" and '
                '"deviation", a number for each feature'
            )
        if min(numbers[1]) <= 0:
            raise CorpusError(f'"deviation" holds {min(numbers[1])}; a deviation is above 0')
        check_labels(names[0])
        return cls(
            labels=names[0], counts=counts_of(plain, names[0]), features=tuple(names[1]),
            mean=tuple(numbers[0]), deviation=tuple(numbers[1]),
        )  # fmt: skip

    def json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "labels": list(self.labels),
            "label_counts": self.counts,
            "features": list(self.features),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    def item(self, text: str, question: str | None) -> LabelledSeries:
        """The one series of a table, without its label.

        Raises SettingsError for a question or for several series, CorpusError for no table of numbers.
        """
        if question is not None:
            raise SettingsError(
                "a series classifier predicts a series' label and takes no question; leave it out"
            )
        items = self.read(text.encode(), "the text")
        if len(items) > 1:
            raise SettingsError(
                f"the table has {len(items)} series ({', '.join(item.id for item in items[:5])}, …); give one of them"
            )
        return items[0]

    def read(self, raw: bytes, path: str, *, series_column: str | None = None) -> list[LabelledSeries]:
        """The series in these bytes, with the features that the model reads. Raises as `read_labelled_series`."""
        if not raw.strip():
            raise CorpusError(f"{path} is empty; give a table with a row for each step")
        return series_in(raw, path, series_column=series_column, features=self.features)[0]

    def standardised(self, item: LabelledSeries) -> NDArray[np.float32]:
        """[steps, features]: the values less the training data's mean, over their deviation.

        Raises CorpusError for a series without steps or with other features.
        """
        shaped = item.values.ndim == 2 and item.values.shape[1] == len(self.features)
        if not shaped or tuple(item.features) != self.features:
            raise CorpusError(
                f"series {item.id!r} has values of shape {list(item.values.shape)}: {', '.join(item.features)}; the "
                f"model reads [steps, {len(self.features)}]: {', '.join(self.features)}, in this order"
            )
        if not len(item.values):
            raise CorpusError(f"series {item.id!r} is empty; give one with a step in it")
        scaled = (item.values.astype(np.float64) - self.mean) / self.deviation
        if not np.isfinite(scaled).all():
            raise CorpusError(f"series {item.id!r} holds a value that is no finite number; fill it")
        return scaled.astype(np.float32)
