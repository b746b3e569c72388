"""The behavioural horizon is where it was planted, and its interval says how sure that is."""

import itertools

import pytest
import torch

from keepgate import SettingsError, ShapeError
from keepgate.lens.diagnosis.effective_context import geometric_grid, horizon
from keepgate.lens.diagnosis.statistics import bootstrap, rank_correlation


def planted(rows, places, noise, contexts):
    """Losses that are 1 nat higher while a row's own place is out of sight."""
    n = torch.tensor(contexts).unsqueeze(1)
    return 0.3 + (n < places).double() + noise * torch.randn(len(contexts), rows).double()


def test_the_horizon_is_where_the_last_of_the_rows_finds_its_answer():
    contexts = geometric_grid(100, ratio=1.0)
    assert contexts == tuple(range(1, 101))
    found = horizon(planted(200, torch.full((200,), 37), 0.0, contexts), contexts)
    assert (found.steps, found.interval) == (37, (37, 37))
    assert found.gap[35] == pytest.approx(1.0)
    assert found.gap[36] == pytest.approx(0.0)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Rows need 1 to 80 steps, evenly: their mean loss is within 0.05 nats once 95 of 100 have what they need."""
    contexts = tuple(range(1, 101))
    held = 0
    for _ in range(40):
        places = torch.randint(1, 81, (150,))
        low, high = horizon(
            planted(150, places, 0.0, contexts), contexts, resamples=200, confidence=0.9
        ).interval
        held += low <= 77 <= high
    assert held >= 32


def test_the_interval_holds_what_lies_between_two_contexts_that_were_tried():
    contexts = (1, 2, 17, 20, 23, 30)
    found = horizon(planted(50, torch.full((50,), 25), 0.0, contexts), contexts)
    assert (found.steps, found.interval) == (30, (24, 30))
    assert horizon(torch.zeros(6, 50), contexts).interval == (1, 1)


def test_a_loss_that_rises_again_further_back_counts():
    contexts = (1, 2, 4, 8)
    losses = torch.tensor([[1.0], [0.0], [0.5], [0.0]])
    assert horizon(losses, contexts).steps == 8
    assert horizon(torch.zeros(4, 3), contexts).steps == 1, "what makes no difference is not needed"


def test_contexts_spread_over_all_sizes_and_end_with_the_whole():
    for longest in (1, 2, 17, 300):
        contexts = geometric_grid(longest)
        assert contexts[-1] == longest
        assert list(contexts) == sorted(set(contexts))
        assert contexts[0] == 1
        assert all(
            after <= max(before + 1, 1.2 * before + 1) for before, after in itertools.pairwise(contexts)
        )
    assert len(geometric_grid(10_000)) < 80


def test_rank_correlation_shares_ranks_between_equals():
    assert rank_correlation(torch.tensor([1.0, 5.0, 9.0]), torch.tensor([10.0, 20.0, 1e9])) == pytest.approx(
        1
    )
    assert rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 2.0, 1.0])) == pytest.approx(-1)
    # By hand: the ranks are 1, 2.5, 2.5, 4 and 1, 3, 2, 4.
    found = rank_correlation(torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.tensor([1.0, 3.0, 2.0, 4.0]))
    assert found == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    with pytest.raises(ShapeError, match="two values or more"):
        rank_correlation(torch.ones(1), torch.ones(1))


def test_the_bootstrap_is_as_wide_as_the_mean_is_uncertain():
    values = torch.randn(400, dtype=torch.float64)
    low, high = bootstrap(lambda rows: float(values[rows].mean()), 400)
    assert low < float(values.mean()) < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)


def test_contexts_that_do_not_fit_are_refused():
    for contexts in ((1, 2), (1, 3, 2), (1, 1, 2)):
        with pytest.raises(SettingsError, match="ascending"):
            horizon(torch.zeros(3, 2), contexts)
