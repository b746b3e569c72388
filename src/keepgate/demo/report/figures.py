"""The report's figures: which values go into each, in both languages, for a wide and a narrow page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from ...charts import (
    Axis,
    Curve,
    Curves,
    Level,
    Row,
    draw_curves,
    draw_step,
    draw_strip,
    hover,
    linear,
    logarithmic,
    round_ticks,
)
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
from . import summary
from .labels import render, table

WIDE, NARROW = 1000.0, 372.0  # the figures' natural widths: a page of 1280 pixels, a page of 400
POINTS = 90  # of a gradient curve: one for each ten pixels
LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # those in the table under the figure
_POOLING_STYLES = {"last": 0, "attention": 3}
_GATE_ORDER = "fziro"  # what is kept, what is written, what is shown


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawing in one language, at two widths. hover: JSON of the values to show beside the pointer, or nothing."""

    language: str
    lang: str
    wide: Markup
    narrow: Markup
    hover: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing in all languages, with its values as a table."""

    name: str
    title: Message
    pictures: tuple[Picture, ...]
    columns: Sequence[Part] = ()
    rows: Sequence[Sequence[Part]] = ()
    heading: Message | str = ""


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One curve before it is drawn in a language: names, style, values, and the values as text."""

    name: Message | str
    short: Message | str
    style: int
    ys: Sequence[float]
    texts: Sequence[str]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()


def accuracy(result: Comparison) -> Figure | None:
    """Accuracy against length, one curve a network, with chance; None if nothing was measured."""
    lines = [
        _accuracy_line(
            summary.name_of(network), summary.name_of(network, "short"), style,
            [summary.accuracies(network, length) for length in result.lengths],
        )
        for style, network in enumerate(result.networks)
        if network.runs
    ]  # fmt: skip
    if not lines or not result.lengths:
        return None
    chance = Level(value=result.chance, name="accuracy.chance")
    return _against_length("figure-accuracy", msg("accuracy.title"), result.lengths, lines, chance)


def facts(result: Comparison) -> Figure | None:
    """Accuracy against length with several facts at the front, one curve a pooling; None without the experiment."""
    lengths = sorted({length for pooling in result.poolings for length in pooling.accuracy})
    if not lengths:
        return None
    lines = []
    for index, pooling in enumerate(result.poolings):
        values = [summary.without_nan(pooling.accuracy.get(length, ())) for length in lengths]
        name = summary.named("poolings", pooling.name)
        lines.append(_accuracy_line(name, name, _POOLING_STYLES.get(pooling.name, index), values))
    title = msg("facts.title", n=count(result.facts))
    chance = Level(value=1 / result.facts, name="facts.guess")
    return _against_length("figure-facts", title, lengths, lines, chance)


def _accuracy_line(
    name: Message | str, short: Message | str, style: int, seeds: Sequence[Sequence[float]]
) -> _Line:
    """seeds: for each length, one accuracy a seed."""
    means = [fmean(values) if values else math.nan for values in seeds]
    several = any(len(values) > 1 for values in seeds)
    return _Line(
        name=name, short=short, style=style, ys=means, texts=[percent(mean) for mean in means],
        lows=[min(values, default=math.nan) for values in seeds] if several else (),
        highs=[max(values, default=math.nan) for values in seeds] if several else (),
    )  # fmt: skip


def _against_length(
    name: str, title: Message, lengths: Sequence[int], lines: Sequence[_Line], chance: Level
) -> Figure:
    """Accuracies over lengths on a logarithmic axis. chance: its name is the key of a message."""
    logs = [math.log(max(length, 1)) for length in lengths]
    flat = linear(min(logs), max(logs), [])
    x = Axis(
        ticks=tuple((float(length), count(length)) for length in lengths),
        scale=lambda length: flat.scale(math.log(max(length, 1))),
    )
    y = linear(0.0, 1.0, [(quarter / 4, known_percent(quarter / 4)) for quarter in range(5)])
    at = [msg("table.characters", n=count(length)) for length in lengths]
    pictures = _pictures(
        name, title, lengths, at, lines, (x, y, msg("accuracy.x"), msg("accuracy.y")), 400.0, level=chance
    )
    rows = [[line.name, *_with_ranges(line)] for line in lines]
    columns = [msg("table.network"), *at]
    return Figure(name=name, title=title, pictures=pictures, columns=columns, rows=rows)


def _with_ranges(line: _Line) -> Sequence[str]:
    if not line.lows:
        return line.texts
    spans = zip(line.texts, line.lows, line.highs, strict=True)
    return [mean if low == high else f"{mean} ({percent_range(low, high)})" for mean, low, high in spans]


def gradient(result: Comparison, when: str) -> Figure | None:
    """Gradient against lag before or after training, logarithmic; both share their axes. None if there is no curve."""
    drawn = [
        (style, network, line)
        for style, network in enumerate(result.networks)
        if (line := getattr(network, when)) is not None and line.lags
    ]
    if not drawn:
        return None
    every = [line for n in result.networks for line in (n.before, n.after) if line is not None]
    furthest = max(lag for line in every for lag in line.lags)
    x = linear(0, furthest, [(lag, count(lag)) for lag in round_ticks(0, furthest)])
    y = logarithmic([value for line in every for value in line.values], decade)
    lags = sorted({lag for _, _, line in drawn for lag in line.lags})
    listed = [lag for lag in LAGS if lag <= furthest]
    lags = sorted({*lags[:: max(1, math.ceil(len(lags) / POINTS))], *(set(LAGS) & set(lags)), lags[-1]})
    lines = [_gradient_line(style, network, line, lags) for style, network, line in drawn]
    at = [msg("gradient.at", lag=count(lag)) for lag in lags]
    name, title = f"figure-gradient-{when}", msg(f"gradient.title_{when}")
    axes = (x, y, msg("gradient.x"), msg("gradient.y"))
    with_lines = [network for network in result.networks if network.before or network.after]
    return Figure(
        name=name, title=title,
        pictures=_pictures(name, title, lags, at, lines, axes, 430.0, same_width=with_lines),
        columns=[msg("table.network"), *(msg("gradient.at", lag=count(lag)) for lag in listed)],
        rows=[[summary.name_of(network), *_gradients(line, listed)[1]] for _, network, line in drawn],
    )  # fmt: skip


def _gradient_line(style: int, network: Network, line: GradientLine, lags: Sequence[int]) -> _Line:
    values, texts = _gradients(line, lags)
    name, short = summary.name_of(network), summary.name_of(network, "short")
    return _Line(name=name, short=short, style=style, ys=values, texts=texts)


def _gradients(line: GradientLine, lags: Sequence[int]) -> tuple[list[float], list[str]]:
    """The gradient at these lags, NaN where it was not measured; as numbers and as text."""
    by_lag = dict(zip(line.lags, line.values, strict=True))
    values = [by_lag.get(lag, math.nan) for lag in lags]
    return values, [scientific(value) for value in values]


def _pictures(
    name: str,
    title: Message,
    xs: Sequence[float],
    at: Sequence[Message],
    lines: Sequence[_Line],
    axes: tuple[Axis, Axis, Message, Message],
    height: float,
    *,
    level: Level | None = None,
    same_width: Sequence[Network] = (),
) -> tuple[Picture, ...]:
    """The same curves in every language, wide with the networks' names and narrow with their short ones.

    at: the name of each x. same_width: the networks of all figures whose plots are to be equally wide.
    """

    def content(language: str, short: bool) -> Curves:
        x, y, x_name, y_name = axes
        return Curves(
            title=render(title, language), description=render(msg("page.described"), language),
            x=x, y=y, x_name=render(x_name, language), y_name=render(y_name, language),
            curves=[
                Curve(
                    name=render(line.short if short else line.name, language), style=line.style, xs=xs,
                    ys=line.ys, lows=line.lows, highs=line.highs,
                )
                for line in lines
            ],
            names=[
                render(summary.name_of(n, "short" if short else "networks"), language) for n in same_width
            ],
            levels=[
                Level(
                    value=level.value,
                    name=render(msg(level.name, chance=known_percent(level.value)), language),
                )
            ]
            if level
            else [],
        )  # fmt: skip

    pictures = []
    for language, lang in LANGUAGES.items():
        wide, narrow = content(language, False), content(language, True)
        pictures.append(
            Picture(
                language=language, lang=lang,
                wide=draw_curves(wide, f"{name}-{language}-wide", WIDE, height, "wide"),
                narrow=draw_curves(narrow, f"{name}-{language}-narrow", NARROW, height, "narrow"),
                hover=hover(wide, [line.texts for line in lines], [render(x, language) for x in at]),
            )
        )  # fmt: skip
    return tuple(pictures)


def strips(result: Comparison) -> list[Figure]:
    """Gates and state changes over the pirate king's sentence, one figure a network that has gates."""
    gated = [network for network in result.networks if network.strip is not None and network.strip.gates]
    return [_strip(index, network) for index, network in enumerate(gated)]


def _strip(index: int, network: Network) -> Figure:
    strip = network.strip
    assert strip is not None
    changes = [value for values in strip.change.values() for value in values if math.isfinite(value)]
    top = max([1.0, *changes])
    order = {gate: place for place, gate in enumerate(_GATE_ORDER)}
    gates = sorted(strip.gates, key=lambda gate: order.get(gate, len(order)))
    rows = [
        (gate_name(gate), gate, strip.gates[gate], [unit(value) for value in strip.gates[gate]], 1.0)
        for gate in gates
    ]
    rows += [
        (msg("gates.change", state=state), state, values, [amount(value, 2) for value in values], top)
        for state, values in sorted(strip.change.items())
    ]
    name, heading = f"figure-gates-{index}", summary.name_of(network)
    title = msg("gates.title", network=heading)
    pictures = []
    for language, lang in LANGUAGES.items():
        drawn = [
            Row(
                name=render(label, language), kind=kind, values=values, written=texts, full=full,
            )
            for label, kind, values, texts, full in rows
        ]  # fmt: skip
        words = (render(title, language), render(msg("page.described"), language))
        wide = draw_strip(strip.tokens, drawn, f"{name}-{language}-wide", *words, WIDE, "wide")
        narrow = draw_strip(strip.tokens, drawn, f"{name}-{language}-narrow", *words, NARROW, "narrow")
        pictures.append(Picture(language=language, lang=lang, wide=wide, narrow=narrow))
    return Figure(
        name=name, title=title, heading=heading, pictures=tuple(pictures),
        columns=[msg("gates.character"), *(label for label, *_ in rows)],
        rows=[
            [token, *(texts[t] for _, _, _, texts, _ in rows)] for t, token in enumerate(strip.tokens)
        ],
    )  # fmt: skip


def gate_name(gate: str) -> Message:
    """A gate's label; one that the catalog lacks keeps its letter."""
    return msg(f"gates.row_{gate}" if f"gates.row_{gate}" in table() else "gates.row_other", name=gate)


def step() -> Figure:
    """The diagram of one LSTM step, which no result changes."""
    title = msg("explain.diagram")
    pictures = []
    for language, lang in LANGUAGES.items():
        boxes = {letter: render(msg(f"explain.box_{letter}"), language) for letter in "figo"}
        words = (render(title, language), render(msg("explain.diagram_desc"), language), boxes)
        wide = draw_step(f"figure-step-{language}-wide", *words, 720.0, "wide")
        narrow = draw_step(f"figure-step-{language}-narrow", *words, NARROW, "narrow")
        pictures.append(Picture(language=language, lang=lang, wide=wide, narrow=narrow))
    return Figure(name="figure-step", title=title, pictures=tuple(pictures))
