"""What an LSTM and a GRU cost: of equal units and of equal weights, on two data sets, by recipes tuned for the LSTM.

    python -m bench.cost [--data ../shared/data] [--seeds 0 1 2] [--cases resume_ner shakespeare]

Quality is of the test part, read once a seed; how long a network takes to a given quality is looked up in its
evaluations on the dev part, twenty in a training, whose time counts too. Minutes are of a processor, on one thread;
each training has a process of its own, so that the peak of memory is its own. results/cost.json holds every run; what
is in it is not trained again.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.language_model import SETTINGS as LANGUAGE_MODEL
from bench.language_model import config_for, split
from bench.machine import machine
from bench.markdown import RESULTS, table
from bench.row import cost, peak_mib
from bench.tagging import RESUMES, config
from keepgate import Recurrent
from keepgate.data.corpora.plain_text import read_plain
from keepgate.tasks import LanguageModel, Tagger
from keepgate.train import TrainingConfig, fit

RESULT = RESULTS / "cost.json"
EVALUATIONS = 20
# Of the language model's recipe, so that nine trainings take minutes.
SHARE = 1 / 3
NETWORKS = ("LSTM", "GRU, equal units", "GRU, equal weights")
# A run: the task, how it is trained, its data as `fit` takes them, its dev part and its test part.
Run = tuple[Any, TrainingConfig, dict[str, Any], Any, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A data set. inputs: numbers that a step of its layer reads. units: of the LSTM. reached: a quality to reach."""

    what: str
    folder: str
    metric: str
    reached: float
    inputs: int
    units: int
    bidirectional: bool
    run: Callable[[Path, int, str, int], Run]


def resume_ner(folder: Path, seed: int, cell: str, units: int) -> Run:
    """Named entities, with the recipe of the scoreboard's row."""
    train, dev, test = (RESUMES.read(folder, part) for part in ("train", "dev", "test"))
    task = Tagger.build(train, replace(RESUMES.settings, cell=cell, hidden_size=units), seed)
    examples = task.prepare(train, training=True)
    return task, config(RESUMES, len(examples), seed), {"examples": examples}, dev, test


def shakespeare(folder: Path, seed: int, cell: str, units: int) -> Run:
    """Characters, with a part of the steps of the scoreboard's recipe."""
    text, test = split(read_plain(folder / "input.txt").items[0])
    text, dev = split(text)
    task = LanguageModel.build([text], replace(LANGUAGE_MODEL, cell=cell, hidden_size=units), seed)
    stream = task.stream([text])
    recipe = config_for(len(stream), seed)
    shortened = replace(recipe, steps=round(SHARE * recipe.steps_for(len(stream))), epochs=None)
    return task, shortened, {"stream": stream}, task.excerpt([dev], 20_000), [test]


CASES = {
    "resume_ner": Case(
        what="Resume NER, entity F1", folder="resume_ner", metric="f1", reached=0.9,
        inputs=RESUMES.settings.embedding_size + RESUMES.settings.pair_size,
        units=RESUMES.settings.hidden_size, bidirectional=True, run=resume_ner,
    ),
    "shakespeare": Case(
        what="Tiny Shakespeare, nats a character, a third of the steps", folder="tinyshakespeare", metric="nats",
        reached=1.7, inputs=LANGUAGE_MODEL.embedding_size, units=LANGUAGE_MODEL.hidden_size, bidirectional=False,
        run=shakespeare,
    ),
}  # fmt: skip


def weights(case: Case, cell: str, units: int) -> int:
    """Weights of the recurrent layer."""
    layer = Recurrent(cell, case.inputs, units, bidirectional=case.bidirectional)
    return sum(weight.numel() for weight in layer.parameters())


def network(case: Case, name: str) -> tuple[str, int]:
    """The cell and its units. Of equal weights is the GRU whose layer has most nearly as many as the LSTM's."""
    if name != NETWORKS[2]:
        return "lstm" if name == NETWORKS[0] else "gru", case.units
    wanted = weights(case, "lstm", case.units)
    return "gru", min(range(case.units, 2 * case.units), key=lambda u: abs(weights(case, "gru", u) - wanted))


def one(case: Case, name: str, seed: int, folder: Path) -> dict[str, Any]:
    """One training, and what it cost."""
    cell, units = network(case, name)
    task, recipe, examples, dev, test = case.run(folder, seed, cell, units)
    every = max(1, recipe.steps_for(len(next(iter(examples.values())))) // EVALUATIONS)
    result = fit(
        task, replace(recipe, keep="best", evaluate_every=every), **examples, dev=dev, progress=False
    )
    metric = next(metric for metric in task.metrics if metric.name == case.metric)
    sign = 1 if metric.higher_is_better else -1
    curve = [
        (record["cpu_seconds"] / 60, record["metrics"][case.metric])
        for record in result.history
        if "metrics" in record
    ]
    return {
        "cell": cell, "units": units, "recurrent": weights(case, cell, units), "seed": seed, **cost(task, result),
        "cpu_minutes": round(result.cpu_seconds / 60, 2), "quality": task.measure(test).values()[case.metric],
        "minutes_to": next((minutes for minutes, value in curve if sign * value >= sign * case.reached), None),
        "curve": [[round(minutes, 3), round(value, 4)] for minutes, value in curve],
        "peak_mib": peak_mib(), "machine": machine(),
    }  # fmt: skip


def stored() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The runs, by case and network."""
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}


def cost_table(_: int) -> str:
    """A row for each network on each data set, means of the seeds with their range."""
    head = (
        "data, metric", "network", "units", "recurrent weights", "parameters", "seeds", "quality", "processor minutes",
        "minutes to", "peak, MiB",
    )  # fmt: skip
    if not RESULT.exists():
        return "*Not measured yet.*"
    rows = []
    for name, networks in stored().items():
        case = CASES[name]
        for network, runs in networks.items():
            columns = {column: [run[column] for run in runs] for column in runs[0]}
            rows.append(
                [
                    case.what, network, f"{runs[0]['units']}", f"{runs[0]['recurrent']:,}",
                    f"{runs[0]['parameters']:,}", f"{len(runs)}", _ranged(columns["quality"], 3),
                    _ranged(columns["cpu_minutes"], 1), f"{case.reached:g}: {_reached(columns['minutes_to'])}",
                    f"{statistics.mean(columns['peak_mib']):,.0f}",
                ]
            )  # fmt: skip
    return table([*head], rows)


def _ranged(values: Sequence[float], digits: int) -> str:
    mean, low, high = (f"{value:.{digits}f}" for value in (statistics.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low}–{high})"


def _reached(minutes: Sequence[float | None]) -> str:
    """The minutes of the seeds that came so far, and how many they are where that is not all."""
    times = [value for value in minutes if value is not None]
    if not times:
        return "not reached"
    return _ranged(times, 2) + (
        "" if len(times) == len(minutes) else f", {len(times)} of {len(minutes)} seeds"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    options = parser.parse_args()
    runs = [
        (case, name, seed)
        for case in options.cases
        for seed in options.seeds
        for name in options.networks
        if not any(run["seed"] == seed for run in stored().get(case, {}).get(name, ()))
    ]
    if len(runs) > 1:
        for case, name, seed in runs:
            words = ["--cases", case, "--networks", name, "--seeds", str(seed), "--data", str(options.data)]
            subprocess.run([sys.executable, "-m", "bench.cost", *words], check=True)
        return
    for case, name, seed in runs:
        folder = options.data / CASES[case].folder
        if not folder.is_dir():
            sys.exit(f"{folder} is not there; give the folder of the public data sets as --data")
        run = one(CASES[case], name, seed, folder)
        print(case, name, seed, run["quality"], run["cpu_minutes"], run["minutes_to"], flush=True)
        every = stored()
        every.setdefault(case, {}).setdefault(name, []).append(run)
        RESULT.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
