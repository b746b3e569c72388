"""TaggerRuntime: a tagger without torch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import encoder_layer, states_of
from ...arrays.functions import linear
from ...arrays.pooling import Pooling
from ...arrays.weight_table import WeightTable
from ...data.bigrams import pairs_of
from ...data.tagged import TaggedText
from ..answer import Answer, candidates_of, check_finite
from ..runtime_letters import RuntimeLetters
from ..runtime_pairs import RuntimePairs
from ..runtime_task import RuntimeTask
from .chain import best_path, marginals
from .content import (
    TaggerContent,
    answer_at,
    check_tags,
    check_text_labels,
    first_entity,
    text_to_tag,
    tokens_to_look_up,
)
from .schemes import moves_of
from .settings import TaggerSettings

Array = NDArray[Any]


class TaggerRuntime(RuntimeTask):
    """Text → a tag for each token; see `Tagger`."""

    kind = "tagger"
    settings_type = TaggerSettings
    command = "tag"

    def __init__(self, settings: TaggerSettings, vocabulary: Mapping[str, Any], table: WeightTable) -> None:
        self.settings, content = settings, TaggerContent.of(vocabulary)
        check_tags(content.tags)
        check_text_labels(content.text_labels)
        self.vocabulary, self.pairs, self.choices = content.tokens, content.pairs, tuple(content.tags)
        self.scheme, self.characters = content.scheme, content.characters
        encoder = table.within("encoder")
        inputs = encoder.within("inputs")
        counts = len(self.vocabulary), len(self.pairs)
        self.inputs = RuntimePairs(
            inputs.within("tokens"), *counts, settings.embedding_size, settings.pair_size
        )
        self.letters, self.spelling, size = content.letters, None, self.inputs.output_size
        if self.letters is not None:
            letter_size = settings.letter_size
            self.spelling = RuntimeLetters(
                inputs.within("spelling"), self.letters, settings.cell, letter_size
            )
            size += 2 * letter_size
        self.layer = encoder_layer(
            encoder, settings.cell, input_size=size, hidden_size=settings.hidden_size,
            num_layers=settings.num_layers, bidirectional=settings.bidirectional,
        )  # fmt: skip
        self.readout = table.take_linear("readout", self.layer.output_size, len(self.choices))
        self.crf = _Scores(table.within("crf"), moves_of(self.scheme, self.choices).penalties)
        self.text_labels = tuple(content.text_labels)
        if self.text_labels:
            directions = 2 if settings.bidirectional else 1
            self.pooling = Pooling(table.within("pooling"), "mean+max", self.layer.output_size, directions)
            self.label_readout = table.take_linear(
                "label_readout", self.pooling.output_size, len(self.text_labels)
            )

    def item(self, text: str, question: str | None = None) -> TaggedText:
        """A text to be tagged. Raises SettingsError for a piece of it that is asked about and not there."""
        return text_to_tag(text, question, self.characters)

    def tags(self, items: Iterable[Any], *, batch_size: int | None = None) -> list[tuple[str, ...]]:
        """The most probable sequence of tags of each text, legal in its scheme. Raises as `answer`."""
        return [tags for tags, _ in self.tags_and_labels(items, batch_size=batch_size)]

    def tags_and_labels(
        self,
        items: Iterable[Any],
        *,
        batch_size: int | None = None,  # noqa: ARG002
        on_progress: Callable[[int], None] | None = None,
    ) -> list[tuple[tuple[str, ...], str | None]]:
        """`tags` of each text, and its label; None of a tagger that labels no texts."""
        return self.each(items, self._tags_and_label, on_progress)

    def _tags_and_label(self, item: TaggedText) -> tuple[tuple[str, ...], str | None]:
        states = self._states(item)
        path = self.crf.best(self._emissions_of(states))
        label = None
        if self.text_labels:
            logits = linear(self.pooling(states), *self.label_readout)
            check_finite(logits)
            label = self.text_labels[int(logits.argmax())]
        return tuple(self.choices[number] for number in path), label

    def _emissions(self, item: TaggedText) -> Array:
        """[time, labels]."""
        return self._emissions_of(self._states(item))

    def _emissions_of(self, states: Array) -> Array:
        emissions = linear(states, *self.readout)
        check_finite(emissions)
        return emissions

    def _states(self, item: TaggedText) -> Array:
        """[time, units]."""
        text = tokens_to_look_up(item)
        x = self.inputs(self.vocabulary.ids(text), self.pairs.ids(pairs_of(text)))
        if self.spelling is not None:
            x = np.concatenate([x, self.spelling(item.tokens.texts)], 1)
        return states_of(self.layer, x)

    def _answer(self, item: TaggedText) -> Answer:
        emissions = self._emissions(item)
        if item.focus is None:
            best = self.crf.best(emissions)
            item = replace(item, focus=first_entity([self.choices[number] for number in best]))
        shares = self.crf.marginals(emissions)[item.focus or 0]
        (candidates,) = candidates_of(shares[None], self.choices)
        return answer_at(item, candidates)


class _Scores:
    """The scores of a linear-chain CRF, and what follows from them; see `LinearChainCRF`."""

    def __init__(self, table: WeightTable, penalties: tuple[Array, ...]) -> None:
        labels = len(penalties[0])
        shapes = {"start": (labels,), "between": (labels, labels), "end": (labels,)}
        self._learnt = [table.take(name, *shape) for name, shape in shapes.items()]
        self._penalties = [penalty.astype(np.float32) for penalty in penalties]

    @property
    def scores(self) -> list[Array]:
        """Of starting with each label, of moving from each to each, and of ending, with what the scheme forbids."""
        return [learnt + penalty for learnt, penalty in zip(self._learnt, self._penalties, strict=True)]

    def best(self, emissions: Array) -> list[int]:
        """The most probable sequence of labels (Viterbi algorithm)."""
        return best_path(self.scores, emissions)

    def marginals(self, emissions: Array) -> Array:
        """[time, labels]: p(label at the step | text), by the forward-backward algorithm."""
        return marginals(self.scores, emissions)


RUNTIME = TaggerRuntime
