"""LanguageModel: a text in, the probability of each next token out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, linear

from ...data.batch import pad
from ...data.corpora.text_file import TextFile
from ...data.labelled import LabelledText
from ...data.token_file import TokenFile
from ...data.vocabulary import PAD, SPECIAL, UNKNOWN, Vocabulary
from ...errors import SettingsError
from ...nn.dropout import LockedDropout, drop_tokens
from ...nn.encoder import Encoder
from ...nn.eval_mode import eval_mode
from ..answer import Answer, candidates_of, check_finite
from ..batched import TensorBatch, complete, in_batches, in_full_precision, numbers_of
from ..label_task import TOKENS_AT_ONCE
from ..measure import Measurement, Metric
from ..probe import Probe
from ..samples import ROWS, TaskSamples
from ..task import Carry
from .head import NextTokenHead
from .metrics import METRICS, Costs, measure_surprise, surprise_of
from .settings import LanguageModelSettings
from .tokeniser import Tokeniser, build_tokeniser, encoder_of, ids_to_read, tokeniser_from
from .tokens import text_to_go_on

# Tokens of a text that are run at once where it is measured: their logits over 10,000 words take 40 MiB.
_MEASURED_AT_ONCE = 1024
# What `samples` takes of the texts: so many places, evenly, each with so many tokens before it.
_PLACES, _CONTEXT = 512, 256


@dataclass(frozen=True)
class Passage:
    """Ids of consecutive tokens, and of the token after them; None where nobody asks for it."""

    text: Sequence[int]
    target: int | None = None

    @property
    def length(self) -> int:
        """Tokens of the passage."""
        return len(self.text)


@dataclass(frozen=True)
class PassageBatch(TensorBatch):
    """A padded batch of passages or pieces of lanes, time first. targets: None if one is missing."""

    ids: Int64[Tensor, "time batch"]
    lengths: Int64[Tensor, " batch"]
    targets: Int64[Tensor, " batch"] | None = None


class LanguageModel(nn.Module):
    """Text → the probability of each token of the vocabulary to be the next: embeddings, recurrent layers, a readout.

    It is trained on a stream of texts in contiguous lanes, with the states carried on from batch to batch (truncated
    backpropagation through time): `fit(model, config, stream=model.stream(texts))`.
    """

    kind: ClassVar[str] = "language-model"
    settings_type: ClassVar[type] = LanguageModelSettings
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __init__(self, tokeniser: Tokeniser, settings: LanguageModelSettings) -> None:
        super().__init__()
        self.tokeniser, self.settings = tokeniser, settings
        vocabulary, self._names = tokeniser.vocabulary, tokeniser.names()
        self.embedding = nn.Embedding(len(vocabulary), settings.embedding_size)
        self.encoder = Encoder(
            settings.cell, nn.Identity(), input_size=settings.embedding_size, hidden_size=settings.hidden_size,
            num_layers=settings.num_layers, dropout=settings.dropout, init=settings.init, horizon=settings.horizon,
            forget_bias=settings.forget_bias, weight_drop=settings.weight_drop,
        )  # fmt: skip
        self.dropout = LockedDropout(settings.dropout)
        tied = settings.tied_weights
        self.readout = nn.Linear(settings.hidden_size, settings.embedding_size if tied else len(vocabulary))
        self.bias = nn.Parameter(torch.zeros(len(vocabulary))) if tied else None
        if tied:
            # With torch's variance of 1 the first logits would be as large as the embeddings are wide.
            nn.init.normal_(self.embedding.weight, std=settings.embedding_size**-0.5)

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that it can tell from each other."""
        return self.tokeniser.vocabulary

    @property
    def choices(self) -> tuple[str, ...]:
        """The tokens by their numbers, as a prediction shows them: a blank as ␣, a line's end as ↵."""
        return self._names

    @classmethod
    def build(cls, items: Sequence[LabelledText], settings: LanguageModelSettings, seed: int) -> Self:
        """A model of these texts' tokens with fresh weights; the same for the same seed.

        Raises as `build_tokeniser`.
        """
        tokeniser = build_tokeniser((piece for item in items for piece in item.pieces()), settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(tokeniser, settings)

    @classmethod
    def from_files(cls, settings: LanguageModelSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A model of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(tokeniser_from(vocabulary, settings), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """The tokens in the order of their numbers; of byte pairs the merges too."""
        return self.tokeniser.to_json()

    def item(self, text: str, question: str | None = None) -> LabelledText:
        """A text to go on with. Raises SettingsError for a question: a language model is not asked any."""
        return text_to_go_on(text, question)

    def ids(self, text: str) -> list[int]:
        """The number of each token of a text; 1 for those it does not know."""
        ids: list[int] = self.tokeniser.ids(text).tolist()
        return ids

    def stream(
        self, items: Sequence[LabelledText | TextFile], file: Path | None = None
    ) -> Int64[Tensor, " tokens"] | TokenFile:
        """The ids of all these texts, one after the other, for `fit(…, stream=…)`.

        file: where they go, and are read from piece by piece, if one of the texts stays in its file too.
        """
        encode = encoder_of(self.tokeniser)
        pieces = (encode(piece) for item in items for piece in item.pieces())
        if file is not None and any(isinstance(item, TextFile) for item in items):
            return TokenFile.write(file, pieces, largest=len(self.vocabulary))
        return torch.from_numpy(np.concatenate(list(pieces)))

    def excerpt(self, items: Sequence[LabelledText | TextFile], characters: int) -> list[LabelledText]:
        """The beginning of the texts, so many characters at most."""
        parts: list[LabelledText] = []
        for item in items:
            for piece in item.pieces():
                parts.append(LabelledText(text=piece[:characters], id=item.id))
                characters -= len(parts[-1].text)
                if characters <= 0:
                    return parts
        return parts

    def prepare(self, items: Sequence[LabelledText], *, training: bool) -> list[Passage]:  # noqa: ARG002
        """The token ids of each text. Raises CorpusError for a text in which there is nothing."""
        return [Passage(ids_to_read(item, self.tokeniser)) for item in items]

    def unlearnable(self, example: Passage) -> None:
        """None: there is something to learn from every text."""

    def collate(self, examples: Sequence[Passage | Int[Tensor, " steps"]]) -> PassageBatch:
        """Passages, or the lanes' next pieces, as one padded batch."""
        rows = [example.text if isinstance(example, Passage) else example.tolist() for example in examples]
        ids, lengths = pad(rows)
        targets = [example.target if isinstance(example, Passage) else None for example in examples]
        return PassageBatch(ids, lengths, complete(targets))

    def forward(self, batch: PassageBatch) -> Float[Tensor, "time batch tokens"]:
        """The logits of the token after each one."""
        states, _ = self.encoder.layer(self.encoder.embed(self.embedding(batch.ids)), lengths=batch.lengths)
        return self.logits(self.dropout(states))

    def logits(self, states: Float[Tensor, "... states"]) -> Float[Tensor, "... tokens"]:
        """The readout of the last layer's states, in their dtype."""
        dtype = states.dtype
        read = linear(states, self.readout.weight.to(dtype), self.readout.bias.to(dtype))
        if self.bias is None:
            return read
        return linear(read, self.embedding.weight.to(dtype), self.bias.to(dtype))

    def continuation(self) -> Callable[[int], NDArray[np.floating]]:
        """From each next token's number to the scores of the token after it, the states inside."""
        stepper, embeddings = self.encoder.recurrent.stepper(), self.embedding.weight.detach()

        @torch.no_grad()
        def read(number: int) -> NDArray[np.floating]:
            return numbers_of(self.logits(stepper.step(embeddings[number])))

        return read

    def loss(self, batch: PassageBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], Carry]:
        """Mean cross entropy of all tokens but the first of each row, in nats, and the states before the last token.

        Those are what goes on: the last token of a lane's piece is the first of the next.
        """
        x, targets, lengths = batch.ids[:-1], batch.ids[1:], batch.lengths - 1
        ragged = bool((lengths < len(x)).any())
        states, final = self.encoder.layer(
            self.encoder.embed(self._embedded(x)), _hidden(carry), lengths=lengths if ragged else None
        )
        logits = self.logits(self.dropout(states))
        loss = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        return loss, final if isinstance(final, tuple) else (final,)

    def loss_weight(self, batch: PassageBatch) -> int:
        """All tokens but the first of each row."""
        return int((batch.lengths - 1).sum())

    def scored(
        self, examples: Sequence[Passage], last: int | None = None
    ) -> tuple[Float[Tensor, "rows tokens"], Int[Tensor, " rows"]]:
        """The logits of the token after each passage, given its last so many tokens, and the right ones' numbers."""
        if last is not None:
            examples = [replace(example, text=example.text[-max(last, 1) :]) for example in examples]
        batch = self.collate(examples).to(self.readout.weight.device)
        assert batch.targets is not None
        return self._next(batch), batch.targets

    def losses(self, examples: Sequence[Passage], last: int | None = None) -> Float[Tensor, " rows"]:
        """Cross entropy of the token after each passage, in nats, given the passage's last so many tokens."""
        return cross_entropy(*self.scored(examples, last), reduction="none")

    def predict(self, items: Sequence[LabelledText], *, batch_size: int = 64) -> list[Answer]:
        """The most probable next token after each text, and the others after it, as `Writer` draws them.

        The two special tokens are none of them. Raises as the protocol says.
        """

        def answers(batch: PassageBatch, rows: list[int]) -> list[Answer]:
            scores = in_full_precision(self._next(batch))
            check_finite(scores)
            shares = numbers_of(scores[:, len(SPECIAL) :].softmax(1))
            candidates = candidates_of(shares, self.choices[len(SPECIAL) :])
            return [self.answer_of(items[row], some) for row, some in zip(rows, candidates, strict=True)]

        return in_batches(self, items, answers, batch_size=batch_size, tokens_at_once=TOKENS_AT_ONCE)

    def answer_of(self, item: Any, candidates: tuple[tuple[str, float], ...]) -> Answer:  # noqa: ARG002
        """The first of some tokens with their probabilities as an answer to this item."""
        return Answer(*candidates[0], candidates=candidates)

    def measure(
        self,
        items: Sequence[LabelledText | TextFile],
        *,
        batch_size: int = 64,  # noqa: ARG002
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Nats a token, perplexity and bits a character, each token but a text's first given all that is before it.

        A text is one row, read piece by piece if it stays in its file. Raises SettingsError where none has two tokens.
        """
        texts = []
        with torch.no_grad(), eval_mode(self):
            for count, item in enumerate(items, 1):
                texts.append(surprise_of(item.id, self._costs(item), UNKNOWN, len(self.vocabulary)))
                if on_progress is not None:
                    on_progress(count)
        if not any(text.records for text in texts):
            raise SettingsError(
                f"of {len(texts)} texts to evaluate on, none has two {self._unit}; give a longer one"
            )
        return measure_surprise(texts)

    reading_run = 0

    def reading_layer(self) -> str:
        """The name of the layer that reads the text."""
        return "encoder.layer"

    def probe(self, item: LabelledText) -> Probe:
        """The layer's inputs for one text, and the head on its outputs. Raises CorpusError for an empty text."""
        (passage,) = self.prepare([item], training=False)
        ids = list(passage.text)

        def inputs(numbers: Sequence[int]) -> Tensor:
            # Where nothing is left, one unknown token stands for it.
            chosen = torch.tensor(numbers or [UNKNOWN], device=self.readout.weight.device)
            return self.embedding(chosen).unsqueeze(1)

        with torch.no_grad(), eval_mode(self):
            x = inputs(ids)
            head = NextTokenHead(self, item, self.encoder.layer(x)[0])
        (answer,) = self.predict([item])
        return Probe(
            layer=self.encoder.recurrent, x=x, tokens=self.tokeniser.tokens(item.text), answer=answer,
            head=head, without=lambda removed: inputs([number for k, number in enumerate(ids) if k not in removed]),
        )  # fmt: skip

    def samples(self, items: Sequence[LabelledText]) -> list[TaskSamples]:
        """Places of the texts, taken evenly, each with the 256 tokens before it, or all, if there are fewer.

        Raises SettingsError where no text has two tokens.
        """
        texts = [passage.text for passage in self.prepare(items, training=False)]
        places = [
            (text, place)
            for text in texts
            for place in range(min(_CONTEXT, len(text) - 1), len(text))
            if place > 0
        ]
        if not places:
            raise SettingsError(
                f"none of the texts ({len(texts)} in all) has two {self._unit}; examine it with a longer one"
            )
        passages = [
            Passage(text[max(place - _CONTEXT, 0) : place], text[place])
            for text, place in places[:: -(-len(places) // _PLACES)]
        ]
        passages.sort(key=lambda passage: -passage.length)
        batches = [passages[start : start + ROWS] for start in range(0, len(passages), ROWS)]
        return [self._sample(batch) for batch in batches]

    def _sample(self, passages: Sequence[Passage]) -> TaskSamples:
        lengths = torch.tensor([passage.length for passage in passages])
        return TaskSamples(
            task=self, examples=passages, lengths=lengths, needed=lengths, tail=torch.zeros_like(lengths),
            located=False,
        )  # fmt: skip

    @property
    def _unit(self) -> str:
        return self.settings.tokens.replace("_", " ")

    def _embedded(self, ids: Int64[Tensor, "time batch"]) -> Float[Tensor, "time batch embedding"]:
        if not (self.training and self.settings.token_dropout):
            return self.embedding(ids)
        return embedding(ids, drop_tokens(self.embedding.weight, self.settings.token_dropout))

    def _next(self, batch: PassageBatch) -> Float[Tensor, "rows tokens"]:
        """The logits of the token after each row."""
        _, last = self.encoder(self.embedding(batch.ids), batch.lengths)
        return self.logits(self.dropout(last.unsqueeze(0))[0])

    def _costs(self, item: LabelledText | TextFile) -> Iterator[Costs]:
        """What each token of one text but the first costs, the text read in pieces with the states carried on."""
        carry, characters = None, 0
        # The tokens that are read but not yet followed by one, of which there is one at most, and where they end.
        before, end = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for piece in item.pieces():
            ids = np.concatenate([before, self.tokeniser.ids(piece)])
            ends = np.concatenate([end, np.array(self.tokeniser.tokens(piece).ends, np.int64) + characters])
            characters += len(piece)
            for start in range(0, len(ids) - 1, _MEASURED_AT_ONCE):
                part = torch.from_numpy(ids[start : start + _MEASURED_AT_ONCE + 1]).to(
                    self.readout.weight.device
                )
                states, carry = self.encoder.layer(self.embedding(part[:-1].unsqueeze(1)), carry)
                costs = cross_entropy(self.logits(states[:, 0]).double(), part[1:], reduction="none")
                check_finite(costs)
                place = slice(start + 1, start + len(part))
                yield costs.cpu().numpy(), ids[place], np.diff(ends[start : start + len(part)])
            before, end = ids[-1:], ends[-1:]


def _hidden(carry: Carry | None) -> Tensor | Carry | None:
    """Carried states as the layer takes them."""
    return carry[0] if carry is not None and len(carry) == 1 else carry
