"""Gradients with respect to the states after every step, by one backward pass; checkpointed in blocks of steps.

Checkpointing: Chen et al. (2016), arXiv:1604.06174.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .call import Call
from .core.state_backward import core_refuses, saved_bytes_per_step
from .core.state_backward import state_gradients as by_core
from .dispatch import run
from .reference import Reference, cleared

# What one block may save for its backward pass: 64 MiB by the core; 256 steps of autograd's graph by the reference.
SAVED_BYTES = 1 << 26
REFERENCE_STEPS = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class StateGradients:
    """Gradients of one layer and direction.

    states:  by each state after each step, [time, batch, units] each, the step's other states being what they are. Time
             is the text's; zero beyond a row's length.
    initial: by each state before the first step, [batch, units] each.
    x:       by the input, [time, batch, input]; None where it was not asked for.
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
    """The gradients of ⟨output, d_output⟩ + Σ ⟨final, d_final⟩; None stands for zero.

    By the C++ core where it can run the call, by autograd over the reference where it cannot.
    """
    zeros = [torch.zeros_like(state) for state in call.states]
    d_states = list(zeros if d_final is None else map(_or_zero, d_final, zeros))
    states = tuple(call.x.new_zeros(call.steps, *state.shape) for state in call.states)
    d_x = torch.zeros_like(call.x) if wants_x else None
    if core_refuses(call) is None:
        block_gradients, length = by_core, max(1, SAVED_BYTES // saved_bytes_per_step(call))
    else:
        block_gradients, length = _by_reference, REFERENCE_STEPS
    for block in reversed(_blocks(call, length)):
        d_block = None if d_output is None else d_output[block.steps]
        block_states = tuple(d[block.steps] for d in states)
        block_x = None if d_x is None else d_x[block.steps]
        d_states = block_gradients(block.call, d_block, d_states, block_states, block_x)
        if block.cleared is not None:
            d_states = [d.masked_fill(block.cleared, 0) for d in d_states]
    return StateGradients(states=states, initial=tuple(d_states), x=d_x)


def _or_zero(gradient: Tensor | None, zero: Tensor) -> Tensor:
    return zero if gradient is None else gradient.to(zero.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Block:
    """A stretch of a call's steps as a call of its own, from the states that the steps before it left.

    cleared: [batch, 1], where a reset falls between this block and the one that a reverse call reads before it.
    """

    steps: slice
    call: Call
    cleared: Tensor | None


def _blocks(call: Call, length: int) -> list[_Block]:
    """The blocks in the order of reading. Only the states at their ends are computed here."""
    cuts = [slice(start, min(start + length, call.steps)) for start in range(0, call.steps, length)]
    if len(cuts) == 1:
        return [_Block(steps=cuts[0], call=replace(call, trace=False, into=None), cleared=None)]
    states, blocks = call.states, []
    for cut in reversed(cuts) if call.reverse else cuts:
        mask = None
        if call.reverse and call.resets is not None and cut.stop < call.steps:
            mask = call.resets[cut.stop].unsqueeze(1)
            if call.lengths is not None:
                mask = mask & (cut.stop < call.lengths).unsqueeze(1).to(mask.device)
            states = tuple(state.masked_fill(mask, 0) for state in states)
        lengths = None if call.lengths is None else (call.lengths - cut.start).clamp(0, cut.stop - cut.start)
        resets = None if call.resets is None else call.resets[cut]
        part = Call.of(call.weights, call.x[cut], states, lengths, resets, call.reverse)
        blocks.append(_Block(steps=cut, call=part, cleared=mask))
        states = run(part).final
    return blocks


def _by_reference(
    call: Call,
    d_output: Tensor | None,
    d_final: Sequence[Tensor],
    d_states: tuple[Tensor, ...],
    d_x: Tensor | None,
) -> list[Tensor]:
    """Fills `d_states` and `d_x` of a block by autograd, each state a node of its own; gives those of the start."""
    with torch.enable_grad():
        initial = tuple(state.detach().requires_grad_() for state in call.states)
        x = call.x.detach().requires_grad_(d_x is not None)
        states, nodes, value = initial, {}, x.new_zeros(())
        for t in reversed(range(call.steps)) if call.reverse else range(call.steps):
            real = None if call.lengths is None else (t < call.lengths).long()
            before = cleared(call, t, states)
            step = Reference().forward(Call.of(call.weights, x[t : t + 1], before, real))
            # Copies, so that no state of a step is computed from another state's node.
            states = nodes[t] = tuple(state.clone() for state in step.final)
            if d_output is not None:
                d_step = d_output[t] if real is None else d_output[t] * real.to(x.device).unsqueeze(1)
                value = value + (states[0] * d_step).sum()
        value = value + sum((state * d).sum() for state, d in zip(states, d_final, strict=True))
        leaves = [
            *initial,
            *(state for node in nodes.values() for state in node),
            *([x] if x.requires_grad else []),
        ]
        gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    count = len(initial)
    for place, t in enumerate(nodes, start=1):
        real = None if call.lengths is None else (t < call.lengths).to(x.device).unsqueeze(1)
        for d, gradient in zip(d_states, gradients[place * count : (place + 1) * count], strict=True):
            d[t] = gradient if real is None else gradient.where(real, 0)
    if d_x is not None:
        d_x.copy_(gradients[-1])
    return list(gradients[:count])
