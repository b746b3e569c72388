"""SpanNetwork: attention between text and question, before and after a recurrent encoder, then scores of spans.

Text and question are compared by their words, read by a recurrent layer each, compared again by what was read, and
read once more. Aligned question: Lee et al. (2016), arXiv:1611.01436; second comparison and reading: BiDAF, Seo et al.
(2017), arXiv:1611.01603, with attention one way only. Spans are scored whole, not as independent starts and ends.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear, pad, relu

from ...cells.choices import cell_of
from ...nn import LockedDropout, Recurrent
from ...nn.length_mask import length_mask
from ..batched import TensorBatch
from ..token_letters import Letters, Spelling
from .features import QUESTION_FEATURES, TEXT_FEATURES
from .settings import ALIGN, BLOCK, NEVER, PAIR, SCALE, SpanReaderSettings


@dataclass(frozen=True)
class Inputs(TensorBatch):
    """A padded batch of texts or of questions, time first; lengths in tokens, on the processor."""

    words: Int[Tensor, "time batch"]
    pairs: Int[Tensor, "time batch"]
    features: Float[Tensor, "time batch features"]
    lengths: Int[Tensor, " batch"]
    letters: Letters | None = None

    @property
    def real(self) -> Bool[Tensor, "time batch"]:
        """True for the tokens that are no padding."""
        return length_mask(self.words.shape[0], self.lengths, self.words.device)


@dataclass(frozen=True)
class Scores:
    """Scores before the softmax: of each start, of each end, and of spans by start and by tokens beyond it.

    states: what they were computed from, the second reading beside what it read. null: of no answer, beside those of
    the spans; None for a reader that always answers.
    """

    start: Float[Tensor, "batch time"]
    end: Float[Tensor, "batch time"]
    span: Float[Tensor, "batch time longest"]
    states: Float[Tensor, "time batch states"]
    null: Float[Tensor, " batch"] | None = None


class SpanNetwork(nn.Module):
    """Texts and questions → scores of spans.

    letters: how many are told apart; 0 of a network that reads whole words alone.
    """

    def __init__(self, settings: SpanReaderSettings, words: int, pairs: int, letters: int = 0) -> None:
        super().__init__()
        self.max_span = settings.max_train_span
        embedded, state_size = settings.embedding_size + settings.pair_size, 2 * settings.hidden_size
        self.spelling: Spelling | None = None
        if letters:
            size, dropout = settings.letter_size, settings.dropout / 2
            self.spelling = Spelling(letters, size, cell=settings.cell, dropout=dropout, init="orthogonal")
            embedded += self.spelling.output_size
        self.word = nn.Embedding(words, settings.embedding_size, padding_idx=0)
        self.pair = nn.Embedding(pairs, settings.pair_size, padding_idx=0)
        # Pairs keep their vectors: there are 40,000 of them and 10,000 questions to learn from.
        self.pair.weight.requires_grad_(False)
        self.drop = LockedDropout(settings.dropout)
        self.align_words = nn.Linear(embedded, ALIGN)
        self.text_encoder = _encoder(settings, 2 * embedded + len(TEXT_FEATURES))
        self.question_encoder = _encoder(settings, embedded + len(QUESTION_FEATURES))
        self.align_text, self.align_question = nn.Linear(state_size, ALIGN), nn.Linear(state_size, ALIGN)
        self.merge = nn.Linear(4 * state_size, state_size)
        self.second_encoder = _encoder(settings, state_size)
        self.summary_score = nn.Linear(state_size, 1)
        self.start_pointer = _Pointer(2 * state_size, state_size)
        self.end_pointer = _Pointer(2 * state_size, state_size)
        self.from_start, self.to_end = nn.Linear(2 * state_size, PAIR), nn.Linear(2 * state_size, PAIR)
        self.size, self.size_by_question = (
            nn.Parameter(torch.zeros(settings.max_train_span)),
            nn.Linear(state_size, settings.max_train_span),
        )
        self.mlm_head = nn.Linear(2 * state_size, settings.embedding_size)
        self.mlm_bias = nn.Parameter(torch.zeros(words))
        self.null_score = nn.Linear(3 * state_size, 1) if settings.no_answer else None

    def forward(self, text: Inputs, question: Inputs) -> Scores:
        """Scores of the spans of each text as an answer to its question."""
        question_x, text_x = self.encode_inputs(text, question)
        text_states = self.text_encoder(text_x, lengths=text.lengths)[0]
        question_states = self.question_encoder(question_x, lengths=question.lengths)[0]
        return self.score_spans(text_states, question_states, text, question)

    def score_spans(
        self,
        text_states: Float[Tensor, "time batch states"],
        question_states: Float[Tensor, "asked batch states"],
        text: Inputs,
        question: Inputs,
    ) -> Scores:
        """Scores of the spans, from the first encoder's states of each text and of its question."""
        question_states, text_states = self.drop(question_states), self.drop(text_states)
        keys = relu(self.align_question(question_states))
        attended = _attend(relu(self.align_text(text_states)), keys, question_states, question.real)
        both = [text_states, attended, text_states * attended, text_states - attended]
        merged = self.drop(relu(self.merge(torch.cat(both, -1))))
        second_states = self.drop(self.second_encoder(merged, lengths=text.lengths)[0])
        with torch.autocast(text.words.device.type, enabled=False):
            states = _full(torch.cat([second_states, merged], -1))
            return self._score(states, _full(question_states), text, question)

    def encode_inputs(
        self, text: Inputs, question: Inputs
    ) -> tuple[Float[Tensor, "asked batch _"], Float[Tensor, "time batch _"]]:
        """The encoders' inputs for question and text: embeddings, features, and for the text its aligned question."""
        words, question_words = self._embed(text), self._embed(question)
        queries, keys = relu(self.align_words(words)), relu(self.align_words(question_words))
        aligned = _attend(queries, keys, question_words, question.real)
        return (
            torch.cat([question_words, question.features.to(words.dtype)], -1),
            torch.cat([words, aligned, text.features.to(words.dtype)], -1),
        )

    def masked_word_scores(self, states: Float[Tensor, "hidden states"]) -> Float[Tensor, "hidden words"]:
        """Logits of each word of the vocabulary at the masked tokens (masked language modelling)."""
        scores: Tensor = linear(self.mlm_head(states), self.word.weight, self.mlm_bias.to(states.dtype))
        return scores

    def _embed(self, inputs: Inputs) -> Float[Tensor, "time batch _"]:
        parts = [self.word(inputs.words), self.pair(inputs.pairs)]
        if self.spelling is not None and inputs.letters is not None:
            parts.append(self.spelling.of_tokens(inputs.letters))
        return self.drop(torch.cat(parts, -1))

    def _score(
        self,
        states: Float[Tensor, "time batch states"],
        question_states: Float[Tensor, "asked batch _"],
        text: Inputs,
        question: Inputs,
    ) -> Scores:
        logits = self.summary_score(question_states).squeeze(-1).masked_fill(~question.real, NEVER)
        summary = torch.einsum("tb,tbk->bk", logits.softmax(0), question_states)
        start, end = (
            score(states, summary).masked_fill(~text.real, NEVER).T
            for score in (self.start_pointer, self.end_pointer)
        )
        both = _products(self.from_start(states), self.to_end(states), self.max_span) / PAIR**0.5
        sizes = self.size + self.size_by_question(summary)
        span = start[:, :, None] + _onward(end, self.max_span, NEVER) + both + sizes[:, None]
        return Scores(start, end, span, states, self._null(states, summary, text.real))

    def _null(
        self,
        states: Float[Tensor, "time batch states"],
        summary: Float[Tensor, "batch asked"],
        real: Bool[Tensor, "time batch"],
    ) -> Float[Tensor, " batch"] | None:
        """The score of no answer, from the highest of each state over the text and the question's summary."""
        if self.null_score is None:
            return None
        highest = states.masked_fill(~real.unsqueeze(2), NEVER).amax(0)
        score: Tensor = self.null_score(torch.cat([highest, summary], 1))
        return score.squeeze(1)


class _Pointer(nn.Module):
    """A bilinear score of each state with the question's summary, and a linear one of the state alone."""

    def __init__(self, states: int, asked: int) -> None:
        super().__init__()
        self.query_proj, self.state_score = nn.Linear(asked, states), nn.Linear(states, 1)

    def forward(
        self, states: Float[Tensor, "time batch states"], asked: Float[Tensor, "batch asked"]
    ) -> Float[Tensor, "time batch"]:
        fits: Tensor = (states * self.query_proj(asked)).sum(-1) / SCALE + self.state_score(states).squeeze(
            -1
        )
        return fits


def _encoder(settings: SpanReaderSettings, input_size: int) -> Recurrent:
    cell = cell_of(settings.cell)
    assert cell is not None
    forget_bias = None if cell.analysis.retain_bias is None else 1.0
    return Recurrent(
        cell, input_size, settings.hidden_size, bidirectional=True, init="orthogonal", forget_bias=forget_bias
    )


def _attend(
    queries: Float[Tensor, "time batch key"],
    keys: Float[Tensor, "asked batch key"],
    values: Float[Tensor, "asked batch value"],
    real: Bool[Tensor, "asked batch"],
) -> Float[Tensor, "time batch value"]:
    """For each step, the mean of the values, weighted by how well their keys fit it; 0 where `real` is false."""
    scores = _full(torch.bmm(queries.transpose(0, 1), keys.permute(1, 2, 0))) / SCALE
    weights = scores.masked_fill(~real.T[:, None], NEVER).softmax(-1)
    return torch.bmm(weights.to(values.dtype), values.transpose(0, 1)).transpose(0, 1)


def _full(values: Tensor) -> Tensor:
    """In float32 at least, whatever autocast made of them."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _onward(
    values: Float[Tensor, "batch time"], count: int, beyond: float
) -> Float[Tensor, "batch time count"]:
    """[b, t, k] = values[b, t + k], and `beyond` after the last."""
    return pad(values, (0, count - 1), value=beyond).unfold(1, count, 1)


def _products(
    first: Float[Tensor, "time batch pair"], second: Float[Tensor, "time batch pair"], count: int
) -> Float[Tensor, "batch time count"]:
    """[b, t, k] = first[t, b] · second[t + k, b], and 0 after the last; a block of t at a time, for long texts."""
    if torch.compiler.is_exporting():  # a loop over blocks would be written down for this number of steps
        return _products_of_block(first, second, count)
    ends = [(at, at + BLOCK) for at in range(0, len(first), BLOCK)]
    return torch.cat(
        [_products_of_block(first[at:end], second[at : end + count - 1], count) for at, end in ends], 1
    )


def _products_of_block(
    first: Float[Tensor, "block batch pair"], second: Float[Tensor, "onward batch pair"], count: int
) -> Float[Tensor, "batch block count"]:
    """The same where `second` goes on for as many steps after the first one's last as there are."""
    square = torch.bmm(first.transpose(0, 1), second.permute(1, 2, 0))
    steps = first.shape[0]
    place = torch.arange(steps, device=first.device)[:, None] + torch.arange(count, device=first.device)
    missing = steps + count - 1 - second.shape[0]
    return pad(square, (0, missing)).gather(2, place.expand(square.shape[0], -1, -1))
