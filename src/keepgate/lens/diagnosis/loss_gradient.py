"""Loss gradient at a recurrent layer, wherever in the model it is, by lag."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...errors import SettingsError
from ..capture.hooks import attach
from ..capture.layer_run import LayerRun, as_keepgate_layer, capture_layer, in_callers_order
from ..gradients.by_lag import gradient_of_run
from .chained_runs import HandedOn, chains, joined
from .samples import Sample


class LayerGradient(NamedTuple):
    """run: of the layer. by_lag: the gradient of the loss with respect to its states. detached: after how many steps
    the model detaches them, so that no gradient goes further back; None where it does not. begun: whether the loss
    takes a backward direction's state where it has begun to read only, at the rows' last step."""

    run: LayerRun
    by_lag: Tensor
    detached: int | None
    begun: bool


def recurrent_layer(model: nn.Module, name: str | None) -> tuple[str, Any]:
    """The recurrent layer of that name, or the last, and its name. Raises KeyError and SettingsError."""
    with attach(model) as attached:
        name = attached.names[-1] if name is None else name
        return name, attached.module(name)


def loss_gradient_at_layer(
    model: nn.Module, name: str, module: Any, sample: Sample, run: int | None = None
) -> LayerGradient:
    """One run of the layer, and by lag the gradient of these rows' loss with respect to its states.

    run: the number of the layer's run; None takes the longest that the loss depends on, the first of equals, where
    calls that each begin with the states of the one before count as one. Of such calls whose states are detached, the
    gradient is that of the last, and 0 beyond. Rows may be packed.
    Raises SettingsError where the loss does not depend on the layer.
    """
    leaves: list[tuple[Tensor, ...]] = []
    outputs: list[Tensor | PackedSequence] = []

    handed_on = HandedOn()
    hooks = [
        module.register_forward_hook(partial(_detach, leaves, outputs)),
        module.register_forward_pre_hook(handed_on, with_kwargs=True),
    ]
    try:
        with attach(model, keep="all") as attached, torch.enable_grad():
            loss = sample.losses().sum()
    finally:
        for hook in hooks:
            hook.remove()
    if not loss.requires_grad:
        raise _independent(name)
    runs = attached.runs(name)
    flat = [leaf for fresh in leaves for leaf in fresh]
    each_gradient = iter(torch.autograd.grad(loss, flat, allow_unused=True))
    gradients = [[next(each_gradient) for _ in fresh] for fresh in leaves]
    reached = [any(gradient is not None for gradient in each) for each in gradients]
    alone = chains(runs, handed_on.enabled) if run is None else [[run]]
    depends = [chain for chain in alone if any(reached[k] for k in chain)]
    if not depends:
        raise _independent(name)
    chain = max(depends, key=lambda chain: sum(len(runs[k].x) for k in chain))
    is_detached = len(chain) > 1 and not all(handed_on.gradients[k] for k in chain[1:])
    counted = chain[-1:] if is_detached else chain
    at_output = [_time_first(gradients[k][0], outputs[k], module) for k in counted]
    whole = _in_float32(_with_lengths(joined([runs[k] for k in chain]), sample))
    part = _in_float32(joined([runs[k] for k in counted])) if is_detached else whole
    reached_output = _over_time(at_output, [runs[k] for k in counted])
    return _by_lag(whole, part, reached_output, gradients[chain[-1]][1:], sample.lengths)


def _by_lag(
    whole: LayerRun,
    part: LayerRun,
    at_output: Tensor | None,
    at_end: Sequence[Tensor | None],
    lengths: Int[Tensor, " rows"],
) -> LayerGradient:
    """Of a run, from the gradient at the output and the final states of its last part, beyond which there is none."""
    by_lag = gradient_of_run(part, at_output, tuple(at_end))
    beyond = len(whole.x) - len(part.x)
    return LayerGradient(
        run=whole,
        by_lag=torch.cat([by_lag, by_lag.new_zeros(beyond)]),
        detached=len(part.x) if beyond else None,
        begun=_begun(whole, at_output, at_end, lengths),
    )


def _begun(
    run: LayerRun, at_output: Tensor | None, at_end: Sequence[Tensor | None], lengths: Int[Tensor, " rows"]
) -> bool:
    """Whether the loss depends on a backward direction at the rows' last steps alone, and not on its final states."""
    if not run.layer.bidirectional or at_output is None or len(lengths) != at_output.shape[1]:
        return False
    if any(state is not None and bool(state[-1].any()) for state in at_end):
        return False
    reads = at_output.chunk(2, 2)[1].any(2)
    last = torch.arange(len(reads), device=reads.device).unsqueeze(1) == lengths.to(reads.device) - 1
    return int(lengths.min()) > 1 and bool(reads.any()) and not bool((reads & ~last).any())


def _detach(
    leaves: list[tuple[Tensor, ...]],
    outputs: list[Tensor | PackedSequence],
    _module: nn.Module,
    _inputs: Any,
    result: Any,
) -> Any:
    """Output and final states as leaves, which are kept, so that the loss's gradient stops at them."""
    output, final = result
    packed = isinstance(output, PackedSequence)
    states = final if isinstance(final, tuple) else (final,)
    fresh = tuple(tensor.detach().requires_grad_() for tensor in (output.data if packed else output, *states))
    leaves.append(fresh)
    outputs.append(output)
    detached = output._replace(data=fresh[0]) if packed else fresh[0]
    return detached, fresh[1:] if isinstance(final, tuple) else fresh[1]


def _independent(name: str) -> SettingsError:
    return SettingsError(
        f"the loss does not depend on what the layer {name!r} gives; examine another layer (layer=), or give "
        "the model's output that the loss reads (output=)"
    )


def _time_first(gradient: Tensor | None, output: Tensor | PackedSequence, module: Any) -> Tensor | None:
    """The loss's gradient at an output, time first, rows in the caller's order."""
    if gradient is not None and isinstance(output, PackedSequence):
        return in_callers_order(output._replace(data=gradient), module).x
    if gradient is not None and getattr(module, "batch_first", False) and gradient.dim() == 3:
        return gradient.transpose(0, 1)
    return gradient


def _over_time(gradients: list[Tensor | None], runs: list[LayerRun]) -> Tensor | None:
    """Those at the outputs of one run after the other, 0 where the loss depends on none."""
    first = next((gradient for gradient in gradients if gradient is not None), None)
    if first is None or len(runs) == 1:
        return first
    return torch.cat(
        [
            first.new_zeros(len(run.x), *first.shape[1:]) if gradient is None else gradient
            for gradient, run in zip(gradients, runs, strict=True)
        ]
    )


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
