"""Forecaster: series in, the next steps out, with quantiles."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn

from ...data.frequency import Frequency
from ...data.series import Series, filled
from ...errors import CorpusError, SettingsError, ShapeError
from ...nn.encoder import Encoder
from ...nn.eval_mode import eval_mode
from ...wording import count_of
from ..answer import check_finite
from ..batched import in_full_precision
from ..measure import Measurement, Metric
from ..probe import Probe, SeriesProbe
from ..samples import ROWS, TaskSamples
from ..task import Carry
from .backtest import backtest
from .batch import WindowBatch, collate
from .focus import step_names
from .forecasts import Forecasts
from .head import ForecastHead, WindowModel
from .metrics import PINBALL, POINT_METRICS, coverage_metric
from .network import Decoder, Scale, Segments
from .settings import ForecasterSettings
from .vocabulary import statistics_from, statistics_json
from .windows import Statistics, Window, Windows

# Steps times rows that are run at once: their states with 128 units take 200 MiB.
_AT_ONCE = 400_000
# Windows that the lens looks at, taken evenly from the end.
_SAMPLES = 256


class Forecaster(Forecasts, nn.Module):
    """Series → the steps after them: segments of the look-back, recurrent layers, a decoder for all steps ahead.

    Each target is read by itself, with the covariates, by the same weights (channel independence); `statistics` make
    all of one size, and a window's own level is taken away before the network and put back after it.
    """

    kind: ClassVar[str] = "forecaster"
    settings_type: ClassVar[type] = ForecasterSettings

    def __init__(self, statistics: Statistics, frequency: Frequency, settings: ForecasterSettings) -> None:
        nn.Module.__init__(self)
        self.describe(statistics, frequency, settings)
        columns = statistics.columns
        covariates = len(columns.past) + len(columns.known)
        self.encoder = Encoder(
            settings.cell, Segments(self.segment, 1 + covariates, settings.embedding_size),
            input_size=settings.embedding_size, hidden_size=settings.hidden_size, num_layers=settings.num_layers,
            dropout=settings.dropout, init=settings.init, horizon=settings.horizon,
            forget_bias=settings.forget_bias,
        )  # fmt: skip
        texts = [len(names) + 1 for names in statistics.categories if names is not None]
        self.decoder = Decoder(
            states=settings.hidden_size, size=settings.hidden_size, segment=self.segment, ahead=self.ahead,
            targets=len(columns.targets), known=len(columns.known), numbers=len(columns.static) - len(texts),
            categories=texts, outputs=1 + len(settings.quantiles), dropout=settings.dropout,
        )  # fmt: skip

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """MSE first, which judges a training; pinball loss and coverage where there are quantiles."""
        levels = self.settings.quantiles
        more = (PINBALL,) if levels else ()
        return (*POINT_METRICS, *more, *((coverage_metric(levels),) if len(levels) > 1 else ()))

    @property
    def vocabulary(self) -> None:
        """None: it reads numbers."""
        return

    @property
    def choices(self) -> None:
        """None: a forecast is a number."""
        return

    @classmethod
    def build(cls, items: Sequence[Series], settings: ForecasterSettings, seed: int) -> Self:
        """A forecaster for series such as these with fresh weights; the same for the same seed.

        Raises CorpusError for series of different columns or frequencies, and where none is as long as a window with
        its steps ahead.
        """
        if not items:
            raise CorpusError("there are no series to learn from; give one at least")
        settings = settings.for_data(items[0].frequency, [len(item) for item in items])
        statistics = Statistics.of(items)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            task = cls(statistics, items[0].frequency, settings)
        needed, longest = task.look_back + task.ahead, max(map(len, items))
        if longest < needed:
            raise CorpusError(
                f"the longest series has {count_of(longest, 'steps')}, and a window needs {needed:,}: "
                f"look_back={task.look_back} and steps_ahead={task.ahead}; make these smaller (--set look_back=…) or "
                "give longer series"
            )
        return task

    @classmethod
    def from_files(cls, settings: ForecasterSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A forecaster of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form, SettingsError for settings not found from data.
        """
        statistics, frequency = statistics_from(vocabulary)
        return cls(statistics, frequency, settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """Columns, frequency, means and deviations, and categories."""
        return statistics_json(self.statistics, self.frequency)

    def prepare(self, items: Sequence[Series], *, training: bool) -> Sequence[Window]:
        """In training every window with its steps ahead; otherwise the last window of each series, to be forecast.

        Raises CorpusError for a series of other columns or another frequency, and one that is shorter than a window.
        """
        if training:
            return Windows([self.prepared(item) for item in items], self.look_back, self.ahead)
        return [self.last_window(self.prepared(item)) for item in items]

    def unlearnable(self, example: Window) -> str | None:
        """Why nothing can be learnt from a series, of which this is the last window: it is too short; None if not."""
        needed = self.look_back + self.ahead
        return f"it has fewer than {needed:,} steps" if example.steps < needed else None

    def collate(self, examples: Sequence[Window]) -> WindowBatch:
        """Windows as one batch, time first."""
        return collate(examples)

    def forward(self, batch: WindowBatch) -> Float[Tensor, "ahead batch targets outputs"]:
        """Standardised: the forecast itself, then its quantiles."""
        return self.outputs_of(batch)

    def outputs_of(
        self, batch: WindowBatch, targets: Int64[Tensor, " targets"] | None = None, last: int | None = None
    ) -> Float[Tensor, "ahead batch targets outputs"]:
        """The same. targets: the numbers of those in the batch, None is all; last: given so many last segments only."""
        scale = self.scale(batch)
        x = self.encoder.embed(self.inputs(batch, scale))
        states, _ = self.encoder.layer(x if last is None else x[-max(last, 1) :])
        return scale.undone(self.decoder(states[-1], batch.ahead, batch.numbers, batch.categories, targets))

    def scale(self, batch: WindowBatch) -> Scale:
        """The level and size of each window."""
        return Scale.of(batch.values, self.settings.scaling)

    def inputs(self, batch: WindowBatch, scale: Scale) -> Float[Tensor, "time rows features"]:
        """What the segments are made of: a row is a target of an item, its features the value and the covariates."""
        values = scale.applied(batch.values)
        covariates = batch.covariates.unsqueeze(2).expand(-1, -1, values.shape[2], -1)
        return torch.cat([values.unsqueeze(3), covariates], 3).flatten(1, 2)

    def loss(self, batch: WindowBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Point and pinball loss of what is known, standardised. Raises ShapeError for windows without targets."""
        if batch.targets is None:
            raise ShapeError(
                "this batch has windows without what comes after; prepare them with training=True"
            )
        outputs = in_full_precision(self(batch))
        present = torch.isfinite(batch.targets)
        right = batch.targets.where(present, outputs[..., 0].detach())
        error = right - outputs[..., 0]
        point = error.square() if self.settings.point_loss == "squared" else error.abs()
        levels = outputs.new_tensor(self.settings.quantiles)
        above = (right.unsqueeze(-1) - outputs[..., 1:]) * present.unsqueeze(-1)
        losses = point + torch.maximum(levels * above, (levels - 1) * above).sum(-1)
        return losses.sum() / present.sum().clamp(min=1), None

    def loss_weight(self, batch: WindowBatch) -> int:
        """How many values after the windows are known."""
        return 0 if batch.targets is None else int(torch.isfinite(batch.targets).sum())

    def measure(
        self,
        items: Sequence[Series],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Back-testing: every window of the series forecast (at most 20,000, evenly) and compared with what came.

        Raises SettingsError where no series is as long as a window with its steps ahead.
        """
        return backtest(self, self.metrics, items, batch_size, on_progress)

    reading_run = 0

    def reading_layer(self) -> str:
        """The name of the layer that reads the segments."""
        return "encoder.layer"

    def probe(self, item: Series) -> Probe:
        """The layer's inputs for the target of one series that is looked at, and the head on its outputs.

        A step is a segment. Raises CorpusError as `prepare` does.
        """
        target, step = item.focus or (0, 1)
        part = self.prepared(item)
        batch = self.collate([self.last_window(part)]).to(self.decoder.place.device)
        with torch.no_grad(), eval_mode(self):
            scale = self.scale(batch)
            x = self.encoder.embed(self.inputs(batch, scale))[:, target : target + 1]
            head = ForecastHead(self, batch, part, scale, target, step - 1)
        (answer,) = self.predict([item])
        names = step_names(item, len(item) - self.look_back, self.look_back, self.segment)
        return Probe(
            layer=self.encoder.recurrent, x=x, tokens=names, answer=answer, head=head, unit="segment"
        )

    def series_probe(self, item: Series, *, past: bool = False) -> SeriesProbe:
        """One number of the forecast from the target's own values and the covariates; the first row is the last window.

        The other rows are windows before it, 63 at most, taken evenly. past: the last window is one of whose steps
        ahead the series holds all. Raises CorpusError as `forecast` does.
        """
        target, step = item.focus or (0, 1)
        item = item.up_to(len(item) - self.ahead, known=len(item)) if past else item
        self.refuse_short(item, self.ahead)
        part = self.prepared(item)
        observations = np.concatenate(
            [
                filled(np.asarray(item.targets))[:, target : target + 1],
                filled(np.asarray(item.past)),
                filled(np.asarray(item.known))[: len(item)],
            ],
            1,
        )
        ends = (
            np.linspace(len(item), self.look_back, min(ROWS, len(item) - self.look_back + 1))
            .round()
            .astype(int)
        )
        inputs = np.stack([observations[end - self.look_back : end] for end in ends])
        columns = item.columns
        return SeriesProbe(
            model=WindowModel(self, self.collate([self.last_window(part)]), part, target, step - 1),
            inputs=torch.from_numpy(inputs), features=(columns.targets[target], *columns.past, *columns.known),
            name=f"{columns.targets[target]}, {count_of(step, 'steps')} ahead ({item.time(len(item) + step - 1)})",
        )  # fmt: skip

    def samples(self, items: Sequence[Series]) -> list[TaskSamples]:
        """Windows of the series, taken evenly, 256 at most, each given its last so many segments.

        Raises SettingsError where no series is as long as a window with its steps ahead.
        """
        windows = self.prepare(items, training=True)
        if not windows:
            raise SettingsError(
                f"no series to examine it with has {self.look_back + self.ahead} steps; give longer ones"
            )
        windows = windows[:: -(-len(windows) // _SAMPLES)]
        segments = -(-self.look_back // self.segment)
        batches = [windows[start : start + ROWS] for start in range(0, len(windows), ROWS)]
        return [
            TaskSamples(
                task=self, examples=batch, lengths=torch.full((len(batch),), segments),
                needed=torch.full((len(batch),), segments), tail=torch.zeros(len(batch), dtype=torch.int64),
                located=False,
            )
            for batch in batches
        ]  # fmt: skip

    def losses(self, examples: Sequence[Window], last: int | None = None) -> Float[Tensor, " rows"]:
        """Half the squared error of each window, standardised, the network given its last so many segments."""
        outputs, targets = self.scored(examples, last)
        return (outputs - targets).square().mean(1) / 2

    def scored(
        self, examples: Sequence[Window], last: int | None = None
    ) -> tuple[Float[Tensor, "rows numbers"], Float[Tensor, "rows numbers"]]:
        """The forecasts of all targets and steps ahead, standardised, and what came; the same where that is unknown."""
        batch = self.collate(examples).to(self.decoder.place.device)
        assert batch.targets is not None
        outputs = self.outputs_of(batch, last=last)[..., 0]
        targets = batch.targets.where(torch.isfinite(batch.targets), outputs.detach())
        return outputs.transpose(0, 1).flatten(1), targets.transpose(0, 1).flatten(1)

    def outputs(self, windows: Sequence[Window], batch_size: int) -> NDArray[np.float64]:
        """The forecasts of windows, [ahead, windows, targets, outputs], standardised, without dropout or gradients.

        Raises BundleError if one is not finite."""
        rows = max(
            1,
            min(
                batch_size, _AT_ONCE // ((self.look_back + self.ahead) * len(self.statistics.columns.targets))
            ),
        )
        parts = []
        with torch.no_grad(), eval_mode(self):
            for start in range(0, len(windows), rows):
                batch = self.collate(windows[start : start + rows]).to(self.decoder.place.device)
                outputs = self(batch).double()
                check_finite(outputs)
                parts.append(outputs.cpu().numpy())
        return np.concatenate(parts, 1) if parts else np.zeros((self.ahead, 0, 1, 1))
