"""How much of the batches of CMRC 2018's training is padding, in each epoch of the recipe's.

    python -m bench.padding [--data ../shared/data]

Steps are tokens of the texts, which are cropped to windows as the training crops them.
"""

import argparse
from pathlib import Path

from bench.cmrc2018 import RUN, SETTINGS
from keepgate.data.corpora import read
from keepgate.tasks.span import SpanReader
from keepgate.train.batches import EpochBatches


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data sets")
    questions = read([parser.parse_args().data / "cmrc2018" / "train.json"]).questions
    task = SpanReader.build(questions, SETTINGS, RUN.seed)
    batches = EpochBatches(task, RUN, task.prepare(questions, training=True))
    for epoch in range(-(-batches.steps // batches.per_epoch)):
        steps = range(epoch * batches.per_epoch, min((epoch + 1) * batches.per_epoch, batches.steps))
        lengths = [[example.length for example in batches.batch(step)] for step in steps]
        real, run = sum(map(sum, lengths)), sum(max(batch) * len(batch) for batch in lengths)
        print(f"epoch {epoch + 1}: {1 - real / run:.1%} of {run:,} steps are padding", flush=True)


if __name__ == "__main__":
    main()
