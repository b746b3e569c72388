"""A reader that chooses: text and question in, one of the answers it knows out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ...data.batch import by_length, pad
from ...data.questions import Question, question_about
from ...data.text import Tokens, tokenize, words
from ...data.vocabulary import PAD, Vocabulary
from ...errors import CorpusError, ShapeError
from ...nn.attention import Attention
from ...nn.encoder import Encoder
from ...nn.eval_mode import eval_mode
from ...nn.length_mask import length_mask
from ..answer import CANDIDATES, Answer, check_finite
from ..measure import Measurement, Metric
from ..metrics import METRICS, measure_answers
from ..probe import Probe
from ..task import Carry
from .head import ChoiceHead, answer_of
from .samples import ChoiceSamples, samples_of
from .settings import ChoiceReaderSettings

# Steps times rows that are read at once when answering, so that texts of 10,000 tokens do not fill the
# memory: their states with 128 units take 64 MiB then.
TOKENS_AT_ONCE = 131_072


@dataclass(frozen=True)
class ChoiceExample:
    """One question as numbers: what is read, what is asked (None if read with the text), the right choice."""

    text: list[int]
    question: list[int] | None
    target: int | None

    @property
    def length(self) -> int:
        """Tokens of text and question."""
        return len(self.text) + len(self.question or ())


@dataclass(frozen=True)
class ChoiceBatch:
    """Examples as tensors, time first. `question` and its lengths are None for a reader of the last state."""

    text: Int64[Tensor, "time batch"]
    text_lengths: Int64[Tensor, " batch"]
    question: Int64[Tensor, "asked batch"] | None
    question_lengths: Int64[Tensor, " batch"] | None
    targets: Int64[Tensor, " batch"] | None

    def to(self, device: torch.device | str) -> Self:
        """The same on this device; lengths stay on the processor, where the layers want them."""
        return type(self)(
            self.text.to(device),
            self.text_lengths,
            None if self.question is None else self.question.to(device),
            self.question_lengths,
            None if self.targets is None else self.targets.to(device),
        )


class ChoiceReader(nn.Module):
    """Text and question → one of the choices, by the last state or by attention over all states.

    With "attention" one encoder reads both; the question's last state asks over the text's states, and what
    it reads there is joined by the question's state and the text's last one.
    Raises CorpusError if there is no choice, or one comes twice.
    """

    kind: ClassVar[str] = "choice-reader"
    settings_type: ClassVar[type] = ChoiceReaderSettings
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __init__(
        self, vocabulary: Vocabulary, choices: Sequence[str], settings: ChoiceReaderSettings
    ) -> None:
        super().__init__()
        if not choices or len(set(choices)) < len(choices):
            raise CorpusError(
                f"a choice reader needs one or more different answers to choose from, got {list(choices)}"
            )
        self.vocabulary, self.choices, self.settings = vocabulary, tuple(choices), settings
        self._targets = {choice: number for number, choice in enumerate(self.choices)}
        self.encoder = Encoder(
            settings.cell,
            nn.Embedding(len(vocabulary), settings.embedding_size, padding_idx=PAD),
            input_size=settings.embedding_size,
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=settings.bidirectional,
            dropout=settings.dropout,
            init=settings.init,
            horizon=settings.horizon,
            forget_bias=settings.forget_bias,
            window=settings.window,
        )
        size = self.encoder.output_size
        attends = settings.pooling == "attention"
        self.attention = Attention(size, size) if attends else None
        self.dropout = nn.Dropout(settings.dropout)
        self.readout = nn.Linear(3 * size if attends else size, len(self.choices))

    @classmethod
    def build(cls, questions: Sequence[Question], settings: ChoiceReaderSettings, seed: int) -> Self:
        """A reader with these questions' tokens and answers, and fresh weights, the same for the same seed.

        The choices are the first answers, the most frequent first. Raises CorpusError if no question has an
        answer.
        """
        answers = Counter(question.answers[0] for question in questions if question.answers)
        if not answers:
            raise CorpusError(f"none of the {len(questions)} questions has an answer to choose")
        choices = sorted(answers, key=lambda answer: (-answers[answer], answer))
        # Many questions share a text; counted once, it keeps the order of the tokens all the same.
        texts = dict.fromkeys(question.text for question in questions)
        vocabulary = Vocabulary.count([*texts, *(question.question for question in questions)])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(vocabulary, choices, settings)

    @classmethod
    def from_files(cls, settings: ChoiceReaderSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A reader of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        choices = vocabulary.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            raise CorpusError('a choice reader\'s vocabulary has "tokens" and "choices", both lists of texts')
        return cls(Vocabulary.from_json(vocabulary.get("tokens")), choices, settings)

    def vocabulary_json(self) -> dict[str, Any]:
        """The tokens and the choices, each in the order of their numbers."""
        return {"tokens": self.vocabulary.to_json(), "choices": list(self.choices)}

    def prepare(self, questions: Sequence[Question], *, training: bool) -> list[ChoiceExample]:
        """The questions as numbers; in training without those that are unlearnable.

        Raises CorpusError for a question that has no text or asks nothing.
        """
        examples = []
        for question in questions:
            targets = [self._targets[answer] for answer in question.answers if answer in self._targets]
            text = self.vocabulary.ids(words(question.text))
            asked = self.vocabulary.ids(words(question.question))
            for ids, name in ((text, "text"), (asked, "question")):
                if not ids:
                    raise CorpusError(
                        f"question {question.id!r}: the {name} is empty; give one with something in it"
                    )
            whole = self.attention is None
            examples.append(
                ChoiceExample(
                    text + asked if whole else text, None if whole else asked, targets[0] if targets else None
                )
            )
        return [each for each in examples if not training or self.unlearnable(each) is None]

    def unlearnable(self, example: ChoiceExample) -> str | None:
        """Why nothing can be learnt from this example; None if something can."""
        return "its answer is none of the choices" if example.target is None else None

    def collate(self, examples: Sequence[ChoiceExample]) -> ChoiceBatch:
        """The examples as one padded batch. It has targets if every example has one."""
        text, text_lengths = pad([example.text for example in examples])
        asked = [example.question for example in examples if example.question is not None]
        question, question_lengths = pad(asked) if asked else (None, None)
        targets = [example.target for example in examples if example.target is not None]
        complete = len(targets) == len(examples)
        return ChoiceBatch(
            text, text_lengths, question, question_lengths, torch.tensor(targets) if complete else None
        )

    def forward(self, batch: ChoiceBatch) -> Float[Tensor, "batch choices"]:
        """The score of each choice for each row, before the softmax."""
        if self.attention is None:
            features = self.encoder.last(batch.text, batch.text_lengths)
        else:
            states, features = self.encoder(batch.text, batch.text_lengths)
            assert batch.question is not None
            assert batch.question_lengths is not None
            _, asked = self.encoder(batch.question, batch.question_lengths)
            read, _ = self.attention(
                asked, states, length_mask(len(states), batch.text_lengths, states.device)
            )
            features = torch.cat([read, asked, features], 1)
        scores: Tensor = self.readout(self.dropout(features))
        return scores

    def loss(self, batch: ChoiceBatch, carry: Carry | None = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Mean cross entropy over the rows, in nats. Raises ShapeError if a row has no right choice."""
        if batch.targets is None:
            raise ShapeError(
                "this batch has questions without a known answer; prepare them with training=True"
            )
        return nn.functional.cross_entropy(self(batch), batch.targets), None

    def probabilities(
        self, questions: Sequence[Question], *, batch_size: int = 64
    ) -> Float[Tensor, "questions choices"]:
        """The probability of each choice for each question, on the processor, without dropout or gradient.

        Raises CorpusError for a question that has no text or asks nothing, BundleError if the scores are not finite.
        """
        examples = self.prepare(questions, training=False)
        result = torch.empty(len(examples), len(self.choices))
        device = self.readout.weight.device
        with torch.no_grad(), eval_mode(self):
            for rows in by_length([example.length for example in examples], batch_size, TOKENS_AT_ONCE):
                batch = self.collate([examples[row] for row in rows]).to(device)
                scores = self(batch).float()
                check_finite(scores)
                result[rows] = scores.softmax(1).cpu()
        return result

    def measure(
        self,
        items: Sequence[Question],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Exact match and both F1 of the answers, and of always giving the commonest answer."""
        return measure_answers(lambda some: self.answer(some, batch_size=batch_size), items, on_progress)

    def answer(self, questions: Sequence[Question], *, batch_size: int = 64) -> list[Answer]:
        """The most probable choice for each question, and the others after it.

        A choice does not point: `start` and `sentence` are where its words most likely stand in the text, if
        they do.
        """
        best = self.probabilities(questions, batch_size=batch_size).topk(
            min(CANDIDATES, len(self.choices)), 1
        )
        rows = zip(questions, best.values.tolist(), best.indices.tolist(), strict=True)
        return [
            answer_of(question, tuple(zip((self.choices[k] for k in numbers), shares, strict=True)))
            for question, shares, numbers in rows
        ]

    def item(self, text: str, question: str | None = None) -> Question:
        """A question about a text. Raises SettingsError if none is asked."""
        return question_about(text, question)

    def reading_layer(self) -> str:
        """The name of the layer that reads the text first. Raises CellError if it is feed-forward."""
        assert self.encoder.recurrent is not None
        return "encoder.layer"

    def probe(self, item: Question) -> Probe:
        """One question as the encoder read it, and its way to the choice.

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
            asked = None if batch.question is None else self.encoder.inputs(batch.question)
            head = ChoiceHead(self, item, layer(x)[0], asked)
        (answer,) = self.answer([item])
        return Probe(layer=layer, x=x, tokens=tokens, answer=answer, head=head)

    def samples(self, items: Sequence[Question]) -> list[ChoiceSamples]:
        """The questions in batches of similar length, as the lens examines a model with them."""
        return samples_of(self, items)


def joined(first: Tokens, second: Tokens, offset: int) -> Tokens:
    """The tokens of one text and of another that follows it, whose places count on from `offset`."""
    return Tokens(
        first.texts + second.texts,
        first.starts + tuple(start + offset for start in second.starts),
        first.ends + tuple(end + offset for end in second.ends),
    )
