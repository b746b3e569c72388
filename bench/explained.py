"""How often `explain` names first what an answer was planted on, and how often a look-back is the planted lag's.

    python -m bench.explained [--seeds 3] [--rows 40]

Small models of the kinds that people have are trained on tasks whose answers hang on one word, step or lag. Rows whose
answer is wrong are not counted: what they hang on nobody knows. Writes results/explained.json.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bench.machine import machine
from keepgate.lens import explain

RESULTS = Path(__file__).parent / "results" / "explained.json"
WORDS, STEPS, ROWS = 40, 20, 64
# Of numbers, rows count in which the planted step adds so much more than any other, a few times a model's own error.
LARGE = 0.5
LAGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15)


@dataclass
class Batch:
    """Inputs, targets, and the step of each row on which its answer hangs."""

    inputs: Any
    targets: Tensor
    planted: Tensor
    lengths: Tensor | None = None


class Reader(nn.Module):
    """Ids or numbers through a recurrent layer, pooled, to so many outputs."""

    def __init__(
        self, kind: type[nn.RNNBase], pooling: str, outputs: int, *, features: int | None = None, both: bool = False,
        layers: int = 1, squeezes: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pooling, self.squeezes = pooling, squeezes
        self.embedding = nn.Embedding(WORDS, 12) if features is None else nn.Identity()
        self.layer = kind(features or 12, 24, layers, batch_first=True, bidirectional=both)
        width = 24 * (1 + both)
        self.attention, self.head = nn.Linear(width, 1), nn.Linear(width, outputs)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        read = self.embedding(inputs)
        if lengths is not None:
            read = pack_padded_sequence(read, lengths, batch_first=True, enforce_sorted=False)
        output, states = self.layer(read)
        h = states[0] if isinstance(states, tuple) else states
        if lengths is not None:
            output, _ = pad_packed_sequence(output, batch_first=True)
        if self.pooling == "last":
            pooled = torch.cat([h[-2], h[-1]], 1) if self.layer.bidirectional else h[-1]
        elif self.pooling == "attention":
            pooled = (output * self.attention(output).softmax(1)).sum(1)
        else:
            pooled = {"mean": output.mean(1), "max": output.amax(1), "each": output}[self.pooling]
        result = self.head(pooled)
        return result.squeeze(-1) if self.squeezes else result


def labelled(rows: int, *, ragged: bool = False) -> Batch:
    """Of three labels two have a word of their own, somewhere in the row; the third has none."""
    ids, labels = torch.randint(3, WORDS, (rows, STEPS)), torch.randint(3, (rows,))
    lengths = torch.randint(8, STEPS + 1, (rows,)) if ragged else torch.full((rows,), STEPS)
    places = (torch.rand(rows) * lengths).long()
    ids[torch.arange(rows), places] = torch.where(labels < 2, labels, ids[:, 0])
    ids[torch.arange(STEPS) >= lengths.unsqueeze(1)] = 2
    return Batch(ids, labels, torch.where(labels < 2, places, -1), lengths if ragged else None)


def rated(rows: int) -> Batch:
    """One word of four says the number; without any of them it is 0."""
    ids, word = torch.randint(4, WORDS, (rows, STEPS)), torch.randint(5, (rows,))
    places = torch.randint(STEPS, (rows,))
    ids[torch.arange(rows), places] = word
    return Batch(ids, torch.tensor([-2.0, -1.0, 1.0, 2.0, 0.0])[word], torch.where(word < 4, places, -1))


def marked(rows: int) -> Batch:
    """The number that stands at the marked step of a series."""
    x, places = torch.randn(rows, STEPS, 2), torch.randint(STEPS, (rows,))
    x[..., 1] = 0
    x[torch.arange(rows), places, 1] = 1
    value = x[torch.arange(rows), places, :1]
    return Batch(x, value, torch.where(value[:, 0].abs() > LARGE, places, -1))


def tagged(rows: int) -> Batch:
    """A step's tag, one of two, is that of the word two steps before it; the last step's answer is asked for."""
    ids = torch.randint(WORDS, (rows, STEPS))
    tags = torch.cat([torch.zeros(rows, 2, dtype=torch.long), ids[:, :-2] % 2], 1)
    return Batch(ids, tags, torch.full((rows,), STEPS - 3))


def delayed(lag: int) -> Callable[[int], Batch]:
    """A series whose next value is the one so many steps before, with a little of the last; planted is the larger."""

    def batch(rows: int) -> Batch:
        x = torch.randn(rows, STEPS, 1)
        far, last = x[:, -1 - lag], 0.3 * x[:, -1]
        larger = torch.where((far.abs() > last.abs())[:, 0], STEPS - 1 - lag, STEPS - 1)
        return Batch(x, far + last, torch.where((far.abs() - last.abs())[:, 0].abs() > LARGE, larger, -1))

    return batch


def ragged(rows: int) -> Batch:
    return labelled(rows, ragged=True)


CASES: dict[str, tuple[Callable[[], Reader], Callable[[int], Batch]]] = {
    "classifier, last state": (lambda: Reader(nn.LSTM, "last", 3), labelled),
    "classifier, mean": (lambda: Reader(nn.GRU, "mean", 3), labelled),
    "classifier, maximum": (lambda: Reader(nn.LSTM, "max", 3), labelled),
    "classifier, attention": (lambda: Reader(nn.GRU, "attention", 3), labelled),
    "classifier, packed, both ways, two layers": (lambda: Reader(nn.LSTM, "last", 3, both=True, layers=2), ragged),
    "classifier, plain RNN, mean": (lambda: Reader(nn.RNN, "mean", 3), labelled),
    "regression of text, [rows]": (lambda: Reader(nn.GRU, "last", 1, squeezes=True), rated),
    "regression of a series, [rows, 1]": (lambda: Reader(nn.LSTM, "last", 1, features=2), marked),
    "tagger, both ways": (lambda: Reader(nn.LSTM, "each", 2, both=True), tagged),
    "forecaster, lag 6": (lambda: Reader(nn.GRU, "last", 1, features=1), delayed(6)),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {"machine": machine(), "cases": [], "look_back": []}
    for name, (build, batch) in CASES.items():
        for seed in range(options.seeds):
            found["cases"].append({"case": name, "seed": seed, **first(build, batch, seed, options.rows)})
            print(json.dumps(found["cases"][-1]), flush=True)
    for lag in LAGS:
        for seed in range(5):
            found["look_back"].append(look_back(lag, seed))
            print(json.dumps(found["look_back"][-1]), flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def trained(build: Callable[[], Reader], batch: Callable[[int], Batch], seed: int) -> tuple[Reader, float]:
    """The model, trained until its loss is small, in 800 steps at most, and that loss."""
    torch.manual_seed(seed)
    model, smoothed = build(), 1.0
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(800):
        data = batch(ROWS)
        result = model(data.inputs, data.lengths)
        if data.targets.is_floating_point():
            loss = mse_loss(result, data.targets)
        else:
            loss = cross_entropy(result.flatten(0, -2), data.targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        smoothed = 0.95 * smoothed + 0.05 * loss.item()
        if smoothed < 0.03:
            break
    return model.eval(), smoothed


def first(build: Callable[[], Reader], batch: Callable[[int], Batch], seed: int, rows: int) -> dict[str, Any]:
    """Of how many rows that are answered right the planted step has the largest effect, and the largest share."""
    model, loss = trained(build, batch, seed)
    data = batch(rows)
    counted = effect = share = 0
    completeness: list[float] = []
    points: list[int] = []
    for row in range(rows):
        if int(data.planted[row]) < 0:
            continue
        target = (
            data.targets[row, -1] if data.targets.dim() > 1 and not data.targets.is_floating_point() else None
        )
        explanation = explain(model, data.inputs, row=row, lengths=data.lengths)
        if explanation.is_number:
            right = abs(explanation.number - float(data.targets[row])) < 0.5
        else:
            right = explanation.answer.text == str(int(data.targets[row] if target is None else target))
        if not right:
            continue
        counted += 1
        effect += explanation.token_effects[0].step == int(data.planted[row])
        share += int(explanation.step_shares.sum(1).abs().argmax()) == int(data.planted[row])
        completeness.append(explanation.shares.completeness)
        points.append(explanation.shares.points)
    return {
        "loss": loss, "rows": counted, "effect_first": effect, "share_first": share,
        "completeness": [min(completeness), max(completeness)], "points": [min(points), max(points)],
        "complete": sum(abs(value - 1) <= 0.01 for value in completeness),
    }  # fmt: skip


def look_back(lag: int, seed: int) -> dict[str, Any]:
    """The look-back that is found for a forecaster of a planted lag."""
    model, loss = trained(lambda: Reader(nn.GRU, "last", 1, features=1), delayed(lag), seed)
    return {
        "lag": lag,
        "seed": seed,
        "loss": loss,
        "steps": explain(model, delayed(lag)(64).inputs).look_back.steps,
    }


if __name__ == "__main__":
    main()
