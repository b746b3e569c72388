"""Parts of parsed JSON and names of columns, or an error that says which is missing, of another kind or there twice."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ...errors import CorpusError, nearest_first

T = TypeVar("T")
_KINDS = {
    str: "text",
    list: "a list",
    dict: "an object",
    int: "a number",
    float: "a number",
    bool: "true or false",
}
_LISTED = 8
_HALVES = re.compile("[\ud800-\udfff]")
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_TRUTH = {"true": 1.0, "false": 0.0}


def clean(text: str) -> str:
    """The text with lone halves of surrogate pairs, which JSON can spell but no file can hold, as �."""
    return _HALVES.sub("\ufffd", text)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    return "null" if value is None else _KINDS.get(type(value), f"of type {type(value).__name__}")


def is_missing(value: object) -> bool:
    """Whether a value of JSON stands for nothing: null, or NaN, which pandas writes for it."""
    return value is None or value != value


def as_text(value: object) -> str:
    """A value of JSON, Parquet or NumPy as text, empty for what is missing.

    Whole numbers are without a point, as JSON's 1.0 and 1 are one number; true and false are as JSON has them.
    """
    plain: Any = value.item() if hasattr(value, "item") else value
    if is_missing(plain):
        return ""
    if isinstance(plain, bool):
        return str(plain).lower()
    # NumPy writes a float32 with the digits that tell it from the next one.
    return clean(str(int(plain) if isinstance(plain, float) and plain.is_integer() else value))


def cell_of(value: object, column: str, path: str, place: str) -> str:
    """A cell as text, as `as_text`. Raises CorpusError, in JSON, for an object or a list in its place."""
    if isinstance(value, (dict, list)):
        raise CorpusError(
            f"{path}, {place}: {column!r} holds {kind_of(value)}; text or a number belongs there"
        )
    return as_text(value)


def as_label(value: object) -> str:
    """A label as text, spelt alike in every format: a text too is `1` for `1.0`, and `true` for `True`."""
    text = as_text(value).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text.lower() if text.lower() in _TRUTH else text


def as_number(value: object) -> float:
    """A cell where a number belongs: true is 1, false is 0; NaN for what is no number."""
    text = str(value)
    try:
        return _TRUTH[text.lower()] if text.lower() in _TRUTH else float(text)
    except ValueError:
        return float("nan")


def listed_near(name: str, names: Iterable[str], most: int = _LISTED) -> str:
    """The names that there are, for an error about one that there is not: the nearest first, so many of them."""
    nearest = nearest_first(name, names)
    return ", ".join([*map(repr, nearest[:most]), *(["…"] if nearest[most:] else [])]) or "nothing"


def field_of(holder: Any, name: str, kind: type[T], path: str, place: str) -> T:
    """The field of a JSON object. Raises CorpusError if there is no such field or it is not of this kind."""
    if not isinstance(holder, dict):
        raise CorpusError(f"{path}, {place}: this is {kind_of(holder)}; an object with {name!r} belongs here")
    if name not in holder:
        raise CorpusError(f"{path}, {place}: there is no {name!r}, only {listed_near(name, holder)}")
    value = holder[name]
    if not isinstance(value, kind):
        raise CorpusError(f"{path}, {place}: {name!r} is {kind_of(value)}; it must be {_KINDS[kind]}")
    return value


def text_of(holder: Any, names: Sequence[str], path: str, place: str) -> str:
    """The text under the first of these names that the object has. Raises CorpusError as `field_of` does."""
    name = next((name for name in names if isinstance(holder, dict) and name in holder), names[0])
    return clean(field_of(holder, name, str, path, place))


def refuse_twins(names: Sequence[str], path: str) -> None:
    """Raises CorpusError where two columns have one name; several may have none."""
    twins = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    if twins:
        raise CorpusError(
            f"{path}: the first line names {twins[0]!r} {names.count(twins[0])} times; give each column a name of its "
            "own"
        )
