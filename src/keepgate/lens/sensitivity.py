"""How sensitive an answer is to the states on the way to it: |d margin / d state|, for any cell, in little memory."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..kernels import Call, run
from .reading import Reading
from .seen import adopt, see

# Steps whose graph is held at once; what lies before them is a number for each state. A step of 64 units takes 0.3 MB.
AT_ONCE = 256


def sensitivity(reading: Reading) -> Float[Tensor, " tokens"]:
    """How much what speaks for the answer would change with the last layer's states after each token: |d margin / d h|.

    For any cell, a plain RNN too: all its states together, both directions, in float64. From one backward pass, a
    stretch of the text at a time.
    """
    seen = reading.seen
    exact = adopt(seen.layer).double()
    initial = tuple(state.double() for state in seen.initial)
    ran = see(exact, seen.x.double(), initial if len(initial) > 1 else initial[0])
    output = ran.trace.output.detach().requires_grad_()
    with torch.enable_grad():
        (by_output,) = torch.autograd.grad(reading.head.margin(output), output)
    total = torch.zeros(len(seen.x), dtype=torch.float64)
    places = range(len(ran.trace.layers))[-exact.directions :]
    for place, shown in zip(places, by_output.chunk(exact.directions, -1), strict=True):
        total += _squares(ran.call(place), shown)
    return total.sqrt()


def _squares(call: Call, by_output: Float[Tensor, "time 1 output"]) -> Float[Tensor, " time"]:
    """The squared length of the derivative by all states after each step of one layer and direction.

    by_output: the derivative by what it shows at each step, as far as it does not pass through later steps.
    """
    order = range(call.steps - 1, -1, -1) if call.reverse else range(call.steps)
    stretches = [order[start : start + AT_ONCE] for start in range(0, call.steps, AT_ONCE)]
    with torch.no_grad():
        before = [call.states]
        for stretch in stretches[:-1]:
            before.append(run(Call.of(call.weights, call.x[list(stretch)], before[-1])).final)
    found = torch.zeros(call.steps, dtype=torch.float64)
    later = tuple(torch.zeros_like(state) for state in call.states)
    for stretch, states in zip(reversed(stretches), reversed(before), strict=True):
        begin = tuple(state.detach().requires_grad_() for state in states)
        with torch.enable_grad():
            after, state = [], begin
            for t in stretch:
                state = run(Call.of(call.weights, call.x[t : t + 1], state)).final
                after.append(state)
            value = sum((one[0] * by_output[t]).sum() for t, one in zip(stretch, after, strict=True))
            value = value + sum((one * by).sum() for one, by in zip(state, later, strict=True))
        flat = [each for one in after for each in one]
        gradients = torch.autograd.grad(value, [*begin, *flat], allow_unused=True)
        whole = [
            torch.zeros_like(each) if one is None else one
            for each, one in zip([*begin, *flat], gradients, strict=True)
        ]
        later = tuple(whole[: len(begin)])
        lengths = torch.stack([one.square().sum() for one in whole[len(begin) :]]).view(len(after), -1).sum(1)
        found[list(stretch)] = lengths
    return found
