"""Tables of a comparison: accuracy and gradient of each network, its answer, the pooling experiment, the verdict."""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..wording import known_percent, percent, percent_range, probability, scientific
from .console import print_text, table

if TYPE_CHECKING:
    from ..demo.result import Comparison, Network


def print_comparison(console: Console, result: "Comparison") -> None:
    """Prints the whole result, in the order in which a newcomer asks about it."""
    from ..demo.report import summary
    from ..demo.report.labels import render

    console.print(accuracy_table(result))
    print_text(console, _legend(result), "dim")
    for line in _notes(result):
        print_text(console, line, "dim")
    console.print()
    print_text(
        console, f"{result.sentence} ... {result.distance:,} characters later: {result.question}", "bold"
    )
    console.print(answer_table(result))
    if result.poolings:
        console.print()
        print_text(console, f"{result.facts} facts at the front and a question about one of them:", "bold")
        console.print(pooling_table(result))
    console.print()
    print_text(
        console,
        " ".join(render(message, "en") for message in (*summary.verdict(result), *summary.why(result))),
    )


def accuracy_table(result: "Comparison") -> Table:
    """One row a network: size, time, accuracy at each length, gradient; with several seeds their range."""
    from ..demo.report.summary import LAG, accuracies, gradient_at, mean_seconds, mean_step_milliseconds

    several = len(result.seeds) > 1
    at_lengths = [f"at {length}" for length in result.lengths]
    rows = []
    for network in result.networks:
        gradient = gradient_at(network.before, LAG)
        right = [_mean_and_range(accuracies(network, length), several=several) for length in result.lengths]
        share = "" if gradient is None else scientific(gradient, ascii_only=True)
        times = ["", ""]
        if network.runs:
            times = [f"{mean_seconds(network):.1f}", f"{mean_step_milliseconds(network):.1f}"]
        rows.append((_name(network), f"{network.parameters:,}", *times, *right, share))
    return table(["", "weights", "seconds", "ms/step", *at_lengths, f"lag {LAG}"], rows)


def answer_table(result: "Comparison") -> Table:
    """One row a network: what its first seed answered to the pirate king's question, and how many seeds are right."""
    rows: list[Sequence[str | Text]] = []
    for network in filter(lambda network: network.runs, result.networks):
        first = network.runs[0]
        right = sum(run.answer == result.expected for run in network.runs)
        verdict = Text("right", "green") if first.answer == result.expected else Text("wrong", "red")
        seeds = [f"{right} of {len(network.runs)} seeds"] if len(result.seeds) > 1 else []
        rows.append((_name(network), first.answer, verdict, probability(first.probability), *seeds))
    columns = ["", "answer", "", "probability", *(["right with"] if len(result.seeds) > 1 else [])]
    return table(columns, rows, words=3)


def pooling_table(result: "Comparison") -> Table:
    """One row for each way of answering: accuracy at each length."""
    from ..demo.report.labels import render
    from ..demo.report.summary import accuracies, lengths_of, name_of

    lengths = lengths_of(result.poolings)
    rows = []
    for pooling in result.poolings:
        ways = f"{(pooling.cell or '').upper()}, {'both ways' if pooling.bidirectional else 'one way'}"
        accuracy = [
            _mean_and_range(accuracies(pooling, length), several=len(result.seeds) > 1) for length in lengths
        ]
        rows.append((render(name_of(pooling, "poolings"), "en"), ways, f"{pooling.parameters:,}", *accuracy))
    return table(("", "", "weights", *[f"at {length}" for length in lengths]), rows, words=2)


def _name(network: "Network") -> str:
    from ..demo.report.labels import render
    from ..demo.report.summary import name_of

    return render(name_of(network, "short"), "en").replace("×", "x").replace("\xa0", " ")


def _mean_and_range(values: Sequence[float], *, several: bool) -> str:
    """The mean in percent; with several seeds the lowest and the highest under it."""
    if not values:
        return ""
    spread = percent_range(min(values), max(values)).replace("–", "-")
    return f"{percent(fmean(values))}\n{spread}" if several and "-" in spread else percent(fmean(values))


def _notes(result: "Comparison") -> list[str]:
    """Notes on what the names do not say: which network has no memory, and which was never trained."""
    from ..demo.contestants import WINDOW
    from ..demo.report import summary
    from ..demo.report.labels import render

    window = [
        f"{_name(network)}: a network without memory, which sees the last {WINDOW} characters only."
        for network in result.networks
        if network.name == "feedforward"
    ]
    return [*window, *(render(message, "en").replace("×", "x") for message in summary.untrained(result))]


def _legend(result: "Comparison") -> str:
    from ..demo.report.summary import LAG

    seeds = f"mean and range of {len(result.seeds)} seeds" if len(result.seeds) > 1 else "one seed"
    return (
        f"Right answers to {result.stories:,} new stories of each length in characters, {seeds}; guessing gets "
        f"{known_percent(result.chance)}. Lag {LAG}: the gradient {LAG} characters back, before training, as a share "
        "of the gradient at the last one."
    )
