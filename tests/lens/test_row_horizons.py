"""Row horizons are where each row's answer was planted, and the intervals hold what they promise."""

import pytest
import torch
from torch import nn

from keepgate.lens import examine
from keepgate.lens.diagnosis.row_horizons import context_effects
from keepgate.lens.diagnosis.samples import Rows
from keepgate.lens.diagnosis.statistics import quantile_interval, share_interval
from tests.lens.faults import Recall, questions

KEYS, WORDS, STEPS = 3, 20, 40


class FirstKey(nn.Module):
    """Which key stands first in a row, or none of them; in a fixed number of steps if wanted. Nothing is learned."""

    def __init__(self, steps=None, *, time=1):
        super().__init__()
        self.steps, self.time = steps, time

    def forward(self, ids, lengths=None):
        ids = ids if self.time else ids.T
        if self.steps is not None and ids.shape[1] != self.steps:
            raise ValueError("another number of steps")
        if lengths is not None:
            ids = ids.masked_fill(torch.arange(ids.shape[1]) >= lengths[:, None], KEYS)
        key = ids < KEYS
        first = ids.gather(1, key.long().argmax(1, keepdim=True))[:, 0]
        return 9 * torch.eye(KEYS + 1)[torch.where(key.any(1), first, KEYS)]


class LastKey(FirstKey):
    """Which key stands last."""

    def forward(self, ids):
        return super().forward(ids.flip(1))


def planted(distances, lengths=None, *, seed=0):
    """Rows with one key each, so many steps before their ends."""
    generator = torch.Generator().manual_seed(seed)
    rows = len(distances)
    lengths = torch.full((rows,), STEPS) if lengths is None else lengths
    ids = torch.randint(KEYS, WORDS, (rows, STEPS), generator=generator)
    keys = torch.randint(KEYS, (rows,), generator=generator)
    ids[torch.arange(rows), lengths - torch.as_tensor(distances)] = keys
    return ids, keys, lengths


def effects(samples, seed=0):
    return context_effects(samples, epsilon=0.05, seed=seed)


def rows_of(ids, keys, *, ends=None, model=None, time=1):
    model = model or FirstKey(time=time)
    return Rows(
        model=model, inputs=ids if time else ids.T, targets=keys, loss=None, time=time, ends=ends
    )  # fmt: skip


def on_grid(distances, lengths, contexts):
    grid = [next(context for context in contexts if context >= distance) for distance in distances.tolist()]
    return torch.minimum(torch.tensor(grid), lengths).tolist()


@pytest.mark.parametrize("kind", ["whole", "time first", "with lengths", "fixed windows", "in batches"])
def test_each_row_reaches_as_far_as_its_key_stands(kind):
    distances = torch.randint(1, STEPS + 1, (60,), generator=torch.Generator().manual_seed(1))
    lengths = None
    if kind == "with lengths":
        lengths = torch.maximum(
            distances, torch.randint(5, STEPS + 1, (60,), generator=torch.Generator().manual_seed(2))
        )
    ids, keys, lengths = planted(distances, lengths)
    if kind == "in batches":
        samples = [rows_of(ids[k : k + 7], keys[k : k + 7]) for k in range(0, 60, 7)]
    else:
        samples = [
            rows_of(
                ids, keys, ends=lengths if kind == "with lengths" else None, time=int(kind != "time first"),
                model=LastKey(STEPS) if kind == "fixed windows" else None,
            )
        ]  # fmt: skip
    found = effects(samples)
    assert found.rows.horizons.tolist() == on_grid(distances, lengths, found.rows.contexts)
    assert found.rows.furthest == max(found.rows.horizons.tolist())
    assert found.exchanged.steps == found.cut.steps == found.rows.contexts[-1]


def test_what_the_mean_loss_hides_single_rows_show():
    distances = [3] * 237 + [30, 35, 38]
    ids, keys, _ = planted(distances)

    class Sure(FirstKey):
        def forward(self, ids):
            return super().forward(ids) * 0.1  # so that three rows hardly change the mean

    found = effects([rows_of(ids, keys, model=Sure())])
    assert found.cut.steps == 3
    assert found.rows.steps == 3
    assert found.rows.interval == (3, 3)
    count, (low, high) = found.rows.beyond(found.cut.steps)
    assert count == 3
    assert 0.002 < low < 3 / 240 < high < 0.037
    assert found.rows.furthest >= 38


def test_the_interval_of_rows_holds_what_lies_between_two_contexts_that_were_tried():
    ids, keys, _ = planted([27] * 60)
    found = effects([rows_of(ids, keys)]).rows
    below = max(context for context in found.contexts if context < 27)
    assert found.interval == (below + 1, found.steps)
    assert below + 1 < 27 < found.steps


def test_an_answer_that_only_knows_how_long_its_row_is_rests_on_no_step():
    class Length(nn.Module):
        def forward(self, ids):
            return 9 * torch.eye(2)[torch.full((len(ids),), int(ids.shape[1] < 20))]

    ids, _, _ = planted([5] * 50)
    found = effects([rows_of(ids, torch.zeros(50, dtype=torch.long), model=Length())])
    assert found.cut.steps >= 20, "leaving steps out alone would say so"
    assert found.rows.furthest == 1


def test_a_key_that_another_row_brings_along_does_not_count():
    """Exchanged alone, each row would reach to its start: another row's key may stand there, before its own."""
    ids, keys, _ = planted([4] * 50)
    ids[:, 0] = keys.roll(1)
    own = ids.clone()
    own[:, 0] = KEYS
    found = effects([rows_of(own, keys)])
    assert found.rows.furthest == 4

    assert effects([rows_of(ids, keys, model=LastKey())]).rows.furthest == 4


def test_rows_that_are_answered_wrong_do_not_count():
    ids, keys, _ = planted([4] * 30 + [20] * 20)
    keys = keys.clone()
    keys[30:] = (keys[30:] + 1) % KEYS
    rows = effects([rows_of(ids, keys)]).rows
    assert (rows.rows, rows.furthest) == (30, 4)
    assert rows.interval is None, "30 rows are too few for nine in ten"
    assert rows.right


def test_of_several_labels_only_the_right_ones_count():
    class Two(nn.Module):
        def forward(self, ids):
            at_start = 9 * torch.eye(KEYS + 1)[ids[:, 0].clamp(max=KEYS)]
            return torch.stack([FirstKey()(ids), at_start], 2)

    ids, keys, _ = planted([4] * 50)
    ids[:, 0] = KEYS
    targets = torch.stack([keys, torch.zeros_like(keys)], 1)  # the second label is never right
    assert effects([rows_of(ids, targets, model=Two())]).rows.furthest == 4


def test_numbers_count_as_others_from_a_tenth_of_their_spread_on():
    class Delay(nn.Module):
        def forward(self, x):
            far = x[:, -12, 0] if x.shape[1] >= 12 else x.new_zeros(len(x))
            return x[:, -3, 0] + share * far if x.shape[1] >= 3 else x.new_zeros(len(x))

    x = torch.randn(80, 30, 1, generator=torch.Generator().manual_seed(4))
    for share, wanted in ((1.0, 12), (0.001, 3)):
        found = effects([rows_of(x, x[:, -3, 0] + share * x[:, -12, 0], model=Delay())]).rows
        assert (found.steps, found.right) == (wanted, False)


def test_a_seed_gives_the_same_figures_again_and_is_used():
    ids, keys, _ = planted([4] * 40 + [25] * 40)
    ids[:, 5] = torch.randint(WORDS, (80,), generator=torch.Generator().manual_seed(5))
    first, again, other = (effects([rows_of(ids, keys)], seed) for seed in (1, 1, 2))
    assert torch.equal(first.exchanged.gap, again.exchanged.gap)
    assert not torch.equal(first.exchanged.gap, other.exchanged.gap)


def test_a_report_says_from_how_many_rows_it_knows(monkeypatch):
    model = Recall("GRU", horizon=10)
    ids, targets = questions(50, 6, torch.Generator().manual_seed(6))
    model.eval()
    with torch.no_grad():
        targets = model(ids).argmax(1)
    assert len(targets.unique()) > 1
    many, few = examine(model, [(ids, targets)]), examine(model, [(ids[:12], targets[:12])])
    low, high = many.rows.interval
    within = f"lie within the last {many.rows.steps} steps (95%: {low} to {high}), measured on 50 rows"
    assert within.replace("last 1 steps", "last 1 step") in str(many.verdict)
    assert "cannot be said from 12 rows" in str(few.verdict)
    assert "從 12 列說不出來" in few.verdict.text("zh-TW")
    assert "12 right answers rest on the last" in str(few)
    assert few.as_dict()["rows"]["interval"] is None
    assert many.as_dict()["rows"]["steps"] == many.rows.steps == many.needed


def test_the_interval_of_a_share_is_clopper_and_pearsons():
    for count, rows, low, high in ((0, 10, 0, 0.30850), (3, 10, 0.06674, 0.65245), (10, 10, 0.69150, 1)):
        assert share_interval(count, rows) == pytest.approx((low, high), abs=1e-5)
    assert share_interval(0, 0) == (0, 1)


def test_the_interval_of_a_quantile_holds_it_as_often_as_it_says():
    generator = torch.Generator().manual_seed(7)
    held = 0
    for _ in range(1000):
        low, high = quantile_interval(torch.rand(60, generator=generator), 0.9)
        held += low <= 0.9 <= high
    assert held >= 940  # 95 % and more: it is exact, and the order statistics are steps
    assert quantile_interval(torch.rand(35), 0.9) is None
    assert quantile_interval(torch.rand(36), 0.9) is not None
