"""Inputs and results of a user's model: tensors inside tuples, dicts and arrays; the prediction among the results."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from ...errors import SettingsError

# Where every module keeps its parameters, parts and hooks.
MODULE_OWN = frozenset(vars(nn.Module()))
# What libraries call the prediction among several results.
PREDICTION_NAMES = ("logits", "prediction", "predictions", "output", "outputs")


def as_tensors(inputs: Any) -> Any:
    """The same inputs with arrays as tensors; None stays. Raises SettingsError for what holds no tensor."""
    if isinstance(inputs, Tensor) or inputs is None:
        return inputs
    if isinstance(inputs, numpy.ndarray):
        return torch.from_numpy(inputs)
    if isinstance(inputs, Mapping) and inputs:
        return {name: as_tensors(value) for name, value in inputs.items()}
    if isinstance(inputs, tuple | list) and inputs:
        return tuple(as_tensors(value) for value in inputs)
    raise SettingsError(
        f"the inputs hold a {type(inputs).__name__}; give tensors, arrays, or a tuple or dict of them, as the model "
        "takes them, or wrap the model in a module whose forward(x) makes the rest from one tensor"
    )


def mapped(inputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same inputs with each tensor changed."""
    if isinstance(inputs, Mapping):
        return {name: mapped(value, change) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(mapped(value, change) for value in inputs)
    return None if inputs is None else change(inputs)


def leaves(inputs: Any) -> list[Tensor]:
    """The tensors of some inputs."""
    if isinstance(inputs, Mapping):
        return [tensor for value in inputs.values() for tensor in leaves(value)]
    if isinstance(inputs, tuple):
        return [tensor for value in inputs for tensor in leaves(value)]
    return [] if inputs is None else [inputs]


def call(model: nn.Module, inputs: Any, *lengths: Any) -> Any:
    """The model's result: a tuple gives its arguments, a dict its keywords if it has several of that name, else one.

    Inputs that the model changes in place, and states that it keeps, are afterwards as they were.
    """
    inputs = mapped(inputs, torch.clone)
    with unchanged(model):
        if isinstance(inputs, tuple):
            return model(*inputs, *lengths)
        if isinstance(inputs, Mapping):
            names = inspect.signature(model.forward).parameters
            if len(names) > 1 and set(inputs) <= set(names):
                return model(*lengths, **inputs)
        return model(inputs, *lengths)


@contextlib.contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Inside, a model may change its buffers and what it keeps from call to call; afterwards they are as they were."""
    snapshots = [
        (
            part,
            {name: value for name, value in vars(part).items() if name not in MODULE_OWN},
            {name: (buffer, buffer.clone()) for name, buffer in part._buffers.items() if buffer is not None},
        )
        for part in model.modules()
    ]
    try:
        yield
    finally:
        for part, attributes, buffers in snapshots:
            for name in [name for name in vars(part) if name not in MODULE_OWN and name not in attributes]:
                del vars(part)[name]
            vars(part).update(attributes)
            for name, (buffer, value) in buffers.items():
                # Unchanged ones are not written to: a derivative may still need them.
                if not torch.equal(buffer, value):
                    with torch.no_grad():
                        buffer.copy_(value)
                part._buffers[name] = buffer


def lengths_of(inputs: Any, time: int) -> tuple[Any, Tensor] | None:
    """The other inputs and the rows' lengths, where these are the last of several: whole numbers up to all steps."""
    if not isinstance(inputs, tuple) or len(inputs) < 2 or not isinstance(inputs[-1], Tensor):
        return None
    lengths, first = inputs[-1], next((leaf for leaf in leaves(inputs) if leaf.dim() > 1), None)
    if (
        first is None
        or lengths.shape != first.shape[1 - time : 2 - time]
        or lengths.dtype not in (torch.int64, torch.int32)
    ):
        return None
    if not len(lengths) or int(lengths.min()) < 1 or int(lengths.max()) != first.shape[time]:
        return None
    return (inputs[0] if len(inputs) == 2 else inputs[:-1]), lengths


def mask_of(inputs: Any, shape: torch.Size, time: int) -> Tensor | None:
    """The rows' lengths by a mask among the inputs: 1 up to a row's end and 0 after it, of different length."""
    for leaf in leaves(inputs)[1:]:
        if leaf.shape != shape:
            continue
        real = leaf != 0
        lengths = real.sum(time)
        fits = (real == leaf).all() and (real.long().diff(dim=time) <= 0).all() and lengths.min() >= 1
        if bool(fits) and bool((lengths != lengths[0]).any()):
            return lengths
    return None


def prediction(result: Any, rows: int, rows_at: int, output: str | int | None) -> Tensor:
    """The tensor of a model's result that is its prediction.

    output: its name in a dict or dataclass, or its number in a tuple; None finds the one named as libraries name it, or
    the only one of floats with the rows in dimension 0 or `rows_at`. Raises SettingsError where none or several fit.
    """
    parts = parts_of(result)
    if output is not None:
        if output in parts:
            return parts[output]
        raise SettingsError(
            f"the model's {type(result).__name__} has no output {output!r}; it has {_listed(parts)}"
        )
    named = [parts[name] for name in PREDICTION_NAMES if name in parts]
    fitting = named[:1] or [
        value
        for value in parts.values()
        if value.is_floating_point()
        and value.dim()
        and rows in (value.shape[0], value.shape[min(rows_at, value.dim() - 1)])
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise SettingsError(
        f"the model gives a {type(result).__name__} that may hold its prediction in several places, or in none: "
        f"{_listed(parts)}; name it with output=, or give loss=, from the result and the targets to one number a row"
    )


def parts_of(result: Any) -> dict[str | int, Tensor]:
    if isinstance(result, Tensor):
        return {0: result}
    if isinstance(result, Mapping):
        pairs: Any = result.items()
    elif is_dataclass(result):
        pairs = ((field.name, getattr(result, field.name)) for field in fields(result))
    elif isinstance(result, tuple | list):
        names = getattr(result, "_fields", range(len(result)))
        pairs = zip(names, result, strict=True)
    else:
        pairs = ()
    return {name: value for name, value in pairs if isinstance(value, Tensor)}


def _listed(parts: Mapping[str | int, Tensor]) -> str:
    return ", ".join(f"{name!r} {list(value.shape)}" for name, value in parts.items()) or "no tensor"


def refuse_nan_weights(model: nn.Module) -> None:
    """Raises SettingsError for NaN in a parameter or buffer, and names the first."""
    for name, values in (*model.named_parameters(), *model.named_buffers()):
        wrong = values.isnan() if values.is_floating_point() or values.is_complex() else None
        if wrong is not None and bool(wrong.any()):
            raise SettingsError(
                f"the model's {name!r} holds NaN ({int(wrong.sum()):,} of {wrong.numel():,} numbers), as a training "
                "leaves whose loss became NaN: go back to weights from before, and train with a smaller learning rate, "
                "with gradients clipped, on data without NaN"
            )


def refuse_not_finite(inputs: Any, time: int, *targets: Tensor) -> None:
    """Raises SettingsError for NaN or infinity in the inputs or the targets, with the place of the first."""
    named = [("input", leaf) for leaf in leaves(inputs)] + [("targets", values) for values in targets]
    for name, values in named:
        if not (values.is_floating_point() or values.is_complex()):
            continue
        wrong = ~torch.isfinite(values)
        if bool(wrong.any()):
            place = wrong.nonzero()[0].tolist()
            kind = "NaN" if bool(values[tuple(place)].isnan()) else "infinity"
            axes = ["step" if dim == time else "row" for dim in range(2)] if name == "input" else ["row"]
            axes += ["column"] if name == "input" and wrong.dim() == 3 else []
            where = ", ".join(f"{axis} {number}" for axis, number in zip(axes, place, strict=False))
            raise SettingsError(
                f"the {name} holds {kind} at {where} ({int(wrong.sum()):,} of {wrong.numel():,} numbers): every "
                "loss and gradient with it would be NaN; fill or leave out what is missing first"
            )
