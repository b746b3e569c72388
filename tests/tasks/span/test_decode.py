import pytest
import torch

from keepgate.tasks.span.decode import spans


def random_scores(rows: int = 3, time: int = 7, longest: int = 4) -> torch.Tensor:
    scores = 2 * torch.randn(rows, time, longest)
    beyond = torch.arange(time)[:, None] + torch.arange(longest) >= time
    return scores.masked_fill(beyond, -1e4)


def test_without_overlap_spans_come_by_their_probability() -> None:
    scores = random_scores()
    shares = scores.flatten(1).softmax(-1)
    for row, found in enumerate(spans(scores.numpy(), f1_weight=0.0, count=5)):
        expected = shares[row].topk(5).values.tolist()
        assert [span.probability for span in found] == pytest.approx(expected)
        there = [shares[row, 4 * span.first + span.last - span.first].item() for span in found]
        assert there == pytest.approx(expected)


def test_with_overlap_the_best_span_is_the_one_an_exhaustive_search_finds() -> None:
    scores = random_scores()
    shares = scores.flatten(1).softmax(-1).view(scores.shape)
    for overlap in (0.3, 1.0):
        for row, found in enumerate(spans(scores.numpy(), f1_weight=overlap, count=1)):
            worth = {}
            every = [(first, first + more) for first in range(7) for more in range(4) if first + more < 7]
            for first, last in every:
                mine = set(range(first, last + 1))
                f1 = sum(
                    shares[row, a, b - a].item()
                    * 2
                    * len(mine & set(range(a, b + 1)))
                    / (len(mine) + b - a + 1)
                    for a, b in every
                )
                worth[first, last] = (1 - overlap) * shares[row, first, last - first].item() + overlap * f1
            assert (found[0].first, found[0].last) == max(worth, key=lambda span: worth[span])


def test_expected_overlap_prefers_what_many_likely_spans_share() -> None:
    scores = torch.full((1, 6, 4), -1e4)
    scores[0, 0, 0] = 1.0  # alone, and the single most likely
    for first, more in ((3, 1), (3, 2), (4, 1)):
        scores[0, first, more] = 0.9
    assert spans(scores.numpy(), f1_weight=0.0, count=1)[0][0].first == 0
    assert spans(scores.numpy(), f1_weight=1.0, count=1)[0][0].first in (3, 4)


def test_no_span_ends_beyond_the_text() -> None:
    for found in spans(random_scores(time=3).numpy(), f1_weight=0.5, count=6):
        assert len(found) == 6
        assert all(0 <= span.first <= span.last < 3 for span in found)


def test_fewer_spans_than_asked_for_are_all_given() -> None:
    assert [len(found) for found in spans(torch.zeros(2, 1, 1).numpy(), f1_weight=0.5, count=5)] == [1, 1]
