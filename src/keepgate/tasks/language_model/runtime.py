"""LanguageModelRuntime: a language model without torch."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from ...arrays.encoder import encoder_layer, states_of
from ...arrays.functions import linear, quiet, softmax
from ...arrays.weight_table import WeightTable
from ...data.labelled import LabelledText
from ...data.vocabulary import SPECIAL
from ..answer import Answer, candidates_of, check_finite
from ..runtime_task import RuntimeTask
from .settings import LanguageModelSettings
from .tokeniser import ids_to_read, tokeniser_from
from .tokens import text_to_go_on


class LanguageModelRuntime(RuntimeTask):
    """Text → the probability of each token to be the next; see `LanguageModel`."""

    kind = "language-model"
    settings_type = LanguageModelSettings
    command = "write"

    def __init__(
        self, settings: LanguageModelSettings, vocabulary: Mapping[str, Any], table: WeightTable
    ) -> None:
        self.settings = settings
        self.tokeniser = tokeniser_from(vocabulary, settings)
        self.vocabulary, self.choices = self.tokeniser.vocabulary, self.tokeniser.names()
        count, tied = len(self.vocabulary), settings.tied_weights
        self.embedding = table.take("embedding.weight", count, settings.embedding_size)
        self.layer = encoder_layer(
            table.within("encoder"), settings.cell, input_size=settings.embedding_size,
            hidden_size=settings.hidden_size, num_layers=settings.num_layers,
        )  # fmt: skip
        outputs = settings.embedding_size if tied else count
        self.readout = table.take_linear("readout", settings.hidden_size, outputs)
        self.bias = table.take("bias", count) if tied else None

    def item(self, text: str, question: str | None = None) -> LabelledText:
        """A text to go on with. Raises SettingsError for a question."""
        return text_to_go_on(text, question)

    def logits(self, state: NDArray[Any]) -> NDArray[Any]:
        """The scores of the token after a state."""
        with quiet():
            read = linear(state, *self.readout)
            return read if self.bias is None else linear(read, self.embedding, self.bias)

    def continuation(self) -> Callable[[int], NDArray[Any]]:
        """From each next token's number to the scores of the token after it, the states inside."""
        stepper = self.stepper()
        return lambda number: self.logits(stepper.step(self.embedding[number]))

    def _answer(self, item: LabelledText) -> Answer:
        ids = ids_to_read(item, self.tokeniser)
        scores = self.logits(states_of(self.layer, self.embedding[ids])[-1])
        check_finite(scores)
        shares = softmax(scores[None, len(SPECIAL) :], 1)
        (candidates,) = candidates_of(shares, self.choices[len(SPECIAL) :])
        return Answer(*candidates[0], candidates=candidates)


RUNTIME = LanguageModelRuntime
