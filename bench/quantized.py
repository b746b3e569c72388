"""Narrow weights against float32: the time of a layer and of a stepper, the sizes, and what a model loses.

    python -m bench.quantized                                   all of it; six minutes or so on two cores
    python -m bench.quantized --cells lstm gru --hidden 128     some layers
    python -m bench.quantized --model MODEL DATA                only what this model (a folder) loses on this data

All contenders of a row take turns in one process. "float32" is a layer as it is, which packs its weights at each call,
"frozen" one that trusts them, as a narrow one does; ratios are of medians. A row whose narrow layer does not agree with
the rounded weights in float64 is not timed, and the exit code says so.
"""

import argparse
import copy
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import keepgate
from bench.clock import Contender, interleave
from bench.machine import machine
from bench.markdown import table
from keepgate import cells
from keepgate.arrays.narrow import WEIGHT_FORMATS, NarrowMatrix
from keepgate.demo.measure import TEST_SEED
from keepgate.demo.pretrained import folders
from keepgate.demo.stories import stories
from keepgate.export import bundle
from keepgate.nn import Recurrent
from keepgate.tasks import KINDS

HIDDEN, ROWS, STEPS = (64, 128, 256, 512), (1, 8), 100
STORIES = 200
# float32's rounding over the first steps, of outputs between -1 and 1 or so. A cell may make it larger at each step, as
# layer normalisation does: at last a narrow layer may be twice as far from float64 as a float32 layer with its weights.
FIRST, FIRST_TOLERANCE, TOLERANCE = 10, 1e-5, 1e-4


def main() -> None:
    options = arguments()
    print(", ".join(f"{name}: {value}" for name, value in machine().items()), "\n")
    failed: list[str] = []
    if options.model is not None:
        print(losses({options.model.name: (options.model, items_of(*options.model_and_data))}))
    else:
        print(speeds(options.cells, options.hidden, failed))
        print("\n" + losses(demo_networks()))
    if failed:
        sys.exit("Not timed, because they do not agree: " + "; ".join(failed))


def arguments() -> Any:
    names = [cell.name for cell in cells.CELLS if cell.recurrent != "in_step"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", nargs="+", choices=names, default=names)
    parser.add_argument("--hidden", nargs="+", type=int, default=HIDDEN)
    parser.add_argument("--model", nargs=2, type=Path, metavar=("MODEL", "DATA"), dest="model_and_data")
    options = parser.parse_args()
    options.model = options.model_and_data and options.model_and_data[0]
    return options


def speeds(names: list[str], sizes: list[int], failed: list[str]) -> str:
    """The table of times."""
    rows = []
    for name in names:
        for hidden in sizes:
            for batch in ROWS:
                for steps in (1, STEPS):
                    what = f"{name} {steps},{batch},{hidden},{hidden}"
                    if (row := speed(cells.by_name(name), steps, batch, hidden)) is None:
                        failed.append(what)
                    else:
                        rows.append([what, *row])
                        print(" ".join(rows[-1]), file=sys.stderr)
    head = [
        "T,B,I,H",
        "float32, µs",
        "frozen, µs",
        "bfloat16 to float32",
        "to frozen",
        "int8 to float32",
        "to frozen",
    ]
    return table([*head, "stepper: bfloat16 to float32", "int8"], rows)


@torch.no_grad()
def speed(cell: Any, steps: int, batch: int, hidden: int) -> list[str] | None:
    """One row; None where a narrow layer does not agree."""
    torch.manual_seed(0)
    layer, x = Recurrent(cell, hidden, hidden).eval(), torch.randn(steps, batch, hidden)
    layers = {"float32": layer, "frozen": copy.deepcopy(layer)}
    keepgate.freeze(layers["frozen"])
    for weights in WEIGHT_FORMATS:
        layers[weights], twin = copy.deepcopy(layer), copy.deepcopy(layer)
        keepgate.quantize(layers[weights], weights)
        for parameter in twin.parameters():
            if parameter.dim() == 2:
                parameter.copy_(torch.from_numpy(NarrowMatrix.of(parameter.numpy(), weights).widened()))
        if not agrees(layers[weights], twin, x):
            return None
    threads = torch.get_num_threads()
    calls = {
        name: Contender(call=lambda each=each: each(x), threads=threads) for name, each in layers.items()
    }
    times = {name: timing.median for name, timing in interleave(calls, seconds=0.4).items()}
    row = [f"{1e6 * times['float32']:.1f}", f"{1e6 * times['frozen']:.1f}"]
    for weights in ("bfloat16", "int8"):
        row += [f"{times[whole] / times[weights]:.2f}×" for whole in ("float32", "frozen")]
    if steps > 1:
        return [*row, "", ""]
    steppers = {name: each.stepper(batch) for name, each in layers.items() if name != "float32"}
    calls = {
        name: Contender(call=lambda each=each: each.step(x[0].numpy()), threads=threads)
        for name, each in steppers.items()
    }
    times = {name: timing.median for name, timing in interleave(calls, seconds=0.4).items()}
    return [*row, *(f"{times['frozen'] / times[weights]:.2f}×" for weights in ("bfloat16", "int8"))]


def agrees(narrow: Recurrent, twin: Recurrent, x: torch.Tensor) -> bool:
    """Whether a narrow layer gives what its weights, widened in `twin`, give in float64, to float32's rounding."""
    exact = copy.deepcopy(twin).double()(x.double())[0]
    off, of_float32 = ((layer(x)[0].double() - exact).abs().flatten(1).amax(1) for layer in (narrow, twin))
    return bool(
        off[:FIRST].max() <= FIRST_TOLERANCE and off.max() <= max(TOLERANCE, 2 * float(of_float32.max()))
    )


def demo_networks() -> dict[str, tuple[Path, list[Any]]]:
    """The networks that come with the page, with stories of every length."""
    models = {}
    for name, folder in folders().items():
        language: Any = name.partition("/")[0]
        items = stories(STORIES, None, seed=TEST_SEED, split="test", language=language)
        models[name] = folder, items
    return models


def items_of(model: Path, data: Path) -> list[Any]:
    """The items in a file of data, as the model's task reads them."""
    task = bundle.load(model)
    items: list[Any] = list(KINDS[task.kind].read_for(task, [data]).items)
    return items


def losses(models: dict[str, tuple[Path, list[Any]]]) -> str:
    """The table of what each model scores in each format, and of the size of its file."""
    rows = []
    for name, (folder, items) in models.items():
        before = bundle.load(folder)
        metric = before.metrics[0]
        tasks = {"float32": before}
        for weights in ("bfloat16", "int8"):
            tasks[weights] = bundle.load(folder)
            keepgate.quantize(tasks[weights], weights, linear=True)
        scores = {kind: task.measure(items).values()[metric.name] for kind, task in tasks.items()}
        answers = {kind: [answer.text for answer in task.predict(items)] for kind, task in tasks.items()}
        changed = [
            f"{sum(a != b for a, b in zip(answers['float32'], answers[kind], strict=True))}"
            for kind in ("bfloat16", "int8")
        ]
        form = "{:.1%}" if metric.unit == "share" else "{:.4f}"
        numbers = [form.format(scores[kind]) for kind in tasks]
        rows.append(
            [
                f"{name}, {len(items)}", metric.title, *numbers, *changed,
                *(f"{size(task) / 1024:.0f} KiB" for task in tasks.values()),
            ]
        )  # fmt: skip
    head = ["model, items", "measure", "float32", "bfloat16", "int8", "answers changed, bfloat16", "int8"]
    return table([*head, "file, float32", "bfloat16", "int8"], rows)


def size(task: Any) -> int:
    """Bytes of the file of its weights."""
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(task, Path(folder) / "model", card={})
        return (Path(folder) / "model" / "weights.safetensors").stat().st_size


if __name__ == "__main__":
    main()
