"""ChoiceRuntime: a choice reader without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays.encoder import encoder_layer, states_of
from ...arrays.functions import linear, softmax
from ...arrays.pooling import Attention, last_states
from ...arrays.weight_table import WeightTable
from ...data.questions import Question, question_about, refuse_empty
from ...data.text import words
from ..answer import Answer, candidates_of, check_finite
from ..runtime_task import RuntimeTask
from .content import answer_in, check_choices, vocabulary_of
from .settings import ChoiceReaderSettings


class ChoiceRuntime(RuntimeTask):
    """Text and question → one of the choices; see `ChoiceReader`."""

    kind = "choice-reader"
    settings_type = ChoiceReaderSettings
    command = "ask"

    def __init__(
        self, settings: ChoiceReaderSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.vocabulary, self.choices = vocabulary_of(vocabulary)
        check_choices(self.choices)
        encoder = table.within("encoder")
        self.embedding = encoder.take("inputs.weight", len(self.vocabulary), settings.embedding_size)
        self.layer = encoder_layer(
            encoder, settings.cell, input_size=settings.embedding_size, hidden_size=settings.hidden_size,
            num_layers=settings.num_layers, bidirectional=settings.bidirectional, window=settings.window,
        )  # fmt: skip
        size = self.layer.output_size
        attends = settings.pooling == "attention"
        self.attention = Attention(table.within("attention"), size, size) if attends else None
        self.question_proj = (
            table.take("question_proj.weight", settings.embedding_size, size)
            if settings.question_first
            else None
        )
        self.readout = table.take_linear("readout", 3 * size if attends else size, len(self.choices))

    def item(self, text: str, question: str | None = None) -> Question:
        """A question about a text. Raises SettingsError if none is asked."""
        return question_about(text, question)

    def scores(self, text: list[int], question: list[int]) -> np.ndarray:
        """The score of each choice, before the softmax, from the numbers of the tokens."""
        directions = self.layer.directions
        if self.attention is None:
            states = states_of(self.layer, self.embedding[text + question])
            return linear(last_states(states, directions), *self.readout)
        query = last_states(states_of(self.layer, self.embedding[question]), directions)
        x = self.embedding[text]
        states = states_of(self.layer, x if self.question_proj is None else x + self.question_proj @ query)
        features = [self.attention(query, states), query, last_states(states, directions)]
        return linear(np.concatenate(features), *self.readout)

    def _answer(self, item: Question) -> Answer:
        text, asked = (self.vocabulary.ids(words(part)) for part in (item.text, item.question))
        refuse_empty(item, text, asked)
        scores = self.scores(text, asked)
        check_finite(scores)
        return answer_in(item, candidates_of(softmax(scores[None], 1), self.choices)[0])


RUNTIME = ChoiceRuntime
