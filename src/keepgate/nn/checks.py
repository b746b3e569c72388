"""What no layer can be built with or given, refused with torch.nn's classes of error."""

import torch
from torch import Tensor

from ..equations import Cell
from ..errors import KernelRefused, SettingsError, ShapeError


def check_settings(
    *,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    proj_size: int = 0,
    bias: bool = True,
    batch_first: bool = False,
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> None:
    """Raises TypeError for a size or switch of another type, SettingsError (a ValueError) for an impossible value."""
    _check_size("input_size", input_size, least=1)
    _check_size("hidden_size", hidden_size, least=1)
    _check_size("num_layers", num_layers, least=1)
    _check_size("proj_size", proj_size, least=0)
    for name, value in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, got {type(value).__name__}: {value!r}")
    if proj_size >= hidden_size:
        raise SettingsError(
            f"proj_size={proj_size} must be smaller than hidden_size={hidden_size}, or 0 for none"
        )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise SettingsError(
            f"dropout is {dropout!r}; it is the probability of zeroing an element, from 0 to 1"
        )


def _check_size(name: str, value: int, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(
            f"{name} counts units or layers, so it is an int, got {type(value).__name__}: {value!r}"
        )
    if value < least:
        raise SettingsError(f"{name} is {value}; it must be {least} or more")


def check_projection(cell: Cell, proj_size: int, hidden_size: int) -> None:
    """Raises SettingsError for a projection of an output that the cell's step uses, unit by unit."""
    if proj_size and cell.reads_output:
        raise SettingsError(
            f"proj_size={proj_size}: a unit of {cell.name} reads its own output before the step, and a projection of "
            f"{hidden_size} units to {proj_size} leaves it none; leave proj_size out, or take a cell that reads its "
            "output by recurrent weights alone, such as lstm"
        )


def check_no_projection(proj_size: int, layer: str) -> None:
    """Raises SettingsError: torch.nn's RNN and GRU take the argument in order to refuse it."""
    if proj_size:
        raise SettingsError(
            f"proj_size={proj_size}: only an LSTM projects its output, a {layer} does not; leave it out"
        )


def check_stream(batch: int, *, bidirectional: bool, kernel: str | None) -> None:
    """Raises SettingsError or KernelRefused for what cannot be read one step at a time by the C++ core."""
    if bidirectional:
        raise SettingsError(
            "a stepper reads a stream forwards, and this layer's other direction starts at the end, which a stream "
            "does not have; build it with bidirectional=False, or call it on whole pieces"
        )
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise SettingsError(f"batch is {batch!r}; it is the number of streams read side by side, 1 or more")
    if kernel not in (None, "cpu"):
        raise KernelRefused(
            f"the layer was built with kernel={kernel!r}, and a stepper runs the C++ core; build it with "
            "kernel='cpu' or None"
        )


def check_input(input: Tensor, weight_ih: Tensor, layer: str) -> None:
    """Raises ShapeError for an input with other features than the layer's, or of another kind than its weights."""
    check_kind("input", input, weight_ih)
    features, expected = input.shape[-1], weight_ih.shape[1]
    if features != expected:
        raise ShapeError(
            f"input has {features} features but this {layer} was built with input_size={expected}; "
            f"project it first or build with input_size={features}"
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
