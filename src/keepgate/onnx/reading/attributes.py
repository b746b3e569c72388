"""The attributes of a node as the keyword-only parameters of the function that computes it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ...errors import ConversionError
from .model_file import ModelFile

# What an AttributeProto holds, by the number of its type.
_HOLDS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}
_ANNOTATED: Mapping[Any, tuple[str, ...]] = {
    float: ("f",), int: ("i",), str: ("s",), Tensor: ("t",), list[float]: ("floats",), list[int]: ("ints",),
    list[str]: ("strings",),
}  # fmt: skip


def attributes_of(node: Any, title: str, file: ModelFile) -> dict[str, Any]:
    """Numbers, strings, lists, tensors and graphs by name. Raises ConversionError for what cannot be read."""
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        holds = _HOLDS.get(attribute.type)
        if holds is None or attribute.ref_attr_name:
            raise ConversionError(
                f"{title}: its attribute {attribute.name!r} is of a kind that is not read; export plain nodes"
            )
        value = getattr(attribute, holds)
        try:
            if holds == "t":
                value = file.tensor(value)
            elif holds == "s":
                value = value.decode()
            elif holds == "strings":
                value = [text.decode() for text in value]
            elif holds in ("floats", "ints"):
                value = list(value)
        except UnicodeDecodeError as error:
            raise ConversionError(f"{title}: its attribute {attribute.name!r} is no text: {error}") from None
        values[attribute.name] = value
    return values


def bound(
    function: Callable[..., Any], values: Mapping[str, Any], title: str, *, opset: int, outputs: int
) -> dict[str, Any]:
    """Keyword arguments for the function from a node's attributes, checked against its annotations.

    A parameter `opset` or `outputs` is given the version of the operators, or how many outputs are asked for.
    Raises ConversionError for an attribute that the function has no parameter for, or of another type.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    keywords: dict[str, Any] = {}
    extras = {"opset": opset, "outputs": outputs}
    for name, value in values.items():
        if name not in parameters or name in extras:
            attributes = ", ".join(set(parameters) - set(extras)) or "none"
            raise ConversionError(
                f"{title} has the attribute {name!r}, which has no counterpart here (known are: {attributes}); "
                f"{HELP}"
            )
        kinds = [
            kind
            for kind in _ANNOTATED
            if kind == parameters[name].annotation or kind in _options(parameters[name])
        ]
        if not any(_is(value, kind) for kind in kinds):
            raise ConversionError(
                f"{title} has {name}={value!r}, which is of the wrong type; export the model again"
            )
        keywords[name] = value
    missing = [
        name for name, p in parameters.items() if p.default is p.empty and name not in (*keywords, *extras)
    ]
    if missing:
        raise ConversionError(f"{title} lacks the attribute {missing[0]!r}; export the model again")
    return keywords | {name: value for name, value in extras.items() if name in parameters}


HELP = (
    "export the model without it, or take its recurrent layers alone: keepgate.onnx.load_layers(FILE), "
    "and write the rest down in torch"
)


def _options(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """The alternatives of an annotation such as `int | None`."""
    return (
        getattr(parameter.annotation, "__args__", ())
        if type(parameter.annotation).__name__ == "UnionType"
        else ()
    )


def _is(value: Any, kind: Any) -> bool:
    if kind in (list[float], list[int], list[str]):
        inner = kind.__args__[0]
        return isinstance(value, list) and all(type(entry) is inner for entry in value)
    return isinstance(value, kind)
