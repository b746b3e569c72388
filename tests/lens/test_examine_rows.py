"""Rows of any length are examined, packed or with their lengths, and questions by readers of ours."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

import keepgate
from keepgate import CellError, SettingsError, ShapeError
from keepgate.data.questions import Question
from keepgate.demo.stories import stories, vocabulary_coverage_set
from keepgate.lens import examine
from keepgate.lens.diagnosis.batches import batch_sample
from keepgate.lens.diagnosis.effective_context import horizon
from keepgate.lens.diagnosis.loss_gradient import loss_gradient_at_layer
from keepgate.lens.gradients import gradient_by_lag
from keepgate.tasks import ChoiceReader, SpanReader
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.span.settings import SpanReaderSettings
from tests.lens.faults import planted, questions
from tests.lens.readers import reader

LENGTHS = [9, 4, 12, 1, 7]
LAYERS = [
    nn.LSTM(3, 4, 2, bidirectional=True),
    nn.GRU(3, 8, batch_first=True),
    nn.RNN(3, 8),
    keepgate.LSTM(3, 8, batch_first=True),
]
layers = pytest.mark.parametrize("layer", LAYERS, ids=["LSTM", "GRU first", "RNN", "ours"])


class Reads(nn.Module):
    """A user's model: packs rows by their lengths, or takes them packed, and answers from the last states."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(8, 3)

    def forward(self, x, lengths=None):
        first = self.layer.batch_first
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        _, final = self.layer(x)
        h = final[0] if isinstance(final, tuple) else final
        return self.head(h[-self.ways :].transpose(0, 1).flatten(1))

    @property
    def ways(self):
        return 1 + self.layer.bidirectional


def ragged(model):
    """The same rows as tensors, alone, and padded with what would change the answer if it were read."""
    rows = [torch.randn(length, 3) for length in LENGTHS]
    padded = torch.full((max(LENGTHS), len(rows), 3), 7.0)
    for k, row in enumerate(rows):
        padded[: len(row), k] = row
    x = padded.transpose(0, 1) if model.layer.batch_first else padded
    return rows, x, torch.randint(0, 3, (len(rows),))


def alone(model, row, target):
    x = row.unsqueeze(0 if model.layer.batch_first else 1)
    with torch.no_grad():
        return float(cross_entropy(model(x), target.unsqueeze(0)))


@layers
def test_each_row_is_given_its_own_last_steps(layer):
    model = Reads(layer)
    rows, x, targets = ragged(model)
    lengths, time = torch.tensor(LENGTHS), int(layer.batch_first)
    order = sorted(range(len(rows)), key=lambda k: -LENGTHS[k])
    for batch, those in (
        ((x, lengths, targets), range(len(rows))),
        ((pack_sequence(rows, enforce_sorted=False), targets), range(len(rows))),
        ((pack_sequence([rows[k] for k in order]), targets[order]), order),
    ):
        sample = batch_sample(model, batch, time=time)
        assert sample.lengths.tolist() == [LENGTHS[k] for k in those]
        for last in (1, 3, 8, 12, None):
            for part in (sample, sample.first(3)):
                found = part.losses(last).tolist()
                wanted = [alone(model, rows[k][-(last or 99) :], targets[k]) for k in those]
                assert found == pytest.approx(wanted[: len(found)], abs=1e-5)
                assert len(found) == len(part.lengths)


@layers
def test_packed_rows_and_rows_with_lengths_have_the_report_of_the_same_network(layer):
    model = Reads(layer)
    rows, x, targets = ragged(model)
    padded = examine(model, [(x, torch.tensor(LENGTHS), targets)])
    packed = examine(model, [(pack_sequence(rows, enforce_sorted=False), targets)])
    for report in (padded, packed):
        assert (report.steps, report.behaviour.contexts[-1]) == (12, 12)
        assert (report.horizon, report.interval) == (padded.horizon, padded.interval)
        torch.testing.assert_close(report.gradient, padded.gradient)
        assert str(report.verdict) == str(padded.verdict)
    head, ways = model.head, model.ways

    def loss(last):
        scores = nn.functional.linear(last, head.weight.double(), head.bias.double())
        return cross_entropy(scores, targets, reduction="sum")

    assert ways in (1, 2)
    first = x.transpose(0, 1) if layer.batch_first else x
    expected = gradient_by_lag(layer, first, loss=loss, lengths=LENGTHS)
    torch.testing.assert_close(packed.gradient, expected, rtol=1e-5, atol=1e-7)


def test_the_gradient_of_packed_outputs_is_each_rows_own():
    class Means(Reads):
        """Answers from all outputs of a row, weighted by how far they are from its start."""

        def forward(self, packed):
            output, ends = pad_packed_sequence(self.layer(packed)[0])
            weight = (torch.arange(len(output)).unsqueeze(1) + 1.0) * (
                torch.arange(len(output)).unsqueeze(1) < ends
            )
            return self.head(torch.einsum("tb,tbh->bh", weight, output))

    model = Means(nn.GRU(3, 8))
    rows, _, targets = ragged(model)
    batch = (pack_sequence(rows, enforce_sorted=False), targets)
    together = loss_gradient_at_layer(model, "layer", model.layer, batch_sample(model, batch))[1]
    # Row by row: the norms at each lag, over the rows that are so long.
    norms = torch.zeros(len(rows), max(LENGTHS), dtype=torch.float64)
    for k, row in enumerate(rows):
        alone = batch_sample(model, (pack_sequence([row]), targets[k : k + 1]))
        states, ends = [], []
        h = torch.zeros(1, 1, 8)
        for x in row:
            h = model.layer(x.view(1, 1, 3), h)[1]
            states.append(h)
            ends.append(h[0, 0])
        value = cross_entropy(
            model.head((torch.arange(len(row)) + 1.0) @ torch.stack(ends)).unsqueeze(0), targets[k : k + 1]
        )
        assert float(value.detach()) == pytest.approx(float(alone.losses().detach()), rel=1e-5)
        slopes = torch.autograd.grad(value, states)
        norms[k, : len(row)] = torch.stack([one.norm() for one in reversed(slopes)])
    there = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)
    by_lag = norms.sum(0) / there.sum(0)
    torch.testing.assert_close(together, by_lag / by_lag[0], rtol=1e-4, atol=1e-6)


def test_a_model_that_takes_its_ids_packed():
    class Ids(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(5, 3), nn.GRU(3, 8)
            self.head = nn.Linear(8, 3)

        def forward(self, packed):
            assert isinstance(packed, PackedSequence)
            _, h = self.layer(packed._replace(data=self.embedding(packed.data)))
            return self.head(h[-1])

    rows = [torch.randint(0, 5, (length,)) for length in LENGTHS]
    report = examine(Ids(), [(pack_sequence(rows, enforce_sorted=False), torch.randint(0, 3, (5,)))])
    assert report.steps == 12


def test_the_horizon_of_ragged_rows_is_where_the_answers_are():
    model = planted("none", 30, seed=3)

    class Ragged(nn.Module):
        """The same network for rows that end anywhere."""

        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, ids, lengths):
            output, _ = self.inner.layer(self.inner.embedding(ids))
            return self.inner.head(output[torch.arange(len(ids)), lengths - 1])

    generator = torch.Generator().manual_seed(5)
    ids, targets = questions(64, 30, generator)
    lengths = torch.full((64,), 10)
    lengths[:16] = 30
    report = examine(Ragged(), [(ids, lengths, targets)])
    assert (report.horizon, report.needed) == (30, 30)
    assert report.verdict.fault == "none"
    # A row in a hundred is beyond what is asked of 95.
    lengths[1:16] = 10
    assert examine(Ragged(), [(ids, lengths, targets)]).needed == 10


CHOICES = [
    {"cell": "lstm", "pooling": "last", "bidirectional": False, "num_layers": 2},
    {"cell": "gru", "pooling": "attention", "bidirectional": True, "num_layers": 1},
    {"cell": "rnn", "pooling": "last", "bidirectional": True, "num_layers": 1},
    {"cell": "gru", "pooling": "attention", "bidirectional": True, "num_layers": 1, "question_first": True},
]
choices = pytest.mark.parametrize("kind", CHOICES, ids=lambda kind: " ".join(map(str, kind.values())))
ASKED = [*stories(3, 40, seed=1), *stories(2, 90, seed=2), *stories(1, 60, seed=3)]


def chooses(kind) -> ChoiceReader:
    settings = ChoiceReaderSettings(embedding_size=4, hidden_size=5, dropout=0.3, **kind)
    return ChoiceReader.build(vocabulary_coverage_set(), settings, seed=0)


@choices
def test_questions_are_given_the_end_of_their_text_and_stay_whole(kind):
    task = chooses(kind)
    task.eval()
    samples = task.samples(ASKED)
    texts = sorted((one.text for one in ASKED), key=len)
    assert sorted(n for sample in samples for n in sample.lengths.tolist()) == [len(text) for text in texts]
    (sample,) = samples
    by_length = sorted(ASKED, key=lambda one: -len(one.text + one.question))
    for last in (1, 7, 45, None):
        cut = [
            Question(text=one.text[-(last or 999) :], question=one.question, answers=one.answers)
            for one in by_length
        ]
        with torch.no_grad():
            for wanted, found in ((cut, sample), (cut[:2], sample.first(2))):
                batch = task.collate(task.prepare(wanted, training=True))
                torch.testing.assert_close(
                    found.losses(last), cross_entropy(task(batch), batch.targets, reduction="none")
                )


@choices
def test_a_reader_is_examined_with_questions(kind):
    task = chooses(kind)
    report = examine(task, ASKED)
    assert task.training
    longest = max(len(one.text) for one in ASKED)
    assert report.behaviour.contexts[-1] == longest
    read = longest + (len(ASKED[3].question) if kind["pooling"] == "last" else 0)
    assert abs(report.steps - read) <= 2  # of texts that are equally long, the one with the longest question
    assert len(report.gradient) == report.steps
    (sample,) = task.eval().samples(ASKED)
    with torch.no_grad():
        losses = torch.stack([sample.losses(n).double() for n in (*report.behaviour.contexts[:-1], None)])
    assert horizon(losses, report.behaviour.contexts).steps == report.horizon
    # The fact stands at the front of every story.
    assert report.needed == longest
    assert (report.direct_path is None) == (kind["cell"] == "rnn")


def test_what_is_needed_is_where_the_facts_say_or_the_answer_stands():
    task = reader(**CHOICES[0])
    text = "今天下雨了。魯夫說他想成為海賊王。索隆笑了。"
    for facts, start, needed in (
        (((6, 17),), 6, 16),
        ((), 6, 16),
        (((0, 6), (6, 17)), 6, 22),
        ((), None, 22),
    ):
        asked = Question(
            text=text, question="是誰想要成為海賊王?", answers=("魯夫",), starts=(start,), facts=facts
        )
        assert examine(task, [asked]).needed == needed
    assert examine(task, [asked], needed=5).needed == 5


def test_a_span_reader_has_what_it_sees_and_guesses_the_rest():
    text = "今天下雨了。魯夫說他想成為海賊王。索隆笑了。"
    asked = [
        Question(text=text, question="誰想成為海賊王?", answers=("魯夫",), starts=(6,)),
        Question(text="下雨了。" + text, question="誰笑了?", answers=("索隆",), starts=(21,)),
        Question(text=text, question="誰?", answers=("香吉士",)),
    ]
    settings = SpanReaderSettings(
        embedding_size=8, pair_size=4, hidden_size=6, window=40, max_train_span=9, max_answer_span=5
    )
    task = SpanReader.build(asked * 3, settings, seed=0).eval()
    (sample,) = task.samples(asked)
    assert sample.lengths.tolist() == [26, 22]
    assert sample.needed.tolist() == [5, 16]
    with torch.no_grad():
        short, middle, whole = (sample.losses(last) for last in (3, 8, None))
    examples = task.prepare([asked[1], asked[0]], training=True)
    batch = task.collate(examples)
    with torch.no_grad():
        scores = task.network(batch.text, batch.question).span.flatten(1)
    place = batch.first * 9 + batch.last - batch.first
    torch.testing.assert_close(whole, cross_entropy(scores, place, reduction="none"))
    spans = [sum(min(9, n) for n in range(1, length + 1)) for length in (26, 22)]
    assert short.tolist() == pytest.approx([math.log(n) for n in spans])
    assert middle[1] == pytest.approx(math.log(spans[1])), "the answer is 16 tokens back"
    assert 0 < float(middle[0]) < math.log(spans[0])
    report = examine(task.train(), asked)
    assert (report.name, report.needed, report.steps) == ("network.text_encoder", 16, 26)
    assert task.training
    assert examine(task, asked, layer="network.second_encoder").name == "network.second_encoder"


def test_data_that_does_not_fit_is_refused(as_users_run):
    model = Reads(nn.GRU(3, 8))
    x, targets = torch.randn(6, 2, 3), torch.zeros(2, dtype=torch.long)
    with pytest.raises(SettingsError, match=r"\(inputs, lengths, targets\)"):
        examine(model, ASKED)
    with pytest.raises(SettingsError, match=r"\(inputs, lengths, targets\)"):
        examine(model, [x])
    with pytest.raises(ShapeError, match=r"lengths\[1\] is 9"):
        examine(model, [(x, torch.tensor([3, 9]), targets)])
    with pytest.raises(ShapeError, match="row 1 has length 0"):
        examine(model, [(x, torch.tensor([3, 0]), targets)])
    with pytest.raises(SettingsError, match="lengths inside"):
        examine(model, [(pack_sequence([x[:, 0]]), torch.tensor([6]), targets[:1])])
    task = chooses(CHOICES[0])
    with pytest.raises(SettingsError, match="items that it can read"):
        examine(task, [(x, targets)])
    with pytest.raises(SettingsError, match="its own"):
        examine(task, ASKED, time=0)
    with pytest.raises(SettingsError, match="none of the 1 questions"):
        examine(task, [Question(text="魯夫笑了。", question="誰?", answers=("香吉士",))])
    with pytest.raises(CellError, match="no memory"):
        examine(
            chooses(
                {
                    "cell": "feedforward",
                    "pooling": "last",
                    "bidirectional": False,
                    "num_layers": 1,
                    "window": 4,
                }
            ),
            ASKED,
        )
