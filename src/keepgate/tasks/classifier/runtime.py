"""ClassifierRuntime: a classifier without torch."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import encoder_layer, states_of
from ...arrays.functions import linear, quiet, softmax
from ...arrays.pooling import Pooling
from ...arrays.weight_table import WeightTable
from ...data.bigrams import pairs_of
from ...data.labelled import LabelledText
from ..answer import Answer, candidates_of, check_finite
from ..runtime_pairs import RuntimePairs
from ..runtime_task import RuntimeTask
from .content import check_labels, text_to_label, vocabulary_of, words_of
from .settings import ClassifierSettings


class ClassifierRuntime(RuntimeTask):
    """Text → one of the labels; see `Classifier`."""

    kind = "classifier"
    settings_type = ClassifierSettings
    command = "predict"

    def __init__(
        self, settings: ClassifierSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.vocabulary, self.pairs, self.choices = vocabulary_of(vocabulary)
        check_labels(self.choices)
        encoder = table.within("encoder")
        counts = len(self.vocabulary), len(self.pairs)
        self.inputs = RuntimePairs(
            encoder.within("inputs"), *counts, settings.embedding_size, settings.pair_size
        )
        self.layer = encoder_layer(
            encoder, settings.cell, input_size=self.inputs.output_size, hidden_size=settings.hidden_size,
            num_layers=settings.num_layers, bidirectional=settings.bidirectional,
        )  # fmt: skip
        self.pooling = Pooling(
            table.within("pooling"), settings.pooling, self.layer.output_size, self.layer.directions
        )
        self.readout = table.take_linear("readout", self.pooling.output_size, len(self.choices))

    def item(self, text: str, question: str | None = None) -> LabelledText:
        """A text to predict the label of. Raises SettingsError for a question."""
        return text_to_label(text, question)

    def scores(self, tokens: list[int], pairs: list[int]) -> NDArray[np.floating]:
        """The logits of each label, from the numbers of the tokens and of the pairs that they begin."""
        states = states_of(self.layer, self.inputs(tokens, pairs))
        return linear(self.pooling(states), *self.readout)

    def probabilities(
        self,
        items: Iterable[Any],
        *,
        batch_size: int | None = None,  # noqa: ARG002
    ) -> NDArray[np.floating]:
        """[items, labels]. Raises CorpusError for an item in which there is nothing to read."""
        with quiet():
            shares = [self._shares(item) for item in self.items(items)]
        return np.stack(shares) if shares else np.empty((0, len(self.choices)), np.float32)

    def _shares(self, item: LabelledText) -> NDArray[np.floating]:
        text = words_of(item)
        scores = self.scores(self.vocabulary.ids(text), self.pairs.ids(pairs_of(text)))
        check_finite(scores)
        return softmax(scores, 0)

    def _answer(self, item: LabelledText) -> Answer:
        (candidates,) = candidates_of(self._shares(item)[None], self.choices)
        return Answer(*candidates[0], candidates=candidates)


RUNTIME = ClassifierRuntime
