"""ForecasterSettings: the hyperparameters of a forecaster."""

from dataclasses import dataclass, replace
from typing import Literal

from ...cells.choices import Init
from ...config import require
from ...data.frequency import Frequency
from ...errors import SettingsError
from ..encoder_settings import check_recurrent

Scaling = Literal["last", "standard"]
PointLoss = Literal["squared", "absolute"]

# What is added to a window's variance, in units of the series' own: a window in which nothing changes is not blown up.
LEAST_VARIANCE = 0.01

# By the season of the data: how many steps ahead are forecast, and from how many steps before. As the M4 competition
# asks (hours 48, weeks 13, months 18), in whole seasons where a few make a sensible plan: two days of hours, two weeks
# of days, a year of months.
_AHEAD = {7: 14, 5: 10, 52: 13, 12: 12, 4: 8}
_BACK = {7: 56, 5: 50, 52: 104, 12: 48, 4: 24}


@dataclass(frozen=True, kw_only=True)
class ForecasterSettings:
    """Hyperparameters of a forecaster. The defaults are what `bench/ett.py` measures; None is found from the data.

    steps_ahead: how many steps are forecast at once, 1, 2, … after the last value. look_back: from how many before.
    season: steps after which the series repeat, for the baseline and MASE: 24 of hours, 7 of days; 1 is none.
    segment_steps: steps that the network reads, and forecasts, at once (Lin et al. 2023, arXiv:2308.11200).
    quantiles: levels that are forecast beside it, in ascending order; the outermost two are the interval.
    scaling: what is taken away before the network and put back after it (Kim et al. 2022, RevIN): "last", the window's
        last value, or "standard", its mean and standard deviation.
    point_loss: of the forecast itself: "absolute" asks for the median, "squared" for the mean.
    cell: any with a memory, by keepgate's name or by the one that `cells.register` gave.
    embedding_size: of a segment. hidden_size: units of the recurrent layers.
    init, horizon, forget_bias: initial weights, as Recurrent takes them; this horizon is the memory's.
    dropout: share of the embedded segments and of the decoder's units that is dropped in training.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    steps_ahead: int | None = None
    look_back: int | None = None
    season: int | None = None
    segment_steps: int | None = None
    quantiles: tuple[float, ...] = (0.1, 0.9)
    scaling: Scaling = "last"
    point_loss: PointLoss = "absolute"
    cell: str = "gru"
    embedding_size: int = 128
    hidden_size: int = 128
    num_layers: int = 1
    init: Init = "orthogonal"
    horizon: int | None = None
    forget_bias: float | None = None
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_recurrent(self, "a forecaster")
        sizes = ("steps_ahead", "look_back", "season", "segment_steps")
        require(self, sizes, lambda value: value >= 1, "1 or more")
        ascending = list(self.quantiles) == sorted(set(self.quantiles))
        if not ascending or not all(0 < level < 1 for level in self.quantiles):
            raise SettingsError(
                f"quantiles is {self.quantiles}; give levels above 0 and below 1, ascending, such as 0.1 and 0.9"
            )

    def found(self, name: str) -> int:
        """A size that was found from data. Raises SettingsError while it is None."""
        value: int | None = getattr(self, name)
        if value is None:
            raise SettingsError(
                f"{name} is left out; it is found from data (Forecaster.build), or say what it is"
            )
        return value

    def for_data(self, frequency: Frequency, lengths: list[int]) -> "ForecasterSettings":
        """The same, with what is None found from the distance between steps and from how long the series are.

        Series that are short for the usual window get a shorter one: two thirds of the longest at most.
        """
        season = self.season or frequency.season
        longest = max(lengths)
        ahead = self.steps_ahead or max(
            1, min(_AHEAD.get(season, 2 * season if season > 1 else 12), longest // 4)
        )
        usual = max(_BACK.get(season, 7 * season if season > 1 else 48), 2 * ahead)
        back = self.look_back or max(1, min(usual, 2 * longest // 3 - ahead))
        return replace(
            self,
            steps_ahead=ahead,
            look_back=back,
            season=season,
            segment_steps=self.segment_steps or _segment(back, season),
        )


def _segment(look_back: int, season: int) -> int:
    """A season where the window has four or more of them, else about a quarter of the window that divides it."""
    if 1 < season <= look_back // 4:
        return season
    most = max(1, look_back // 4)
    return next(size for size in range(most, 0, -1) if look_back % size == 0)
