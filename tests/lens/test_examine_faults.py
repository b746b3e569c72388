"""Faults as newcomers plant them, in models trained here: each is named, and its healthy twin is not."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, mse_loss
from torch.nn.utils.rnn import pack_padded_sequence

from keepgate.errors import SettingsError
from keepgate.lens import examine

ROWS, STEPS, WORDS = 1500, 10, 12


class Words(nn.Module):
    """Ids → scores from the last state, or from the state at each step."""

    def __init__(self, outputs=3, each_step=False):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.rnn = nn.Embedding(WORDS + 1, 12), nn.LSTM(12, 20, batch_first=True)
        self.head, self.each_step = nn.Linear(20, outputs), each_step

    def forward(self, ids, lengths=None):
        inputs = self.embedding(ids)
        if lengths is not None:
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            return self.head(self.rnn(packed)[1][0][-1])
        output = self.rnn(inputs)[0]
        return self.head(output if self.each_step else output[:, -1])


class Numbers(nn.Module):
    """Numbers → one number a row."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = nn.LSTM(2, 20, batch_first=True), nn.Linear(20, 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1]).squeeze(-1)


def train(model, *data, loss_of=cross_entropy, steps=250, parameters=None):
    optimiser = torch.optim.Adam(parameters or model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        rows = torch.randint(0, len(data[0]), (32,), generator=generator)
        *inputs, targets = (part[rows] for part in data)
        optimiser.zero_grad()
        loss_of(model(*inputs), targets).backward()
        optimiser.step()
    return model.eval()


def texts(classes=3, rows=ROWS, seed=0):
    """Ids, of which the last but one says the label."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(classes + 1, WORDS + 1, (rows, STEPS), generator=generator)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    ids[:, -2] = labels + 1
    return ids, labels


def series(rows=ROWS, seed=0):
    """Numbers, of which the last but one is asked for."""
    x = torch.randn(rows, STEPS, 2, generator=torch.Generator().manual_seed(seed))
    return x, x[:, -2, 0]


def fault(model, *data, **options):
    """The fault, and what is said of it."""
    report = examine(model, [tuple(part[:240] for part in data)], **options)
    assert report.text("zh-TW")
    return report.verdict.fault, report.verdict.sentence


def test_two_labels_of_three_that_are_exchanged_in_the_training():
    ids, labels = texts()
    exchanged = torch.tensor([0, 2, 1])[labels]
    assert fault(train(Words(), ids, labels), *texts(seed=1))[0] == "none"
    name, said = fault(train(Words(), ids, exchanged), *texts(seed=1))
    assert name == "contrary"
    assert "(1 as 2 and 2 as 1)" in said


def test_an_optimiser_that_was_never_given_the_layer():
    ids, labels = texts()
    ids[:, 0], ids[:, -2] = labels + 1, ids[:, 1]
    model = Words()
    others = [*model.embedding.parameters(), *model.head.parameters()]
    for_far = fault(train(model, ids, labels, parameters=others), ids, labels)
    assert for_far[0] == "untrained"
    assert "model.parameters()" in for_far[1]
    near, labels = texts()
    model = Words()
    name, said = fault(train(model, near, labels, parameters=[*model.head.parameters()]), near, labels)
    assert name in ("untrained", "none")
    assert name == "none" or "what stands behind the layer was trained, and it was hardly" in said


def test_a_few_wild_targets():
    x, numbers = series()
    wild = numbers.clone()
    wild[::50] *= 1000
    assert fault(train(Numbers(), x, numbers, loss_of=mse_loss), x, numbers)[0] == "none"
    name, said = fault(train(Numbers(), x, wild, loss_of=mse_loss), x, wild)
    assert name == "targets"
    assert "5 of 240 targets lie so far from the others that" in said


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_loss_that_compared_each_answer_with_every_target():
    x, numbers = series()
    model = train(Numbers(), x, numbers[:, None], loss_of=mse_loss)
    assert examine(model, [(x[:240], numbers[:240])]).verdict.findings.flat
    name, said = fault(model, x, numbers)
    assert name == "untrained"
    assert "; the answers hardly differ" in said
    assert "a loss of [rows] and [rows, 1] compares each answer with every target" in said


@pytest.mark.parametrize("packed", [True, False])
def test_labels_that_the_rows_lengths_tell(packed):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, WORDS + 1, (ROWS, STEPS), generator=generator)
    lengths = torch.randint(1, STEPS + 1, (ROWS,), generator=generator)
    ids[torch.arange(STEPS) >= lengths[:, None]] = 0
    labels = (lengths > 4).long() + (lengths > 7).long()
    data = (ids, lengths, labels) if packed else (ids, labels)
    model = train(Words(), *data, steps=400)
    name, said = fault(model, *data)
    assert name == "none"
    assert "lengths alone tell the targets (100%" in said
    others = torch.randint(0, 3, (ROWS,), generator=generator)
    assert "lengths alone" not in fault(model, *data[:-1], others)[1]


def tagged(seed=0):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS + 1, (ROWS, STEPS), generator=generator)
    return ids, ids % 3


def each_loss(scores, tags):
    return cross_entropy(scores.flatten(0, 1), tags.flatten())


def test_tags_that_come_a_step_late():
    ids, tags = tagged()
    model = train(Words(each_step=True), ids, tags, loss_of=each_loss)
    assert fault(model, *tagged(1))[0] == "none"
    for by, said_of in ((1, "1 step later"), (-2, "2 steps before")):
        name, said = fault(model, ids, tags.roll(by, 1))
        assert name == "targets"
        assert f"the answers fit the targets {said_of} (100%" in said


def test_targets_of_the_row_before():
    model, (ids, labels) = train(Words(), *texts()), texts(seed=1)
    name, said = fault(model, ids, labels.roll(1))
    assert name == "targets"
    assert "the targets 1 row later" in said


def test_a_model_that_repeats_what_it_read_fits_the_targets_before():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, WORDS + 1, (ROWS, STEPS + 1), generator=generator)
    model = train(Words(WORDS + 1, each_step=True), ids, ids, loss_of=each_loss)
    name, said = fault(model, ids[:, :-1], ids[:, 1:])
    assert name == "targets"
    assert "the targets 1 step before" in said


def test_a_label_that_the_training_never_had():
    ids, labels = texts(4)
    seen = labels != 3
    name, said = fault(train(Words(4), ids[seen], labels[seen]), *texts(4, seed=1))
    assert name == "targets"
    assert "never answered nor likely: label 3 (2" in said
    assert "CrossEntropyLoss" in said


def test_a_rare_label_that_is_never_answered_is_named_whatever_the_verdict():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, WORDS + 1, (ROWS, STEPS), generator=generator)
    labels = (torch.rand(ROWS, generator=generator) < 0.1).long()
    name, said = fault(train(Words(2), ids, labels, steps=60), ids, labels)
    assert name in ("unknown", "untrained", "overfitted")
    assert "Never answered: label 1 (" in said


class Keeps(Words):
    """Begins each call with the state at the end of the last one."""

    def __init__(self):
        super().__init__()
        self._state = None

    def forward(self, ids):
        if self._state is not None and self._state[0].shape[1] != len(ids):
            self._state = None
        output, state = self.rnn(self.embedding(ids), self._state)
        self._state = tuple(part.detach() for part in state)
        return self.head(output[:, -1])


class Drops(Words):
    """Drops out in evaluation mode, too."""

    def forward(self, ids):
        return self.head(dropout(self.rnn(self.embedding(ids))[0][:, -1], 0.5))


@pytest.mark.parametrize(
    ("kind", "says"), [(Keeps, "keeps something from call to call"), (Drops, "dropout that is always on")]
)
@pytest.mark.parametrize("own", [False, True])
def test_answers_that_are_others_when_the_rows_are_given_again(kind, says, own):
    before = torch.get_rng_state()
    loss = (lambda scores, labels: cross_entropy(scores, labels, reduction="none")) if own else None
    ids, labels = texts()
    model = train(kind(), ids, labels, steps=60)
    state = torch.get_rng_state()
    name, said = fault(model, ids, labels, loss=loss)
    assert name == "varies"
    assert says in said
    assert not torch.equal(before, state) or torch.equal(torch.get_rng_state(), state)


class Noisy(Words):
    """Adds noise that changes no answer."""

    def forward(self, ids):
        return super().forward(ids) + 1e-4 * torch.randn(len(ids), 3)


class InPlace(Words):
    """Changes its input, and counts its calls."""

    calls = 0

    def forward(self, ids):
        self.calls += 1
        result = super().forward(ids)
        ids.zero_()
        return result


@pytest.mark.parametrize("kind", [Noisy, InPlace])
def test_calls_that_differ_by_nothing_that_counts(kind):
    ids, labels = texts()
    model = kind()
    model.load_state_dict(train(Words(), ids, labels).state_dict())
    assert fault(model.eval(), ids, labels)[0] == "none"


def left(ids, lengths):
    """The same rows with their padding before them."""
    return torch.stack([row.roll(STEPS - int(n)) for row, n in zip(ids, lengths, strict=True)])


def ragged():
    ids, labels = texts()
    lengths = torch.arange(ROWS) % 6 + 5
    ids = torch.stack([row.roll(int(n) - STEPS) for row, n in zip(ids, lengths, strict=True)])
    ids[torch.arange(STEPS) >= lengths[:, None]] = 0
    return ids, lengths, labels


@pytest.mark.parametrize("how", ["last", "each step", "mean", "mask"])
def test_padding_at_the_rows_starts_is_cut_for_every_measure(how):
    class Form(Words):
        def forward(self, ids, mask=None):
            states = self.rnn(self.embedding(ids))[0]
            if mask is not None:
                return self.head((states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))
            if how == "each step":
                return self.head(states)
            return self.head(states[:, -1] if how == "last" else states.mean(1))

    ids, lengths, labels = ragged()
    padded = left(ids, lengths)
    targets = labels[:, None].expand(-1, STEPS) if how == "each step" else labels
    mask = (padded != 0).float()
    cut = slice(0, 60)
    model = Form()
    batch = ((padded[cut], mask[cut]), targets[cut]) if how == "mask" else (padded[cut], targets[cut])
    report = examine(model, [batch])
    padding = report.verdict.findings.evidence.padding
    assert (padding.side, padding.lengths.tolist()) == ("start", lengths[cut].tolist())
    assert "padding at the rows' starts" in str(report)
    by_length = [
        (
            (padded[cut][rows, STEPS - n :], mask[cut][rows, STEPS - n :])
            if how == "mask"
            else padded[cut][rows, STEPS - n :],
            targets[cut][rows, STEPS - n :] if how == "each step" else targets[cut][rows],
        )
        for n in range(10, 4, -1)
        for rows in [lengths[cut] == n]
    ]
    alone = examine(model, by_length)
    assert alone.verdict.findings.evidence.padding is None
    assert (report.horizon, report.steps) == (alone.horizon, alone.steps)
    torch.testing.assert_close(report.behaviour.gap, alone.behaviour.gap, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(report.gradient, alone.gradient, rtol=1e-4, atol=1e-6)


def test_padding_before_the_rows_of_a_model_that_learnt_without_it():
    ids, lengths, labels = ragged()
    model = train(Words(), ids, lengths, labels)
    with torch.no_grad():
        # Padding is a word like any other, and what it leaves behind is in the way.
        model.embedding.weight[0] = 4 * model.embedding.weight[1:4].mean(0)
        model.rnn.bias_ih_l0[20:40] += 5
    name, said = fault(model, left(ids, lengths), labels)
    healthy = fault(model, ids, lengths, labels)
    assert name in ("padding", healthy[0])
    assert name != "padding" or "the answers are better without it" in said


def test_padding_before_rows_whose_lengths_are_counted_from_their_starts():
    ids, lengths, labels = ragged()
    data = left(ids, lengths), lengths, labels
    name, said = fault(train(Words(), *data), *data)
    assert name == "padding"
    assert "% of what is read is padding" in said
    assert fault(train(Words(), ids, lengths, labels), ids, lengths, labels)[0] == "none"


def test_a_model_that_learnt_with_padding_before_its_rows_is_measured_with_it():
    ids, lengths, labels = ragged()
    padded = left(ids, lengths)
    model = train(Words(), padded, labels)
    report = examine(model, [(padded[:240], labels[:240])])
    assert report.verdict.fault == "none"
    evidence = report.verdict.findings.evidence
    assert evidence.padding.counted == (evidence.without.skill < evidence.quality.skill - 0.1)
    assert dataclasses.is_dataclass(evidence)


def test_weights_that_a_training_left_as_nan_are_named():
    ids, labels = texts()
    model = Words()
    with torch.no_grad():
        model.head.weight[1, 2] = float("nan")
    size = f"{model.head.weight.numel():,}"
    with pytest.raises(SettingsError, match=rf"'head.weight' holds NaN \(1 of {size} numbers\)"):
        examine(model, [(ids, labels)])


def test_a_tagger_whose_last_targets_are_alike_is_told_which_are_examined():
    ids, labels = texts()
    targets = labels[:, None].repeat(1, STEPS)
    targets[:, -1] = 0
    name, said = fault(Words(each_step=True), ids, targets)
    assert name == "targets"
    assert said.startswith("the targets of the rows' last steps are all the same")
