"""Regularisation inside a recurrent layer: zoneout, recurrent dropout and weight drop, by masks of a counter-based
generator: a number depends on the call's seed and on its own step, row and unit, not on threads or kernel."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..cells.zoneout import DROPOUT, KEEP_MEMORY, KEEP_OUTPUT, with_masks, with_zoneout
from ..equations import Cell
from ..errors import KernelRefused, SettingsError
from ..kernels.random_mask import DrawnMasks, MaskDistribution, random_mask, without_dispatch
from ..kernels.tracing_state import jit_tracing_active
from ..kernels.weights import Weights
from .checks import probability_of, size_of
from .parameters import PlaceParameters

_WEIGHT_DROP = "weight drop"
# Numbers of the generator's streams, of which each place has its own.
_KINDS = (KEEP_OUTPUT, KEEP_MEMORY, DROPOUT, _WEIGHT_DROP)


@dataclass(frozen=True, kw_only=True)
class Regularisation:
    """What of a layer is masked in training, each with its probability, 0 for not at all.

    trained:           the cell in training, whose unit inputs are masks.
    zoneout:           of the output and of the other states to stay as they were, at each step anew. Krueger et al.
                       (2017), arXiv:1606.01305.
    recurrent_dropout: of a unit of h to be hidden from the recurrent product, the same at all steps. Gal & Ghahramani
                       (2016), arXiv:1512.05287.
    weight_drop:       of a recurrent weight to be zero, the same in all rows. Merity et al. (2018), arXiv:1708.02182.
    """

    cell: Cell
    trained: Cell
    zoneout: tuple[float, float] = (0.0, 0.0)
    recurrent_dropout: float = 0.0
    weight_drop: float = 0.0

    @staticmethod
    def of(
        cell: Cell, zoneout: Any, recurrent_dropout: float, weight_drop: float, proj_size: int
    ) -> "Regularisation | None":
        """None where nothing is masked. Raises SettingsError for what is no probability and what the cell lacks."""
        if not isinstance(zoneout, tuple | list) or len(zoneout) != 2:
            raise SettingsError(
                f"zoneout is {zoneout!r}; give two probabilities, of the output and of the memory: (0.05, 0.5)"
            )
        output, memory = (probability_of("zoneout", p) for p in zoneout)
        dropout = probability_of("recurrent_dropout", recurrent_dropout)
        drop = probability_of("weight_drop", weight_drop)
        if memory and len(cell.states) == 1:
            raise SettingsError(
                f"zoneout={tuple(zoneout)}: {cell.name} has no state beside its output; give ({output:g}, 0)"
            )
        if (dropout or drop) and cell.recurrent == "none":
            raise SettingsError(
                f"{cell.name} has no recurrent weights; leave recurrent_dropout and weight_drop out"
            )
        if dropout and cell.recurrent == "in_step":
            raise SettingsError(
                f"{cell.name} multiplies by its recurrent weights inside its step, where recurrent_dropout does not "
                "reach; use weight_drop, or a cell whose product comes first, such as gru"
            )
        if (dropout or output) and proj_size:
            raise SettingsError(
                f"proj_size={proj_size}: zoneout and dropout of the output are of its units before the projection, "
                "which the recurrent weights do not read; leave proj_size out, or use weight_drop"
            )
        if not (output or memory or dropout or drop):
            return None
        flags = bool(output), bool(memory), bool(dropout)
        trained = with_masks(cell, *flags) if any(flags) else cell
        return Regularisation(
            cell=cell, trained=trained, zoneout=(output, memory), recurrent_dropout=dropout, weight_drop=drop
        )

    @property
    def evaluated(self) -> Cell:
        """The cell in evaluation."""
        return with_zoneout(self.cell, *self.zoneout)

    def distribution(self, kind: str, place: int) -> MaskDistribution:
        """Of the masks of this kind in one layer and direction."""
        number = _KINDS.index(kind)
        probability = (*self.zoneout, self.recurrent_dropout, self.weight_drop)[number]
        # Zoneout keeps with a 1; what is dropped is 0, and what stays is scaled so that the mean is the same.
        below, otherwise = (1.0, 0.0) if kind in (KEEP_OUTPUT, KEEP_MEMORY) else (0.0, 1 / (1 - probability))
        return MaskDistribution(place * len(_KINDS) + number, probability, below, otherwise)

    def draw(self, seed: int | None = None, first_row: int = 0) -> "Masks":
        """The masks of one call, of this seed or of one that torch's generator gives.

        first_row: what the call's first row counts as.

        Raises KernelRefused under torch.jit.trace.
        """
        if jit_tracing_active():
            raise KernelRefused(
                "torch.jit.trace would record the masks of one call (zoneout, recurrent_dropout, weight_drop); call "
                "model.eval() first"
            )
        seeded = torch.randint(2**63 - 1, (), device="cpu") if seed is None else torch.tensor(seed)
        return Masks(self, seeded, size_of("first_row", first_row, least=0))


@dataclass(frozen=True)
class Masks:
    """The masks of one call of a layer. seed: a whole number on the CPU. first_row: what the first row counts as."""

    settings: Regularisation
    seed: Tensor
    first_row: int = 0

    def apply(
        self, place: int, weights: Weights, x: Tensor, states: tuple[Tensor, ...]
    ) -> tuple[Weights, Tensor, tuple[Tensor, ...]]:
        """What one layer and direction is called with: its weights, [time, batch, input and masks], initial states."""
        settings, cell, masks = self.settings, self.settings.trained, self._draw(place, x, weights)
        masked, weight_hh = masks.apply(x, weights.weight_hh)
        if DROPOUT in cell.unit_inputs:
            dropped = states[cell.states.index(settings.cell.recurrent_state)]
            states = (*states, dropped * masks.unit_inputs[cell.unit_inputs.index(DROPOUT)][0])
        weights = Weights(
            cell,
            weights.weight_ih,
            weight_hh,
            weights.bias_ih,
            weights.bias_hh,
            weights.weight_hr,
            weights.vectors,
        )
        return weights, masked, states

    def run_fast(self, place: PlaceParameters, x: Tensor) -> tuple[Tensor, ...] | None:
        """Output and final states of a layer's only place, from zeros, by a kernel's fast path, or None."""
        fast_path = place.fast_path_of(self.settings.trained)
        result = None if fast_path is None else fast_path.masked(x, partial(self._draw, 0))
        return None if result is None else result[: 1 + len(self.settings.cell.states)]

    def _draw(self, place: int, x: Tensor, weights: Weights) -> DrawnMasks:
        (steps, rows, _), settings, weight_hh = x.shape, self.settings, weights.weight_hh
        seed = int(self.seed) if without_dispatch(x) else self.seed
        unit_inputs: list[Tensor] = []
        weight_mask = None
        for kind in settings.trained.unit_inputs:
            # A mask that is the same at all steps has one, read again at each.
            shape = 1 if kind == DROPOUT else steps, rows, weights.hidden_size
            mask = random_mask(seed, shape, settings.distribution(kind, place), x, self.first_row)
            unit_inputs.append(mask.expand(steps, -1, -1))
        if settings.weight_drop and weight_hh is not None:
            distribution = settings.distribution(_WEIGHT_DROP, place)
            mask = random_mask(seed, (1, *weight_hh.shape), distribution, weight_hh)
            weight_mask = mask.reshape(weight_hh.shape)
        return DrawnMasks(tuple(unit_inputs), weight_mask)
