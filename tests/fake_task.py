"""A tiny task for the tests of training and files: rows of numbers, a GRU, and whether their sum is even."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from keepgate.config import check
from keepgate.data.batch import pad
from keepgate.data.questions import Question
from keepgate.tasks.answer import Answer
from keepgate.tasks.measure import Measurement
from keepgate.tasks.metrics import METRICS, measure_answers


@dataclass(frozen=True, kw_only=True)
class ParitySettings:
    hidden_size: int = 8
    dropout: float = 0.25
    note: str | None = None
    limit: float | None = 2.0
    sizes: tuple[int, int] = (1, 2)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Row:
    numbers: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.numbers)


@dataclass
class Extra:
    weight: Tensor


@dataclass
class Rows:
    ids: Tensor
    even: Tensor
    extra: Extra

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.ids.to(device), self.even.to(device), Extra(self.extra.weight.to(device)))


class Parity(nn.Module):
    kind: ClassVar[str] = "parity"
    settings_type: ClassVar[type] = ParitySettings
    metrics = METRICS
    vocabulary = None

    def __init__(self, settings: ParitySettings, words: Sequence[str] = ("a", "b")) -> None:
        super().__init__()
        self.settings, self.words = settings, tuple(words)
        self.embedding = nn.Embedding(10, 4)
        self.memory = nn.GRU(4, settings.hidden_size)
        self.head = nn.Linear(settings.hidden_size, 2)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @classmethod
    def build(cls, seed: int = 0, **settings: Any) -> "Parity":
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return cls(ParitySettings(**settings))

    def forward(self, ids: Tensor) -> Tensor:
        embedded = nn.functional.dropout(self.embedding(ids), self.settings.dropout, self.training)
        # Some layers draw from Python's and numpy's generators; the loop promises to keep those too.
        embedded = embedded * (1 + 0.01 * random.random() + 0.01 * np.random.rand() if self.training else 1)
        return self.head(self.memory(embedded)[1][-1])

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[Row]:
        return [Row(tuple(int(character) for character in each.text)) for each in questions]

    def collate(self, examples: Sequence[Row]) -> Rows:
        ids, _ = pad([row.numbers for row in examples])
        even = torch.tensor([sum(row.numbers) % 2 for row in examples])
        return Rows(ids, even, Extra(torch.ones(len(examples))))

    def loss(self, batch: Rows, carry: Any = None) -> tuple[Tensor, None]:
        self.seen += len(batch.even)
        losses = nn.functional.cross_entropy(self(batch.ids), batch.even, reduction="none")
        return (losses * batch.extra.weight).mean(), None

    def predict(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        with torch.no_grad():
            likely = self(self.collate(self.prepare(questions, training=False)).ids).softmax(-1)
        return [Answer(("even", "odd")[int(row.argmax())], float(row.max())) for row in likely]

    def measure(self, items: Sequence[Question], **_: Any) -> Measurement:
        return measure_answers(self.predict, items)

    def unlearnable(self, example: Row) -> str | None:
        return None

    def vocabulary_json(self) -> dict[str, Any]:
        return {"words": list(self.words)}

    @classmethod
    def from_files(cls, settings: ParitySettings, vocabulary: Mapping[str, Any]) -> Self:
        return cls(settings, vocabulary["words"])


class CroppedParity(Parity):
    def crop(self, example: Row, rng: random.Random) -> Row:
        start = rng.randrange(example.length)
        return Row(example.numbers[start : start + 4])


def rows(count: int, seed: int = 0, length: int = 9) -> list[Row]:
    rng = random.Random(seed)
    return [Row(tuple(rng.randrange(1, 10) for _ in range(rng.randint(2, length)))) for _ in range(count)]


def made(step: int, seed: int) -> list[Row]:
    return rows(8, seed=seed, length=4 + step // 10)
