"""keepgate train: a model from data, measured and saved, whatever its task."""

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console

from .. import unfinished
from ..data.balance import imbalance_of
from ..data.corpora.text_file import TextFile
from ..data.overlap import overlap_of
from ..data.word_vectors import WordVectors
from ..errors import BundleError, SettingsError
from ..wording import because, count_of, percent, sanitize
from .console import make_console, one_line, print_command, print_text, seconds
from .evaluate import measure_with_bar, metric_text, print_impossible
from .inputs import evenly
from .processes import first_of_host, joined_quietly
from .settings import run_from, split
from .train_options import Options, Reads

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.token_file import TokenFile
    from ..tasks import TaskKind
    from ..tasks.measure import Measurement
    from ..tasks.task import Streams, Task
    from ..train import Result, TrainingConfig
    from ..train.processes import Processes

EPILOGUE = """Examples:

  keepgate train reader train.json --dev dev.json --out my-model
  keepgate train classifier reviews.csv --dev dev.csv --out my-model
  keepgate train language-model plays.txt --out my-model

`keepgate train reader --help` has more, and so has each of the others."""

# While it trains, a part of --dev says how it goes; measuring all of it so often would take longer than the training.
_DEV_PART = 1000
_EVALUATIONS = 10
_LISTED = 3
# Of a task that reads a stream: so many characters of it.
_DEV_CHARACTERS = 50_000
# Points by which the training data's score may be above the dev set's before it is called overfitting.
_OVERFIT = 0.1
# Share of a constant answer's errors on the training data that must be gone before anything is called learnt.
_LEARNT = 0.1
# A loss below this, in nats, on data of which nothing was kept aside says that they are known by heart.
_BY_HEART = 0.02
# Fewer examples than these say little of others, whether they are learnt from or measured on.
_FEW = 10
# Seconds after which processes meet while one of them is busy.
_MEETING = 1.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """The first metric of a model on --dev; text: with its name and unit ("accuracy 91.3%")."""

    value: float
    higher_is_better: bool
    text: str
    unit: str = ""


def train(
    data: Sequence[Path],
    options: Options,
    *,
    read: Reads,
    detect: "Callable[[Any], tuple[TaskKind, str]]",
) -> Score | None:
    """Reads the data, trains, measures and saves a model, and says how it went and what to do next.

    read: from files, and a folder for what is too large to be read whole, to a corpus. detect: from a corpus to the
    kind of task, and why in words. The score is None where nothing was measured, and in all processes but the first.
    """
    from ..tasks.task import Calibrated, Streams

    with joined_quietly(options.device) as processes:
        console = make_console(quiet=not processes.first)
        if processes.from_first(lambda: _is_trained(console, options)):
            return None
        corpus = read(data, options.work)
        print_text(console, sanitize(corpus.account(_LISTED)))
        kind, reason = detect(corpus)
        if reason:
            print_text(console, reason)
        items, dev, where = _parts(kind, corpus.items, options, read)
        for sentence in imbalance_of(items, kind.unit, chosen=kind.option == "choice"):
            print_text(console, sanitize(sentence), "yellow")
        task, examples, config = _build(console, kind, items, options, processes, keep_best=bool(dev))
        if options.dev and (sentence := _overlap(task, kind, items, dev)):
            print_text(console, sentence, "yellow")
        result = _fit(task, config, examples, dev, options, processes)
    if not processes.first:
        return None
    if dev and isinstance(task, Calibrated) and (sentence := task.calibrate(dev)):
        print_text(console, sentence)
    measurement = measure_with_bar(task, dev, kind.unit) if dev else None
    card = {"data": _data_card(data, corpus, kind, options)} | ({"kind": reason} if reason else {})
    _save(task, config, options, card, measurement, where)
    loss = f"{result.loss:.3f} {kind.loss_unit}".rstrip()
    print_text(
        console, f"Trained in {seconds(result.seconds)}: {count_of(result.steps, 'steps')}, loss {loss}."
    )
    if measurement is None:
        _print_unmeasured(console, kind, len(items), result)
    else:
        _print_measurement(console, task, items, measurement, where)
        print_impossible(console, task, dev, kind.unit, measurement)
        if not isinstance(task, Streams):
            _print_few(console, kind, "was measured on", _measured(measurement))
    print_text(console, f"Written to {options.out}. Now use it:")
    print_command(console, kind.usage(options.out).replace("…", "..."))
    return None if measurement is None else _score(task, measurement)


def _print_few(console: Console, kind: "TaskKind", what: str, count: int) -> None:
    if count < _FEW:
        examples = count_of(count, kind.examples or kind.unit)
        print_text(
            console, f"It {what} {examples} only, and so few say little about others: give more.", "yellow"
        )


def _measured(measurement: "Measurement") -> int:
    """What was measured on: a record is of an item, or of several windows of a series."""
    return int(sum(record.get("windows", 1) for record in measurement.records))


def _score(task: "Task", measurement: "Measurement") -> Score:
    first = task.metrics[0]
    value = measurement.values()[first.name]
    return Score(
        value=value,
        higher_is_better=first.higher_is_better,
        text=f"{first.title} {metric_text(first, value)}",
        unit=first.unit,
    )


def _parts(
    kind: "TaskKind", items: Sequence[Any], options: Options, read: Reads
) -> tuple[Sequence[Any], Sequence[Any], str]:
    """The items to train on, those to measure on, and what these are: --dev, or a part that was held out."""
    from ..config import settings_from

    if options.dev:
        return items, read(options.dev, options.work if kind.measures_files else None).items, "--dev"
    if kind.hold_out is None:
        return items, [], ""
    for_task, _ = split(options.pairs, kind.task.settings_type, options.settings)
    training, held_out = kind.hold_out(items, settings_from(kind.task.settings_type, for_task))
    return training, held_out, f"the end of the {kind.unit}, which was not trained on"


def _overlap(task: "Task", kind: "TaskKind", items: Sequence[Any], dev: Sequence[Any]) -> str:
    """How much of --dev the model is trained on, which makes its score there too good; "" where nothing."""
    from ..tasks.task import Streams

    look_back = getattr(task, "look_back", 0)
    return overlap_of(items, dev, kind.unit, stream=isinstance(task, Streams), look_back=look_back)


def refuse_taken(options: Options) -> bool:
    """Whether the model's place is taken. Raises SettingsError if it is and no training is to go on."""
    out = options.out
    exists = out.is_file() or (out.is_dir() and any(out.iterdir()))
    if exists and not options.resuming:
        raise SettingsError(f"{out} is there already; give another --out, or remove it")
    return exists


def _is_trained(console: Console, options: Options) -> bool:
    """Whether the model is there and no training of it was stopped. Raises SettingsError if its place is taken."""
    out = options.out
    trained = refuse_taken(options) and not (options.work / "checkpoints").exists()
    if trained:
        unfinished.clear(options.work)
        print_text(console, f"{out} is trained already; nothing to do.")
    return trained


def _build(
    console: Console,
    kind: "TaskKind",
    items: Sequence[Any],
    options: Options,
    processes: "Processes",
    *,
    keep_best: bool,
) -> "tuple[Task, dict[str, Any], TrainingConfig]":
    """The task with fresh weights, the data as `fit` takes it, and how to train; says what is left out."""
    from ..config import settings_from
    from ..tasks.task import Streams
    from ..train.recipes import recipe

    for_task, for_training = split(options.pairs, kind.task.settings_type, options.settings)
    vectors = None if options.vectors is None else WordVectors(options.vectors)
    if vectors is not None:
        for_task.setdefault("embedding_size", vectors.size)
    task = kind.build(items, settings_from(kind.task.settings_type, for_task), options.seed, vectors)
    if vectors is not None:
        print_text(console, sanitize(vectors.account))
    task.to(options.device)
    examples: dict[str, Any] = (
        {"stream": _stream(task, items, options, processes)}
        if isinstance(task, Streams)
        else {"examples": task.prepare(items, training=True)}
    )
    ((form, data),) = examples.items()
    if form == "examples":
        _print_unlearnable(console, task, items, data)
    config = run_from(recipe(kind.name, len(data)), for_training, options.config())
    weights, steps = sum(weight.numel() for weight in task.parameters()), _steps(task, config, examples)
    lanes = f"{count_of(config.batch_size, 'lanes')}, {config.bptt_steps} tokens of each"
    size = lanes if form == "stream" else count_of(config.batch_size, kind.examples or kind.unit)
    if form == "examples":
        _print_few(console, kind, "learns from", len(data))
    print_text(
        console, f"{weights:,} weights, {count_of(steps, 'steps')} of {size}. Ctrl-C saves, then stops."
    )
    return task, examples, replace(config, keep="best") if keep_best else config


def _stream(
    task: "Streams", items: Sequence[Any], options: Options, processes: "Processes"
) -> "Tensor | TokenFile":
    """What the task reads as one; if it is too large for that, from a file that one process of each host writes.

    Once all have opened it, it loses its name: the disk has its room again when the last of them ends, however that is.
    """
    from ..data.token_file import TokenFile

    large = any(isinstance(item, TextFile) for item in items)
    writes, future = first_of_host(), Future["Tensor | TokenFile"]()

    def write() -> None:
        try:
            future.set_result(task.stream(items, options.tokens))
        except Exception as fault:
            future.set_exception(fault)

    makes = writes or not large
    if makes:
        Thread(target=write, daemon=True).start()
    # It may take longer than processes wait for each other: they meet while it is made.
    while processes.any(makes and not future.done()):
        wait([future], timeout=_MEETING)
    stream = future.result() if makes else None
    form = processes.from_first(
        lambda: (stream.dtype.type, stream.sha256) if isinstance(stream, TokenFile) else None
    )
    if stream is None:
        stream = task.stream(items) if form is None else TokenFile(options.tokens, *form)
    if processes.any(large) and writes:
        with contextlib.suppress(OSError):
            options.tokens.unlink()
            options.work.rmdir()
    return stream


def _print_unlearnable(console: Console, task: "Task", items: Sequence[Any], examples: Sequence[Any]) -> None:
    from ..tasks.file_examples import unlearnable

    for reason, without in unlearnable(task, items, examples).items():
        print_text(console, f"{len(without):,} more left out{because(len(without), reason)}:")
        for item in (items[number] for number in without[:_LISTED]):
            print_text(console, f"  {item.id}: {one_line(item.summary)}")
        if len(without) > _LISTED:
            print_text(console, f"  and {len(without) - _LISTED:,} more")


def _steps(task: "Task", config: "TrainingConfig", examples: dict[str, Any]) -> int:
    from ..train.batches import batches_for

    return batches_for(task, config, **examples).steps


def _part(task: "Task", items: Sequence[Any]) -> Sequence[Any]:
    """So much of the items as is measured again and again."""
    from ..tasks.task import Streams

    return task.excerpt(items, _DEV_CHARACTERS) if isinstance(task, Streams) else evenly(items, _DEV_PART)


def _fit(
    task: "Task",
    config: "TrainingConfig",
    examples: dict[str, Any],
    dev: Sequence[Any],
    options: Options,
    processes: "Processes",
) -> "Result":
    """The training, with a few evaluations on a part of the dev set unless the configuration says how many."""
    from ..train import fit

    if config.evaluate_every is None:
        config = replace(config, evaluate_every=max(1, _steps(task, config, examples) // _EVALUATIONS))
    part = _part(task, dev) or None
    return fit(
        task, config, **examples,
        dev=part, folder=options.work, tensorboard=options.tensorboard, resume=options.resuming, processes=processes,
    )  # fmt: skip


def _scores(task: "Task", measurement: "Measurement") -> dict[str, str]:
    """Every metric with its unit, by its title."""
    values = measurement.values()
    return {
        metric.title: metric_text(metric, values[metric.name])
        for metric in task.metrics
        if metric.name in values
    }


def _save(
    task: "Task",
    config: "TrainingConfig",
    options: Options,
    card: dict[str, Any],
    measurement: "Measurement | None",
    where: str,
) -> None:
    """Writes the model. Its card has no times or dates, so that the same training writes the same card."""
    from ..export import folder as folders
    from ..export import save

    card["training"] = {name: value for name, value in asdict(config).items() if value is not None}
    if measurement is not None:
        measured_on = ", ".join(path.name for path in options.dev) or where
        card["figures"] = {"measured on": measured_on, **_scores(task, measurement)}
    save(task, options.out, card=card)
    # Last and at once: with checkpoints beside it a model counts as unfinished.
    with contextlib.suppress(BundleError):
        folders.remove(options.work / "checkpoints", kind="checkpoints")


def _print_unmeasured(console: Console, kind: "TaskKind", examples: int, result: "Result") -> None:
    print_text(console, "How it does on new data was not measured: give --dev, or use `keepgate evaluate`.")
    if kind.loss_unit == "nats" and result.loss < _BY_HEART:
        print_text(
            console,
            f"A loss of {result.loss:.3f} nats says that it knows its {examples:,} examples by heart "
            "(overfitting), and nothing about others.",
            "yellow",
        )


def _print_measurement(
    console: Console, task: "Task", items: Sequence[Any], measurement: "Measurement", where: str
) -> None:
    """How good it is on --dev, beside what is had without a model, and whether it has learnt its examples by heart."""
    scores = "; ".join(f"{name} {value}" for name, value in _scores(task, measurement).items())
    print_text(console, f"On {where}: {scores}.")
    first = task.metrics[0]
    for name, values in measurement.baselines.items():
        if first.name in values:
            print_text(console, f"  {name}: {first.title} {metric_text(first, values[first.name])}", "dim")
    if first.unit != "share":
        return
    trained = task.measure(_part(task, items))
    training_score = trained.values()[first.name]
    # What the same constant answers have there, whose share may be another than on --dev.
    trivial = max((of[first.name] for of in trained.baselines.values() if first.name in of), default=0.0)
    if training_score - trivial < _LEARNT * (1 - trivial):
        print_text(
            console,
            f"It has learnt hardly more than what is commonest: {first.title} is {percent(training_score)} on its "
            f"own training data, and {percent(trivial)} without a model. More steps, or examples of what is "
            "rare, help.",
            "yellow",
        )
    elif training_score - measurement.values()[first.name] > _OVERFIT:
        print_text(
            console,
            f"Overfitting: {first.title} is {percent(training_score)} on its own training data. More data, fewer "
            "steps, more dropout or a smaller network help.",
            "yellow",
        )


def _data_card(data: Sequence[Path], corpus: Any, kind: "TaskKind", options: Options) -> dict[str, Any]:
    commonest = Counter(left_out.reason for left_out in corpus.left_out).most_common(_LISTED)
    card = {
        "files": ", ".join(path.name for path in data),
        "format": corpus.format,
        kind.unit: f"{len(corpus.items):,}",
        "left out": "; ".join(f"{count:,}: {reason}" for reason, count in commonest) or "none",
    }
    return card if options.vectors is None else {**card, "vectors": options.vectors.name}
