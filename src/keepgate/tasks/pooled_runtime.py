"""PooledRuntime: what the classifiers share without torch: layers, pooled states, a linear layer to the labels."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.encoder import encoder_layer, states_of
from ..arrays.functions import linear, softmax
from ..arrays.pooling import Pooling
from ..arrays.weight_table import WeightTable
from .answer import Answer, candidates_of, check_finite
from .runtime_task import RuntimeTask


class PooledRuntime(RuntimeTask):
    """A text or series → one of `choices`. A subclass takes its weights, and gives `item` and `inputs_of`."""

    choices: tuple[str, ...]

    def take_network(self, table: WeightTable, labels: Sequence[str], input_size: int) -> None:
        """Takes the weights of layers, pooling and readout. Raises BundleError for others."""
        settings = self.settings
        self.choices = tuple(labels)
        self.layer = encoder_layer(
            table.within("encoder"), settings.cell, input_size=input_size, hidden_size=settings.hidden_size,
            num_layers=settings.num_layers, bidirectional=settings.bidirectional,
        )  # fmt: skip
        self.pooling = Pooling(
            table.within("pooling"), settings.pooling, self.layer.output_size, self.layer.directions
        )
        self.readout = table.take_linear("readout", self.pooling.output_size, len(self.choices))

    def inputs_of(self, item: Any) -> NDArray[np.floating]:
        """[time, input]: what the layer reads of an item. Raises CorpusError where there is nothing to read."""
        raise NotImplementedError

    def probabilities(
        self,
        items: Iterable[Any],
        *,
        batch_size: int | None = None,  # noqa: ARG002
        on_progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.floating]:
        """[items, labels]. Raises CorpusError as `inputs_of` does, BundleError if the scores are not finite."""
        shares = self.each(items, self._shares, on_progress)
        return np.stack(shares) if shares else np.empty((0, len(self.choices)), np.float32)

    def scores_from(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """The logits of each label. x: [time, input]."""
        return linear(self.pooling(states_of(self.layer, x)), *self.readout)

    def _shares(self, item: Any) -> NDArray[np.floating]:
        scores = self.scores_from(self.inputs_of(item))
        check_finite(scores)
        return softmax(scores, 0)

    def _answer(self, item: Any) -> Answer:
        (candidates,) = candidates_of(self._shares(item)[None], self.choices)
        return Answer(*candidates[0], candidates=candidates)
