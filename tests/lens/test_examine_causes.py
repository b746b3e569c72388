"""Verdicts that name a cause only where it is measured, on models that a newcomer would bring."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from keepgate import SettingsError
from keepgate.lens import examine
from keepgate.lens.diagnosis.batches import batch_sample
from keepgate.lens.diagnosis.loss_gradient import loss_gradient_at_layer
from tests.lens.test_examine_faults import ROWS, Numbers, Words, series, texts, train


class Chunks(Numbers):
    """Numbers, read so many steps at a time; the states between may be detached."""

    def __init__(self, size, *, detached=False, kind=nn.LSTM):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.size, self.detached = kind(2, 20, batch_first=True), size, detached

    def forward(self, x):
        states = None
        for part in x.split(self.size, 1):
            output, states = self.rnn(part, states)
            if self.detached:
                lstm = isinstance(states, tuple)
                states = tuple(state.detach() for state in states) if lstm else states.detach()
        return self.head(output[:, -1]).squeeze(-1)


def gradient(model, x, y):
    return loss_gradient_at_layer(model, "rnn", model.rnn, batch_sample(model, (x, y), time=1))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_layer_that_is_called_in_chunks_has_the_gradient_of_one_call(kind):
    x, y = series(rows=8)
    steps = x.shape[1]
    whole = gradient(Chunks(steps, kind=kind), x, y)
    for size in (1, 3):
        parts = gradient(Chunks(size, kind=kind), x, y)
        torch.testing.assert_close(parts.by_lag, whole.by_lag, rtol=1e-4, atol=1e-9)
        assert parts.detached is None
        torch.testing.assert_close(parts.run.x, whole.run.x)


def test_states_that_are_detached_between_chunks_end_the_gradient_and_are_named():
    x, y = series(rows=60)
    size = 4
    whole, cut = gradient(Chunks(x.shape[1]), x, y).by_lag, gradient(Chunks(size, detached=True), x, y)
    assert cut.detached == (x.shape[1] % size or size)
    torch.testing.assert_close(cut.by_lag[: cut.detached], whole[: cut.detached], rtol=1e-4, atol=1e-9)
    assert not cut.by_lag[cut.detached :].any()


def test_a_layer_that_the_loss_does_not_depend_on_is_refused_with_the_way_out():
    class Aside(Numbers):
        def forward(self, x):
            self.rnn(x)
            return self.head(nn.functional.pad(x[:, -1], (0, 18))).squeeze(-1)

    with pytest.raises(SettingsError, match=r"does not depend on what the layer 'rnn' gives.*layer="):
        examine(Aside(), [series(rows=20)])


def test_rows_in_the_order_of_their_labels_end_in_one_label():
    ids, labels = texts()
    order = labels.argsort()
    model, last = Words(), int(labels.max())
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for rows in order.repeat_interleave(4).split(32):
        optimiser.zero_grad()
        cross_entropy(model(ids[rows]), labels[rows]).backward()
        optimiser.step()
    report = examine(model.eval(), [texts(rows=200, seed=1)])
    assert report.verdict.fault == "constant"
    assert f"label {last} (" in str(report)
    assert "shuffle" in str(report)
    assert "more weight" not in str(report)
    assert examine(train(Words(), *texts()), [texts(rows=200, seed=1)]).verdict.fault == "none"


def test_a_gradient_that_is_clipped_to_nothing_is_not_called_forgetting():
    model, (ids, labels) = Words(), texts()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for rows in torch.randint(0, ROWS, (100, 32), generator=torch.Generator().manual_seed(1)):
        optimiser.zero_grad()
        cross_entropy(model(ids[rows]), labels[rows]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        optimiser.step()
    report = examine(model.eval(), [texts(rows=200, seed=1)])
    assert report.verdict.fault == "untrained"
    assert "training has hardly moved them" in str(report)
    assert "clipped" in str(report)


def test_numbers_that_a_relu_keeps_from_going_below_0():
    class Floor(Numbers):
        def forward(self, x):
            return (super().forward(x) + 0.5).relu()

    x, y = series()
    report = examine(train(Floor(), x, y - y.mean(), loss_of=mse_loss), [_centred(*series(rows=200, seed=1))])
    assert report.verdict.fault == "bounded"
    assert "no answer is below 0 and many stand there" in str(report)


def test_rows_on_another_scale_than_those_of_the_training():
    model, (x, y) = train(Numbers(), *series(), loss_of=mse_loss), series(rows=200, seed=1)
    assert examine(model, [(x, y)]).verdict.fault == "none"
    report = examine(model, [(x * 12 + 40, y / y.std())])
    assert report.verdict.fault != "untrained"
    assert "train longer" not in str(report)


def _centred(x, y):
    return x, y - y.mean()


class Normed(Numbers):
    def __init__(self, momentum):
        super().__init__()
        self.norm = nn.BatchNorm1d(2, momentum=momentum)

    def forward(self, x):
        return super().forward(self.norm(x.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize(("momentum", "fault"), [(0.1, "none"), (0.0002, "scale")])
def test_a_batch_norm_whose_statistics_have_not_arrived(momentum, fault):
    def scaled(x, y):
        return x * 12 + 40, y

    model = train(Normed(momentum).train(), *scaled(*series()), loss_of=mse_loss)
    report = examine(model, [scaled(*series(rows=200, seed=1))])
    assert report.verdict.fault == fault
    assert ("the normalisation norm (BatchNorm) keeps a mean of" in str(report)) == (fault == "scale")


@pytest.mark.parametrize(("labels", "helps"), [("its own", True), ("any", False)])
def test_train_longer_is_said_only_where_a_few_steps_of_training_help(labels, helps):
    """Of few steps of training, new rows tell whether more would help; of labels that nothing says, nothing does."""
    from keepgate.lens.diagnosis.trial_training import trial_training

    model = train(Words(), *texts(), steps=15)
    before = copy.deepcopy(model.state_dict())
    ids, targets = texts(rows=200, seed=1)
    if labels == "any":
        targets = targets[torch.randperm(200, generator=torch.Generator().manual_seed(3))]
    model.zero_grad()
    state = torch.get_rng_state()
    trial = trial_training([batch_sample(model, (ids, targets), time=1)])
    assert trial.helps == helps
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.grad is None for weight in model.parameters())


class Directions(nn.Module):
    """Reads in both directions, and takes the states in one of several ways."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.embedding = how, nn.Embedding(13, 12)
        self.rnn, self.head = nn.LSTM(12, 8, batch_first=True, bidirectional=True), nn.Linear(16, 3)

    def forward(self, ids):
        output, (h_n, _) = self.rnn(self.embedding(ids))
        if self.how == "each step":
            return self.head(output)
        taken = {
            "last": output[:, -1],
            "ends": torch.cat([h_n[-2], h_n[-1]], 1),
            "own ends": torch.cat([output[:, -1, :8], output[:, 0, 8:]], 1),
            "mean": output.mean(1),
        }
        return self.head(taken[self.how])


@pytest.mark.parametrize(
    ("how", "begun"),
    [("last", True), ("ends", False), ("own ends", False), ("mean", False), ("each step", False)],
)
def test_a_backward_direction_that_has_only_begun_where_it_is_taken(how, begun):
    ids, labels = texts(rows=120)
    targets = labels[:, None].expand(-1, ids.shape[1]) if how == "each step" else labels
    report = examine(Directions(how), [(ids, targets)])
    assert report.verdict.findings.begun is begun
    assert ("has read this one step alone" in str(report)) is begun
