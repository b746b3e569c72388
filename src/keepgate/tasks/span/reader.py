"""A reader that points: text and question in, a piece of the text out."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...data.questions import Question, locate
from ...data.text import Tokens, sentence_around
from ...data.vocabulary import UNKNOWN
from ...errors import CorpusError, ShapeError
from ...nn import Trace
from ..answer import Answer, check_finite
from .counted import Counted
from .decode import Span, spans
from .embeddings import vectors
from .features import OF_THE_WORD, TEXT_FEATURES, Read, compare, read
from .network import Inputs, SpanNetwork
from .settings import SpanReaderSettings

# Steps times rows read at once when answering; the states of so many take about 200 MiB.
TOKENS_AT_ONCE = 65_536
CANDIDATES = 5


@dataclass(frozen=True, eq=False)
class Side:
    """A text or a question as numbers: [tokens] words and pairs, [tokens, features] features."""

    words: NDArray[np.int32]
    pairs: NDArray[np.int32]
    features: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, place: slice) -> "Side":
        return Side(self.words[place], self.pairs[place], self.features[place])


@dataclass(frozen=True, eq=False)
class SpanExample:
    """One question as numbers. `first` and `last` are the tokens of its answer, None if that is not known."""

    text: Side
    question: Side
    first: int | None = None
    last: int | None = None

    @property
    def length(self) -> int:
        """Tokens of the text."""
        return len(self.text)


@dataclass(frozen=True)
class SpanBatch:
    """Examples as tensors. `first` and `last` are None if the answer of one of them is not known."""

    text: Inputs
    question: Inputs
    first: Int64[Tensor, " batch"] | None
    last: Int64[Tensor, " batch"] | None

    def to(self, device: torch.device | str) -> "SpanBatch":
        """The same on this device; lengths stay on the processor, where the layers want them."""
        places = (None if place is None else place.to(device) for place in (self.first, self.last))
        return SpanBatch(self.text.to(device), self.question.to(device), *places)


class SpanReader(nn.Module):
    """Text and question → the piece of the text that answers, of at most `settings.longest` tokens."""

    kind: ClassVar[str] = "span-reader"
    settings_type: ClassVar[type] = SpanReaderSettings

    def __init__(self, counted: Counted, settings: SpanReaderSettings) -> None:
        super().__init__()
        self.counted, self.settings = counted, settings
        self.network = SpanNetwork(settings, len(counted.vocabulary), len(counted.pairs) + 1)

    @classmethod
    def build(cls, questions: Sequence[Question], settings: SpanReaderSettings, seed: int) -> Self:
        """A reader whose words are counted in these questions and their texts; the same for the same seed.

        Weights are fresh but for the vectors of words and pairs, which come from the texts. Raises CorpusError if the
        texts are too few to count in.
        """
        texts = list(dict.fromkeys(question.text for question in questions))
        counted = Counted.count(
            texts, (question.question for question in questions), most_pairs=settings.most_pairs
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reader = cls(counted, settings)
        word, pair = vectors(
            [read(text, counted).ids for text in texts],
            counted,
            word_size=settings.embedding_size,
            pair_size=settings.pair_size,
            seed=seed,
        )
        with torch.no_grad():
            reader.network.word.weight.copy_(word)
            reader.network.pair.weight.copy_(pair)
        return reader

    @classmethod
    def from_files(cls, settings: SpanReaderSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A reader of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(Counted.from_json(vocabulary), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """Everything that was counted in the training texts."""
        return self.counted.to_json()

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[SpanExample]:
        """The questions as numbers.

        In training, those whose answer is not in the text, or is longer than `settings.longest` tokens, are left out.
        Raises CorpusError for a question that has no text or asks nothing.
        """
        known: dict[str, Read] = {}
        examples = []
        for question in questions:
            if question.text not in known:
                known[question.text] = read(question.text, self.counted)
            text, asked = known[question.text], read(question.question, self.counted)
            for each, name in ((text, "text"), (asked, "question")):
                if not each.words:
                    raise CorpusError(
                        f"question {question.id!r}: the {name} is empty; give one with something in it"
                    )
            place = _place(question, text.tokens)
            if training and (place is None or place[1] - place[0] >= self.settings.longest):
                continue
            of_text, of_question = compare(text, asked)
            examples.append(
                SpanExample(_side(text, of_text), _side(asked, of_question), *(place or (None, None)))
            )
        return examples

    def crop(self, example: SpanExample, rng: random.Random) -> SpanExample:
        """The example with a window of its text that holds the answer, placed at random."""
        size = self.settings.window
        if example.length <= size or example.first is None or example.last is None:
            return example
        earliest, latest = max(0, example.last + 1 - size), min(example.first, example.length - size)
        start = rng.randint(min(earliest, latest), latest)
        first, last = example.first - start, example.last - start
        return replace(example, text=example.text[start : start + size], first=first, last=last)

    def collate(self, examples: Sequence[SpanExample]) -> SpanBatch:
        """The examples as one padded batch. It has answers if every example has one."""
        first = [example.first for example in examples if example.first is not None]
        last = [example.last for example in examples if example.last is not None]
        complete = len(first) == len(last) == len(examples)
        return SpanBatch(
            _inputs([example.text for example in examples]),
            _inputs([example.question for example in examples]),
            torch.tensor(first) if complete else None,
            torch.tensor(last) if complete else None,
        )

    def loss(self, batch: SpanBatch) -> Float[Tensor, ""]:
        """Cross entropy of spans, half of that of starts and of ends, and that of guessing hidden words, in nats.

        In training some words of the text are hidden. Raises ShapeError if a row has no known answer.
        """
        if batch.first is None or batch.last is None:
            raise ShapeError(
                "this batch has questions without a known answer; prepare them with training=True"
            )
        text, hidden = self._hide(batch.text) if self.training and self.settings.hide else (batch.text, None)
        scores = self.network(text, batch.question)
        target = batch.first * self.settings.longest + batch.last - batch.first
        total = cross_entropy(scores.span.flatten(1), target)
        total = total + (cross_entropy(scores.start, batch.first) + cross_entropy(scores.end, batch.last)) / 2
        if hidden is not None and self.settings.guess and hidden.any():
            guesses = self.network.guesses(scores.states[hidden]).float()
            total = total + self.settings.guess * cross_entropy(guesses, batch.text.words[hidden])
        return total

    def answer(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        """One answer for each question, in order, without dropout or gradients; the mode stays as it was.

        Raises CorpusError for a question that has no text or asks nothing, BundleError if the scores are not finite.
        """
        examples = self.prepare(questions, training=False)
        found: dict[int, Answer] = {}
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                for rows in _batches(examples, batch_size):
                    batch = self.collate([examples[row] for row in rows]).to(self.network.word.weight.device)
                    scores = self.network(batch.text, batch.question).span[
                        ..., : self.settings.longest_answer
                    ]
                    check_finite(scores)
                    texts = [questions[row].text for row in rows]
                    found.update(zip(rows, self.decode(texts, scores), strict=True))
        finally:
            self.train(was_training)
        return [found[row] for row in range(len(questions))]

    def decode(self, texts: Sequence[str], scores: Float[Tensor, "batch time longest"]) -> list[Answer]:
        """The best span of each text as an answer, and the others after it."""
        best = spans(scores, overlap=self.settings.overlap, count=4 * CANDIDATES)
        return [_answer(text, found, self.tokens(text)) for text, found in zip(texts, best, strict=True)]

    def tokens(self, text: str) -> Tokens:
        """The tokens of a text, with their places, as this reader counts them."""
        return read(text, self.counted).tokens

    def look(self, question: Question) -> tuple[Tokens, Trace]:
        """The text's tokens, and the gates and states of the layer that reads it, in both directions.

        Raises CorpusError if the question has no text or asks nothing.
        """
        batch = self.collate(self.prepare([question], training=False)).to(self.network.word.weight.device)
        was_training = self.training
        self.eval()
        try:
            return self.tokens(question.text), self.network.trace(batch.text, batch.question)
        finally:
            self.train(was_training)

    def _hide(self, text: Inputs) -> tuple[Inputs, Bool[Tensor, "time batch"]]:
        """The texts with some words hidden, and which of the hidden ones the vocabulary knows."""
        hidden = (torch.rand(text.words.shape, device=text.words.device) < self.settings.hide) & text.real
        beside = hidden.clone()
        beside[:-1] |= hidden[1:]
        lost = torch.tensor([name in OF_THE_WORD for name in TEXT_FEATURES], device=hidden.device)
        inputs = replace(
            text,
            words=text.words.masked_fill(hidden, UNKNOWN),
            pairs=text.pairs.masked_fill(beside, 0),
            features=text.features.masked_fill(hidden[..., None] & lost, 0),
        )
        return inputs, hidden & (text.words > UNKNOWN)


def _place(question: Question, tokens: Tokens) -> tuple[int, int] | None:
    """The first and last token of the first answer that stands in the text, or None."""
    for answer, given in zip(question.answers, question.starts, strict=True):
        start = locate(question.text, question.question, answer) if given is None else given
        if start is None:
            continue
        touched = [
            token
            for token, (begin, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
            if begin < start + len(answer) and end > start
        ]
        if touched:
            return touched[0], touched[-1]
    return None


def _side(each: Read, features: NDArray[np.float32]) -> Side:
    return Side(each.ids.astype(np.int32), each.pairs.astype(np.int32), features.astype(np.float16))


def _inputs(sides: Sequence[Side]) -> Inputs:
    lengths = torch.tensor([len(side) for side in sides])
    words, pairs = np.zeros((2, int(lengths.max()), len(sides)), np.int64)
    features = np.zeros((*words.shape, sides[0].features.shape[1]), np.float32)
    for row, side in enumerate(sides):
        words[: len(side), row], pairs[: len(side), row] = side.words, side.pairs
        features[: len(side), row] = side.features
    return Inputs(torch.from_numpy(words), torch.from_numpy(pairs), torch.from_numpy(features), lengths)


def _batches(examples: Sequence[SpanExample], batch_size: int) -> Iterator[list[int]]:
    """Places of examples of similar length, at most `batch_size` of them and TOKENS_AT_ONCE tokens together."""
    rows: list[int] = []
    for row in sorted(range(len(examples)), key=lambda row: examples[row].length):
        if rows and (len(rows) == batch_size or (len(rows) + 1) * examples[row].length > TOKENS_AT_ONCE):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _answer(text: str, found: Iterable[Span], tokens: Tokens) -> Answer:
    places: dict[str, tuple[int, int, float]] = {}
    for span in found:
        start, end = tokens.starts[span.first], tokens.ends[span.last]
        places.setdefault(text[start:end], (start, end, span.probability))
    candidates = [(piece, probability) for piece, (_, _, probability) in places.items()][:CANDIDATES]
    best, probability = candidates[0]
    start, end, _ = places[best]
    first, last = sentence_around(text, start, end)
    return Answer(best, probability, start, end, text[first:last], tuple(candidates))
