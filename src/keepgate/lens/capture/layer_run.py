"""Seen: one run of one recurrent layer, ours or torch's, with all that the measures need of it."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...errors import SettingsError
from ...kernels import Call
from ...nn import GRU, LSTM, RNN, Recurrent
from ...nn.eval_mode import eval_mode
from ...nn.input_format import BatchLayout, Hidden, Lengths, batch_layout
from ...nn.length_mask import length_mask
from ...nn.trace import Trace
from ..compact_repr import compact_repr

_OURS: tuple[tuple[type[nn.RNNBase], type[Recurrent]], ...] = ((nn.LSTM, LSTM), (nn.GRU, GRU), (nn.RNN, RNN))
RECURRENT: tuple[type[nn.Module], ...] = (Recurrent, *(theirs for theirs, _ in _OURS))


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerRun:
    """What a layer was given and what happened inside. Rows are in the order in which the caller had them.

    layer:   ours, time first, with the very weights of the layer that ran.
    x:       what it read. initial: the states before the first step, [layers · directions, batch, units] each.
    lengths: how many steps of each row are real; None where all are.
    """

    layer: Recurrent
    x: Float[Tensor, "time batch input"]
    initial: tuple[Float[Tensor, "places batch _"], ...]
    lengths: Int[Tensor, " batch"] | None
    trace: Trace

    __repr__ = compact_repr

    @property
    def hx(self) -> Tensor | tuple[Tensor, ...]:
        """The states before the first step, as the layer takes them."""
        return self.initial if len(self.initial) > 1 else self.initial[0]

    @property
    def final(self) -> tuple[Tensor, ...]:
        """The states after the last step of each row, [layers · directions, batch, units] each."""
        return as_tuple(self.trace.final)

    def call(self, place: int) -> Call:
        """The run of one layer and direction, as a kernel takes it; `place` counts them as the trace does."""
        part = self.trace.layers[place]
        states = tuple(state[place] for state in self.initial)
        return Call.of(
            self.layer.weights_at(place),
            self.read_by(place),
            states,
            self.lengths,
            part.resets,
            part.reverse,
            True,
        )

    def read_by(self, place: int) -> Float[Tensor, "time batch _"]:
        """What a layer and direction read: the input, or the outputs of the layer below."""
        depth, output = self.trace.layers[place].layer, self.layer.cell.states[0]
        if depth == 0:
            return self.x
        return torch.cat([part[output] for part in self.trace.layers if part.layer == depth - 1], -1)

    def place(self, layer: int, *, reverse: bool = False) -> int:
        """The place of a layer and direction. Raises IndexError if there is none."""
        wanted = self.trace.layer(layer, reverse=reverse)
        return next(place for place, part in enumerate(self.trace.layers) if part is wanted)


def capture_layer(
    layer: nn.Module,
    x: Float[Tensor, "time batch input"],
    hx: Tensor | tuple[Tensor, ...] | None = None,
    *,
    lengths: Int[Tensor, " batch"] | list[int] | None = None,
    resets: Tensor | None = None,
) -> LayerRun:
    """One run of a layer, ours or torch's, seen from inside: without gradients or dropout, time first whatever it is.

    Raises SettingsError for a module that is no recurrent layer, and what the layer itself would raise.
    """
    ours = as_keepgate_layer(layer)
    with torch.no_grad():
        trace = ours.trace(x, hx, lengths=lengths, resets=resets)
        calls = ours.calls(x, hx, lengths=lengths, resets=resets)
    initial = tuple(torch.stack(states) for states in zip(*(call.states for call in calls), strict=True))
    return LayerRun(layer=ours, x=x.detach().clone(), initial=initial, lengths=trace.lengths, trace=trace)


def as_keepgate_layer(module: nn.Module) -> Recurrent:
    """A layer of ours, time first and in eval mode, that shares the memory of this layer's weights.

    module: torch.nn.LSTM, GRU or RNN, or a layer of ours. It is not touched.
    Raises SettingsError for anything else.
    """
    if isinstance(module, Recurrent):
        new = Recurrent(
            module.cell, module.input_size, module.hidden_size, module.num_layers, module.bias,
            bidirectional=module.bidirectional, proj_size=module.proj_size, device="meta",
        )  # fmt: skip
        return _with_weights_of(module, new)
    for theirs, ours in _OURS:
        if isinstance(module, theirs):
            return _with_weights_of(module, _like(module, ours))
    known = ", ".join(f"torch.nn.{theirs.__name__}" for theirs, _ in _OURS)
    raise SettingsError(
        f"{type(module).__name__} is no recurrent layer; give one of {known}, or a layer of keepgate"
    )


def refuse_dropout(module: nn.RNNBase | Recurrent) -> None:
    """Raises SettingsError for a layer in training mode that drops some of what goes from layer to layer."""
    if module.training and module.dropout and module.num_layers > 1:
        raise SettingsError(
            f"this {type(module).__name__} is in training mode and drops {module.dropout} of what goes from layer to "
            "layer; what it dropped cannot be seen from outside, so call model.eval() before it runs"
        )


def in_callers_order(
    given: Tensor | PackedSequence, module: nn.RNNBase | Recurrent, lengths: Lengths | None = None
) -> BatchLayout:
    """An input or output of a layer, time first, its rows as the caller had them before any packing; padding is 0.

    Without gradients.
    """
    arranged = batch_layout(given, lengths, module.batch_first, type(module).__name__)
    arranged = arranged._replace(x=arranged.x.detach())
    if arranged.packed is None or arranged.lengths is None:
        return arranged
    real = length_mask(len(arranged.x), arranged.lengths, arranged.x.device)
    x, ends = arranged.x.masked_fill(~real.unsqueeze(2), 0), arranged.lengths
    order = arranged.packed.unsorted_indices
    if order is not None:
        x, ends = x.index_select(1, order), ends[order.cpu()]
    return arranged._replace(x=x, lengths=ends)


def as_tuple(states: Hidden) -> tuple[Tensor, ...]:
    """A layer's states, however many it has."""
    return states if isinstance(states, tuple) else (states,)


def _like(module: nn.RNNBase, ours: type[Recurrent]) -> Recurrent:
    options: dict[str, Any] = {
        "num_layers": module.num_layers, "bias": module.bias, "bidirectional": module.bidirectional, "device": "meta",
    }  # fmt: skip
    if ours is LSTM:
        options["proj_size"] = module.proj_size
    if ours is RNN:
        options["nonlinearity"] = module.mode.removeprefix("RNN_").lower()
    build: Any = ours
    return build(module.input_size, module.hidden_size, **options)


def _with_weights_of(module: nn.Module, new: Recurrent) -> Recurrent:
    # By attribute: a weight that is parametrised, such as by weight_norm, is no parameter of its own. In evaluation
    # mode, in which spectral_norm makes no step of its power iteration.
    with eval_mode(module):
        weights = {name: getattr(module, name).detach() for name, _ in new.named_parameters()}
    new.load_state_dict(weights, assign=True)
    return new.requires_grad_(False).eval()
