"""Answers are as sure as they are right, or a training that went on would scale them up."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from keepgate.lens.diagnosis.answer_quality import answer_quality, labels_given

ROWS = 2000
LENGTHS = torch.full((ROWS,), 5)


def answered(kind):
    """Answers of the best scale with their targets, and the usual loss of them."""
    generator = torch.Generator().manual_seed(0)
    answers = torch.randn(ROWS, 3, generator=generator, dtype=torch.float64)
    if kind == "classes":
        return answers, torch.multinomial(answers.softmax(1), 1, generator=generator)[:, 0], cross_entropy
    if kind == "logit":
        logit = 2 * answers[:, 0]
        drawn = torch.bernoulli(logit.sigmoid(), generator=generator)
        return logit, drawn.long(), lambda z, y: binary_cross_entropy_with_logits(z, y.double())
    noise = torch.randn(ROWS, 3, generator=generator, dtype=torch.float64)
    centred = answers - answers.mean(0)
    return centred, centred + noise - noise.mean(0), lambda a, y: mse_loss(a, y) / 2


@pytest.mark.parametrize("kind", ["classes", "logit", "numbers"])
def test_the_scale_is_a_newton_step_of_the_loss(kind):
    answers, targets, loss = answered(kind)
    for factor in (0.5, 1.0, 2.0):
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        slope = torch.autograd.grad(loss(scale * factor * answers, targets), scale, create_graph=True)[0]
        curvature = torch.autograd.grad(slope, scale)[0]
        quality = answer_quality(factor * answers, targets, LENGTHS)
        assert quality.scale == pytest.approx((1 - slope / curvature).item(), rel=1e-6)
        assert quality.unfinished == (factor == 0.5)
        assert abs(factor * quality.scale - 1) < 4 * quality.scale_error or factor != 1


def test_answers_that_do_not_differ_have_no_scale():
    targets = torch.arange(ROWS) % 3
    quality = answer_quality(torch.zeros(ROWS, 3), targets, LENGTHS)
    assert (quality.scale, quality.scale_error) == (1.0, 0.0)
    impossible = torch.tensor([0.0, 0.0, -torch.inf]).expand(ROWS, 3)
    assert answer_quality(impossible, targets % 2, LENGTHS).scale == 1.0
    assert quality.no_better_than_guessing
    assert not quality.unfinished


def test_labels_of_one_logit_and_of_scores_at_each_step():
    logits, targets = torch.tensor([[2.0], [-1.0]]), torch.tensor([1, 1])
    assert labels_given(logits, targets)[0].tolist() == [1, 0]
    scores = torch.randn(4, 3, 6)
    labels, _ = labels_given(scores, torch.zeros(4, 6, dtype=torch.long))
    assert torch.equal(labels, scores.argmax(1))


@pytest.mark.parametrize("kind", ["classes", "logit", "numbers"])
def test_sure_and_wrong_answers_to_rows_beyond_a_length_are_told_from_unsure_ones(kind):
    answers = 4 * answered(kind)[0]
    targets = answers if kind == "numbers" else labels_given(answers, torch.zeros(ROWS, dtype=torch.long))[0]
    lengths = torch.arange(ROWS) % 40 + 1
    wrong = answers.roll(40, 0)  # another row's of the same length
    long = (lengths > 15).reshape(-1, *[1] * (answers.dim() - 1))

    def limit(near, far, lengths=lengths):
        return answer_quality(torch.where(long, far, near), targets, lengths).limit

    assert limit(answers, wrong) == 15
    assert limit(answers, 0 * answers) is None, "unsure of long rows"
    assert limit(answers, answers) is None
    assert limit(wrong, wrong) is None, "wrong on short rows, too"
    assert limit(wrong, answers) is None, "wrong on short rows alone"
    assert limit(answers, wrong, LENGTHS) is None, "of one length"
    few = answer_quality(torch.where(long, wrong, answers)[10:20], targets[10:20], lengths[10:20])
    assert few.limit is None, "five rows on either side"


@pytest.mark.parametrize("classes", [2, 10])
def test_answers_with_exchanged_labels_are_contrary_and_blind_ones_are_not(classes):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, classes, (ROWS,), generator=generator)
    scores = 5 * torch.nn.functional.one_hot(targets, classes) + 0.1 * torch.randn(
        ROWS, classes, generator=generator
    )
    rare = torch.multinomial(torch.tensor([0.9, 0.1]), ROWS, replacement=True, generator=generator)
    for answers, those, contrary in (
        (scores, targets, False),
        (scores.roll(1, 1), targets, True),
        (scores.roll(7, 0), targets, False),
        (scores[:, :2].roll(7, 0), rare, False),
        (torch.zeros(ROWS, classes), targets, False),
    ):
        assert answer_quality(answers, those, LENGTHS).contrary == contrary
    few = slice(0, 3)
    assert not answer_quality(scores.roll(1, 1)[few], targets[few], LENGTHS[few]).contrary
    assert answer_quality(scores, targets, LENGTHS).chance == pytest.approx(1 / classes, abs=0.02)


def test_numbers_of_the_other_sign_are_contrary_and_those_of_other_rows_are_not():
    answers, targets, _ = answered("numbers")
    assert answer_quality(-answers + 5, targets, LENGTHS).contrary
    assert not answer_quality(answers, targets, LENGTHS).contrary
    assert not answer_quality(10 * answers.roll(1, 0), targets, LENGTHS).contrary
    assert not answer_quality(torch.zeros_like(answers), targets, LENGTHS).contrary
