"""Targets that stand among what is read, or that one number tells, are noted, and what a series' past tells is not."""

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from keepgate.lens import examine
from keepgate.lens.diagnosis.given_away import given_away
from tests.lens.test_examine_faults import (
    ROWS,
    STEPS,
    WORDS,
    Numbers,
    Words,
    each_loss,
    fault,
    series,
    texts,
    train,
)

GENERATOR = torch.Generator().manual_seed(0)


def drawn(*shape):
    return torch.randn(*shape, generator=GENERATOR)


def test_targets_that_are_read_are_the_same_in_tokens_and_numbers():
    tokens = torch.randint(0, 5, (60,), generator=GENERATOR)
    assert given_away(tokens, tokens).same
    x = drawn(60, 3)
    found = given_away(x, x[:, 1:2])
    assert (found.same, found.column) == (True, 1)
    assert given_away(x[:, :1], x[:, 0]).same


def test_one_column_that_tells_the_target_is_named():
    x, noise = drawn(200, 3), drawn(200)
    found = given_away(x, -2 * x[:, 2] + 0.05 * noise)
    assert (found.same, found.column) == (False, 2)
    assert found.skill > 0.99
    labels = torch.randint(0, 3, (200,), generator=GENERATOR)
    x[:, 0] = 5.0 * labels + 0.1 * noise
    assert given_away(x, labels).column == 0


def test_what_tells_much_and_not_all_is_no_leak():
    x, noise = drawn(200, 3), drawn(200)
    assert given_away(x, x[:, 2] + 0.3 * noise) is None
    assert given_away(x, (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()) is None
    # Of one column only the same number counts: a series' own past tells much of what comes.
    assert given_away(x[:, :1], x[:, 0] + 0.01 * noise) is None
    tokens = torch.randint(0, 5, (200,), generator=GENERATOR)
    assert given_away(tokens, (tokens + 1) % 5) is None


def test_few_rows_alike_ones_and_several_targets_say_nothing():
    x = drawn(200, 3)
    assert given_away(x[:20], x[:20, 1]) is None
    assert given_away(x, torch.ones(200)) is None
    assert given_away(x, x[:, :2]) is None


def test_a_language_model_whose_targets_were_not_moved_is_told():
    ids = torch.randint(1, WORDS + 1, (ROWS, STEPS), generator=GENERATOR)
    model = train(Words(WORDS + 1, each_step=True), ids, ids, loss_of=each_loss)
    name, said = fault(model, ids, ids)
    assert name == "none"
    assert "move the targets by a step" in said
    tags = (ids % 3 + 1).roll(1, 1)
    assert "move the targets" not in fault(model, ids, tags)[1]


def test_a_column_that_holds_the_target_is_told():
    x, y = series()
    leak = x.clone()
    leak[:, -1, 1] = y + 0.02 * drawn(ROWS)
    assert (
        "Column 1 at the last step alone tells"
        in fault(train(Numbers(), leak, y, loss_of=mse_loss), leak, y)[1]
    )
    assert "alone tells" not in fault(train(Numbers(), x, y, loss_of=mse_loss), x, y)[1]


class Soft(Words):
    """Probabilities in the place of logits."""

    def forward(self, ids, lengths=None):
        return super().forward(ids, lengths).softmax(-1)


@pytest.mark.parametrize("each_step", [False, True])
def test_probabilities_in_the_place_of_logits_are_told(each_step):
    ids, labels = texts()
    labels = labels[:, None].expand(-1, STEPS).contiguous() if each_step else labels
    loss_of = each_loss if each_step else cross_entropy
    for kind, says in ((Soft, True), (Words, False)):
        model = train(kind(each_step=each_step), ids, labels, loss_of=loss_of, steps=40)
        report = examine(model, [(ids[:240], labels[:240])])
        assert (report.verdict.findings.evidence.probabilities == 3) == says
        assert ("3 classes stays above 0.55" in str(report)) == says


def test_a_tagger_is_said_to_be_examined_at_its_last_answers_and_padded_targets_are_told():
    ids = torch.randint(1, WORDS + 1, (240, STEPS), generator=GENERATOR)
    lengths = torch.arange(240) % 7 + 3
    after = torch.arange(STEPS) >= lengths[:, None]
    tags = (ids % 3).masked_fill(after, 0)
    ids[after] = 0
    for value, share in ((0, float(after.double().mean())), (-100, 0.0)):
        report = examine(Words(each_step=True), [(ids, tags.masked_fill(after, value))])
        assert report.verdict.findings.evidence.padding.targets == pytest.approx(share)
        assert "what follows is of each row's last answer" in str(report)
        assert report.text("zh-TW")
    mixed = torch.where(after, torch.randint(0, 3, tags.shape, generator=GENERATOR), tags)
    assert examine(Words(each_step=True), [(ids, mixed)]).verdict.findings.evidence.padding.targets == 0
    assert "last answer" not in str(examine(Words(), [texts(rows=60)]))
