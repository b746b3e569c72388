"""Taggers: named entities and parts of speech in Chinese, slots and intents in English: rows of `bench/tasks.py`.

The weights are kept that were best on the dev part, by which the settings were tuned, and the test part is measured
once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.row import Figures, Row, Target, config_for, recipe_of, trained
from keepgate.data.corpora.tagged import read_tagged
from keepgate.data.tagged import TaggedText, tagged_text
from keepgate.tasks.tagger import Tagger, TaggerSettings
from keepgate.train import TrainingConfig


@dataclass(frozen=True)
class Corpus:
    """A corpus to tag. read: from its folder and the name of a part to the texts. texts: how many train.

    epochs: instead of the recipe's steps.
    """

    what: str
    read: Callable[[Path, str], Sequence[TaggedText]]
    texts: int
    settings: TaggerSettings
    epochs: int | None = None


def _file(name: str) -> Callable[[Path, str], Sequence[TaggedText]]:
    return lambda folder, part: read_tagged(folder / name.format(part=part)).items


RESUMES = Corpus(
    "Resume NER, named entities from characters and their pairs, no vectors from elsewhere; test part",
    _file("{part}.char.bmes"),
    3821,
    TaggerSettings(),
)
UD = Corpus(
    "UD Chinese 1.4, universal parts of speech of given words; test part",
    _file("zh-ud-{part}.conllu"),
    3997,
    TaggerSettings(letter_size=64),
    epochs=12,
)


def read_snips(folder: Path, part: str) -> list[TaggedText]:
    """The requests of one part, with a tag of each word (slots) and a label of the whole (its intent)."""
    files = ("seq.in", "seq.out", "label")
    lines = [
        (folder / ("valid" if part == "dev" else part) / name).read_text(encoding="utf-8").splitlines()
        for name in files
    ]
    return [
        tagged_text(words.split(), tags.split(), label=intent.strip(), id=f"{part}:{number}")
        for number, (words, tags, intent) in enumerate(zip(*lines, strict=True), 1)
    ]


SNIPS = Corpus(
    "SNIPS, slots and intents of requests in English, two heads on one network; test part",
    read_snips,
    13084,
    TaggerSettings(),
)


def config(corpus: Corpus, examples: int, seed: int) -> TrainingConfig:
    """The recipe of `keepgate train tagger --dev`, of the corpus's epochs where it says so."""
    return config_for("tagger", examples, seed, evaluations=6, epochs=corpus.epochs)


def train(corpus: Corpus, folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one tagger, saves it, and gives its figures on all parts but the first."""
    texts = corpus.read(folder, "train")
    task = Tagger.build(texts, corpus.settings, seed)
    examples = task.prepare(texts, training=True)
    measured = {name: corpus.read(folder, name) for name in ("dev", "test")[: 1 + test]}
    card = {"what": f"Tags texts: {corpus.what}.", "data": "The training part, and nothing else."}
    return trained(task, config(corpus, len(examples), seed), examples, measured, model=model, card=card)


def recipe_for(corpus: Corpus) -> Mapping[str, Any]:
    """What the seeds have in common."""
    return recipe_of(corpus.settings, config(corpus, corpus.texts, 0))


ROWS = [
    Row(
        name="resume_ner",
        data=RESUMES.what,
        folder="resume_ner",
        targets=(Target(metric="f1", title="entity F1", at_least=93.5, aim=94.5),),
        published="93.48, character BiLSTM-CRF with vectors (Zhang & Yang 2018, arXiv:1805.02023)",
        train=partial(train, RESUMES),
        recipe=partial(recipe_for, RESUMES),
    ),
    Row(
        name="ud_chinese",
        data=UD.what,
        folder="ud_chinese_1.4",
        targets=(Target(metric="accuracy", title="accuracy", at_least=92, aim=94),),
        train=partial(train, UD),
        recipe=partial(recipe_for, UD),
    ),
    Row(
        name="snips",
        data=SNIPS.what,
        folder="snips",
        targets=(
            Target(metric="f1", title="slot F1", at_least=92, aim=95),
            Target(metric="label_accuracy", title="intent accuracy", at_least=97.5, aim=98.5),
        ),
        published="94.2 / 98.0, Stack-Propagation (Qin et al. 2019, arXiv:1909.02188)",
        train=partial(train, SNIPS),
        recipe=partial(recipe_for, SNIPS),
    ),
]
