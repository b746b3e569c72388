"""Recurrent: any cell, in layers and directions, over ragged rows; torch.nn's call and parameters, with a trace."""

import warnings
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from .. import cells
from ..equations import Cell
from ..errors import SettingsError, ShapeError
from ..kernels import Call, CallResult, run
from ..kernels.bidirectional_output import Room, joined
from ..kernels.core.fast_path import directly, traced_directly
from ..kernels.core.program import prepare
from ..kernels.dispatch import by_name
from ..kernels.weights import Weights
from .checks import check_input, check_kind, check_projection, check_settings, check_stream
from .init import Init, check_init, initialise
from .input_format import BatchLayout, Hidden, Lengths, batch_layout
from .stepper import Stepper
from .trace import LayerTrace, Trace


class Recurrent(nn.Module):
    """A stack of recurrent layers of any cell: torch.nn.LSTM's call and parameters, with a trace.

    Parameters are named and ordered as torch names them: weight_ih_l0 [gates · hidden, input], weight_hh_l0
    [gates · hidden, hidden], bias_ih_l0, bias_hh_l0, weight_hr_l0 [projected, hidden], `_reverse` for the other way.

    cell:        a Cell, or the name of one of keepgate's or of one that keepgate.cells.register was given.
    init:        "torch" (uniform, the numbers torch.nn draws), "orthogonal", or "chrono" with `horizon` in steps.
    forget_bias: total bias of the gate that keeps (LSTM f, GRU z), or None to leave it as `init` makes it.
    kernel:      the name of the kernel that must run every call, or None for the first that can.

    Raises SettingsError (a ValueError) for choices that make no sense, TypeError for sizes that are no integers.
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        horizon: float | None = None,
        forget_bias: float | None = None,
        kernel: str | None = None,
    ) -> None:
        super().__init__()
        cell = cells.by_name(cell) if isinstance(cell, str) else cell
        check_settings(
            input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, proj_size=proj_size, bias=bias,
            batch_first=batch_first, bidirectional=bidirectional, dropout=dropout,
        )  # fmt: skip
        check_projection(cell, proj_size, hidden_size)
        check_init(cell, init, horizon, forget_bias, bias)
        if kernel is not None:
            by_name(kernel)
        prepare(cell)
        self.cell = cell
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self.init, self.horizon, self.forget_bias, self.kernel = init, horizon, forget_bias, kernel
        # (layer, reverse) in torch's order, and for each the parameters' names by what a kernel calls them.
        self._places = [
            (layer, way) for layer in range(num_layers) for way in (False, True)[: self.directions]
        ]
        self._names = [
            {name: f"{name}_l{layer}{'_reverse' if reverse else ''}" for name in self._shapes(layer)}
            for layer, reverse in self._places
        ]
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and this {type(self).__name__} has one; "
                "set num_layers=2 or more, or dropout=0",
                stacklevel=3,
            )
        for names, (layer, _) in zip(self._names, self._places, strict=True):
            for name, shape in self._shapes(layer).items():
                weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(names[name], weight)
        # Weights that have been looked at, to be known again. Neither copied nor pickled.
        self._held: list[Weights | None] = [None] * len(self._places)
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """Units of the output in one direction."""
        return self.proj_size or self.hidden_size

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """Each layer's and direction's parameters, as torch.nn lists them."""
        return [list(self._named(place).values()) for place in range(len(self._places))]

    def reset_parameters(self) -> None:
        """Draws the initial weights again, by the `init` that the layer was built with."""
        for place in range(len(self._places)):
            initialise(
                self.cell, self._named(place), self.hidden_size,
                init=self.init, horizon=self.horizon, forget_bias=self.forget_bias,
            )  # fmt: skip

    def flatten_parameters(self) -> None:
        """Does nothing: here weights are packed by the kernel that needs it. Kept for code written for torch.nn."""

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Lengths | None = None,
        resets: Bool[Tensor, "..."] | None = None,
    ) -> tuple[Tensor | PackedSequence, Hidden]:
        """The output after every step, and the states after the last, in torch.nn's shapes.

        input:   [time, batch, input] (batch_first: [batch, time, input]), [time, input], or a PackedSequence.
        hx:      states before the first step, [layers · directions, batch, units]; zeros if None.
        lengths: how many steps of each row are real, in any order, 0 allowed. Beyond them the output is zero and gets
                 no gradient; final states are those at the row's own end, where the reverse direction starts.
        resets:  [time, batch] (or as the input is laid out), True where a new sequence begins: the state is cleared.
        Raises ShapeError (a ValueError and a RuntimeError) for what does not fit.
        """
        if hx is None and lengths is None and resets is None and (found := self._directly(input)):
            return found
        output, final, _, arranged = self._run(input, hx, lengths, resets, trace=False)
        return arranged.output(output), self._final(final, arranged)

    def trace(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        lengths: Lengths | None = None,
        resets: Bool[Tensor, "..."] | None = None,
    ) -> Trace:
        """The same run with every gate and state at every step, differentiable, always time first.

        Rows are in the caller's order, those of a PackedSequence too, as its final states are and as
        torch.nn.utils.rnn.pad_packed_sequence gives them back.
        In textbooks that write z, zⁱ, zᶠ, zᵒ: z is g (the candidate), zⁱ is i, zᶠ is f, zᵒ is o.
        """
        if hx is None and lengths is None and resets is None and (found := self._trace_directly(input)):
            return found
        output, final, layers, arranged = self._run(input, hx, lengths, resets, trace=True)
        return Trace(
            output=output, final=self._final(final, arranged), layers=tuple(layers), lengths=arranged.lengths
        )

    def calls(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Lengths | None = None,
        resets: Bool[Tensor, "..."] | None = None,
        trace: bool = False,
    ) -> list[Call]:
        """The calls that a run would make, layer by layer, without making them; deeper inputs are zeros."""
        weights = [self.weights_at(place) for place in range(len(self._places))]
        arranged, states, resets = self._enter(input, hx, lengths, resets, weights[0], trace=trace)
        x, calls = arranged.x, []
        for place, (layer, reverse) in enumerate(self._places):
            if layer and not reverse:
                x = x.new_zeros(*x.shape[:2], self.output_size * self.directions)
            calls.append(Call.of(weights[place], x, states[place], arranged.lengths, resets, reverse, trace))
        return calls

    def stepper(self, batch: int = 1) -> Stepper:
        """The same layer for streams: one step a call, the states inside, see `Stepper`.

        batch: how many streams are read side by side.
        Raises SettingsError for a bidirectional layer, KernelRefused where the C++ core cannot run the layer.
        """
        check_stream(batch, bidirectional=self.bidirectional, kernel=self.kernel)
        sizes = (self.output_size, *[self.hidden_size] * (len(self.cell.states) - 1))
        # What is made in inference mode cannot be written to outside it.
        with torch.inference_mode(False):
            new = self.weights_at(0).weight_ih.detach().new_zeros
            states = tuple(new(self.num_layers, batch, size) for size in sizes)
            return Stepper(self.weights_at, states, self.input_size)

    def _directly(self, input: Any) -> tuple[Tensor, Hidden] | None:
        """Output and final states of the plainest call (`core.fast_path`); None where more must be looked at."""
        x = self._plainest(input)
        found = None if x is None else directly(self.weights_at(0), x)
        if found is None:
            return None
        output, *final = found
        if self.batch_first:
            output = output.transpose(0, 1)
        return output, tuple(final) if len(final) > 1 else final[0]

    def _trace_directly(self, input: Any) -> Trace | None:
        """The trace of the plainest call, as `_directly`; None where more must be looked at."""
        x = self._plainest(input)
        found = None if x is None else traced_directly(self.weights_at(0), x)
        if found is None:
            return None
        (output, *final), over_time, zeros = found
        initial = dict.fromkeys(self.cell.states, zeros)
        layer = LayerTrace(layer=0, reverse=False, cell=self.cell, over_time=over_time, initial=initial)
        return Trace(output=output, final=tuple(final) if len(final) > 1 else final[0], layers=(layer,))

    def _plainest(self, input: Any) -> Tensor | None:
        """An input that one layer and direction may read directly, time first; None if it may not."""
        alone = len(self._places) == 1 and (self.kernel is None or self.kernel == "cpu")
        if not alone or type(input) is not Tensor or input.dim() != 3:
            return None
        return input.transpose(0, 1) if self.batch_first else input

    def _run(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None,
        lengths: Lengths | None,
        resets: Tensor | None,
        *,
        trace: bool,
    ) -> tuple[Tensor, list[tuple[Tensor, ...]], list[LayerTrace], BatchLayout]:
        first = self.weights_at(0)
        arranged, states, resets = self._enter(input, hx, lengths, resets, first, trace=trace)
        output, outputs, final, traces = arranged.x, [], [], []
        x, room = arranged.x, None
        for place, (layer, reverse) in enumerate(self._places):
            if layer and not reverse and self.dropout:
                x = dropout(x, self.dropout, self.training)
            if self.bidirectional and not reverse:
                room = Room.beside(x, self.output_size)
            weights = self.weights_at(place) if place else first
            into = None if room is None else room.places[reverse]
            call = Call.of(weights, x, states[place], arranged.lengths, resets, reverse, trace, into)
            ran = run(call, self.kernel)
            outputs.append(ran.output)
            final.append(ran.final)
            if trace:
                traces.append(layer_trace(call, ran, layer))
            if reverse or not self.bidirectional:
                output = joined(outputs, room) if self.bidirectional else outputs[0]
                x, outputs = output, []
        return output, final, traces, arranged

    def _enter(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None,
        lengths: Lengths | None,
        resets: Tensor | None,
        weights: Weights,
        *,
        trace: bool,
    ) -> tuple[BatchLayout, list[tuple[Tensor, ...]], Tensor | None]:
        """Everything that the caller gave, checked and time first; for a trace with its rows in the caller's order."""
        name = type(self).__name__
        arranged = batch_layout(input, lengths, self.batch_first, name)
        check_input(arranged.x, weights.weight_ih, name)
        begins = self._resets(resets, arranged)
        arranged = arranged.unpacked() if trace else arranged
        return arranged, self._states(hx, arranged), begins

    def _states(self, hx: Hidden | None, arranged: BatchLayout) -> list[tuple[Tensor, ...]]:
        """The states before the first step, [batch, units] each, for each layer and direction."""
        x, names = arranged.x, self.cell.states
        if hx is None:
            zeros = x.new_zeros(x.shape[1], self.hidden_size)
            first = zeros if not self.proj_size else x.new_zeros(x.shape[1], self.proj_size)
            return [(first, *[zeros] * (len(names) - 1))] * len(self._places)
        sizes = (self.output_size, *[self.hidden_size] * (len(names) - 1))
        shapes = [(len(self._places), x.shape[1], size) for size in sizes]
        given = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        if len(given) != len(names):
            raise ShapeError(
                f"{type(self).__name__} carries {len(names)} state(s), {', '.join(names)}, "
                f"but hx holds {len(given)}; give {'a tuple of them' if len(names) > 1 else 'one tensor'}"
            )
        states = []
        for name, state, shape in zip(names, given, shapes, strict=True):
            expected = shape if arranged.batched else (shape[0], shape[2])
            if tuple(state.shape) != expected:
                raise ShapeError(
                    f"initial state {name} has shape {tuple(state.shape)}, expected {expected}: "
                    f"[layers · directions, {'batch, ' if arranged.batched else ''}units]"
                )
            check_kind(f"initial state {name}", state, x)
            states.append(arranged.states_in(state))
        return list(zip(*states, strict=True))

    def _resets(self, resets: Tensor | None, arranged: BatchLayout) -> Tensor | None:
        if resets is None:
            return None
        if arranged.packed is not None:
            raise SettingsError(
                "resets need a padded input, because a PackedSequence has no [time, batch]; pad it"
            )
        given = resets if arranged.batched else resets.unsqueeze(1)
        if self.batch_first and arranged.batched and given.dim() == 2:
            given = given.T
        expected = tuple(arranged.x.shape[:2])
        if given.dtype != torch.bool or tuple(given.shape) != expected:
            raise ShapeError(
                f"resets is {resets.dtype} of shape {tuple(resets.shape)}; expected torch.bool, laid out as the input: "
                f"{expected[0]} steps by {expected[1]} rows"
            )
        return given.to(arranged.x.device)

    def _final(self, final: list[tuple[Tensor, ...]], arranged: BatchLayout) -> Hidden:
        if len(final) == 1:
            stacked = [state[None] for state in final[0]]
        else:
            stacked = [torch.stack(parts) for parts in zip(*final, strict=True)]
        given_back = tuple(arranged.states_out(stacked))
        return given_back if len(given_back) > 1 else given_back[0]

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        rows = len(self.cell.gates) * self.hidden_size
        width = self.output_size * self.directions if layer else self.input_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width)}
        if self.cell.recurrent != "none":
            shapes["weight_hh"] = (rows,) if self.cell.recurrent == "diagonal" else (rows, self.output_size)
        if self.bias:
            shapes["bias_ih"] = (rows,)
            if self.cell.recurrent != "none":
                shapes["bias_hh"] = (rows,)
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes | dict.fromkeys(self.cell.vectors, (self.hidden_size,))

    def weights_at(self, place: int) -> Weights:
        """One layer's and direction's weights, looked at again only if something about them has changed."""
        compiled = torch.compiler.is_compiling()
        held = self._held[place] if not compiled else None
        # nn.Module looks for an attribute in many places; parameters are in this one.
        if held is not None and held.still([*map(self._parameters.get, self._names[place].values())]):
            return held
        named = self._named(place)
        weights = Weights(
            self.cell, named["weight_ih"], named.get("weight_hh"), named.get("bias_ih"), named.get("bias_hh"),
            named.get("weight_hr"), tuple(named[name] for name in self.cell.vectors),
        )  # fmt: skip
        if not compiled:
            self._held[place] = weights if weights.note() else None
        return weights

    def _named(self, place: int) -> dict[str, Tensor]:
        return {name: getattr(self, own) for name, own in self._names[place].items()}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": [None] * len(self._places)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        prepare(self.cell)

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
            "init": "torch", "horizon": None, "forget_bias": None, "kernel": None,
        }  # fmt: skip
        given = {name: getattr(self, name) for name in defaults}
        changed = [f"{name}={value!r}" for name, value in given.items() if value != defaults[name]]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def layer_trace(call: Call, ran: CallResult, layer: int) -> LayerTrace:
    """What a traced run showed, as the trace of one layer and direction."""
    return LayerTrace(
        layer=layer,
        reverse=call.reverse,
        cell=call.cell,
        over_time=ran.traced,
        initial=dict(zip(call.cell.states, call.states, strict=True)),
        lengths=call.lengths,
        resets=call.resets,
        weight_hr=call.weight_hr,
    )
