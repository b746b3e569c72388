"""The check of an ONNX file: ONNX Runtime against the model itself, at shapes that it was not exported with."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ExportError
from ..nn import Recurrent
from ..swapping.tensors import Named, absolute_differences
from .flat_model import FlatModel

# The largest difference that passes by itself, relative to the number where that is above 1. A larger one passes where
# the model's own rounding is as large: where the file is no further from the model's numbers in float64 than twice as
# far as the model, since of two roundings in another order either may be the larger. Beyond MOST_ROUNDING no check
# would tell an error from it.
TOLERANCE = 1e-5
MOST_ROUNDING = 1e-3
SHAPES = 3
# How many steps of a stream are carried on, each from the states that ONNX Runtime gave before.
_CARRIED = 3
# What a free dimension may become, one choice for each shape and dimension: other rows, other steps, one of each. Of
# the third shape each is beyond the example's, since a size that was written down may do for smaller ones.
_SIZES = (1, 4, 7, 2, 13, 5)

Sizes = dict[str, int]


@dataclass(frozen=True, order=True)
class Difference:
    """largest: of all numbers, between model and file. Above the tolerance, how far each is from the model in float64.

    Of each number relative to its size where that is above 1.
    """

    largest: float
    model: float = 0.0
    file: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Checked:
    """shapes: of the inputs, for each run. difference: the largest of all runs."""

    shapes: tuple[dict[str, tuple[int, ...]], ...]
    difference: Difference


def free_dimensions(model: Any, flat: FlatModel) -> list[dict[int, str]]:
    """For each input, the names of the dimensions that may change, found by running the model with others.

    model: the onnx ModelProto, in which what may not change gets its size.
    """
    symbols: dict[str, int] = {}
    inputs = [entry.type.tensor_type.shape.dim for entry in model.graph.input]
    for dims, (_, tensor) in zip(inputs, flat.inputs, strict=True):
        for dim, size in zip(dims, tensor.shape, strict=True):
            if dim.dim_param:
                symbols[dim.dim_param] = size
    free = {name for name, size in symbols.items() if _runs(flat, inputs, symbols | {name: size + 1})}
    for dims in (*inputs, *(entry.type.tensor_type.shape.dim for entry in model.graph.output)):
        for dim in dims:
            if dim.dim_param in symbols and dim.dim_param not in free:
                dim.dim_value = symbols[dim.dim_param]
    return [
        {place: dim.dim_param for place, dim in enumerate(dims) if dim.dim_param in free} for dims in inputs
    ]


def _runs(flat: FlatModel, inputs: Sequence[Any], sizes: Sizes) -> bool:
    named = [{place: dim.dim_param for place, dim in enumerate(dims) if dim.dim_param} for dims in inputs]
    return _result(flat, resized(flat, named, sizes, torch.Generator().manual_seed(0))) is not None


def _result(flat: FlatModel, tensors: list[Tensor]) -> tuple[Tensor, ...] | None:
    """What the model gives; None where it refuses these tensors."""
    try:
        outputs: tuple[Tensor, ...] = flat(*tensors)
    except Exception:  # whatever a user's model raises for a shape that it does not take
        return None
    return outputs


def resized(
    flat: FlatModel, free: Sequence[dict[int, str]], sizes: Sizes, generator: torch.Generator
) -> list[Tensor]:
    """Random tensors like the example's with other sizes: numbers from those of the example, lengths within the steps.

    Where all numbers of the example are the same, others; the states of a stream are 0, as at its beginning.

    A one-dimensional tensor of whole numbers that is called lengths, or whose largest is the size of another input's
    free dimension, holds lengths of that; 0 only for a layer, since a model may divide by them.
    """
    example, least, tensors = flat.inputs, int(not isinstance(flat.model, Recurrent)), list[Tensor]()
    for (name, tensor), dims in zip(example, free, strict=True):
        shape = [sizes[dims[place]] if place in dims else size for place, size in enumerate(tensor.shape)]
        if len(tensors) >= flat.own_inputs:
            tensors.append(torch.zeros(shape, dtype=tensor.dtype))
        elif tensor.is_floating_point() and (tensor == tensor.reshape(-1)[:1]).all():
            tensors.append(torch.randn(shape, generator=generator).to(tensor.dtype))
        elif tensor.dtype == torch.bool:
            tensors.append(torch.rand(shape, generator=generator) < 0.3)
        elif (steps := _steps_of(name, tensor, example, free, sizes)) is not None:
            lengths = torch.randint(least, steps + 1, shape, generator=generator)
            lengths[:1] = steps
            tensors.append(lengths.to(tensor.dtype))
        else:
            values = tensor.reshape(-1)
            tensors.append(values[torch.randint(len(values), shape, generator=generator)])
    return tensors


def _steps_of(
    name: str, tensor: Tensor, example: Named, free: Sequence[dict[int, str]], sizes: Sizes
) -> int | None:
    """How many steps a tensor of lengths may count to; None for one that holds none."""
    if tensor.dim() != 1 or tensor.numel() == 0:
        return None
    prefix, has_length_name = name.rpartition("lengths")[0].strip("._"), "length" in name
    candidates = [
        (candidate, candidate_name.startswith(prefix), dims)
        for (candidate_name, candidate), dims in zip(example, free, strict=True)
        if candidate is not tensor and candidate.dim() > 1
    ]
    for candidate, _, dims in sorted(candidates, key=lambda entry: not entry[1]):
        for place, symbol in dims.items():
            if candidate.shape[place] == int(tensor.max()):
                return sizes[symbol]
    return int(tensor.max()) if has_length_name else None


def check_on_runtime(
    content: bytes, flat: FlatModel, free: Sequence[dict[int, str]], *, streaming: bool
) -> Checked:
    """Runs both at other shapes. Raises ExportError for a difference above the tolerance and the model's rounding."""
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it would log is raised, in our own words
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise ExportError(
            f"ONNX Runtime does not take the exported file: {str(error).splitlines()[0]}; nothing was written"
        ) from error
    generator = torch.Generator().manual_seed(0)
    shapes, largest = [], Difference(0.0)
    for sizes in _choices(flat, free):
        tensors = resized(flat, free, sizes, generator)
        expected = _result(flat, tensors)
        if expected is None:
            continue
        names = [name for name, _ in flat.inputs]
        shape = {name: tuple(tensor.shape) for name, tensor in zip(names, tensors, strict=True)}
        for _ in range(_CARRIED if streaming else 1):
            assert expected is not None
            actual = _run(session, names, tensors, shape)
            largest = max(largest, _compared(flat, tensors, expected, actual, shape))
            if streaming:
                states = actual[len(actual) - (len(names) - flat.own_inputs) :]
                again = resized(flat, free, sizes, generator)[: flat.own_inputs]
                tensors = [*again, *map(torch.from_numpy, states)]
                expected = _result(flat, tensors)
        shapes.append(shape)
        if len(shapes) == SHAPES:
            break
    if len(shapes) < SHAPES:
        raise ExportError(
            f"the model itself runs at {len(shapes)} of the other shapes that were tried, and a check needs {SHAPES}; "
            "give an example with two rows and three steps or more, of a model that takes others too"
        )
    return Checked(shapes=tuple(shapes), difference=largest)


def _choices(flat: FlatModel, free: Sequence[dict[int, str]]) -> list[Sizes]:
    """Sizes for the free dimensions: the first is one step, of the third all are beyond the example's."""
    symbols = list(dict.fromkeys(symbol for dims in free for symbol in dims.values()))
    if not symbols:
        raise ExportError(
            "no dimension of the model's inputs may change, so that the file would take the example's shape only; give "
            "an example with two rows and three steps or more, and no number of rows or steps written into the model"
        )
    example_sizes = {
        symbol: tensor.shape[place]
        for (_, tensor), dims in zip(flat.inputs, free, strict=True)
        for place, symbol in dims.items()
    }
    # The first dimension is 1, the second is, all are larger, neither is, and so on.
    shifts = [0, len(_SIZES) - 1, *range(1, len(_SIZES) - 1)]
    choices = [
        {symbol: _SIZES[(shift + place) % len(_SIZES)] for place, symbol in enumerate(symbols)}
        for shift in shifts
    ]
    choices.insert(2, {symbol: example_sizes[symbol] + 2 + place for place, symbol in enumerate(symbols)})
    return [sizes for sizes in choices if sizes != example_sizes]


def _run(session: Any, names: Sequence[str], tensors: Sequence[Tensor], shape: object) -> list[np.ndarray]:
    input_names = {entry.name for entry in session.get_inputs()}
    feeds = {
        name: np.ascontiguousarray(tensor.numpy())
        for name, tensor in zip(names, tensors, strict=True)
        if name in input_names
    }
    try:
        outputs: list[np.ndarray] = session.run(None, feeds)
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise ExportError(
            f"ONNX Runtime does not run the exported file at {shape}: {str(error).splitlines()[0]}; nothing was written"
        ) from error
    return outputs


def _compared(
    flat: FlatModel,
    tensors: Sequence[Tensor],
    expected: Sequence[Tensor],
    actual: Sequence[np.ndarray],
    shape: object,
) -> Difference:
    """How far the file is from the model. Raises ExportError for another shape, or where that is more than rounding."""
    for name, theirs, ours in zip(flat.output_names, expected, actual, strict=True):
        if theirs.shape != ours.shape:
            raise ExportError(
                f"the exported file's {name} has the shape {ours.shape} where the model's has {tuple(theirs.shape)}, "
                f"for inputs {shape}; nothing was written"
            )
    results = [torch.from_numpy(numbers) for numbers in actual]
    gaps = [_relative(*pair) for pair in zip(expected, results, strict=True)]
    largest = max(gaps, default=0.0)
    if all(gap <= TOLERANCE for gap in gaps):
        return Difference(largest)
    difference, cause = Difference(largest), "A model that draws random numbers cannot be exported"
    if (exact := _exact(flat, tensors, expected)) is not None:
        model, file = (
            max(_relative(*pair) for pair in zip(exact, numbers, strict=True))
            for numbers in (expected, results)
        )
        difference = Difference(largest, model, file)
        if model <= MOST_ROUNDING and file <= TOLERANCE + 2 * model:
            return difference
        cause = (
            f"From its numbers in float64 the model itself is {model:.2g} away, and ONNX Runtime {file:.2g}"
        )
        if model > MOST_ROUNDING:
            cause += (
                ": it draws random numbers, or makes rounding so large that no check could tell an error from it; "
                "export model.eval() or model.double()"
            )
    name = next(name for name, gap in zip(flat.output_names, gaps, strict=True) if not gap <= TOLERANCE)
    raise ExportError(
        f"the exported file's {name} differs from the model's by {largest:.2g} for inputs {shape}, and {TOLERANCE:g} "
        f"is allowed beside the model's own rounding; nothing was written. {cause}"
    )


def _relative(theirs: Tensor, ours: Tensor) -> float:
    """The largest difference, of each number relative to its own size where that is above 1; NaN where one alone is."""
    sizes = theirs.abs().double().nan_to_num(1.0, 1.0, 1.0).clamp_min(1.0)
    gaps = absolute_differences(theirs, ours) / sizes
    return float(gaps.max()) if gaps.numel() else 0.0


def _exact(
    flat: FlatModel, tensors: Sequence[Tensor], expected: Sequence[Tensor]
) -> tuple[Tensor, ...] | None:
    """What the model gives in float64; None where it cannot be run in it."""
    double = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
    exact = _result(copy.deepcopy(flat).double(), double)
    if exact is None or any(a.shape != b.shape for a, b in zip(exact, expected, strict=True)):
        return None
    return exact
