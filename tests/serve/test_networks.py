"""The networks that are shipped: they load, remember what is claimed of them, and can be made again to the last bit."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from keepgate.data.questions import Question
from keepgate.demo import measure, pretrained, train_networks
from keepgate.demo.contestants import Budget
from keepgate.demo.stories import names_of, pirate_king_story, stories
from keepgate.errors import BundleError
from keepgate.export import load
from keepgate.lens import read
from keepgate.lens.memory import memory_updates
from keepgate.serve.app import STATIC
from keepgate.serve.lengthen import lengthened
from keepgate.serve.models import Models

RIGHT = {"zh": "魯夫", "en": "Luffy"}
REMEMBER = ("lstm-chrono", "gru-chrono", "mingru-chrono")
# Characters of a story with one or two sentences between fact and question, and of one by which the RNN's state is
# another's, whoever stood at the front.
SHORT = {"zh": 40, "en": 112}
LONGER = {"zh": 100, "en": 300}


def test_all_are_there_and_small() -> None:
    sizes = [path.stat().st_size for path in pretrained.FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) < 2_000_000
    assert len(pretrained.folders()) == 10
    for folder in pretrained.folders().values():
        assert load(folder).kind == "choice-reader"


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
@pytest.mark.parametrize("length", [300, 1000])
def test_chrono_networks_know_the_article_s_answer_and_the_others_do_not(
    language: str, length: int, models: Models
) -> None:
    asked = pirate_king_story(length, language=language)
    answers = {name: models[f"{language}/{name}"].task.predict([asked])[0] for name in pretrained.NAMES}
    for name in REMEMBER:
        assert answers[name].text == RIGHT[language]
        assert answers[name].probability > 0.9
    assert answers["rnn"].text != RIGHT[language]
    assert answers["lstm-zero"].text != RIGHT[language]


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
def test_one_forgets_at_once_one_soon_and_three_remember(language: str, models: Models) -> None:
    lengths = (None, SHORT[language], 300, 1000)
    right = {
        name: measure.accuracy(models[f"{language}/{name}"].task, lengths, count=64, language=language)
        for name in pretrained.NAMES
    }
    assert all(share > 0.95 for name in REMEMBER for share in right[name].values())
    alone, *longer = right["rnn"].values()
    assert alone > 0.95
    assert all(share < 0.2 for share in longer)  # a guess is right in 1 of 16
    alone, short, longer, longest = right["lstm-zero"].values()
    assert alone > 0.95
    assert short > 0.7
    assert 0.2 < longer < 0.8
    assert longest < 0.5


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
def test_the_rnn_has_forgotten_and_does_not_only_say_another_name(language: str, models: Models) -> None:
    """Whoever stood at the front, in the end it says the same: nothing of the name is left."""
    asked = pirate_king_story(LONGER[language], language=language)
    others = [replace(asked, text=asked.text.replace(asked.answers[0], name, 1), answers=(name,), starts=(0,))
              for name in names_of(language)]  # fmt: skip
    said = {name: models[f"{language}/{name}"].task.probabilities(others) for name in pretrained.NAMES}
    assert (said["rnn"] - said["rnn"][0]).abs().max() < 0.001
    assert len(said["lstm-zero"].argmax(1).unique()) > 5
    assert len(said["lstm-chrono"].argmax(1).unique()) == len(others)


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
def test_as_the_article_s_sentence_grows_longer_one_sees_them_forget(language: str, models: Models) -> None:
    asked = pirate_king_story(language=language)
    said = lengthened(
        [models[f"{language}/{name}"] for name in pretrained.NAMES],
        asked,
        language=language,
        steps=16,
        to=1000,
    )
    rnn, zero, *others = ([one["right"] for one in each] for each in said["answers"].values())  # type: ignore[attr-defined]
    assert rnn == [True] + [False] * (len(rnn) - 1)
    assert zero[:3] == [True] * 3
    assert not any(zero[-5:])
    assert all(all(each) for each in others)


@pytest.mark.parametrize(("language", "words"), [("zh", "words.zh-TW.json"), ("en", "words.en.json")])
def test_the_lstm_of_the_two_pupils_opens_its_input_gate_as_far_as_the_page_says(
    language: str, words: str, models: Models
) -> None:
    table = json.loads((STATIC / words).read_text("utf-8"))
    percent = re.search(r"(\d+)%", table["pupils.note"])
    assert percent
    asked = Question(text=table["pupils.story"], question=table["pupils.question"])
    layer = read(models[f"{language}/lstm-chrono"].task, asked).trace.layer(-1)
    assert float(layer["i"].mean()) == pytest.approx(float(percent[1]) / 100, abs=0.02)


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
def test_what_is_left_of_a_word_is_mostly_in_a_few_units(language: str, models: Models) -> None:
    task = models[f"{language}/gru-chrono"].task
    layer = read(task, pirate_king_story(LONGER[language], language=language)).trace.layer(-1)
    updates = memory_updates(layer)
    left = updates.write[0, 0].abs() * updates.keep[1:, 0].prod(0).abs()
    most = left.sort(descending=True).values.cumsum(0)
    assert most[len(left) // 4] > 0.9 * left.sum()


def test_training_again_makes_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    courses = [
        replace(
            course,
            budget=Budget(stages=((2, course.budget.stages[0][1]),)),
            recipes={name: replace(recipe, steps=3) for name, recipe in course.recipes.items()},
        )
        for course in train_networks.COURSES
    ]
    for folder in ("first", "second"):
        found = train_networks.make(tmp_path / folder, courses, count=4, progress=False)
    assert set(found) == set(pretrained.folders())
    made = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*"))
    assert len(made) == 10 * 5
    for path in made:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()
    assert "zh/lstm-chrono" in capsys.readouterr().out


@pytest.mark.slow
def test_the_shipped_networks_are_what_their_script_makes(tmp_path: Path) -> None:
    """On another machine other instructions round otherwise: what they can do is the same."""
    (course,) = [one for one in train_networks.COURSES if one.language == "zh"]
    found = train_networks.make(tmp_path, [course], ["rnn", "gru-chrono"], progress=False)
    assert found["zh/rnn"][100] < 0.2
    for name, length in (("rnn", None), ("gru-chrono", 300)):
        asked = stories(256, length, seed=measure.TEST_SEED, split="test")
        ours, again = (
            load(folder).probabilities(asked)
            for folder in (pretrained.folders()[f"zh/{name}"], tmp_path / "zh" / name)
        )
        assert found[f"zh/{name}"][length] > 0.95
        assert (again.argmax(1) == ours.argmax(1)).float().mean() > 0.95


def test_an_altered_network_is_refused(tmp_path: Path) -> None:
    source = pretrained.folders()["zh/rnn"]
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError):
        load(tmp_path)
