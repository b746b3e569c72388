"""Search spaces of `keepgate train --tune`: the values of each setting that may be tried, from a TOML table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import SettingsError
from .settings import refuse_unknown

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Number = int | float
T = TypeVar("T")
# What may be tried too, though it is an option and no setting.
SEED = "seed"
# A range of more whole numbers is not gone through.
_LISTED = 10_000
_FORM = "write a list of values, or { low = …, high = … }, with log = true where factors count"


@dataclass(frozen=True)
class Values:
    """Some values to choose among."""

    values: tuple[str | bool | Number, ...]

    @property
    def every(self) -> Sequence[Any]:
        """All that may be tried."""
        return self.values

    def __contains__(self, value: Any) -> bool:
        return value in self.values

    def __str__(self) -> str:
        *most, last = map(str, self.values)
        return f"{', '.join(most)} or {last}" if most else last

    def distribution(self) -> "BaseDistribution":
        """The same as Optuna draws from it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, whole ones if both are. log: drawn evenly by their logarithm."""

    low: Number
    high: Number
    log: bool = False

    @property
    def every(self) -> Sequence[Any] | None:
        """All that may be tried; None of more than can be gone through."""
        if isinstance(self.low, int) and isinstance(self.high, int) and self.high - self.low < _LISTED:
            return range(self.low, self.high + 1)
        return None

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, Number) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def distribution(self) -> "BaseDistribution":
        """The same as Optuna draws from it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)


Space = dict[str, Values | Range]


def space_from(table: Mapping[str, Any], settings_type: type, where: str) -> Space:
    """The space that a TOML table describes.

    where: the table's origin, for messages. Raises SettingsError for a name that is no setting of the model or its
    training (or `seed`), nearest first, for values that are no list and no range, for seeds that are none, and for a
    table without any.
    """
    if not table:
        raise SettingsError(f"{where}: there is no setting to try; {_FORM}")
    for name in without_seed(table):
        refuse_unknown(where, name, settings_type)
    space = {name: _tried(values, f"{where} {name}") for name, values in table.items()}
    seeds = space.get(SEED, Values(()))
    ends = seeds.values if isinstance(seeds, Values) else (seeds.low, seeds.high)
    if not all(type(end) is int and end >= 0 for end in ends):
        raise SettingsError(f"{where} {SEED} is {table[SEED]!r}; a seed is a whole number, 0 or more")
    return space


def without_seed(settings: Mapping[str, T]) -> dict[str, T]:
    """All settings but the seed."""
    return {name: value for name, value in settings.items() if name != SEED}


def seeds_of(space: Space) -> Sequence[int]:
    """The seeds that each combination of the other settings is trained with; none where the space has none."""
    values = space.get(SEED, Values(()))
    if isinstance(values, Range):
        return range(int(values.low), int(values.high) + 1)
    return [int(seed) for seed in values.values]


def combinations_of(space: Space) -> Iterator[dict[str, Any]] | None:
    """All combinations of the settings but the seed; None where a setting may have any number of a range."""
    every = _every(space)
    if every is None:
        return None
    return (dict(zip(every, values, strict=True)) for values in product(*every.values()))


def size_of(space: Space) -> int | None:
    """How many combinations there are, each with each seed; None as `combinations_of`."""
    every = _every(space)
    return None if every is None else prod(map(len, every.values())) * (len(seeds_of(space)) or 1)


def _every(space: Space) -> dict[str, Sequence[Any]] | None:
    """All values of each setting but the seed; None where one may have any number of a range."""
    lists = {name: values.every for name, values in without_seed(space).items()}
    every = {name: values for name, values in lists.items() if values is not None}
    return every if len(every) == len(lists) else None


def _tried(values: Any, where: str) -> Values | Range:
    if isinstance(values, list) and values and all(isinstance(value, str | Number) for value in values):
        return Values(tuple(dict.fromkeys(values)))
    if not isinstance(values, dict) or not {"low", "high"} <= set(values) <= {"low", "high", "log"}:
        raise SettingsError(f"{where} is {values!r}; {_FORM}")
    low, high, log = values["low"], values["high"], values.get("log", False)
    numbers = all(isinstance(end, Number) and not isinstance(end, bool) for end in (low, high))
    if not numbers or not isinstance(log, bool) or not low < high or (log and low <= 0):
        raise SettingsError(
            f"{where} is {values!r}; low and high must be numbers, low below high, and above 0 where log is true"
        )
    return Range(low, high, log)
