"""The tagger: it learns, padding has no say, files rebuild it, its figures are seqeval's, the lens explains a tag."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from keepgate import runtime
from keepgate.config import settings_from
from keepgate.data.tagged import TaggedText, tagged_text
from keepgate.errors import BundleError, CorpusError, SettingsError, ShapeError
from keepgate.export import load, save
from keepgate.lens import examine, explain
from keepgate.tasks import Tagger
from keepgate.tasks.tagger import TaggerSettings
from keepgate.tasks.tagger.metrics import measure_tags
from keepgate.tasks.task import Task
from keepgate.train import TrainingConfig, fit

NAMES, FIRMS, VERBS = ("王明", "李小華", "陳思"), ("大同", "長榮", "台積"), ("去了", "離開", "看見")


def texts() -> list[TaggedText]:
    """Who did what to which firm: the two characters of a firm are told by the verb before them."""
    items = []
    for k in range(27):
        name, verb, firm = NAMES[k % 3], VERBS[k // 3 % 3], FIRMS[k // 9]
        tags = ["B-PER", *["M-PER"] * (len(name) - 2), "E-PER", "O", "O", "B-ORG", "E-ORG", "O"]
        items.append(tagged_text([*name, *verb, *firm, "。"], tags, id=str(k)))
    return items


def tagger(**changes: object) -> Tagger:
    small = {
        "embedding_size": 12,
        "pair_size": 6,
        "hidden_size": 10,
        "min_count": 1,
        "dropout": 0.0,
        **changes,
    }
    return Tagger.build(texts(), TaggerSettings(**small), seed=0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained() -> Tagger:
    task = tagger(mask_rate=0.1, dropout=0.2)
    config = TrainingConfig(steps=80, batch_size=9, learning_rate=2e-2)
    fit(task, config, examples=task.prepare(texts(), training=True), progress=False)
    return task


def test_it_learns_and_knows_its_scheme(trained: Tagger) -> None:
    assert (trained.scheme, trained.characters) == ("BMES", True)
    assert trained.measure(texts()).values() == {"f1": 1.0, "precision": 1.0, "recall": 1.0, "accuracy": 1.0}
    item = trained.item("李小華去了大同。")
    assert trained.tags([item])[0] == ("B-PER", "M-PER", "E-PER", "O", "O", "B-ORG", "E-ORG", "O")


def test_what_it_tags_is_legal_whatever_its_weights() -> None:
    task = tagger()
    numbers = {label: number for number, label in enumerate(task.choices)}
    for tags in task.tags(texts()):
        assert task.moves.fault([numbers[name] for name in tags]) is None


def test_padding_has_no_say_and_gets_no_gradient() -> None:
    task = tagger().double().eval()
    rows = task.prepare([*texts()[:2], tagged_text("明", ["O"])], training=False)
    together = task.loss(task.collate(rows))[0]
    alone = torch.stack([task.loss(task.collate([row]))[0] for row in rows])
    torch.testing.assert_close(together, alone.mean())
    together.backward()
    assert task.encoder.inputs.tokens.token.weight.grad[0].count_nonzero() == 0
    torch.testing.assert_close(task(task.collate(rows))[2], task(task.collate(rows[2:]))[0])


def test_it_is_a_task_and_is_rebuilt_from_its_files() -> None:
    task = tagger(cell="gru", pair_size=0)
    assert isinstance(task, Task)
    settings = {"cell": "gru", "embedding_size": 12, "pair_size": 0, "hidden_size": 10}
    vocabulary = json.loads(json.dumps(task.vocabulary_json()))
    again = Tagger.from_files(settings_from(TaggerSettings, settings), vocabulary)
    again.load_state_dict(task.state_dict())
    assert torch.equal(again.probabilities(texts()), task.probabilities(texts()))
    for broken in ({"tags": 3}, {"scheme": "BIOX"}, {"characters": 1}):
        with pytest.raises(CorpusError, match="a tagger's vocabulary has"):
            Tagger.from_files(task.settings, vocabulary | broken)


def test_unknown_and_illegal_tags_teach_nothing_and_count_as_missed(trained: Tagger) -> None:
    unknown, illegal = tagged_text("王明", ["B-LOC", "E-LOC"]), tagged_text("王明", ["M-PER", "E-PER"])
    untagged = tagged_text("王明")
    examples = trained.prepare([unknown, illegal, untagged, texts()[0]], training=False)
    assert [trained.unlearnable(example) for example in examples] == [
        "one of its tags is none of the model's", "its tags are no legal sequence of BMES", "it has no tags", None,
    ]  # fmt: skip
    assert len(trained.prepare([unknown, illegal, untagged, texts()[0]], training=True)) == 1
    assert trained.measure([unknown, texts()[0]]).values()["recall"] == pytest.approx(2 / 3)
    with pytest.raises(ShapeError, match="without known tags"):
        trained.loss(trained.collate(examples))


def test_wrong_data_and_settings_are_refused(trained: Tagger) -> None:
    with pytest.raises(CorpusError, match="two or more different tags"):
        Tagger.build([tagged_text("王", ["O"])], TaggerSettings(), seed=0)
    with pytest.raises(CorpusError, match="is none of the schemes"):
        Tagger.build(
            [tagged_text("王明", ["B-X", "L-X"]), tagged_text("王", ["S-X"])], TaggerSettings(), seed=0
        )
    with pytest.raises(CorpusError, match="is empty"):
        trained.predict([trained.item(" \n")])
    with pytest.raises(SettingsError, match="'張' is not in the text"):
        explain(trained, "王明去了", "張")
    with pytest.raises(SettingsError, match="no tagged texts"):
        trained.measure([tagged_text("王")])
    for wrong in ({"cell": "feedforward"}, {"pair_size": -1}, {"init": "chrono"}, {"min_count": 0}):
        with pytest.raises(SettingsError):
            TaggerSettings(**wrong)  # type: ignore[arg-type]


def test_a_tag_is_explained_and_what_it_rests_on_proven_by_leaving_it_out(trained: Tagger) -> None:
    explanation = explain(trained, "陳思看見台積。", "台積")
    answer = explanation.answer
    assert (answer.text, answer.start, answer.end) == ("B-ORG", 4, 5)
    assert explanation.question.question == "台"
    effect = explanation.token_effects[0]
    assert effect.probability_drop > 0
    assert dict(effect.without.candidates).get("B-ORG", 0) < answer.probability
    # Nothing asked: the first entity.
    assert explain(trained, "。去王明").answer.start == 2
    assert "B-ORG" in str(explanation)


def test_texts_predicted_together_are_asked_for_the_token_that_each_is_alone(
    trained: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [
        trained.item("。去王明"),
        trained.item("陳思看見台積。", "積"),
        trained.item("李小華去了大同。"),
        trained.item("。去"),
    ]
    alone = [trained.predict([item])[0] for item in items]
    calls = []
    monkeypatch.setattr(trained, "states", lambda batch, of=trained.states: calls.append(batch) or of(batch))
    together = trained.predict(items)
    assert [(answer.text, answer.start) for answer in together] == [(a.text, a.start) for a in alone]
    assert [answer.start for answer in together[:3]] == [2, 5, 0]
    # Once for the tags that say what is asked for, once for the answers.
    assert len(calls) == 2


def test_the_head_gives_what_the_model_gives(trained: Tagger) -> None:
    item = trained.item("陳思看見台積。", "積")
    probe = trained.probe(item)
    output = probe.layer(probe.x)[0]
    torch.testing.assert_close(
        probe.head.scores(output).softmax(1)[0].detach(), trained.probabilities([item])[0]
    )
    share = probe.head.probabilities(output.double(), "E-ORG")
    torch.testing.assert_close(probe.head.margins(output, "E-ORG"), (share / (1 - share)).log())
    assert torch.isfinite(probe.head.margins(output, "M-PER")).all()
    with pytest.raises(KeyError, match="is no choice"):
        probe.head.margins(output, "E-LOC")


def test_it_is_examined_with_the_loss_of_the_last_entity(trained: Tagger) -> None:
    report = examine(trained, texts())
    assert report.name == "encoder.layer"
    assert report.steps == 7
    (sample, *_) = trained.samples(texts())
    for last in (None, 1, 2):
        losses = sample.losses(last)
        assert (losses < 50).all(), last


def test_the_figures_are_those_of_seqeval() -> None:
    right = ["B-X I-X O B-Y", "O B-X O", "B-Y I-Y I-Y"]
    predicted = ["B-X I-X O B-X", "O O O", "B-Y I-Y O"]
    items = [tagged_text("abcd"[: len(tags.split())], tags.split()) for tags in right]
    measured = measure_tags(items, [tuple(tags.split()) for tags in predicted], entity_tags=True)
    # seqeval 1.2.2: precision 0.333, recall 0.25, F1 0.2857, accuracy 0.7.
    expected = {"f1": 2 / 7, "precision": 1 / 3, "recall": 1 / 4, "accuracy": 7 / 10}
    assert measured.values() == pytest.approx(expected)
    assert measured.baselines["always 'O'"] == {"f1": 0, "precision": 0, "recall": 0, "accuracy": 3 / 10}
    low, high = measured.interval("f1")
    assert 0 <= low <= 2 / 7 <= high <= 1


def test_parts_of_speech_are_measured_by_their_accuracy() -> None:
    items = [tagged_text(["the", "cat"], ["DET", "NOUN"]), tagged_text(["cats", "sleep"], ["NOUN", "VERB"])]
    task = Tagger.build(items, TaggerSettings(hidden_size=4, min_count=1), seed=0)
    assert (task.scheme, task.characters) == ("plain", False)
    assert list(task.measure(items).values()) == ["accuracy"]
    assert [metric.name for metric in task.metrics] == ["accuracy"]
    assert task.item("The cat, 3").tokens.texts == ("The", "cat", ",", "3")


def test_letters_of_words_are_read_and_padding_of_them_has_no_say() -> None:
    ends = {"ing": "VERB", "er": "NOUN", "ly": "ADV"}
    stems = ("run", "sing", "teach", "paint", "build", "slow", "farm", "read")
    items = [tagged_text([stem + end for end in order], [ends[end] for end in order])
             for stem in stems for order in (("ing", "er"), ("ly", "ing", "er"), ("er", "ly"))]  # fmt: skip
    settings = TaggerSettings(
        embedding_size=4, pair_size=0, letter_size=8, hidden_size=8, min_count=1, dropout=0.0, mask_rate=0.2
    )
    task = Tagger.build(items, settings, seed=0)
    config = TrainingConfig(steps=80, batch_size=8, learning_rate=2e-2)
    fit(task, config, examples=task.prepare(items, training=True), progress=False)
    assert task.tags([tagged_text(["boldly", "walking", "walker"])]) == [("ADV", "VERB", "NOUN")]
    assert explain(task, "boldly walking walker", "walker").answer.text == "NOUN"
    task = task.double().eval()
    rows = task.prepare(
        [items[1], tagged_text(["runner"], ["NOUN"]), tagged_text(["ly" * 900])], training=False
    )
    together = task.emissions(task.collate(rows))
    for row, example in enumerate(rows):
        alone = task.emissions(task.collate([example]))
        torch.testing.assert_close(together[: example.length, row], alone[:, 0])
    again = Tagger.from_files(settings, json.loads(json.dumps(task.vocabulary_json())))
    again.load_state_dict(task.state_dict())
    assert again.double().tags(items) == task.tags(items)


def requests() -> list[TaggedText]:
    """Texts whose label is told by their verb."""
    wants = {"去了": "travel", "離開": "leave", "看見": "see"}
    return [tagged_text(item.tokens.texts, item.tags, label=wants[next(v for v in VERBS if v in item.text)], id=item.id)
            for item in texts()]  # fmt: skip


def test_one_network_tags_the_tokens_and_labels_the_text(tmp_path: Path) -> None:
    settings = TaggerSettings(embedding_size=12, pair_size=6, hidden_size=10, min_count=1, mask_rate=0.1)
    task = Tagger.build(requests(), settings, seed=0)
    config = TrainingConfig(steps=120, batch_size=9, learning_rate=2e-2)
    fit(task, config, examples=task.prepare(requests(), training=True), progress=False)
    values = task.measure(requests()).values()
    assert (values["f1"], values["label_accuracy"]) == (1.0, 1.0)
    assert [metric.name for metric in task.metrics] == [
        "f1",
        "precision",
        "recall",
        "accuracy",
        "label_accuracy",
    ]
    item = task.item("陳思離開長榮。")
    expected = [(("B-PER", "E-PER", "O", "O", "B-ORG", "E-ORG", "O"), "leave")]
    assert task.tags_and_labels([item]) == expected
    save(task, tmp_path / "model", card={})
    assert load(tmp_path / "model").tags_and_labels([item]) == expected
    assert runtime.load(tmp_path / "model").tags_and_labels([item]) == expected


def test_the_loss_is_that_of_the_tags_and_of_the_label() -> None:
    items = requests()[:3]
    both = Tagger.build(requests(), TaggerSettings(hidden_size=10, dropout=0.0, mask_rate=0.0), seed=0).eval()
    batch = both.collate(both.prepare(items, training=True))
    states = both.states(batch)
    of_tags = both.crf(both.readout(states), batch.tags, batch.lengths).mean()
    logits = both.label_logits(states, batch.lengths).log_softmax(1)
    of_label = -torch.stack(
        [logits[row, both.text_labels.index(item.label or "")] for row, item in enumerate(items)]
    )
    torch.testing.assert_close(both.loss(batch)[0], of_tags + of_label.mean())


@pytest.mark.parametrize("label", [None, "dance"])
def test_of_a_text_without_a_known_label_the_tags_are_learnt(label: str | None) -> None:
    task = Tagger.build(requests(), TaggerSettings(hidden_size=10, dropout=0.0, mask_rate=0.0), seed=0).eval()
    task.requires_grad_(False)
    odd, other = replace(requests()[0], label=label), requests()[1]
    (example,) = task.prepare([odd], training=False)
    assert task.unlearnable(example) is None
    alone = task.loss(task.collate(task.prepare([odd], training=True)))[0]
    batch = task.collate([example])
    assert float(alone) == pytest.approx(
        float(task.crf(task.emissions(batch), batch.tags, batch.lengths).mean()), rel=1e-5
    )
    both = task.collate(task.prepare([odd, other], training=True))
    of_other = task.loss(task.collate(task.prepare([other], training=True)))[0]
    assert float(task.loss(both)[0]) == pytest.approx(float(alone + of_other) / 2, rel=1e-4)
    measured = task.measure([odd, other]).values()["label_accuracy"]
    own = task.measure([other]).values()["label_accuracy"]
    assert measured == (own if label is None else own / 2)


def test_texts_without_a_label_say_nothing_of_the_accuracy_of_labels() -> None:
    items = [replace(item, label=None) for item in requests()[1:5]]
    labelled, tags = [requests()[0], *items], [item.tags or () for item in requests()[:5]]
    measured = measure_tags(labelled, tags, [requests()[0].label] * 5, entity_tags=True)
    assert measured.values()["label_accuracy"] == 1.0
    assert measured.interval("label_accuracy") == (1.0, 1.0)
    unlabelled = measure_tags(items, tags[1:], ["travel"] * 4, entity_tags=True)
    assert np.isnan([unlabelled.values()["label_accuracy"], *unlabelled.interval("label_accuracy")]).all()


def test_one_label_alone_is_refused() -> None:
    alike = [replace(item, label="go") for item in requests()]
    with pytest.raises(CorpusError, match="two or more different labels"):
        Tagger.build(alike, TaggerSettings(), seed=0)


def test_a_label_from_scores_that_are_not_finite_is_refused(tmp_path: Path) -> None:
    task = Tagger.build(requests(), TaggerSettings(hidden_size=4), seed=0).eval()
    item = task.item("陳思離開長榮。")
    batch = task.collate(task.prepare([item], training=False))
    with torch.no_grad():
        pooled = task.pooling(task.states(batch), batch.lengths)[0]
        task.label_readout.weight[0] = 3e38 * pooled.sign()  # finite weights whose score is beyond float32
        task.label_readout.bias[0] = 3.4e38
    save(task, tmp_path / "model", card={})
    for model in (task, runtime.load(tmp_path / "model")):
        with pytest.raises(BundleError, match="NaN or infinite"):
            model.tags_and_labels([item])


@pytest.mark.parametrize("entity", [3, 30])
def test_a_long_text_is_trained_on_in_pieces_that_cut_no_entity(entity):
    tags = ["B-PER", *["M-PER"] * (entity - 2), "E-PER", "O"]
    texts = [tagged_text("王" * len(tags) * 9, tags * 9), tagged_text("明高", ["B-PER", "E-PER"])]
    task = Tagger.build(texts, TaggerSettings(max_train_tokens=10, min_count=1, hidden_size=4), seed=0)
    whole, short = task.prepare(texts, training=False)
    *pieces, last = task.prepare(texts, training=True)
    assert last == short
    assert [number for piece in pieces for number in piece.tags] == whole.tags
    assert [number for piece in pieces for number in piece.pairs] == whole.pairs
    assert {piece.length for piece in pieces} == ({8, 4} if entity == 3 else {30, 1})
    assert all(task.moves.fault(piece.tags) is None for piece in pieces)
