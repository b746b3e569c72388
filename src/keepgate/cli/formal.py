"""keepgate formal: formal languages learnt from short strings and tested on long ones; which network has the rule?"""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .console import make_console, print_text
from .inputs import at_least_one
from .output_paths import check_writable, check_writable_folder

EPILOGUE = """Examples:

  keepgate formal
  keepgate formal parity cycle-navigation --cell lstm --cell mingru
  keepgate formal parity --seeds 3 --json formal.json --figures figures

The languages are parity, even-pairs, modular-arithmetic, cycle-navigation, reverse, duplicate and odds-first, those of
Delétang et al. (2023), arXiv:2207.02098. In the last three the answer is a string, given at blanks after the input, a
symbol at each; the share of right symbols counts."""


def formal(
    *languages: Annotated[str, Parameter(help="Which ones; all of them if left out.")],
    cell: Annotated[
        list[str] | None,
        Parameter(
            metavar="NAME",
            help="A recurrent cell, keepgate's or your own; give it again for another. Left out: rnn, lstm and gru.",
        ),
    ] = None,
    seeds: Annotated[int, Parameter(show_default=True, help="How often each network is trained anew.")] = 1,
    json: Annotated[Path | None, Parameter(metavar="FILE", help="All figures as JSON.")] = None,
    figures: Annotated[
        Path | None,
        Parameter(
            metavar="FOLDER",
            help="Pictures: accuracy against length, and the automaton that each recurrent network became.",
        ),
    ] = None,
    processes: Annotated[
        int | None, Parameter(help="Networks trained at the same time; two, or one on a single core.")
    ] = None,
) -> None:
    """Train small networks on formal languages and test them on strings twelve times as long.

    An RNN, an LSTM, a GRU and a transformer with as many weights as the LSTM learn each language from strings of 1 to
    40 symbols. Shows how many of their answers are right up to 500 symbols, and whether the states of a recurrent
    network have become the language's automaton.
    """
    at_least_one(seeds=seeds)
    if json is not None:
        check_writable(json)
    if figures is not None:
        check_writable_folder(figures)
    from ..demo.formal import run as formal_run
    from ..demo.formal.figures import accuracy_figure
    from ..demo.formal.networks import TRANSFORMER
    from ..demo.result import to_json
    from ..export.file import write_file
    from .formal_table import print_formal

    networks = formal_run.NETWORKS if cell is None else (*cell, TRANSFORMER)
    command = shlex.join(
        ["keepgate", "formal", *languages, *(word for name in cell or () for word in ("--cell", name))]
        + (["--seeds", str(seeds)] if seeds > 1 else [])
    )
    result = formal_run.run(
        languages or formal_run.ALL, networks, seeds=range(seeds), processes=processes, command=command,
        pictures=figures,
    )  # fmt: skip
    console = make_console()
    print_formal(console, result)
    if json is not None:
        write_file(json, f"{to_json(result)}\n".encode())
    if figures is not None:
        for language in dict.fromkeys(trained.language for trained in result.trained):
            accuracy_figure(result, language).save(figures / f"accuracy-{language}.svg")
        print_text(console, f"The pictures: {figures}", "bold")
