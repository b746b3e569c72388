"""Loss gradient at a recurrent layer, wherever in the model it is, by lag."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...errors import SettingsError
from ..capture.hooks import attach
from ..capture.layer_run import LayerRun, as_keepgate_layer, capture_layer, in_callers_order
from ..gradients.by_lag import gradient_of_run
from .samples import Sample


def recurrent_layer(model: nn.Module, name: str | None) -> tuple[str, Any]:
    """The recurrent layer of that name, or the last, and its name. Raises KeyError and SettingsError."""
    with attach(model) as attached:
        name = attached.names[-1] if name is None else name
        return name, attached.module(name)


def loss_gradient_at_layer(
    model: nn.Module, name: str, module: Any, sample: Sample, run: int | None = None
) -> tuple[LayerRun, Tensor]:
    """One run of the layer, and by lag the gradient of these rows' loss with respect to its states.

    run: the number of the layer's run; None takes the longest, the first of equals. Rows may be packed.
    Raises SettingsError where the loss does not depend on the layer.
    """
    leaves: list[tuple[Tensor, ...]] = []
    outputs: list[Tensor | PackedSequence] = []

    def detach(_module: nn.Module, _inputs: Any, result: Any) -> Any:
        """Output and final states as leaves, so that the loss's gradient stops at them."""
        output, final = result
        packed = isinstance(output, PackedSequence)
        states = final if isinstance(final, tuple) else (final,)
        fresh = tuple(
            tensor.detach().requires_grad_() for tensor in (output.data if packed else output, *states)
        )
        leaves.append(fresh)
        outputs.append(output)
        detached = output._replace(data=fresh[0]) if packed else fresh[0]
        return detached, fresh[1:] if isinstance(final, tuple) else fresh[1]

    hook = module.register_forward_hook(detach)
    try:
        with attach(model, keep="all") as attached, torch.enable_grad():
            loss = sample.losses().sum()
    finally:
        hook.remove()
    runs = attached.runs(name)
    index = max(range(len(runs)), key=lambda k: len(runs[k].x)) if run is None else run
    if not loss.requires_grad:
        raise SettingsError(
            f"the loss does not depend on what the layer {name!r} gives; examine another layer"
        )
    gradient, *final = torch.autograd.grad(loss, leaves[index], allow_unused=True)
    output = outputs[index]
    if gradient is not None and isinstance(output, PackedSequence):
        gradient = in_callers_order(output._replace(data=gradient), module).x
    elif gradient is not None and getattr(module, "batch_first", False) and gradient.dim() == 3:
        gradient = gradient.transpose(0, 1)
    layer_run = _in_float32(_with_lengths(runs[index], sample))
    return layer_run, gradient_of_run(layer_run, gradient, tuple(final))


def _with_lengths(run: LayerRun, sample: Sample) -> LayerRun:
    """The same run with the rows' lengths, where the layer read the padding after them and the model left it out."""
    lengths = sample.lengths
    padded = run.lengths is None and not run.layer.bidirectional and len(lengths) == run.x.shape[1]
    if padded and int(lengths.min()) < int(lengths.max()) == len(run.x):
        return capture_layer(run.layer, run.x, _as_given(run.initial), lengths=lengths)
    return run


def _in_float32(run: LayerRun) -> LayerRun:
    """The same run in float32, where the model computes in fewer bits: a half-life hangs on how near 1 a gate is."""
    if run.x.dtype.itemsize >= 4:
        return run
    layer = as_keepgate_layer(run.layer).float()
    states = tuple(state.float() for state in run.initial)
    return capture_layer(layer, run.x.float(), _as_given(states), lengths=run.lengths)


def _as_given(states: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    return states if len(states) > 1 else states[0]
