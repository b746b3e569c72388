"""The multilabel classifier: it learns any number of labels, its figures are those by hand, the lens explains each."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from keepgate.data.labelled import LabelledText
from keepgate.data.multilabel import MultilabelText
from keepgate.errors import CellError, CorpusError, SettingsError
from keepgate.lens import examine, explain
from keepgate.lens.readers import read
from keepgate.lens.readers.answer_ablation import answer_attribution, leave_one_out_answers
from keepgate.tasks import Classifier, MultilabelClassifier
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.tasks.multilabel import MultilabelSettings
from keepgate.tasks.multilabel.content import NO_LABEL, answer_from
from keepgate.tasks.multilabel.metrics import measure_label_sets
from keepgate.tasks.multilabel.thresholds import best_thresholds
from keepgate.tasks.task import Task
from keepgate.train import TrainingConfig, fit

WORDS = {"price": ("cheap", "dear"), "noise": ("loud", "silent"), "food": ("tasty", "bland")}
FILLING = ("the room was there", "we stayed two nights", "a street with trees")


def texts() -> list[MultilabelText]:
    items = []
    for *which, place in product((0, 1, 2), repeat=4):
        labels = [label for label, number in zip(WORDS, which, strict=True) if number]
        said = [WORDS[label][number - 1] for label, number in zip(WORDS, which, strict=True) if number]
        text = " and ".join([FILLING[place], *said, FILLING[(place + 1) % 3]])
        items.append(MultilabelText(text=text, labels=tuple(labels), id=str(len(items))))
    return items


def classifier(**changes: object) -> MultilabelClassifier:
    small = {
        "embedding_size": 12,
        "pair_size": 6,
        "hidden_size": 10,
        "min_count": 1,
        "dropout": 0.0,
        **changes,
    }
    return MultilabelClassifier.build(texts(), MultilabelSettings(**small), seed=0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained() -> MultilabelClassifier:
    task = classifier(mask_rate=0.0, pair_size=0)
    assert isinstance(task, Task)
    config = TrainingConfig(steps=150, batch_size=27, learning_rate=1e-2)
    fit(task, config, examples=task.prepare(texts(), training=True), progress=False)
    return task


def test_it_learns_which_labels_each_text_has_and_that_some_have_none(trained: MultilabelClassifier) -> None:
    assert trained.labels == ("food", "noise", "price")
    assert trained.choices is None
    values = trained.measure(texts()).values()
    assert values["micro_f1"] == values["exact"] == 1.0
    for item, answer in zip(texts(), trained.predict(texts()), strict=True):
        assert answer.text == (", ".join(sorted(item.labels or ())) or NO_LABEL)
        assert answer.probability > 0.5
        assert all(share <= answer.probability for _, share in answer.candidates)


def test_the_lens_says_which_word_each_label_rests_on(trained: MultilabelClassifier) -> None:
    item = next(
        item for item in texts() if item.labels == ("price", "noise") and "dear and loud" in item.text
    )
    for label, word in (("price", "dear"), ("noise", "loud")):
        found = explain(trained, item.text, label)
        assert found.answer.text == label
        assert found.tokens.texts[found.token_effects[0].step] == word
        assert found.token_effects[0].without.text == f"not {label}"
        assert label in str(found)
    denied = explain(trained, item.text, "food")
    assert (denied.answer.text, denied.answer.candidates[1][0]) == ("not food", "food")
    whole = explain(trained, item.text)
    assert whole.answer.text == "noise, price"
    without = {whole.tokens.texts[effect.step]: effect.without.text for effect in whole.token_effects[:2]}
    assert without.keys() == {"dear", "loud"}
    assert ("noise" in without["dear"], "price" in without["dear"]) == (True, False)
    reading = read(trained, item)
    (silent,) = leave_one_out_answers(reading, [reading.tokens.texts.index("dear")])
    assert dict(silent.candidates)["noise, price"] < reading.answer.probability
    with pytest.raises(
        SettingsError, match=r"'nois' is none of this classifier's labels.*they are noise, food, price"
    ):
        explain(trained, item.text, "nois")
    with pytest.raises(CellError, match="scores each label by itself"):
        answer_attribution(reading)
    with pytest.raises(KeyError, match="'luck' are no labels"):
        reading.head.margins(reading.trace.output, "luck")


def test_a_head_s_margins_and_probabilities_are_those_of_its_answers(trained: MultilabelClassifier) -> None:
    item = texts()[14]
    reading = read(trained, item)
    output = reading.trace.output
    logits = reading.head.scores(output)[0].double()
    signs = torch.tensor([1.0 if label in (item.labels or ()) else -1.0 for label in trained.labels])
    assert torch.allclose(reading.head.margins(output)[0], (logits * signs.double()).sum(), atol=1e-4)
    assert reading.head.probabilities(output)[0].item() == pytest.approx(reading.answer.probability, abs=1e-5)
    none = reading.head.probabilities(output, NO_LABEL)[0]
    assert none.item() == pytest.approx((1 - logits.sigmoid()).prod().item(), rel=1e-3)


def test_it_is_examined(trained: MultilabelClassifier) -> None:
    report = examine(trained, texts())
    assert report.horizon >= 1
    assert report.text("en")


def test_the_loss_is_the_sum_of_the_labels_cross_entropies(trained: MultilabelClassifier) -> None:
    examples = trained.prepare(texts(), training=False)
    batch = trained.collate(examples)
    trained.eval()
    with torch.no_grad():
        losses, loss = trained.losses(examples), trained.loss(batch)[0]
        by_hand = binary_cross_entropy_with_logits(trained(batch), batch.targets, reduction="none").sum(1)
    assert torch.allclose(losses, by_hand, atol=1e-6)
    assert loss.item() == pytest.approx(losses.mean().item(), rel=1e-5)


def test_rare_labels_weigh_as_much_as_their_absence() -> None:
    items = [MultilabelText(text=f"a {k}", labels=("x", "y") if k == 0 else ("x",)) for k in range(8)]
    settings = MultilabelSettings(class_weights="balanced", hidden_size=4, min_count=1)
    task = MultilabelClassifier.build(items, settings, seed=0)
    assert task.label_weights is not None
    assert task.label_weights.tolist() == [1 / 8, 7.0]
    again = MultilabelClassifier.from_files(settings, json.loads(json.dumps(task.vocabulary_json())))
    assert again.label_weights is not None
    assert again.label_weights.tolist() == task.label_weights.tolist()


def test_a_text_with_an_unknown_label_or_none_told_is_not_learnt_from() -> None:
    task = classifier()
    items = [
        MultilabelText(text="cheap", labels=("price",)),
        MultilabelText(text="cheap", labels=("price", "luck")),
        MultilabelText(text="cheap"),
        LabelledText(text="cheap", label="price"),
        MultilabelText(text="cheap", labels=()),
    ]
    examples = task.prepare(items, training=False)
    assert [task.unlearnable(example) is None for example in examples] == [True, False, False, True, True]
    assert len(task.prepare(items, training=True)) == 3
    with pytest.raises(SettingsError, match="no labelled texts"):
        task.measure([items[2]])
    with pytest.raises(CorpusError, match="train one with --kind multilabel"):
        Classifier.build(items, ClassifierSettings(hidden_size=4), seed=0)
    with pytest.raises(CorpusError, match="one label or more"):
        MultilabelClassifier.build([items[4]], MultilabelSettings(hidden_size=4), seed=0)


def test_thresholds_are_the_best_for_f1_and_are_saved_with_the_weights() -> None:
    shares = np.array([[0.9], [0.4], [0.35], [0.3], [0.2], [0.15], [0.1]])
    truth = np.array([[1], [1], [1], [1], [1], [0], [0]], bool)
    (threshold,) = best_thresholds(shares, truth, np.array([0.5]))
    assert 0.15 < threshold < 0.2

    def f1(at: float) -> float:
        given = shares >= at
        return 2 * (given & truth).sum() / (given.sum() + truth.sum())

    assert f1(threshold) == max(f1(at) for at in np.linspace(0.01, 0.99, 197))
    assert best_thresholds(shares, truth & (shares > 0.38), np.array([0.5])) == [0.5], "too few to say"
    right = shares[:5] > 0
    assert best_thresholds(np.full((5, 1), 0.6), right, np.array([0.5])) == [0.5], (
        "of equal ones the nearest to 0.5"
    )

    task = classifier()
    sentence = task.calibrate(texts())
    assert sentence.startswith("Thresholds from which on a label is given are chosen on these 81 texts: ")
    assert (task.thresholds != 0.5).any()
    again = MultilabelClassifier.from_files(task.settings, task.vocabulary_json())
    again.load_state_dict(task.state_dict())
    assert again.predict(texts()) == task.eval().predict(texts())
    told = classifier(threshold=0.25)
    assert told.calibrate(texts()) == ""
    assert told.thresholds.tolist() == [0.25] * 3
    with pytest.raises(SettingsError, match="threshold is 1; it must be above 0 and below 1"):
        MultilabelSettings(threshold=1)


def test_thresholds_moved_to_zero_give_the_same_labels() -> None:
    task = classifier()
    task.calibrate(texts())
    shifted = task.with_thresholds_at_zero()
    given = task.eval().labels_given(task.probabilities(texts()))
    assert shifted.eval().labels_given(shifted.probabilities(texts())) == given


def test_the_figures_are_those_by_hand() -> None:
    right = [("a",), ("a", "b"), (), ("c",), ("odd",)]
    given = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1], [0, 1, 0]], float)
    shares = np.where(given > 0, 0.8, 0.3)
    figures = measure_label_sets(list("12345"), right, shares, np.full(3, 0.5), ("a", "b", "c"))
    values = figures.values()
    # Right: a, a, c. Labels occur 5 times ("odd" among them), and 5 are given.
    assert values["micro_f1"] == pytest.approx(2 * 3 / (5 + 5))
    assert values["macro_f1"] == pytest.approx((1 + 0 + 2 / 3 + 0) / 4)
    assert values["exact"] == pytest.approx(3 / 5)
    # At 0.8 three of five are right, at 0.3 one of ten.
    assert values["calibration_error"] == pytest.approx((5 * abs(0.8 - 0.6) + 10 * abs(0.3 - 0.1)) / 15)
    assert figures.by_label["a"] == {"texts": 2, "precision": 1, "recall": 1, "f1": 1}
    assert figures.by_label["c"] == {"texts": 1, "precision": 0.5, "recall": 1, "f1": pytest.approx(2 / 3)}
    assert figures.by_label["odd"]["recall"] == 0
    assert np.isnan(figures.by_label["odd"]["precision"])
    assert figures.baselines["always 'a'"]["micro_f1"] == pytest.approx(2 * 2 / (5 + 5))
    assert figures.records[4]["prediction"] == ["b"]
    assert not figures.records[4]["correct"]
    low, high = figures.interval("micro_f1")
    assert low < values["micro_f1"] < high


def test_nothing_that_occurs_and_nothing_given_has_no_f1() -> None:
    figures = measure_label_sets(["1"], [()], np.full((1, 2), 0.1), np.full(2, 0.5), ("a", "b"))
    values = figures.values()
    assert np.isnan(values["micro_f1"])
    assert np.isnan(values["macro_f1"])
    assert values["exact"] == 1.0


def test_the_answer_is_as_likely_as_exactly_these_labels() -> None:
    shares, thresholds = np.array([0.9, 0.2, 0.4]), np.array([0.5, 0.5, 0.3])
    answer = answer_from(shares, thresholds, ("a", "b", "c"))
    assert answer.text == "a, c"
    assert answer.probability == pytest.approx(0.9 * 0.8 * 0.4)
    # "a" alone is likelier, but c's threshold says that it is given: no candidate stands above the answer.
    assert [text for text, _ in answer.candidates] == ["a, c", "a, b, c", "c"]
    assert answer_from(shares, thresholds, ("a", "b", "c"), "b").text == "not b"
    assert answer_from(np.zeros(3), thresholds, ("a", "b", "c")).text == NO_LABEL
