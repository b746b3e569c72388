"""Batches of the reader of texts are hardly padded, whether texts are cropped to windows or whole."""

import random

from bench.padding import padded
from keepgate.data.questions import Question
from keepgate.tasks.span import SpanReaderSettings
from keepgate.train import TrainingConfig

WINDOW, BATCH = 40, 8


def made_up(count: int) -> list[Question]:
    """Questions about texts of 10 to 160 characters."""
    rng = random.Random(0)
    texts = ["".join(rng.choices("山水木火土金日月", k=rng.randint(9, 159))) + "甲" for _ in range(count)]
    return [Question(text=text, question="誰?", answers=("甲",), starts=(len(text) - 1,)) for text in texts]


def test_less_than_a_tenth_of_the_steps_is_padding() -> None:
    settings = SpanReaderSettings(embedding_size=4, hidden_size=4, window=WINDOW)
    run = TrainingConfig(epochs=2, batch_size=BATCH, crop_until=0.5)
    cropped, whole = padded(made_up(200), settings, run)
    assert cropped["steps"] <= 200 * WINDOW < whole["steps"]
    for epoch in (cropped, whole):
        assert 0 < epoch["padding"] < 0.1 * epoch["steps"]
