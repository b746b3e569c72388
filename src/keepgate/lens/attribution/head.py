"""ModelHead: a model's way from the output of its recurrent layer to the answer, as the lens's readers take it."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...tasks.answer import Answer
from ..capture.layer_run import LayerRun
from ..interventions.patching import patched
from ..interventions.rerun import Rerun
from .row import ModelRow
from .target import Target


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelHead:
    """What a model answers, had one of its recurrent layers given another output; all else reads the row as it is.

    layer: the model's own module; seen: its run over the row, alone. at: the step whose answer counts.
    """

    row: ModelRow
    target: Target
    at: int
    layer: Any
    seen: LayerRun

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        return self.target.answers(self._prediction(output))

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """Of a number they are the numbers themselves."""
        scores = self.margins(output, answer)
        return scores.sigmoid() if self.target.is_label else scores

    def margins(
        self,
        output: Float[Tensor, "time rows output"],
        answer: str | None = None,  # noqa: ARG002
    ) -> Float[Tensor, " rows"]:
        """The target's score for each row, whatever answer is named. It can be differentiated."""
        return self.target.scores(self._prediction(output)).double()

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        return self.margins(output, answer)[0]

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:  # noqa: ARG002
        return None

    def _prediction(self, output: Tensor) -> Tensor:
        rows = output.shape[1]
        # A model that squeezes a batch of one has lost its rows.
        batch = (output if rows > 1 else output.expand(-1, 2, -1)).to(self.seen.trace.output.dtype)
        layer, size = self.seen.layer, self.seen.layer.output_size
        ends = [batch[-1, :, :size], *([batch[0, :, size:]] if layer.bidirectional else [])]
        h, *others = (state.expand(-1, batch.shape[1], -1) for state in self.seen.final)
        h = torch.cat([h[: -layer.directions], torch.stack(ends)])
        rerun = Rerun(output=batch, final=(h, *others), lengths=None, bidirectional=layer.bidirectional)
        with patched(self.layer, rerun):
            whole = torch.arange(self.row.steps).expand(batch.shape[1], -1)
            return self.row.predict(whole, torch.tensor(self.at))[:rows]
