"""Settings from a command line: NAME=VALUE pairs and options, put over a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError, nearest_first

if TYPE_CHECKING:
    from ..train import TrainingConfig


def split(pairs: Sequence[str], settings_type: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """NAME=VALUE pairs as settings of the model and as settings of its training.

    Raises SettingsError for a name of neither; it lists those of both, nearest first.
    """
    from ..train import TrainingConfig

    of_model = [field.name for field in fields(settings_type)]
    of_training = [field.name for field in fields(TrainingConfig) if field.name != "seed"]
    for_model: dict[str, Any] = {}
    for_training: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set is {pair!r}; write NAME=VALUE, for example hidden_size=64")
        if name not in (*of_model, *of_training):
            raise SettingsError(
                f"--set {name}: there is no such setting. The model has {', '.join(nearest_first(name, of_model))}; "
                f"its training has {', '.join(nearest_first(name, of_training))}"
            )
        (for_model if name in of_model else for_training)[name] = value(text)
    return for_model, for_training


def value(text: str) -> Any:
    """The value of a word on a command line: a number, true or false, none, or else the text itself."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def run_from(
    recipe: "TrainingConfig", pairs: Mapping[str, Any], options: Mapping[str, Any]
) -> "TrainingConfig":
    """The recipe with the pairs and options in its place; an option that is None was not given.

    Raises SettingsError for a value that makes no sense.
    """
    from ..train.recipes import changed

    return changed(
        recipe, {**pairs, **{name: option for name, option in options.items() if option is not None}}
    )
