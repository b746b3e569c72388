"""keepgate forecast: the next steps of each series of a file, with their intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from ..errors import SettingsError
from ..wording import sanitize
from .console import make_console, one_line, print_json, print_text
from .console import table as text_table
from .evaluate import write_records
from .inputs import BatchSize, Model, at_least_one, load_for
from .output_paths import check_writable

if TYPE_CHECKING:
    from ..tasks.forecaster import Forecast

EPILOGUE = """Examples:

  keepgate forecast my-model power.csv
  keepgate forecast my-model power.csv --steps 24 --table
  keepgate forecast my-model power.csv --plot load.svg
  cat power.csv | keepgate forecast my-model - --out forecasts.jsonl

The file has the columns that the model was trained on; what it forecasts comes after the last row that has a value.
Covariates that are known ahead need rows of their own there. Each line of the result is {"series": "...", "target":
"...", "times": [...], "forecast": [...], "quantiles": {"0.1": [...], "0.9": [...]}}."""

_LISTED = 60  # rows of a table


def forecast(
    model: Model,
    file: Annotated[
        str,
        Parameter(
            help="Series: CSV, TSV, JSON lines or Parquet; - reads standard input.", allow_leading_hyphen=True
        ),
    ],
    /,
    *,
    steps: Annotated[
        int | None,
        Parameter(metavar="N", help="Only this many steps ahead; else all that it was trained for."),
    ] = None,
    out: Annotated[Path | None, Parameter(help="Write there instead, as lines of JSON.")] = None,
    table: Annotated[bool, Parameter(help="A table to read instead of JSON.")] = False,
    plot: Annotated[
        tuple[Path, ...],
        Parameter(
            metavar="FILE",
            help="Also draw the series, the forecast and its interval, .svg, .png or .pdf; one for each target.",
        ),
    ] = (),
    batch_size: BatchSize = 64,
) -> None:
    """Forecast the next steps of each series of a file.

    Prints a line for each series and target, with the times, the forecast and the quantiles of every step.
    """
    at_least_one(batch_size=batch_size, steps=steps)
    if out is not None and table:
        raise SettingsError("--out writes lines of JSON; leave --table out, or redirect what is printed")
    for path in (*(() if out is None else (out,)), *plot):
        check_writable(path)
    from ..data.corpora.series import read_series_like

    task = load_for(["forecast"], model, "forecasts no series")
    corpus = read_series_like(file, task.statistics.columns)
    notes = [*map(str, corpus.left_out), *corpus.notes, *task.statistics.unseen(corpus.items)]
    for note in notes:
        print_text(make_console(errors=True), sanitize(note), "yellow")
    forecasts: list[Forecast] = task.forecast(corpus.items, steps=steps, batch_size=batch_size)
    figures = _figures(forecasts, plot)
    records = [record for each in forecasts for record in each.as_dicts()]
    if out is not None:
        write_records(out, records)
    elif table:
        _print_tables(make_console(), records)
    else:
        for record in records:
            print_json(record)
    for path, figure in figures:
        print_text(make_console(errors=True), f"The figure: {figure.save(path)}", "bold")


def _figures(forecasts: "Sequence[Forecast]", paths: Sequence[Path]) -> list[tuple[Path, Any]]:
    """Pictures of the first targets, one a file. Raises SettingsError for more files than targets."""
    if not paths:
        return []
    from ..lens.report.forecast_plot import forecast_figure

    every = [(each, place) for each in forecasts for place in range(len(each.series.columns.targets))]
    if len(paths) > len(every):
        raise SettingsError(f"--plot is given {len(paths)} times, and there are {len(every)} targets to draw")
    for path in paths:
        if path.suffix.lower() not in (".svg", ".png", ".pdf"):
            raise SettingsError(f"--plot is {str(path)!r}; the file's name must end in .svg, .png or .pdf")
    return [(path, forecast_figure(*each)) for path, each in zip(paths, every, strict=False)]


def _print_tables(console: Console, records: Sequence[dict[str, Any]]) -> None:
    for record in records:
        levels = list(record["quantiles"])
        rows = [
            (time, *(f"{value:,.4g}" for value in values))
            for time, *values in zip(
                record["times"],
                record["forecast"],
                *(record["quantiles"][level] for level in levels),
                strict=True,
            )
        ]
        title = " · ".join(one_line(part) for part in (record["series"], record["target"]) if part)
        heads = ("time", "forecast", *(f"{100 * float(level):g}%" for level in levels))
        console.print(text_table(heads, rows[:_LISTED], title=title))
        if len(rows) > _LISTED:
            print_text(console, f"and {len(rows) - _LISTED} more steps", "dim")
        console.print()
