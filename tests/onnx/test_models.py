"""Whole models through torch's exporter, and task models by the command: their numbers on ONNX Runtime."""

from typing import NamedTuple

import onnxruntime
import pytest
import torch
from torch import nn

import keepgate
import keepgate.onnx
from keepgate import cells
from keepgate.data.labelled import LabelledText
from keepgate.data.questions import Question
from keepgate.demo.pretrained import folders
from keepgate.nn import Recurrent
from keepgate.onnx.check import Difference, _compared
from keepgate.onnx.flat_model import FlatModel
from keepgate.tasks import Classifier, SpanReader
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.tasks.span.settings import SpanReaderSettings

pytestmark = pytest.mark.usefixtures("as_users_run")


class Tagger(nn.Module):
    """Embedding → torch's LSTM both ways → ours of a cell that ONNX lacks → the mean over the steps → linear."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 6, padding_idx=0)
        self.first = nn.LSTM(6, 8, 2, bidirectional=True, batch_first=True)
        self.second = Recurrent(cells.mingru, 16, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, ids, lengths):
        states, _ = self.second(self.first(self.embedding(ids))[0], lengths=lengths)
        return {"tags": self.head(states), "mean": states.sum(1) / lengths[:, None]}


def run(file, feeds):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {name: tensor.numpy() for name, tensor in feeds.items()})
    return {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)}


def test_a_whole_model_with_torchs_layers_and_ours(tmp_path):
    model = Tagger().train()
    report = keepgate.onnx.export(
        model, tmp_path / "a.onnx", (torch.randint(1, 50, (3, 6)), torch.tensor([6, 2, 3]))
    )
    assert report.operators == {"LSTM": 4, "Scan": 1}
    assert list(report.inputs) == ["ids", "lengths"]
    assert list(report.outputs) == ["tags", "mean"]
    assert type(model.first) is nn.LSTM
    assert model.training
    model.eval()
    for rows, steps in ((1, 1), (5, 11)):
        feeds = {"ids": torch.randint(1, 50, (rows, steps)), "lengths": torch.randint(1, steps + 1, (rows,))}
        with torch.no_grad():
            expected = model(**feeds)
        for name, value in run(report.file, feeds).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-5)


class Rows(NamedTuple):
    x: torch.Tensor
    lengths: torch.Tensor


class MaskedScores(nn.Module):
    """Scores of real steps, minus infinity beyond them."""

    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(3, 4, batch_first=True)

    def forward(self, rows, shift):
        scores = self.layer(rows.x)[0].sum(-1) + shift
        real = torch.arange(scores.shape[1]) < rows.lengths[:, None]
        return scores.masked_fill(~real, -torch.inf)


def test_a_named_tuple_is_read_and_infinite_scores_are_compared(tmp_path):
    model, example = (
        MaskedScores().eval(),
        (Rows(torch.randn(3, 6, 3), torch.tensor([6, 2, 3])), torch.ones(3, 6)),
    )
    report = keepgate.onnx.export(model, tmp_path / "a.onnx", example)
    assert len(report.inputs) == 3
    assert report.difference < 1e-5
    rows = Rows(torch.randn(2, 5, 3), torch.tensor([5, 1]))
    (scores,) = run(report.file, dict(zip(report.inputs, (*rows, torch.zeros(2, 5)), strict=True))).values()
    with torch.no_grad():
        torch.testing.assert_close(scores, model(rows, torch.zeros(2, 5)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wrong", [1.0, -torch.inf, torch.nan])
def test_a_wrong_number_beside_an_infinite_one_is_found(wrong):
    right = torch.tensor([1.5, -torch.inf])
    same = FlatModel(nn.Identity(), right, streaming=False)
    assert _compared(same, [right], [right], [right.numpy()], {}) == Difference(0.0)
    with pytest.raises(keepgate.ExportError, match="differs from the model's by"):
        _compared(same, [right], [right], [torch.tensor([wrong, -torch.inf]).numpy()], {})
    for numbers in ([1.5, 1.0], [1.5, torch.nan]):
        with pytest.raises(keepgate.ExportError, match="differs from the model's by"):
            _compared(same, [right], [right], [torch.tensor(numbers).numpy()], {})


class Backwards(nn.Module):
    """Its steps in the other order, by an operator of which torch's exporter writes down how many there are."""

    def forward(self, x):
        places = torch.arange(x.shape[0]).flip(0)[:, None, None].expand_as(x)
        return torch.take_along_dim(x, places, 0)


def test_a_size_that_does_up_to_the_example_s_is_found_by_a_larger_one(tmp_path):
    with pytest.raises(keepgate.ExportError, match="differs from the model's by"):
        keepgate.onnx.export(Backwards(), tmp_path / "a.onnx", torch.randn(14, 2, 3))
    assert not [*tmp_path.iterdir()]


def test_a_number_is_compared_by_its_own_size_and_not_by_the_largest():
    right = torch.tensor([1.0, -1e9])
    same = FlatModel(nn.Identity(), right, streaming=False)
    assert _compared(same, [right], [right], [torch.tensor([1.0, -1.00001e9]).numpy()], {}).largest < 1.01e-5
    with pytest.raises(keepgate.ExportError, match=r"differs from the model's by 0\.001"):
        _compared(same, [right], [right], [torch.tensor([1.001, -1e9]).numpy()], {})


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        (2e-5, -3e-5, None),
        (2e-5, 1e-3, r"the model itself is 2e-05 away, and ONNX Runtime 0\.001$"),
        (0.0, -3e-5, r"the model itself is \S+ away, and ONNX Runtime 3e-05$"),
        (4e-3, 0.0, r"draws random numbers, or .* or model\.double\(\)"),
    ],
)
def test_a_difference_that_is_the_model_s_own_rounding_is_told_from_others(ours, theirs, message):
    x = torch.zeros(4, 2, 3)
    exact = 1 + x.double()
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(3))
        linear.bias.fill_(1)
    flat = FlatModel(linear, x, streaming=False)
    expected, actual = (exact + ours).float(), (exact + theirs).float().numpy()
    with torch.no_grad():
        if message is None:
            difference = _compared(flat, [x], [expected], [actual], {})
            assert difference.largest > 1e-5
            assert (difference.model, difference.file) == (pytest.approx(2e-5, 0.1), pytest.approx(3e-5, 0.1))
        else:
            with pytest.raises(keepgate.ExportError, match=message):
                _compared(flat, [x], [expected], [actual], {})
    assert next(linear.parameters()).dtype is torch.float32


def test_the_command_writes_a_checked_file(keepgate_command, lstm, tmp_path):
    file = tmp_path / "reader.onnx"
    ran = keepgate_command("export", lstm, "--onnx", file)
    assert ran.code == 0, ran.err
    assert "largest difference on ONNX Runtime:" in ran.out
    assert "checked at text [1, 4], text_lengths [4]" in ran.out
    assert {entry.name for entry in onnxruntime.InferenceSession(str(file)).get_inputs()} == {
        "text", "text_lengths", "question", "question_lengths",
    }  # fmt: skip
    for arguments, code, message in (
        (("export", tmp_path / "no-model", "--onnx", file), 3, "there is no model at"),
        (("export", lstm, "--onnx", tmp_path), 3, "it is a folder, and a file was expected"),
        (("export", lstm), 2, "give --onnx FILE"),
    ):
        ran = keepgate_command(*arguments)
        assert ran.code == code
        assert message in ran.err
        assert "Traceback" not in ran.err


class Packs(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(3, 4)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return self.layer(packed)[1]


def test_a_model_that_torch_cannot_export_says_why_and_what_to_do(tmp_path):
    with pytest.raises(keepgate.ExportError, match="packs its rows exports when it gives lengths="):
        keepgate.onnx.export(Packs(), tmp_path / "a.onnx", (torch.randn(4, 2, 3), torch.tensor([4, 2])))
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_a_layer_that_cannot_be_swapped_is_named_where_the_export_fails_for_it(tmp_path):
    layer = nn.utils.parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0")
    with pytest.raises(keepgate.ExportError, match=r"0: weight_hh_l0 is parametrised"):
        keepgate.onnx.export(nn.Sequential(layer), tmp_path / "a.onnx", torch.randn(6, 2, 3))


def _span_reader():
    text = "The ship sails over the wide sea. Luffy wants to be king. Nami wants to draw maps."
    questions = [
        Question(text=text, question="Who wants to be king?", answers=("Luffy",), starts=(34,)),
        Question(text=text, question="Who wants to draw maps?", answers=("Nami",), starts=(58,)),
    ]
    return SpanReader.build(
        questions, SpanReaderSettings(hidden_size=5, embedding_size=4, pair_size=3), seed=0
    )


def _classifier(pooling):
    texts = [
        LabelledText(text="the ship sails over the wide sea today and tomorrow again", label="sea"),
        LabelledText(text="a cat sleeps on the warm roof of our old house", label="land"),
    ]
    settings = ClassifierSettings(embedding_size=4, hidden_size=5, pooling=pooling, min_count=1)
    return Classifier.build(texts, settings, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max", "attention"])
def test_a_classifier_of_every_pooling(pooling, tmp_path):
    report = keepgate.onnx.export(_classifier(pooling), tmp_path / "a.onnx")
    assert list(report.inputs) == ["ids", "lengths"]


@pytest.mark.slow
def test_a_span_reader(tmp_path):
    report = keepgate.onnx.export(_span_reader(), tmp_path / "a.onnx")
    assert report.operators == {"LSTM": 6}
    assert list(report.outputs) == ["start", "end", "span", "states"]


@pytest.mark.slow
@pytest.mark.parametrize("name", folders())
def test_the_networks_that_come_with_the_page(name, tmp_path):
    assert keepgate.onnx.export(folders()[name], tmp_path / "a.onnx").difference < 1e-5


@pytest.mark.slow
def test_a_model_of_several_layers_as_a_stream(tmp_path):
    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.LSTM(3, 4, 2), keepgate.GRU(4, 5)

        def forward(self, x):
            return self.second(self.first(x)[0])[0]

    model, x = Stack().eval(), torch.randn(9, 2, 3)
    report = keepgate.onnx.export(model, tmp_path / "a.onnx", x[:3], streaming=True)
    assert list(report.inputs) == ["x", "first.h_0", "first.c_0", "second.h_0"]
    states = {
        "first.h_0": torch.zeros(2, 2, 4),
        "first.c_0": torch.zeros(2, 2, 4),
        "second.h_0": torch.zeros(1, 2, 5),
    }
    pieces = []
    for piece in (x[:1], x[1:5], x[5:]):
        results = run(report.file, {"x": piece, **states})
        pieces.append(results.pop("output"))
        states = {name.replace("_n", "_0"): value for name, value in results.items()}
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(pieces), model(x), rtol=1e-5, atol=1e-5)
