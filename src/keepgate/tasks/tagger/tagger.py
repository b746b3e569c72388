"""Tagger: tokens in, a tag for each of them out, and a label of the whole text where it was trained on labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...data.batch import pad
from ...data.bigrams import pairs_of
from ...data.item_file import ItemFile, each
from ...data.tagged import TaggedText
from ...data.tally import Tally
from ...data.text import Tokens
from ...data.vocabulary import Vocabulary
from ...data.word_vectors import WordVectors
from ...errors import ShapeError
from ...nn.eval_mode import eval_mode
from ...nn.pooling import Pooling
from ..answer import Answer, check_finite
from ..batched import in_batches, in_full_precision
from ..file_examples import FileExamples
from ..label_task import TOKENS_AT_ONCE, LabelTask
from ..measure import Measurement, Metric
from ..probe import Probe
from ..samples import TaskSamples, samples_of
from ..token_letters import collate_letters
from ..token_pairs import counts_in, hide_tokens, vectors_of, vocabularies
from .content import (
    TaggerContent,
    answer_at,
    check_tags,
    check_text_labels,
    first_entity,
    letters_in,
    lower,
    text_to_tag,
    tokens_to_look_up,
)  # fmt: skip
from .crf import LinearChainCRF
from .examples import UNLABELLED, TaggedBatch, TaggedExample, cuts
from .head import TaggerHead
from .inputs import TaggerInputs
from .metrics import ENTITY_METRICS, LABEL_ACCURACY, TAG_METRICS, measure_tags
from .schemes import OUTSIDE, SchemeName, detect_scheme, moves_of
from .settings import TaggerSettings


class Tagger(LabelTask):
    """Text → a tag for each token: embeddings, recurrent layers, a linear layer, and a CRF that knows the scheme.

    letters: that are told apart in a token; None where tokens are characters. scheme: of the labels; it forbids moves
    such as from B-ORG to E-PER. characters: whether a plain text is tagged character by character, not by words.
    text_labels: of whole texts; a second head on the same states, pooled, chooses one. Empty: there is no such head.
    Raises CorpusError unless there are two labels or more, all different.
    """

    kind: ClassVar[str] = "tagger"
    settings_type: ClassVar[type] = TaggerSettings
    unlabelled = "it has no tags"

    def __init__(
        self,
        vocabulary: Vocabulary,
        pairs: Vocabulary,
        labels: Sequence[str],
        settings: TaggerSettings,
        *,
        letters: Vocabulary | None,
        scheme: SchemeName,
        characters: bool,
        text_labels: Sequence[str] = (),
    ) -> None:
        check_tags(labels)
        check_text_labels(text_labels)
        count = 0 if letters is None else len(letters)
        inputs = TaggerInputs(len(vocabulary), len(pairs), count, settings)
        super().__init__(labels, settings, inputs, input_size=inputs.output_size)
        self.letters = letters
        self.vocabulary, self.pairs, self.scheme, self.characters = vocabulary, pairs, scheme, characters
        self.readout = nn.Linear(self.encoder.output_size, len(labels))
        self.moves = moves_of(scheme, labels)
        self.crf = LinearChainCRF(self.moves)
        self.text_labels = tuple(text_labels)
        if text_labels:
            self.pooling = Pooling("mean+max", self.encoder.output_size, bidirectional=settings.bidirectional)
            self.label_readout = nn.Linear(self.pooling.output_size, len(text_labels))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """F1 of entities and its parts, where the tags mark entities; the shares of right tags and of right labels."""
        of_tags = TAG_METRICS if self.scheme == "plain" else ENTITY_METRICS
        return (*of_tags, LABEL_ACCURACY) if self.text_labels else of_tags

    @classmethod
    def build(
        cls,
        items: Sequence[TaggedText],
        settings: TaggerSettings,
        seed: int,
        vectors: WordVectors | None = None,
    ) -> Self:
        """A tagger with these texts' tokens, pairs, tags and scheme; the same for the same seed.

        Weights are fresh but for the vectors of tokens and pairs, which come from the texts, or `vectors`' file.
        Tags stand in the order of their names. Raises CorpusError if there are fewer than two, or of no one scheme, and
        as `vectors_of`.
        """
        tally = Tally.of(items)
        labels, text_labels = sorted(tally.tags), sorted(tally.labels)
        texts = each(items, lambda item: lower(item.tokens.texts))
        scheme = detect_scheme(tally.tags, each(items, lambda item: item.tags or ()))
        counted = counts_in(texts, settings)
        tokens = counted.tokens()
        characters = all(len(token) == 1 for token in tokens)
        of_words = vectors_of(
            vectors, tokens, settings, lambda word: len(word) == 1 if characters else " " not in word
        )
        vocabulary, pairs = vocabularies(counted, settings, of_words)
        letters = None
        if settings.letter_size and not characters:
            letters = Vocabulary.most_frequent(letters_in(items), settings.min_count)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tagger = cls(
                vocabulary, pairs, labels, settings,
                letters=letters, scheme=scheme, characters=characters, text_labels=text_labels,
            )  # fmt: skip
        inputs = tagger.encoder.inputs
        assert isinstance(inputs, TaggerInputs)
        inputs.tokens.initialise(texts, vocabulary, pairs, seed, of_words)
        return tagger

    @classmethod
    def from_files(cls, settings: TaggerSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A tagger of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        content = TaggerContent.of(vocabulary)
        return cls(
            content.tokens, content.pairs, content.tags, settings,
            letters=content.letters, scheme=content.scheme, characters=content.characters,
            text_labels=content.text_labels,
        )  # fmt: skip

    def vocabulary_json(self) -> dict[str, Any]:
        """Tokens, pairs, letters, tags and labels by number; scheme, and whether tokens are characters."""
        return {
            "tokens": self.vocabulary.to_json(),
            "pairs": self.pairs.to_json(),
            "letters": None if self.letters is None else self.letters.to_json(),
            "tags": list(self.choices),
            "scheme": self.scheme,
            "characters": self.characters,
            "text_labels": list(self.text_labels),
        }

    def item(self, text: str, question: str | None = None) -> TaggedText:
        """A text to be tagged, cut into characters or words as the model was trained.

        question: a piece of the text, whose first token's tag the lens explains.
        Raises SettingsError for a piece that is not in the text.
        """
        return text_to_tag(text, question, self.characters)

    def prepare(self, items: Sequence[TaggedText], *, training: bool) -> Sequence[TaggedExample]:
        """The ids of each text's tokens; in training without the unlearnable ones, and long ones in pieces.

        Raises CorpusError for a text in which there is nothing.
        """
        if training and isinstance(items, ItemFile):
            return FileExamples(self, items)
        examples = [self._example(item) for item in items]
        if not training:
            return examples
        most = self.settings.max_train_tokens
        return [
            piece for example in examples if example.fault is None for piece in example.cut(most, self.moves)
        ]

    def lengths(self, item: TaggedText, tokens: int | None = None) -> tuple[list[int], str | None]:  # noqa: ARG002
        """As `LabelTask.lengths`, without looking any token up."""
        tags, fault = self._tags(item)
        pieces = cuts(tags or [], self.settings.max_train_tokens, self.moves) if fault is None else ()
        return [end - begin for begin, end in pieces], fault

    def right_of(self, item: TaggedText) -> Sequence[str]:
        """The tags of a text, whether or not they are among `labels`."""
        return item.tags or ()

    def unlearnable(self, example: TaggedExample) -> str | None:
        """Why nothing can be learnt from this example; None if something can."""
        return example.fault

    def _example(self, item: TaggedText) -> TaggedExample:
        text = tokens_to_look_up(item)
        tags, fault = self._tags(item)
        label = self.text_labels.index(item.label) if item.label in self.text_labels else None
        return TaggedExample(
            tokens=item.tokens.texts,
            text=self.vocabulary.ids(text),
            pairs=self.pairs.ids(pairs_of(text)),
            tags=tags,
            focus=item.focus or 0,
            fault=fault,
            label=label,
        )

    def _tags(self, item: TaggedText) -> tuple[list[int] | None, str | None]:
        """The numbers of the tags, or None, and why nothing can be learnt from them."""
        if item.tags is None:
            return None, self.unlabelled
        numbers = [self._targets[tag] for tag in item.tags if tag in self._targets]
        if len(numbers) < len(item.tags):
            return None, "one of its tags is none of the model's"
        illegal = self.moves.fault(numbers) is not None
        return numbers, f"its tags are no legal sequence of {self.scheme}" if illegal else None

    def shortened(self, example: TaggedExample, last: int) -> TaggedExample:
        """The example with the last so many tokens of its text, one at the least, which is then the one asked for."""
        return example.part(max(example.length - max(last, 1), 0))

    def collate(self, examples: Sequence[TaggedExample]) -> TaggedBatch:
        """The examples as one padded batch. It has tags if every example has them."""
        tokens, lengths = pad([example.text for example in examples])
        pairs, _ = pad([example.pairs for example in examples])
        tags = [example.tags for example in examples if example.tags is not None]
        all_tags = pad(tags)[0] if len(tags) == len(examples) else None
        focus = torch.tensor([example.focus for example in examples])
        letters = None
        if self.letters is not None:
            letters = collate_letters([example.tokens for example in examples], self.letters)
        labels = None
        if self.text_labels:
            numbers = [UNLABELLED if example.label is None else example.label for example in examples]
            labels = torch.tensor(numbers)
        return TaggedBatch(torch.stack([tokens, pairs], -1), letters, lengths, focus, all_tags, labels)

    def states(self, batch: TaggedBatch) -> Float[Tensor, "time batch states"]:
        """The encoder's states at each token, some of them dropped in training."""
        rate = self.settings.mask_rate if self.training else 0.0
        ids = hide_tokens(batch.ids, batch.lengths, rate) if rate else batch.ids
        states, _ = self.encoder.layer(self.encoder.embed((ids, batch.letters)), lengths=batch.lengths)
        dropped: Tensor = self.dropout(states)
        return dropped

    def emissions(self, batch: TaggedBatch) -> Float[Tensor, "time batch labels"]:
        """The score of each tag at each token, before the CRF."""
        return self.readout(self.states(batch))

    def label_logits(
        self, states: Float[Tensor, "time batch states"], lengths: Int64[Tensor, " batch"]
    ) -> Float[Tensor, "batch text_labels"]:
        """The logits of the labels of whole texts."""
        logits: Tensor = self.label_readout(self.pooling(states, lengths))
        return logits

    def forward(self, batch: TaggedBatch) -> Float[Tensor, "batch labels"]:
        """The log probability of each tag for the token of each row that is asked for, in nats."""
        return batch.at_focus(self.crf.log_marginals(self.emissions(batch), batch.lengths))

    def scored(
        self, examples: Sequence[TaggedExample], last: int | None = None
    ) -> tuple[Float[Tensor, "rows labels"], Int64[Tensor, " rows"]]:
        """The log probabilities of the tags that are asked for, in nats, and the right ones' numbers.

        The texts may be parts of longer ones: which tags may begin or end a text has no say.
        """
        if last is not None:
            examples = [self.shortened(example, last) for example in examples]
        batch = self.collate(examples).to(self.readout.weight.device)
        marginals = self.crf.log_marginals(self.emissions(batch), batch.lengths, bounded=False)
        assert batch.targets is not None
        return batch.at_focus(marginals), batch.targets

    def loss(self, batch: TaggedBatch, carry: Any = None) -> tuple[Float[Tensor, ""], None]:  # noqa: ARG002
        """Mean over the texts of -log p of all their tags, and of their label where one is known, in nats.

        Raises ShapeError if a text has no known tags.
        """
        if batch.tags is None:
            raise ShapeError("this batch has texts without known tags; prepare them with training=True")
        states = self.states(batch)
        loss: Tensor = self.crf(self.readout(states), batch.tags, batch.lengths).mean()
        if batch.labels is not None:
            logits = self.label_logits(states, batch.lengths)
            of_labels = cross_entropy(logits, batch.labels, ignore_index=UNLABELLED, reduction="sum")
            loss = loss + of_labels / len(batch.labels)
        return loss, None

    def tags(
        self,
        items: Sequence[TaggedText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[tuple[str, ...]]:
        """The most probable sequence of tags of each text, legal in its scheme, without dropout or gradient.

        Raises CorpusError for a text in which there is nothing, BundleError if the scores are not finite.
        """
        both = self.tags_and_labels(items, batch_size=batch_size, on_progress=on_progress)
        return [tags for tags, _ in both]

    def tags_and_labels(
        self,
        items: Sequence[TaggedText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[tuple[tuple[str, ...], str | None]]:
        """`tags` of each text, and its label; None of a tagger that labels no texts."""

        def best(batch: TaggedBatch, _: list[int]) -> list[tuple[tuple[str, ...], str | None]]:
            states = self.states(batch)
            emissions = in_full_precision(self.readout(states))
            check_finite(emissions)
            paths = self.crf.decode(emissions, batch.lengths)
            labels: list[str | None] = [None] * len(paths)
            if self.text_labels:
                logits = self.label_logits(states, batch.lengths)
                check_finite(logits)
                labels = [self.text_labels[number] for number in logits.argmax(1).tolist()]
            tags = [tuple(self.choices[number] for number in path) for path in paths]
            return list(zip(tags, labels, strict=True))

        return in_batches(
            self, items, best, batch_size=batch_size, tokens_at_once=TOKENS_AT_ONCE, on_progress=on_progress
        )

    def measure(
        self,
        items: Sequence[TaggedText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """F1, precision and recall of entities, and accuracies. Raises SettingsError without tagged texts."""
        tagged = [item for item in items if item.tags is not None]
        both = self.tags_and_labels(tagged, batch_size=batch_size, on_progress=on_progress)
        labels = [label for _, label in both] if self.text_labels else None
        return measure_tags(tagged, [tags for tags, _ in both], labels, entity_tags=self.scheme != "plain")

    def predict(self, items: Sequence[TaggedText], *, batch_size: int = 64) -> list[Answer]:
        """The tag of the token that is asked for in each text, else of its first entity or token. Raises as `tags`."""
        return super().predict(self._focused(items, batch_size), batch_size=batch_size)

    def answer_of(self, item: TaggedText, candidates: tuple[tuple[str, float], ...]) -> Answer:
        """The most probable tag as an answer, with the token that has it and the sentence around."""
        return answer_at(item, candidates)

    def probe(self, item: TaggedText) -> Probe:
        """The encoder's inputs for one text, and the head that gives the tag of the token that is asked for.

        Where none is, that is the first token of the first entity, else of the text.
        Raises CorpusError for an empty text.
        """
        (item,) = self._focused([item], batch_size=1)
        with torch.no_grad(), eval_mode(self):
            (example,) = self.prepare([item], training=False)
            batch = self.collate([example]).to(self.readout.weight.device)
            x = self.encoder.inputs((batch.ids, batch.letters))
            head = TaggerHead(self, item, self.encoder.layer(x)[0], example.focus)
        (answer,) = super().predict([item])
        return Probe(layer=self.encoder.recurrent, x=x, tokens=item.tokens, answer=answer, head=head)

    def samples(self, items: Sequence[TaggedText]) -> list[TaskSamples]:
        """The texts up to and with one token each, whose tag is asked for, in batches of similar length.

        The token is the last that is tagged other than O, so that what stands before it can tell its tag.
        Raises SettingsError if no text has tags that the model knows.
        """
        return samples_of(self, [_until_last_entity(item) for item in items if item.tags], "texts has tags")

    def _focused(self, items: Sequence[TaggedText], batch_size: int) -> list[TaggedText]:
        """The texts with a token that is asked for: their own, else the first tagged other than O, else the first."""
        unfocused = [item for item in items if item.focus is None and item.tokens.texts]
        tags = iter(self.tags(unfocused, batch_size=batch_size))
        return [
            item
            if item.focus is not None or not item.tokens.texts
            else replace(item, focus=first_entity(next(tags)))
            for item in items
        ]


def _until_last_entity(item: TaggedText) -> TaggedText:
    """The text up to and with its last token that is tagged other than O, or its last; the tag of this is asked for."""
    tags, tokens = item.tags or (), item.tokens
    focus = max((place for place, tag in enumerate(tags) if tag != OUTSIDE), default=len(tags) - 1)
    end = focus + 1
    part = Tokens(tokens.texts[:end], tokens.starts[:end], tokens.ends[:end])
    return replace(item, text=item.text[: part.ends[-1]], tokens=part, tags=tags[:end], focus=focus)
