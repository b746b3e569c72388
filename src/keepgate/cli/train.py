"""keepgate train: a reader from questions with answers, a classifier from texts with labels."""

import shlex
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter
from rich.console import Console

from ..errors import SettingsError
from ..wording import percent
from .console import make_console, one_line, print_command, print_text, seconds
from .detect_task import Kind, detect_task
from .evaluate import measured
from .settings import run_from, split

if TYPE_CHECKING:
    from ..tasks import TaskKind
    from ..tasks.task import Task
    from ..train import Result, TrainingConfig

EPILOGUE = """Examples:

  keepgate train reader train.json --dev dev.json --out my-model
  keepgate train classifier reviews.csv --dev dev.csv --out my-model

`keepgate train reader --help` and `keepgate train classifier --help` have more."""
READER_EPILOGUE = """Examples:

  keepgate train reader train.json --dev dev.json --out my-model
  keepgate train reader train.json --dev dev.json --out my-model --resume
  keepgate train reader pairs.tsv --out my-model --kind choice --epochs 40
  keepgate train reader train.jsonl --out my-model --set hidden_size=64

Each line of train.jsonl is {"text": "...", "question": "...", "answer": "..."}; a TSV file has these three names in
its first line. SQuAD's JSON and bAbI's numbered sentences are read as they are. Ctrl-C saves; the same command with
--resume goes on as if nothing had happened."""
CLASSIFIER_EPILOGUE = """Examples:

  keepgate train classifier reviews.csv --dev dev.csv --out my-model
  keepgate train classifier my.tsv --label-column stars --out my-model
  keepgate train classifier train.jsonl --out my-model --set pooling=max
  keepgate evaluate my-model test.csv
  keepgate predict my-model new.txt

The first line of a CSV or TSV file names its columns; a column called text (review, sentence, content, ...) and one
called label (class, category, sentiment, ...) are found by themselves. Each line of train.jsonl is
{"text": "...", "label": "..."}. With --dev, the weights are kept that were best on it. Ctrl-C saves; the same command
with --resume goes on as if nothing had happened."""

# While it trains, a part of --dev says how it goes; measuring all of it so often would take longer than the training.
_GLANCE = 1000
_GLANCES = 10
_LISTED = 3
# Points by which the training data's score may be above the dev set's before it is called overfitting.
_OVERFIT = 0.1
# A loss below this, in nats, on data of which nothing was kept aside says that they are known by heart.
_BY_HEART = 0.02

_WHAT = Group("What is trained", sort_key=2)
_HOW_LONG = Group("How long, and how fast", sort_key=3)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every training takes."""

    out: Annotated[Path, Parameter(metavar="MODEL", help="The folder that the model is written to.")]
    dev: Annotated[
        tuple[Path, ...],
        Parameter(metavar="DATA", help="Other data, to measure it on; the best weights are kept."),
    ] = ()
    set_: Annotated[
        tuple[str, ...],
        Parameter("--set", group=_WHAT, metavar="NAME=VALUE", help="Any setting; a wrong name lists them."),
    ] = ()
    seed: Annotated[int, Parameter(group=_WHAT, show_default=True, help="Decides every random choice.")] = 0
    epochs: Annotated[int | None, Parameter(group=_HOW_LONG, help="How often each example is read.")] = None
    steps: Annotated[int | None, Parameter(group=_HOW_LONG, help="Batches, instead of epochs.")] = None
    batch_size: Annotated[int | None, Parameter(group=_HOW_LONG, help="Examples in a batch.")] = None
    learning_rate: Annotated[float | None, Parameter(group=_HOW_LONG, help="The highest step size.")] = None
    threads: Annotated[int | None, Parameter(group=_HOW_LONG, help="Processor threads.")] = None
    resume: Annotated[bool, Parameter(group=_HOW_LONG, help="Go on with a training that was stopped.")] = (
        False
    )
    resume_previous: Annotated[
        bool, Parameter(group=_HOW_LONG, help="Go on from the checkpoint before the last one.")
    ] = False

    def config(self) -> dict[str, Any]:
        """What was asked for of the training's configuration; None where nothing was."""
        names = ("epochs", "steps", "batch_size", "learning_rate", "threads", "seed")
        return {name: getattr(self, name) for name in names}


def reader(
    data: Annotated[
        list[Path], Parameter(help="Questions with answers: SQuAD's JSON, JSON lines, TSV or bAbI.")
    ],
    /,
    *,
    kind: Annotated[
        Kind,
        Parameter(
            group=_WHAT, show_default=True, help="span points into the text, choice picks a known answer."
        ),
    ] = "auto",
    options: Annotated[Options, Parameter(name="*")],
) -> None:
    """Train a reader that answers questions about texts.

    It tells from the data which kind of reader fits, says so, and trains it. Questions that cannot be learnt from are
    left out, counted and shown.
    """
    console = make_console()
    if _is_trained(console, options):
        return
    from ..data.corpora import read
    from ..tasks import KINDS

    corpus = read(data)
    print_text(console, corpus.account(_LISTED))
    chosen = detect_task(corpus, kind)
    print_text(console, chosen.why)
    dev = read(options.dev) if options.dev else None
    _train(console, KINDS[chosen.kind], corpus, dev, options, card={"kind": chosen.why}, data=data)


def classifier(
    data: Annotated[
        list[Path], Parameter(help="Texts with labels: CSV or TSV with a header, or JSON lines.")
    ],
    /,
    *,
    text_column: Annotated[
        str | None,
        Parameter(group=_WHAT, metavar="NAME", help="The column of the texts, if it is not found."),
    ] = None,
    label_column: Annotated[
        str | None,
        Parameter(group=_WHAT, metavar="NAME", help="The column of the labels, if it is not found."),
    ] = None,
    options: Annotated[Options, Parameter(name="*")],
) -> None:
    """Train a classifier that says which label a text has.

    It reads characters (Chinese, Japanese) or words, and the pairs that they make with their neighbours, with a
    recurrent network in both directions. Texts without a label are left out, counted and shown.
    """
    console = make_console()
    if _is_trained(console, options):
        return
    from ..tasks import KINDS

    kind = KINDS["classifier"]
    columns = {"text_column": text_column, "label_column": label_column}
    corpus = kind.read(data, **columns)
    dev = kind.read(options.dev, **columns) if options.dev else None
    print_text(console, corpus.account(_LISTED))
    counts = Counter(item.label for item in corpus.items).most_common()
    shown = ", ".join(f"{one_line(label)} {count:,}" for label, count in counts[:_LABELS])
    more = f" and {len(counts) - _LABELS:,} more" if len(counts) > _LABELS else ""
    print_text(console, f"{len(counts):,} labels: {shown}{more}.")
    _train(console, kind, corpus, dev, options, card={}, data=data)


_LABELS = 8


def _is_trained(console: Console, options: Options) -> bool:
    """Whether the model is there and no training of it was stopped. Raises SettingsError if its place is taken."""
    out = options.out
    taken = out.is_file() or (out.is_dir() and any(out.iterdir()))
    if taken and not (options.resume or options.resume_previous):
        raise SettingsError(f"{out} is there already; give another --out, or remove it")
    trained = taken and not (_work(out) / "checkpoints").exists()
    if trained:
        print_text(console, f"{out} is trained already; nothing to do.")
    return trained


def _work(out: Path) -> Path:
    return out.with_name(f"{out.name}.training")


def _train(
    console: Console,
    kind: "TaskKind",
    corpus: Any,
    dev: Any,
    options: Options,
    *,
    card: dict[str, Any],
    data: Sequence[Path],
) -> None:
    """Trains, measures and saves a model of this kind, and says how it went and what to do next."""
    from ..export import save
    from ..train import fit

    task, examples, config = _made(console, kind, corpus, options)
    measured_on = dev.items if dev is not None else []
    if measured_on:
        config = replace(config, keep="best")
    resuming: bool | Literal["previous"] = "previous" if options.resume_previous else options.resume
    result = fit(
        task,
        _with_glances(config, len(examples)),
        examples=examples,
        dev=_evenly(measured_on, _GLANCE) or None,
        folder=_work(options.out),
        resume=resuming,
    )
    figures = measured(task, measured_on, kind.unit) if measured_on else None
    titles = {metric.name: metric.title for metric in task.metrics}
    shown = {titles[name]: percent(value) for name, value in figures.values().items()} if figures else {}
    save(
        task,
        options.out,
        card={"data": _data_card(data, corpus, kind), **card, **_training_card(config, options, shown)},
    )
    shutil.rmtree(_work(options.out) / "checkpoints", ignore_errors=True)
    print_text(
        console, f"Trained in {seconds(result.seconds)}: {result.steps:,} steps, loss {result.loss:.3f} nats."
    )
    _print_figures(console, task, corpus.items, figures, shown, result)
    print_text(console, f"Written to {options.out}. Now use it:")
    print_command(console, kind.use.replace("…", "...").format(model=shlex.quote(str(options.out))))


def _made(
    console: Console, kind: "TaskKind", corpus: Any, options: Options
) -> "tuple[Task, list[Any], TrainingConfig]":
    """The task with fresh weights, its examples, and how to train it; what is left out is counted and shown."""
    from ..config import settings_from
    from ..train.recipes import recipe

    for_task, for_training = split(options.set_, kind.task.settings_type)
    task = kind.task.build(corpus.items, settings_from(kind.task.settings_type, for_task), options.seed)
    reasons = [task.unlearnable(example) for example in task.prepare(corpus.items, training=False)]
    for reason in dict.fromkeys(reason for reason in reasons if reason is not None):
        items = [item for item, why in zip(corpus.items, reasons, strict=True) if why == reason]
        print_text(console, f"{len(items):,} more left out because {reason}:")
        for item in items[:_LISTED]:
            shown = f"{item.question} (answer: {item.answers[0]})" if kind.asks else item.text[:200]
            print_text(console, f"  {item.id}: {one_line(shown)}")
        if len(items) > _LISTED:
            print_text(console, f"  and {len(items) - _LISTED:,} more")
    examples = task.prepare(corpus.items, training=True)
    config = run_from(recipe(kind.name, len(examples)), for_training, options.config())
    size, steps = sum(weight.numel() for weight in task.parameters()), _steps(config, len(examples))
    print_text(
        console,
        f"{size:,} weights, {steps:,} steps of {config.batch_size} {kind.unit}. Ctrl-C saves, then stops.",
    )
    return task, examples, config


def _steps(config: "TrainingConfig", examples: int) -> int:
    return config.steps_for(-(-examples // config.batch_size))


def _with_glances(config: "TrainingConfig", examples: int) -> "TrainingConfig":
    """The configuration with a few evaluations on the way, unless it says how many itself."""
    if config.evaluate_every is not None:
        return config
    return replace(config, evaluate_every=max(1, _steps(config, examples) // _GLANCES))


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    """So many items at most, over all of them."""
    return [items[k * len(items) // most] for k in range(most)] if len(items) > most else list(items)


def _print_figures(
    console: Console,
    task: "Task",
    items: Sequence[Any],
    figures: Any,
    shown: dict[str, str],
    result: "Result",
) -> None:
    """How good it is on --dev, beside what is had without a model, and whether it has learnt its examples by heart."""
    if not figures:
        print_text(
            console, "How it does on new data was not measured: give --dev, or use `keepgate evaluate`."
        )
        if result.loss < _BY_HEART:
            print_text(
                console,
                f"A loss of {result.loss:.3f} nats says that it knows its {len(items):,} examples by heart "
                "(overfitting), and nothing about others.",
                "yellow",
            )
        return
    print_text(console, "On --dev: " + "; ".join(f"{name} {value}" for name, value in shown.items()) + ".")
    first = task.metrics[0]
    for name, values in figures.baselines.items():
        if first.name in values:
            print_text(console, f"  {name}: {first.title} {percent(values[first.name])}", "dim")
    own = task.measure(_evenly(items, _GLANCE)).values()[first.name]
    if own - figures.values()[first.name] > _OVERFIT:
        print_text(
            console,
            f"Overfitting: {first.title} is {percent(own)} on its own training data. More data, fewer steps, more "
            "dropout or a smaller network help.",
            "yellow",
        )


def _data_card(data: Sequence[Path], corpus: Any, kind: "TaskKind") -> dict[str, Any]:
    commonest = Counter(each.reason for each in corpus.left_out).most_common(_LISTED)
    return {
        "files": ", ".join(path.name for path in data),
        "format": corpus.format,
        kind.unit: f"{len(corpus.items):,}",
        "left out": "; ".join(f"{count:,}: {reason}" for reason, count in commonest) or "none",
    }


def _training_card(config: "TrainingConfig", options: Options, shown: dict[str, str]) -> dict[str, Any]:
    """What the model's card says, without times or dates, so that the same training writes the same card."""
    card: dict[str, Any] = {
        "training": {name: value for name, value in asdict(config).items() if value is not None}
    }
    if shown:
        card["figures"] = {"measured on": ", ".join(path.name for path in options.dev), **shown}
    return card
