"""A classifier of series as C99 gives the scores of the runtime, from values in their own units."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keepgate import c99, runtime
from keepgate.data.labelled_series import LabelledSeries
from keepgate.tasks import SeriesClassifier
from keepgate.tasks.series_classifier import SeriesClassifierSettings
from tests.c99.compiled import Compiled, compiler
from tests.runtime.models import saved

TOLERANCE = 1e-6
FORMS: dict[str, dict[str, Any]] = {
    "mean and max": {},
    "last, a stream": {"pooling": "last", "bidirectional": False, "cell": "lstm"},
    "attention, two layers": {"pooling": "attention", "num_layers": 2},
}


def series(count: int = 9) -> list[LabelledSeries]:
    """Of 1 to 9 steps, in units far from 0 and 1; the names would end a comment of C."""
    rng, labels = np.random.default_rng(0), ("down */", "up", "steady")
    return [
        LabelledSeries(
            values=(rng.normal(size=(1 + k, 2)) * [30, 0.1] + [1000, -5]).astype(np.float32),
            features=("heat */", "load"),
            label=labels[k % 3],
            id=str(k),
        )
        for k in range(count)
    ]


def exported(form: str, tmp_path: Path) -> tuple[Any, c99.CExport, Compiled]:
    task = SeriesClassifier.build(series(), SeriesClassifierSettings(hidden_size=7, **FORMS[form]), seed=0)
    with torch.no_grad():
        for weight in task.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    result = c99.export(saved(task.eval(), tmp_path / "model"), tmp_path / "c")
    return runtime.load(tmp_path / "model"), result, Compiled(tmp_path / "c", result.name)


@pytest.mark.parametrize("form", FORMS)
def test_a_series_classifier_in_c_gives_the_scores_of_the_runtime(form: str, tmp_path: Path) -> None:
    task, result, compiled = exported(form, tmp_path)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    for item in series():
        theirs = task.scores_from(task.inputs_of(item))
        ours = compiled.run(item.values, **memory)
        assert np.abs(ours - theirs).max() < TOLERANCE * max(1, np.abs(theirs).max())
    means = 2 * 2 * 8
    assert result.weight_bytes == means + sum(
        array.nbytes for array in _arrays(tmp_path / "model" / "weights.safetensors")
    )


def test_a_stream_of_values_is_read_step_by_step(tmp_path: Path) -> None:
    task, result, compiled = exported("last, a stream", tmp_path)
    state, output = np.zeros(result.state_bytes // 4, np.float32), np.zeros(7, np.float32)
    item = series()[-1]
    values, stepper = item.values.astype(np.float64), task.stepper()
    place = ctypes.c_void_p(state.ctypes.data)
    compiled.reset(place)
    for row, x in zip(values, task.inputs_of(item), strict=True):
        compiled.step(place, ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(output.ctypes.data))
        assert np.abs(stepper.step(x) - output).max() < TOLERANCE


HOSTILE = ("*/ int x; /*", "??/", "\\", "<functions>", "<GUARD>", "@", '"', "a\nb", "\0", "//", "%s", "海")
READS = """
#include <math.h>
#include "model.h"
int main(void) {
  static model_state s;
  const double read[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e-310};
  double values[2 * MODEL_FEATURES];
  float workspace[MODEL_WORKSPACE(2)], scores[MODEL_SCORES];
  int i, k, nan = 0;
  for (k = 0; k < 6; ++k) {
    for (i = 0; i < 2 * MODEL_FEATURES; ++i) values[i] = read[k];
    model_run(&s, values, 2, workspace, scores);
    nan += scores[0] != scores[0];
  }
  return nan != 1 && nan != 5;
}
"""


def test_names_that_look_like_c_and_values_beyond_all_measure_do_no_harm(tmp_path: Path) -> None:
    """Of NaN and numbers that no float holds, scores are NaN and nothing undefined is done on the way."""
    items = [
        LabelledSeries(
            values=np.random.default_rng(k).normal(size=(4, len(HOSTILE))).astype(np.float32),
            features=HOSTILE,
            label=HOSTILE[k % len(HOSTILE)],
            id=str(k),
        )
        for k in range(2 * len(HOSTILE))
    ]
    task = SeriesClassifier.build(items, SeriesClassifierSettings(hidden_size=4), seed=0)
    result = c99.export(saved(task.eval(), tmp_path / "model"), tmp_path / "c")
    Compiled(tmp_path / "c", result.name)
    (tmp_path / "main.c").write_text(READS)
    flags = [
        "-std=c99",
        "-fsanitize=undefined,float-cast-overflow,address",
        "-fno-sanitize-recover=all",
        "-I",
        tmp_path / "c",
    ]
    files = [tmp_path / "main.c", tmp_path / "c" / "model.c", "-o", tmp_path / "main"]
    subprocess.run([compiler(), *flags, *files], check=True)
    ran = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def _arrays(file: Path) -> list[Any]:
    from safetensors.numpy import load_file

    return list(load_file(file).values())
