"""Every cell's equations as text, with their phases, as its paper has them."""

import pytest

from keepgate.cells import CELLS, by_name
from keepgate.emit.unicode import equations_of


def lines(name: str) -> list[tuple[str | None, str]]:
    return [(one.phase, one.text) for one in equations_of(by_name(name))]


def test_an_lstm_forgets_selects_and_shows() -> None:
    assert lines("lstm") == [
        ("forget", "f = σ(W_f xₜ + U_f hₜ₋₁ + b_f)"),
        ("select", "i = σ(W_i xₜ + U_i hₜ₋₁ + b_i)"),
        ("select", "g = tanh(W_g xₜ + U_g hₜ₋₁ + b_g)"),
        ("select", "cₜ = f ⊙ cₜ₋₁ + i ⊙ g"),
        ("output", "o = σ(W_o xₜ + U_o hₜ₋₁ + b_o)"),
        ("output", "hₜ = o ⊙ tanh(cₜ)"),
    ]


def test_a_gru_has_no_output_of_its_own_and_resets_after_the_product() -> None:
    assert lines("gru") == [
        ("forget", "z = σ(W_z xₜ + U_z hₜ₋₁ + b_z)"),
        ("select", "r = σ(W_r xₜ + U_r hₜ₋₁ + b_r)"),
        ("select", "n = tanh(W_n xₜ + b_n + r ⊙ (U_n hₜ₋₁ + b′_n))"),
        ("select", "hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁"),
    ]
    assert ("select", "n = tanh(W_n xₜ + b_n + U_n (r ⊙ hₜ₋₁))") in lines("gru_reset_before")


def test_a_plain_rnn_has_no_phases() -> None:
    assert lines("rnn_tanh") == [(None, "hₜ = tanh(W_a xₜ + U_a hₜ₋₁ + b_a)")]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_each_named_value_has_one_line(cell) -> None:
    found = equations_of(cell)
    assert sorted(one.name for one in found) == sorted({*cell.traced, *cell.states})
    assert all(one.text.count("(") == one.text.count(")") for one in found)
