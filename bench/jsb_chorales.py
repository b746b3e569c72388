"""Bach's chorales as piano rolls, the next chord from those before: a row of `bench/tasks.py`.

A chord is 88 numbers, 1 for each key that sounds; the loss of one is the sum of the 88 cross entropies, and the figure
its mean over all chords after the first of each piece. The pieces are all in C major or C minor as they come, so they
are not transposed (on the dev part 9.26 instead of 8.69, one seed), and the keys that sound are few, so they are not
dropped. The dev part chooses the weights.
Boulanger-Lewandowski et al. (2012), arXiv:1206.6392; figures at 300k parameters: Bai et al. (2018), arXiv:1803.01271.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.row import Figures, Row, Target, trained
from keepgate import Recurrent
from keepgate.nn.eval_mode import eval_mode
from keepgate.nn.length_mask import length_mask
from keepgate.tasks.batched import TensorBatch
from keepgate.tasks.measure import Measurement, Metric
from keepgate.train import TrainingConfig

KEYS = 88
CELL, UNITS, DROPOUT, WEIGHT_DROP = "gru", 240, 0.5, 0.6
CONFIG = TrainingConfig(
    steps=5000, batch_size=4, learning_rate=2e-3, schedule="cosine", hold_fraction=0.0, ema_decay=0.995,
    keep="best", evaluate_every=500, threads=1,
)  # fmt: skip

Roll = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """One piece, [chords, 88]."""

    roll: Roll

    @property
    def length(self) -> int:
        """Chords that are predicted."""
        return len(self.roll) - 1


@dataclass(frozen=True)
class Rolls(TensorBatch):
    """Pieces side by side, padded with silence."""

    rolls: Float[Tensor, "time batch 88"]
    lengths: Tensor


class NextChord(nn.Module):
    """Chords → the probability of each key in the next one: a recurrent layer, dropout, a linear layer."""

    metrics = (Metric(name="nll", title="NLL", unit="nats a chord", higher_is_better=False),)

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = Recurrent(CELL, KEYS, UNITS, init="orthogonal", weight_drop=WEIGHT_DROP)
            self.readout = nn.Linear(UNITS, KEYS)
        self.dropout = nn.Dropout(DROPOUT)

    def collate(self, pieces: Sequence[Piece]) -> Rolls:
        lengths = torch.tensor([len(piece.roll) for piece in pieces])
        return Rolls(nn.utils.rnn.pad_sequence([torch.from_numpy(piece.roll) for piece in pieces]), lengths)

    def losses(self, batch: Rolls) -> tuple[Float[Tensor, "time batch"], Bool[Tensor, "time batch"]]:
        """The loss of every chord but the first, in nats, and which of them are real."""
        states = self.layer(batch.rolls[:-1], lengths=batch.lengths - 1)[0]
        logits = self.readout(self.dropout(states))
        losses = binary_cross_entropy_with_logits(logits, batch.rolls[1:], reduction="none").sum(2)
        return losses, length_mask(len(losses), batch.lengths - 1, losses.device)

    def loss(self, batch: Rolls, carry: Any = None) -> tuple[Tensor, None]:  # noqa: ARG002
        losses, real = self.losses(batch)
        return losses[real].mean(), None

    def measure(
        self,
        items: Sequence[Piece],
        *,
        batch_size: int = 64,
        on_progress: Callable[[int], None] | None = None,  # noqa: ARG002
    ) -> Measurement:
        """The mean loss of a chord."""
        sums: list[float] = []
        with torch.no_grad(), eval_mode(self):
            for first in range(0, len(items), batch_size):
                losses, real = self.losses(self.collate(items[first : first + batch_size]))
                sums += losses.where(real, 0).sum(0).tolist()
        nats, chords = np.array(sums), np.array([piece.length for piece in items])
        return Measurement(
            records=[{"nats": value} for value in sums],
            scores={"nll": lambda rows: nats[rows].sum() / chords[rows].sum()},
        )


def read(folder: Path, part: str) -> list[Piece]:
    """The pieces of one part."""
    from scipy.io import loadmat

    rolls = loadmat(folder / "JSB_Chorales.mat")[f"{part}data"][0]
    return [Piece(np.ascontiguousarray(roll, np.float32)) for roll in rolls]


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:  # noqa: ARG001
    """Trains one network and gives its figures."""
    parts = {"dev": read(folder, "valid")} | ({"test": read(folder, "test")} if test else {})
    return trained(NextChord(seed), replace(CONFIG, seed=seed), read(folder, "train"), parts)


def recipe_of() -> Mapping[str, Any]:
    """What the seeds have in common."""
    network = {"cell": CELL, "units": UNITS, "dropout": DROPOUT, "weight_drop": WEIGHT_DROP}
    return {"network": network, "training": asdict(CONFIG)}


ROWS = [
    Row(
        name="jsb_chorales",
        data="JSB chorales, the next chord; test part",
        folder="polymusic",
        targets=(
            Target(metric="nll", title="NLL", at_least=8.45, aim=8.1, percent=False, falls=True, digits=2),
        ),
        published="8.45 LSTM, 8.43 GRU, 8.10 TCN, 300k parameters (Bai et al. 2018, arXiv:1803.01271)",
        train=train,
        recipe=recipe_of,
    )
]
