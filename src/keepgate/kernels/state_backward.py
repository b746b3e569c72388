"""Gradients with respect to the states after every step, by one backward pass with checkpointing in blocks of steps.

Checkpointing: Chen et al. (2016), arXiv:1604.06174.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .call import Call
from .core.state_backward import core_refusal_reason, saved_bytes_per_step
from .core.state_backward import state_gradients as _by_core
from .dispatch import run
from .reference import Reference, cleared

# Limits of what one block saves for its backward pass: 64 MiB by the core; autograd's graph of 256 reference steps.
MAX_SAVED_BYTES = 1 << 26
MAX_REFERENCE_STEPS = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class StateGradients:
    """Gradients of one layer and direction.

    states:  with respect to each state after each step, the step's other states held fixed; [time, batch, units] each,
             time in the input's order in both directions; zero beyond a row's length.
    initial: with respect to each initial state, [batch, units] each.
    x:       with respect to the input, [time, batch, input]; None without `wants_x`.
    """

    states: tuple[Float[Tensor, "time batch _"], ...]
    initial: tuple[Float[Tensor, "batch _"], ...]
    x: Float[Tensor, "time batch input"] | None


@torch.no_grad()
def state_gradients(
    call: Call,
    d_output: Float[Tensor, "time batch projected"] | None,
    d_final: Sequence[Float[Tensor, "batch _"] | None] | None = None,
    *,
    wants_x: bool = False,
) -> StateGradients:
    """The vector-Jacobian product with `d_output` and `d_final`: gradients of ⟨output, d_output⟩ + Σ ⟨final, d_final⟩.

    None stands for zeros. By the C++ core where it can run the call, by autograd over the reference where it cannot.
    """
    zeros = [torch.zeros_like(state) for state in call.states]
    d_states = list(zeros if d_final is None else map(_zero_if_none, d_final, zeros))
    states = tuple(call.x.new_zeros(call.steps, *state.shape) for state in call.states)
    d_x = torch.zeros_like(call.x) if wants_x else None
    if core_refusal_reason(call) is None:
        block_gradients, length = _by_core, max(1, MAX_SAVED_BYTES // saved_bytes_per_step(call))
    else:
        block_gradients, length = _by_reference, MAX_REFERENCE_STEPS
    for block in reversed(_blocks(call, length)):
        d_block = None if d_output is None else d_output[block.steps]
        block_states = tuple(d[block.steps] for d in states)
        block_x = None if d_x is None else d_x[block.steps]
        d_states = block_gradients(block.call, d_block, d_states, block_states, block_x)
        if block.reset_mask is not None:
            d_states = [d.masked_fill(block.reset_mask, 0) for d in d_states]
    return StateGradients(states=states, initial=tuple(d_states), x=d_x)


def _zero_if_none(gradient: Tensor | None, zero: Tensor) -> Tensor:
    return zero if gradient is None else gradient.to(zero.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Block:
    """A range of a call's steps as a call of its own, which begins with the checkpointed states.

    reset_mask: [batch, 1] bool, the rows that a reverse call resets between the block run before this one and this one.
    """

    steps: slice
    call: Call
    reset_mask: Tensor | None


def _blocks(call: Call, length: int) -> list[_Block]:
    """The blocks in the order in which the call runs them; the forward pass keeps only the states between them."""
    spans = [slice(start, min(start + length, call.steps)) for start in range(0, call.steps, length)]
    if len(spans) == 1:
        return [_Block(steps=spans[0], call=replace(call, trace=False, into=None), reset_mask=None)]
    states, blocks = call.states, []
    for span in reversed(spans) if call.reverse else spans:
        mask = None
        if call.reverse and call.resets is not None and span.stop < call.steps:
            mask = call.resets[span.stop].unsqueeze(1)
            if call.lengths is not None:
                mask = mask & (span.stop < call.lengths).unsqueeze(1).to(mask.device)
            states = tuple(state.masked_fill(mask, 0) for state in states)
        lengths = (
            None if call.lengths is None else (call.lengths - span.start).clamp(0, span.stop - span.start)
        )
        resets = None if call.resets is None else call.resets[span]
        block_call = Call.of(call.weights, call.x[span], states, lengths, resets, call.reverse)
        blocks.append(_Block(steps=span, call=block_call, reset_mask=mask))
        states = run(block_call).final
    return blocks


def _by_reference(
    call: Call,
    d_output: Tensor | None,
    d_final: Sequence[Tensor],
    d_states: tuple[Tensor, ...],
    d_x: Tensor | None,
) -> list[Tensor]:
    """Fills a block's `d_states` and `d_x` by autograd over the reference; returns its initial states' gradients."""
    with torch.enable_grad():
        initial = tuple(state.detach().requires_grad_() for state in call.states)
        x = call.x.detach().requires_grad_(d_x is not None)
        states, nodes, value = initial, {}, x.new_zeros(())
        for t in reversed(range(call.steps)) if call.reverse else range(call.steps):
            in_row = None if call.lengths is None else (t < call.lengths).long()
            before = cleared(call, t, states)
            step = Reference().forward(Call.of(call.weights, x[t : t + 1], before, in_row))
            # Copies, so that no state of a step is computed from another state's node.
            states = nodes[t] = tuple(state.clone() for state in step.final)
            if d_output is not None:
                d_step = d_output[t] if in_row is None else d_output[t] * in_row.to(x.device).unsqueeze(1)
                value = value + (states[0] * d_step).sum()
        value = value + sum((state * d).sum() for state, d in zip(states, d_final, strict=True))
        leaves = [
            *initial,
            *(state for node in nodes.values() for state in node),
            *([x] if x.requires_grad else []),
        ]
        gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    count = len(initial)
    for position, t in enumerate(nodes, start=1):
        in_row = None if call.lengths is None else (t < call.lengths).to(x.device).unsqueeze(1)
        for d, gradient in zip(d_states, gradients[position * count : (position + 1) * count], strict=True):
            d[t] = gradient if in_row is None else gradient.where(in_row, 0)
    if d_x is not None:
        d_x.copy_(gradients[-1])
    return list(gradients[:count])
