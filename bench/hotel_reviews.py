"""Trains the classifier on Chinese hotel reviews, once for each seed, and measures it on a part kept aside.

    python -m bench.hotel_reviews --data ChnSentiCorp_htl_all.csv --models models

The 7,765 reviews (ChnSentiCorp; 1 good, 0 bad; no official split) are split 8:1:1 into train, dev and test by a
hash of their text. The dev part chooses the weights to keep; the test part is measured once, at the end. The figures go
to `bench/results/hotel_reviews.json`, beside those of other seeds of the same recipe. With --dev-only, to tune, the
test part is not looked at and nothing is recorded.
"""

import argparse
import hashlib
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.machine import machine
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.labelled import LabelledText
from keepgate.export import bundle
from keepgate.tasks.classifier import Classifier, ClassifierSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

RESULTS = Path(__file__).parent / "results" / "hotel_reviews.json"
SETTINGS = ClassifierSettings()
METRICS = ("accuracy", "macro_f1", "balanced_accuracy")
EVALUATIONS = 10


def main() -> None:
    options = _options()
    parts = split(read_labelled(options.data).items)
    print("  ".join(f"{name} {len(texts):,}" for name, texts in parts.items()), flush=True)
    print(f"{'seed':<6}{'part':<6}" + "".join(f"{name:>20}" for name in METRICS), flush=True)
    for seed in options.seeds:
        figures = one(parts, seed, options.models, test=not options.dev_only)
        if not options.dev_only:
            record(seed, figures, {name: len(texts) for name, texts in parts.items()})


def split(texts: Sequence[LabelledText]) -> dict[str, list[LabelledText]]:
    """Train, dev and test, 8:1:1 by a hash of the text, so that a review that comes twice is in one part."""
    parts: dict[str, list[LabelledText]] = {"train": [], "dev": [], "test": []}
    for item in texts:
        digest = hashlib.sha256(item.text.strip().encode()).digest()
        tenth = int.from_bytes(digest[:8], "big") % 10
        parts[{8: "dev", 9: "test"}.get(tenth, "train")].append(item)
    return parts


def config_for(examples: int, seed: int) -> TrainingConfig:
    """What `keepgate train classifier --dev` does, on one thread, so that seeds can be trained side by side."""
    config = replace(recipe("classifier", examples), threads=1, seed=seed, keep="best")
    return replace(config, evaluate_every=max(1, config.steps_for(0) // EVALUATIONS))


def one(
    parts: Mapping[str, Sequence[LabelledText]], seed: int, models: Path | None, *, test: bool
) -> dict[str, Any]:
    """Trains one classifier, saves it in models/seed-N, and gives its figures."""
    task = Classifier.build(parts["train"], SETTINGS, seed)
    examples = task.prepare(parts["train"], training=True)
    result = fit(task, config_for(len(examples), seed), examples=examples, dev=parts["dev"], progress=False)
    figures: dict[str, Any] = {
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "steps": result.steps,
        "minutes": round(result.seconds / 60, 1),
        "cpu_minutes": round(result.cpu_seconds / 60, 1),
    }
    for part in ("dev", "test") if test else ("dev",):
        measured = task.measure(parts[part])
        values = {name: round(value, 4) for name, value in measured.values().items()}
        print(f"{seed:<6}{part:<6}" + "".join(f"{values[name]:>20.4f}" for name in METRICS), flush=True)
        baselines = {
            name: {metric: round(value, 4) for metric, value in of.items()}
            for name, of in measured.baselines.items()
        }
        figures[part] = {**values, "interval": measured.interval("accuracy"), "baselines": baselines}
    if models is not None:
        card = {
            "what": "Says whether a Chinese hotel review is good (1) or bad (0).",
            "data": "Four fifths of the hotel reviews of ChnSentiCorp, and nothing else.",
            "figures": figures["test"] if test else figures["dev"],
        }
        bundle.save(task, models / f"seed-{seed}", card=card)
    return figures


def record(seed: int, figures: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Adds one seed's figures to the results, beside those of the same recipe; those of another are dropped."""
    config = asdict(replace(config_for(sizes["train"], 0), seed=0))
    recipe_of = json.loads(json.dumps({"settings": asdict(SETTINGS), "training": config}))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    seeds = results.get("seeds", {}) if results.get("recipe") == recipe_of else {}
    seeds = dict(sorted((seeds | {str(seed): {**figures, "machine": machine()}}).items()))
    every = {name: [each["test"][name] for each in seeds.values()] for name in METRICS}
    results = {
        "what": "ChnSentiCorp's hotel reviews, tenth kept aside by a hash of the text, after training from scratch",
        "texts": sizes,
        "mean": {name: round(statistics.mean(values), 4) for name, values in every.items()},
        "range": {name: [min(values), max(values)] for name, values in every.items()},
        "recipe": recipe_of,
        "seeds": seeds,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    written = RESULTS.with_suffix(f".{seed}.new")
    written.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    written.replace(RESULTS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="ChnSentiCorp_htl_all.csv")
    parser.add_argument("--models", type=Path, help="folder for the models; none are kept if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--dev-only", action="store_true", help="do not look at the test part; record nothing"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
