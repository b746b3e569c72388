"""What a reader is built from: frozen dataclasses, the schema of model.toml and of the commands' options."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeVar

from ..errors import SettingsError, nearest_first

CellName = Literal["feedforward", "rnn", "lstm", "gru"]
InitName = Literal["torch", "orthogonal", "chrono"]
Reading = Literal["last", "attention"]

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class ChoiceReaderSettings:
    """A reader that chooses among the answers it has seen in training.

    cell: what reads the text; "feedforward" sees a fixed window of `window` tokens and has no memory.
    reading: "last" reads text and question as one sequence and answers from the last state; "attention" lets
        the question look over all the text's states.
    horizon: tokens over which "chrono" spreads its memory; None leaves it to the layer.
    forget_bias: the bias of the gate that keeps, instead of what `init` gives.
    window: tokens that a feed-forward reader sees at once; needed by it, refused with the other cells.
    dropout: share of embeddings and states dropped in training, one mask for all steps; 0 or more, below 1.
    Raises SettingsError for a value outside these, or for two that do not go together.
    """

    cell: CellName = "gru"
    reading: Reading = "attention"
    embedding_size: int = 64
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    init: InitName = "torch"
    horizon: int | None = None
    forget_bias: float | None = None
    window: int | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check(self)
        for name in ("embedding_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if not 0 <= self.dropout < 1:
            raise SettingsError(f"dropout is {self.dropout}; it must be 0 or more and below 1")
        if self.horizon is not None and self.horizon < 2:
            raise SettingsError(f"horizon is {self.horizon} tokens; it must be 2 or more")
        if self.window is not None and self.window < 1:
            raise SettingsError(f"window is {self.window} tokens; it must be 1 or more")
        if (self.cell == "feedforward") != (self.window is not None):
            raise SettingsError(
                f'cell is "{self.cell}" and window is {self.window}; the feed-forward reader needs a window '
                "(16, for example), and the other cells take none"
            )
        if self.cell == "feedforward" and self.bidirectional:
            raise SettingsError('cell="feedforward" has one direction; give bidirectional=False')


def check(settings: Any) -> None:
    """Raises SettingsError for the first field of a settings dataclass whose value is not of its type."""
    hints = typing.get_type_hints(type(settings))
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not _fits(value, hints[field.name]):
            raise SettingsError(f"{field.name} is {value!r}; it must be {_describe(hints[field.name])}")


def settings_from(settings_type: type[S], values: Mapping[str, Any]) -> S:
    """The settings of this type from plain values, such as a table of a TOML file; the rest are the defaults.

    Raises SettingsError for a name that is not a setting (the known ones are listed, nearest first), one that
    is missing, or a value that does not fit.
    """
    known = {field.name: field for field in fields(settings_type)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise SettingsError(
                f"{settings_type.__name__} has no setting {name!r}; "
                f"it has {', '.join(nearest_first(name, known))}"
            )
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise SettingsError(f"{settings_type.__name__} needs the setting {name!r}, which is not given")
    hints = typing.get_type_hints(settings_type)
    return settings_type(**{name: _as(value, hints[name]) for name, value in values.items()})


def _options(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    return any(_fits_one(value, option) for option in _options(hint))


def _fits_one(value: Any, option: Any) -> bool:
    origin, arguments = typing.get_origin(option), typing.get_args(option)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        inner = arguments[:1] * len(value) if arguments[1:] == (...,) else arguments
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if option in (int, float):
        finite = isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
        return finite and not isinstance(value, bool) and (option is float or isinstance(value, int))
    return isinstance(value, option)


def _as(value: Any, hint: Any) -> Any:
    """The value as the setting holds it: TOML's lists become tuples, whole numbers floats where floats go."""
    if isinstance(value, list) and any(typing.get_origin(option) is tuple for option in _options(hint)):
        return tuple(value)
    if type(value) is int and float in _options(hint) and int not in _options(hint):
        return float(value)
    return value


def _describe(hint: Any) -> str:
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}
    names[type(None)] = "left out"
    parts = []
    for option in _options(hint):
        if typing.get_origin(option) is Literal:
            parts.append("one of " + ", ".join(f'"{choice}"' for choice in typing.get_args(option)))
        else:
            parts.append(names.get(option, str(option)))
    return " or ".join(parts)
