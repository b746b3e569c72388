"""Words that were never met: names whose ending alone says what they name, read with letters and without."""

import random
from pathlib import Path

import pytest

from keepgate import c99
from keepgate.data.questions import Question
from keepgate.errors import ExportError
from keepgate.tasks.span.settings import SpanReaderSettings
from tests.runtime.models import built, saved
from tests.tasks.span.by_heart import learnt

SETTINGS = {
    "embedding_size": 8, "pair_size": 4, "hidden_size": 12, "dropout": 0.0, "mask_rate": 0.0, "window": 16,
    "max_train_span": 2, "max_answer_span": 2, "f1_weight": 0.0,
}  # fmt: skip


def questions(seed: int, count: int) -> list[Question]:
    """People end in -or, towns in -ia; stems are drawn anew, and which of the two comes first as well."""
    rng = random.Random(seed)
    asked = []
    for _ in range(count):
        stems = ["".join(rng.choice("bdfgklmnprst") + rng.choice("aeu") for _ in range(2)) for _ in range(2)]
        names = {"person": f"{stems[0]}lor".title(), "town": f"{stems[1]}ria".title()}
        shown = rng.sample(sorted(names.values()), 2)
        kind = rng.choice(["person", "town"])
        asked.append(
            Question(
                text=f"I saw {shown[0]} and {shown[1]} .",
                question=f"which {kind} did you see?",
                answers=(names[kind],),
            )
        )
    return asked


@pytest.mark.parametrize("letter_size", [0, 8])
def test_names_never_met_are_told_apart_by_their_letters(letter_size: int) -> None:
    reader = learnt(questions(1, 96), SpanReaderSettings(**SETTINGS, letter_size=letter_size))
    right = reader.measure(questions(2, 60)).values()["exact"]
    assert right > 0.9 if letter_size else right < 0.75
    # The lens reads the letters as the reader does.
    item = questions(3, 1)[0]
    probe, (answer,) = reader.probe(item), reader.predict([item])
    assert probe.head.answers(probe.head.output)[0] == answer


def test_letters_are_refused_in_c(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"letter_size=3 is not written in C.* letter_size=0"):
        c99.export(saved(built("letters and span"), tmp_path / "model"), None)
