"""The lens, measured: what attaching costs, how fast the gradient by every state is, and whether an answer's shares are
what dropping a write does.

    python -m bench.lens [--questions 500] [--only PART] [--out bench/results/lens.json]

Trains the readers of `keepgate compare` (seed 0) and asks new stories of 300 characters. For each reader and each
measure (the change that dropping a write makes; influence, its first order along every path; the direct memory share):
how often the first token lies in the sentence that holds the answer, and the rank correlation with the dropped writes.
The same for a twentieth of the questions of the integrated shares, of writes and of tokens through all layers, with the
worst and the middling completeness. `gradients` compares the core's gradient by every state with one kernel call and
one autograd node a step. --only measures one part and keeps the others of the file.
"""

import argparse
import itertools
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import nn

import keepgate
from bench.machine import machine
from keepgate.data.text import tokenize
from keepgate.demo.contestants import BUDGET, CONTESTANTS, POOLINGS, run_of, stages_of
from keepgate.demo.stories import stories
from keepgate.kernels import Call, run, state_gradients
from keepgate.lens import attach, read
from keepgate.lens.diagnosis import rank_correlation
from keepgate.lens.diagnosis.statistics import bootstrap
from keepgate.lens.readers import answer_influence, token_integrated_gradients, write_integrated_gradients
from keepgate.lens.readers.answer_ablation import ablated_outputs, answer_attribution
from keepgate.train.loop import fit

SEED, LENGTH = 3_000_000, 300
READERS = [one for one in CONTESTANTS if one.name.endswith("-chrono")] + [
    r for r in POOLINGS if r.name == "attention"
]

PARTS = ("overhead", "gradients", "readers", "integrated")


def overhead(kind: str, layers: int, both: bool) -> float:
    """Extra time of a watched call over the module's own, 100 steps, batch 32, hidden 256; the medians."""
    module = getattr(nn, kind)(256, 256, layers, bidirectional=both).eval()
    x = torch.randn(100, 32, 256)
    plain, watched = [], []
    with torch.no_grad():
        for _ in range(9):
            plain.append(_seconds(module, x))
            with attach(module):
                watched.append(_seconds(module, x))
    return statistics.median(watched[2:]) / statistics.median(plain[2:]) - 1


def state_gradients_ratio(kind: str, steps: int = 1000, rows: int = 4, units: int = 64) -> dict[str, object]:
    """How many times faster the core's gradient by every state is than one kernel call a step, alternating, medians."""
    layer = getattr(keepgate, kind)(16, units, dtype=torch.float64).requires_grad_(False)
    (call,) = layer.calls(torch.randn(steps, rows, 16, dtype=torch.float64))
    d_output = torch.randn(steps, rows, units, dtype=torch.float64)
    seconds, results = defaultdict(list), {}
    for _ in range(9):
        for function in (_one_call_a_step, state_gradients):
            start = time.perf_counter()
            gradients = function(call, d_output)
            seconds[function].append(time.perf_counter() - start)
            results[function] = gradients if function is _one_call_a_step else gradients.states
    slow, fast = (seconds[function] for function in (_one_call_a_step, state_gradients))
    pairs = zip(*results.values(), strict=True)
    return {
        "kind": kind, "steps": steps, "rows": rows, "units": units, "threads": torch.get_num_threads(),
        "times_faster": statistics.median(a / b for a, b in zip(slow, fast, strict=True)),
        "largest_difference": max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs),
    }  # fmt: skip


def _one_call_a_step(call: Call, d_output: torch.Tensor) -> list[torch.Tensor]:
    states = tuple(state.clone().requires_grad_() for state in call.states)
    nodes, outputs = [], []
    for x in call.x.split(1):
        result = run(Call.of(call.weights, x, states))
        states = result.final
        nodes += states
        outputs.append(states[0])
    value = (torch.stack(outputs) * d_output).sum()
    by_node = torch.autograd.grad(value, nodes, allow_unused=True, materialize_grads=True)
    return [torch.stack(by_node[n :: len(states)]) for n in range(len(states))]


def _seconds(module: nn.Module, x: torch.Tensor) -> float:
    start = time.perf_counter()
    module(x)
    return time.perf_counter() - start


def reader(contestant, count: int) -> dict[str, object]:
    """One trained reader over so many questions: three measures of what carries its answer, and how they agree."""
    task = contestant.build(0)
    fit(task, run_of(0), stages=stages_of(task, BUDGET, 1), progress=False)
    task.eval()
    right, missing, inside, ranks = [], 0.0, defaultdict(list), defaultdict(list)
    for question in stories(count, LENGTH, seed=SEED, split="test"):
        reading = read(task, question)
        shares = answer_attribution(reading)
        k = int(shares.scores.argmax())
        right.append(task.choices[k] == question.answers[0])
        missing = max(missing, float((shares.missing / shares.scores.abs().max()).abs().max()))
        without = _scores_without(reading)
        found = {
            "dropped": (shares.scores[k] - shares.scores.mean()) - (without[:, k] - without.mean(1)),
            "influence": answer_influence(reading, task.choices[k]),
            "direct": shares.of(task.choices[k]),
        }
        (start, end), starts = question.facts[0], tokenize(question.text).starts
        for name, values in found.items():
            top = int(values.argmax())
            inside[name].append(top < len(starts) and start <= starts[top] < end)
            ranks[name].append(rank_correlation(values, found["dropped"]))
    return {
        "reader": contestant.name, "questions": count, "right": sum(right) / count, "worst_missing": missing,
        "top_in_sentence": {name: sum(each) / count for name, each in inside.items()},
        "rank_correlation_with_dropped": {name: _mean(ranks[name]) for name in ("influence", "direct")},
    }  # fmt: skip


def integrated(contestant, count: int) -> dict[str, object]:
    """One trained reader: integrated shares of writes and of tokens, and how much of the answer they sum to."""
    task = contestant.build(0)
    fit(task, run_of(0), stages=stages_of(task, BUDGET, 1), progress=False)
    task.eval()
    result = {"reader": contestant.name, "questions": count}
    found = defaultdict(list)
    for question in stories(count, LENGTH, seed=SEED, split="test"):
        reading = read(task, question)
        k = task.choices.index(reading.answer.text)
        scores = reading.head.scores(reading.trace.output)[0]
        without = _scores_without(reading)
        dropped = (scores[k] - scores.mean()) - (without[:, k] - without.mean(1))
        (start, end), starts = question.facts[0], tokenize(question.text).starts
        for name, shares in (
            ("writes", write_integrated_gradients(reading)),
            ("tokens", token_integrated_gradients(reading)),
        ):
            top = int(shares.tokens.argmax())
            inside = top < len(starts) and start <= starts[top] < end
            found[name].append((inside, rank_correlation(shares.tokens, dropped), shares.completeness))
    for name, rows in found.items():
        inside, ranks, completeness = (list(each) for each in zip(*rows, strict=True))
        result[name] = {
            "top_in_sentence": sum(inside) / count,
            "rank_correlation_with_dropped": _mean(ranks),
            "completeness": {
                "median": statistics.median(completeness),
                "worst": max(completeness, key=lambda each: abs(each - 1)),
            },
        }
    return result


def _scores_without(reading) -> torch.Tensor:
    """The scores without each token's write, [tokens, choices]."""
    spans = [(step, step + 1) for step in range(len(reading.tokens))]
    return torch.cat([reading.head.scores(output) for output in ablated_outputs(reading, spans)])


def _mean(values: list[float]) -> dict[str, object]:
    """The mean over the questions, and where it lies with 95 % confidence."""
    found = torch.tensor(values)
    low, high = bootstrap(lambda rows: float(found[rows].mean()), len(found))
    return {"mean": float(found.mean()), "interval": [low, high]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    parts = (given.only,) if given.only else PARTS
    known = (
        json.loads(given.out.read_text("utf-8")) if given.only and given.out and given.out.exists() else {}
    )
    results = {"machine": machine()} | known | {part: [] for part in parts}
    if "overhead" in parts:
        for kind, layers, both in itertools.product(("LSTM", "GRU"), (1, 2, 3), (False, True)):
            extra = overhead(kind, layers, both)
            results["overhead"].append(
                {"kind": kind, "layers": layers, "bidirectional": both, "extra": extra}
            )
            print(results["overhead"][-1], flush=True)
    for kind in ("RNN", "LSTM", "GRU") if "gradients" in parts else ():
        results["gradients"].append(state_gradients_ratio(kind))
        print(results["gradients"][-1], flush=True)
    for contestant in READERS if {"readers", "integrated"} & {*parts} else ():
        # Attention reads in both directions, which takes several times as long.
        count = given.questions if contestant.name != "attention" else given.questions // 4
        if "readers" in parts:
            results["readers"].append(reader(contestant, count))
            print(results["readers"][-1], flush=True)
        if "integrated" in parts:
            results["integrated"].append(integrated(contestant, given.questions // 20))
            print(results["integrated"][-1], flush=True)
    if given.out:
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
