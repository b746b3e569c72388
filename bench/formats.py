"""Models out to ONNX and in from ONNX, Keras and Flax: how many agree with the other library, and how closely.

    pip install flax
    python -m bench.formats [--only layers models nodes graphs keras flax fuzz] [--few]

The cases are those of the tests, drawn from seeds 1000 on: 500 layers of any cell with random options, each exported
and run by ONNX Runtime at five shapes; whole models at three; ONNX's own node tests of LSTM, GRU and RNN; 500 random
graphs; 200 models of Keras and 200 cells of Flax. fuzz: 100,000 damaged files, of which none may crash, run anything of
a file, or take a second. A difference above 1e-5 ends the run with its seed, but for layers out whose own rounding is
as large (by their numbers in float64), which are listed. --few takes a twentieth of everything. Writes
results/formats.json, each part when it is done.
"""

import argparse
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # before Keras is first imported

import torch

import keepgate.onnx
from bench import architectures
from bench.machine import machine
from bench.markdown import RESULTS
from keepgate.demo.pretrained import folders
from tests.convert import test_damaged, test_flax, test_keras
from tests.convert.record_flax import random_case
from tests.onnx import test_layers, test_load, test_models

RESULT = RESULTS / "formats.json"
FIRST = 1000


def layers(folder: Path, share: float) -> dict[str, Any]:
    """Random layers out, and which of them are further than 1e-5 from ONNX Runtime by their own rounding."""
    seeds = range(FIRST, FIRST + round(share * 500))
    largest, rounded = test_layers.agreement(seeds, folder)
    return {"cases": len(seeds), "largest": largest, "rounded": rounded}


def models(folder: Path, share: float) -> dict[str, Any]:
    """Whole models out: two of torch's with random weights, and a network that comes with the package."""
    del share
    ids = (torch.randint(1, 50, (3, 6)), torch.tensor([6, 2, 3]))
    whole: dict[str, tuple[Any, Any]] = {
        "embedding, two LSTM layers both ways, minGRU, linear": (test_models.Tagger(), ids),
        "Kokoro's durations": architectures.kokoro(),
        "a choice reader": (folders()["en/lstm-chrono"], None),
    }
    reports = {
        name: keepgate.onnx.export(model, folder / "whole.onnx", example)
        for name, (model, example) in whole.items()
    }
    assert all(len(report.shapes) == 3 for report in reports.values())
    return {
        "cases": len(reports),
        "largest": max(report.difference for report in reports.values()),
        "names": [*reports],
    }


def nodes(folder: Path, share: float) -> dict[str, Any]:
    """ONNX's own tests of recurrent nodes."""
    del share
    largest = test_load.recurrent_node_tests(folder)
    return {"cases": len(largest), "largest": max(largest.values())}


def graphs(folder: Path, share: float) -> dict[str, Any]:
    """Random graphs in."""
    return _largest(500, share, lambda seed: test_load.agree(seed, folder))


def keras(folder: Path, share: float) -> dict[str, Any]:
    """Random models of Keras in."""
    return _largest(200, share, lambda seed: test_keras.agree(seed, folder))


def flax(folder: Path, share: float) -> dict[str, Any]:
    """Random cells of Flax in."""
    del folder
    return _largest(200, share, lambda seed: test_flax.agree(random_case(seed)))


def fuzz(folder: Path, share: float) -> dict[str, Any]:
    """Damaged files of each kind: how many were read, and how many refused by each error of ours."""
    files = test_damaged.small_keras_files(folder)
    counts = {name: range(10_000, 10_000 + round(share * count)) for name, count in _FUZZ.items()}
    outcomes = {
        "onnx": test_damaged.fuzz_onnx(folder, counts["onnx"]),
        "keras": test_damaged.fuzz_keras(files, ["a.keras"], folder, counts["keras"]),
        "h5": test_damaged.fuzz_keras(files, ["a.h5", "b.weights.h5"], folder, counts["h5"]),
    }
    return {"cases": sum(map(len, counts.values())), "outcomes": outcomes}


_FUZZ = {"onnx": 34_000, "keras": 33_000, "h5": 33_000}
PARTS: dict[str, Callable[[Path, float], dict[str, Any]]] = {
    "layers": layers, "models": models, "nodes": nodes, "graphs": graphs, "keras": keras, "flax": flax, "fuzz": fuzz,
}  # fmt: skip


def _largest(count: int, share: float, difference: Callable[[int], float]) -> dict[str, Any]:
    cases = round(share * count)
    return {"cases": cases, "largest": float(max(difference(seed) for seed in range(FIRST, FIRST + cases)))}


def main() -> None:
    """Runs the parts that are asked for, and writes each when it is done."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--few", action="store_true", help="a twentieth, and nothing is written")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what the other libraries say while they save
    logging.disable(logging.WARNING)
    for name in options.only:
        begin = process_time()
        with tempfile.TemporaryDirectory() as folder:
            measured = PARTS[name](Path(folder), 0.05 if options.few else 1.0)
        measured["processor_seconds"] = round(process_time() - begin)
        print(name, json.dumps(measured), flush=True)
        if not options.few:
            written = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
            written |= {"machine": machine(), name: measured}
            RESULT.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
