"""Automata: the smallest of each language, and those that networks whose points are known have become."""

import pytest
import torch
from torch import nn

from keepgate import SettingsError, ShapeError
from keepgate.lens import automaton, capture_layer
from keepgate.lens.gradients import Automaton
from tests.lens.test_fixed_points import parity

BITS = torch.tensor([[0.0], [1.0]])
ODD = Automaton(
    first=torch.tensor([0, 1]), transitions=torch.tensor([[0, 1], [1, 0]]), answers=torch.tensor([0, 1])
)


def latch():
    """Two units, each a bit that holds until a pulse sets it or clears it, and what both are together."""
    layer = nn.RNN(2, 2, bias=False)
    with torch.no_grad():
        layer.weight_hh_l0[:] = 2 * torch.eye(2)
        layer.weight_ih_l0[:] = 5 * torch.eye(2)
    return layer


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


def test_bits_that_pulses_set_and_clear_make_four_states():
    pulses = torch.cat([torch.eye(2), -torch.eye(2)])
    run = capture_layer(latch(), pulses[torch.randint(4, (60, 16))], torch.full((1, 16, 2), -1.0))
    found = automaton(run, pulses, lambda h: (h > 0).long() @ torch.tensor([1, 2]))
    # No pulse holds the other unit's bit alone: each has a point for each value of it.
    assert [len(points.points[points.is_stable]) for points in found.held] == [2, 2, 2, 2]
    smallest = found.minimal()
    assert sorted(smallest.answers.tolist()) == [0, 1, 2, 3]
    for row, answer in zip(smallest.transitions, smallest.answers.tolist(), strict=True):
        after = smallest.answers[row].tolist()
        assert after == [answer | 1, answer | 2, answer & ~1, answer & ~2]


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
    with pytest.raises(SettingsError, match="3 names for 2 inputs"):
        automaton(run, BITS, odd, symbols="abc")
