"""A small training of every task, without dropout unless it says so, for the tests of many processes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keepgate.data.labelled import LabelledText
from keepgate.data.labelled_series import LabelledSeries
from keepgate.data.multilabel import MultilabelText
from keepgate.data.questions import Question
from keepgate.data.series import make_series
from keepgate.data.tagged import tagged_text
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.choice.reader import ChoiceReader
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.tasks.forecaster import Forecaster, ForecasterSettings
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.tasks.multilabel import MultilabelClassifier, MultilabelSettings
from keepgate.tasks.pointer import PointerReader, PointerReaderSettings
from keepgate.tasks.series_classifier import SeriesClassifier, SeriesClassifierSettings
from keepgate.tasks.span import SpanReader, SpanReaderSettings
from keepgate.tasks.tagger import Tagger, TaggerSettings
from keepgate.train import Result, TrainingConfig, fit
from tests.fake_task import CroppedParity, rows

CONFIG = TrainingConfig(
    batch_size=7, learning_rate=0.01, max_grad_norm=0.5, log_every=1, evaluate_every=5, checkpoint_every=4
)
WORDS = ("cat", "dog", "sea", "ship", "sun", "sail")
SMALL: dict[str, Any] = {"embedding_size": 5, "hidden_size": 4, "dropout": 0.0}
PLAIN: dict[str, Any] = {**SMALL, "pair_size": 0, "min_count": 1, "mask_rate": 0.0}


def texts(count: int = 23) -> list[LabelledText]:
    rng = random.Random(1)
    drawn = [[rng.choice(WORDS) for _ in range(rng.randint(2, 9))] for _ in range(count)]
    return [LabelledText(text=" ".join(words), label=("even", "odd")[len(words) % 2]) for words in drawn]


def classify(folder: Path, **options: Any) -> Result:
    """23 texts in batches of 7: the last has two rows, and with three processes one of them has none."""
    task = Classifier.build(texts(), ClassifierSettings(**PLAIN), seed=0).double()
    config = replace(CONFIG, epochs=4, ema_decay=0.9, keep="best", schedule="cosine")
    examples = task.prepare(texts(), training=True)
    return fit(task, config, examples=examples, dev=texts(), folder=folder, progress=False, **options)


def tag(folder: Path, **options: Any) -> Result:
    items = [
        tagged_text(text.text.split(), ["B-X" if word < "d" else "O" for word in text.text.split()])
        for text in texts()
    ]
    task = Tagger.build(items, TaggerSettings(**PLAIN, letter_size=0), seed=0).double()
    examples = task.prepare(items, training=True)
    return fit(task, replace(CONFIG, steps=13), examples=examples, folder=folder, progress=False, **options)


def write(folder: Path, **options: Any) -> Result:
    """Five lanes with carried states."""
    items = [LabelledText(text=" ".join(text.text for text in texts()))]
    settings = LanguageModelSettings(embedding_size=3, hidden_size=5, num_layers=2, dropout=0.0)
    task = LanguageModel.build(items, settings, seed=0).double()
    config = replace(CONFIG, epochs=3, batch_size=5, bptt_steps=16)
    return fit(task, config, stream=task.stream(items), folder=folder, progress=False, **options)


def drop_out(folder: Path, **options: Any) -> Result:
    """With dropout, random crops, and draws from Python's and numpy's generators."""
    config = replace(CONFIG, steps=13, ema_decay=0.9, evaluate_every=None)
    return fit(CroppedParity.build(), config, examples=rows(40), folder=folder, progress=False, **options)


def short(task: Any, settings: Any, items: Sequence[Any]) -> Callable[..., Result]:
    """Four batches, the last of them with few rows."""

    def training(folder: Path, **options: Any) -> Result:
        fresh = task.build(items, settings, seed=0).double()
        examples = fresh.prepare(items, training=True)
        config = replace(CONFIG, epochs=1, evaluate_every=None)
        return fit(fresh, config, examples=examples, folder=folder, progress=False, **options)

    return training


def questions() -> list[Question]:
    return [
        Question(text=text, question=f"what is {place}?", answers=(word,), starts=(text.index(word),))
        for place, text in enumerate(text.text for text in texts())
        for word in text.split()[:1]
    ]


def waves() -> list[Any]:
    """With a third of the values missing, most of them in the first half."""
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(34.0))
    values[rng.random(34) < np.linspace(0.6, 0.05, 34)] = np.nan
    values[-1] = 0.0
    return [make_series(values)]


def numbers() -> list[LabelledSeries]:
    rng = np.random.default_rng(0)
    return [
        LabelledSeries(
            values=rng.normal(size=(3 + row % 4, 2)).astype(np.float32),
            features=("x", "y"),
            label="odd" if row % 2 else "even",
        )
        for row in range(23)
    ]


class ExactForecaster(Forecaster):
    """A forecaster whose windows are in float64 too, so that other sums are told from another order of one."""

    def collate(self, examples: Sequence[Any]) -> Any:
        batch = super().collate(examples)
        doubles = {
            name: value.double()
            for name, value in vars(batch).items()
            if value is not None and value.is_floating_point()
        }
        return replace(batch, **doubles)


PASSAGES = LanguageModelSettings(**SMALL)
FORECASTS = ForecasterSettings(**SMALL, look_back=6, steps_ahead=4, segment_steps=2, season=3)
LABELS = [
    MultilabelText(text=item.text, labels=tuple(word for word in WORDS[:3] if word in item.text))
    for item in texts()
]
RARE = [item if row % 5 else replace(item, label="rare") for row, item in enumerate(texts())]
TRAININGS: dict[str, Callable[..., Result]] = {
    "classify": classify, "tag": tag, "write": write, "drop_out": drop_out,
    "balanced": short(Classifier, ClassifierSettings(**PLAIN, class_weights="balanced"), RARE),
    "multilabel": short(MultilabelClassifier, MultilabelSettings(**PLAIN, class_weights="balanced"), LABELS),
    "series": short(SeriesClassifier, SeriesClassifierSettings(hidden_size=4, dropout=0.0), numbers()),
    "passages": short(LanguageModel, PASSAGES, texts()),
    "forecast": short(ExactForecaster, FORECASTS, waves()),
    "choose": short(ChoiceReader, ChoiceReaderSettings(**SMALL), questions()),
    "span": short(SpanReader, SpanReaderSettings(**SMALL, pair_size=2, mask_rate=0.0), questions()),
    "point": short(PointerReader, PointerReaderSettings(**SMALL, mask_rate=0.0), questions()),
}  # fmt: skip
