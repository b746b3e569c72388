"""The networks for people's own sentences: they load, point at answers in new stories, and can be made again."""

from pathlib import Path

import pytest

from keepgate.data.questions import Question
from keepgate.demo import pretrained
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.story_templates import Language
from keepgate.demo.train_open_networks import make, settings_of, shares
from keepgate.export import load
from keepgate.lens.readers import read
from keepgate.tasks import PointerReader

CHANGE = Question(text="魯夫不想當海賊王了。志豪說他想成為海賊王。", question="誰想成為海賊王？")


def open_network(name: str) -> PointerReader:
    task = load(pretrained.open_folders()[name])
    assert isinstance(task, PointerReader)
    return task


@pytest.mark.parametrize("language", pretrained.LANGUAGES)
@pytest.mark.parametrize("name", pretrained.OPEN_NAMES)
def test_they_are_there_and_answer_new_stories(language: Language, name: str) -> None:
    task = open_network(f"{language}/{name}")
    assert task.settings == settings_of(language, name)
    new = shares(task, open_stories(150, seed=4321, language=language))
    assert new.answered > 0.65
    assert new.unanswered > 0.8


def test_the_forget_gate_falls_where_the_story_changes_and_the_newer_name_is_answered() -> None:
    reading = read(open_network("zh/open-lstm"), CHANGE)
    assert reading.answer.text == "志豪"
    change = CHANGE.text.index("。")
    forget = reading.trace.layer(0)["f"][: change + 1, 0]
    mean = forget.mean(1)
    assert mean[change] < mean[:change].min()
    assert mean[change] < 0.8 * mean[: change - 2].mean()
    # Some unit keeps nearly all until the change, and nearly nothing past it.
    assert ((forget[: change - 1].mean(0) > 0.7) & (forget[change] < 0.15)).any()


def test_training_again_makes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        make(tmp_path / folder, ["zh"], ["open-lstm"], steps=3, count=20, progress=False)
    made = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*"))
    assert len(made) == 5
    for path in made:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "second" / path).read_bytes()
