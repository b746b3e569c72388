"""Tasks as functions of plain tensors, with all that is numbers in and numbers out; and an example for each."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..errors import ShapeError
from ..tasks import Forecaster, SeriesClassifier, Tagger
from ..tasks.forecaster.batch import WindowBatch
from ..tasks.runtime_letters import MOST_LETTERS, letters_read
from ..tasks.series_classifier.classifier import SeriesBatch


class SeriesNetwork(nn.Module):
    """A classifier of series as a function of values in their own units, which it standardises in float64."""

    def __init__(self, task: SeriesClassifier) -> None:
        super().__init__()
        self.task = task
        self.mean, self.deviation = map(_buffer, (task.content.mean, task.content.deviation))

    def forward(
        self, values: Float[Tensor, "time batch features"], lengths: Int64[Tensor, " batch"]
    ) -> Float[Tensor, "batch labels"]:
        """The logits of each label."""
        scaled = (values.double() - self.mean) / self.deviation
        scores: Tensor = self.task(SeriesBatch(scaled.to(self.task.readout.weight.dtype), lengths, None))
        return scores

    def example(self) -> tuple[Tensor, Tensor]:
        """Series of values about their means."""
        lengths = (11, 7)
        noise = torch.randn(max(lengths), len(lengths), len(self.mean), generator=_seeded())
        return (self.mean + noise * self.deviation).float(), torch.tensor(lengths)


class TaggerNetwork(nn.Module):
    """A tagger as a function of token numbers to the scores of the tags; the search for the best tags is the caller's.

    start, between, end: what the CRF adds for the first tag, for each move [from, to], and for the last tag.
    """

    def __init__(self, task: Tagger) -> None:
        super().__init__()
        self.task = task

    def forward(
        self,
        tokens: Int64[Tensor, "time batch"],
        pairs: Int64[Tensor, "time batch"] | None,
        letters: Int64[Tensor, "time batch letters"] | None,
        lengths: Int64[Tensor, " batch"],
    ) -> dict[str, Tensor]:
        """Emissions [time, batch, tags], what is added to them, and the logits of the text's label where there are any.

        pairs: None of a model without them. letters: 0 after a token's last; None of a model that reads none.
        """
        inputs: Any = self.task.encoder.inputs
        x = inputs.tokens(torch.stack([tokens, tokens if pairs is None else pairs], -1))
        if letters is not None:
            spelt = letters.flatten(0, 1).T
            _, last = inputs.spelling(spelt, (spelt != 0).sum(0))
            x = torch.cat([x, last.unflatten(0, letters.shape[:2])], -1)
        states = self.task.encoder.layer(x, lengths=lengths)[0]
        start, between, end = self.task.crf.transitions()
        result = {
            "emissions": self.task.readout(states),
            "start": start,
            "between": between,
            "end": end,
        }
        if self.task.text_labels:
            result["label_scores"] = self.task.label_logits(states, lengths)
        return result

    def example(self, texts: list[str]) -> tuple[Tensor | None, ...]:
        """These texts, as what the network reads."""
        task = self.task
        batch = task.collate(task.prepare([task.item(text) for text in texts], training=False))
        pairs = batch.ids[..., 1] if task.settings.pair_size else None
        letters = None
        if task.letters is not None:
            letters = torch.zeros(*batch.ids.shape[:2], MOST_LETTERS, dtype=torch.int64)
            for column, text in enumerate(texts):
                for row, token in enumerate(task.item(text).tokens.texts):
                    numbers = task.letters.ids(letters_read(token))
                    letters[row, column, : len(numbers)] = torch.tensor(numbers)
        return batch.ids[..., 0], pairs, letters, batch.lengths


class ForecastNetwork(nn.Module):
    """A forecaster as a function of windows in their own units to forecasts in them, scaled in float64."""

    def __init__(self, task: Forecaster) -> None:
        super().__init__()
        self.task = task
        statistics = task.statistics
        self.mean, self.deviation = map(_buffer, (statistics.means, statistics.deviations))
        self.parts = dict(statistics.numbers_of)
        targets, past, ahead, static = (part.stop - part.start for part in self.parts.values())
        texts = len(statistics.categories) - static
        self.shapes = {
            "values": (task.look_back, None, targets + past + ahead), "known": (task.ahead, None, ahead),
            "numbers": (None, static), "categories": (None, texts), "means": (None, targets),
            "deviations": (None, targets),
        }  # fmt: skip

    def forward(
        self,
        values: Float[Tensor, "time batch columns"],
        known: Float[Tensor, "ahead batch known"] | None,
        numbers: Float[Tensor, "batch numbers"] | None,
        categories: Int64[Tensor, "batch categories"] | None,
        means: Float[Tensor, "batch targets"] | None,
        deviations: Float[Tensor, "batch targets"] | None,
    ) -> dict[str, Float[Tensor, "ahead batch targets levels"]]:
        """The forecast, and after it its quantiles in their order.

        values: targets, past and known columns of the steps before, without gaps. numbers, categories: static columns,
        a text by its number from 1. means, deviations: of each series' targets, where several were trained on.
        What the model has none of is None.
        """
        inputs = (values, known, numbers, categories, means, deviations)
        for (name, shape), tensor in zip(self.shapes.items(), inputs, strict=True):
            if tensor is not None:
                _check_shape(name, tensor, shape)
        targets = self.parts["targets"].stop
        mean = self.mean[:targets] if means is None else means
        deviation = self.deviation[:targets] if deviations is None else deviations
        ends = slice(targets, self.parts["known"].stop)
        batch = WindowBatch(
            values=self._network_units((values[..., :targets] - mean) / deviation),
            covariates=self._network_units((values[..., ends] - self.mean[ends]) / self.deviation[ends]),
            ahead=self._standardised(known, "known", (self.task.ahead, values.shape[1], 0)),
            numbers=self._standardised(numbers, "static", (values.shape[1], 0)),
            categories=values.new_zeros(values.shape[1], 0).long() if categories is None else categories,
            targets=None,
        )
        outputs = self.task.outputs_of(batch).double() * deviation.unsqueeze(-1) + mean.unsqueeze(-1)
        return {"forecast": torch.cat([outputs[..., :1], outputs[..., 1:].sort(-1).values], -1)}

    def _standardised(self, values: Tensor | None, part: str, empty: tuple[Any, ...]) -> Tensor:
        if values is None:
            zeros: Tensor = self.task.decoder.place.new_zeros(empty)
            return zeros
        place = self.parts[part]
        return self._network_units((values - self.mean[place]) / self.deviation[place])

    def _network_units(self, values: Tensor) -> Tensor:
        units: Tensor = values.to(self.task.decoder.place.dtype)
        return units

    def example(self) -> tuple[Tensor | None, ...]:
        """Windows of values about their means; how many is no other size of what is read."""
        task, statistics, generator = self.task, self.task.statistics, _seeded()
        targets, columns = (self.parts[name].stop for name in ("targets", "known"))
        known_count = columns - self.parts["known"].start
        counts = [len(names) + 1 for names in statistics.categories if names is not None]
        numbers = len(self.mean) - columns
        sizes = {task.look_back, columns, task.ahead, known_count, numbers, len(counts), targets}
        rows = next(rows for rows in range(2, 10) if rows not in sizes)

        def drawn(place: slice, *shape: int) -> Tensor | None:
            if place.start == place.stop:
                return None
            noise = torch.randn(*shape, place.stop - place.start, generator=generator, dtype=torch.float64)
            return self.mean[place] + noise * self.deviation[place]

        means, deviations = (
            moments[:targets].expand(rows, -1).clone() if statistics.alone else None
            for moments in (self.mean, self.deviation)
        )
        categories = [torch.randint(count, (rows,), generator=generator) for count in counts]
        return (
            drawn(slice(0, columns), task.look_back, rows),
            drawn(self.parts["known"], task.ahead, rows),
            drawn(self.parts["static"], rows),
            torch.stack(categories, 1) if categories else None,
            means,
            deviations,
        )


def _check_shape(name: str, tensor: Tensor, expected: tuple[int | None, ...]) -> None:
    """Raises ShapeError for another shape than the model reads; None is any number of rows."""
    if any(size not in (None, actual) for size, actual in zip(expected, tensor.shape, strict=True)):
        dims = ", ".join("rows" if size is None else str(size) for size in expected)
        raise ShapeError(
            f"{name} has the shape {list(tensor.shape)}, and the model reads [{dims}]; give that"
        )


def _buffer(numbers: Any) -> nn.Buffer:
    return nn.Buffer(torch.tensor(numbers, dtype=torch.float64), persistent=False)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
