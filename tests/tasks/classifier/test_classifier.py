"""The classifier: every pooling learns, padding has no say, files rebuild it, and its figures are those by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from keepgate.config import settings_from
from keepgate.data.labelled import LabelledText
from keepgate.errors import CorpusError, SettingsError
from keepgate.lens import examine, explain
from keepgate.lens.readers import read
from keepgate.lens.readers.answer_ablation import counterfactual_answer, leave_one_out_answers
from keepgate.tasks import Classifier
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.tasks.classifier.metrics import measure_labels
from keepgate.tasks.label_task import balanced_weights
from keepgate.tasks.task import Task
from keepgate.train import TrainingConfig, fit
from keepgate.wording import percent

FILLING = ("the room was there", "we stayed two nights", "a street with trees", "breakfast at eight")
WORDS = {"good": ("lovely", "great"), "bad": ("dirty", "rude")}


def texts(count: int = 48) -> list[LabelledText]:
    items = []
    for k in range(count):
        label = ("good", "bad")[k % 2]
        said = f"{FILLING[k // 2 % 4]} and {WORDS[label][k // 8 % 2]} so {FILLING[k // 16 % 4]}"
        items.append(LabelledText(text=said, label=label, id=str(k)))
    return items


def classifier(**changes: object) -> Classifier:
    small = {
        "embedding_size": 12,
        "pair_size": 6,
        "hidden_size": 10,
        "min_count": 1,
        "dropout": 0.0,
        **changes,
    }
    return Classifier.build(texts(), ClassifierSettings(**small), seed=0)  # type: ignore[arg-type]


def trained(**changes: object) -> Classifier:
    task = classifier(**{"mask_rate": 0.15, "dropout": 0.3, **changes})
    config = TrainingConfig(steps=150, batch_size=16, learning_rate=1e-2)
    fit(task, config, examples=task.prepare(texts(), training=True), progress=False)
    return task


POOLINGS = pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max", "attention"])


@POOLINGS
def test_it_learns_and_the_word_that_decides_is_found_by_leaving_each_out(pooling: str) -> None:
    task = trained(pooling=pooling)
    assert task.measure(texts()).values()["accuracy"] == 1.0
    for item, deciding in ((texts()[0], "lovely"), (texts()[1], "dirty")):
        found = explain(task, item.text)
        assert found.answer.text == item.label
        assert found.tokens.texts[found.token_effects[0].step] == deciding
        reading = read(task, item)
        (without,) = leave_one_out_answers(reading, [found.token_effects[0].step])
        shares = dict(without.candidates)
        assert shares[item.label] < dict(found.answer.candidates)[item.label]


@POOLINGS
def test_without_several_words_the_answer_is_that_to_the_text_without_them(pooling: str) -> None:
    task, item = classifier(pooling=pooling), texts()[0]
    removed = {0, 2, 3}
    rest = [word for number, word in enumerate(item.text.split()) if number not in removed]
    answer = counterfactual_answer(read(task, item), removed=removed)
    (expected,) = task.predict([LabelledText(text=" ".join(rest))])
    assert answer.text == expected.text
    assert answer.probability == pytest.approx(expected.probability, rel=1e-5)


@POOLINGS
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_has_no_say_and_gets_no_gradient(pooling: str, bidirectional: bool) -> None:
    task = classifier(pooling=pooling, bidirectional=bidirectional).double().eval()
    rows = task.prepare([*texts()[:2], LabelledText(text="great", label="good")], training=False)
    whole = task(task.collate(rows))
    for row, example in enumerate(rows):
        torch.testing.assert_close(task(task.collate([example]))[0], whole[row])
    task.loss(task.collate(rows))[0].backward()
    assert task.encoder.inputs.token.weight.grad[0].count_nonzero() == 0


@POOLINGS
def test_the_head_gives_what_the_model_gives(pooling: str) -> None:
    task = classifier(pooling=pooling)
    item = texts()[3]
    probe = task.probe(item)
    output = probe.layer(probe.x)[0]
    torch.testing.assert_close(
        probe.head.scores(output).softmax(1)[0].detach(), task.probabilities([item])[0]
    )
    assert probe.head.answers(output)[0].text == probe.answer.text
    weights = probe.head.attention(output)
    assert (weights is None) == (pooling != "attention")
    if weights is not None:
        torch.testing.assert_close(weights.sum(0), torch.ones(1))


def test_it_is_a_task_and_is_rebuilt_from_its_files() -> None:
    task = classifier(cell="gru")
    assert isinstance(task, Task)
    again = Classifier.from_files(
        settings_from(
            ClassifierSettings, {"cell": "gru", "embedding_size": 12, "pair_size": 6, "hidden_size": 10}
        ),
        json.loads(json.dumps(task.vocabulary_json())),
    )
    again.load_state_dict(task.state_dict())
    assert torch.equal(again.probabilities(texts()), task.probabilities(texts()))


def test_without_pairs_and_with_long_texts() -> None:
    task = classifier(pair_size=0, max_train_tokens=5)
    (example,) = task.prepare([texts()[0]], training=True)
    assert example.length == 5
    (whole,) = task.prepare([texts()[0]], training=False)
    assert example.text == whole.text[:2] + whole.text[-3:]
    assert task.probabilities([LabelledText(text="great " * 3000)]).shape == (1, 2)


def test_masking_hides_a_token_and_both_its_pairs_and_padding_is_never_masked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = classifier(mask_rate=0.5)
    embedded = []
    embed = task.encoder.embed
    monkeypatch.setattr(task.encoder, "embed", lambda ids: embedded.append(ids) or embed(ids))
    batch = task.collate(task.prepare([texts()[0], LabelledText(text="great", label="good")], training=False))
    torch.manual_seed(0)
    task.train()(batch)
    task.eval()(batch)
    ids, evaluated = embedded
    hidden = ids[..., 0] != batch.ids[..., 0]
    assert 0 < hidden.sum() < hidden.numel()
    assert (ids[..., 0][hidden] == 1).all()
    pair = hidden.clone()
    pair[:-1] |= hidden[1:]
    assert torch.equal(ids[..., 1][~pair], batch.ids[..., 1][~pair])
    assert (ids[..., 1][pair] == 1).all()
    assert (ids[1:, 1] == 0).all()
    assert torch.equal(evaluated, batch.ids)


def test_wrong_data_and_settings_are_refused() -> None:
    with pytest.raises(CorpusError, match="two or more different labels"):
        Classifier.build(texts()[:1], ClassifierSettings(), seed=0)
    with pytest.raises(CorpusError, match="is empty"):
        classifier().predict([LabelledText(text=" \n")])
    with pytest.raises(SettingsError, match="takes no question"):
        explain(classifier(), "great", "who?")
    with pytest.raises(SettingsError, match="no labelled texts"):
        classifier().measure([LabelledText(text="great")])
    for wrong in (
        {"cell": "feedforward"},
        {"pair_size": -1},
        {"pooling": "min"},
        {"init": "chrono"},
        {"min_count": 0},
    ):
        with pytest.raises(SettingsError):
            ClassifierSettings(**wrong)  # type: ignore[arg-type]


def test_it_is_examined_with_its_own_loss() -> None:
    task = trained(pooling="last")
    report = examine(task, texts(16))
    assert report.name == "encoder.layer"
    assert report.verdict.findings.evidence.quality is not None, "nobody says how far back the label lies"
    assert "16 answers are right" in str(report.verdict)
    assert report.steps == max(len(item.text.split()) for item in texts(16))
    with pytest.raises(SettingsError, match="items that it can read"):
        examine(task, [(torch.zeros(1, 2, 3), torch.zeros(2))])


def test_the_figures_are_those_by_hand() -> None:
    # right a a a b b c; predicted a a b b a a; "c" is unknown to the model.
    predicted = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4], [0.7, 0.3]])
    found = measure_labels(list("012345"), list("aaabbc"), predicted, ("a", "b"))
    values = found.values()
    assert values["accuracy"] == pytest.approx(3 / 6)
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # F1: a 2·2/(3+4), b 2·1/(2+2), c 0
    assert values["macro_f1"] == pytest.approx((4 / 7 + 2 / 4 + 0) / 3)
    # Bins of a fifteenth: .9, .8, both .7 (neither right) and both .6 (one right).
    assert values["calibration_error"] == pytest.approx((0.1 + 0.2 + 1.4 + 0.2) / 6)
    assert found.baselines["always 'a'"]["accuracy"] == 3 / 6
    assert found.baselines["always 'a'"]["macro_f1"] == pytest.approx((2 * 3 / (3 + 6)) / 3)
    assert found.baselines["guessing"] == {"accuracy": 0.5}
    labels, counts = found.confusion
    assert labels == ("a", "b", "c")
    assert counts.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    low, high = found.interval("accuracy")
    assert 0 <= low < 0.5 < high <= 1
    assert found.records[5] == {
        "id": "5",
        "label": "c",
        "prediction": "a",
        "probability": 0.7,
        "correct": False,
    }


def uneven() -> list[LabelledText]:
    return [*texts(16)[::2], *texts(16)[1::8]]


def test_balanced_class_weights_make_the_labels_count_alike() -> None:
    torch.testing.assert_close(balanced_weights([8, 2]), torch.tensor([10 / 16, 10 / 4]))
    settings = ClassifierSettings(
        class_weights="balanced", label_smoothing=0, mask_rate=0, dropout=0, min_count=1, hidden_size=10
    )
    task = Classifier.build(uneven(), settings, seed=0)
    assert dict(zip(task.choices, task.label_counts, strict=True)) == {"bad": 2, "good": 8}
    examples = task.prepare(uneven(), training=True)
    each = task.losses(examples)
    weights = torch.tensor([{"bad": 10 / 4, "good": 10 / 16}[item.label or ""] for item in uneven()])
    torch.testing.assert_close(task.train().loss(task.collate(examples))[0], (weights * each).mean())
    # What two processes have of five rows each has the mean that one has of all ten.
    halves = [task.loss(task.collate(part))[0] for part in (examples[:5], examples[5:])]
    torch.testing.assert_close(sum(halves) / 2, (weights * each).mean())
    torch.testing.assert_close(task.eval().loss(task.collate(examples))[0], each.mean())
    assert "label_weights" not in task.state_dict()
    again = Classifier.from_files(settings, json.loads(json.dumps(task.vocabulary_json())))
    assert torch.equal(again.label_weights, task.label_weights)
    with pytest.raises(SettingsError, match="nobody says how often each label occurs"):
        Classifier.from_files(settings, {**task.vocabulary_json(), "label_counts": None})
    for wrong in ([8], [8, 0], [8, 2.0], "82"):
        with pytest.raises(CorpusError, match="a count of 1 or more for each of the 2 labels"):
            Classifier.from_files(settings, {**task.vocabulary_json(), "label_counts": wrong})


def test_calibration_lowers_the_cross_entropy_and_leaves_the_labels() -> None:
    task = trained(pooling="mean")
    # One label in six is another than the words say, so that nobody can be as sure as the logits are made here.
    noisy = [replace(item, label=("good", "bad")[k // 2 % 6 == 0]) for k, item in enumerate(texts()[::2] * 3)]
    with torch.no_grad():
        task.readout.weight *= 4
        task.readout.bias *= 4
    examples = task.eval().prepare(noisy, training=True)
    before, error = task.losses(examples).mean(), task.measure(noisy).values()["calibration_error"]
    labels = [answer.text for answer in task.predict(noisy)]
    sentence = task.calibrate([*noisy, LabelledText(text="great", label="none of the model's")])
    assert sentence.startswith("Probabilities are calibrated on these 72 texts: temperature ")
    assert task.losses(examples).mean() < before
    after = task.measure(noisy).values()["calibration_error"]
    assert after < error
    assert sentence.endswith(f"calibration error {percent(error)} before and {percent(after)} after.")
    assert [answer.text for answer in task.predict(noisy)] == labels
    assert "1.00" in task.calibrate(noisy)
    with torch.no_grad():
        task.readout.weight *= 4
    weights = task.readout.weight.clone()
    assert "not calibrated: that takes at least 50 texts (given: 24)" in task.calibrate(noisy[:24])
    assert torch.equal(task.readout.weight, weights)
    strange = LabelledText(text="great", label="none of the model's")
    assert "at least 50 texts (given: 0)" in task.calibrate([strange])
    right = [item for item in texts() if task.predict([item])[0].text == item.label] * 9
    assert task.calibrate(right) == (
        f"Probabilities are left as they are: no temperature fits these {len(right)} texts best, for the model is "
        "right in all of them."
    )
    assert torch.equal(task.readout.weight, weights)
