"""keepgate compare: the same stories and the same budget for several networks: who remembers?"""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .console import make_console, print_command, print_text
from .inputs import at_least_one
from .output_paths import check_writable, check_writable_folder

EPILOGUE = """Examples:

  keepgate compare
  keepgate compare --seeds 5 --json result.json
  keepgate compare --report who-remembers.html --models networks

Each network reads stories in which somebody says at the very front what they want to be, and is asked about it at the
end."""


def compare(
    *,
    seeds: Annotated[int, Parameter(show_default=True, help="How often each network is trained anew.")] = 1,
    report: Annotated[
        Path, Parameter(metavar="FILE", show_default=True, help="The report, one HTML file.")
    ] = Path("report.html"),
    json: Annotated[Path | None, Parameter(metavar="FILE", help="All figures as JSON.")] = None,
    models: Annotated[
        Path | None,
        Parameter(metavar="FOLDER", help="Keep the networks in it, for `keepgate ask` and `look`."),
    ] = None,
    processes: Annotated[
        int | None, Parameter(help="Networks trained at the same time; two, or one on a single core.")
    ] = None,
) -> None:
    """Train small networks on stories and show which of them remember.

    A network without memory, an RNN, two LSTMs that differ in the bias of their gates alone, and a GRU get the same
    budget of steps. Shows how often each is right, how far back its learning signal reaches, and what it answers to
    the question of a story whose answer stands 1,000 characters back.
    """
    at_least_one(seeds=seeds)
    for path in (report, json):
        if path is not None:
            check_writable(path)
    if models is not None:
        check_writable_folder(models)
    from ..demo.report import html as report_page
    from ..demo.result import to_json
    from ..demo.run import run
    from ..export.file import write_file
    from . import comparison_tables

    command = f"keepgate compare --seeds {seeds}" if seeds > 1 else "keepgate compare"
    result = run(range(seeds), processes=processes, command=command, models=models)
    console = make_console()
    comparison_tables.print_comparison(console, result)
    if json is not None:
        write_file(json, f"{to_json(result)}\n".encode())
    report_page.write(result, report)
    print_text(console, f"The report with its pictures: {report}", "bold")
    if models is not None:
        print_text(console, f"The networks: {models}. To see the gates of one of them:")
        best = shlex.quote(str(models / "lstm-chrono"))
        sentence, question = shlex.quote(result.sentence), shlex.quote(result.question)
        print_command(console, f"echo {sentence} | {_program()} look {best} --text - --question {question}")
        print_text(console, "To see in a browser what networks like these remember, and to make them forget:")
        print_command(console, f"{_program()} serve")


def _program() -> str:
    """The command that calls this program again: by its name where the shell finds it, else as it was called."""
    if shutil.which("keepgate"):
        return "keepgate"
    module = Path(sys.argv[0]).name == "__main__.py"
    return f"{shlex.quote(sys.executable)} -m keepgate.cli" if module else shlex.quote(sys.argv[0])
