"""What no layer can be built with or given, refused with torch.nn's classes of error."""

import numbers
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import cells
from ..equations import Cell
from ..errors import KernelRefused, SettingsError, ShapeError


def size_of(name: str, value: Any, *, least: int = 1) -> int:
    """A count (of units, layers, rows, steps) as an int; numpy's integers are numbers too.

    Raises TypeError for another type, SettingsError (a ValueError) for less than `least`.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        size = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} is a count, so it is an int, got {type(value).__name__}: {value!r}"
        ) from None
    if size < least:
        bound = "must be greater than zero" if least == 1 else f"must be {least} or more"
        raise SettingsError(f"{name} is {size}, and {name} {bound}")
    return size


def switch_of(name: str, value: Any) -> bool:
    """True or False, numpy's too. Raises TypeError for anything else."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is True or False, got {type(value).__name__}: {value!r}")
    return bool(value)


def dropout_of(value: Any) -> float:
    """The probability of zeroing an element, from 0 to 1. Raises SettingsError for anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) <= 1:
        raise SettingsError(f"dropout is {value!r}; it is the probability of zeroing an element, from 0 to 1")
    return float(value)


def probability_of(name: str, value: Any) -> float:
    """A probability below 1, as a float. Raises SettingsError for anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < 1:
        raise SettingsError(f"{name} is {value!r}; it is a probability, from 0 to below 1")
    return float(value)


def real_of(name: str, value: Any) -> float | None:
    """A number or None, numpy's numbers too. Raises SettingsError for anything else."""
    if value is not None and (not isinstance(value, numbers.Real) or isinstance(value, bool)):
        raise SettingsError(f"{name} is {value!r}; it must be a number, or None")
    if value is None or isinstance(value, int):
        return value
    return float(value)


def check_layer_cell(cell: Any) -> None:
    """Raises SettingsError for what is no cell, and for a cell with unit inputs, which a layer does not give it."""
    cells.check_cell(cell)
    if cell.unit_inputs:
        raise SettingsError(
            f"{cell.name} reads the unit inputs {' '.join(cell.unit_inputs)}, and the input of a layer has none; run "
            "it by a keepgate.kernels.Call, whose x has them behind its columns"
        )


def check_projection(cell: Cell, proj_size: int, hidden_size: int) -> None:
    """Raises SettingsError for a projection that is no smaller, or of an output that the cell's step uses by unit."""
    if proj_size >= hidden_size:
        raise SettingsError(
            f"proj_size={proj_size} must be smaller than hidden_size={hidden_size}, or 0 for none"
        )
    if proj_size and cell.recurrent_state != cell.states[0]:
        raise SettingsError(
            f"proj_size={proj_size}: the recurrent weights of {cell.name} read {cell.recurrent_state}, and a "
            f"projection is of {cell.states[0]}, the output; leave proj_size out"
        )
    if proj_size and (cell.reads_output or cell.recurrent == "diagonal"):
        raise SettingsError(
            f"proj_size={proj_size}: a unit of {cell.name} reads its own output before the step, and a projection of "
            f"{hidden_size} units to {proj_size} leaves it none; leave proj_size out, or take a cell that reads its "
            "output by recurrent weights alone, such as lstm"
        )
    if proj_size and cell.recurrent == "in_step":
        raise SettingsError(
            f"proj_size={proj_size}: {cell.name} multiplies inside its step, where vectors have {hidden_size} "
            f"numbers and a projected output has {proj_size}; leave proj_size out"
        )


def check_no_projection(proj_size: int, layer: str) -> None:
    """Raises SettingsError: torch.nn's RNN and GRU take the argument in order to refuse it."""
    if proj_size:
        raise SettingsError(
            f"proj_size argument is only supported for LSTM, not RNN or GRU: leave proj_size={proj_size} out of "
            f"this {layer}"
        )


def check_stream(*, bidirectional: bool, kernel: str | None) -> None:
    """Raises SettingsError or KernelRefused for what cannot be read one step at a time by the C++ core."""
    if bidirectional:
        raise SettingsError(
            "a stepper reads a stream forwards, and this layer's other direction starts at the end, which a stream "
            "does not have; build it with bidirectional=False, or call it on whole pieces"
        )
    if kernel not in (None, "cpu"):
        raise KernelRefused(
            f"the layer was built with kernel={kernel!r}, and a stepper runs the C++ core; build it with "
            "kernel='cpu' or None"
        )


def rnn_cell(nonlinearity: str) -> Cell:
    """The plain RNN's cell of this nonlinearity. Raises SettingsError for an unknown one."""
    cell_by_name = {"tanh": cells.rnn_tanh, "relu": cells.rnn_relu}
    if not isinstance(nonlinearity, str) or nonlinearity not in cell_by_name:
        raise SettingsError(f"Unknown nonlinearity {nonlinearity!r}; choose tanh or relu")
    return cell_by_name[nonlinearity]


def check_no_option(why_not: Mapping[str, str], **options: Any) -> None:
    """Raises SettingsError for an option that LSTM or GRU has and this layer lacks. why_not: the reason for each."""
    for name, value in options.items():
        if switch_of(name, value):
            raise SettingsError(f"{name}=True: {why_not[name]}")


def normalised_bias(*, layer_norm: bool, bias: bool) -> bool:
    """Whether there are bias_ih and bias_hh. Raises SettingsError for no bias beside a normalisation, which has one."""
    if layer_norm and not switch_of("bias", bias):
        raise SettingsError(
            "bias=False and layer_norm=True: the shifts b_* after a normalisation are part of the cell, and bias_ih "
            "and bias_hh are never there; leave bias out"
        )
    return not layer_norm and bias


def lstm_cell(*, layer_norm: bool, coupled: bool) -> Cell:
    """The LSTM's cell of these options. Raises SettingsError for both at once."""
    if layer_norm and coupled:
        raise SettingsError(
            "layer_norm=True and coupled=True: there is no such cell here; choose one of them"
        )
    return cells.layer_norm_lstm if layer_norm else cells.coupled_lstm if coupled else cells.lstm


def check_features(input: Tensor, weight_ih: Tensor, layer: str) -> None:
    """Raises ShapeError for an input with other features than the layer's."""
    features, expected = input.shape[-1], weight_ih.shape[1]
    if features != expected:
        torchs = "input.size(-1) must be equal to input_size"
        if layer.endswith("Cell"):
            torchs = f"input has inconsistent input_size: got {features} expected {expected}"
        another = f" or build with input_size={features}" if features else ""
        raise ShapeError(
            f"{torchs}: input has {features} features but this {layer} was built with input_size={expected}; "
            f"project it first{another}"
        )


def check_kind(name: str, given: Tensor, weight: Tensor) -> None:
    """Raises ShapeError for another dtype or device than the weights'. Under autocast any dtype will do."""
    if given.device != weight.device:
        raise ShapeError(
            f"{name} is on {given.device}, but the weights are on {weight.device}; move one with .to(...)"
        )
    if given.dtype != weight.dtype and not torch.is_autocast_enabled(given.device.type):
        raise ShapeError(
            f"{name} is {given.dtype}, but the weights are {weight.dtype}; "
            f"convert it with .to({weight.dtype}) or the layer with .to({given.dtype})"
        )
