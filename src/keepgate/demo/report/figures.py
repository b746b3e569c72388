"""Figures of the report: the values of each, in both languages, for a wide and a narrow page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from markupsafe import Markup

from ... import charts
from ...wording import (
    LANGUAGES,
    Message,
    Part,
    amount,
    count,
    decade,
    known_percent,
    msg,
    percent,
    percent_range,
    scientific,
    unit,
)
from ..result import Comparison, GradientLine, Network
from .labels import render, table
from .summary import accuracies, lengths_of, name_of

WIDE, NARROW = 1000.0, 372.0  # the figures' natural widths: a page of 1280 pixels, a page of 400
DIAGRAM = 720.0  # at most, the diagram's
POINTS = 90  # of a gradient curve: one for each ten pixels
LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # those in the table under the figure
_POOLING_STYLES = {"last": 0, "attention": 3}
_GATE_ORDER = "fziro"  # what is kept, what is written, what is shown


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Drawing in one language at two widths. hover: tooltip data as JSON, or nothing."""

    language: str
    lang: str
    wide: Markup
    narrow: Markup
    hover: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Figure: a drawing in all languages, with its values as a table."""

    name: str
    title: Message
    pictures: tuple[Picture, ...]
    columns: Sequence[Part] = ()
    rows: Sequence[Sequence[Part]] = ()
    heading: Message | str = ""


@dataclass(frozen=True, kw_only=True)
class _Plot:
    """Curves before they are drawn in a language.

    curves: nameless, each with its network. sections: of the catalog, for the networks' names on a wide and on a narrow
    page. positions: the name of each x. write: a value as text. chance: a level and the key of its name.
    same_width: the networks of all plots that are to be equally wide.
    """

    curves: Sequence[tuple[Network, charts.Curve]]
    x: charts.Axis
    y: charts.Axis
    x_name: Message
    y_name: Message
    positions: Sequence[Message]
    write: Callable[[float], str]
    height: float
    sections: tuple[str, str] = ("networks", "short")
    chance: tuple[float, str] | None = None
    same_width: Sequence[Network] = ()


def accuracy(result: Comparison) -> Figure | None:
    """Accuracy against length, one curve a network, with chance; None if nothing was measured."""
    curves = [
        (network, _accuracy_curve(network, style, result.lengths))
        for style, network in enumerate(result.networks)
        if network.runs
    ]
    chance = (result.chance, "accuracy.chance")
    return _against_length("figure-accuracy", msg("accuracy.title"), result.lengths, curves, chance)


def facts(result: Comparison) -> Figure | None:
    """Accuracy against length with several facts at the front, one curve a pooling; None without the experiment."""
    lengths = lengths_of(result.poolings)
    curves = [
        (pooling, _accuracy_curve(pooling, _POOLING_STYLES.get(pooling.name, index), lengths))
        for index, pooling in enumerate(result.poolings)
    ]
    title, chance = msg("facts.title", n=count(result.facts)), (1 / result.facts, "facts.guess")
    return _against_length("figure-facts", title, lengths, curves, chance, ("poolings", "poolings"))


def _accuracy_curve(network: Network, style: int, lengths: Sequence[int]) -> charts.Curve:
    by_length = [accuracies(network, length) for length in lengths]
    several = any(len(values) > 1 for values in by_length)
    return charts.Curve(
        name="", style=style, xs=lengths,
        ys=[fmean(values) if values else math.nan for values in by_length],
        lows=[min(values, default=math.nan) for values in by_length] if several else (),
        highs=[max(values, default=math.nan) for values in by_length] if several else (),
    )  # fmt: skip


def _against_length(
    name: str, title: Message, lengths: Sequence[int], curves: Sequence[tuple[Network, charts.Curve]],
    chance: tuple[float, str], sections: tuple[str, str] = ("networks", "short"),
) -> Figure | None:  # fmt: skip
    """Accuracies over lengths on a logarithmic axis; None if there are none."""
    if not curves or not lengths:
        return None
    log_lengths = [math.log(max(length, 1)) for length in lengths]
    flat = charts.linear(min(log_lengths), max(log_lengths), [])
    x = charts.Axis(
        ticks=tuple((float(length), count(length)) for length in lengths),
        scale=lambda length: flat.scale(math.log(max(length, 1))),
    )
    y = charts.linear(0.0, 1.0, [(quarter / 4, known_percent(quarter / 4)) for quarter in range(5)])
    positions = [msg("table.characters", n=count(length)) for length in lengths]
    plot = _Plot(
        curves=curves, x=x, y=y, x_name=msg("accuracy.x"), y_name=msg("accuracy.y"), positions=positions,
        write=percent, height=400.0, sections=sections, chance=chance,
    )  # fmt: skip
    return Figure(
        name=name, title=title, pictures=_plotted(name, title, plot), columns=[msg("table.network"), *positions],
        rows=[[name_of(network, sections[0]), *_with_ranges(curve)] for network, curve in curves],
    )  # fmt: skip


def _with_ranges(curve: charts.Curve) -> Sequence[str]:
    if not curve.lows:
        return [percent(mean) for mean in curve.ys]
    spans = zip(curve.ys, curve.lows, curve.highs, strict=True)
    return [
        percent(mean) if low == high else f"{percent(mean)} ({percent_range(low, high)})"
        for mean, low, high in spans
    ]


def gradient(result: Comparison, when: str) -> Figure | None:
    """Gradient against lag before or after training, logarithmic; both share their axes. None if there is no curve."""
    measured = [
        (style, network, line)
        for style, network in enumerate(result.networks)
        if (line := getattr(network, when)) is not None and line.lags
    ]
    if not measured:
        return None
    with_lines = [network for network in result.networks if network.before or network.after]
    lines = [line for network in with_lines for line in (network.before, network.after) if line is not None]
    furthest = max(lag for line in lines for lag in line.lags)
    lags = sorted({lag for _, _, line in measured for lag in line.lags})
    lags = sorted({*lags[:: max(1, math.ceil(len(lags) / POINTS))], *(set(LAGS) & set(lags)), lags[-1]})
    listed_lags = [lag for lag in LAGS if lag <= furthest]
    plot = _Plot(
        curves=[
            (network, charts.Curve(name="", style=style, xs=lags, ys=_at_lags(line, lags)))
            for style, network, line in measured
        ],
        x=charts.linear(0, furthest, [(lag, count(lag)) for lag in charts.round_ticks(0, furthest)]),
        y=charts.logarithmic([value for line in lines for value in line.values], decade),
        x_name=msg("gradient.x"), y_name=msg("gradient.y"),
        positions=[msg("gradient.at", lag=count(lag)) for lag in lags],
        write=scientific, height=430.0, same_width=with_lines,
    )  # fmt: skip
    name, title = f"figure-gradient-{when}", msg(f"gradient.title_{when}")
    return Figure(
        name=name, title=title, pictures=_plotted(name, title, plot),
        columns=[msg("table.network"), *(msg("gradient.at", lag=count(lag)) for lag in listed_lags)],
        rows=[[name_of(network), *map(scientific, _at_lags(line, listed_lags))] for _, network, line in measured],
    )  # fmt: skip


def _at_lags(line: GradientLine, lags: Sequence[int]) -> list[float]:
    """The gradient at these lags, NaN where it was not measured."""
    by_lag = dict(zip(line.lags, line.values, strict=True))
    return [by_lag.get(lag, math.nan) for lag in lags]


def _plotted(name: str, title: Message, plot: _Plot) -> tuple[Picture, ...]:
    """The same curves in every language, wide with the networks' names and narrow with their short ones."""

    def content(language: str, section: str) -> charts.Curves:
        levels = []
        if plot.chance is not None:
            value, key = plot.chance
            levels = [charts.Level(value=value, name=render(msg(key, chance=known_percent(value)), language))]
        return charts.Curves(
            title=render(title, language), description=render(msg("page.described"), language),
            x=plot.x, y=plot.y, x_name=render(plot.x_name, language), y_name=render(plot.y_name, language),
            curves=[
                replace(curve, name=render(name_of(network, section), language)) for network, curve in plot.curves
            ],
            names=[render(name_of(network, section), language) for network in plot.same_width], levels=levels,
        )  # fmt: skip

    def draw(language: str, identity: str, width: float, class_: str) -> Markup:
        section = plot.sections[class_ == "narrow"]
        return charts.draw_curves(content(language, section), identity, width, plot.height, class_)

    def values(language: str) -> str:
        texts = [[plot.write(y) for y in curve.ys] for _, curve in plot.curves]
        positions = [render(position, language) for position in plot.positions]
        return charts.hover(content(language, plot.sections[0]), texts, positions)

    return _pictures(name, draw, values)


def _pictures(
    name: str,
    draw: Callable[[str, str, float, str], Markup],
    values: Callable[[str], str] = lambda _: "",
) -> tuple[Picture, ...]:
    """One drawing in every language at both widths. draw: from a language, an identity, a width and a class."""
    return tuple(
        Picture(
            language=language, lang=lang,
            wide=draw(language, f"{name}-{language}-wide", WIDE, "wide"),
            narrow=draw(language, f"{name}-{language}-narrow", NARROW, "narrow"), hover=values(language),
        )
        for language, lang in LANGUAGES.items()
    )  # fmt: skip


def strips(result: Comparison) -> list[Figure]:
    """Gates and state changes over the pirate king's sentence, one figure a network that has gates."""
    gated = [network for network in result.networks if network.strip is not None and network.strip.gates]
    return [_strip(f"figure-gates-{index}", network) for index, network in enumerate(gated)]


def _strip(name: str, network: Network) -> Figure:
    strip = network.strip
    assert strip is not None
    changes = [value for values in strip.change.values() for value in values if math.isfinite(value)]
    largest = max([1.0, *changes])
    order = {gate: place for place, gate in enumerate(_GATE_ORDER)}
    rows = [
        (
            gate_name(gate),
            charts.Row(name="", kind=gate, values=values, written=[unit(value) for value in values]),
        )
        for gate, values in sorted(strip.gates.items(), key=lambda item: order.get(item[0], len(order)))
    ]
    for state, values in sorted(strip.change.items()):
        texts = [amount(value, 2) for value in values]
        row = charts.Row(name="", kind=state, values=values, written=texts, full=largest)
        rows.append((msg("gates.change", state=state), row))
    title = msg("gates.title", network=name_of(network))

    def draw(language: str, identity: str, width: float, class_: str) -> Markup:
        named_rows = [replace(row, name=render(label, language)) for label, row in rows]
        words = (render(title, language), render(msg("page.described"), language))
        return charts.draw_strip(strip.tokens, named_rows, identity, *words, width, class_)

    return Figure(
        name=name, title=title, heading=name_of(network), pictures=_pictures(name, draw),
        columns=[msg("gates.character"), *(label for label, _ in rows)],
        rows=[[token, *(row.written[step] for _, row in rows)] for step, token in enumerate(strip.tokens)],
    )  # fmt: skip


def gate_name(gate: str) -> Message:
    """A gate's label; one that the catalog lacks keeps its letter."""
    return msg(f"gates.row_{gate}" if f"gates.row_{gate}" in table() else "gates.row_other", name=gate)


def step() -> Figure:
    """The diagram of one LSTM step, which no result changes."""
    title = msg("explain.diagram")

    def draw(language: str, identity: str, width: float, class_: str) -> Markup:
        boxes = {letter: render(msg(f"explain.box_{letter}"), language) for letter in "figo"}
        words = (render(title, language), render(msg("explain.diagram_desc"), language))
        return charts.draw_step(identity, *words, boxes, min(width, DIAGRAM), class_)

    return Figure(name="figure-step", title=title, pictures=_pictures("figure-step", draw))
