"""LayerRun: inputs, initial states, weights and trace of one forward pass of a recurrent layer, ours or torch's."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...cells import by_name
from ...errors import SettingsError
from ...kernels import Call
from ...nn import Recurrent
from ...nn.eval_mode import eval_mode
from ...nn.input_format import BatchLayout, Hidden, Lengths, batch_layout
from ...nn.length_mask import length_mask
from ...nn.trace import Trace
from ..compact_repr import compact_repr


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerRun:
    """One forward pass of a recurrent layer. A place is a layer and direction, counted in torch's order.

    layer:   keepgate's, time first, sharing the weights of the layer that ran.
    x:       its input; rows are in the caller's order, also where they were packed.
    """

    layer: Recurrent
    x: Float[Tensor, "time batch input"]
    trace: Trace

    __repr__ = compact_repr

    @property
    def lengths(self) -> Int[Tensor, " batch"] | None:
        """How many steps of each row are real; None where all are."""
        return self.trace.lengths

    @property
    def initial(self) -> tuple[Float[Tensor, "places batch _"], ...]:
        """The states before the first step, [places, batch, units] each."""
        parts = self.trace.layers
        return tuple(torch.stack([part.initial[name] for part in parts]) for name in self.layer.cell.states)

    @property
    def final(self) -> tuple[Tensor, ...]:
        """The states after the last step of each row, [places, batch, units] each."""
        return as_tuple(self.trace.final)

    def call(self, place: int) -> Call:
        """The kernel call of one place."""
        traced_layer, weights = self.trace.layers[place], self.layer.weights_at(place)
        states = tuple(traced_layer.initial.values())
        return Call.of(
            weights,
            self.input_of(place),
            states,
            self.lengths,
            traced_layer.resets,
            traced_layer.reverse,
            True,
        )

    def input_of(self, place: int) -> Float[Tensor, "time batch _"]:
        """Input of one place: that of the layer, or the outputs of the layer below."""
        depth, output = self.trace.layers[place].layer, self.layer.cell.states[0]
        if depth == 0:
            return self.x
        return torch.cat(
            [traced_layer[output] for traced_layer in self.trace.layers if traced_layer.layer == depth - 1],
            -1,
        )

    def place(self, layer: int, *, reverse: bool = False) -> int:
        """Index of a layer and direction. Raises IndexError if there is none."""
        target = self.trace.layer(layer, reverse=reverse)
        return next(place for place, traced_layer in enumerate(self.trace.layers) if traced_layer is target)


def capture_layer(
    layer: nn.Module,
    x: Float[Tensor, "time batch input"],
    hx: Tensor | tuple[Tensor, ...] | None = None,
    *,
    lengths: Int[Tensor, " batch"] | list[int] | None = None,
    resets: Tensor | None = None,
) -> LayerRun:
    """Runs a recurrent layer, keepgate's or torch.nn's, and records the pass; without gradients or dropout.

    x, resets: time first, also for a layer that is batch first. hx, lengths: as `Recurrent.forward` takes them.
    Raises SettingsError for a module that is no recurrent layer, and what the layer itself would raise.
    """
    shared = as_keepgate_layer(layer)
    with torch.no_grad():
        trace = shared.trace(x, hx, lengths=lengths, resets=resets)
    return LayerRun(layer=shared, x=x.detach().clone(), trace=trace)


def as_keepgate_layer(module: nn.Module) -> Recurrent:
    """A layer of keepgate, time first and in eval mode, whose weights share memory with this layer's, or are those of a
    quantized layer in float32.

    module: torch.nn.LSTM, GRU or RNN, or a layer of keepgate; it is not changed.
    Raises SettingsError for anything else.
    """
    if not isinstance(module, nn.RNNBase):
        raise SettingsError(
            f"{type(module).__name__} is no recurrent layer; give one of torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN, or "
            "a layer of keepgate"
        )
    cell = module.cell if isinstance(module, Recurrent) else by_name(module.mode.lower())
    new = Recurrent(
        cell, module.input_size, module.hidden_size, module.num_layers, module.bias,
        bidirectional=module.bidirectional, proj_size=module.proj_size, device="meta",
    )  # fmt: skip
    # By attribute: a weight that is parametrised, such as by weight_norm, is no parameter of its own. In evaluation
    # mode, in which spectral_norm makes no step of its power iteration.
    with eval_mode(module):
        names = [name for name, _ in new.named_parameters()]
        weights = (
            [weight for place in module.all_weights for weight in place]
            if isinstance(module, Recurrent)
            else [getattr(module, name) for name in names]
        )
    new.load_state_dict({n: w.detach() for n, w in zip(names, weights, strict=True)}, assign=True)
    return new.requires_grad_(False).eval()


def refuse_dropout(module: nn.RNNBase | Recurrent) -> None:
    """Raises SettingsError for a layer in training mode with dropout between its layers."""
    if module.training and module.dropout and module.num_layers > 1:
        raise SettingsError(
            f"this {type(module).__name__} is in training mode and drops {module.dropout} of what goes from layer to "
            "layer; what it dropped cannot be seen from outside, so call model.eval() before it runs"
        )


def in_callers_order(
    sequence: Tensor | PackedSequence, module: nn.RNNBase | Recurrent, lengths: Lengths | None = None
) -> BatchLayout:
    """Layout of a layer's input or output: time first, rows in the caller's order, detached; packed padding is 0."""
    layout = batch_layout(sequence, lengths, module.batch_first, type(module).__name__)
    x = layout.x.detach()
    if layout.packed is not None and layout.lengths is not None:
        x = x.masked_fill(~length_mask(len(x), layout.lengths, x.device).unsqueeze(2), 0)
    return layout._replace(x=x)


def batched_hidden(hx: Hidden | None, layout: BatchLayout) -> Hidden | None:
    """States of a layer with a batch dimension, also where its input had none."""
    if hx is None or layout.batched:
        return hx
    return as_hidden(tuple(state.unsqueeze(1) for state in as_tuple(hx)))


def as_hidden(states: tuple[Tensor, ...]) -> Hidden:
    """States as torch's layers take and return them: one tensor, or a tuple of several."""
    return states if len(states) > 1 else states[0]


def as_tuple(states: Hidden) -> tuple[Tensor, ...]:
    """States as a tuple, however many the cell has."""
    return states if isinstance(states, tuple) else (states,)
