"""Sensitivity is the length of the derivative by all states of the last layer, however the text is cut for it."""

import sys

import pytest
import torch
from oracles import agrees
from test_answers_apart import QUESTIONS, every_kind, reader

from keepgate.lens import read, sensitivity
from keepgate.lens.gradient import gradients_of, walk
from keepgate.lens.seen import adopt


def whole(reading):
    """The same from the graph of all steps at once."""
    seen = reading.seen
    exact = adopt(seen.layer).double()
    hx = seen.initial if len(seen.initial) > 1 else seen.initial[0]
    states, output = walk(exact, seen.x.double(), hx, torch.tensor([len(seen.x)]), 1)
    with torch.enable_grad():
        value = reading.head.margin(output)
    total = torch.zeros(len(seen.x), dtype=torch.float64)
    directions = seen.layer.directions
    found = gradients_of(value, states)[-directions:]
    for part, steps in zip(seen.trace.layers[-directions:], found, strict=True):
        length = torch.stack([torch.cat([each[0] for each in step]).norm() for step in steps])
        total += (length.flip(0) if part.reverse else length) ** 2
    return total.sqrt()


@every_kind
@pytest.mark.parametrize("stretch", [3, 256])
def test_it_is_the_derivative_by_the_states(kind, stretch, monkeypatch):
    monkeypatch.setattr(sys.modules["keepgate.lens.sensitivity"], "AT_ONCE", stretch)
    found = read(reader(**kind), QUESTIONS[0])
    agrees(sensitivity(found), whole(found))


def test_a_plain_rnn_has_one_too(monkeypatch):
    monkeypatch.setattr(sys.modules["keepgate.lens.sensitivity"], "AT_ONCE", 4)
    found = read(reader(cell="rnn", reading="last", bidirectional=False), QUESTIONS[0])
    agrees(sensitivity(found), whole(found))
    assert bool((sensitivity(found) > 0).all())
