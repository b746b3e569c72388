"""Models as they come: examined and left as they were, or refused in words that name the way out."""

import math
from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from keepgate import SettingsError
from keepgate.lens import Report, Watch, examine

ROWS, STEPS = 20, 12


class Net(nn.Module):
    """Batch norm, torch's LSTM, and a head on the last step."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.drop = nn.BatchNorm1d(4), nn.Dropout(0.5)
        self.rnn = nn.LSTM(4, 8, batch_first=True)
        self.head = nn.Linear(8, outputs)

    def states(self, x):
        return self.rnn(self.norm(x.transpose(1, 2)).transpose(1, 2))[0]

    def forward(self, x):
        return self.head(self.drop(self.states(x)[:, -1]))


def given(rows=ROWS):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows, STEPS, 4, generator=generator), torch.randint(0, 3, (rows,), generator=generator)


def loss_of(model, x, targets):
    return float(cross_entropy(model.eval()(x), targets).detach())


def modes(model):
    return [part.training for part in model.modules()]


@pytest.mark.parametrize("frozen", [(), ("norm",), ("norm", "drop", "head"), ("rnn",)])
@pytest.mark.parametrize("training", [True, False])
def test_every_part_keeps_its_mode(training, frozen):
    model = Net().train(training)
    for name in frozen:
        getattr(model, name).train(not training)
    before, weights = modes(model), {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    Watch(model, *given(), every=1)(1)
    examine(model, [given()])
    assert modes(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_a_failed_examination_leaves_every_part_in_its_mode_too():
    model = Net().train()
    model.norm.eval()
    before = modes(model)
    with pytest.raises(SettingsError, match="one number for each row"):
        examine(model, [given()], loss=lambda result, _: result.sum())
    assert modes(model) == before


@pytest.mark.parametrize(
    "shapes", [((ROWS, 1), (ROWS,)), ((ROWS,), (ROWS, 1)), ((ROWS,), (ROWS,)), ((ROWS, 1),) * 2]
)
def test_one_number_a_row_is_each_rows_own(shapes):
    class One(Net):
        def forward(self, x):
            return super().forward(x).reshape(-1, *shapes[0][1:])

    model, (x, _) = One(outputs=1), given()
    targets = torch.rand(shapes[1], generator=torch.Generator().manual_seed(2))
    wanted = float(mse_loss(model.eval()(x).flatten(), targets.flatten()).detach()) / 2
    assert examine(model, [(x, targets)]).behaviour.loss == pytest.approx(wanted, abs=1e-6)


def test_a_logit_with_whole_numbers_is_a_class_or_the_other():
    model, (x, classes) = Net(outputs=1), given()
    targets = classes.clamp(max=1)
    scores = torch.cat([torch.zeros(ROWS, 1), model.eval()(x).detach()], 1)
    wanted = float(cross_entropy(scores, targets))
    assert examine(model, [(x, targets)]).behaviour.loss == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("outputs", "targets", "says"),
    [
        (2, torch.rand(ROWS), r"results of shape \[20, 2\].*targets of shape \[20\].*loss="),
        (3, torch.rand(ROWS, 2), r"\[20, 3\].*\[20, 2\]"),
        (3, torch.full((ROWS,), 3), "row 0 is class 3.*0 to 2"),
        (3, torch.full((ROWS,), -1), "row 0 is class -1"),
        (1, torch.full((ROWS,), 2), "row 0 is class 2.*0 to 1"),
        (3, torch.zeros(ROWS, 5, dtype=torch.long), r"\[20, 3\].*\[20, 5\]"),
    ],
)
def test_targets_that_do_not_fit_are_refused(outputs, targets, says):
    with pytest.raises(SettingsError, match=f"(?s){says}"):
        examine(Net(outputs), [(given()[0], targets)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_in_half_precision_has_figures_in_float32(dtype):
    model, (x, targets) = Net(), given()
    exact = examine(model, [(x, targets)])
    found = examine(model.to(dtype), [(x.to(dtype), targets)])
    assert found.behaviour.loss == pytest.approx(exact.behaviour.loss, abs=0.05)
    assert found.half_lives.dtype == torch.float32
    torch.testing.assert_close(found.half_lives, exact.half_lives, rtol=0.05, atol=0)
    Watch(model, x.to(dtype), targets, every=1)(1)


@dataclass
class Result:
    logits: Tensor
    state: Tensor


Named = namedtuple("Named", "logits state")
RESULTS = {
    "a tuple": lambda scores, _: (scores, None),
    "a dict": lambda scores, state: {"logits": scores, "state": state},
    "a dataclass": Result,
    "a named tuple": Named,
}


@pytest.mark.parametrize("result", RESULTS)
def test_the_prediction_is_found_in_a_result(result):
    class Odd(Net):
        def forward(self, x):
            scores = super().forward(x)
            return RESULTS[result](scores, scores.new_ones(ROWS, 8))

    found = examine(Odd(), [given()])
    assert found.behaviour.loss == pytest.approx(loss_of(Net(), *given()), abs=1e-6)


def test_a_result_of_several_predictions_asks_for_a_name():
    class Two(Net):
        def forward(self, x):
            scores = super().forward(x)
            return {"first": scores, "second": scores * 2}

    wanted = loss_of(Net(), *given())
    with pytest.raises(SettingsError, match=r"(?s)dict.*'first' \[20, 3\].*output="):
        examine(Two(), [given()])
    with pytest.raises(SettingsError, match="no output 'third'"):
        examine(Two(), [given()], output="third")
    assert examine(Two(), [given()], output="first").behaviour.loss == pytest.approx(wanted, abs=1e-6)
    Watch(Two(), *given(), output="first", every=1)(1)


class EachStep(Net):
    def forward(self, x):
        return self.head(self.states(x))


@pytest.mark.parametrize("classes", [3, STEPS])
def test_a_model_that_answers_each_step_is_examined_at_its_last(classes):
    model, (x, targets) = EachStep(classes), given()
    report = examine(model, [(x, targets[:, None].expand(-1, STEPS))])
    wanted = float(cross_entropy(model.eval()(x)[:, -1], targets).detach())
    assert report.behaviour.loss == pytest.approx(wanted, abs=1e-6)


def test_a_tagger_with_lengths_is_examined_at_each_rows_end():
    class Tags(EachStep):
        def forward(self, x, lengths):
            return super().forward(x)

    model, (x, targets) = Tags(), given()
    lengths = torch.arange(ROWS) % 5 + 8
    found = examine(model, [(x, lengths, targets[:, None].expand(-1, STEPS))])
    states = model.eval()(x, lengths).detach()[torch.arange(ROWS), lengths - 1]
    assert found.behaviour.loss == pytest.approx(float(cross_entropy(states, targets)), abs=1e-6)


class TakesDict(Net):
    def forward(self, x):
        return super().forward(x["x"])


class TakesNames(Net):
    def forward(self, x, static):
        return super().forward(x + static[:, None])


INPUTS = {
    "a dict": (TakesDict, lambda x: {"x": x}),
    "keywords": (TakesNames, lambda x: {"x": x, "static": torch.zeros(ROWS, 4)}),
    "two tensors": (TakesNames, lambda x: (x, torch.zeros(ROWS, 4))),
    "an array": (Net, lambda x: x.numpy()),
}


@pytest.mark.parametrize("inputs", INPUTS)
def test_inputs_are_given_as_the_model_takes_them(inputs):
    kind, change = INPUTS[inputs]
    x, targets = given()
    found = examine(kind(), [(change(x), targets)])
    assert found.steps == STEPS
    assert found.behaviour.loss == pytest.approx(loss_of(Net(), x, targets), abs=1e-6)


def test_batches_may_come_from_anything_that_gives_them(as_users_run):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*given()), batch_size=5)
    assert isinstance(examine(Net(), (given() for _ in range(2))), Report)
    wanted = examine(Net(), [given()]).behaviour.loss
    assert examine(Net(), loader).behaviour.loss == pytest.approx(wanted, abs=1e-6)
    for data in (given()[0], "text", 3):
        with pytest.raises(SettingsError, match="give batches"):
            examine(Net(), data)
    with pytest.raises(SettingsError, match=r"hold a str.*forward"):
        examine(Net(), [("text", given()[1])])


@pytest.mark.parametrize(("value", "name"), [(torch.nan, "NaN"), (torch.inf, "infinity")])
def test_what_is_no_number_is_named_with_its_place(value, name):
    x, _ = given()
    x[3, 5, 0] = value
    with pytest.raises(SettingsError, match=rf"input holds {name} at row 3, step 5, column 0 \(1 of 960"):
        examine(Net(), [(x, given()[1])])
    targets = torch.rand(ROWS, 3)
    targets[2, 1] = value
    with pytest.raises(SettingsError, match=f"targets holds {name} at row 2"):
        Watch(Net(), given()[0], targets)


def learnt(last):
    """A network that has learnt the sign of the sum of its last steps, and rows to examine it with."""
    torch.manual_seed(0)
    model, x = Net(outputs=2), torch.randn(400, STEPS, 4)
    targets = (x[:, -last:, 0].sum(1) > 0).long()
    model.eval()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimiser.zero_grad()
        cross_entropy(model(x), targets).backward()
        optimiser.step()
    return model, x, targets


def test_good_answers_are_no_fault_where_nobody_said_how_far_back_they_lie():
    model, x, targets = learnt(3)
    report = examine(model, [(x, targets)])
    assert report.horizon < STEPS, "else the whole row would be needed"
    assert report.verdict.fault == "none"
    assert "answers are right (guessing" in str(report.verdict)
    assert examine(model, [(x, targets)], needed=3).verdict.fault == "none"


def test_a_model_no_better_than_guessing_is_told_so_with_both_numbers():
    targets = torch.tensor([0, 0, 0, 1] * 5)
    found = examine(Net(2), [(given()[0], targets)]).verdict.findings
    assert found.guess == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    numbers = torch.tensor([1.0, 3.0] * 10)
    assert examine(Net(1), [(given()[0], numbers)]).verdict.findings.guess == pytest.approx(0.5)


@pytest.mark.parametrize("padding", [0.0, -1.0])
def test_rows_that_end_in_the_same_step_for_different_stretches_may_be_padded(padding):
    x, targets = given()
    ends = torch.arange(ROWS) % 4 + 6
    for row, end in enumerate(ends.tolist()):
        x[row, end:] = padding
    report = examine(Net(), [(x, targets)])
    padded = report.verdict.findings.evidence.padding
    assert (padded.side, padded.read) == ("end", True)
    assert padded.share == pytest.approx(1 - float(ends.sum()) / (ROWS * STEPS))
    assert padded.lengths.tolist() == ends.tolist()
    assert "37.5% of all steps is padding" in str(report)
    assert "有 37.5% 是列尾的填充" in report.text("zh-TW")
    assert report.steps == int(ends.max()), "the rest is measured without it"


def test_one_step_of_padding_is_cut_too_unless_the_same_step_comes_within_rows():
    x, targets = given()
    x[:, 0, 0] = torch.arange(ROWS)
    ends = STEPS - torch.arange(ROWS) % 4  # none, one, two or three steps of padding
    for row, end in enumerate(ends.tolist()):
        x[row, end:] = 0
    assert examine(Net(), [(x, targets)]).verdict.findings.evidence.padding.lengths.tolist() == ends.tolist()
    x[:, 2] = 0  # a twelfth of the steps
    padded = examine(Net(), [(x, targets)]).verdict.findings.evidence.padding
    assert padded.lengths.tolist() == ends.where(ends < STEPS - 1, STEPS).tolist()


def test_rows_of_one_length_are_not_padded_and_alike_targets_are_told():
    x, targets = given()
    x[:, 8:] = 0
    assert examine(Net(), [(x, targets)]).verdict.findings.evidence.padding is None
    report = examine(Net(), [(given()[0], torch.zeros(ROWS, dtype=torch.long))])
    assert report.verdict.fault == "targets"
    assert report.verdict.findings.guess is None


@pytest.mark.parametrize("kind", ["classes", "own"])
def test_a_head_of_zeros_does_not_make_a_gradient_explode(kind):
    model = Net()
    nn.init.zeros_(model.head.weight)
    loss = None if kind == "classes" else lambda answers, y: cross_entropy(answers, y, reduction="none")
    report = examine(model, [given()], loss=loss)
    assert report.verdict.fault != "exploding"
    assert "no gradient arrives at the layer" in str(report)
    assert "沒有梯度傳到這一層" in report.text("zh-TW")


class Tokens(nn.Module):
    """Ids, packed where their lengths are given, and a head on the last state."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.rnn, self.head = (
            nn.Embedding(9, 4),
            nn.LSTM(4, 8, batch_first=True),
            nn.Linear(8, 2),
        )

    def forward(self, ids, lengths=None):
        x = self.embedding(ids)
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(x)[1][0][-1])


@pytest.mark.parametrize("zero", ["embedding", "head", None])
@pytest.mark.parametrize("ragged", [False, True])
def test_answers_that_stay_the_same_whatever_is_read_are_told(zero, ragged):
    """Answers of packed rows may still differ with the length."""
    model = Tokens()
    if zero is not None:
        nn.init.zeros_(getattr(model, zero).weight)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 9, (ROWS, STEPS), generator=generator)
    lengths = [torch.arange(ROWS) % 7 + 4] if ragged else []
    verdict = examine(model, [(ids, *lengths, ids[:, 3] % 2)]).verdict
    assert (verdict.fault == "constant") == (zero is not None), str(verdict)


def test_answers_that_stay_the_same_are_told_of_batches_of_one_row_and_by_a_loss_of_ones_own():
    for model, fault in ((Tokens(), False), (Tokens(), True)):
        if fault:
            nn.init.zeros_(model.head.weight)
        ids = torch.randint(0, 9, (ROWS, STEPS), generator=torch.Generator().manual_seed(0))
        single = [(row[None], row[None, 3] % 2) for row in ids]
        assert (examine(model, single).verdict.fault == "constant") == fault
        report = examine(
            model, [(ids, ids[:, 3] % 2)], loss=lambda answers, y: cross_entropy(answers, y, reduction="none")
        )
        assert (report.verdict.fault == "constant") == fault


def test_answers_that_padding_alone_makes_the_same_are_not_constant():
    model = Tokens()
    nn.init.zeros_(model.rnn.weight_hh_l0)
    with torch.no_grad():
        model.rnn.bias_ih_l0[8:16] = -20  # forgets at every step
    ids = torch.randint(1, 9, (ROWS, STEPS), generator=torch.Generator().manual_seed(0))
    ids[torch.arange(STEPS) >= STEPS - 2 - torch.arange(ROWS)[:, None] % 4] = 0
    assert examine(model, [(ids, ids[:, 3] % 2)]).verdict.fault == "padding"


class Across(nn.Module):
    """Reads rows as steps, and steps as rows."""

    def __init__(self, batch_first):
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = nn.GRU(4, 8, batch_first=batch_first), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("rows", [ROWS, 2])
def test_rows_that_are_read_across_the_batch_are_told(batch_first, rows):
    x, targets = given()
    parts = list(zip(x.split(rows), targets.split(rows), strict=True))
    assert (examine(Across(batch_first), parts).verdict.fault == "mixed") == (not batch_first)


def test_dropout_that_stays_on_does_not_look_like_rows_read_across():
    class Noisy(Across):
        def forward(self, x):
            return super().forward(nn.functional.dropout(x, 0.5, training=True))

    torch.manual_seed(0)
    assert examine(Noisy(True), [given()]).verdict.fault != "mixed"


class Pooled(nn.Module):
    """Reads padded rows, and joins the states in this way."""

    def __init__(self, how, *, both=False, batch_first=True):
        super().__init__()
        torch.manual_seed(0)
        self.how = how
        self.layer = nn.GRU(4, 6, batch_first=batch_first, bidirectional=both)
        self.scores, self.head = nn.Linear(6 * (1 + both), 1), nn.Linear(6 * (1 + both), 3)

    def forward(self, x):
        output, h = self.layer(x if self.layer.batch_first else x.transpose(0, 1))
        output = output if self.layer.batch_first else output.transpose(0, 1)
        return self.head(
            {
                "last": lambda: output[:, -1],
                "final": lambda: h.transpose(0, 1).flatten(1),
                "mean": lambda: output.mean(1),
                "maximum": lambda: output.amax(1),
                "weights": lambda: (output * self.scores(output).softmax(1)).sum(1),
            }[self.how]()
        )


@pytest.mark.parametrize("how", ["last", "final", "mean", "maximum", "weights"])
@pytest.mark.parametrize(("both", "batch_first"), [(False, True), (True, False)])
def test_how_padding_comes_into_the_answers_is_told_from_what_the_head_reads(how, both, batch_first):
    x, targets = given()
    x[torch.arange(STEPS) >= STEPS - torch.arange(ROWS)[:, None] % 5] = 3
    findings = examine(
        Pooled(how, both=both, batch_first=batch_first), [(x, targets)], time=1
    ).verdict.findings
    assert findings.evidence.padding.read
    assert (findings.head, findings.both) == ("last" if how == "final" else how, both)
