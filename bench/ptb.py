"""The language model on Penn Treebank's words: a row of `bench/tasks.py`.

Mikolov's preparation: 10,000 words, rarer ones are <unk>, and each line's end is a word too. The dev part chooses the
weights. The settings are from the literature (tied weights, locked dropout, weight drop) and were not tuned.
"""

from dataclasses import replace
from pathlib import Path

from bench.row import Figures, Row, Target, cost, measured, recipe_of
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.labelled import LabelledText
from keepgate.export import bundle
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.train import TrainingConfig, fit

SETTINGS = LanguageModelSettings(
    tokens="words", embedding_size=200, hidden_size=400, tied_weights=True, dropout=0.3, weight_drop=0.2
)
CONFIG = TrainingConfig(
    epochs=8, batch_size=20, bptt_steps=48, learning_rate=3e-3, schedule="cosine", hold_fraction=0.0, warmup=100,
    optimiser="adamw", keep="best", evaluate_every=1936, threads=1,
)  # fmt: skip


def read(folder: Path, part: str) -> LabelledText:
    """One part ("train", "valid", "test"). Each line has a blank before its first word and after its last."""
    (text,) = read_plain(folder / f"ptb.{part}.txt").items
    return text


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one model, saves it, and gives its figures."""
    text = read(folder, "train")
    parts = {"dev": [read(folder, "valid")]} | ({"test": [read(folder, "test")]} if test else {})
    task = LanguageModel.build([text], SETTINGS, seed)
    config = replace(CONFIG, seed=seed)
    result = fit(task, config, stream=task.stream([text]), dev=parts["dev"])
    figures = cost(task, result) | {name: measured(task.measure(items)) for name, items in parts.items()}
    if model is not None:
        card = {"data": "Penn Treebank's training part.", "figures": figures[[*parts][-1]]}
        bundle.save(task, model, card=card)
    return figures


ROWS = [
    Row(
        name="ptb",
        data="Penn Treebank, words; test part",
        folder="ptb",
        targets=(
            Target(metric="perplexity", title="perplexity", at_least=105, aim=90, percent=False, falls=True),
        ),
        published="114.5 / 82.7 / 78.4, small / medium / large LSTM (Zaremba et al. 2014, arXiv:1409.2329)",
        train=train,
        recipe=lambda: recipe_of(SETTINGS, CONFIG),
    )
]
