"""keepgate.runtime answers as the torch task of the same folder does, for every task that has a runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepgate import runtime
from keepgate.errors import CorpusError, SettingsError
from keepgate.tasks import KINDS, Classifier, LanguageModel, Tagger
from keepgate.tasks.language_model import Writer
from keepgate.tasks.runtime_task import RUNTIMES
from tests.export.test_bundle import rewrite
from tests.runtime.models import TASKS, built, classifier, items_of, language_model, saved

TOLERANCE = 1e-6


@pytest.fixture(params=TASKS)
def pair(request: Any, tmp_path: Path) -> tuple[Any, runtime.RuntimeTask]:
    task = built(request.param)
    return task, runtime.load(saved(task, tmp_path / "model"))


def test_a_model_gives_the_answers_that_it_gives_with_torch(pair: Any) -> None:
    task, alone = pair
    items = items_of(task)
    for ours, theirs in zip(alone.predict(items), task.predict(items), strict=True):
        assert abs(ours.probability - theirs.probability) < TOLERANCE
        assert (ours.text, ours.start, ours.end, ours.sentence) == (
            theirs.text, theirs.start, theirs.end, theirs.sentence
        )  # fmt: skip
        shares = dict(theirs.candidates)
        assert ours.candidates[0] == (ours.text, ours.probability)
        for text, share in ours.candidates:
            # Of two that are as probable, rounding decides which is among the listed.
            assert abs(share - shares.get(text, min(shares.values()))) < TOLERANCE
    if isinstance(task, Tagger):
        assert alone.tags(items) == task.tags(items)
    if isinstance(task, Classifier):
        assert np.abs(alone.probabilities(items) - task.probabilities(items).numpy()).max() < TOLERANCE


def test_what_is_asked_is_checked_as_with_torch(pair: Any) -> None:
    task, alone = pair
    item = items_of(task)[0]
    question = item.question or None
    assert alone.answer(item.text, question) == alone.predict([item])[0]
    wrong = (None, SettingsError) if KINDS[task.kind].asks else ("魯夫 sees nothing of it", SettingsError)
    for model in (task, alone):
        with pytest.raises(wrong[1]):
            model.item(item.text, wrong[0])
        with pytest.raises(CorpusError, match="is empty"):
            model.predict([model.item("", question and "誰?")])


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_the_same_seed_writes_the_same_text(tokens: str, tmp_path: Path) -> None:
    task = language_model(tokens=tokens).eval()
    alone: Any = runtime.load(saved(task, tmp_path / "model"))
    texts = ["".join(Writer(model, seed=3).write("Ann", 60)) for model in (task, alone)]
    assert isinstance(task, LanguageModel)
    assert texts[0] == texts[1]


def test_every_kind_answers_or_is_refused_by_name(tmp_path: Path) -> None:
    assert set(RUNTIMES) == set(KINDS)
    folder = saved(classifier(), tmp_path / "model")
    toml = (folder / "model.toml").read_bytes()
    rewrite(folder, "model.toml", toml.replace(b'"classifier"', b'"oracle"'))
    with pytest.raises(SettingsError, match=r"is of kind 'oracle', which keepgate\.runtime does not"):
        runtime.load(folder)
