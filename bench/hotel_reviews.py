"""The classifier on Chinese hotel reviews, measured on a part kept aside: a row of `bench/tasks.py`.

The 7,765 reviews (ChnSentiCorp; 1 good, 0 bad; no official split) are split 8:1:1 into train, dev and test by a
hash of their text. The dev part chooses the weights to keep; the test part is measured once, at the end.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from bench.row import Figures, Row, Target, config_for, recipe_of, trained
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.labelled import LabelledText
from keepgate.tasks.classifier import Classifier, ClassifierSettings

SETTINGS = ClassifierSettings()


def split(texts: Sequence[LabelledText]) -> dict[str, list[LabelledText]]:
    """Train, dev and test, 8:1:1 by a hash of the text, so that a review that comes twice is in one part."""
    parts: dict[str, list[LabelledText]] = {"train": [], "dev": [], "test": []}
    for item in texts:
        digest = hashlib.sha256(item.text.strip().encode()).digest()
        tenth = int.from_bytes(digest[:8], "big") % 10
        parts[{8: "dev", 9: "test"}.get(tenth, "train")].append(item)
    return parts


def train(folder: Path, seed: int, test: bool, model: Path | None) -> Figures:
    """Trains one classifier, saves it, and gives its figures."""
    parts = split(read_labelled(folder / "ChnSentiCorp_htl_all.csv").items)
    task = Classifier.build(parts["train"], SETTINGS, seed)
    examples = task.prepare(parts["train"], training=True)
    measured = {name: parts[name] for name in ("dev", "test")[: 1 + test]}
    card = {
        "what": "Says whether a Chinese hotel review is good (1) or bad (0).",
        "data": "Four fifths of the hotel reviews of ChnSentiCorp, and nothing else.",
    }
    config = config_for("classifier", len(examples), seed)
    return trained(task, config, examples, measured, model=model, card=card)


ROWS = [
    Row(
        name="hotel_reviews",
        data="hotel reviews (ChnSentiCorp), good or bad; a tenth kept aside by a hash of the text",
        folder="zh_sentiment",
        targets=(Target(metric="accuracy", title="accuracy", at_least=88, aim=92),),
        train=train,
        recipe=lambda: recipe_of(SETTINGS, config_for("classifier", 6213, 0)),
    )
]
