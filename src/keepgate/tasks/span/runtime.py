"""SpanRuntime: a span reader without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import states_of
from ...arrays.functions import linear, relu, softmax
from ...arrays.recurrent import Recurrent
from ...arrays.weight_table import WeightTable
from ...cells.choices import cell_of
from ...data.questions import Question, question_about, refuse_empty
from ..answer import Answer
from ..runtime_letters import RuntimeLetters
from ..runtime_task import RuntimeTask
from .corpus_statistics import CorpusStatistics
from .decode import answer_of, starts_and_ends
from .features import QUESTION_FEATURES, TEXT_FEATURES, AnalysedText, analyse, compare
from .settings import ALIGN, BLOCK, PAIR, SCALE, SpanReaderSettings
from .windows import joined, windows_of

Array = NDArray[Any]


class SpanRuntime(RuntimeTask):
    """Text and question → the piece of the text that answers; see `SpanReader` and `SpanNetwork`."""

    kind = "span-reader"
    settings_type = SpanReaderSettings
    command = "ask"

    def __init__(
        self, settings: SpanReaderSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.statistics = CorpusStatistics.from_json(vocabulary)
        self.vocabulary = self.statistics.vocabulary
        words, pairs = len(self.vocabulary), len(self.statistics.pairs) + 1
        table, hidden = table.within("network"), settings.hidden_size
        cell = cell_of(settings.cell)
        assert cell is not None
        embedded, state_size = settings.embedding_size + settings.pair_size, 2 * hidden
        self.spelling = None
        if (letters := self.statistics.letters) is not None:
            self.spelling = RuntimeLetters(
                table.within("spelling"), letters, settings.cell, settings.letter_size
            )
            embedded += 2 * settings.letter_size

        def encoder(name: str, inputs: int) -> Recurrent:
            part = table.within(name)
            return Recurrent.taken_from(part, cell, input_size=inputs, hidden_size=hidden, bidirectional=True)

        self.word = table.take("word.weight", words, settings.embedding_size)
        self.pair = table.take("pair.weight", pairs, settings.pair_size)
        self.align_words = table.take_linear("align_words", embedded, ALIGN)
        self.layer = encoder("text_encoder", 2 * embedded + len(TEXT_FEATURES))
        self.question_layer = encoder("question_encoder", embedded + len(QUESTION_FEATURES))
        self.second_layer = encoder("second_encoder", state_size)
        self.align_text = table.take_linear("align_text", state_size, ALIGN)
        self.align_question = table.take_linear("align_question", state_size, ALIGN)
        self.merge = table.take_linear("merge", 4 * state_size, state_size)
        self.summary_score = table.take_linear("summary_score", state_size, 1)
        self.start, self.end = (
            _Pointer(table.within(f"{name}_pointer"), 2 * state_size, state_size) for name in ("start", "end")
        )
        self.from_start = table.take_linear("from_start", 2 * state_size, PAIR)
        self.to_end = table.take_linear("to_end", 2 * state_size, PAIR)
        self.size = table.take("size", settings.max_train_span)
        self.size_by_question = table.take_linear("size_by_question", state_size, settings.max_train_span)
        self.null = table.take_linear("null_score", 3 * state_size, 1) if settings.no_answer else None
        # What predicts masked words in training answers nothing.
        table.take_linear("mlm_head", 2 * state_size, settings.embedding_size)
        table.take("mlm_bias", words)

    def item(self, text: str, question: str | None = None) -> Question:
        """A question about a text. Raises SettingsError if none is asked."""
        return question_about(text, question)

    def _answer(self, item: Question) -> Answer:
        text, question = (analyse(part, self.statistics) for part in (item.text, item.question))
        refuse_empty(item, text.words, question.words)
        settings, (scores, null) = self.settings, self._whole_scores(text, question)
        return answer_of(
            item.text, text.tokens, scores, null,
            f1_weight=settings.f1_weight, threshold=settings.no_answer_threshold, temperature=settings.temperature,
        )  # fmt: skip

    def _whole_scores(self, text: AnalysedText, question: AnalysedText) -> tuple[Array, float | None]:
        """`scores` of a text of any length, read window by window, up to the longest answers that are given."""
        windows = windows_of(len(text.ids), self.settings.read_window, self.settings.read_overlap)
        features = compare(text, question)
        read = [self._scores_of(text, question, features, window) for window in windows]
        nulls = [null for _, null in read if null is not None]
        whole = joined(windows, [scores[:, : self.settings.max_answer_span] for scores, _ in read])
        return whole, min(nulls, default=None)

    def scores(self, text: AnalysedText, question: AnalysedText) -> tuple[Array, float | None]:
        """The scores of the spans [time, longest], by first token and by tokens beyond it, and of no answer."""
        return self._scores_of(text, question, compare(text, question), slice(None))

    def _scores_of(
        self, text: AnalysedText, question: AnalysedText, compared: tuple[Array, Array], window: slice
    ) -> tuple[Array, float | None]:
        """`scores` of a part of the text. compared: the features of all of it, and of the question."""
        features = _rounded(compared[0][window]), _rounded(compared[1])
        words, asked_words = self._embed(text, window), self._embed(question, slice(None))
        queries, keys = (relu(linear(side, *self.align_words)) for side in (words, asked_words))
        text_x = np.concatenate([words, _attend(queries, keys, asked_words), features[0]], 1)
        states = states_of(self.layer, text_x)
        question_states = states_of(self.question_layer, np.concatenate([asked_words, features[1]], 1))
        keys = relu(linear(question_states, *self.align_question))
        attended = _attend(relu(linear(states, *self.align_text)), keys, question_states)
        both = np.concatenate([states, attended, states * attended, states - attended], 1)
        merged = relu(linear(both, *self.merge))
        return self._score(np.concatenate([states_of(self.second_layer, merged), merged], 1), question_states)

    def _embed(self, text: AnalysedText, window: slice) -> Array:
        """[tokens, embedded]."""
        parts = [self.word[text.ids[window]], self.pair[text.pairs[window]]]
        if self.spelling is not None:
            parts.append(self.spelling(text.tokens.texts[window]))
        return np.concatenate(parts, 1)

    def _score(self, states: Array, asked: Array) -> tuple[Array, float | None]:
        longest = self.settings.max_train_span
        summary = softmax(linear(asked, *self.summary_score)[:, 0], 0) @ asked
        start, end = self.start(states, summary), self.end(states, summary)
        products = _products(linear(states, *self.from_start), linear(states, *self.to_end), longest)
        sizes = self.size + linear(summary, *self.size_by_question)
        total: Array = starts_and_ends(start, end, longest) + products / np.float32(PAIR**0.5) + sizes
        if self.null is None:
            return total, None
        return total, float(linear(np.concatenate([states.max(0), summary]), *self.null)[0])


class _Pointer:
    """A bilinear score of each state with the question's summary, and a linear one of the state alone."""

    def __init__(self, table: WeightTable, states: int, asked: int) -> None:
        self.query = table.take_linear("query_proj", asked, states)
        self.state = table.take_linear("state_score", states, 1)

    def __call__(self, states: Array, summary: Array) -> Array:
        """[time]."""
        fits: Array = states @ linear(summary, *self.query) / np.float32(SCALE)
        return fits + linear(states, *self.state)[:, 0]


def _rounded(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """As an example holds them, in float16."""
    return features.astype(np.float16).astype(np.float32)


def _attend(queries: Array, keys: Array, values: Array) -> Array:
    """For each step, the mean of the values, weighted by how well their keys fit it."""
    read: Array = softmax(queries @ keys.T / np.float32(SCALE), 1) @ values
    return read


def _products(first: Array, second: Array, count: int) -> Array:
    """[t, k] = first[t] · second[t + k], and 0 after the last; a block of t at a time, for long texts."""
    products = np.zeros((len(first), count), first.dtype)
    for at in range(0, len(first), BLOCK):
        square = first[at : at + BLOCK] @ second[at : at + BLOCK + count - 1].T
        for k in range(count):
            diagonal = np.diagonal(square, k)[:BLOCK]
            products[at : at + len(diagonal), k] = diagonal
    return products


RUNTIME = SpanRuntime
