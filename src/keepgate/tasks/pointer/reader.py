"""PointerReader: a text and a question in, a span of the text out, or that the text does not say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...data.questions import Question, locate
from ...data.text import Tokens, tokenize
from ...data.vocabulary import UNKNOWN, Vocabulary
from ...errors import CorpusError, ShapeError
from ...nn.eval_mode import eval_mode
from ..answer import Answer, check_finite
from ..batched import TensorBatch, complete, in_batches, numbers_of
from ..calibration import divide
from ..choice.reader import joined
from ..probe import Probe
from ..reader import Reader
from ..samples import TaskSamples, samples_of, steps_back
from ..span.batch import NOWHERE
from ..span.decode import SPANS_DECODED, SpanOrNone, best_answer, spans
from ..span.scored import Sample, ScoredQuestion, fit_temperature
from ..span.threshold import choose_threshold, threshold_sentence
from ..task import Carry
from .features import FEATURES, analyse, folded
from .head import PointerHead
from .network import Inputs, PointerNetwork
from .settings import PointerReaderSettings

# Steps times rows read at once when answering.
TOKENS_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class PointerExample:
    """Ids and features of one text and its question after it.

    text_length: tokens of the text alone. first, last: of its answer; None if not known, `NOWHERE` if the text has
    none.
    """

    words: NDArray[np.int32]
    features: NDArray[np.float32]
    text_length: int
    first: int | None = None
    last: int | None = None

    @property
    def length(self) -> int:
        """Tokens of text and question."""
        return len(self.words)

    @property
    def text(self) -> NDArray[np.int32]:
        """Ids of the text's tokens."""
        return self.words[: self.text_length]


@dataclass(frozen=True)
class PointerBatch(TensorBatch):
    """A padded batch of examples. `first` and `last` are None if the answer of one of them is not known."""

    inputs: Inputs
    first: Int64[Tensor, " batch"] | None
    last: Int64[Tensor, " batch"] | None


class PointerReader(Reader, nn.Module):
    """Text and question → the piece of the text that answers, or none."""

    kind: ClassVar[str] = "pointer-reader"
    settings_type: ClassVar[type] = PointerReaderSettings

    def __init__(self, vocabulary: Vocabulary, settings: PointerReaderSettings) -> None:
        super().__init__()
        self.words, self.settings = vocabulary, settings
        self.network = PointerNetwork(settings, len(vocabulary))

    @classmethod
    def build(cls, questions: Sequence[Question], settings: PointerReaderSettings, seed: int) -> Self:
        """A reader that embeds the most frequent tokens of these questions, with fresh weights; the same for the seed.

        Raises CorpusError if there is no question.
        """
        if not questions:
            raise CorpusError("no question to learn from was given; give one or more")
        texts = [
            *dict.fromkeys(question.text for question in questions),
            *(question.question for question in questions),
        ]
        counts = Counter(folded(token) for text in texts for token in tokenize(text).texts)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(Vocabulary.most_frequent(counts, 1, settings.vocabulary_size), settings)

    @classmethod
    def from_files(cls, settings: PointerReaderSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A reader of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(Vocabulary.from_json(vocabulary.get("tokens")), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """The tokens with an embedding of their own, in the order of their numbers."""
        return {"tokens": self.words.to_json()}

    @property
    def vocabulary(self) -> None:
        """None: it tells any tokens apart, by their code."""
        return None

    @property
    def choices(self) -> None:
        """None: it points into the text."""
        return None

    @property
    def abstains(self) -> bool:
        """True: it may say that the text has no answer."""
        return True

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[PointerExample]:
        """The ids and features of each question; in training without the unlearnable ones.

        Raises CorpusError for a question that has no text or asks nothing.
        """
        examples = [self._example(question) for question in questions]
        return [example for example in examples if not training or self.unlearnable(example) is None]

    def _example(self, question: Question) -> PointerExample:
        read = analyse(question, self.words)
        return PointerExample(read.words, read.features, len(read.tokens), *_place(question, read.tokens))

    def unlearnable(self, example: PointerExample) -> str | None:
        """Why nothing can be learnt from this example; None if something can."""
        if example.first is None or example.last is None:
            return "the answer is not in the text"
        too_long = example.last - example.first >= self.settings.max_answer_span
        return "the answer is too long to point at" if too_long else None

    def collate(self, examples: Sequence[PointerExample]) -> PointerBatch:
        """The examples as one padded batch. It has answers if every example has one."""
        lengths = torch.tensor([example.length for example in examples])
        words = np.zeros((int(lengths.max()), len(examples)), np.int64)
        rows = np.zeros((*words.shape, FEATURES), np.float32)
        for row, example in enumerate(examples):
            words[: example.length, row], rows[: example.length, row] = example.words, example.features
        texts = torch.tensor([example.text_length for example in examples])
        return PointerBatch(
            Inputs(torch.from_numpy(words), torch.from_numpy(rows), texts, lengths),
            complete([example.first for example in examples]),
            complete([example.last for example in examples]),
        )

    def loss(self, batch: PointerBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Mean cross entropy of the answers among all spans and none, in nats.

        In training some tokens are unknown. Raises ShapeError if a row has no known answer.
        """
        return self._cross_entropy(batch).mean(), None

    def losses(self, examples: Sequence[PointerExample], last: int | None = None) -> Float[Tensor, " rows"]:
        """Cross entropy of each example's answer, in nats, given the last so many tokens of its text; None gives all.

        An answer out of sight is then none.
        """
        if last is not None:
            examples = [_end_of(example, last) for example in examples]
        return self._cross_entropy(self.collate(examples).to(self.network.word.weight.device))

    def _cross_entropy(self, batch: PointerBatch) -> Float[Tensor, " rows"]:
        if batch.first is None or batch.last is None:
            raise ShapeError("this batch has items without a known answer; prepare them with training=True")
        inputs = batch.inputs
        if self.training and self.settings.mask_rate:
            hidden = (
                torch.rand(inputs.words.shape, device=inputs.words.device) < self.settings.mask_rate
            ) & (inputs.words > UNKNOWN)
            inputs = replace(inputs, words=inputs.words.masked_fill(hidden, UNKNOWN))
        scores, none = self.network(inputs)
        flat = torch.cat([scores.flatten(1), none[:, None]], 1)
        number = batch.first * self.settings.max_answer_span + batch.last - batch.first
        target = torch.where(batch.first == NOWHERE, flat.shape[1] - 1, number)
        return cross_entropy(flat, target, reduction="none")

    def predict(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        """One answer for each question, in order, without dropout or gradients; the mode stays as it was.

        An empty one, at no place, where the text seems to have none. Raises CorpusError for a question that has no
        text or asks nothing, BundleError if the scores are not finite.
        """
        undecided = self._undecided(questions, batch_size)
        return [each.decided(self.settings.no_answer_threshold) for each in undecided]

    def decided(self, texts: Sequence[str], scores: Tensor, none: Tensor) -> list[Answer]:
        """The answer of each text, from the scores of its spans and of no answer."""
        undecided = _decode(texts, scores, none)
        return [each.decided(self.settings.no_answer_threshold) for each in undecided]

    def _undecided(
        self, questions: Sequence[Question], batch_size: int, sample: Sample | None = None
    ) -> list[SpanOrNone]:
        """The best span of each question beside no answer. sample: is offered the questions with their scores."""

        def decoded(batch: PointerBatch, rows: list[int]) -> Sequence[SpanOrNone]:
            scores, nulls = self.network(batch.inputs)
            if sample is not None:
                for row, of_spans, null in zip(rows, numbers_of(scores), numbers_of(nulls), strict=True):
                    item = questions[row]
                    sample.offer(row, ScoredQuestion(item, tokenize(item.text), of_spans, float(null)))
            return _decode([questions[row].text for row in rows], scores, nulls)

        return in_batches(self, questions, decoded, batch_size=batch_size, tokens_at_once=TOKENS_AT_ONCE)

    def calibrate(self, questions: Sequence[Question]) -> str:
        """Chooses the threshold of no answer and the temperature by which all scores are divided, and says so.

        The threshold has the best F1 (bag of words) on these questions, the temperature the least cross entropy on some
        hundreds of them; it changes no answer. Raises as `predict`.
        """
        if not questions:
            return ""
        sample = Sample(len(questions))
        undecided = self._undecided(questions, 64, sample)
        threshold, f1 = choose_threshold(undecided, questions)
        answers = [undecided[row].decided(threshold) for row in sample.items]
        temperature, sentence = fit_temperature([*sample.items.values()], answers, len(questions))
        divide(temperature, self.network.ends, self.network.none)
        threshold /= temperature
        self.settings = replace(self.settings, no_answer_threshold=threshold)
        return f"{threshold_sentence(threshold, f1, questions)} {sentence}"

    reading_run = 0

    def reading_layer(self) -> str:
        """The name of the layer that reads text and question."""
        return "network.layer"

    def probe(self, item: Question) -> Probe:
        """The layer's inputs for one text and its question, and the head on its outputs.

        The places of the question's tokens count on from the text's end. Raises CorpusError if the question has no
        text or asks nothing.
        """
        with torch.no_grad(), eval_mode(self):
            inputs = self.collate(self.prepare([item], training=False)).inputs.to(
                self.network.word.weight.device
            )
            tokens = tokenize(item.text)
            head = PointerHead(self, self.network, item, inputs, tokens)
        (answer,) = self.predict([item])
        both = joined(tokens, tokenize(item.question), len(item.text))
        return Probe(layer=self.network.layer, x=head.x, tokens=both, answer=answer, head=head)

    def samples(self, items: Sequence[Question]) -> list[TaskSamples]:
        """The questions in batches of similar length. Raises SettingsError if none has an answer in its text."""
        items = [item for item in items if not item.unanswerable]
        return samples_of(
            self,
            items,
            "questions has an answer",
            needed=steps_back,
            tail=lambda example: example.length - example.text_length,
        )


def _decode(texts: Sequence[str], scores: Tensor, none: Tensor) -> list[SpanOrNone]:
    check_finite(scores)
    check_finite(none)
    numbers = numbers_of(scores)
    best = spans(numbers, f1_weight=0.0, count=SPANS_DECODED)
    answers = [best_answer(text, own, tokenize(text)) for text, own in zip(texts, best, strict=True)]
    parts = zip(answers, numbers, numbers_of(none), strict=True)
    return [SpanOrNone.of(answer, own, float(null)) for answer, own, null in parts]


def _place(question: Question, tokens: Tokens) -> tuple[int | None, int | None]:
    """The tokens of the first answer that begins and ends with tokens."""
    if question.unanswerable:
        return NOWHERE, NOWHERE
    firsts, lasts = ({place: k for k, place in enumerate(places)} for places in (tokens.starts, tokens.ends))
    for answer, start in zip(question.answers, question.starts, strict=True):
        start = locate(question.text, question.question, answer) if start is None else start
        if start is not None and start in firsts and start + len(answer) in lasts:
            return firsts[start], lasts[start + len(answer)]
    return None, None


def _end_of(example: PointerExample, last: int) -> PointerExample:
    """The example with the last so many tokens of its text."""
    offset = max(example.text_length - last, 0)
    first, end = (
        NOWHERE if place is None or place < offset else place - offset
        for place in (example.first, example.last)
    )
    if NOWHERE in (first, end):
        first = end = NOWHERE
    return PointerExample(
        example.words[offset:], example.features[offset:], example.text_length - offset, first, end
    )
