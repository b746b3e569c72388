"""Sensitivity is the length of the derivative by all states of the last layer, however the text is cut for it."""

import pytest
import torch
from oracles import agrees
from test_answers_apart import QUESTIONS, every_kind, reader

from keepgate.kernels import Call, run
from keepgate.lens import read, sensitivity
from keepgate.lens.seen import adopt, see


def whole(reading):
    """The same from the graph of all steps at once."""
    seen = reading.seen
    hx = seen.initial if len(seen.initial) > 1 else seen.initial[0]
    exact = see(adopt(seen.layer).double(), seen.x.double(), hx)
    places = range(len(exact.trace.layers))[-exact.layer.directions :]
    states, outputs = {}, []
    for place in places:
        call = exact.call(place)
        order = range(call.steps - 1, -1, -1) if call.reverse else range(call.steps)
        state, by_step = tuple(one.requires_grad_() for one in call.states), {}
        for t in order:
            state = by_step[t] = run(Call.of(call.weights, call.x[t : t + 1], state)).final
        states[place] = by_step
        outputs.append(torch.stack([by_step[t][0] for t in range(call.steps)]))
    value = reading.head.margin(torch.cat(outputs, -1))
    total = torch.zeros(len(seen.x), dtype=torch.float64)
    flat = [(t, one) for by_step in states.values() for t, state in by_step.items() for one in state]
    found = torch.autograd.grad(value, [one for _, one in flat], allow_unused=True)
    for (t, _), one in zip(flat, found, strict=True):
        total[t] += 0 if one is None else one.square().sum()
    return total.sqrt()


@every_kind
@pytest.mark.parametrize("block", [3, 256])
def test_it_is_the_derivative_by_the_states(kind, block, monkeypatch):
    monkeypatch.setattr("keepgate.lens.backward.BLOCK", block)
    found = read(reader(**kind), QUESTIONS[0])
    agrees(sensitivity(found), whole(found))


def test_a_plain_rnn_has_one_too(monkeypatch):
    monkeypatch.setattr("keepgate.lens.backward.BLOCK", 4)
    found = read(reader(cell="rnn", reading="last", bidirectional=False), QUESTIONS[0])
    agrees(sensitivity(found), whole(found))
    assert bool((sensitivity(found) > 0).all())
