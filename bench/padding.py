"""How much of the batches of CMRC 2018's training is padding, in each epoch of the recipe's.

    python -m bench.padding [--data ../shared/data]

Steps are tokens of the texts, which are cropped to windows as the training crops them. Writes `results/padding.json`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from bench.cmrc2018 import RUN, SETTINGS
from bench.machine import machine
from bench.markdown import RESULTS
from keepgate.data.corpora import read
from keepgate.data.questions import Question
from keepgate.tasks.span import SpanReader, SpanReaderSettings
from keepgate.train import TrainingConfig
from keepgate.train.batches import EpochBatches

RESULT = RESULTS / "padding.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data sets")
    questions = read([parser.parse_args().data / "cmrc2018" / "train.json"]).questions
    epochs = padded(questions, SETTINGS, RUN)
    results = {"machine": machine(), "batch_size": RUN.batch_size, "epochs": epochs}
    RESULT.write_text(json.dumps(results, indent=1) + "\n")
    for number, epoch in enumerate(epochs, 1):
        print(
            f"epoch {number}: {epoch['padding'] / epoch['steps']:.1%} of {epoch['steps']:,} steps are padding"
        )


def padded(
    questions: Sequence[Question], settings: SpanReaderSettings, run: TrainingConfig
) -> list[dict[str, int]]:
    """Steps that are run in each epoch of a training, and how many of them are padding."""
    task = SpanReader.build(questions, settings, run.seed)
    batches = EpochBatches(task, run, task.prepare(questions, training=True))
    epochs = []
    for first in range(0, batches.steps, batches.per_epoch):
        steps = range(first, min(first + batches.per_epoch, batches.steps))
        lengths = [[example.length for example in batches.batch(step)] for step in steps]
        real, run_steps = sum(map(sum, lengths)), sum(max(batch) * len(batch) for batch in lengths)
        epochs.append({"steps": run_steps, "padding": run_steps - real})
    return epochs


if __name__ == "__main__":
    main()
