"""Row: a row of the scoreboard: a data set, the figures that are wanted, and how one seed is trained and measured."""

import json
import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.markdown import RESULTS
from keepgate.export import bundle
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

# What training one seed gives: "parameters", "minutes", "cpu_minutes", and the metrics of "test" (or of "dev" alone).
Figures = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A metric of a row, by its name in the figures. at_least, aim: in the units of the table; None: nothing is asked.

    percent: whether the figure is a share, printed as per cent. falls: whether less is better.
    """

    metric: str
    title: str
    at_least: float | None = None
    aim: float | None = None
    percent: bool = True
    falls: bool = False
    digits: int = 1

    def shown(self, value: float) -> float:
        """A figure in the units of the table."""
        return 100 * value if self.percent else value


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row. name: of the command's argument and of the result file.

    data, folder: what is learnt, in words, and where it lies in the folder of public data.
    published: another network's figure, with its source; "" where none is known.
    train: from the data's folder, a seed, whether the test part is read, and a folder for the model, to the figures.
    recipe: settings and training, as JSON values; seeds of another recipe are not mixed with them.
    """

    name: str
    data: str
    folder: str
    targets: tuple[Target, ...]
    published: str = ""
    train: Callable[[Path, int, bool, Path | None], Figures]
    recipe: Callable[[], Mapping[str, Any]]

    @property
    def results(self) -> Path:
        """The file of the figures."""
        return RESULTS / f"{self.name}.json"

    @property
    def command(self) -> str:
        """The command that trains and measures it."""
        return f"python -m bench.tasks {self.name}"

    def seeds(self) -> dict[str, Figures]:
        """The figures of each seed that was trained; none if none was."""
        if not self.results.exists():
            return {}
        seeds: dict[str, Figures] = json.loads(self.results.read_text(encoding="utf-8"))["seeds"]
        return seeds

    def other_recipe(self) -> str:
        """How the recipe of the recorded seeds differs from today's, in words; "" where it does not, or none is."""
        if not self.results.exists():
            return ""
        then = leaves(json.loads(self.results.read_text(encoding="utf-8"))["recipe"])
        now = leaves(self.recipe_now())
        return "; ".join(
            f"{name} was {then.get(name, 'not there')} and is {now.get(name, 'not there')}"
            for name in sorted(then.keys() | now.keys())
            if (name in then, then.get(name)) != (name in now, now.get(name))
        )

    def recipe_now(self) -> Any:
        """The recipe as the results hold it."""
        return json.loads(json.dumps(self.recipe()))

    def record(self, seed: int, figures: Figures) -> None:
        """Adds one seed's figures to the results, beside those of the same recipe; those of another are dropped.

        The file is written anew: one process records.
        """
        seeds = {} if self.other_recipe() else self.seeds()
        seeds = dict(sorted((seeds | {str(seed): figures}).items()))
        values = {
            target.metric: [of_seed["test"][target.metric] for of_seed in seeds.values()]
            for target in self.targets
        }
        results = {
            "what": self.data,
            "mean": {metric: round(statistics.mean(of), 4) for metric, of in values.items()},
            "range": {metric: [min(of), max(of)] for metric, of in values.items()},
            "recipe": self.recipe_now(),
            "seeds": seeds,
        }
        self.results.parent.mkdir(exist_ok=True)
        written = self.results.with_suffix(f".{seed}.new")
        written.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written.replace(self.results)


def leaves(recipe: Any, prefix: str = "") -> dict[str, Any]:
    """The values of a recipe by their path, as "training.steps"."""
    if not isinstance(recipe, dict):
        return {prefix: recipe}
    return {
        path: value
        for name, of in recipe.items()
        for path, value in leaves(of, f"{prefix}.{name}" if prefix else name).items()
    }


def of_process(figures: Figures) -> Figures:
    """The figures with what this process took, and its machine."""
    return {**figures, "peak_mib": peak_mib(), "machine": machine()}


def peak_mib() -> float:
    """The most memory that this process has held, in MiB (Linux counts in KiB)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(measurement: Any) -> Figures:
    """A task's measurement as figures: its metrics, the interval of the first, and what is had without a model."""
    values = measurement.values()
    return {
        **{name: round(value, 4) for name, value in values.items()},
        "interval": [round(end, 4) for end in measurement.interval(next(iter(values)))],
        "baselines": {
            name: {metric: round(value, 4) for metric, value in of.items()}
            for name, of in measurement.baselines.items()
        },
    }


def config_for(
    kind: str, examples: int, seed: int, *, evaluations: int = 10, epochs: int | None = None
) -> TrainingConfig:
    """What `keepgate train --dev` does, on one thread, so that seeds can be trained side by side.

    epochs: instead of the recipe's steps.
    """
    config = replace(recipe(kind, examples), threads=1, seed=seed, keep="best")
    if epochs is not None:
        config = replace(config, steps=epochs * -(-examples // config.batch_size))
    return replace(config, evaluate_every=max(1, config.steps_for(0) // evaluations))


def recipe_of(settings: Any, training: TrainingConfig) -> dict[str, Any]:
    """What the seeds of a row have in common, as JSON values. training: of seed 0."""
    return {"settings": asdict(settings), "training": asdict(training)}


def trained(
    task: Any,
    config: TrainingConfig,
    examples: Sequence[Any],
    parts: Mapping[str, Sequence[Any]],
    *,
    model: Path | None = None,
    card: Mapping[str, Any] | None = None,
) -> Figures:
    """Trains a task on the examples, chooses its weights by parts["dev"], and gives its figures on each of the parts.

    model, card: where the model is saved, if anywhere, and with which card; the last part's figures are added.
    """
    result = fit(task, config, examples=examples, dev=parts["dev"])
    figures = cost(task, result) | {name: measured(task.measure(items)) for name, items in parts.items()}
    if model is not None:
        bundle.save(task, model, card={**(card or {}), "figures": figures[[*parts][-1]]})
    return figures


def cost(task: Any, result: Any) -> Figures:
    """Parameters, steps and minutes of a training, and the share of its time in which it waited for data."""
    waiting = sum(record.get("data_seconds", 0.0) for record in result.history)
    return {
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "steps": result.steps,
        "minutes": round(result.seconds / 60, 1),
        "cpu_minutes": round(result.cpu_seconds / 60, 1),
        "waiting": round(waiting / result.seconds, 4),
    }
