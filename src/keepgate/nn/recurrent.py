"""Recurrent: any cell, in layers and directions, over ragged rows; torch.nn's call and parameters, with a trace."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from .. import cells
from ..arrays.parameter_shapes import parameter_shapes
from ..cells.choices import Init, check_init
from ..equations import Cell
from ..kernels import Call, prepare_cell, run
from ..kernels.dispatch import by_name
from ..kernels.tracing_state import jit_tracing_active
from ..kernels.weights import Weights
from .checks import (
    check_features,
    check_kind,
    check_layer_cell,
    check_projection,
    check_stream,
    dropout_of,
    real_of,
    size_of,
    switch_of,
)
from .gates import gates_of, listening
from .init import initialise
from .input_format import BatchLayout, Hidden, Lengths, batch_layout, states_for_fast_path
from .parameters import PlaceParameters, load_own_wholly, load_state_dict_wholly
from .regularisation import Masks, Regularisation
from .settings import changed_settings
from .stack import run_stack
from .stepper import Stepper
from .torch_layer import to_torch
from .trace import LayerTrace, Trace, layer_trace
from .tracers import fx_call, jit_call, refuse_script, refuse_unrolled


class Recurrent(nn.RNNBase):
    """A stack of recurrent layers of any cell: torch.nn.LSTM's call and parameters, with a trace.

    Parameters are named and ordered as torch names them: weight_ih_l0 [gates · hidden, input], weight_hh_l0
    [gates · hidden, hidden], bias_ih_l0, bias_hh_l0, weight_hr_l0 [projected, hidden], `_reverse` for the other way.
    It is a torch.nn.RNNBase to whoever asks; of that class it uses nothing.

    cell:        a Cell, or the name of one of keepgate's or of one that keepgate.cells.register was given.
    init:        "torch" (uniform, the numbers torch.nn draws), "orthogonal", or "chrono" with `horizon` in steps.
    forget_bias: log-odds of the keeping gate at zero input and state (an LSTM's b_f), or None to leave it to `init`.
    kernel:      the name of the kernel that must run every call, or None for the first that can.
    zoneout, recurrent_dropout, weight_drop: probabilities of masks in training, as `Regularisation` has them.
    first_row:   an attribute: the number of a call's first row for these masks, such as 8 in a second half of 16 rows.

    Raises SettingsError (a ValueError) for choices that make no sense, TypeError for sizes that are no integers.
    """

    # RNNBase keeps a second list of its weights by these, and torch.jit copies the constants; neither has a use here.
    __setattr__ = nn.Module.__setattr__  # type: ignore[assignment]
    __getstate__ = object.__getstate__
    _replicate_for_data_parallel = nn.Module._replicate_for_data_parallel
    _apply = nn.Module._apply
    __constants__: ClassVar[list[str]] = []
    __prepare_scriptable__ = refuse_script
    regularisation: Regularisation | None = None
    first_row = 0
    load_state_dict = load_state_dict_wholly
    _load_from_state_dict = load_own_wholly  # type: ignore[assignment]

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
        zoneout: Sequence[float] = (0.0, 0.0),
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
    ) -> None:
        nn.Module.__init__(self)
        cell = cells.by_name(cell) if isinstance(cell, str) else cell
        check_layer_cell(cell)
        self.input_size = size_of("input_size", input_size)
        self.hidden_size = size_of("hidden_size", hidden_size)
        self.num_layers = size_of("num_layers", num_layers)
        self.proj_size = size_of("proj_size", proj_size, least=0)
        self.regularisation = Regularisation.of(cell, zoneout, recurrent_dropout, weight_drop, self.proj_size)
        self._base_cell, self.mode = cell, cell.name.upper()
        self.cell = cell = cell if self.regularisation is None else self.regularisation.evaluated
        self.bias, self.batch_first = switch_of("bias", bias), switch_of("batch_first", batch_first)
        self.bidirectional, self.dropout = switch_of("bidirectional", bidirectional), dropout_of(dropout)
        self.init, self._places = init, list[PlaceParameters]()
        self.horizon, self.forget_bias = real_of("horizon", horizon), real_of("forget_bias", forget_bias)
        check_projection(cell, self.proj_size, self.hidden_size)
        check_init(self._base_cell, init, self.horizon, self.forget_bias, self.bias)
        self.kernel = kernel
        prepare_cell(cell, None if self.regularisation is None else self.regularisation.trained)
        if self.dropout > 0 and self.num_layers == 1:
            warnings.warn(
                f"dropout={dropout} acts between layers, and this {type(self).__name__} has one; "
                "set num_layers=2 or more, or dropout=0",
                stacklevel=3,
            )
        for layer in range(self.num_layers):
            width = self.output_size * self.directions if layer else self.input_size
            shapes = parameter_shapes(
                cell, input_size=width, hidden_size=self.hidden_size, proj_size=self.proj_size, bias=self.bias
            )
            for suffix in ("", "_reverse")[: self.directions]:
                self._places.append(
                    PlaceParameters(cell, {name: f"{name}_l{layer}{suffix}" for name in shapes}, kernel)
                )
                for name, shape in shapes.items():
                    weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{layer}{suffix}", weight)
        self.reset_parameters()

    @property
    def kernel(self) -> str | None:
        """The name of the kernel that must run every call, or None for the first that can."""
        return self._kernel

    @kernel.setter
    def kernel(self, name: str | None) -> None:
        if name is not None:
            by_name(name)
        self._kernel = name
        for place in self._places:
            place.use(name)

    @property
    def output_size(self) -> int:
        """Units of the output in one direction."""
        return self.proj_size or self.hidden_size

    @property
    def directions(self) -> int:
        """2 for a bidirectional layer, 1 for another."""
        return 2 if self.bidirectional else 1

    gates = property(gates_of)

    @property
    def all_weights(self) -> list[list[Any]]:
        """Each layer's and direction's parameters, as torch.nn lists them."""
        return [list(place.tensors(self).values()) for place in self._places]

    @property
    def _flat_weights(self) -> list[Any]:  # type: ignore[override]
        """All of them in one list, where code written for torch.nn looks for them."""
        return [weight for place in self.all_weights for weight in place]

    def reset_parameters(self) -> None:
        """Draws the initial weights again, by the `init` that the layer was built with."""
        for place in self._places:
            initialise(
                self._base_cell, place.tensors(self), self.hidden_size,
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
        Raises ShapeError (a ValueError and a RuntimeError) for what does not fit, KernelRefused where torch.jit.trace
        would record what is right at the traced sizes only.
        """
        plain = type(input) is Tensor and lengths is None and resets is None
        initial = states_for_fast_path(hx) if plain else None
        if initial is None and (node := fx_call(self, input, hx, lengths=lengths, resets=resets)) is not None:
            return node
        if listening(self):
            from .hooked_run import hooked_run

            return hooked_run(self, input, hx, lengths=lengths, resets=resets)
        weights, masks = self.weights(), self._masks()
        if initial is not None and (result := self._run_fast(input, initial, masks)):
            return result
        if jit_tracing_active():
            return jit_call(self, self.cell, weights, input, hx, self.kernel, lengths, resets)
        layout, states, begins = self._time_first(input, hx, lengths, resets, weights[0])
        final: list[tuple[Tensor, ...]] = []

        def run_place(_: int, call: Call) -> Tensor:
            result = run(call, self.kernel)
            final.append(result.final[: len(self.cell.states)])
            return result.output

        output = self._run(weights, layout, states, begins, run_place, masks)
        return layout.output(output), layout.final_states(final)

    def trace(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Lengths | None = None,
        resets: Bool[Tensor, "..."] | None = None,
    ) -> Trace:
        """The same run with every gate and state at every step, differentiable, always time first.

        Rows are in the caller's order, those of a PackedSequence too, as its final states are and as
        torch.nn.utils.rnn.pad_packed_sequence gives them back.
        In textbooks that write z, zⁱ, zᶠ, zᵒ: z is g (the candidate), zⁱ is i, zᶠ is f, zᵒ is o.
        """
        refuse_unrolled(self, input)
        weights, masks = self.weights(), self._masks()
        plain = type(input) is Tensor and hx is None and lengths is None and resets is None
        if plain and masks is None and (result := self._trace_fast(input)):
            return result
        layout, states, begins = self._time_first(input, hx, lengths, resets, weights[0])
        final: list[tuple[Tensor, ...]] = []
        layers: list[LayerTrace] = []

        def run_place(place: int, call: Call) -> Tensor:
            result = run(call, self.kernel)
            final.append(result.final[: len(self.cell.states)])
            layers.append(layer_trace(call, result, place // self.directions))
            return result.output

        output = self._run(weights, layout, states, begins, run_place, masks, trace=True)
        return Trace(
            output=output, final=layout.final_states(final), layers=tuple(layers), lengths=layout.lengths
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
        weights, calls = self.weights(), list[Call]()
        layout, states, begins = self._time_first(input, hx, lengths, resets, weights[0])

        def run_place(_: int, call: Call) -> Tensor:
            calls.append(call)
            return call.x.new_zeros(*call.x.shape[:2], self.output_size)

        self._run(weights, layout, states, begins, run_place, self._masks(seed=0), trace=trace)
        return calls

    def stepper(self, batch: int = 1) -> Stepper:
        """The same layer for streams: one step a call, the states inside, see `Stepper`.

        batch: how many streams are read side by side.
        Raises SettingsError for a bidirectional layer, KernelRefused where the C++ core cannot run the layer.
        """
        batch = size_of("batch", batch)
        check_stream(bidirectional=self.bidirectional, kernel=self.kernel)
        # What is made in inference mode cannot be written to outside it.
        with torch.inference_mode(False):
            weights = self.weights()
            new = weights[0].form.detach().new_zeros
            states = tuple(new(self.num_layers, batch, size) for size in weights[0].states)
            return Stepper(self.weights, states, self.input_size)

    def to_torch(self) -> nn.RNNBase:
        """torch.nn's layer of the same cell, with the very same Parameter objects, settings and mode.

        For libraries that look for layers by their type; what trains one trains the other. Forward hooks stay here.
        Raises CellError for a cell that torch.nn lacks, SettingsError where a weight is computed or masks are drawn.
        """
        layer: nn.RNNBase = to_torch(self, self.cell)
        return layer

    def weights(self) -> list[Weights]:
        """The weights of each layer and direction, in torch's order. What is parametrised is computed now."""
        return [place.weights(self) for place in self._places]

    def weights_at(self, place: int) -> Weights:
        """The weights of one layer and direction, counted in torch's order."""
        return self._places[place].weights(self)

    def _run_fast(self, input: Any, states: Any, masks: Masks | None) -> tuple[Tensor, Hidden] | None:
        """Output and final states by a kernel's fast path, from `states` or zeros; None for the general path."""
        if input.dim() != 3 or self.bidirectional:
            return None
        x = input.transpose(0, 1) if self.batch_first else input
        if masks is not None:
            result = None if states or len(self._places) > 1 else masks.run_fast(self._places[0], x)
        elif len(self._places) == 1:
            fast_path = self._places[0].fast_path
            result = None if fast_path is None else fast_path(x, states or None)
        else:
            result = self._run_layers_fast(x, states)
        if result is None:
            return None
        output, *final = result
        output = output.transpose(0, 1) if self.batch_first else output
        return output, tuple(final) if len(final) > 1 else final[0]

    def _run_layers_fast(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """The same of several layers, one over the other: output and final states."""
        layers = len(self._places)
        if (self.training and self.dropout) or any(len(state) != layers for state in states):
            return None
        output, finals = x, []
        for index, place in enumerate(self._places):
            before = tuple([state[index : index + 1] for state in states]) or None
            if (fast_path := place.fast_path) is None or (result := fast_path(output, before)) is None:
                return None
            output, *last = result
            finals.append(last)
        return output, *map(torch.cat, zip(*finals, strict=True))

    def _trace_fast(self, input: Any) -> Trace | None:
        """The trace by a kernel's fast path; None where the general path must run."""
        fast_path = self._places[0].fast_path if len(self._places) == 1 and input.dim() == 3 else None
        if fast_path is None:
            return None
        if (result := fast_path.trace(input.transpose(0, 1) if self.batch_first else input)) is None:
            return None
        (output, *final), over_time, zeros = result
        initial = dict.fromkeys(self.cell.states, zeros)
        layer = LayerTrace(layer=0, reverse=False, cell=self.cell, over_time=over_time, initial=initial)
        return Trace(output=output, final=tuple(final) if len(final) > 1 else final[0], layers=(layer,))

    def _time_first(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None,
        lengths: Lengths | None,
        resets: Tensor | None,
        weights: Weights,
    ) -> tuple[BatchLayout, list[tuple[Tensor, ...]], Tensor | None]:
        """Input, initial states and resets, checked and time first."""
        name = type(self).__name__
        layout = batch_layout(input, lengths, self.batch_first, name)
        check_features(layout.x, weights.form, name)
        check_kind("input", layout.x, weights.form)
        begins = layout.time_first_resets(resets)
        states = layout.initial_states(hx, self.cell.states, weights.states, len(self._places), name)
        return layout, states, begins

    def _run(
        self,
        weights: list[Weights],
        layout: BatchLayout,
        states: list[tuple[Tensor, ...]],
        begins: Tensor | None,
        run_place: Callable[[int, Call], Tensor],
        masks: Masks | None,
        *,
        trace: bool = False,
    ) -> Tensor:
        dropout = partial(functional.dropout, p=self.dropout, training=self.training)
        return run_stack(
            weights, self.directions, layout.x, states, run_place, lengths=layout.lengths, resets=begins, trace=trace,
            between=dropout if self.dropout else None, shared_output=True, masks=masks,
        )  # fmt: skip

    def _masks(self, seed: int | None = None) -> Masks | None:
        """The masks of a call in training, of this seed or of one drawn now; None where there are none."""
        drawn = self.regularisation if self.training else None
        return None if drawn is None else drawn.draw(seed, self.first_row)

    def __setstate__(self, state: dict[str, Any]) -> None:
        nn.Module.__setstate__(self, state)  # type: ignore[no-untyped-call]
        prepare_cell(self.cell, None if self.regularisation is None else self.regularisation.trained)

    extra_repr = changed_settings
