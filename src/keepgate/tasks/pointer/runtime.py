"""PointerRuntime: a pointer reader without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.encoder import states_of
from ...arrays.functions import linear
from ...arrays.pooling import last_states
from ...arrays.recurrent import Recurrent
from ...arrays.weight_table import WeightTable
from ...cells.choices import cell_of
from ...data.questions import Question, question_about
from ...data.vocabulary import Vocabulary
from ..answer import Answer
from ..runtime_task import RuntimeTask
from ..span.decode import answer_of, starts_and_ends
from .features import FEATURES, TextAndQuestion, analyse
from .settings import PointerReaderSettings

Array = NDArray[Any]


class PointerRuntime(RuntimeTask):
    """Text and question → the piece of the text that answers, or none; see `PointerReader` and `PointerNetwork`."""

    kind = "pointer-reader"
    settings_type = PointerReaderSettings
    command = "ask"

    def __init__(
        self, settings: PointerReaderSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.vocabulary = Vocabulary.from_json(vocabulary.get("tokens"))
        table, cell, state_size = table.within("network"), cell_of(settings.cell), 2 * settings.hidden_size
        assert cell is not None
        self.word = table.take("word.weight", len(self.vocabulary), settings.embedding_size)
        self.layer: Recurrent = Recurrent.taken_from(
            table.within("layer"), cell, input_size=settings.embedding_size + FEATURES,
            hidden_size=settings.hidden_size, num_layers=settings.num_layers, bidirectional=True,
        )  # fmt: skip
        self.pointer = table.take_linear("pointer", 2 * state_size, settings.pointer_size)
        self.ends = table.take_linear("ends", settings.pointer_size, 2)
        self.none = table.take_linear("none", state_size + settings.pointer_size, 1)

    def item(self, text: str, question: str | None = None) -> Question:
        """A question about a text. Raises SettingsError if none is asked."""
        return question_about(text, question)

    def _answer(self, item: Question) -> Answer:
        read = analyse(item, self.vocabulary)
        threshold = self.settings.no_answer_threshold
        return answer_of(item.text, read.tokens, *self.scores(read), f1_weight=0.0, threshold=threshold)

    def scores(self, read: TextAndQuestion) -> tuple[Array, float]:
        """The scores of the spans [time, longest], by first token and by tokens beyond it, and of no answer."""
        states = states_of(self.layer, np.concatenate([self.word[read.words], read.features], 1))
        steps = len(read.tokens)
        # What was asked: the last state of each direction over the question, backwards of it alone.
        question = last_states(states[steps:], 2)
        text = np.concatenate([states[:steps], np.broadcast_to(question, (steps, len(question)))], 1)
        hidden = np.tanh(linear(text, *self.pointer))
        start, end = linear(hidden, *self.ends).T
        none = linear(np.concatenate([question, hidden.max(0)]), *self.none)[0]
        return starts_and_ends(start, end, self.settings.max_answer_span), float(none)


RUNTIME = PointerRuntime
