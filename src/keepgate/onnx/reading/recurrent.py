"""ONNX's LSTM, GRU and RNN as layers of ours; the order of their gates is in each cell's own declaration."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...cells import gru, peephole, rnn_tanh
from ...cells.variants import ACTIVATIONS, Activation, gru_variant, lstm_variant, rnn_variant
from ...convert.layers import empty_layer, flip_rows, named_parameters, ordered, recurrent_layer
from ...equations import Cell, OnnxOperator
from ...errors import ConversionError, ShapeError, nearest_first
from ...nn import Recurrent

RECURRENT = ("LSTM", "GRU", "RNN")
# What ONNX allows a recurrent operator, by its lower-case name, since files spell them in either way.
_ACTIVATIONS = {
    name.lower(): name
    for name in (
        "Affine", "Relu", "LeakyRelu", "ThresholdedRelu", "Tanh", "ScaledTanh", "Sigmoid", "HardSigmoid", "Elu",
        "Softsign", "Softplus",
    )
}  # fmt: skip
_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


def _declared(cell: Cell) -> OnnxOperator:
    assert cell.onnx is not None
    return cell.onnx


_ORDERS = {"LSTM": _declared(peephole), "GRU": _declared(gru), "RNN": _declared(rnn_tanh)}


class RecurrentNode(nn.Module):
    """A recurrent node: the layers that it is, and its inputs and outputs as ONNX has them.

    layers:    one Recurrent, of both directions where the two have the same cell; else one for each direction.
               None where the graph computes the weights, or its caller gives them: then one is made at each call.
    backwards: whether the last of the layers reads each row from its end; its trace is in that order.
    """

    def __init__(self, title: str, operator: str, attributes: Mapping[str, Any], *, peepholes: bool) -> None:
        super().__init__()
        self.title, self.operator = title, operator
        values = dict(attributes)
        direction = values.pop("direction", "forward")
        if direction not in ("forward", "reverse", "bidirectional"):
            raise ConversionError(
                f"{title} has direction={direction!r}; known are forward, reverse, bidirectional"
            )
        self.directions = 2 if direction == "bidirectional" else 1
        self.batch_first = bool(_switch(title, values, "layout"))
        self._hidden_size = values.pop("hidden_size", None)
        self.cells = _cells(title, operator, values, self.directions, peepholes=peepholes)
        if values:
            raise ConversionError(
                f"{title} has the attribute {next(iter(values))!r}, which an {operator} of opset 7 or later has not; "
                "convert the file with onnx.version_converter"
            )
        self.both = self.directions == 2 and self.cells[0] == self.cells[1]
        self.backwards = direction != "forward" and not self.both
        self.layers = nn.ModuleList()

    def fix(self, w: Tensor | None, r: Tensor | None, b: Tensor | None, p: Tensor | None = None) -> None:
        """Makes the layers, of weights that never change. The first two must be there."""
        assert w is not None
        assert r is not None
        places = self._places(w, r, b, p)
        groups = [places] if self.both else [[place] for place in places]
        cells = self.cells if not self.both else self.cells[:1]
        self.layers.extend(
            recurrent_layer(cell, group, batch_first=self.batch_first)
            for cell, group in zip(cells, groups, strict=True)
        )

    def forward(
        self, x: Tensor, w: Tensor | None, r: Tensor | None, b: Tensor | None = None, lengths: Tensor | None = None,
        *states_and_peepholes: Tensor | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Y [time, directions, batch, hidden] and Y_h (and Y_c) [directions, batch, hidden]; with layout=1 batch first.

        w, r, b and p are not looked at where the layers were made.
        """
        count = len(self.cells[0].states)
        others = (*states_and_peepholes, *[None] * (count + 1))
        states, p = list(others[:count]), others[count]
        if self.batch_first:
            states = [None if state is None else state.transpose(0, 1) for state in states]
        if lengths is not None and lengths.dim() == 1 and lengths.numel() and not lengths.is_floating_point():
            lengths = lengths.long()
        results = self._run(self._calls(w, r, b, p), x, states, lengths)
        output = torch.cat([result[0] for result in results], -1) if len(results) > 1 else results[0][0]
        final = [
            torch.cat(parts) if len(results) > 1 else parts[0]
            for parts in zip(*(r[1] for r in results), strict=True)
        ]
        if lengths is not None:
            # ONNX Runtime's final states of a row without steps are zeros, whatever its initial ones were.
            empty = (lengths == 0).to(x.device)[None, :, None]
            final = [state.masked_fill(empty, 0.0) for state in final]
        output = output.reshape(*output.shape[:2], self.directions, -1)
        if self.batch_first:
            return output, *[state.transpose(0, 1) for state in final]
        return output.movedim(2, 1), *final

    def _calls(self, w: Tensor | None, r: Tensor | None, b: Tensor | None, p: Tensor | None) -> list[Any]:
        """What runs each layer: a function of what a layer is called with."""
        if len(self.layers):
            return list(self.layers)
        assert w is not None
        assert r is not None
        places = self._places(w, r, b, p)
        groups = [places] if self.both else [[place] for place in places]
        return [
            _of_given_weights(cell, group, self.batch_first)
            for cell, group in zip(self.cells, groups, strict=False)
        ]

    def _run(
        self, calls: Sequence[Any], x: Tensor, states: Sequence[Tensor | None], lengths: Tensor | None
    ) -> list[tuple[Tensor, tuple[Tensor, ...]]]:
        """Output and final states [directions, batch, hidden] of each layer."""
        results = []
        for index, call in enumerate(calls):
            rows = slice(None) if self.both else slice(index, index + 1)
            backwards = self.backwards and index == len(calls) - 1
            hx = _initial([None if state is None else state[rows] for state in states])
            output, final = call(self._flip(x, lengths) if backwards else x, hx, lengths=lengths)
            output = self._flip(output, lengths) if backwards else output
            results.append((output, final if isinstance(final, tuple) else (final,)))
        return results

    def _flip(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if x.dim() != 3 or (
            lengths is not None and lengths.shape != x.shape[1 - self.batch_first : 2 - self.batch_first]
        ):
            raise ShapeError(f"expected X with three dimensions and one length a row, got {list(x.shape)}")
        if self.batch_first:
            return flip_rows(x.transpose(0, 1), lengths).transpose(0, 1)
        return flip_rows(x, lengths)

    def _places(self, w: Tensor, r: Tensor, b: Tensor | None, p: Tensor | None) -> list[dict[str, Tensor]]:
        """The parameters of each direction. Raises ShapeError where shapes do not fit one another."""
        order = _ORDERS[self.operator]
        gates, peepholes = order.gates.split(), _ORDERS["LSTM"].vectors.split()
        hidden = r.shape[-1] if r.dim() == 3 else 0
        expected = {
            "W": (w, (self.directions, len(gates) * hidden, w.shape[-1] if w.dim() == 3 else -1)),
            "R": (r, (self.directions, len(gates) * hidden, hidden)),
            "B": (b, (self.directions, 2 * len(gates) * hidden)),
            "P": (p, (self.directions, len(peepholes) * hidden)),
        }
        for name, (tensor, shape) in expected.items():
            if tensor is not None and (
                tuple(tensor.shape) != shape or not tensor.is_floating_point() or not tensor.numel()
            ):
                raise ShapeError(
                    f"{self.title}: {name} has the shape {list(tensor.shape)} of {tensor.dtype}; expected "
                    f"floating-point numbers of {list(shape)}, of {self.directions} direction(s) and {hidden} units"
                )
        if self._hidden_size not in (None, hidden):
            raise ShapeError(
                f"{self.title}: hidden_size is {self._hidden_size}, and R has {hidden} units; export it again"
            )
        places = []
        for direction, cell in enumerate(self.cells):
            place = {
                "weight_ih": ordered(w[direction], gates, cell.gates),
                "weight_hh": ordered(r[direction], gates, cell.gates),
            }
            if b is not None:
                halves = b[direction].chunk(2)
                place |= {
                    "bias_ih": ordered(halves[0], gates, cell.gates),
                    "bias_hh": ordered(halves[1], gates, cell.gates),
                }
            if p is not None:
                by_name = dict(zip(peepholes, p[direction].chunk(len(peepholes)), strict=True))
                place |= {name: by_name[name] for name in cell.vectors}
            places.append(place)
        return places


def _initial(states: Sequence[Tensor | None]) -> Any:
    """What a layer takes as its initial states; zeros where only some are given."""
    like = next((state for state in states if state is not None), None)
    if like is None:
        return None
    filled = tuple(torch.zeros_like(like) if state is None else state for state in states)
    return filled if len(filled) > 1 else filled[0]


def _of_given_weights(cell: Cell, places: list[dict[str, Tensor]], batch_first: bool) -> Any:
    layer: Recurrent = empty_layer(cell, places[0], directions=len(places), batch_first=batch_first)
    parameters = named_parameters(places)
    return lambda x, hx, lengths: functional_call(layer, parameters, (x, hx), {"lengths": lengths})


def _cells(
    title: str, operator: str, values: dict[str, Any], directions: int, *, peepholes: bool
) -> tuple[Cell, ...]:
    """The cell of each direction. What is read is taken out of `values`."""
    clip = values.pop("clip", None)
    if clip is not None and not (isinstance(clip, float) and 0 < clip < math.inf):
        raise ConversionError(f"{title} has clip={clip!r}; expected a number above 0")
    activations = _activations(title, operator, values, directions)
    if operator == "LSTM":
        coupled = bool(_switch(title, values, "input_forget"))
        return tuple(lstm_variant(*three, clip, coupled, peepholes) for three in activations)
    if operator == "GRU":
        before = not _switch(title, values, "linear_before_reset")
        return tuple(gru_variant(*two, clip, before) for two in activations)
    return tuple(rnn_variant(activation, clip) for (activation,) in activations)


def _activations(
    title: str, operator: str, values: dict[str, Any], directions: int
) -> list[tuple[Activation, ...]]:
    """The activations of each direction, alpha and beta handed to those that have them, in their order."""
    per_direction = len(_DEFAULTS[operator])
    names = _list(title, values, "activations", str) or _DEFAULTS[operator] * directions
    numbers = {name: _list(title, values, f"activation_{name}", float) for name in ("alpha", "beta")}
    if len(names) != per_direction * directions:
        raise ConversionError(
            f"{title} has {len(names)} activations; an {operator} has {per_direction} for each of its "
            f"{directions} direction(s)"
        )
    if not all(math.isfinite(number) for coefficients in numbers.values() for number in coefficients):
        raise ConversionError(f"{title} has activation_alpha or activation_beta that are no finite numbers")
    activations = []
    for name in names:
        activation = _ACTIVATIONS.get(str(name).lower())
        if activation is None:
            raise ConversionError(
                f"{title} has the activation {name!r}; known are "
                + ", ".join(nearest_first(str(name), _ACTIVATIONS.values()))
            )
        kind = ACTIVATIONS[activation]
        alpha = numbers["alpha"].pop(0) if kind.alpha is not None and numbers["alpha"] else None
        beta = numbers["beta"].pop(0) if kind.beta is not None and numbers["beta"] else None
        activations.append(Activation(activation, alpha, beta))
    if any(numbers.values()):
        raise ConversionError(
            f"{title} has more activation_alpha or activation_beta than its activations {', '.join(names)} take"
        )
    return [tuple(activations[d * per_direction : (d + 1) * per_direction]) for d in range(directions)]


def _list(title: str, values: dict[str, Any], name: str, kind: type) -> list[Any]:
    entries = values.pop(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, kind) for entry in entries):
        raise ConversionError(f"{title} has {name}={entries!r}; expected a list of {kind.__name__}")
    return entries


def _switch(title: str, values: dict[str, Any], name: str) -> int:
    value = values.pop(name, 0)
    if value not in (0, 1) or not isinstance(value, int):
        raise ConversionError(f"{title} has {name}={value!r}; expected 0 or 1")
    return value
