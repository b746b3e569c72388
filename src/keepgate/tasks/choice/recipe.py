"""How a choice reader is trained if nobody says otherwise."""

from typing import Any


def recipe(examples: int) -> dict[str, Any]:
    """The recipe of the stories: a high rate, constant for 60 % of the steps, then falling to 0.

    32 epochs, but at least 600 steps; of a large corpus 10,000 steps, but at least 5 epochs.
    """
    batch_size = 32
    at_least = max(600, 5 * examples // batch_size + 1)
    return {"steps": max(min(examples, 10_000), at_least), "batch_size": batch_size}
