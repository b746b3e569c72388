"""The reading of a Chinese character that has several, from its sentence, by the classifier: a row of `bench/tasks.py`.

CPP (Park & Lee 2020, arXiv:2004.03136) marks one character in each sentence. The classifier is given the sentence
turned so that the character stands at both ends, what follows it first: of 他▁長▁得高 it reads 長得高▁他長. The last
state of each direction has then read its own side of the sentence last, and the character at the very end.
Of its answers the most probable one counts among the readings that the training sentences have for the character, or
among all readings for a character that they have not.
CPP's training part is not at hand: of its dev part nine tenths train, and every tenth line chooses the weights.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from bench.polyphones import MARK, Sentence, read
from bench.row import Figures, Row, Target, config_for, recipe_of, trained
from keepgate.data.labelled import LabelledText
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.train import TrainingConfig

SETTINGS = ClassifierSettings(pooling="last", hidden_size=128, min_count=1)


def turned(sentence: Sentence, number: int) -> LabelledText:
    """What follows the character asked for, then what is before it, with the character at both ends."""
    text, place = sentence.text, sentence.place
    turned_text = f"{text[place:]}{MARK}{text[: place + 1]}"
    return LabelledText(text=turned_text, label=sentence.reading, id=str(number))


class ReadingClassifier(Classifier):
    """A classifier whose answers are readings that the character had in training. readings: of each character."""

    readings: dict[str, set[str]]

    def logits(self, items: Sequence[LabelledText], **options: Any) -> Float[Tensor, "items labels"]:
        """As `Classifier.logits`, with minus infinity for readings that the character cannot have."""
        scores = super().logits(items, **options)
        for row, item in zip(scores, items, strict=True):
            if readings := self.readings.get(item.text[0]):
                row[[label not in readings for label in self.labels]] = -float("inf")
        return scores


def readings_of(texts: Sequence[LabelledText]) -> dict[str, set[str]]:
    """The readings of each character in turned sentences."""
    readings: dict[str, set[str]] = {}
    for text in texts:
        if text.label is not None:
            readings.setdefault(text.text[0], set()).add(text.label)
    return readings


def config(examples: int, seed: int) -> TrainingConfig:
    """The recipe of `keepgate train classifier --dev`, for more epochs."""
    return config_for("classifier", examples, seed, epochs=15)


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one classifier, saves it, and gives its figures."""
    lines, parts = {}, ("dev", "test")[: 1 + test]
    for part in parts:
        lines[part] = [turned(sentence, number) for number, sentence in enumerate(read(folder, part), 1)]
    texts = [text for number, text in enumerate(lines["dev"], 1) if number % 10]
    lines["dev"] = lines["dev"][9::10]
    task = ReadingClassifier.build(texts, SETTINGS, seed)
    task.readings = readings_of(texts)
    examples = task.prepare(texts, training=True)
    card = {
        "what": "Says how a Chinese character is read, of a sentence turned so that it stands at both ends. "
        "The figures count the most probable of those readings that the character has in training.",
        "data": "Nine tenths of CPP's dev part, and nothing else.",
    }
    return trained(task, config(len(examples), seed), examples, lines, model=model, card=card)


ROWS = [
    Row(
        name="cpp_polyphones",
        data="CPP, the reading of a marked Chinese character, trained on nine tenths of its dev part; test part",
        folder="cpp_polyphones",
        targets=(Target(metric="accuracy", title="accuracy", at_least=94, aim=97.3),),
        published="97.31, g2pM's LSTM, trained on about ten times as much; 92.08 the commonest reading; 97.85 BERT "
        "(Park & Lee 2020, arXiv:2004.03136)",
        train=train,
        recipe=lambda: (
            recipe_of(SETTINGS, config(8904, 0)) | {"answers": "the character's readings in training"}
        ),
    )
]
