"""Trains the tagger on a corpus, once for each seed, and measures it on the test part.

    python -m bench.tagging resume_ner --data FOLDER --models models
    python -m bench.tagging ud_chinese --data FOLDER

resume_ner: named entities in Chinese resumes, {train,dev,test}.char.bmes (Zhang & Yang 2018, arXiv:1805.02023).
ud_chinese: parts of speech of given words, zh-ud-{train,dev,test}.conllu (Universal Dependencies 1.4).
The dev part chooses the weights to keep; the test part is measured once, at the end. The figures go to
`bench/results/CORPUS.json`, beside those of other seeds of the same recipe. With --dev-only, to tune, the test part is
not read and nothing is recorded.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.machine import machine
from keepgate.data.corpora.tagged import read_tagged
from keepgate.data.tagged import TaggedText
from keepgate.export import bundle
from keepgate.tasks.tagger import Tagger, TaggerSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

RESULTS = Path(__file__).parent / "results"
SETTINGS = TaggerSettings()
EVALUATIONS = 6


@dataclass(frozen=True)
class Corpus:
    """A corpus to tag. file: the name of each part. published: a figure to beat, with its source."""

    what: str
    file: str
    published: Mapping[str, Any] | None = None


CORPORA = {
    "resume_ner": Corpus(
        "Resume NER, named entities from characters and their pairs, no vectors from elsewhere",
        "{part}.char.bmes",
        {"f1": 0.9348, "what": "character BiLSTM-CRF with vectors (Zhang & Yang 2018, arXiv:1805.02023)"},
    ),
    "ud_chinese": Corpus("UD Chinese 1.4, universal parts of speech of given words", "zh-ud-{part}.conllu"),
}


def main() -> None:
    options = _options()
    corpus = CORPORA[options.corpus]
    names = ("train", "dev") if options.dev_only else ("train", "dev", "test")
    parts = {name: read_tagged(options.data / corpus.file.format(part=name)).items for name in names}
    print("  ".join(f"{name} {len(texts):,}" for name, texts in parts.items()), flush=True)
    for seed in options.seeds:
        figures = train_and_measure(parts, corpus, seed, options.models)
        if not options.dev_only:
            record(options.corpus, seed, figures, {name: len(texts) for name, texts in parts.items()})


def config_for(examples: int, seed: int) -> TrainingConfig:
    """What `keepgate train tagger --dev` does, on one thread, so that seeds can be trained side by side."""
    config = replace(recipe("tagger", examples), threads=1, seed=seed, keep="best")
    return replace(config, evaluate_every=max(1, config.steps_for(0) // EVALUATIONS))


def train_and_measure(
    parts: Mapping[str, Sequence[TaggedText]], corpus: Corpus, seed: int, models: Path | None
) -> dict[str, Any]:
    """Trains one tagger, saves it in models/seed-N, and gives its figures on all parts but the first."""
    task = Tagger.build(parts["train"], SETTINGS, seed)
    examples = task.prepare(parts["train"], training=True)
    folder = None if models is None else models / f"seed-{seed}.training"
    config = config_for(len(examples), seed)
    result = fit(task, config, examples=examples, dev=parts["dev"], folder=folder, progress=False)
    figures: dict[str, Any] = {
        "parameters": sum(weight.numel() for weight in task.parameters()),
        "steps": result.steps,
        "minutes": round(result.seconds / 60, 1),
        "cpu_minutes": round(result.cpu_seconds / 60, 1),
    }
    for part, texts in parts.items():
        if part == "train":
            continue
        measured = task.measure(texts)
        values = {name: round(value, 4) for name, value in measured.values().items()}
        print(f"seed {seed}  {part:<6}", "  ".join(f"{name} {value:.4f}" for name, value in values.items()))
        figures[part] = {**values, "interval": measured.interval(task.metrics[0].name)}
    if models is not None:
        card = {
            "what": f"Tags Chinese texts: {corpus.what}.",
            "data": "The training part, and nothing else.",
            "figures": list(figures.values())[-1],
        }
        bundle.save(task, models / f"seed-{seed}", card=card)
    return figures


def record(name: str, seed: int, figures: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Adds one seed's figures to the results, beside those of the same recipe; those of another are dropped."""
    corpus, path = CORPORA[name], RESULTS / f"{name}.json"
    config = asdict(replace(config_for(sizes["train"], 0), seed=0))
    recipe_of = json.loads(json.dumps({"settings": asdict(SETTINGS), "training": config}))
    results = json.loads(path.read_text()) if path.exists() else {}
    seeds = results.get("seeds", {}) if results.get("recipe") == recipe_of else {}
    seeds = dict(sorted((seeds | {str(seed): {**figures, "machine": machine()}}).items()))
    metrics = [metric for metric in figures["test"] if metric != "interval"]
    every = {metric: [of_seed["test"][metric] for of_seed in seeds.values()] for metric in metrics}
    results = {
        "what": f"{corpus.what}; test part",
        "texts": sizes,
        "published": corpus.published,
        "mean": {metric: round(statistics.mean(values), 4) for metric, values in every.items()},
        "range": {metric: [min(values), max(values)] for metric, values in every.items()},
        "recipe": recipe_of,
        "seeds": seeds,
    }
    RESULTS.mkdir(exist_ok=True)
    written = path.with_suffix(f".{seed}.new")
    written.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    written.replace(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the corpus")
    parser.add_argument("--models", type=Path, help="folder for the models; none are kept if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--dev-only", action="store_true", help="do not read the test part; record nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
