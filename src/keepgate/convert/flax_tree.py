"""A tree of Flax's parameters → layers of ours and torch's, by their paths."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..cells import gru, lstm, rnn_tanh
from ..cells.variants import mgu, mgu_without_reset
from ..equations import Cell
from ..errors import ConversionError
from .layers import recurrent_layer

# Of each cell: Flax's parts that multiply the input and the state, by the names of our gates.
_CELLS: tuple[tuple[Cell, dict[str, str], dict[str, str]], ...] = (
    (lstm, {g: f"i{g}" for g in "ifgo"}, {g: f"h{g}" for g in "ifgo"}),
    (gru, {g: f"i{g}" for g in "rzn"}, {g: f"h{g}" for g in "rzn"}),
    (mgu, {g: f"i{g}" for g in "fn"}, {g: f"h{g}" for g in "fn"}),
    (rnn_tanh, {"a": "i"}, {"a": "h"}),
)
_DEPTH = 64


def flax(tree: Mapping[str, Any]) -> dict[str, nn.Module]:
    """The layers of a tree of Flax's parameters by their paths, such as "encoder/LSTMCell_0".

    tree: what `module.init(…)` gives or a checkpoint holds: mappings of mappings of arrays, with or without "params"
    around them; FrozenDict and arrays of jax or numpy. A tree that is a cell's own has the path "cell".
    LSTMCell, OptimizedLSTMCell, GRUCell, MGUCell and SimpleCell are a Recurrent each, batch first; Dense is an
    nn.Linear, Embed an nn.Embedding. A tree holds no settings: Flax's default activations are taken, and no `residual`.
    Raises ConversionError for a tree without such a layer, and, with its path, for weights that do not fit a cell.
    Source: flax.linen.
    """
    if not isinstance(tree, Mapping):
        raise ConversionError(
            f"the tree is {type(tree).__name__}; give the mapping of a model's parameters, variables['params']"
        )
    root = tree["params"] if set(tree) >= {"params"} and isinstance(tree["params"], Mapping) else tree
    layers: dict[str, nn.Module] = {}
    _collect(root, (), layers)
    if not layers:
        raise ConversionError(
            f"the tree with {', '.join(map(str, list(root)[:8])) or 'nothing'} at its root has no layer that is known: "
            "LSTMCell, OptimizedLSTMCell, GRUCell, MGUCell, SimpleCell, Dense, Embed; give a model's parameters, "
            "variables['params']"
        )
    return layers


def _collect(tree: Mapping[str, Any], path: tuple[str, ...], layers: dict[str, nn.Module]) -> None:
    if len(path) > _DEPTH:
        raise ConversionError(f"the tree is nested more than {_DEPTH} deep; give a model's parameters")
    name = "/".join(path) or "cell"
    layer = _cell_layer(tree, name) or _plain_layer(tree, name)
    if layer is not None:
        layers[name] = layer
        return
    for key, inner in tree.items():
        if isinstance(inner, Mapping):
            _collect(inner, (*path, str(key)), layers)


def _cell_layer(tree: Mapping[str, Any], name: str) -> nn.Module | None:
    """The layer of a cell's own tree; None where it is no cell's."""
    parts = set(map(str, tree))
    for cell, by_input, by_state in _CELLS:
        if parts == {*by_input.values(), *by_state.values()} and all(
            isinstance(p, Mapping) for p in tree.values()
        ):
            if cell is mgu and "bias" not in tree["hn"]:
                # Flax gives hn a bias where the reset stands between it and the input's.
                cell = mgu_without_reset
            inputs, states = _Block(tree, by_input, name), _Block(tree, by_state, name)
            if not inputs.units == states.units == states.width:
                raise ConversionError(
                    f"{name}: its states have {states.width} units, and its gates {inputs.units} and {states.units}"
                )
            place = {"weight_ih": inputs.weight(cell), "weight_hh": states.weight(cell)}
            if inputs.biases or states.biases:
                place |= {"bias_ih": inputs.bias(cell), "bias_hh": states.bias(cell)}
            return recurrent_layer(cell, [place], batch_first=True)
    return None


class _Block:
    """Flax's parts of one side, the input's or the state's: each a kernel [from, units] and maybe a bias [units]."""

    def __init__(self, tree: Mapping[str, Any], parts: Mapping[str, str], name: str) -> None:
        self.kernels, self.biases = {}, {}
        for gate, part in parts.items():
            self.kernels[gate] = _tensor(tree[part].get("kernel"), f"{name}/{part}/kernel", 2)
            if "bias" in tree[part]:
                self.biases[gate] = _tensor(tree[part]["bias"], f"{name}/{part}/bias", 1)
        shapes = {tuple(kernel.shape) for kernel in self.kernels.values()}
        self.width, self.units = next(iter(shapes))
        if len(shapes) != 1 or any(len(bias) != self.units for bias in self.biases.values()):
            raise ConversionError(
                f"{name}: kernels {sorted(shapes)} of its gates are not alike, or their biases do not fit"
            )

    def weight(self, cell: Cell) -> Tensor:
        """[gates · units, from], in the cell's order."""
        return torch.cat([self.kernels[gate].T for gate in cell.gates])

    def bias(self, cell: Cell) -> Tensor:
        """[gates · units], in the cell's order; zeros of a gate without one."""
        nothing = next(iter(self.kernels.values())).new_zeros(self.units)
        return torch.cat([self.biases.get(gate, nothing) for gate in cell.gates])


def _plain_layer(tree: Mapping[str, Any], name: str) -> nn.Module | None:
    """A Dense or an Embed; None where it is neither."""
    parts = set(map(str, tree))
    if parts == {"embedding"}:
        table = _tensor(tree["embedding"], f"{name}/embedding", 2)
        return nn.Embedding(*table.shape, _weight=table).eval()
    if parts in ({"kernel"}, {"kernel", "bias"}) and np.ndim(tree["kernel"]) == 2:
        kernel = _tensor(tree["kernel"], f"{name}/kernel", 2)
        linear = nn.Linear(*kernel.shape, bias="bias" in tree, device="meta")
        linear.weight = nn.Parameter(kernel.T.contiguous())
        if "bias" in tree:
            bias = _tensor(tree["bias"], f"{name}/bias", 1)
            if len(bias) != kernel.shape[1]:
                raise ConversionError(
                    f"{name}: a kernel of {list(kernel.shape)} and a bias of {len(bias)} do not fit"
                )
            linear.bias = nn.Parameter(bias)
        return linear.eval()
    return None


def _tensor(value: Any, name: str, dims: int) -> Tensor:
    """An array of jax or numpy as a tensor. Raises ConversionError for what is none, or has other dimensions."""
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind != "f" or array.ndim != dims or not array.size:
        raise ConversionError(
            f"{name} is {array.dtype} of {list(array.shape)}; expected floating-point numbers in {dims} dimensions"
        )
    return torch.from_numpy(np.array(array))
