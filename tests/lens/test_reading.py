"""Readings, and the time scales of their traces."""

import math

import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.cells import by_name
from keepgate.data.questions import Question
from keepgate.data.text import Tokens, tokenize
from keepgate.lens import read
from keepgate.lens.memory import relative_state_change, retention_of_first_write
from keepgate.lens.memory.time_scales import half_life
from keepgate.nn import LSTM
from keepgate.nn.trace import LayerTrace, Trace
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings

QUESTION = Question(
    text="魯夫說他想成為海賊王。", question="是誰想要成為海賊王?", answers=("魯夫",), starts=(0,)
)


def reader(**settings: object) -> ChoiceReader:
    chosen = ChoiceReaderSettings(embedding_size=4, hidden_size=5, **settings)  # type: ignore[arg-type]
    return ChoiceReader.build([QUESTION], chosen, seed=0)


@pytest.mark.parametrize(("pooling", "tokens"), [("attention", 11), ("last", 21)])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_every_step_of_the_trace_has_its_token(cell: str, pooling: str, tokens: int) -> None:
    seen = read(reader(cell=cell, pooling=pooling), QUESTION)
    assert len(seen.tokens) == tokens
    assert "".join(seen.tokens.texts).startswith(QUESTION.text)
    for layer in seen.trace.layers:
        assert layer.h.shape == (tokens, 1, 5)


def test_the_answer_is_the_one_that_asking_gives() -> None:
    model = reader()
    assert read(model, QUESTION).answer == model.predict([QUESTION])[0]


class _Careless(ChoiceReader):
    """A reader whose own look leaves gradients on."""

    def look(self, question: Question) -> tuple[Tokens, Trace]:
        return tokenize("魯夫"), LSTM(3, 4).trace(torch.zeros(2, 1, 3))


def test_nothing_in_a_look_asks_for_gradients() -> None:
    seen = read(_Careless.build([QUESTION], reader().settings, seed=0), QUESTION)
    assert not any(values.requires_grad for layer in seen.trace.layers for values in layer.values())


def test_a_network_without_memory_is_refused() -> None:
    with pytest.raises(CellError, match="feedforward"):
        read(reader(cell="feedforward", pooling="last", bidirectional=False, window=3), QUESTION)


def test_survival_is_the_share_of_the_first_write_in_the_last_cell_state() -> None:
    layer = LSTM(3, 4, bidirectional=True).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    trace = layer.trace(x)
    for reverse in (False, True):
        part = trace.layer(0, reverse=reverse)
        first, last = (-1, 0) if reverse else (0, -1)
        left = retention_of_first_write(part.f, reverse=reverse)
        # Take the first write away and let the gates stay: what is missing in the last state is what was left of it.
        state = torch.zeros(2, 4, dtype=torch.float64)
        steps = range(6) if not reverse else reversed(range(6))
        for step in steps:
            write = part.i[step] * part.g[step]
            state = part.f[step] * state + (0 if step == first % 6 else write)
        torch.testing.assert_close(part.c[last] - state, left * part.i[first] * part.g[first])


def test_half_of_a_memory_is_gone_after_its_half_life() -> None:
    keep = torch.tensor([0.5, 0.25, 1.0]).expand(7, 1, 3)
    assert half_life(keep)[0].tolist() == pytest.approx([1.0, 0.5, math.inf])


def test_one_closed_gate_counts_for_what_it_erases() -> None:
    keep = torch.ones(100, 1, 1)
    keep[50] = 1e-6
    steady = torch.full((100, 1, 1), 0.99)
    assert float(half_life(keep)) < float(half_life(steady)) < math.inf


def trace_of(values: torch.Tensor, *, reverse: bool = False) -> LayerTrace:
    return LayerTrace(
        layer=0,
        reverse=reverse,
        cell=by_name("rnn_tanh"),
        over_time={"h": values},
        initial={"h": torch.zeros(values.shape[1:])},
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_movement_is_none_for_a_still_state_and_two_for_its_opposite(reverse: bool) -> None:
    one = torch.tensor([[3.0, 4.0]])
    states = torch.stack([one, one, -one, one * 3])
    if reverse:
        states = states.flip(0)
    moved = relative_state_change(trace_of(states, reverse=reverse), "h")[:, 0]
    if reverse:
        moved = moved.flip(0)
    assert math.isnan(moved[0])
    assert moved[1:].tolist() == pytest.approx([0.0, 2.0, 2.0])
    half_as_large = relative_state_change(trace_of(torch.stack([one, one / 2])), "h")
    assert float(half_as_large[1]) == pytest.approx(2 / 3)


def test_no_steps_are_refused() -> None:
    for figure in (retention_of_first_write, half_life):
        with pytest.raises(ShapeError, match="without a step"):
            figure(torch.ones(0, 1, 3))
