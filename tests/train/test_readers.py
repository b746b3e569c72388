"""The readers themselves, not only the tests' own task: trained, stopped, taken up, saved and loaded."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate.data.labelled import LabelledText
from keepgate.data.labelled_series import LabelledSeries
from keepgate.data.multilabel import MultilabelText
from keepgate.data.questions import Question
from keepgate.data.series import make_series
from keepgate.data.tagged import tagged_text
from keepgate.export import load, save
from keepgate.tasks import KINDS
from keepgate.train import Progress, TrainingConfig, fit

NAMES = ("魯夫", "娜美", "索隆", "香吉士", "喬巴", "羅賓")
QUESTIONS = [
    Question(
        text=f"{name}說他想成為{goal}。今天的天氣很好，大家都在船上休息。{other}正在唱歌。",
        question=f"是誰想要成為{goal}?",
        answers=(name,),
        starts=(0,),
    )
    for name, other in pairwise(NAMES)
    for goal in ("海賊王", "大劍豪", "航海士")
]
LABELLED = [LabelledText(text=question.text, label=question.answers[0]) for question in QUESTIONS]
TAGGED = [tagged_text([*question.text], ["B-X", *["O"] * (len(question.text) - 1)]) for question in QUESTIONS]
SERIES = [make_series(np.sin(np.arange(60) / size), id=str(size)) for size in (1, 2, 3)]
LABELLED_SERIES = [
    LabelledSeries(
        values=np.full((5 + k, 2), k % 2, np.float32), features=("a", "b"), label="ab"[k % 2], id=str(k)
    )
    for k in range(6)
]
SEVERAL = [
    MultilabelText(text=question.text, labels=(question.answers[0], "long")[: 1 + number % 2])
    for number, question in enumerate(QUESTIONS)
]
LABEL_METRICS = {"accuracy", "macro_f1", "balanced_accuracy", "calibration_error"}
READER_METRICS = {"exact", "f1_substring", "f1_bag", "calibration_error"}
# What each kind is trained on, and what it is measured by.
EXAMPLES: dict[str, tuple[list[Any], set[str]]] = {
    "choice-reader": (QUESTIONS, READER_METRICS),
    "pointer-reader": (QUESTIONS, READER_METRICS),
    "span-reader": (QUESTIONS, READER_METRICS),
    "classifier": (LABELLED, LABEL_METRICS),
    "forecaster": (SERIES, {"mse", "mae", "mase", "smape", "pinball", "coverage"}),
    "language-model": (LABELLED, {"nats", "perplexity", "bits_per_character"}),
    "multilabel-classifier": (SEVERAL, {"micro_f1", "macro_f1", "exact", "calibration_error"}),
    "series-classifier": (LABELLED_SERIES, LABEL_METRICS),
    "tagger": (TAGGED, {"f1", "precision", "recall", "accuracy"}),
}
RUN = TrainingConfig(steps=9, batch_size=4, checkpoint_every=4, ema_decay=0.9, autocast="bfloat16")


class Pulled(Exception):
    """The plug was."""


def pulled(now: Progress) -> None:
    if now.step == 7:
        raise Pulled


def reader(kind: str) -> Any:
    task_type: Any = KINDS[kind].task
    return task_type.build(EXAMPLES[kind][0], task_type.settings_type(), seed=0)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_reader_is_trained_stopped_taken_up_saved_and_loaded(tmp_path: Path, kind: str) -> None:
    items, metrics = EXAMPLES[kind]
    whole, stopped = reader(kind), reader(kind)
    examples = whole.prepare(items, training=True)
    first = fit(whole, RUN, examples=examples, dev=items, folder=tmp_path / "whole", progress=False)
    assert set(first.metrics) == metrics

    with pytest.raises(Pulled):
        fit(stopped, RUN, examples=examples, folder=tmp_path / "stopped", progress=False, on_step=pulled)
    again = reader(kind)
    fit(
        again,
        RUN,
        examples=again.prepare(items, training=True),
        folder=tmp_path / "stopped",
        resume=True,
        progress=False,
    )
    weights = again.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in whole.state_dict().items())

    save(again, tmp_path / "model", card={"what": "a test"})
    loaded, trained = (task.predict(items[:3]) for task in (load(tmp_path / "model"), whole))
    assert loaded == trained
