"""Settings from a command line: a TOML file, NAME=VALUE pairs and options, put over a recipe."""

import tomllib
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.corpora.source import read_text
from ..errors import SettingsError, nearest_first

if TYPE_CHECKING:
    from ..train import TrainingConfig


def split(
    pairs: Sequence[str], settings_type: type, file: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of a TOML file and NAME=VALUE pairs, which go before it, as those of the model and of its training.

    Raises SettingsError for a name of neither, with those of both, nearest first, or for what is no TOML file of
    settings; CorpusError if it cannot be read.
    """
    from ..train import TrainingConfig

    of_model, _ = _names(settings_type)
    hints = typing.get_type_hints(TrainingConfig) | typing.get_type_hints(settings_type)
    for_model: dict[str, Any] = {}
    for_training: dict[str, Any] = {}
    for where, name, values in (*_of_file(file), *_of_pairs(pairs)):
        refuse_unknown(where, name, settings_type)
        if isinstance(values, dict):
            raise SettingsError(
                f"{where} {name} is a table; write the settings as NAME = VALUE, without tables"
            )
        if where == _OPTION:
            parsed = value(values, several=_is_list(hints[name]))
        else:
            parsed = None if values == NONE else values
        (for_model if name in of_model else for_training)[name] = parsed
    return for_model, for_training


def refuse_unknown(where: str, name: str, settings_type: type) -> None:
    """Raises SettingsError for a name that is no setting of the model or its training, with those, nearest first."""
    of_model, of_training = _names(settings_type)
    if name not in (*of_model, *of_training):
        lists = [("model", nearest_first(name, of_model)), ("training", nearest_first(name, of_training))]
        nearest = nearest_first(name, [names[0] for _, names in lists])[0]
        (first, names), (second, others) = sorted(lists, key=lambda entry: entry[1][0] != nearest)
        raise SettingsError(
            f"{where} {name}: there is no such setting. The {first} has {', '.join(names)}; the {second} has "
            f"{', '.join(others)}"
        )


def _names(settings_type: type) -> tuple[list[str], list[str]]:
    """The settings of the model, and those of its training."""
    from ..train import TrainingConfig

    return [field.name for field in fields(settings_type)], [
        field.name for field in fields(TrainingConfig) if field.name != "seed"
    ]


_OPTION = "--set"
# What stands for no value where TOML has no word for it.
NONE = "none"


def _of_pairs(pairs: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set is {pair!r}; write NAME=VALUE, for example hidden_size=64")
        yield _OPTION, name, text


def _of_file(path: Path | None) -> Iterator[tuple[str, str, Any]]:
    if path is not None:
        table = toml_of("--settings", path, "NAME = VALUE for each, for example hidden_size = 64")
        yield from ((f"--settings {path}:", name, setting) for name, setting in table.items())


def toml_of(option: str, path: Path, form: str) -> dict[str, Any]:
    """The table in a TOML file. Raises SettingsError if it is none, CorpusError if it cannot be read."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as fault:
        raise SettingsError(f"{option} {path} is not TOML: {fault}; write a line {form}") from fault


def _is_list(hint: Any) -> bool:
    return any(typing.get_origin(option) is tuple for option in (hint, *typing.get_args(hint)))


def value(text: str, *, several: bool = False) -> Any:
    """The value of a word on a command line: a number, true or false, none, or else the text itself.

    several: a list of them, with commas between.
    """
    words = {"true": True, "false": False, NONE: None}
    if text.lower() in words:
        return words[text.lower()]
    if several:
        return [value(part.strip()) for part in text.split(",") if part.strip()]
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
