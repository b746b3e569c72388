"""SpanReader: a text and a question in, a span of the text out."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...data.questions import Question, refuse_empty
from ...data.text import Tokens
from ...data.vocabulary import UNKNOWN, Vocabulary
from ...data.word_vectors import WordVectors
from ...errors import ShapeError
from ..answer import Answer, check_finite
from ..batched import examples_in_batches, in_full_precision, numbers_of
from ..ppmi import initialise_embeddings
from ..probe import Probe
from ..reader import Reader
from ..samples import TaskSamples, samples_of, steps_back
from ..task import Carry
from ..token_pairs import place_vectors, vectors_of
from .batch import NOWHERE, SpanBatch, SpanExample
from .corpus_statistics import CorpusStatistics
from .decode import SPANS_DECODED, SpanOrNone, best_answer, spans
from .examples import end_of, place_of, side_of
from .features import OF_THE_WORD, TEXT_FEATURES, AnalysedText, analyse, compare
from .head import SpanHead
from .network import Inputs, Scores, SpanNetwork
from .scored import Sample, ScoredQuestion, fit_temperature
from .settings import SpanReaderSettings
from .threshold import choose_threshold, threshold_sentence
from .windows import joined, window_at, windows_of

# Steps times rows read at once when answering; the states of so many take about 200 MiB.
TOKENS_AT_ONCE = 65_536
# Tokens of texts whose scores are held at once: 126 MB of them.
TOKENS_HELD = 1_048_576


class SpanReader(Reader, nn.Module):
    """Text and question → the piece of the text that answers, of at most `settings.max_train_span` tokens."""

    kind: ClassVar[str] = "span-reader"
    settings_type: ClassVar[type] = SpanReaderSettings

    def __init__(self, statistics: CorpusStatistics, settings: SpanReaderSettings) -> None:
        super().__init__()
        self.statistics, self.settings = statistics, settings
        letters = 0 if statistics.letters is None else len(statistics.letters)
        self.network = SpanNetwork(settings, len(statistics.vocabulary), len(statistics.pairs) + 1, letters)

    @classmethod
    def build(
        cls,
        questions: Sequence[Question],
        settings: SpanReaderSettings,
        seed: int,
        vectors: WordVectors | None = None,
    ) -> Self:
        """A reader whose words are counted in these questions and their texts; the same for the same seed.

        Weights are fresh but for the vectors of words and pairs, which come from the texts, or of the words that
        `vectors` has from there. Raises CorpusError if the texts are too few to count in, and as `vectors_of`.
        """
        texts = list(dict.fromkeys(question.text for question in questions))
        if any(question.unanswerable for question in questions):
            settings = replace(settings, no_answer=True)
        statistics = CorpusStatistics.count(
            texts,
            (question.question for question in questions),
            most_pairs=settings.most_pairs,
            with_letters=settings.letter_size > 0,
        )
        of_words = vectors_of(vectors, statistics.vocabulary.to_json(), settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reader = cls(statistics, settings)
        ids = [analyse(text, statistics).ids for text in texts]
        pair_ids = [statistics.pair_ids(text_ids) for text_ids in ids]
        initialise_embeddings(reader.network.word, reader.network.pair, ids, pair_ids, seed)
        place_vectors(reader.network.word, reader.vocabulary, of_words)
        return reader

    @classmethod
    def from_files(cls, settings: SpanReaderSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A reader of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(CorpusStatistics.from_json(vocabulary), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """The statistics of the training texts."""
        return self.statistics.to_json()

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[SpanExample]:
        """The ids and features of each question; in training without the unlearnable ones.

        Raises CorpusError for a question that has no text or asks nothing.
        """
        analysed: dict[str, AnalysedText] = {}
        examples = []
        for question in questions:
            if question.text not in analysed:
                analysed[question.text] = analyse(question.text, self.statistics)
            text, question_side = analysed[question.text], analyse(question.question, self.statistics)
            refuse_empty(question, text.words, question_side.words)
            place = place_of(question, text.tokens)
            features, question_features = compare(text, question_side)
            sides = side_of(text, features), side_of(question_side, question_features)
            examples.append(SpanExample(*sides, *place))
        return [example for example in examples if not training or self.unlearnable(example) is None]

    def unlearnable(self, example: SpanExample) -> str | None:
        """Why nothing can be learnt from this example; None if something can."""
        if example.first is None or example.last is None:
            return "the answer is not in the text"
        if example.first == NOWHERE and not self.settings.no_answer:
            return "the text has no answer, and this reader always gives one"
        too_long = example.last - example.first >= self.settings.max_train_span
        return "the answer is too long to point at" if too_long else None

    @property
    def vocabulary(self) -> Vocabulary:
        """The words with an embedding of their own."""
        return self.statistics.vocabulary

    def crop(self, example: SpanExample, rng: random.Random) -> SpanExample:
        """The example with a window of its text that holds the answer, if there is one, placed at random."""
        size = self.settings.window
        if example.length <= size or example.first is None or example.last is None:
            return example
        if example.first == NOWHERE:
            start = rng.randint(0, example.length - size)
            return replace(example, text=example.text[start : start + size])
        earliest, latest = max(0, example.last + 1 - size), min(example.first, example.length - size)
        start = rng.randint(min(earliest, latest), latest)
        first, last = example.first - start, example.last - start
        return replace(example, text=example.text[start : start + size], first=first, last=last)

    def collate(self, examples: Sequence[SpanExample]) -> SpanBatch:
        """The examples as one padded batch. It has answers if every example has one."""
        return SpanBatch.of(examples, self.statistics.letters)

    def loss(self, batch: SpanBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Cross entropy of spans and no answer, half of that of starts and of ends, and that of masked words, in nats.

        In training some words of the text are masked. Raises ShapeError if a row has no known answer.
        """
        first, last = self._places(batch)
        text, hidden = (
            self._mask(batch.text) if self.training and self.settings.mask_rate else (batch.text, None)
        )
        scores = self.network(text, batch.question)
        total = cross_entropy(self._logits(scores), self._target(first, last, scores.span[0].numel()))
        total = total + _of_ends(scores, first, last) / 2
        if hidden is not None and self.settings.mlm_weight and hidden.any():
            masked = in_full_precision(self.network.masked_word_scores(scores.states[hidden]))
            total = total + self.settings.mlm_weight * cross_entropy(masked, batch.text.words[hidden])
        return total, None

    def losses(self, examples: Sequence[SpanExample], last: int | None = None) -> Float[Tensor, " rows"]:
        """Cross entropy of each example's span, in nats, given the last so many tokens of its text; None gives all.

        An answer out of the reader's sight costs what a guess among all spans of the text does.
        """
        longest, device = self.settings.max_train_span, self.network.word.weight.device
        spans_of = [sum(min(longest, n) for n in range(1, example.length + 1)) for example in examples]
        losses = torch.tensor(spans_of, device=device).log()
        ends = [end_of(example, example.length if last is None else last) for example in examples]
        inside = [row for row, example in enumerate(ends) if example.first is not None]
        if not inside:
            return losses
        batch = self.collate([ends[row] for row in inside]).to(device)
        scores = self.network(batch.text, batch.question)
        in_sight = cross_entropy(
            self._logits(scores), self._target(*self._places(batch), scores.span[0].numel()), reduction="none"
        )
        return losses.to(in_sight.dtype).index_put((torch.tensor(inside, device=device),), in_sight)

    def predict(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        """One answer for each question, in order, without dropout or gradients; the mode stays as it was.

        A reader that may abstain gives an empty one, at no place, where the text seems to have none.
        Raises CorpusError for a question that has no text or asks nothing, BundleError if the scores are not
        finite or place no answer in the text.
        """
        return [item.answer(self.settings) for item in self._scored(questions, batch_size)]

    def _scored(self, questions: Sequence[Question], batch_size: int) -> Iterator[ScoredQuestion]:
        """The questions with the scores of all their answers, in order. Raises as `predict`."""
        examples = self.prepare(questions, training=False)
        for some in _together([example.length for example in examples]):
            scores = self._scores(examples[some], batch_size)
            for question, (span, null) in zip(questions[some], scores, strict=True):
                yield ScoredQuestion(question, self.tokens(question.text), span, null)

    def _scores(
        self, examples: Sequence[SpanExample], batch_size: int
    ) -> list[tuple[NDArray[np.floating], float | None]]:
        """The scores of the spans of each text, [time, longest], and of no answer; long texts are read in windows.

        A text has no answer where none of its windows has one, so that its score is the lowest of theirs.
        """

        def scored(batch: SpanBatch, _: list[int]) -> list[tuple[NDArray[np.floating], float | None]]:
            scores = self.network(batch.text, batch.question)
            span = scores.span[..., : self.settings.max_answer_span]
            check_finite(span)
            rows = numbers_of(span)
            if scores.null is None:
                return [(row, None) for row in rows]
            check_finite(scores.null)
            return [*zip(rows, map(float, numbers_of(scores.null)), strict=True)]

        windows = [self.windows(example.length) for example in examples]
        pieces = [
            replace(example, text=example.text[window], first=None, last=None)
            for example, of_text in zip(examples, windows, strict=True)
            for window in of_text
        ]
        piece_scores = iter(
            examples_in_batches(self, pieces, scored, batch_size=batch_size, tokens_at_once=TOKENS_AT_ONCE)
        )
        together = []
        for of_text, example in zip(windows, examples, strict=True):
            spans_of, nulls = zip(*[next(piece_scores) for _ in of_text], strict=True)
            whole = joined(
                of_text,
                [own[: window.stop - window.start] for own, window in zip(spans_of, of_text, strict=True)],
            )
            assert len(whole) == example.length
            together.append((whole, None if nulls[0] is None else min(nulls)))
        return together

    def windows(self, length: int) -> list[slice]:
        """The pieces in which a text of so many tokens is read; one, if it is short enough."""
        return windows_of(length, self.settings.read_window, self.settings.read_overlap)

    @property
    def abstains(self) -> bool:
        """Whether it may answer that the text has no answer."""
        return self.settings.no_answer

    def calibrate(self, questions: Sequence[Question]) -> str:
        """Fits the temperature of the probabilities and, where it may abstain, the threshold of no answer; says so.

        The threshold has the best F1 (bag of words) on all questions, the temperature the least cross entropy on some
        hundreds of them. Raises as `predict`.
        """
        undecided: list[SpanOrNone] = []
        sample = Sample(len(questions))
        for number, item in enumerate(self._scored(questions, 64)):
            if self.abstains:
                undecided.append(item.undecided(self.settings))
            sample.offer(number, item)
        sentences = []
        if undecided:
            threshold, f1 = choose_threshold(undecided, questions)
            self.settings = replace(self.settings, no_answer_threshold=threshold)
            sentences.append(threshold_sentence(threshold, f1, questions))
        items = [*sample.items.values()]
        answers = [item.answer(self.settings) for item in items]
        temperature, sentence = fit_temperature(items, answers, len(questions), self.settings.temperature)
        self.settings = replace(self.settings, temperature=temperature)
        return " ".join([*sentences, sentence])

    def decode(self, text: str, tokens: Tokens, scores: Float[Tensor, "rows time longest"]) -> list[Answer]:
        """The best span of a text by each row of scores as an answer, and the others after it. tokens: those scored."""
        return [self._best(row, text, tokens) for row in numbers_of(scores)]

    def _best(self, scores: NDArray[np.floating], text: str, tokens: Tokens) -> Answer:
        settings = self.settings
        (best,) = spans(
            scores[None], f1_weight=settings.f1_weight, count=SPANS_DECODED, temperature=settings.temperature
        )
        return best_answer(text, best, tokens)

    def tokens(self, text: str) -> Tokens:
        """The tokens of a text, with their places, as this reader counts them."""
        return analyse(text, self.statistics).tokens

    reading_run = 0

    def reading_layer(self) -> str:
        """The name of the layer that reads the text first."""
        return "network.text_encoder"

    @property
    def choices(self) -> None:
        """None: it points into the text."""
        return None

    def probe(self, item: Question) -> Probe:
        """The first encoder's inputs for one text beside its question, and the head on its outputs.

        What is explained is the best span, among spans alone, also where the reader gives no answer instead; of a long
        text, in the window that it stands in.
        Raises CorpusError if the question has no text or asks nothing.
        """
        (example,) = self.prepare([item], training=False)
        tokens, windows = self.tokens(item.text), self.windows(example.length)
        window, alone = windows[0], len(windows) == 1
        if not alone:
            ((scores, _),) = self._scores([example], 1)
            best = self._best(scores, item.text, tokens)
            window = window_at(windows, tokens.starts.index(best.start))
        with torch.no_grad():
            head = SpanHead(self, item, replace(example, text=example.text[window]), tokens.part(window))
        if self.abstains or not alone:
            (answer,) = head.answers(head.output)
        else:
            (answer,) = self.predict([item])
        layer = self.network.text_encoder
        return Probe(layer=layer, x=head.x, tokens=head.tokens, answer=answer, head=head)

    def samples(self, items: Sequence[Question]) -> list[TaskSamples]:
        """The questions in batches of similar length. Raises SettingsError if none has an answer in its text.

        Those without an answer are left out.
        """
        items = [item for item in items if not item.unanswerable]
        return samples_of(self, items, "questions has an answer", needed=steps_back)

    def _places(self, batch: SpanBatch) -> tuple[Tensor, Tensor]:
        """The first and last token of each row's answer. Raises ShapeError if a row has no known answer."""
        if batch.first is None or batch.last is None:
            raise ShapeError("this batch has items without a known answer; prepare them with training=True")
        return batch.first, batch.last

    def _logits(self, scores: Scores) -> Float[Tensor, "batch answers"]:
        """The scores of all spans, and after them that of no answer, if there is one."""
        flat = scores.span.flatten(1)
        return flat if scores.null is None else torch.cat([flat, scores.null[:, None]], 1)

    def _target(self, first: Tensor, last: Tensor, spans_of: int) -> Tensor:
        """The number of each row's answer in `_logits`. spans_of: how many spans there are, no answer's number."""
        number = first * self.settings.max_train_span + last - first
        return torch.where(first == NOWHERE, spans_of, number)

    def _mask(self, text: Inputs) -> tuple[Inputs, Bool[Tensor, "time batch"]]:
        """The texts with some words masked, and which of these the vocabulary knows."""
        hidden = (
            torch.rand(text.words.shape, device=text.words.device) < self.settings.mask_rate
        ) & text.real
        beside = hidden.clone()
        beside[:-1] |= hidden[1:]
        word_features = torch.tensor([name in OF_THE_WORD for name in TEXT_FEATURES], device=hidden.device)
        inputs = replace(
            text,
            words=text.words.masked_fill(hidden, UNKNOWN),
            pairs=text.pairs.masked_fill(beside, 0),
            features=text.features.masked_fill(hidden[..., None] & word_features, 0),
        )
        return inputs, hidden & (text.words > UNKNOWN)


def _of_ends(scores: Scores, first: Tensor, last: Tensor) -> Float[Tensor, ""]:
    """Cross entropy of the starts and of the ends, over the rows that have an answer and as a mean of all rows."""
    if scores.null is None:
        return cross_entropy(scores.start, first) + cross_entropy(scores.end, last)
    sums = (
        cross_entropy(logits, place, ignore_index=NOWHERE, reduction="sum")
        for logits, place in ((scores.start, first), (scores.end, last))
    )
    return sum(sums, torch.zeros_like(scores.null[0])) / len(first)


def _together(lengths: Sequence[int]) -> Iterator[slice]:
    """Neighbours that have no more than `TOKENS_HELD` tokens together, one at the least."""
    start = tokens = 0
    for place, length in enumerate(lengths):
        if place > start and tokens + length > TOKENS_HELD:
            yield slice(start, place)
            start, tokens = place, 0
        tokens += length
    if lengths:
        yield slice(start, len(lengths))
