"""A case: a model, its data, how it was trained, and what is so of it by construction."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn

from bench.verdicts.problems import Problem, Rows
from bench.verdicts.training import Kind, Setup

Truth = Literal[
    "healthy", "forgets", "untrained", "overfitted", "padding", "saturated", "exploding", "no signal", "data"
]
Spoilt = Literal["nan", "one class", "labels", "shape", "shuffled", "scale"]
Network = type[nn.Module]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model with its planted situation.

    taught: the problem that it learns from, where it is another than it is asked. options: of the network. also: what
    is true of it besides. spoilt: what is wrong with the data that it is trained or examined with.
    """

    name: str
    truth: Truth
    network: Network
    problem: Problem
    setup: Setup
    kind: Kind
    taught: Problem | None = None
    options: dict[str, Any] = field(default_factory=dict)
    also: tuple[Truth, ...] = ()
    spoilt: Spoilt | None = None

    def spoil(self, rows: Rows, examined: bool) -> Rows:
        """The rows with the planted fault of the data; some faults are only in what is examined."""
        y, x = rows.y, rows.x
        if self.spoilt == "shuffled":
            return replace(rows, y=y.roll(1, 0))
        if self.spoilt == "one class":
            return replace(rows, y=torch.ones_like(y))
        if self.spoilt == "scale":
            return replace(rows, y=1000 + 200 * y)
        if examined and self.spoilt == "nan":
            x = x.clone()
            x[3, 5] = float("nan")
        if examined and self.spoilt == "labels":
            y = y.clone()
            y[7] = 9
        if examined and self.spoilt == "shape":
            y = torch.stack([y, y], 1)
        return replace(rows, x=x, y=y)


def planted(
    truth: Truth,
    name: str,
    network: Network,
    problem: Problem,
    setup: Setup | None = None,
    kind: Kind = "class",
    *,
    taught: Problem | None = None,
    also: tuple[Truth, ...] = (),
    spoilt: Spoilt | None = None,
    **options: Any,
) -> Case:
    """A case; options are the network's."""
    return Case(
        name=f"{truth}: {name}", truth=truth, network=network, problem=problem, setup=setup or Setup(), kind=kind,
        taught=taught, options=options, also=also, spoilt=spoilt,
    )  # fmt: skip
