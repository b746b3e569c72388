"""Training configurations by kind of task: the defaults of `keepgate train`, which `bench/` measures."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..config import settings_from
from ..errors import SettingsError, nearest_first
from ..tasks import KINDS
from .config import TrainingConfig


def recipe(kind: str, examples: int) -> TrainingConfig:
    """The configuration for a task of this kind ("span-reader", "classifier") on so many examples, on any machine.

    Raises SettingsError for a kind that has no recipe, or if there are no examples.
    """
    if kind not in KINDS:
        raise SettingsError(
            f"there is no recipe for {kind!r}; known are {', '.join(nearest_first(kind, KINDS))}"
        )
    if examples < 1:
        raise SettingsError(f"there are {examples} examples to train on; give at least one")
    return TrainingConfig(**KINDS[kind].recipe(examples))


def changed(config: TrainingConfig, values: Mapping[str, Any]) -> TrainingConfig:
    """The configuration with these values; `epochs` takes the place of its steps.

    Raises SettingsError for a name that is not a setting or a value that makes no sense.
    """
    before = asdict(config) | ({"steps": None} if values.get("epochs") is not None else {})
    return settings_from(TrainingConfig, before | dict(values))
