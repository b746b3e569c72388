"""Table of the formal languages: accuracy of each network by length, and the automaton that it became."""

from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..wording import known_percent, percent, percent_range
from .console import print_text, table

if TYPE_CHECKING:
    from ..demo.formal.result import FormalComparison, Trained


def print_formal(console: Console, result: "FormalComparison") -> None:
    """Prints the table, and what its columns mean."""
    console.print(formal_table(result))
    seeds = f"mean and range of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    print_text(
        console,
        f"Right symbols in the answers to {result.strings} new strings of each length, {seeds}; trained on strings of "
        f"1 to {result.longest} symbols. Guess: what guessing gets. Automaton: whether the stable points of the state "
        "make the language's own, with so many states; it is looked for where one symbol may follow itself.",
        "dim",
    )


def formal_table(result: "FormalComparison") -> Table:
    """One row a language and network."""
    from ..demo.formal.networks import TRANSFORMER

    lengths = result.lengths
    several, last, rows = len(result.seeds) > 1, "", []
    for trained in result.trained:
        name = trained.network if trained.network == TRANSFORMER else trained.network.upper()
        right = [_mean_and_range(trained, length, several=several) for length in lengths]
        language = "" if trained.language == last else trained.language
        guess = known_percent(trained.chance) if language else ""
        seconds = fmean(run.cpu_seconds for run in trained.runs)
        rows.append(
            (language, name, f"{trained.parameters:,}", f"{seconds:.0f}", guess, *right, _automata(trained))
        )
        last = trained.language
    at_lengths = [f"at {length}" for length in lengths]
    return table(["", "", "weights", "seconds", "guess", *at_lengths, "automaton"], rows, words=2)


def _automata(trained: "Trained") -> str:
    automata = [run.automaton for run in trained.runs if run.automaton is not None]
    if not automata:
        return ""
    right = [automaton for automaton in automata if automaton.right]
    if len(automata) == 1:
        return f"{automata[0].states} states" if right else "no"
    return f"{len(right)} of {len(automata)}"


def _mean_and_range(trained: "Trained", length: int, *, several: bool) -> str:
    """The mean in percent; with several seeds the lowest and the highest under it."""
    values = [run.accuracy[length] for run in trained.runs]
    spread = percent_range(min(values), max(values)).replace("–", "-")
    return f"{percent(fmean(values))}\n{spread}" if several and "-" in spread else percent(fmean(values))
