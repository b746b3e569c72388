"""Forecasts: from series to forecasts in their own units, around whatever computes the outputs of windows."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...data.frequency import Frequency
from ...data.series import Series
from ...errors import CorpusError, SettingsError
from ...wording import count_of
from ..answer import Answer
from .focus import focused
from .forecast import Forecast
from .settings import ForecasterSettings
from .windows import Prepared, Statistics, Window


class Forecasts:
    """What a forecaster with torch and one without have in common.

    outputs: of so many windows at once the forecasts, [ahead, windows, targets, outputs], standardised.
    """

    outputs: Callable[[Sequence[Window], int], NDArray[np.float64]]

    def describe(self, statistics: Statistics, frequency: Frequency, settings: ForecasterSettings) -> None:
        """Takes what it was built for. Raises SettingsError for sizes that were not found from data."""
        self.statistics, self.frequency, self.settings = statistics, frequency, settings
        self.ahead, self.look_back = settings.found("steps_ahead"), settings.found("look_back")
        self.season, self.segment = settings.found("season"), settings.found("segment_steps")

    def item(self, text: str, question: str | None = None) -> Series:
        """The series in a table, the text of a CSV file say, and what is asked of it: [SERIES:]TARGET[+STEPS AHEAD].

        None is the first step of the first target, of the only series. Raises CorpusError as `read_series` does,
        SettingsError for another question.
        """
        return focused(text, question, self.statistics.columns, self.ahead)

    def prepared(self, item: Series) -> Prepared:
        """A series standardised. Raises CorpusError as `prepare` does, but for its length."""
        if item.frequency != self.frequency:
            raise CorpusError(
                f"{item.name} has a step every {item.frequency}, and the model was trained on one every "
                f"{self.frequency}"
            )
        return self.statistics.prepared(item)

    def forecast(
        self, items: Sequence[Series], *, steps: int | None = None, batch_size: int = 64
    ) -> list[Forecast]:
        """The steps after each series, in the data's own units, without dropout or gradients.

        steps: how many; None is all that it was trained for. Raises SettingsError for more than those, CorpusError as
        `prepare` does and where what is known ahead ends too soon, BundleError if the forecast is not finite.
        """
        count = self.ahead if steps is None else steps
        if not 1 <= count <= self.ahead:
            raise SettingsError(
                f"{count} steps are asked for, and the model forecasts 1 to {self.ahead}; train one with "
                f"--set steps_ahead={count}"
            )
        parts = [self.prepared(item) for item in items]
        for item in items:
            self.refuse_short(item, count)
        windows = [self.last_window(part) for part in parts]
        outputs = self.outputs(windows, batch_size)
        forecasts = []
        for row, (item, part) in enumerate(zip(items, parts, strict=True)):
            values = part.restored(np.moveaxis(outputs[:count, row], -1, 0))
            quantiles = np.sort(values[1:], axis=0)
            forecasts.append(
                Forecast(
                    series=item, times=tuple(item.times(np.arange(len(item), len(item) + count))), point=values[0],
                    quantiles=dict(zip(self.settings.quantiles, quantiles, strict=True)),
                )
            )  # fmt: skip
        return forecasts

    def predict(self, items: Sequence[Series], *, batch_size: int = 64) -> list[Answer]:
        """The first step after each series, of its first target: its interval. `forecast` gives all of it."""
        places = [item.focus or (0, 1) for item in items]
        forecasts = self.forecast(items, batch_size=batch_size)
        return [each.answer(target, step - 1) for each, (target, step) in zip(forecasts, places, strict=True)]

    def last_window(self, part: Prepared) -> Window:
        """The window before what is still to come, its first value before the first of a series that is too short."""
        return part.last_window(self.look_back, self.ahead)

    def refuse_short(self, item: Series, ahead: int) -> None:
        """Raises CorpusError for a series that is too short, and where what is known ahead ends too soon."""
        steps = len(item)
        if steps < self.look_back:
            raise CorpusError(
                f"{item.name} has {count_of(steps, 'steps')}, and the model reads {self.look_back}; give a longer one"
            )
        if item.columns.known and len(item.known) < steps + ahead:
            raise CorpusError(
                f"{item.name}: what is known ahead ({', '.join(item.columns.known)}) goes on for "
                f"{count_of(len(item.known) - steps, 'steps')} after the last value, and {ahead} are to be forecast; "
                f"add rows with these and an empty {item.columns.targets[0]}"
            )
