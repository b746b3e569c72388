"""ClassifierRuntime: a classifier without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.weight_table import WeightTable
from ...data.bigrams import pairs_of
from ...data.labelled import LabelledText
from ..pooled_runtime import PooledRuntime
from ..runtime_pairs import RuntimePairs
from .content import check_labels, text_to_label, vocabulary_of, words_of
from .settings import ClassifierSettings


class ClassifierRuntime(PooledRuntime):
    """Text → one of the labels; see `Classifier`."""

    kind = "classifier"
    settings_type = ClassifierSettings
    command = "predict"
    fewest_labels = 2

    def __init__(
        self, settings: ClassifierSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.vocabulary, self.pairs, labels = vocabulary_of(vocabulary)
        check_labels(labels, self.fewest_labels)
        counts = len(self.vocabulary), len(self.pairs)
        self.inputs = RuntimePairs(
            table.within("encoder").within("inputs"), *counts, settings.embedding_size, settings.pair_size
        )
        self.take_network(table, labels, self.inputs.output_size)

    def item(self, text: str, question: str | None = None) -> LabelledText:
        """A text to predict the label of. Raises SettingsError for a question."""
        return text_to_label(text, question)

    def scores(self, tokens: list[int], pairs: list[int]) -> NDArray[np.floating]:
        """The logits of each label, from the numbers of the tokens and of the pairs that they begin."""
        return self.scores_from(self.inputs(tokens, pairs))

    def inputs_of(self, item: LabelledText) -> NDArray[np.floating]:
        """The embeddings of a text's tokens and pairs. Raises CorpusError if there is no token."""
        text = words_of(item)
        return self.inputs(self.vocabulary.ids(text), self.pairs.ids(pairs_of(text)))


RUNTIME = ClassifierRuntime
