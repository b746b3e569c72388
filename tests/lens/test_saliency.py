"""Saliency is the norm of the gradient by all states of the last layer, however the run is cut into blocks."""

import pytest
import torch

from keepgate.kernels import Call, run
from keepgate.lens import read
from keepgate.lens.capture.layer_run import as_keepgate_layer
from keepgate.lens.readers import saliency
from tests.kernels.blocks import in_blocks
from tests.lens.readers import QUESTIONS, every_kind, reader
from tests.oracles import agrees


def whole(reading):
    """The same from the graph of all steps at once, each state a place of its own in it."""
    seen, states, outputs = reading.layer_run, [], []
    exact = as_keepgate_layer(seen.layer).double()
    directions = seen.layer.directions
    for place in range(len(seen.trace.layers) - directions, len(seen.trace.layers)):
        call = seen.call(place)
        x, state, walked = call.x.double(), tuple(each.double() for each in call.states), []
        for t in range(len(x) - 1, -1, -1) if call.reverse else range(len(x)):
            state = run(Call.of(exact.weights_at(place), x[t : t + 1], state)).final
            state = tuple(each if each.requires_grad else each.requires_grad_() for each in state)
            walked.append(state)
        states.append(walked[::-1] if call.reverse else walked)
        outputs.append(torch.stack([step[0] for step in states[-1]]))
    value = reading.head.margin(torch.cat(outputs, -1))
    flat = [each for way in states for step in way for each in step]
    # The cell state after the last step shows nothing of itself.
    found = iter(torch.autograd.grad(value, flat, allow_unused=True, materialize_grads=True))
    slopes = [[torch.cat([next(found)[0] for _ in step]) for step in way] for way in states]
    return torch.stack([torch.stack(way).norm(dim=1) for way in slopes]).norm(dim=0)


@every_kind
@pytest.mark.parametrize("stretch", [3, 256])
def test_it_is_the_derivative_by_the_states(kind, stretch, monkeypatch):
    in_blocks(monkeypatch, stretch)
    found = read(reader(**kind), QUESTIONS[0])
    agrees(saliency(found), whole(found))


def test_a_plain_rnn_has_one_too(monkeypatch):
    in_blocks(monkeypatch, 4)
    found = read(reader(cell="rnn", pooling="last", bidirectional=False), QUESTIONS[0])
    agrees(saliency(found), whole(found))
    assert bool((saliency(found) > 0).all())
