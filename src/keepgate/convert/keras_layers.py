"""Keras' layers as layers of ours and torch's: gates put in order by name, other activations as cells of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..cells.variants import RELU, SIGMOID, TANH, Activation, gru_variant, lstm_variant, rnn_variant
from ..equations import Cell
from ..errors import ConversionError, nearest_first
from ..nn import Recurrent
from .keras_file import Arrays, KerasLayer
from .layers import ordered, recurrent_layer

# Keras' order of the blocks of columns, by the names that our cells have for them; its c is our candidate g.
_GATES = {"LSTM": "i f g o", "GRU": "z r n", "SimpleRNN": "a"}
_KIND_OF_GATES = {len(gates.split()): kind for kind, gates in _GATES.items()}
RECURRENT = tuple(_GATES)

_ACTIVATIONS = {
    "tanh": TANH, "sigmoid": SIGMOID, "relu": RELU, "linear": Activation("Identity"), "elu": Activation("Elu"),
    "selu": Activation("Selu"), "softplus": Activation("Softplus"), "softsign": Activation("Softsign"),
    "exponential": Activation("Exp"), "relu6": Activation("Relu6"), "silu": Activation("Swish"),
    "swish": Activation("Swish"), "mish": Activation("Mish"), "leaky_relu": Activation("LeakyRelu", 0.2),
}  # fmt: skip


def activation_of(layer: KerasLayer, setting: str, default: str, version: int) -> Activation:
    """The activation that a layer has under this setting. Raises ConversionError for one that is not known."""
    name = layer.config.get(setting, default)
    if name is None:
        name = "linear"
    if name == "hard_sigmoid":
        # Keras 3 made it relu6(x + 3) / 6; before, it was 0.2 x + 0.5, clipped.
        return Activation("HardSigmoid", 1 / 6 if version >= 3 else 0.2, 0.5)
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        activations = ", ".join(nearest_first(str(name), [*_ACTIVATIONS, "hard_sigmoid"]))
        raise ConversionError(f"the layer {layer.name!r} has {setting}={name!r}; known are {activations}")
    return _ACTIVATIONS[name]


@dataclass(frozen=True)
class RecurrentLayers:
    """A recurrent layer of Keras: one Recurrent, of both directions where they have one cell; else one for each.

    settings: of each direction.
    """

    layers: tuple[Recurrent, ...]
    settings: tuple[Mapping[str, Any], ...]


def recurrent(layer: KerasLayer, version: int) -> RecurrentLayers:
    """LSTM, GRU, SimpleRNN, or a Bidirectional of one. Raises ConversionError for weights that do not fit."""
    directions = _directions(layer)
    share = len(layer.arrays) // len(directions)
    if share * len(directions) != len(layer.arrays):
        raise _misfit(layer, layer.arrays)
    parts = [layer.arrays[index * share : (index + 1) * share] for index in range(len(directions))]
    pairs = [_place(direction, arrays, version) for direction, arrays in zip(directions, parts, strict=True)]
    cells, places = [cell for cell, _ in pairs], [place for _, place in pairs]
    settings = tuple(direction.config for direction in directions)
    same = len({tuple((name, value.shape) for name, value in place.items()) for place in places}) == 1
    if len(pairs) == 2 and cells[0] == cells[1] and same:
        return RecurrentLayers((recurrent_layer(cells[0], places, batch_first=True),), settings)
    layers = [recurrent_layer(cell, [place], batch_first=True) for cell, place in pairs]
    return RecurrentLayers(tuple(layers), settings)


def dense(layer: KerasLayer) -> nn.Linear:
    """A Dense without its activation."""
    kernel, *bias = _numbers(layer, layer.arrays, most=2)
    if kernel.dim() != 2 or (bias and bias[0].shape != kernel.shape[1:]):
        raise _misfit(layer, layer.arrays)
    linear = nn.Linear(*kernel.shape, bias=bool(bias), device="meta")
    linear.weight = nn.Parameter(kernel.T.contiguous())
    if bias:
        linear.bias = nn.Parameter(bias[0])
    return linear.eval()


def embedding(layer: KerasLayer) -> nn.Embedding:
    """An Embedding."""
    (table,) = _numbers(layer, layer.arrays, most=1)
    if table.dim() != 2:
        raise _misfit(layer, layer.arrays)
    return nn.Embedding(*table.shape, _weight=table).eval()


def inner_layer(layer: KerasLayer, setting: str) -> KerasLayer | None:
    """The layer inside a Bidirectional or TimeDistributed; None where there is none under this setting."""
    entry = layer.config.get(setting)
    if entry is None:
        return None
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict):
        raise ConversionError(
            f"the layer {layer.name!r} has {setting} that is no layer; save the model again"
        )
    return KerasLayer(layer.name, str(entry.get("class_name")), config, layer.arrays)


def guessed_kind(layer: KerasLayer) -> str:
    """The class of a layer of which only the weights are there, by their number and shapes."""
    shapes = [array.shape for array in layer.arrays]
    if len(shapes) in (4, 6) and all(len(shape) == 2 for shape in (shapes[0], shapes[len(shapes) // 2])):
        return "Bidirectional"
    if len(shapes) >= 2 and len(shapes[0]) == len(shapes[1]) == 2:
        return _kind_by_shapes(layer, layer.arrays)
    if 1 <= len(shapes) <= 2 and len(shapes[0]) == 2:
        return "Dense"
    raise ConversionError(
        f"the layer {layer.name!r} has weights of {shapes}, of no layer that is known; {_WHOLE}"
    )


def _directions(layer: KerasLayer) -> list[KerasLayer]:
    """The one layer, or the two inside a Bidirectional."""
    if layer.kind is None:
        kind = guessed_kind(layer)
        return [layer] * 2 if kind == "Bidirectional" else [layer]
    if layer.kind != "Bidirectional":
        return [layer]
    forward = inner_layer(layer, "layer")
    if forward is None or forward.kind not in RECURRENT or forward.config.get("go_backwards"):
        raise ConversionError(
            f"the layer {layer.name!r} is a Bidirectional of {forward and forward.kind}, read forwards first; "
            f"known are those of {', '.join(RECURRENT)}"
        )
    backward = inner_layer(layer, "backward_layer") or forward
    if backward.kind not in RECURRENT:
        raise ConversionError(
            f"the layer {layer.name!r} reads backwards with a {backward.kind}, which is not known"
        )
    return [forward, backward]


def _place(layer: KerasLayer, arrays: Arrays, version: int) -> tuple[Cell, dict[str, Tensor]]:
    """The cell and the parameters of one direction."""
    kernel, recurrent_kernel, *bias = _numbers(layer, arrays, most=3, least=2)
    kind = layer.kind if layer.kind in RECURRENT else _kind_by_shapes(layer, arrays)
    gates = _GATES[kind].split()
    rows = len(gates) * len(recurrent_kernel)
    # GRU with reset_after has the biases of inputs and of recurrent weights apart.
    apart = bool(bias) and bias[0].dim() == 2
    expected = [
        (len(kernel), rows),
        (len(recurrent_kernel), rows),
        *[(2, rows) if apart else (rows,)] * len(bias),
    ]
    if (
        [tuple(array.shape) for array in arrays] != expected
        or not kernel.numel()
        or (apart and kind != "GRU")
    ):
        raise _misfit(layer, arrays)
    cell = _cell(
        layer,
        kind,
        version,
        reset_after=apart or (not bias and layer.config.get("reset_after", not layer.config)),
    )
    blocks = {"weight_ih": kernel.T, "weight_hh": recurrent_kernel.T}
    if bias:
        biases = bias[0] if apart else torch.stack([bias[0], torch.zeros_like(bias[0])])
        blocks |= {"bias_ih": biases[0], "bias_hh": biases[1]}
    return cell, {name: ordered(block, gates, cell.gates) for name, block in blocks.items()}


def _cell(layer: KerasLayer, kind: str, version: int, *, reset_after: bool) -> Cell:
    activation = activation_of(layer, "activation", "tanh", version)
    if kind == "SimpleRNN":
        return rnn_variant(activation)
    gate = activation_of(layer, "recurrent_activation", "sigmoid", version)
    if kind == "LSTM":
        return lstm_variant(gate, activation, activation)
    return gru_variant(gate, activation, None, not reset_after)


def _kind_by_shapes(layer: KerasLayer, arrays: Arrays) -> str:
    units, columns = arrays[1].shape if len(arrays) > 1 and arrays[1].ndim == 2 else (0, 0)
    kind = _KIND_OF_GATES.get(columns // units if units else 0)
    if kind is None:
        raise _misfit(layer, arrays)
    return kind


def _numbers(layer: KerasLayer, arrays: Sequence[np.ndarray], *, most: int, least: int = 1) -> list[Tensor]:
    """The arrays as float tensors."""
    if not least <= len(arrays) <= most or any(array.dtype.kind != "f" or not array.size for array in arrays):
        raise _misfit(layer, arrays)
    return [torch.from_numpy(np.array(array)) for array in arrays]


_WHOLE = "save the whole model with model.save(FILE), which says what each layer is"


def _misfit(layer: KerasLayer, arrays: Sequence[np.ndarray]) -> ConversionError:
    shapes = ", ".join(str(list(array.shape)) for array in arrays) or "none"
    return ConversionError(
        f"the layer {layer.name!r} ({layer.kind or 'of unknown class'}) has weights of the shapes {shapes}, which do "
        f"not fit one another or the class; {_WHOLE}"
    )
