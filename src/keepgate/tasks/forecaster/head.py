"""From the layer's outputs, or from a whole window, to one number of the forecast, as the lens asks for it."""

from typing import Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..answer import Answer
from ..label_head import in_dtype
from .batch import WindowBatch
from .network import Decoder, Scale
from .windows import Prepared, Statistics


class ForecasterParts(Protocol):
    """What a forecaster's numbers are computed with."""

    decoder: Decoder
    statistics: Statistics

    def outputs_of(
        self, batch: WindowBatch, targets: Int64[Tensor, " targets"] | None = None, last: int | None = None
    ) -> Float[Tensor, "ahead batch targets outputs"]:
        """The outputs for each target and step ahead."""


class ForecastHead:
    """One target, so many steps ahead, in the data's own units. A number has no probability."""

    def __init__(
        self, task: ForecasterParts, batch: WindowBatch, part: Prepared, scale: Scale, target: int, step: int
    ) -> None:
        self.task, self.batch, self.part, self.scale = task, batch, part, scale
        self.target, self.step = target, step

    def margins(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """The number for each row, in float64. Raises KeyError for another answer: there is no list of them."""
        if answer is not None:
            raise KeyError(f"{answer!r} is no choice; a forecast is a number")
        decoder, rows = in_dtype(self.task.decoder, torch.float64), output.shape[1]
        ahead, numbers, categories = (
            part.expand(*sizes) for part, sizes in (
                (self.batch.ahead, (-1, rows, -1)), (self.batch.numbers, (rows, -1)),
                (self.batch.categories, (rows, -1)),
            )
        )  # fmt: skip
        target = torch.tensor([self.target], device=output.device)
        values = decoder(output[-1].double(), ahead, numbers, categories, target)[self.step, :, 0, 0]
        level, size = (part[0, self.target].double() for part in (self.scale.level, self.scale.size))
        mean, deviation = self.part.means[self.target], self.part.deviations[self.target]
        return (values * size + level) * float(deviation) + float(mean)

    def margin(self, output: Float[Tensor, "time 1 output"], answer: str | None = None) -> Float[Tensor, ""]:
        """`margins` of a single row."""
        return self.margins(output, answer)[0]

    def answers(self, output: Float[Tensor, "time rows output"]) -> list[Answer]:
        """The number of each row as a text."""
        return [Answer(f"{value:.4g}", float("nan")) for value in self.margins(output).tolist()]

    def probabilities(
        self, output: Float[Tensor, "time rows output"], answer: str | None = None
    ) -> Float[Tensor, " rows"]:
        """NaN: a number has no probability."""
        return torch.full_like(self.margins(output, answer), torch.nan)

    def attention(self, output: Float[Tensor, "time rows output"]) -> None:  # noqa: ARG002
        """None: a forecast is read from the last state."""
        return


class WindowModel(nn.Module):
    """One target, so many steps ahead, from the values and covariates of windows, all in the data's own units."""

    def __init__(
        self, task: ForecasterParts, batch: WindowBatch, part: Prepared, target: int, step: int
    ) -> None:
        """batch: a single window, whose static values and covariates ahead are those of every row."""
        super().__init__()
        self.task, self.batch, self.part, self.target, self.step = task, batch, part, target, step
        means, deviations = task.statistics.moments_read(part, target)
        self.means, self.deviations = torch.from_numpy(means), torch.from_numpy(deviations)

    def forward(self, windows: Float[Tensor, "rows time features"]) -> Float[Tensor, " rows"]:
        """The number for each row. It can be differentiated."""
        rows = len(windows)
        inputs = ((windows.transpose(0, 1).double() - self.means) / self.deviations).float()
        batch = WindowBatch(
            inputs[..., :1], inputs[..., 1:], self.batch.ahead.expand(-1, rows, -1),
            self.batch.numbers.expand(rows, -1), self.batch.categories.expand(rows, -1), None,
        )  # fmt: skip
        outputs = self.task.outputs_of(batch, torch.tensor([self.target], device=inputs.device))
        value = outputs[self.step, :, 0, 0].double()
        number: Tensor = value * self.deviations[0] + self.means[0]
        return number
