"""keepgate examine: how far back a model learns, keeps and uses what it reads, with a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..errors import SettingsError
from ..wording import count_of, sanitize
from .console import make_console, print_json, print_text
from .exit_codes import FellShort
from .inputs import (
    LabelColumn,
    LabelSeparator,
    Model,
    SeriesColumn,
    TextColumn,
    at_least_one,
    columns_for,
    evenly,
    refuse_options,
)
from .look_outputs import PageLanguage

if TYPE_CHECKING:
    from ..lens.attribution import LookBack
    from ..lens.report import Report
    from ..tasks.probe import SeriesProbed

EPILOGUE = """Examples:

  keepgate examine my-model --data dev.jsonl
  keepgate examine my-model --data dev.jsonl --json
  keepgate examine my-model --data dev.jsonl --at-least 120
  keepgate examine my-model --data dev.jsonl --language zh-TW

The horizon is how many of a text's last tokens the model needs to answer as well as it does given all of them; the
question always stays. Ask about texts that are at least as long as the memory that is wanted. With --at-least it is a
test: the exit code is 5 if the horizon is shorter."""


def examine(
    model: Model,
    /,
    *,
    data: Annotated[
        tuple[Path, ...],
        Parameter(
            metavar="FILE",
            required=True,
            help="Questions with answers, a classifier's texts or series with labels, a tagger's texts with tags, a "
            "forecaster's series, or plain text; - reads standard input.",
            allow_leading_hyphen=True,
            validator=refuse_options,
        ),
    ],
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: LabelSeparator = None,
    series_column: SeriesColumn = None,
    at_least: Annotated[
        int | None,
        Parameter(metavar="N", help="Fail unless the horizon is N tokens, or steps of series, or more."),
    ] = None,
    needed: Annotated[
        int | None,
        Parameter(metavar="N", help="How many tokens back the answers lie, where the data does not say."),
    ] = None,
    questions: Annotated[
        int, Parameter(metavar="N", help="Read this many at most, taken evenly from the file.")
    ] = 200,
    layer: Annotated[
        str | None,
        Parameter(metavar="NAME", help="The recurrent layer, by its name; a wrong one lists them."),
    ] = None,
    json: Annotated[bool, Parameter(help="All figures as one JSON object.")] = False,
    language: Annotated[
        PageLanguage, Parameter(help="Of the printed report: en or zh-TW. JSON says its sentence in English.")
    ] = "en",
) -> None:
    """Measure how far back a model remembers, and say what to change.

    Prints the verdict, the horizon with its 95% interval, how far the learning signal reaches, how long the memory
    lasts, and whether small differences die out or grow.
    """
    at_least_one(at_least=at_least, needed=needed, questions=questions)
    from ..export import load
    from ..tasks import KINDS
    from ..tasks.probe import SeriesProbed

    task = load(model)
    kind = KINDS[task.kind]
    columns = {
        "text_column": text_column, "label_column": label_column, "label_separator": label_separator,
        "series_column": series_column,
    }  # fmt: skip
    corpus = kind.read_for(task, data, **columns_for(kind, columns))
    aside = make_console(errors=True)
    if corpus.left_out:
        print_text(aside, sanitize(corpus.account()))
    items = evenly(corpus.items, questions)
    if len(items) < len(corpus.items):
        print_text(aside, f"{len(items):,} of {len(corpus.items):,} {kind.unit} are read (--questions).")
    report = _examine(task, items, needed, layer)
    back = _look_back(task, items[0]) if isinstance(task, SeriesProbed) else None
    if json:
        more = {} if back is None else {"look_back": {"steps": back.steps, "of": back.contexts[-1]}}
        print_json({kind.unit: len(items), **report.as_dict(), **more})
    else:
        _print_report(task, report, back, len(items), language)
    if at_least is not None:
        _check(report, at_least, *("series", "steps") if kind.unit == "series" else ("text", "tokens"))


def _print_report(
    task: Any, report: "Report", back: "LookBack | None", items: int, language: PageLanguage
) -> None:
    """What was read, the verdict with its figures, and the look-back of a forecaster."""
    from ..lens.report.data_text import data_text, look_back_text
    from ..tasks import KINDS
    from ..tasks.probe import SeriesProbed
    from ..tasks.task import Streams

    console = make_console()
    form: Literal["questions", "stream", "series", "texts", "windows"]
    if isinstance(task, SeriesProbed):
        form = "windows"
    elif isinstance(task, Streams):
        form = "stream"
    else:
        kind = KINDS[task.kind]
        form = "questions" if kind.asks else "series" if kind.unit == "series" else "texts"
    print_text(console, data_text(items, report.behaviour.contexts[-1], language, form=form))
    for line in report.text(language).splitlines():
        print_text(console, line)
    if back is not None:
        print_text(console, look_back_text(back, language))


def _look_back(task: "SeriesProbed", item: Any) -> "LookBack | None":
    """How many of a window's steps the forecast of a series hangs on, over its windows; None for too few windows."""
    from ..lens.attribution import look_back_of

    return look_back_of(task.series_probe(item, past=True))


def _examine(task: Any, items: list[Any], needed: int | None, layer: str | None) -> "Report":
    from ..lens import examine as diagnose

    try:
        return diagnose(task, items, needed=needed, layer=layer)
    except KeyError as fault:
        raise SettingsError(f"--layer: {fault.args[0]}") from fault


def _check(report: "Report", at_least: int, read: str, steps: str) -> None:
    """Raises FellShort for a horizon below `at_least`, SettingsError where none so long could show.

    read, steps: what is read, and what of it is counted ("text", "tokens").
    """
    longest, (low, high) = report.behaviour.contexts[-1], report.interval
    if longest < at_least:
        raise SettingsError(
            f"--at-least is {at_least:,}, but the longest {read} has {longest:,} {steps}, so that no such horizon "
            f"could show; ask about longer {'texts' if read == 'text' else read}"
        )
    if report.horizon < at_least:
        raise FellShort(
            f"the horizon is {count_of(report.horizon, steps)} ({low:,} to {high:,} "
            f"with 95% confidence), less than the {at_least:,} of --at-least"
        )
    if not report.behaviour.context_helps:
        raise FellShort("reading more does not make the answers better, so that the horizon is no memory")
