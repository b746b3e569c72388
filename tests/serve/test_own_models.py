"""Models of one's own through every route: several layers, both directions, attention, a reader that points."""

import os
from pathlib import Path

import pytest

from keepgate.data.labelled import LabelledText
from keepgate.data.multilabel import MultilabelText
from keepgate.data.questions import Question
from keepgate.data.tagged import tagged_text
from keepgate.demo import pretrained
from keepgate.demo.stories import stories, vocabulary_coverage_set
from keepgate.errors import SettingsError
from keepgate.export import save
from keepgate.lens import read
from keepgate.lens.memory import write_retention
from keepgate.lens.readers import counterfactual_answer
from keepgate.serve.models import Model, Models, served
from keepgate.tasks import (
    ChoiceReader,
    Classifier,
    LanguageModel,
    MultilabelClassifier,
    PointerReader,
    SpanReader,
    Tagger,
)  # fmt: skip
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.tasks.language_model import LanguageModelSettings
from keepgate.tasks.multilabel import MultilabelSettings
from keepgate.tasks.pointer.settings import PointerReaderSettings
from keepgate.tasks.span.settings import SpanReaderSettings
from keepgate.tasks.tagger import TaggerSettings

HOSTILE = "<img src=x onerror=alert(1)>"


def choice(**settings: object) -> ChoiceReader:
    chosen = ChoiceReaderSettings(embedding_size=4, hidden_size=5, **settings)  # type: ignore[arg-type]
    return ChoiceReader.build(vocabulary_coverage_set(), chosen, seed=0)


def classifier() -> Classifier:
    """A task that is asked nothing: which names a text has."""
    texts = [LabelledText(text=story.text, label=story.answers[0]) for story in stories(30, 60, seed=1)]
    return Classifier.build(texts, ClassifierSettings(embedding_size=4, pair_size=4, hidden_size=5), seed=0)


def multilabel() -> MultilabelClassifier:
    """A task that is asked nothing: which names a text has, and whether it is long."""
    texts = [
        MultilabelText(text=story.text, labels=(story.answers[0], "long")[: 1 + len(story.text) % 2])
        for story in stories(30, 60, seed=1)
    ]
    settings = MultilabelSettings(embedding_size=4, pair_size=4, hidden_size=5)
    return MultilabelClassifier.build(texts, settings, seed=0)


def tagger() -> Tagger:
    """A task that is asked nothing: where the first name of a text stands."""
    texts = []
    for story in stories(30, 60, seed=1):
        start, end = story.starts[0] or 0, (story.starts[0] or 0) + len(story.answers[0])
        tags = ["B-X" if k == start else "I-X" if start < k < end else "O" for k in range(len(story.text))]
        texts.append(tagged_text(story.text, tags))
    return Tagger.build(
        texts, TaggerSettings(embedding_size=4, pair_size=4, hidden_size=5, min_count=1), seed=0
    )


def span() -> SpanReader:
    told = [*stories(30, 60, seed=1), *stories(10, 100, seed=2)]
    settings = SpanReaderSettings(embedding_size=8, hidden_size=6, pair_size=4)
    return SpanReader.build(told, settings, seed=0)


def language_model() -> LanguageModel:
    """A task that is asked nothing: which character comes next."""
    texts = [LabelledText(text=story.text) for story in stories(30, 60, seed=1)]
    return LanguageModel.build(texts, LanguageModelSettings(embedding_size=4, hidden_size=5), seed=0)


def pointer() -> PointerReader:
    settings = PointerReaderSettings(embedding_size=4, hidden_size=5, pointer_size=6)
    return PointerReader.build(stories(30, 60, seed=1), settings, seed=0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A reader of two layers and both directions with attention, a span reader, and a name that is a tag."""
    root = tmp_path_factory.mktemp("models")
    (root / "again").mkdir()
    made = {
        root / "deep": choice(cell="lstm", num_layers=2),
        root / "points": span(),
        root / HOSTILE: choice(cell="gru", pooling="last", bidirectional=False),
        root / "again/deep": choice(cell="rnn"),
        root / "labels": classifier(),
        root / "tags": tagger(),
        root / "several": multilabel(),
        root / "writes": language_model(),
        root / "short": pointer(),
    }
    for folder, task in made.items():
        save(task, folder, card={"what": "a reader for tests"})
    return list(made)


@pytest.fixture(scope="module")
def own(folders: list[Path]) -> Models:
    return served(folders)


@pytest.fixture(scope="module")
def asked(serve, own):
    with serve(own) as client:
        yield client


TEXT = {"text": "魯夫說他想成為海賊王。今天娜美笑了。", "question": "是誰想要成為海賊王?"}
NAMES = [
    "deep",
    "points",
    "-img-src-x-onerror-alert-1-",
    "deep-2",
    "labels",
    "tags",
    "several",
    "writes",
    "short",
]


def test_each_has_an_id_of_its_own_and_its_folder_s_name_as_it_is(asked) -> None:
    said = asked.get("/api/models").json["models"]
    assert [one["id"] for one in said[: len(NAMES)]] == NAMES
    assert [one["name"] for one in said[:4]] == ["deep", "points", HOSTILE, "deep (2)"]
    assert [one["kind"] for one in said[:2]] == ["choice-reader", "span-reader"]
    assert said[0]["layers"] == [
        {"layer": layer, "reverse": reverse} for layer in (0, 1) for reverse in (False, True)
    ]
    assert len(said) == len(NAMES) + len(pretrained.folders()) + len(pretrained.open_folders())


@pytest.mark.parametrize("name", NAMES)
def test_every_route_answers(asked, own, name: str) -> None:
    model = own[name]
    reading = read(model.task, model.item(Question(**TEXT)))
    (said,) = asked.post("/api/read", **TEXT, models=[name]).json["readings"]
    assert said["error"] is None
    assert said["tokens"] == list(reading.tokens.texts)
    assert len(said["strips"]) == len(reading.trace.layers)
    why = asked.post("/api/answer", **TEXT, model=name).json
    assert why["tokens"]
    assert asked.post("/api/gradient", models=[name], lags=20).status == 200
    longer = asked.post("/api/lengthen", **TEXT, models=[name], language="zh", steps=4, to=100).json
    assert len(longer["answers"][name]) == 4
    for one in model.as_dict()["layers"]:  # type: ignore[union-attr]
        values = asked.post("/api/values", **TEXT, model=name, **one)
        assert values.status == 200
        reply = asked.post("/api/token", **TEXT, model=name, token=2, **one)
        if name == "deep-2":
            assert reply.json["code"] == "no_memory"
            continue
        found = write_retention(reading.trace.layer(one["layer"], reverse=one["reverse"]), 2)
        assert reply.json["at_end"] == pytest.approx(found.at_end, rel=2e-3, abs=1e-6)
        changed = asked.post("/api/what-if", **TEXT, model=name, remove=[0, 4], drop=[1], keep=[3]).json
        true = counterfactual_answer(reading, removed=[0, 4], no_write=[1], no_erase=[3])
        assert changed["answer"]["text"] == true.text
        assert changed["answer"]["probability"] == pytest.approx(true.probability, rel=1e-3)


def test_what_the_span_reader_does_not_know_is_pointed_at(asked) -> None:
    (said,) = asked.post("/api/read", text="魯夫喵了。", question="是誰?", models=["points"]).json["readings"]
    assert "喵" in [said["tokens"][place] for place in said["unknown"]]


def test_the_language_of_a_model_of_one_s_own_is_found_from_its_vocabulary(asked, own) -> None:
    said = {one["id"]: one["vocabulary_share"] for one in asked.get("/api/models").json["models"]}
    for name in NAMES:  # all of them were built from Chinese stories
        assert said[name]["zh"] > 0.95
        # A pointer reader has a code for every word, and lacks none of any language.
        assert name == "short" or said[name]["en"] < 0.2
        assert own[name].story_language == "zh"
        # The gradient is that of a story which it can read.
        assert asked.post("/api/gradient", models=[name], lags=5).json["story"].startswith("魯夫")
    assert said["en/rnn"]["en"] == 1.0
    assert said["en/rnn"]["zh"] < 0.2


def test_an_english_model_of_one_s_own_is_shown_the_gradient_of_an_english_story(
    serve, tmp_path: Path
) -> None:
    choice_settings = ChoiceReaderSettings(embedding_size=4, hidden_size=5)
    short_settings = PointerReaderSettings(embedding_size=4, hidden_size=5, pointer_size=6)
    made = {
        "mine": ChoiceReader.build(vocabulary_coverage_set("en"), choice_settings, seed=0),
        "short": PointerReader.build(stories(30, 113, seed=1, language="en"), short_settings, seed=0),
    }
    for name, task in made.items():
        save(task, tmp_path / name, card={"what": "english"})
    with serve(served([tmp_path / name for name in made])) as client:
        for name in made:
            assert client.post("/api/gradient", models=[name], lags=5).json["story"].startswith("Luffy")


def test_what_has_no_memory_is_not_served(tmp_path: Path) -> None:
    folder = tmp_path / "window"
    save(
        choice(cell="feedforward", pooling="last", bidirectional=False, window=4),
        folder,
        card={"what": "none"},
    )
    with pytest.raises(SettingsError, match=r"window: .* has no memory to look into; serve one with an RNN"):
        served([folder])


def test_one_network_that_cannot_read_does_not_fail_the_others(serve, own, models, monkeypatch) -> None:
    from keepgate.errors import CorpusError
    from keepgate.serve import routes

    real = routes.serialize.reading_json

    def fails(task, reading):
        if task is own["deep"].task:
            raise CorpusError("this one cannot")
        return real(task, reading)

    monkeypatch.setattr(routes.serialize, "reading_json", fails)
    with serve(own) as client:
        first, second = client.post("/api/read", **TEXT, models=["deep", "points"]).json["readings"]
    assert first["error"] == {"error": "this one cannot", "code": "cannot_read", "facts": {}}
    assert second["error"] is None


def test_a_folder_is_named_once_however_it_is_written(folders: list[Path], monkeypatch) -> None:
    monkeypatch.chdir(folders[0])
    (first, *_) = served([Path(".")])
    assert isinstance(first, Model)
    assert first.name == os.path.basename(folders[0])
