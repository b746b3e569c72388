"""Settings: frozen dataclasses, checked field by field, and read from plain values such as a TOML table."""

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar

from .errors import SettingsError, nearest_first

S = TypeVar("S")


def check(settings: Any) -> None:
    """Raises SettingsError for the first field of a settings dataclass whose value is not of its type."""
    hints = typing.get_type_hints(type(settings))
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not _fits(value, hints[field.name]):
            raise SettingsError(f"{field.name} is {value!r}; it must be {_describe(hints[field.name])}")


def require(settings: Any, names: Iterable[str], fits: Callable[[Any], bool], wanted: str) -> None:
    """Raises SettingsError for the first of these fields that is given (not None) and does not fit."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not fits(value):
            raise SettingsError(f"{name} is {value}; it must be {wanted}")


def settings_from(settings_type: type[S], values: Mapping[str, Any]) -> S:
    """The settings of this type from plain values, such as a table of a TOML file; the rest are the defaults.

    Raises SettingsError for a name that is not a setting (the known ones are listed, nearest first), one that
    is missing, or a value that does not fit.
    """
    declared = {field.name: field for field in fields(settings_type)}  # type: ignore[arg-type]
    for name in values:
        if name not in declared:
            raise SettingsError(
                f"{settings_type.__name__} has no setting {name!r}; "
                f"it has {', '.join(nearest_first(name, declared))}"
            )
    for name, field in declared.items():
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
