"""Automata: the smallest of each language, and those that networks whose points are known have become."""

import pytest
import torch
from torch import nn

from bench.automata import LANGUAGES, PULSES, is_right, measured, page_functions
from keepgate import SettingsError, ShapeError
from keepgate.lens import automaton, capture_layer
from keepgate.lens.gradients import Automaton
from tests.lens.test_fixed_points import flip_flop, parity

BITS = torch.tensor([[0.0], [1.0]])
ODD = Automaton(
    first=torch.tensor([0, 1]), transitions=torch.tensor([[0, 1], [1, 0]]), answers=torch.tensor([0, 1])
)


def odd(h):
    return (h[:, 0] - h[:, 1] > 0.5).long()


def test_the_smallest_automaton_merges_what_answers_alike_and_leaves_out_what_no_row_reaches():
    # 0 and 2 are both "even", 1 and 3 both "odd"; 4 is never reached.
    doubled = Automaton(
        first=torch.tensor([2, 1]),
        transitions=torch.tensor([[2, 1], [3, 2], [0, 3], [1, 0], [4, 4]]),
        answers=torch.tensor([0, 1, 0, 1, 1]),
    )
    smallest = doubled.minimal()
    assert smallest.first.tolist() == [0, 1]
    assert smallest.transitions.tolist() == [[0, 1], [1, 0]]
    assert smallest.answers.tolist() == [0, 1]
    assert doubled.classes().tolist() == [0, 1, 0, 1, -1]
    assert doubled.same_as(ODD)
    rows = torch.randint(2, (30, 50))
    assert torch.equal(doubled.answers[doubled.read(rows)], rows.cumsum(0) % 2)


def test_automata_that_answer_one_row_otherwise_are_not_the_same():
    third = Automaton(  # as ODD until three ones have been read
        first=torch.tensor([0, 1]),
        transitions=torch.tensor([[0, 1], [1, 2], [2, 3], [3, 3]]),
        answers=torch.tensor([0, 1, 0, 1]),
    )
    assert not third.same_as(ODD)
    assert len(third.minimal()) == 4
    lost = Automaton(first=ODD.first, transitions=torch.tensor([[0, 1], [1, -1]]), answers=ODD.answers)
    assert not lost.same_as(ODD)
    assert lost.read(torch.tensor([[1], [1], [0]])).tolist() == [[1], [-1], [-1]]


def test_the_automaton_of_parity_comes_out_of_the_points_of_both_symbols():
    run = capture_layer(parity(), torch.randint(2, (40, 8, 1)).float())
    found = automaton(run, BITS, odd)
    assert [points.period for points in found.held] == [1, 2]
    assert len(found) == 4
    assert found.same_as(ODD)
    assert found.points.shape == (4, 2)


def test_parity_comes_out_where_it_rests_too():
    run = capture_layer(parity(), torch.randint(2, (40, 8, 1)).float())
    found = automaton(run, BITS, odd, rest=[0.0])
    assert [points.period for points in found.held] == [1]
    assert len(found) == 2
    assert found.same_as(ODD)


@pytest.mark.parametrize("rest", [None, [0.0, 0.0, 0.0]])
def test_bits_that_pulses_set_and_clear_make_eight_states(rest):
    run = capture_layer(flip_flop(), PULSES[torch.randint(6, (60, 16))], torch.full((1, 16, 3), -1.0))
    found = automaton(run, PULSES, lambda h: (h > 0).long() @ torch.tensor([1, 2, 4]), rest=rest)
    # A pulse that stays holds its own bit: each has a point for each value of the other two.
    assert [int(points.is_stable.sum()) for points in found.held] == ([4] * 6 if rest is None else [8])
    assert is_right(found.minimal(), 8, LANGUAGES["flip_flop"][3])


def test_points_far_from_what_was_visited_are_held_too():
    """A GRU's unit that a zero moves a 400th of the way is nearly where it began when the strings end."""
    layer = nn.GRU(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0[:] = torch.tensor([0.0, 6.0, 3.0])
    run = capture_layer(layer, torch.randint(2, (4, 8, 1)).float())
    found = automaton(run, BITS, lambda h: (h[:, 0] > 0.5).long())
    assert [len(points.points) for points in found.held] == [1, 1]
    assert found.minimal().answers.tolist() == [1]


def test_a_state_that_a_gate_hardly_lets_move_is_followed_to_where_it_stays():
    """A zero moves it by a 8,000th of the way from the middle, which is no stable point, to one of two that are."""
    layer = nn.GRU(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0[1] = 9.0
        layer.weight_ih_l0[2], layer.weight_hh_l0[2] = 1.0, 6.0
    signs = torch.tensor([[-1.0], [1.0]])
    run = capture_layer(layer, signs[torch.randint(2, (8, 16))])
    found = automaton(run, signs, lambda h: (h[:, 0] > 0).long(), rest=[0.0])
    assert found.minimal().first.tolist() == [0, 1]
    assert found.minimal().transitions.tolist() == [[0, 0], [1, 1]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_automaton_comes_out_of_a_trained_layer(language, kind):
    """In two seeds of three; `bench.automata` counts ten."""
    runs = [measured(page_functions(), language, kind, seed) for seed in (20, 21, 22)]
    assert sum(run["right"] for run in runs) >= 2, runs


def test_a_layer_that_forgets_has_no_automaton():
    """Its state goes to one point under each symbol, whatever was read before."""
    torch.manual_seed(0)
    found = automaton(capture_layer(nn.GRU(1, 4), torch.randint(2, (20, 4, 1)).float()), BITS, odd)
    assert len(found) == 2
    assert not found.same_as(ODD)


def test_it_shows_itself_in_two_languages(tmp_path):
    run = capture_layer(parity(), torch.randint(2, (40, 8, 1)).float())
    shown = automaton(run, BITS, odd, symbols=("zero", "one"))
    assert repr(shown).startswith("2 states, from 4 stable points. 0 (0): zero → 0, one → 1.")
    svg = shown.figure().save(tmp_path / "automaton.svg").read_text(encoding="utf-8")
    assert svg.count('class="dot"') == 2
    assert svg.count(">one</text>") == svg.count(">zero</text>") == 2
    assert "個狀態" in repr(automaton(run, BITS, odd, language="zh-TW"))


def test_what_does_not_fit_is_refused():
    run = capture_layer(parity(), torch.zeros(3, 1, 1))
    with pytest.raises(ShapeError, match=r"reads \[symbols, 1\]"):
        automaton(run, torch.eye(2), odd)
    with pytest.raises(ShapeError, match=r"symbols are of shape \[0, 1\]"):
        automaton(run, BITS[:0], odd)
    with pytest.raises(ShapeError, match="rest is of shape"):
        automaton(run, BITS, odd, rest=[0.0, 1.0])
    for one_logit in (lambda h: h[:, :1], lambda h: h[:, 0] / 3 + 0.1):
        with pytest.raises(ShapeError, match="of one logit, "):
            automaton(run, BITS, one_logit)
    with pytest.raises(SettingsError, match="starts is 0; give 1 or more"):
        automaton(run, BITS, odd, starts=0)
    with pytest.raises(SettingsError, match="3 names for 2 inputs"):
        automaton(run, BITS, odd, symbols="abc")
