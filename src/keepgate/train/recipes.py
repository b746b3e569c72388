"""How each kind of reader is trained if nobody says otherwise: what `keepgate train` does and `bench/` measures."""

from collections.abc import Callable
from typing import Literal

from ..errors import SettingsError, nearest_first
from ..machine import machine
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
    """What `bench/cmrc2018.py` measures: windows at random around the answer, and a moving average of the weights."""
    return Run(
        steps=max(400, round(0.17 * examples)),
        batch_size=32,
        learning_rate=2e-3,
        schedule="cosine",
        warmup=60,
        flat=0.25,
        floor=0.02,
        betas=(0.9, 0.98),
        clip=5.0,
        average=0.995,
        autocast=_bfloat16_where_it_is_fast(),
    )


def choice_reader(examples: int) -> Run:
    """The recipe of the stories: a high rate, flat for 60 % of the steps, then falling to 0.

    32 epochs, but at least 600 steps; of a large corpus 10,000 steps, but at least 5 epochs.
    """
    batch_size = 32
    at_least = max(600, 5 * examples // batch_size + 1)
    return Run(steps=max(min(examples, 10_000), at_least), batch_size=batch_size)


def _bfloat16_where_it_is_fast() -> Literal["bfloat16"] | None:
    """Without instructions for it, bfloat16 is slower than float32."""
    here = machine()
    return "bfloat16" if here.accelerators or "bfloat16" in (here.extras or ()) else None


_RECIPES: dict[str, Callable[[int], Run]] = {"span-reader": span_reader, "choice-reader": choice_reader}
