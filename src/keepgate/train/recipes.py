"""How each kind of reader is trained if nobody says otherwise: what `keepgate train` does and `bench/` measures."""

from collections.abc import Callable

from ..errors import SettingsError, nearest_first
from .settings import Run


def recipe(kind: str, examples: int) -> Run:
    """The run for a reader of this kind ("span-reader", "choice-reader") on so many examples.

    Raises SettingsError for a kind that has no recipe, or if there are no examples.
    """
    if kind not in _RECIPES:
        raise SettingsError(
            f"there is no recipe for {kind!r}; known are {', '.join(nearest_first(kind, _RECIPES))}"
        )
    if examples < 1:
        raise SettingsError(f"there are {examples} examples to train on; give at least one")
    return _RECIPES[kind](examples)


def span_reader(examples: int) -> Run:
    """Windows at random around the answer first, whole texts at the end, and a moving average of the weights."""
    return Run(
        steps=_steps(examples, batch_size=32, epochs=10, least=400),
        batch_size=32,
        learning_rate=2e-3,
        schedule="cosine",
        crop_until=0.7,
        average=0.998,
        autocast="bfloat16",
    )


def choice_reader(examples: int) -> Run:
    """The recipe of the stories: a high rate, flat for 60 % of the steps, then falling to nothing."""
    return Run(steps=_steps(examples, batch_size=32, epochs=30, least=600), batch_size=32)


def _steps(examples: int, *, batch_size: int, epochs: int, least: int) -> int:
    """So many epochs in steps, and for a small corpus as many more as it takes to learn anything."""
    return max(epochs * -(-examples // batch_size), least)


_RECIPES: dict[str, Callable[[int], Run]] = {"span-reader": span_reader, "choice-reader": choice_reader}
