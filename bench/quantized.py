"""What models lose with narrow weights, and the sizes of their files. The times: python -m bench.cells --only narrow.

python -m bench.quantized                        the networks that come with the page
python -m bench.quantized --model MODEL DATA     this model (a folder) on this data
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keepgate
from bench.machine import machine
from bench.markdown import table
from keepgate.demo.measure import TEST_SEED
from keepgate.demo.pretrained import folders
from keepgate.demo.stories import stories
from keepgate.export import bundle
from keepgate.tasks import KINDS

STORIES = 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", nargs=2, type=Path, metavar=("MODEL", "DATA"))
    chosen = parser.parse_args().model
    print(", ".join(f"{name}: {value}" for name, value in machine().items()), "\n")
    models = demo_networks() if chosen is None else {chosen[0].name: (chosen[0], items_of(*chosen))}
    print(losses(models))


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
