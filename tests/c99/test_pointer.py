"""A pointer reader as C99 gives the scores and answers of the runtime, trained ones of the package among them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keepgate import c99, runtime
from keepgate.data.questions import Question
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.pretrained import LANGUAGES, OPEN_NAMES, open_folders
from keepgate.tasks.pointer.features import FEATURES, TextAndQuestion, analyse
from keepgate.tasks.span.settings import NEVER
from tests.c99.compiled import Compiled
from tests.runtime.models import TASKS, built, items_of, saved

TOLERANCE = 1e-6


def tokens_of(read: TextAndQuestion) -> NDArray[Any]:
    """What is read, as C's struct."""
    tokens = np.zeros(len(read.words), [("id", np.int32), ("features", np.float32, FEATURES)])
    tokens["id"], tokens["features"] = read.words, read.features
    return tokens


def compared(folder: Path, tmp_path: Path, items: list[Question]) -> list[str]:
    """The answers, whose scores and places are the same in C."""
    task: Any = runtime.load(folder)
    result = c99.export(folder, tmp_path / "c")
    compiled = Compiled(tmp_path / "c", result.name)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    answers = task.predict(items)
    for item, answer in zip(items, answers, strict=True):
        read = analyse(item, task.vocabulary)
        theirs, no_answer = task.scores(read)
        scores, none, (first, last) = compiled.run_pointer(tokens_of(read), len(read.tokens), **memory)
        possible = theirs > NEVER / 2
        allowed = TOLERANCE * max(1, np.abs(theirs[possible]).max(), abs(no_answer))
        assert np.abs(scores - theirs)[possible].max() < allowed
        assert (scores[~possible] < NEVER / 2).all()
        assert abs(none - no_answer) < allowed
        place = (None, None) if first < 0 else (read.tokens.starts[first], read.tokens.ends[last])
        assert place == (answer.start, answer.end)
    return [answer.text for answer in answers]


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("pointer")])
def test_a_pointer_reader_in_c_gives_the_scores_and_answers_of_the_runtime(name: str, tmp_path: Path) -> None:
    task = built(name)
    answers = compared(saved(task, tmp_path / "my model-1"), tmp_path, items_of(task))
    if task.settings.no_answer_threshold:
        assert all(answers) == (task.settings.no_answer_threshold > 0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OPEN_NAMES)
def test_a_shipped_network_in_c_answers_as_the_runtime(name: str, language: Any, tmp_path: Path) -> None:
    answers = compared(
        open_folders()[f"{language}/{name}"], tmp_path, open_stories(40, seed=99, language=language)
    )
    assert "" in answers
    assert len(set(answers)) > 5


def test_what_is_not_finite_or_not_known(tmp_path: Path) -> None:
    task: Any = runtime.load(saved(built("pointer"), tmp_path / "model"))
    result = c99.export(tmp_path / "model", tmp_path / "c")
    compiled = Compiled(tmp_path / "c", result.name)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    read = analyse(task.item("a b c", "b?"), task.vocabulary)
    tokens, unknown, far = (tokens_of(read) for _ in range(3))
    unknown["id"], far["id"] = 1, [-1, 10**9, len(task.vocabulary), -(10**9), 10**6]
    ours, theirs = (compiled.run_pointer(each, 3, **memory) for each in (far, unknown))
    assert np.array_equal(ours[0], theirs[0])
    tokens["features"] = np.nan
    assert compiled.run_pointer(tokens, 3, **memory)[2] == (-1, -1)
