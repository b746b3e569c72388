"""The derivative of what a network came to by every state on the way there, in blocks of steps: any length fits.

Forwards the fast kernels run, and only the states at the blocks' ends are kept. Backwards, from the last block read to
the first, each is walked again step by step, so that every state is a place of its own in the graph, with all that
follows from it behind it. Chen et al. (2016), arXiv:1604.06174.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingsError
from ...kernels import Call, run
from ...nn import Recurrent
from ...nn.input_format import Hidden

States = tuple[Tensor, ...]

# Steps whose graph is held at once.
BLOCK = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """A run of a stack without gradients. Places are layers and directions, in the trace's order.

    calls:  of each place, with what it read. output: the last layer's. final: each place's states after its last step.
    """

    calls: list[Call]
    output: Float[Tensor, "time batch output"]
    final: list[States]

    def last(self, places: int) -> "Ran":
        """The last layer by itself, of so many directions."""
        return Ran(calls=self.calls[-places:], output=self.output, final=self.final[-places:])


@torch.no_grad()
def ran(layer: Recurrent, x: Float[Tensor, "time batch input"], hx: Hidden | None, ends: Tensor) -> Ran:
    """One run, each row to its own end."""
    read = x
    outputs: list[Tensor] = []
    calls: list[Call] = []
    final: list[States] = []
    for place, call in enumerate(layer.calls(x, hx)):
        if place and place % layer.directions == 0:
            read, outputs = torch.cat(outputs, -1), []
        calls.append(Call.of(call.weights, read, call.states, ends, None, call.reverse))
        found = run(calls[-1])
        outputs.append(found.output)
        final.append(found.final)
    return Ran(calls=calls, output=torch.cat(outputs, -1), final=final)


def slopes(value: Tensor, given: list[Tensor]) -> list[Tensor]:
    """The derivative of a number by each of these, 0 where it does not depend on one.

    Raises SettingsError if it is not one number, or depends on none of them.
    """
    if value.dim() or not value.requires_grad:
        raise SettingsError(
            "the loss must be one number that depends on the output it is given; "
            f"it is {tuple(value.shape)}{'' if value.requires_grad else ' and does not depend on it'}"
        )
    found = torch.autograd.grad(value, given, allow_unused=True)
    return [
        torch.zeros_like(one) if slope is None else slope for one, slope in zip(given, found, strict=True)
    ]


def by_state(
    been: Ran,
    by_output: Float[Tensor, "time batch output"] | None,
    by_final: list[tuple[Tensor | None, ...]] | None = None,
    *,
    cut: int = 1,
) -> list[States]:
    """The derivative by each state after each step from number `cut` on, [steps, batch, units], in reading's order.

    One tuple a place, the states in the cell's order; the other states at a step are what they are.
    by_output, by_final: the derivatives by what the run came to, its output and each place's final states; None is 0.
    cut: only for runs in one direction; what lies before is not walked.
    """
    directions = 1 + any(call.reverse for call in been.calls)
    found: list[States] = [()] * len(been.calls)
    upper = by_output
    for first in reversed(range(0, len(been.calls), directions)):
        below: Tensor | None = None
        for way in range(directions):
            place = first + way
            call = been.calls[place]
            units = call.output_size
            shown = None if upper is None else upper[..., way * units : (way + 1) * units]
            ends = None if by_final is None else by_final[place]
            found[place], by_x = _one(call, shown, ends, cut, deeper=first > 0)
            below = by_x if below is None else below if by_x is None else below + by_x
        upper = below
    return found


def _one(
    call: Call, shown: Tensor | None, final: tuple[Tensor | None, ...] | None, cut: int, *, deeper: bool
) -> tuple[States, Tensor | None]:
    """One layer and direction: the derivatives by its states, and if there is a layer below, by what it read."""
    blocks = [slice(start, min(start + BLOCK, call.steps)) for start in range(cut - 1, call.steps, BLOCK)]
    order = list(reversed(blocks)) if call.reverse else blocks
    before = _states_before(call, cut, order)
    zeros = tuple(torch.zeros_like(state) for state in call.states)
    given = zeros if final is None else final
    ends = [zero if one is None else one for zero, one in zip(zeros, given, strict=True)]
    by_x = torch.zeros_like(call.x) if deeper else None
    found: list[list[Tensor]] = []
    for taken, states in reversed(list(zip(order, before, strict=True))):
        start = [state.detach().requires_grad_() for state in states]
        x = call.x[taken].detach().requires_grad_(deeper)
        nodes, output = _walked(call, x, tuple(start), taken.start)
        with torch.enable_grad():
            parts = [(node * end).sum() for node, end in zip(nodes[-1], ends, strict=True)]
            value = torch.stack(parts).sum()
            if shown is not None:
                value = value + (output * shown[taken]).sum()
        flat = [state for step in nodes for state in step]
        every = slopes(value, [*flat, *start, *([x] if deeper else [])])
        count = len(start)
        found.append([torch.stack(every[k : len(flat) : count]) for k in range(count)])
        ends = every[len(flat) : len(flat) + count]
        if by_x is not None:
            by_x[taken] = every[-1]
    whole = tuple(torch.cat(each) for each in zip(*reversed(found), strict=True))
    return whole, by_x


@torch.no_grad()
def _states_before(call: Call, cut: int, order: list[slice]) -> list[States]:
    """The states before each block, in the order of reading; only a forward direction is cut."""
    states = call.states
    assert call.lengths is not None
    if cut > 1:
        states = run(Call.of(call.weights, call.x[: cut - 1], states)).final
    found = [states]
    for taken in order[:-1]:
        lengths = (call.lengths - taken.start).clamp(min=0, max=taken.stop - taken.start)
        states = run(Call.of(call.weights, call.x[taken], states, lengths, None, call.reverse)).final
        found.append(states)
    return found


def _walked(call: Call, x: Tensor, states: States, first: int) -> tuple[list[States], Tensor]:
    """The states after each step in the order of reading, and the output in the text's; x begins at step `first`."""
    assert call.lengths is not None
    nodes: list[States] = []
    order = range(len(x))
    with torch.enable_grad():
        for t in reversed(order) if call.reverse else order:
            there = (first + t < call.lengths).long()
            states = run(Call.of(call.weights, x[t : t + 1], states, there)).final
            nodes.append(states)
        outputs = [step[0] for step in nodes]
        return nodes, torch.stack(outputs[::-1] if call.reverse else outputs)
