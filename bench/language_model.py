"""Trains the language model on Tiny Shakespeare's characters, once for each seed, and measures it on the last tenth.

    python -m bench.language_model --data tinyshakespeare/input.txt --models models

The first nine tenths are trained on with the recipe of `keepgate train language-model`, on one thread; nothing is
chosen by the last tenth, which is measured once, at the end. Nats a character, as nanoGPT's; it reads 256 characters,
this model all that is before. The figures go to `bench/results/language_model.json`, beside those of other seeds of the
same recipe.
"""

import argparse
import json
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.machine import machine
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.labelled import LabelledText
from keepgate.export import bundle
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

RESULTS = Path(__file__).parent / "results" / "language_model.json"
SETTINGS = LanguageModelSettings()


def main() -> None:
    options = _options()
    train, test = split(read_plain(options.data).items[0])
    for seed in options.seeds:
        figures = one(train, test, seed, options.models)
        print(seed, json.dumps(figures), flush=True)
        record(seed, figures, {"train": len(train.text), "test": len(test.text)})


def split(text: LabelledText) -> tuple[LabelledText, LabelledText]:
    """The first nine tenths of the characters, and the last tenth."""
    at = len(text.text) * 9 // 10
    return replace(text, text=text.text[:at]), replace(text, text=text.text[at:])


def config_for(characters: int, seed: int) -> TrainingConfig:
    """What `keepgate train language-model` does, on one thread, so that seeds can be trained side by side."""
    return replace(recipe("language-model", characters), threads=1, seed=seed)


def one(train: LabelledText, test: LabelledText, seed: int, models: Path | None) -> dict[str, Any]:
    """Trains one model, saves it in models/seed-N, and gives its figures."""
    task = LanguageModel.build([train], SETTINGS, seed)
    stream = task.stream([train])
    result = fit(task, config_for(len(stream), seed), stream=stream)
    measured = task.measure([test])
    figures = {
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "steps": result.steps,
        "minutes": round(result.seconds / 60, 1),
        "cpu_minutes": round(result.cpu_seconds / 60, 1),
        **{name: round(value, 4) for name, value in measured.values().items()},
        "interval": measured.interval("nats"),
        "baselines": measured.baselines,
    }
    if models is not None:
        card = {"data": "The first nine tenths of Tiny Shakespeare.", "figures": {"nats": figures["nats"]}}
        bundle.save(task, models / f"seed-{seed}", card=card)
    return figures


def record(seed: int, figures: dict[str, Any], sizes: dict[str, int]) -> None:
    """Adds one seed's figures to the results, beside those of the same recipe; those of another are dropped."""
    recipe_of = json.loads(
        json.dumps({"settings": asdict(SETTINGS), "training": asdict(config_for(sizes["train"], 0))})
    )
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    seeds = results.get("seeds", {}) if results.get("recipe") == recipe_of else {}
    seeds = dict(sorted((seeds | {str(seed): {**figures, "machine": machine()}}).items()))
    nats = [each["nats"] for each in seeds.values()]
    results = {
        "what": "Tiny Shakespeare by characters, nats on the last tenth, after training from scratch on one thread",
        "characters": sizes,
        "mean": round(statistics.mean(nats), 4),
        "range": [min(nats), max(nats)],
        "recipe": recipe_of,
        "seeds": seeds,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="Tiny Shakespeare's input.txt")
    parser.add_argument("--models", type=Path, help="folder for the models; none are kept if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
