"""Look-back: how many of the last steps a window needs, from what predictions owe to the steps before them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...nn.eval_mode import eval_mode
from ...tasks.probe import SeriesProbe
from ..compact_repr import compact_repr
from ..diagnosis.effective_context import geometric_grid
from .ablation import AT_ONCE, width
from .row import ModelRow, row_of_model
from .target import Target

# Predictions that differ by this share of the largest, a few roundings of float32, are alike.
ROUNDING = 1e-6
# Rows to look at, and the fewest from which anything is said.
ROWS, FEWEST = 64, 8
# Beyond the look-back lies so little of what makes predictions differ, as a share of their variance.
NEGLIGIBLE_VARIANCE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class LookBack:
    """How many of the last steps predictions hang on.

    steps:    the fewest beyond which the steps may be another row's, and the predictions keep all but a hundredth of
              their variance; 0 where they hang on none.
    contexts: numbers of last steps that were tried, ascending. lost: the share of the variance that is lost where all
              steps before them are another row's; 1 is all of it, about what strange predictions would lose.
    """

    steps: int
    contexts: tuple[int, ...]
    lost: Float[Tensor, " contexts"]

    __repr__ = compact_repr


def look_back_of(probe: SeriesProbe) -> LookBack | None:
    """The look-back of one number of a forecast over the windows of its probe; None as `look_back` says."""
    with eval_mode(probe.model):
        rows = [
            row_of_model(probe.model, probe.inputs, k, time=1, probe=k == 0) for k in range(len(probe.inputs))
        ]
        target = Target(form="number", labels=(), index=())
        return look_back(rows[0], [row.over_time for row in rows[:ROWS]], target, rows[0].steps - 1)


@torch.no_grad()
def look_back(row: ModelRow, rows: Sequence[Sequence[Tensor]], target: Target, at: int) -> LookBack | None:
    """The look-back over rows of equal length: what runs over time of each, [steps, …]; `row` gives all else.

    None for too few rows, and where all predictions are alike. Each row's past is exchanged for that of a row half the
    batch away, since neighbours may overlap: everything that is read was seen in the data. The change of the target,
    squared, is compared with what it would be between predictions that have nothing in common.
    """
    if len(rows) < FEWEST:
        return None
    sequences = [torch.stack(each) for each in zip(*rows, strict=True)]
    donors = [each.roll(len(rows) // 2, 0) for each in sequences]
    steps, place = row.steps, torch.tensor(at)

    def values(given: list[Tensor]) -> Tensor:
        size = max(2, AT_ONCE // (steps * width(row)))
        parts = [
            _values(row, target, [each[start : start + size] for each in given], place)
            for start in range(0, len(rows), size)
        ]
        return torch.cat(parts).double()

    plain = values(sequences)
    spread = 2 * float(plain.var(correction=0))
    if spread <= 2 * (ROUNDING * float(plain.abs().max())) ** 2:
        return None
    lost_share: dict[int, float] = {steps: 0.0}

    def lost(last: int) -> float:
        if last not in lost_share:
            mixed = [
                torch.cat([donor[:, : steps - last], sequence[:, steps - last :]], 1)
                for sequence, donor in zip(sequences, donors, strict=True)
            ]
            lost_share[last] = float((values(mixed) - plain).square().mean()) / spread
        return lost_share[last]

    contexts = (0, *geometric_grid(steps))
    far = [number for number, last in enumerate(contexts) if lost(last) > NEGLIGIBLE_VARIANCE]
    fewest_steps = 0
    if far:
        # Between the last context that is too short and the next one every number is tried.
        low, high = contexts[far[-1]], contexts[far[-1] + 1]
        fewest_steps = max(last for last in range(low, high) if lost(last) > NEGLIGIBLE_VARIANCE) + 1
    tried = tuple(sorted(lost_share))
    return LookBack(
        steps=fewest_steps, contexts=tried, lost=torch.tensor([lost_share[last] for last in tried])
    )


def _values(row: ModelRow, target: Target, read: list[Tensor], at: Tensor) -> Tensor:
    scores = target.scores(row.predict_from(read, at))
    return scores.sigmoid() if target.is_label else scores
