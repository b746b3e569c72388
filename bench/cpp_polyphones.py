"""The reading of a Chinese character that has several, from its sentence, by the classifier: a row of `bench/tasks.py`.

CPP (Park & Lee 2020, arXiv:2004.03136) marks one character in each sentence. The classifier is given the sentence
turned so that the character stands at both ends, what follows it first: of 他▁長▁得高 it reads 長得高▁他長. The last
state of each direction has then read its own side of the sentence last, and the character at the very end.
CPP's training part is not at hand: of its dev part nine tenths train, and every tenth line chooses the weights.
"""

from pathlib import Path

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
    task = Classifier.build(texts, SETTINGS, seed)
    examples = task.prepare(texts, training=True)
    card = {
        "what": "Says how a Chinese character is read, of a sentence turned so that it stands at both ends.",
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
        recipe=lambda: recipe_of(SETTINGS, config(8904, 0)),
    )
]
