"""The language model on Tiny Shakespeare's characters: a row of `bench/tasks.py`.

The first nine tenths are trained on with the recipe of `keepgate train language-model`, on one thread; nothing is
chosen by the last tenth, which is measured once, at the end. Nats a character, as nanoGPT's; it reads 256 characters,
this model all that is before. Without the test part, the second last tenth is kept aside and measured instead.
"""

from dataclasses import replace
from pathlib import Path

from bench.row import Figures, Row, Target, cost, measured, recipe_of
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.labelled import LabelledText
from keepgate.export import bundle
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.train import TrainingConfig, fit
from keepgate.train.recipes import recipe

SETTINGS = LanguageModelSettings()


def split(text: LabelledText) -> tuple[LabelledText, LabelledText]:
    """The first nine tenths of the characters, and the last tenth."""
    at = len(text.text) * 9 // 10
    return replace(text, text=text.text[:at]), replace(text, text=text.text[at:])


def config_for(characters: int, seed: int) -> TrainingConfig:
    """What `keepgate train language-model` does, on one thread, so that seeds can be trained side by side."""
    return replace(recipe("language-model", characters), threads=1, seed=seed)


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one model, saves it, and gives its figures."""
    part = "test" if test else "dev"
    text, kept_aside = split(read_plain(folder / "input.txt").items[0])
    if not test:
        text, kept_aside = split(text)
    task = LanguageModel.build([text], SETTINGS, seed)
    stream = task.stream([text])
    result = fit(task, config_for(len(stream), seed), stream=stream)
    figures = cost(task, result) | {part: measured(task.measure([kept_aside]))}
    if model is not None:
        card = {
            "data": "The first nine tenths of Tiny Shakespeare.",
            "figures": {"nats": figures[part]["nats"]},
        }
        bundle.save(task, model, card=card)
    return figures


ROWS = [
    Row(
        name="language_model",
        data="Tiny Shakespeare by characters, the last tenth",
        folder="tinyshakespeare",
        targets=(
            Target(metric="nats", title="nats", at_least=1.53, aim=1.47, percent=False, falls=True, digits=3),
        ),
        published="1.88, nanoGPT in three minutes on a CPU; 1.47 in as long on an A100 (its README)",
        train=train,
        recipe=lambda: recipe_of(SETTINGS, config_for(1_003_854, 0)),
    )
]
