"""Forms of models and data that people have: each has the report of the same model in its plainest form."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot
from torch.nn.utils.rnn import pack_padded_sequence

from keepgate import SettingsError
from keepgate.lens import examine

ROWS, STEPS = 24, 10
LENGTHS = torch.arange(ROWS) % 7 + 4


class Net(nn.Module):
    """An LSTM with a head on its last state."""

    def __init__(self, outputs=3, factor=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head, self.factor = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, outputs), factor

    def states(self, x):
        return self.rnn(x)[0]

    def forward(self, x):
        return self.factor * self.head(self.states(x)[:, -1])


def given():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, STEPS, 4, generator=generator)
    return x, torch.randint(0, 3, (ROWS,), generator=generator)


def quality(report):
    return report.verdict.findings.evidence.quality


def numbers(report):
    measured = quality(report)
    return [getattr(measured, name) for name in ("value", "guess", "short", "long", "sure", "excess")]


class Flattened(Net):
    """Reads all states at their places."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8 * STEPS, 3)

    def forward(self, x):
        return self.head(self.states(x).flatten(1))


class Placed(Net):
    """Adds a vector for each step's place."""

    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(0.1 * torch.ones(STEPS, 4))

    def forward(self, x):
        return super().forward(x + self.places)


class Strided(Net):
    """Convolves without padding: fewer than five steps are none."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(4, 4, 5, stride=2)

    def forward(self, x):
        return super().forward(self.convolution(x.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize("kind", [Flattened, Placed, Strided])
def test_a_model_of_rows_of_one_length_is_given_another_rows_earlier_steps(kind):
    model, (x, targets) = kind().requires_grad_(False), given()
    report = examine(model, [(x, targets)])
    assert report.behaviour.loss == pytest.approx(float(cross_entropy(model(x), targets)), abs=1e-6)
    mixed = torch.cat([x.roll(len(x) // 2, 0)[:, :-1], x[:, -1:]], 1)
    gap = float(cross_entropy(model(mixed), targets)) - report.behaviour.loss
    assert float(report.behaviour.gap[0]) == pytest.approx(gap, abs=1e-6)


class Packs(Net):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(packed)[1][0][-1])


class Masks(Net):
    """The same by a mask: 1 for a row's own steps."""

    def forward(self, x, mask):
        return self.head(self.states(x)[torch.arange(len(x)), mask.sum(1).long() - 1])


@pytest.mark.parametrize("number", [torch.bool, torch.float, torch.long])
def test_lengths_among_the_inputs_and_masks_are_the_rows_lengths(number):
    x, targets = given()
    plain = examine(Packs(), [(x, LENGTHS, targets)])
    mask = (torch.arange(STEPS) < LENGTHS[:, None]).to(number)
    for report in (
        examine(Packs(), [((x, LENGTHS), targets)]),
        examine(Masks(), [((x, mask), targets)]),
    ):
        torch.testing.assert_close(report.behaviour.gap, plain.behaviour.gap, atol=1e-6, rtol=0)
        torch.testing.assert_close(report.gradient, plain.gradient, atol=1e-6, rtol=0)
        assert numbers(report) == pytest.approx(numbers(plain), abs=1e-6)


def test_a_number_of_each_row_that_could_be_its_length_is_not_taken_for_it():
    class Adds(Net):
        def forward(self, x, month):
            return super().forward(x) + month[:, None] / 10

    (x, targets), month = given(), torch.arange(ROWS) % STEPS + 1
    report = examine(Adds(), [((x, month), targets)])
    assert report.steps == STEPS
    assert quality(report).short is None, "all rows are equally long"
    with torch.no_grad():
        gap = cross_entropy(Adds()(x[:, -1:], month), targets) - cross_entropy(Adds()(x, month), targets)
    assert float(report.behaviour.gap[0]) == pytest.approx(float(gap), abs=1e-6)


class EachStep(Net):
    def forward(self, x):
        return self.head(self.states(x))


class ClassesFirst(EachStep):
    """Scores `[rows, classes, steps]`, as torch's cross entropy takes them."""

    def forward(self, x):
        return super().forward(x).transpose(1, 2)


def test_classes_may_come_before_steps():
    x, _ = given()
    targets = torch.randint(0, 3, (ROWS, STEPS), generator=torch.Generator().manual_seed(2))
    plain, turned = (examine(kind(), [(x, targets)]) for kind in (EachStep, ClassesFirst))
    torch.testing.assert_close(turned.behaviour.gap, plain.behaviour.gap)
    assert numbers(turned) == pytest.approx(numbers(plain), abs=1e-6)


def test_steps_whose_target_does_not_count_are_padding():
    x, _ = given()
    targets = torch.randint(0, 3, (ROWS, STEPS), generator=torch.Generator().manual_seed(2))
    model = EachStep().requires_grad_(False)
    ends = model(x)[torch.arange(ROWS), LENGTHS - 1], targets[torch.arange(ROWS), LENGTHS - 1]
    targets[torch.arange(STEPS) >= LENGTHS[:, None]] = -100
    report = examine(model, [(x, targets)])
    assert report.behaviour.loss == pytest.approx(float(cross_entropy(*ends)), abs=1e-6)
    padding = report.verdict.findings.evidence.padding
    assert padding.lengths.tolist() == LENGTHS.tolist()
    assert not padding.read, "a direction that reads forward answers before it"


def test_zeros_and_ones_for_logits_are_classes():
    x, _ = given()
    model = Net(1, factor=30.0).requires_grad_(False)
    labels = (model(x)[:, 0] > 0) ^ (torch.arange(ROWS) % 4 == 0)
    want = float(binary_cross_entropy_with_logits(model(x)[:, 0], labels.float()))
    for targets in (labels, labels.long(), labels.float(), labels.float()[:, None]):
        report = examine(model, [(x, targets)])
        assert report.behaviour.loss == pytest.approx(want, abs=1e-5)
        assert quality(report).value == pytest.approx(0.75)
        assert quality(report).kind == "accuracy"


def test_one_hot_targets_and_probabilities_are_classes():
    x, targets = given()
    plain = examine(Net(factor=30.0), [(x, targets)])
    marked = examine(Net(factor=30.0), [(x, one_hot(targets).float())])

    class Probabilities(Net):
        def forward(self, x):
            return super().forward(x).softmax(1)

    likely = examine(Probabilities(factor=30.0), [(x, targets)])
    for report in (marked, likely):
        assert report.behaviour.loss == pytest.approx(plain.behaviour.loss, abs=1e-3)
        assert quality(report).value == quality(plain).value


def test_a_time_first_layer_may_stand_in_a_model_that_takes_rows_first():
    class Turns(Net):
        def __init__(self):
            super().__init__()
            self.rnn.batch_first = False

        def forward(self, x):
            return self.head(self.rnn(x.transpose(0, 1))[0][-1])

    plain, turned = examine(Net(), [given()]), examine(Turns(), [given()])
    torch.testing.assert_close(turned.behaviour.gap, plain.behaviour.gap)
    torch.testing.assert_close(turned.gradient, plain.gradient)


def test_what_a_model_keeps_or_changes_is_as_it_was_at_every_call():
    class Keeps(Net):
        state = None

        def forward(self, x):
            states, self.state = self.rnn(x.mul_(0.5), self.state)
            return self.head(states[:, -1])

    class Halves(Net):
        def forward(self, x):
            return super().forward(0.5 * x)

    model, (x, targets) = Keeps(), given()
    before = x.clone()
    report, plain = examine(model, [(x, targets)]), examine(Halves(), [given()])
    assert torch.equal(x, before)
    assert model.state is None
    torch.testing.assert_close(report.behaviour.gap, plain.behaviour.gap)
    assert str(report) == str(plain)


def test_a_batch_may_be_a_dict_that_names_its_targets():
    x, targets = given()
    plain = examine(Net(), [(x, targets)])

    class Library(Net):
        def forward(self, inputs, mask=None, labels=None):
            return {"loss": None, "logits": super().forward(inputs)}

    for model, batch in (
        (Library(), {"inputs": x, "mask": torch.ones(ROWS, STEPS), "labels": targets}),
        (Net(), {"x": x, "targets": targets}),
    ):
        report = examine(model, [batch])
        torch.testing.assert_close(report.behaviour.gap, plain.behaviour.gap)
    with pytest.raises(SettingsError, match="a dict with its targets as 'labels'"):
        examine(Net(), [{"x": x}])
