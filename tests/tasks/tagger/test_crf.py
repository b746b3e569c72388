"""The CRF in log space against every sequence of labels, one by one."""

import itertools
import math

import numpy as np
import pytest
import torch

from keepgate.tasks.tagger import chain
from keepgate.tasks.tagger import crf as crf_module
from keepgate.tasks.tagger.crf import LinearChainCRF
from keepgate.tasks.tagger.schemes import FORBIDDEN, Moves, moves_of

LABELS = ("B-X", "I-X", "E-X", "S-X", "O")
LENGTHS = (4, 1, 2)


def problem(moves: Moves, seed: int = 0) -> tuple[LinearChainCRF, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    crf = LinearChainCRF(moves).double()
    for weight in crf.parameters():
        weight.data.normal_()
    return (
        crf,
        torch.randn(max(LENGTHS), len(LENGTHS), len(LABELS), dtype=torch.float64),
        torch.tensor(LENGTHS),
    )


def brute_force(crf: LinearChainCRF, moves: Moves, emissions: torch.Tensor) -> dict[tuple[int, ...], float]:
    """The score of every allowed sequence of one row, from the definition."""
    start, between, end = (weight.tolist() for weight in (crf.start, crf.between, crf.end))
    rows = emissions.tolist()
    scores = {}
    for path in itertools.product(range(len(LABELS)), repeat=len(rows)):
        steps = list(itertools.pairwise(path))
        if moves.start[path[0]] and moves.end[path[-1]] and all(moves.between[step] for step in steps):
            score = start[path[0]] + end[path[-1]] + sum(between[a][b] for a, b in steps)
            scores[path] = score + sum(row[label] for row, label in zip(rows, path, strict=True))
    return scores


@pytest.mark.parametrize("scheme", ["plain", "BIO", "IOBES"])
def test_likelihood_marginals_and_best_path_are_those_of_all_sequences(scheme: str) -> None:
    moves = moves_of(scheme, LABELS)
    crf, emissions, lengths = problem(moves)
    tags = torch.zeros(max(LENGTHS), len(LENGTHS), dtype=torch.int64)
    paths = []
    for row, length in enumerate(LENGTHS):
        scores = brute_force(crf, moves, emissions[:length, row])
        paths.append((scores, max(scores, key=scores.__getitem__), min(scores, key=scores.__getitem__)))
        tags[:length, row] = torch.tensor(paths[-1][2])
    losses, marginals = crf(emissions, tags, lengths), crf.log_marginals(emissions, lengths)
    for row, (scores, best, worst) in enumerate(paths):
        total = math.log(sum(map(math.exp, scores.values())))
        assert losses[row].item() == pytest.approx(total - scores[worst], abs=1e-9)
        for step, label in itertools.product(range(LENGTHS[row]), range(len(LABELS))):
            share = sum(math.exp(score - total) for path, score in scores.items() if path[step] == label)
            assert marginals[step, row, label].exp().item() == pytest.approx(share, abs=1e-9)
        assert tuple(crf.decode(emissions, lengths)[row]) == best


def test_the_gradient_of_the_partition_is_the_marginals() -> None:
    crf, emissions, lengths = problem(moves_of("IOBES", LABELS))
    emissions.requires_grad_(True)
    crf.log_partition(emissions, lengths).sum().backward()
    marginals = crf.log_marginals(emissions, lengths).exp()
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(emissions.grad[:length, row], marginals[:length, row].detach())
        assert not emissions.grad[length:, row].any()


def test_a_part_of_a_text_may_begin_and_end_with_any_label() -> None:
    moves = moves_of("IOBES", LABELS)
    crf, emissions, lengths = problem(moves)
    whole, part = (
        crf.log_marginals(emissions, lengths, bounded=bounded)[0, 1].exp() for bounded in (True, False)
    )
    assert whole[:3].max() < 1e-300
    torch.testing.assert_close(part, emissions[0, 1].softmax(0))


def test_no_legal_sequence_and_long_texts_stay_finite() -> None:
    nothing = Moves(np.zeros(5, bool), np.zeros((5, 5), bool), np.zeros(5, bool))
    crf = LinearChainCRF(nothing)
    emissions = torch.randn(400, 2, 5, requires_grad=True)
    lengths, tags = torch.tensor([400, 1]), torch.zeros(400, 2, dtype=torch.int64)
    loss = crf(emissions, tags, lengths).mean()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(emissions.grad).all()
    assert [len(path) for path in crf.decode(emissions, lengths)] == [400, 1]
    assert FORBIDDEN < -1000


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("scheme", ["plain", "IOBES"])
def test_one_text_in_numpy_has_the_path_and_the_marginals_of_the_batch_in_torch(
    scheme: str, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    crf, _, _ = problem(moves_of(scheme, LABELS))
    emissions = scale * torch.randn(90, 3, len(LABELS), dtype=torch.float64)
    lengths = torch.tensor([90, 1, 47])
    with torch.no_grad():
        expected = crf.decode(emissions, lengths), crf.log_marginals(emissions, lengths).exp()
        bounded = crf.log_marginals(emissions, lengths, bounded=False).exp()
        monkeypatch.setattr(crf_module, "_STEPS_A_ROW", 0)
        monkeypatch.setattr(chain, "LONG", 0)
        assert crf.decode(emissions, lengths) == expected[0]
        ours = crf.log_marginals(emissions, lengths).exp()
        part = crf.log_marginals(emissions, lengths, bounded=False).exp()
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(ours[:length, row], expected[1][:length, row], atol=1e-9, rtol=1e-7)
        torch.testing.assert_close(part[:length, row], bounded[:length, row], atol=1e-9, rtol=1e-7)


def test_scores_too_far_apart_for_probabilities_are_added_as_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = moves_of("IOBES", LABELS)
    start, between, end = (penalty.astype(np.float64) for penalty in moves.penalties)
    # I and E may not begin a text, and all else is as good as impossible at its first token.
    emissions = np.zeros((3, 5))
    emissions[0] = [-2000, 0, 0, -1999, -2000]
    assert chain._scaled(start, between, end, emissions) is None
    monkeypatch.setattr(chain, "LONG", 0)
    shares = chain.marginals((start, between, end), emissions)
    assert shares[0].argmax() == 3
    assert shares.sum(1) == pytest.approx(1)
