"""`explain` of any torch model, against the model itself called without each step and against planted answers."""

import json
from dataclasses import dataclass

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from keepgate import GRU, SettingsError, ShapeError
from keepgate.lens import explain
from keepgate.lens.report.explanation_text import conclusion
from keepgate.lens.report.labels import sentence

WORDS, STEPS = 30, 9
TOKENS = [f"w{k}" for k in range(STEPS)]


class Texts(nn.Module):
    """A classifier, tagger or language model of ids, whose states are pooled in this way."""

    def __init__(
        self, pooling="last", kind=nn.LSTM, *, layers=1, both=False, packs=False, width=8, outputs=3
    ):
        super().__init__()
        self.pooling, self.packs = pooling, packs
        self.embedding = nn.Embedding(WORDS, 6)
        self.layer = kind(6, width, layers, batch_first=True, bidirectional=both)
        self.attention, self.head = nn.Linear(width * (1 + both), 1), nn.Linear(width * (1 + both), outputs)

    def forward(self, ids, lengths=None):
        read = self.embedding(ids)
        if self.packs:
            read = pack_padded_sequence(read, lengths, batch_first=True, enforce_sorted=False)
        output, states = self.layer(read)
        if self.packs:
            output, _ = pad_packed_sequence(output, batch_first=True)
        h = states[0] if isinstance(states, tuple) else states
        pooled = {
            "last": lambda: torch.cat([h[-2], h[-1]], 1) if self.layer.bidirectional else h[-1],
            "mean": lambda: output.mean(1),
            "max": lambda: output.amax(1),
            "attention": lambda: (output * self.attention(output).softmax(1)).sum(1),
            "each": lambda: output,
        }
        return self.head(pooled[self.pooling]())


def without(model, ids, step):
    kept = [other for other in range(ids.shape[1]) if other != step]
    with torch.no_grad():
        return model(ids[:, kept])


@pytest.mark.parametrize(
    ("pooling", "kind", "both"),
    [("last", nn.LSTM, True), ("last", nn.RNN, False), ("mean", GRU, True), ("max", nn.LSTM, False),
     ("attention", nn.GRU, True), ("each", nn.RNN, True), ("each", nn.LSTM, False)],
)  # fmt: skip
def test_an_effect_is_the_model_called_without_the_token(pooling, kind, both):
    torch.manual_seed(1)
    model, ids = Texts(pooling, kind, layers=2, both=both).eval(), torch.randint(WORDS, (4, STEPS))
    found = explain(model, ids, tokens=TOKENS, row=2, labels=["a", "b", "c"], leave_out="step")
    with torch.no_grad():
        whole = model(ids[2:3])
    likely = (whole[:, -1] if pooling == "each" else whole).softmax(1)[0]
    assert found.answer.text == "abc"[int(likely.argmax())]
    assert abs(found.answer.probability - float(likely.max())) < 1e-5
    assert len(found.token_effects) == STEPS
    for effect in found.token_effects:
        if pooling == "each" and effect.step == STEPS - 1:
            continue  # the step whose answer it is: its layer passes it by
        left = without(model, ids[2:3], effect.step)
        left = (left[:, -1] if pooling == "each" else left).softmax(1)[0, likely.argmax()]
        assert abs(effect.probability_drop - float(1 - left / likely.max())) < 1e-4
    assert [effect.probability_drop for effect in found.token_effects] == sorted(
        (effect.probability_drop for effect in found.token_effects), reverse=True
    )
    assert abs(found.shares.completeness - 1) < (0.1 if pooling == "max" else 2e-3)
    assert not any(part.training for part in model.modules())


def test_the_step_that_answers_is_passed_by():
    model, ids = Texts("each", both=True).eval(), torch.randint(WORDS, (1, STEPS))
    found = {
        effect.step: effect
        for effect in explain(model, ids, step=4, target=1, leave_out="step").token_effects
    }
    with torch.no_grad():
        whole = model(ids)[0, 4].softmax(0)
        kept = [0, 1, 2, 3, 5, 6, 7, 8]
        output, _ = model.layer(model.embedding(ids[:, kept]))
        passed = torch.cat([output[0, 3, :8], output[0, 4, 8:]])
        left = model.head(passed).softmax(0)
        later = model(ids[:, [0, 1, 2, 3, 4, 5, 6, 7]])[0, 4].softmax(0)
        earlier = model(ids[:, 1:])[0, 3].softmax(0)
    for step, other in ((4, left), (8, later), (0, earlier)):
        assert abs(found[step].probability_drop - float(1 - other[1] / whole[1])) < 1e-4


@dataclass
class Result:
    logits: Tensor
    hidden: Tensor


class Odd(nn.Module):
    """A model of inputs in a dict, time first, that answers with a dataclass."""

    def __init__(self):
        super().__init__()
        self.inner = Texts()
        self.inner.layer.batch_first = False

    def forward(self, ids, static):
        output, (h, _) = self.inner.layer(self.inner.embedding(ids))
        return Result(self.inner.head(h[-1]) + static, output)


@pytest.mark.parametrize("arrays", [False, True])
def test_inputs_and_results_as_models_have_them(arrays):
    model, ids, static = Odd().eval(), torch.randint(WORDS, (STEPS, 3)), torch.randn(3, 1)
    given = {"ids": ids.numpy() if arrays else ids, "static": static.numpy() if arrays else static}
    found = explain(model, given, row=1, tokens=TOKENS, target=2)
    with torch.no_grad():
        whole = model(ids[:, 1:2], static[1:2]).logits.softmax(1)[0, 2]
        left = model(ids[1:, 1:2], static[1:2]).logits.softmax(1)[0, 2]
    effect = next(effect for effect in found.token_effects if effect.step == 0)
    assert abs(effect.probability_drop - float(1 - left / whole)) < 1e-4


def test_rows_are_read_without_their_padding():
    model = Texts(packs=True, both=True, layers=2).eval()
    ids, lengths = torch.randint(WORDS, (3, STEPS)), torch.tensor([9, 5, 7])
    packed_in = explain(model, ids, lengths=lengths, row=1, tokens=TOKENS[:5])
    in_tuple = explain(model, (ids, lengths), row=1, tokens=TOKENS[:5])
    with torch.no_grad():
        whole, left = model(ids[1:2, :5], [5]), model(ids[1:2, [0, 1, 3, 4]], [4])
    k = int(whole.argmax())
    for found in (packed_in, in_tuple):
        effect = next(effect for effect in found.token_effects if effect.step == 2)
        assert abs(effect.probability_drop - float(1 - left.softmax(1)[0, k] / whole.softmax(1)[0, k])) < 1e-4
        assert len(found.tokens) == len(found.saliency) == 5

    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.GRU(2, 4), nn.Linear(4, 1)

        def forward(self, packed):
            return self.head(self.layer(packed)[1][-1]).squeeze(-1)

    x = torch.randn(STEPS, 3, 2)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    number = Packed().eval()
    found = explain(number, packed, row=1, leave_out="step")
    with torch.no_grad():
        plain = number(pack_padded_sequence(x[:5, 1:2], [5]))
        left = number(pack_padded_sequence(x[:4, 1:2], [4]))
    assert abs(found.number - float(plain)) < 1e-5
    effect = next(effect for effect in found.token_effects if effect.step == 4)
    assert abs(effect.change - float(left - plain)) < 1e-5


def test_padding_without_lengths_is_known_by_its_tokens():
    model, ids = Texts("mean").eval(), torch.randint(1, WORDS, (2, STEPS))
    ids[0, 6:] = 0
    ids[1, :3] = 0
    for row, first in ((0, 0), (1, 3)):
        found = explain(model, ids, row=row, tokens=TOKENS[:6])
        assert (found.offset, len(found.token_effects), len(found.step_shares)) == (first, 6, 6)
    with pytest.raises(ShapeError, match="neither the first 4 nor the last are padding"):
        explain(model, ids, tokens=TOKENS[:5], row=0)


class Window(nn.Module):
    """A forecaster that reads a window of two features and gives so many numbers, or needs windows of 12."""

    def __init__(self, outputs=1, *, flat=False, squeezes=False):
        super().__init__()
        self.flat, self.squeezes = flat, squeezes
        self.layer = nn.GRU(2, 8, batch_first=True)
        self.head = nn.Linear(8 * 12 if flat else 8, outputs)

    def forward(self, x):
        output, _ = self.layer(x)
        result = self.head(output.flatten(1) if self.flat else output[:, -1])
        return result.squeeze() if self.squeezes else result


@pytest.mark.parametrize("squeezes", [False, True])
def test_a_number_changes_as_without_the_step_and_its_shares_sum_to_it(squeezes):
    model, x = Window(squeezes=squeezes).eval(), torch.randn(9, 12, 2)
    found = explain(model, x, row=3, features=["load", "heat"], leave_out="step")
    integrated = explain(model, x, row=3, shares="integrated")
    with torch.no_grad():
        whole = float(model(x[[3, 3]])[0])
        for effect in found.token_effects:
            kept = [step for step in range(12) if step != effect.step]
            assert abs(effect.change - float(model(x[[3, 3]][:, kept])[0]) + whole) < 1e-5
        nothing = x.mean((0, 1)).expand(2, 12, 2)
        assert abs(integrated.shares.baseline - float(model(nothing)[0])) < 1e-5
    assert found.shares.kind == "held"
    for shares, exact in ((found.shares, 1e-5), (integrated.shares, 1e-3)):
        assert found.number == pytest.approx(shares.score, abs=1e-6)
        assert shares.values.shape == (12, 2)
        assert abs(float(shares.values.sum()) - (whole - shares.baseline)) < exact * abs(whole)
    assert found.token_effects[0].token == f"t−{11 - found.token_effects[0].step}".removesuffix("−0")


def test_a_model_of_fixed_windows_has_its_layers_pass_steps_by():
    model, x = Window(flat=True).eval(), torch.randn(9, 12, 2)
    found = explain(model, x, leave_out="step")
    assert found.left_out == "layers"
    with torch.no_grad():
        output, _ = model.layer(x[:1, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]])
        passed = torch.cat([output[:, :3], output[:, 2:3], output[:, 3:]], 1)
        left = float(model.head(passed.flatten(1)))
    effect = next(effect for effect in found.token_effects if effect.step == 3)
    assert abs(effect.change - (left - found.number)) < 1e-5


@pytest.mark.parametrize("leave_out", [None, "values"])
def test_a_step_stays_where_it_matters_how_long_ago_it_was(leave_out):
    model, x = Window().eval(), torch.randn(9, 12, 2)
    found = explain(model, x, row=3, leave_out=leave_out)
    assert found.left_out == "values"
    tagger, ids = Texts("each", both=True).eval(), torch.randint(WORDS, (2, STEPS))
    tagged = explain(tagger, ids, row=1, step=4, target=0, leave_out=leave_out)
    assert tagged.left_out == "values"
    with torch.no_grad():
        for effect in found.token_effects:
            changed = x[3:4].clone()
            changed[:, effect.step] = x.mean((0, 1))
            assert abs(effect.change - float(model(changed)) + found.number) < 1e-5
        for effect in tagged.token_effects:
            read = tagger.embedding(ids[1:2])
            read[:, effect.step] = 0
            left = tagger.head(tagger.layer(read)[0])[0, 4].softmax(0)[0]
            likely = tagger(ids)[1, 4].softmax(0)[0]
            assert abs(effect.probability_drop - float(1 - left / likely)) < 1e-4


class Delayed(nn.Module):
    """The input so many steps before the end, by a recurrent layer that shifts what it reads: nothing learned."""

    def __init__(self, lag):
        super().__init__()
        self.layer = nn.RNN(1, lag + 1, batch_first=True, nonlinearity="relu", bias=False)
        with torch.no_grad():
            self.layer.weight_ih_l0.zero_()[0] = 1
            self.layer.weight_hh_l0.zero_()[1:] = torch.eye(lag + 1)[:-1]

    def forward(self, x):
        return self.layer(x)[0][:, -1, -1]


@pytest.mark.parametrize("lag", [0, 3, 17])
def test_the_look_back_and_the_shares_of_a_known_delay(lag):
    x = torch.rand(20, 24, 1) + 0.5
    found = explain(Delayed(lag), x, row=5, baseline=0)
    assert found.look_back.steps == lag + 1
    assert abs(found.number - float(x[5, 23 - lag])) < 1e-6
    shares = torch.zeros(24, 1, dtype=torch.float64)
    shares[23 - lag] = x[5, 23 - lag]
    assert torch.allclose(found.shares.values, shares, atol=1e-5)


def test_the_planted_word_is_named_and_proven(tmp_path):
    """A trained classifier: the label hangs on one word, wherever it stands, and is another one without it."""
    torch.manual_seed(0)
    model = Texts(kind=nn.GRU, width=16)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)

    def texts(rows):
        ids, labels = torch.randint(3, WORDS, (rows, STEPS)), torch.randint(3, (rows,))
        places = torch.randint(STEPS, (rows,))
        ids[torch.arange(rows), places] = torch.where(labels < 2, labels, ids[:, 0])
        return ids, labels, places

    for _ in range(150):
        ids, labels, _ = texts(64)
        optimiser.zero_grad()
        cross_entropy(model(ids), labels).backward()
        optimiser.step()
    ids, labels, places = texts(40)
    first = [
        explain(model, ids, row=row, target=int(labels[row])).token_effects[0].step == int(places[row])
        for row in range(40)
        if labels[row] < 2
    ]
    assert sum(first) >= 0.95 * len(first)
    assert model.training, "its mode is as it was"
    found = explain(
        model, ids, tokens=TOKENS, labels=["bad", "good", "neither"], row=(row := int(labels.argmin()))
    )
    word = TOKENS[int(places[row])]
    assert f"“{word}”" in str(found)
    assert word in found.save(tmp_path / "x.html").read_text(encoding="utf-8")
    stored = json.loads(found.save(tmp_path / "x.json").read_text(encoding="utf-8"))
    assert stored["token_effects"][0]["token"] == word
    assert len(stored["shares"]["values"]) == STEPS
    arrays = numpy.load(found.save(tmp_path / "x.npz"))
    assert arrays["shares_input"].shape == (STEPS,)
    assert arrays["probability_drop"].argmax() == int(places[row])
    assert "keepgate-look" in found._repr_html_()


def test_what_cannot_be_known_is_asked_for():
    x, ids = torch.randn(9, 12, 2), torch.randint(WORDS, (2, STEPS))
    with pytest.raises(SettingsError, match="numbers a row: say which one, target=0"):
        explain(Window(2), x)
    assert explain(Window(2), x, target=1).is_number
    assert explain(Window(2), x, labels=["down", "up"]).answer.text in ("down", "up")
    assert explain(Window(1), x, labels=["down", "up"]).answer.text in ("down", "up")
    with pytest.raises(SettingsError, match="there are 2 labels, and the prediction has 3"):
        explain(Texts(), ids, labels=["a", "b"])
    with pytest.raises(SettingsError, match="no label 'd'; there are"):
        explain(Texts(), ids, labels=["a", "b", "c"], target="d")
    with pytest.raises(SettingsError, match="target is 2, but a row's prediction"):
        explain(Window(2), x, target=2)
    with pytest.raises(ShapeError, match="row is 9, but there are 9"):
        explain(Window(), x, row=9)
    with pytest.raises(ShapeError, match="step is 12, but the row has 12"):
        explain(Window(), x, step=12)
    with pytest.raises(SettingsError, match="no reader of ours"):
        explain(Texts(), ids, "why?")
    with pytest.raises(SettingsError, match="there is no figure 'look_back'"):
        explain(Texts(), ids).figure("look_back")


def test_a_single_logit_may_be_large():
    torch.manual_seed(5)
    model, ids = Texts(outputs=1).eval(), torch.randint(WORDS, (1, STEPS))
    with torch.no_grad():
        model.head.bias.fill_(200.0)
        logit = float(model(ids))
    explanation = explain(model, ids, labels=["bad", "good"])
    assert explanation.answer.text == "good"
    assert explanation.shares.score == pytest.approx(logit)
    assert explanation.shares.completeness == pytest.approx(1, abs=0.01)
    assert bool((explanation.saliency > 0).all())


def test_a_label_that_is_not_the_likeliest_is_explained_by_its_own_probability():
    torch.manual_seed(6)
    model, ids = Texts().eval(), torch.randint(WORDS, (1, STEPS))
    with torch.no_grad():
        model.head.weight.mul_(6)
        likely = model(ids).softmax(1)[0]
    least = int(likely.argmin())
    explanation = explain(model, ids, tokens=TOKENS, labels=["a", "b", "c"], target=least)
    assert explanation.answer.text == "abc"[least]
    assert explanation.answer.probability == pytest.approx(float(likely[least]))
    for effect in explanation.token_effects:
        left = float(without(model, ids, effect.step).softmax(1)[0, least])
        assert effect.without.text == "abc"[least]
        assert effect.without.probability == pytest.approx(left, rel=1e-4)
        assert effect.probability_drop == pytest.approx(1 - left / float(likely[least]), rel=1e-3, abs=1e-5)
    assert explanation.origin.kind in ("spread", "nothing")
    others = "".join(letter for letter in "abc" if letter != "abc"[least])
    assert not any(f"“{letter}”" in str(explanation) for letter in others)


@pytest.mark.parametrize("kind", ["label", "number", "series"])
def test_of_an_answer_that_stays_the_same_it_is_said_that_nothing_moves_it(kind):
    torch.manual_seed(0)
    model = Texts(outputs=3 if kind == "label" else 1)
    if kind == "series":
        model.embedding = nn.Linear(2, 6)
    inputs = torch.randn(12, STEPS, 2) if kind == "series" else torch.randint(WORDS, (12, STEPS))
    options = {} if kind == "series" else {"tokens": TOKENS}
    moved = explain(model, inputs, **options)
    assert not moved.unmoved
    assert "moves" not in str(moved)
    assert kind != "series" or moved.look_back.steps
    nn.init.zeros_(model.head.weight)
    report = explain(model, inputs, **options)
    assert report.unmoved
    assert "Nothing that was read moves" in str(report)
    assert "nan" not in str(report).lower()
    assert "沒有一樣能改變" in sentence(conclusion(report)[0], "zh")
    assert report.look_back is None


def test_predictions_that_differ_by_rounding_alone_have_no_look_back():
    class Rounded(Texts):
        def forward(self, x):
            return 1 + 1e-7 * super().forward(x)

    torch.manual_seed(0)
    model = Rounded(outputs=1)
    model.embedding = nn.Linear(2, 6)
    report = explain(model, torch.randn(12, STEPS, 2))
    assert report.look_back is None
    assert report.unmoved
