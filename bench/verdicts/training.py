"""Trains a case's model as its setup says, and measures how well it answers."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from bench.verdicts.problems import Problem, Rows

BATCH, TESTED = 32, 240
Kind = Literal["class", "steps", "number", "logit"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a model is made ready and trained; the remedies change a field each.

    lengths: the model is called with the rows' lengths. remember: the layer starts out keeping so many steps (forget
    or update gates by the chrono rule). keep: what is added to the biases of those gates. gain: the recurrent layer's
    weights times this, and gain_hh those of the state. clip: the gradient's largest norm. decay: of the weights.
    """

    iterations: int = 200
    rate: float = 0.02
    rows: int = 2048
    lengths: bool = False
    remember: int | None = None
    keep: float = 0.0
    gain: float = 1.0
    gain_hh: float = 1.0
    clip: float | None = None
    decay: float = 0.0


def initialised(model: nn.Module, setup: Setup) -> nn.Module:
    """The same model, its recurrent layer's first weights as the setup says."""
    layer = next(part for part in model.modules() if isinstance(part, nn.RNNBase))
    size = layer.hidden_size
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if name.startswith("weight"):
                weight *= setup.gain * (setup.gain_hh if "hh" in name else 1.0)
            elif layer.mode != "RNN_TANH" and not setup.remember:
                weight[size : 2 * size] += setup.keep / 2
            elif setup.remember and layer.mode != "RNN_TANH":
                weight.zero_()
                keeping = torch.empty(size).uniform_(1, max(setup.remember - 1, 2)).log_()
                if "ih" in name:
                    weight[size : 2 * size] = keeping
                    weight[:size] = -keeping if layer.mode == "LSTM" else 0
    return model


def call(model: nn.Module, rows: Rows, setup: Setup) -> Tensor:
    result: Any = model(rows.x, rows.lengths) if setup.lengths else model(rows.x)
    return result["logits"] if isinstance(result, dict) else result


def loss_of(result: Tensor, y: Tensor, kind: Kind) -> Tensor:
    if kind == "steps":
        return functional.cross_entropy(result.transpose(1, 2), y, ignore_index=-100)
    if kind == "class":
        return functional.cross_entropy(result, y)
    if kind == "logit":
        return functional.binary_cross_entropy_with_logits(result.reshape(y.shape), y.to(result.dtype))
    return functional.mse_loss(result.reshape(y.shape), y)


def train(model: nn.Module, rows: Rows, setup: Setup, kind: Kind, seed: int) -> nn.Module:
    """The model after training on the rows, in eval mode."""
    order = Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=setup.rate, weight_decay=setup.decay)
    model.train()
    for _ in range(setup.iterations):
        batch = rows.part(torch.randint(0, len(rows.x), (BATCH,), generator=order))
        optimiser.zero_grad()
        loss_of(call(model, batch, setup), batch.y, kind).backward()
        if setup.clip:
            nn.utils.clip_grad_norm_(model.parameters(), setup.clip)
        optimiser.step()
    return model.eval()


def drawn(problem: Problem, rows: int, seed: int, kind: Kind) -> Rows:
    """Rows of a problem; what a tagger is asked at padded steps is -100, as torch's loss leaves it out."""
    result = problem.draw(rows, Generator().manual_seed(seed))
    if kind == "steps":
        result.y[torch.arange(result.y.shape[1]) >= result.lengths[:, None]] = -100
    return result


@dataclass(frozen=True, kw_only=True)
class Score:
    """How much better than a guess: (accuracy - guess) / (1 - guess), or the share of variance explained; by length."""

    all: float
    short: float
    long: float


@torch.no_grad()
def score(model: nn.Module, rows: Rows, setup: Setup, kind: Kind) -> Score:
    """Of all rows, of the third with the shortest, and of that with the longest."""
    result, y = call(model, rows, setup), rows.y
    if kind == "steps":
        at = torch.arange(len(y)), rows.lengths - 1
        result, y = result[at], y[at]
    order = rows.lengths.argsort()
    third = len(order) // 3
    parts = [_score(result[part], y[part], kind) for part in (order, order[:third], order[-third:])]
    return Score(all=parts[0], short=parts[1], long=parts[2])


def _score(result: Tensor, y: Tensor, kind: Kind) -> float:
    if kind == "number":
        error = (result.reshape(y.shape) - y).square().mean()
        value = float(1 - error / (y - y.mean(0)).square().mean())
        return value if math.isfinite(value) else float("-inf")
    picked = (result.reshape(y.shape) > 0).long() if kind == "logit" else result.argmax(-1)
    right = float((picked == y).float().mean())
    guess = float(y.unique(return_counts=True)[1].max() / len(y))
    return (right - guess) / (1 - guess) if guess < 1 else right - guess
