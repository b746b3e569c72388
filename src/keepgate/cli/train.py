"""keepgate train: a model from questions with answers."""

import shlex
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter
from rich.console import Console

from ..errors import SettingsError
from ..wording import percent
from .console import make_console, one_line, print_command, print_text, seconds
from .detect_task import Chosen, Kind, detect_task
from .evaluate import METRICS, answer_all
from .settings import run_from, split

if TYPE_CHECKING:
    from ..data.corpora import Corpus
    from ..data.questions import Question
    from ..tasks.task import Task
    from ..train import TrainingConfig

EPILOGUE = """Examples:

  keepgate train reader train.json --dev dev.json --out my-model
  keepgate train reader train.json --dev dev.json --out my-model --resume
  keepgate train reader pairs.tsv --out my-model --kind choice --epochs 40
  keepgate train reader train.jsonl --out my-model --set hidden_size=64

Each line of train.jsonl is {"text": "...", "question": "...", "answer": "..."}; a TSV file has these three names in
its first line. SQuAD's JSON and bAbI's numbered sentences are read as they are. Ctrl-C saves; the same command with
--resume goes on as if nothing had happened."""

# While it trains, a part of --dev says how it goes; reading all of it so often would take longer than the training.
_GLANCE = 200
_GLANCES = 10
_LISTED = 3

_WHAT = Group("What is trained", sort_key=2)
_HOW_LONG = Group("How long, and how fast", sort_key=3)


def reader(
    data: Annotated[
        list[Path], Parameter(help="Questions with answers: SQuAD's JSON, JSON lines, TSV or bAbI.")
    ],
    /,
    *,
    out: Annotated[Path, Parameter(metavar="MODEL", help="The folder that the model is written to.")],
    dev: Annotated[
        tuple[Path, ...], Parameter(metavar="DATA", help="Other questions, to measure it on.")
    ] = (),
    kind: Annotated[
        Kind,
        Parameter(
            group=_WHAT, show_default=True, help="span points into the text, choice picks a known answer."
        ),
    ] = "auto",
    set_: Annotated[
        tuple[str, ...],
        Parameter("--set", group=_WHAT, metavar="NAME=VALUE", help="Any setting; a wrong name lists them."),
    ] = (),
    seed: Annotated[int, Parameter(group=_WHAT, show_default=True, help="Decides every random choice.")] = 0,
    epochs: Annotated[int | None, Parameter(group=_HOW_LONG, help="How often each question is read.")] = None,
    steps: Annotated[int | None, Parameter(group=_HOW_LONG, help="Batches, instead of epochs.")] = None,
    batch_size: Annotated[int | None, Parameter(group=_HOW_LONG, help="Questions in a batch.")] = None,
    learning_rate: Annotated[float | None, Parameter(group=_HOW_LONG, help="The highest step size.")] = None,
    threads: Annotated[int | None, Parameter(group=_HOW_LONG, help="Processor threads.")] = None,
    resume: Annotated[
        bool, Parameter(group=_HOW_LONG, help="Go on with a training that was stopped.")
    ] = False,
    resume_previous: Annotated[
        bool, Parameter(group=_HOW_LONG, help="Go on from the checkpoint before the last one.")
    ] = False,
) -> None:
    """Train a reader that answers questions about texts.

    It tells from the data which kind of reader fits, says so, and trains it. Questions that cannot be learnt from are
    left out, counted and shown.
    """
    console = make_console()
    work = out.with_name(f"{out.name}.training")
    if _trained_already(out, work, resuming=resume or resume_previous):
        print_text(console, f"{out} is trained already; nothing to do.")
        return
    options = {"epochs": epochs, "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate}
    from ..data.corpora import read
    from ..export import save
    from ..train import fit

    corpus = read(data)
    measured_on = read(dev).questions if dev else []
    print_text(console, corpus.account(_LISTED))
    chosen = detect_task(corpus, kind)
    print_text(console, chosen.why)
    task, examples, run = _made(console, corpus, chosen, set_, options | {"threads": threads, "seed": seed})
    glance = measured_on[:: max(1, len(measured_on) // _GLANCE)]
    resuming: bool | Literal["previous"] = "previous" if resume_previous else resume
    result = fit(
        task,
        _with_glances(run, len(examples)),
        examples=examples,
        dev=glance or None,
        folder=work,
        resume=resuming,
    )
    figures = _figures(task, measured_on)
    save(task, out, card=_card(data, corpus, chosen, run, dev, figures))
    shutil.rmtree(work / "checkpoints", ignore_errors=True)
    print_text(
        console, f"Trained in {seconds(result.seconds)}: {result.steps:,} steps, loss {result.loss:.3f} nats."
    )
    print_text(console, _how_good(figures))
    print_text(console, f"Written to {out}. Now ask it:")
    print_command(console, f'keepgate ask {shlex.quote(str(out))} --text FILE --question "..."')


def _trained_already(out: Path, work: Path, *, resuming: bool) -> bool:
    """Whether the model is there and no training of it was stopped. Raises SettingsError if its place is taken."""
    taken = out.is_file() or (out.is_dir() and any(out.iterdir()))
    if taken and not resuming:
        raise SettingsError(f"{out} is there already; give another --out, or remove it")
    return taken and not (work / "checkpoints").exists()


def _made(
    console: Console, corpus: "Corpus", chosen: Chosen, pairs: Sequence[str], options: dict[str, Any]
) -> "tuple[Task, list[Any], TrainingConfig]":
    """The reader with fresh weights, its examples, and how to train it; what is left out is counted and shown."""
    from ..config import settings_from
    from ..tasks import KINDS
    from ..train.recipes import recipe

    task_type = KINDS[chosen.kind].task
    for_reader, for_run = split(pairs, task_type.settings_type)
    questions = corpus.questions if chosen.kind != "span-reader" else _in_their_texts(console, corpus)
    task = task_type.build(questions, settings_from(task_type.settings_type, for_reader), options["seed"])
    examples = task.prepare(questions, training=True)
    if len(examples) < len(questions):
        too_long = sorted(questions, key=lambda one: -min(map(len, one.answers)))[
            : len(questions) - len(examples)
        ]
        _say_left_out(console, too_long, "the answer is too long to point at")
    run = run_from(recipe(chosen.kind, len(examples)), for_run, options)
    size, length = sum(weight.numel() for weight in task.parameters()), _steps(run, len(examples))
    print_text(
        console,
        f"{size:,} weights, {length:,} steps of {run.batch_size} questions. Ctrl-C saves, then stops.",
    )
    return task, examples, run


def _in_their_texts(console: Console, corpus: "Corpus") -> "list[Question]":
    """The questions whose answer stands in the text; the others are counted, and the first few shown."""
    missing = [one for one in corpus.questions if all(start is None for start in one.starts)]
    _say_left_out(console, missing, "the answer is not in the text")
    return [one for one in corpus.questions if any(start is not None for start in one.starts)]


def _say_left_out(console: Console, questions: "Sequence[Question]", why: str) -> None:
    if questions:
        print_text(console, f"{len(questions):,} more left out because {why}:")
    for one in questions[:_LISTED]:
        print_text(console, f"  {one.id}: {one_line(one.question)} (answer: {one_line(one.answers[0])})")
    if len(questions) > _LISTED:
        print_text(console, f"  and {len(questions) - _LISTED:,} more")


def _steps(run: "TrainingConfig", examples: int) -> int:
    return run.steps if run.steps is not None else (run.epochs or 0) * -(-examples // run.batch_size)


def _with_glances(run: "TrainingConfig", examples: int) -> "TrainingConfig":
    """The run with a few evaluations on the way, unless it says how many itself."""
    if run.evaluate_every is not None:
        return run
    return replace(run, evaluate_every=max(1, _steps(run, examples) // _GLANCES))


def _figures(task: "Task", questions: "Sequence[Question]") -> dict[str, float]:
    """Exact match and both F1 over the questions, by the name that a person knows; nothing if there are none."""
    if not questions:
        return {}
    from ..tasks.metrics import mean_scores, score

    answers = answer_all(task, questions, batch_size=64)
    means = mean_scores(
        [score(answer.text, one.answers) for answer, one in zip(answers, questions, strict=True)]
    )
    return {METRICS[name]: getattr(means, name) for name in METRICS}


def _how_good(figures: dict[str, float]) -> str:
    if not figures:
        return "How it does on new questions was not measured: give --dev, or use `keepgate evaluate`."
    return "On --dev: " + "; ".join(f"{name} {percent(value)}" for name, value in figures.items()) + "."


def _card(
    data: Sequence[Path],
    corpus: "Corpus",
    chosen: Chosen,
    run: "TrainingConfig",
    dev: Sequence[Path],
    figures: dict[str, float],
) -> dict[str, Any]:
    """What the model's card says, without times or dates, so that the same training writes the same card."""
    commonest = Counter(one.reason for one in corpus.left_out).most_common(_LISTED)
    card: dict[str, Any] = {
        "data": {
            "files": ", ".join(path.name for path in data),
            "format": corpus.format,
            "questions": f"{len(corpus.questions):,}",
            "left out": "; ".join(f"{count:,}: {reason}" for reason, count in commonest) or "none",
        },
        "kind": chosen.why,
        "training": {name: value for name, value in asdict(run).items() if value is not None},
    }
    if figures:
        shown = {name: percent(value) for name, value in figures.items()}
        card["figures"] = {"measured on": ", ".join(path.name for path in dev), **shown}
    return card
