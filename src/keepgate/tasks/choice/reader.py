"""ChoiceReader: a text and a question in, one of the answers met in training out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ...data.batch import pad
from ...data.questions import Question, refuse_empty
from ...data.text import Tokens, tokenize, words
from ...data.vocabulary import PAD, Vocabulary
from ...data.word_vectors import WordVectors
from ...errors import CorpusError
from ...nn.attention import Attention
from ...nn.eval_mode import eval_mode
from ...nn.length_mask import length_mask
from ..answer import Answer
from ..batched import TensorBatch, complete
from ..calibration import calibrate
from ..label_task import LabelTask
from ..probe import Probe
from ..reader import Reader
from ..samples import TaskSamples, samples_of, steps_back
from ..task import Carry
from ..token_pairs import place_vectors, vectors_of
from .content import answer_in, check_choices, vocabulary_of
from .head import ChoiceHead
from .settings import ChoiceReaderSettings


@dataclass(frozen=True)
class ChoiceExample:
    """Token ids of one text and of its question, and the number of the right choice.

    facts: numbers of the text's tokens that the answer rests on; none where that is not known, or not learnt from.
    """

    text: list[int]
    question: list[int]
    target: int | None
    facts: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Tokens of text and question."""
        return len(self.text) + len(self.question)


@dataclass(frozen=True)
class ChoiceBatch(TensorBatch):
    """A padded batch, time first. For a reader of the last state the question stands at the end of `text`.

    facts: which tokens the answers rest on; None for a reader that does not learn from that.
    """

    text: Int64[Tensor, "time batch"]
    text_lengths: Int64[Tensor, " batch"]
    question: Int64[Tensor, "asked batch"] | None
    question_lengths: Int64[Tensor, " batch"] | None
    targets: Int64[Tensor, " batch"] | None
    facts: Bool[Tensor, "time batch"] | None = None


class ChoiceReader(Reader, LabelTask):
    """Text and question → one of the choices, by the last state or by attention over all states.

    With "attention" one encoder reads both; the question's last state asks over the text's states, and what
    it reads there is joined by the question's state and the text's last one. With `question_first` a linear map of
    the question's last state is added to the text's embeddings.
    Raises CorpusError if there is no choice, or one comes twice.
    """

    kind: ClassVar[str] = "choice-reader"
    settings_type: ClassVar[type] = ChoiceReaderSettings
    unlabelled = "its answer is none of the choices"

    def __init__(
        self, vocabulary: Vocabulary, choices: Sequence[str], settings: ChoiceReaderSettings
    ) -> None:
        check_choices(choices)
        embedding = nn.Embedding(len(vocabulary), settings.embedding_size, padding_idx=PAD)
        super().__init__(
            choices, settings, embedding, input_size=settings.embedding_size, window=settings.window
        )
        self.vocabulary = vocabulary
        size = self.encoder.output_size
        attends = settings.pooling == "attention"
        self.attention = Attention(size, size) if attends else None
        self.question_proj = (
            nn.Linear(size, settings.embedding_size, bias=False) if settings.question_first else None
        )
        self.readout = nn.Linear(3 * size if attends else size, len(self.choices))
        self.reading_run = int(settings.question_first)

    @classmethod
    def build(
        cls,
        questions: Sequence[Question],
        settings: ChoiceReaderSettings,
        seed: int,
        vectors: WordVectors | None = None,
    ) -> Self:
        """A reader with these questions' tokens and answers, and fresh weights, the same for the same seed.

        vectors: of words, which their embeddings begin with. The choices are the first answers, the most frequent
        first. Raises CorpusError if no question has an answer, or the facts that `fact_weight` asks for, and as
        `vectors_of`.
        """
        if settings.fact_weight and not any(question.facts for question in questions):
            raise CorpusError(
                f"fact_weight is {settings.fact_weight}, and none of the {len(questions)} questions says which "
                "sentences its answer rests on, as bAbI's format does; leave it out"
            )
        answers = Counter(question.answers[0] for question in questions if question.answers)
        if not answers:
            raise CorpusError(f"none of the {len(questions)} questions has an answer to choose")
        choices = sorted(answers, key=lambda answer: (-answers[answer], answer))
        # Many questions share a text; counted once, it keeps the order of the tokens all the same.
        texts = dict.fromkeys(question.text for question in questions)
        vocabulary = Vocabulary.count([*texts, *(question.question for question in questions)])
        of_words = vectors_of(vectors, vocabulary.to_json(), settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reader = cls(vocabulary, choices, settings)
        embedding = reader.encoder.inputs
        assert isinstance(embedding, nn.Embedding)
        place_vectors(embedding, vocabulary, of_words)
        return reader

    @classmethod
    def from_files(cls, settings: ChoiceReaderSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A reader of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        return cls(*vocabulary_of(vocabulary), settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """The tokens and the choices, each in the order of their numbers."""
        return {"tokens": self.vocabulary.to_json(), "choices": list(self.choices)}

    @property
    def abstains(self) -> bool:
        """Whether no answer is one of the choices."""
        return "" in self.choices

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[ChoiceExample]:
        """The token ids of each question; in training without the unlearnable ones.

        Raises CorpusError for a question that has no text or asks nothing.
        """
        examples = []
        for question in questions:
            targets = (self._targets[answer] for answer in question.answers if answer in self._targets)
            text, asked = (self.vocabulary.ids(words(part)) for part in (question.text, question.question))
            refuse_empty(question, text, asked)
            facts = _tokens_of_facts(question) if self.settings.fact_weight else ()
            examples.append(ChoiceExample(text, asked, next(targets, None), facts))
        return [example for example in examples if not training or self.unlearnable(example) is None]

    def collate(self, examples: Sequence[ChoiceExample]) -> ChoiceBatch:
        """The examples as one padded batch. It has targets if every example has one."""
        targets = complete([example.target for example in examples])
        if self.attention is None:
            joined = pad([example.text + example.question for example in examples])
            return ChoiceBatch(*joined, None, None, targets)
        text, lengths = pad([example.text for example in examples])
        facts = None
        if self.settings.fact_weight:
            facts = torch.zeros_like(text, dtype=torch.bool)
            for row, example in enumerate(examples):
                facts[list(example.facts), row] = True
        return ChoiceBatch(text, lengths, *pad([example.question for example in examples]), targets, facts)

    def shortened(self, example: ChoiceExample, last: int) -> ChoiceExample:
        """The example with the last so many tokens of its text."""
        return replace(example, text=example.text[max(len(example.text) - last, 0) :], facts=())

    def forward(self, batch: ChoiceBatch) -> Float[Tensor, "batch choices"]:
        """The score of each choice for each row, before the softmax."""
        return self._scores_and_attention(batch)[0]

    def loss(self, batch: ChoiceBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:
        """As `LabelTask.loss`; in training with `fact_weight` also -log of the attention's share on the facts, in nats.

        Rows whose facts are not known cost nothing there.
        """
        if not self.training or batch.facts is None or batch.targets is None:
            return super().loss(batch, carry)
        scores, attention = self._scores_and_attention(batch)
        assert attention is not None
        share = (attention * batch.facts).sum(0).clamp_min(torch.finfo(attention.dtype).tiny)
        costs = torch.where(batch.facts.any(0), -share.log(), 0)
        return self._label_loss(scores, batch.targets) + self.settings.fact_weight * costs.mean(), None

    def _scores_and_attention(
        self, batch: ChoiceBatch
    ) -> tuple[Float[Tensor, "batch choices"], Float[Tensor, "time batch"] | None]:
        attention = None
        if self.attention is None:
            features = self.encoder.last(batch.text, batch.text_lengths)
        else:
            assert batch.question is not None
            assert batch.question_lengths is not None
            question, text = (batch.question, batch.question_lengths), (batch.text, batch.text_lengths)
            if self.question_proj is None:
                states, features = self.encoder(*text)
                _, query = self.encoder(*question)
            else:
                _, query = self.encoder(*question)
                states, features = self.encoder(*text, self.question_proj(query))
            real = length_mask(states.shape[0], batch.text_lengths, states.device)
            attended, attention = self.attention(query, states, real)
            features = torch.cat([attended, query, features], 1)
        return self.readout(self.dropout(features)), attention

    def answer_of(self, item: Question, candidates: tuple[tuple[str, float], ...]) -> Answer:
        """The most probable choice as an answer, with where its words most likely stand in the text, if they do."""
        return answer_in(item, candidates)

    def right_of(self, item: Question) -> Sequence[str]:
        """The answers that count as right of a question, whether or not they are among `labels`."""
        return item.answers

    def calibrate(self, questions: Sequence[Question]) -> str:
        """Divides the scores by the temperature that is best for these questions. Raises as `predict` does."""
        targets = [example.target for example in self.prepare(questions, training=False)]
        return calibrate(self.readout, self.logits(questions), targets, "questions")

    def probe(self, item: Question) -> Probe:
        """The encoder's inputs for one question, and the head that makes a choice of its outputs.

        The tokens are the text's, and after them the question's if it is read as one sequence with the text; the
        places of the question's tokens count on from the text's end. Raises CellError if the encoder is feed-forward,
        CorpusError for a question that has no text or asks nothing.
        """
        layer = self.encoder.recurrent
        tokens = tokenize(item.text)
        if self.attention is None:
            tokens = joined(tokens, tokenize(item.question), len(item.text))
        with torch.no_grad(), eval_mode(self):
            batch = self.collate(self.prepare([item], training=False)).to(self.readout.weight.device)
            x = self.encoder.inputs(batch.text)
            question_x = None if batch.question is None else self.encoder.inputs(batch.question)
            if self.question_proj is not None:
                _, query = self.encoder(batch.question, batch.question_lengths)
                x = x + self.question_proj(query)
            head = ChoiceHead(self, item, layer(x)[0], question_x)
        (answer,) = self.predict([item])
        return Probe(layer=layer, x=x, tokens=tokens, answer=answer, head=head)

    def samples(self, items: Sequence[Question]) -> list[TaskSamples]:
        """The questions in batches of similar length. Raises SettingsError if none has an answer among the choices."""
        apart = self.attention is not None
        return samples_of(
            self,
            items,
            "questions has an answer",
            needed=steps_back,
            tail=lambda example: 0 if apart else len(example.question),
        )


def _tokens_of_facts(question: Question) -> tuple[int, ...]:
    tokens = tokenize(question.text)
    return tuple(
        number
        for number, (begin, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
        if any(start <= begin and end <= stop for start, stop in question.facts)
    )


def joined(first: Tokens, second: Tokens, offset: int) -> Tokens:
    """The tokens of one text and of another that follows it, whose places count on from `offset`."""
    return Tokens(
        first.texts + second.texts,
        first.starts + tuple(start + offset for start in second.starts),
        first.ends + tuple(end + offset for end in second.ends),
    )
