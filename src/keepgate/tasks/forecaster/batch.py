"""WindowBatch: windows of series as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ..batched import TensorBatch
from .windows import Window


@dataclass(frozen=True)
class WindowBatch(TensorBatch):
    """Windows of equal length, time first. targets: None if one has none."""

    values: Float[Tensor, "time batch targets"]
    covariates: Float[Tensor, "time batch covariates"]
    ahead: Float[Tensor, "ahead batch known"]
    numbers: Float[Tensor, "batch numbers"]
    categories: Int64[Tensor, "batch categories"]
    targets: Float[Tensor, "ahead batch targets"] | None


def collate(windows: Sequence[Window]) -> WindowBatch:
    """Windows as one batch."""

    def stacked(name: str, dim: int) -> Any:
        return torch.from_numpy(np.stack([getattr(window, name) for window in windows], dim))

    complete = all(window.targets is not None for window in windows)
    return WindowBatch(
        stacked("values", 1), stacked("covariates", 1), stacked("ahead", 1), stacked("numbers", 0),
        stacked("categories", 0), stacked("targets", 1) if complete else None,
    )  # fmt: skip
