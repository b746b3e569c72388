"""Classifier: text in, one of the labels out."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ...data.batch import pad
from ...data.bigrams import pairs_of
from ...data.item_file import ItemFile, each
from ...data.labelled import LabelledText
from ...data.tally import Tally
from ...data.text import tokenize, words
from ...data.vocabulary import Vocabulary
from ...data.word_vectors import WordVectors
from ...errors import CorpusError, SettingsError
from ...nn.eval_mode import eval_mode
from ...nn.pooling import Pooling
from ..batched import TensorBatch, complete
from ..calibration import calibrate
from ..file_examples import FileExamples
from ..label_task import LabelTask
from ..measure import Measurement, Metric
from ..probe import Probe
from ..samples import TaskSamples, samples_of
from ..token_pairs import TokenPairs, counts_in, hide_tokens, vectors_of, vocabularies
from .content import check_labels, counts_of, text_to_label, vocabulary_of, words_of
from .head import ClassifierHead
from .metrics import METRICS, measure_labels
from .settings import ClassifierSettings


@dataclass(frozen=True)
class TextExample:
    """Ids of one text's tokens and of the pairs (bigrams) that they make with the next; the number of its label.

    target: None for a label that the model lacks; the numbers of all labels, where there are several.
    """

    text: list[int]
    pairs: list[int]
    target: int | tuple[int, ...] | None

    @property
    def length(self) -> int:
        """Tokens of the text."""
        return len(self.text)


@dataclass(frozen=True)
class TextBatch(TensorBatch):
    """A padded batch of examples, time first. ids: of the token, and of its pair. targets: None if one is missing."""

    ids: Int64[Tensor, "time batch 2"]
    lengths: Int64[Tensor, " batch"]
    targets: Int64[Tensor, " batch"] | Float[Tensor, "batch labels"] | None


class Classifier(LabelTask):
    """Text → one of the labels: embeddings, recurrent layers, pooled states, a linear layer.

    pairs: names of pairs of tokens, joined by a tab. label_counts: how often each label occurs in the training texts.
    Raises CorpusError unless there are two labels or more, all different.
    """

    kind: ClassVar[str] = "classifier"
    settings_type: ClassVar[type] = ClassifierSettings
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    unlabelled = "its label is none of the model's"
    fewest_labels: ClassVar[int] = 2
    head_type: ClassVar[type[ClassifierHead]] = ClassifierHead

    def __init__(
        self,
        vocabulary: Vocabulary,
        pairs: Vocabulary,
        labels: Sequence[str],
        settings: ClassifierSettings,
        label_counts: Sequence[int] | None = None,
    ) -> None:
        check_labels(labels, self.fewest_labels)
        inputs = TokenPairs(len(vocabulary), len(pairs), settings.embedding_size, settings.pair_size)
        size = settings.embedding_size + settings.pair_size
        super().__init__(labels, settings, inputs, input_size=size, label_counts=label_counts)
        self.vocabulary, self.pairs, self.label_smoothing = vocabulary, pairs, settings.label_smoothing
        self.pooling = Pooling(
            settings.pooling, self.encoder.output_size, bidirectional=settings.bidirectional
        )
        self.readout = nn.Linear(self.pooling.output_size, len(labels))

    @classmethod
    def build(
        cls,
        items: Sequence[LabelledText],
        settings: ClassifierSettings,
        seed: int,
        vectors: WordVectors | None = None,
    ) -> Self:
        """A classifier with these texts' tokens, pairs and labels; the same for the same seed.

        Weights are fresh but for the vectors of tokens and pairs, which come from the texts, or `vectors`' file.
        Labels stand in the order of their names. Raises CorpusError if there are fewer than two, and as `vectors_of`.
        """
        counts, arguments = cls.counted(items)
        labels = sorted(counts)
        texts = each(items, lambda item: words(item.text))
        counted = counts_in(texts, settings)
        of_words = vectors_of(vectors, counted.tokens(), settings, lambda word: words(word) == [word])
        vocabulary, pairs = vocabularies(counted, settings, of_words)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            classifier = cls(
                vocabulary, pairs, labels, settings, [counts[label] for label in labels], **arguments
            )
        inputs = classifier.encoder.inputs
        assert isinstance(inputs, TokenPairs)
        inputs.initialise(texts, vocabulary, pairs, seed, of_words)
        return classifier

    @classmethod
    def counted(cls, items: Sequence[LabelledText]) -> tuple[Counter[str], dict[str, Any]]:
        """How often each label occurs, and what else the constructor is to know of the training texts.

        Raises CorpusError for a text that may have several labels.
        """
        tally = Tally.of(items)
        if tally.multilabel:
            raise CorpusError(
                "these texts have lists of labels, and a classifier gives one; train one with --kind multilabel, a "
                "MultilabelClassifier"
            )
        return tally.labels, {}

    @classmethod
    def from_files(cls, settings: ClassifierSettings, vocabulary: Mapping[str, Any]) -> Self:
        """A classifier of these settings and of what `vocabulary_json` gave, with weights still to be loaded.

        Raises CorpusError if the vocabulary is not of that form.
        """
        tokens, pairs, labels = vocabulary_of(vocabulary)
        return cls(tokens, pairs, labels, settings, counts_of(vocabulary, labels))

    def vocabulary_json(self) -> dict[str, Any]:
        """Tokens, pairs, labels and the labels' counts, each in the order of their numbers."""
        return {
            "tokens": self.vocabulary.to_json(),
            "pairs": self.pairs.to_json(),
            "labels": list(self.labels),
            "label_counts": self.label_counts,
        }

    def item(self, text: str, question: str | None = None) -> LabelledText:
        """A text to predict the label of. Raises SettingsError for a question: a classifier is not asked any."""
        return text_to_label(text, question)

    def prepare(self, items: Sequence[LabelledText], *, training: bool) -> Sequence[TextExample]:
        """The token ids of each text; in training without the unlearnable ones, and long ones without their middle.

        Raises CorpusError for a text in which there is nothing.
        """
        if training and isinstance(items, ItemFile):
            return FileExamples(self, items)
        examples = []
        for item in items:
            text = words_of(item)
            example, most = self._example(text, self.target_of(item)), self.settings.max_train_tokens
            if training and example.length > most:
                first, last = most // 2, most - most // 2
                tokens, pairs = ([*ids[:first], *ids[-last:]] for ids in (example.text, example.pairs))
                example = TextExample(tokens, pairs, example.target)
            examples.append(example)
        return [example for example in examples if not training or self.unlearnable(example) is None]

    def lengths(self, item: LabelledText, tokens: int | None = None) -> tuple[list[int], str | None]:
        """As `LabelTask.lengths`, without looking anything up."""
        length = min(tokens or len(words_of(item)), self.settings.max_train_tokens)
        reason = self.unlearnable(TextExample([], [], self.target_of(item)))
        return ([length], None) if reason is None else ([], reason)

    def shortened(self, example: TextExample, last: int) -> TextExample:
        """The example with the last so many tokens of its text, one at the least."""
        begin = max(example.length - max(last, 1), 0)
        return replace(example, text=example.text[begin:], pairs=example.pairs[begin:])

    def collate(self, examples: Sequence[TextExample]) -> TextBatch:
        """The examples as one padded batch. It has targets if every example has one."""
        tokens, lengths = pad([example.text for example in examples])
        pairs, _ = pad([example.pairs for example in examples])
        targets = self.stacked([example.target for example in examples])
        return TextBatch(torch.stack([tokens, pairs], -1), lengths, targets)

    def forward(self, batch: TextBatch) -> Float[Tensor, "batch labels"]:
        """The logits of each label."""
        rate = self.settings.mask_rate if self.training else 0.0
        ids = hide_tokens(batch.ids, batch.lengths, rate) if rate else batch.ids
        states, _ = self.encoder.layer(self.encoder.embed(ids), lengths=batch.lengths)
        logits: Tensor = self.readout(self.dropout(self.pooling(states, batch.lengths)))
        return logits

    def measure(
        self,
        items: Sequence[LabelledText],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,
    ) -> Measurement:
        """Accuracy, F1, balanced accuracy and calibration error. Raises SettingsError without labelled texts."""
        labelled = [item for item in items if item.label is not None]
        if not labelled:
            raise SettingsError("there are no labelled texts to evaluate on; give at least one")
        probabilities = self.probabilities(labelled, batch_size=batch_size, on_progress=on_progress)
        right = [item.label or "" for item in labelled]
        return measure_labels([item.id for item in labelled], right, probabilities.numpy(), self.labels)

    def calibrate(self, items: Sequence[LabelledText]) -> str:
        """Divides the logits by the temperature that is best for these texts. Raises as `predict` does."""
        targets = [self.target_of(item) for item in items]
        return calibrate(self.readout, self.logits(items), targets, "texts")

    def probe(self, item: LabelledText) -> Probe:
        """The encoder's inputs for one text, and the head on its outputs. Raises CorpusError for an empty text."""
        with torch.no_grad(), eval_mode(self):
            batch = self.collate(self.prepare([item], training=False)).to(self.readout.weight.device)
            x = self.encoder.inputs(batch.ids)
            head = self.head_type(self, item, self.encoder.layer(x)[0])
        (answer,) = self.predict([item])
        text = words(item.text)

        def without(removed: Collection[int]) -> Tensor:
            remaining = [word for number, word in enumerate(text) if number not in removed]
            # Where nothing is left, one unknown token stands for it.
            ablated = self.collate([self._example(remaining or [""])])
            return self.encoder.inputs(ablated.ids.to(x.device))

        return Probe(
            layer=self.encoder.recurrent,
            x=x,
            tokens=tokenize(item.text),
            answer=answer,
            head=head,
            without=without,
        )

    def target_of(self, item: LabelledText) -> Any:
        """The number of a text's label; None where it is none of the model's."""
        return self._targets.get(item.label or "")

    def stacked(self, targets: Sequence[Any]) -> Any:
        """The targets of several texts as one tensor; None if one is missing."""
        return complete(targets)

    def _example(self, text: Sequence[str], target: Any = None) -> TextExample:
        return TextExample(self.vocabulary.ids(text), self.pairs.ids(pairs_of(text)), target)

    def samples(self, items: Sequence[LabelledText]) -> list[TaskSamples]:
        """The texts in batches of similar length. Raises SettingsError if none has a label that the model knows.

        Where in a text its label comes from nobody says.
        """
        return samples_of(self, items, "texts has a label")
