"""The report's pictures: which values go into each, in both languages and for a wide and a narrow page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
)
from ..result import Comparison, GradientLine, Network
from . import text as sentences
from .labels import render

WIDE, NARROW = 1000.0, 372.0  # the pictures' natural widths: a page of 1280 pixels, a page of 400
POINTS = 90  # a curve of the gradient needs no more: one for each ten pixels
_READINGS = {
    "last": 0,
    "attention": 3,
}  # their styles; the networks' own begin at 0 in the order of the table
LAGS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # those in the table beside the picture


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture in one language, at two widths; hover: JSON of the values beside the pointer, or nothing."""

    language: str
    lang: str
    wide: Markup
    narrow: Markup
    hover: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture in all languages with its numbers as a table; said: the sentences under it; lanes: if it has any."""

    name: str
    title: Message
    pictures: tuple[Picture, ...]
    columns: Sequence[Part] = ()
    rows: Sequence[Sequence[Part]] = ()
    said: Sequence[Message] = ()
    heading: Message | str = ""
    lanes: bool = False


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One curve before it has a language: its names, its style, and its values with how they are written."""

    name: Message | str
    short: Message | str
    style: int
    ys: Sequence[float]
    written: Sequence[str]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()


def accuracy(result: Comparison) -> Figure | None:
    """Accuracy against length, one line a network, with chance; None if nothing was measured."""
    lines = [
        _accuracy_line(
            sentences.name_of(network),
            sentences.name_of(network, "short"),
            style,
            [sentences.accuracies(network, length) for length in result.lengths],
        )
        for style, network in enumerate(result.networks)
        if network.runs
    ]
    if not lines or not result.lengths:
        return None
    chance = known_percent(result.chance)
    levels = [(result.chance, msg("accuracy.chance", chance=chance))]
    return _against_length("figure-accuracy", msg("accuracy.title"), result.lengths, lines, levels)


def facts(result: Comparison) -> Figure | None:
    """Accuracy against length with several facts at the front, a line a way of reading; None without the experiment."""
    lengths = sorted({length for reading in result.readings for length in reading.accuracy})
    if not lengths:
        return None
    lines = []
    for place, reading in enumerate(result.readings):
        values = [sentences.known(reading, length) for length in lengths]
        name = sentences.named("readings", reading.name)
        lines.append(_accuracy_line(name, name, _READINGS.get(reading.name, place), values))
    guess = msg("facts.guess", n=count(result.facts), share=known_percent(1 / result.facts))
    title = msg("facts.title", n=count(result.facts))
    return _against_length("figure-facts", title, lengths, lines, [(1 / result.facts, guess)])


def _accuracy_line(
    name: Message | str, short: Message | str, style: int, values: Sequence[Sequence[float]]
) -> _Line:
    means = [sum(known) / len(known) if known else math.nan for known in values]
    several = any(len(known) > 1 for known in values)
    return _Line(
        name=name,
        short=short,
        style=style,
        ys=means,
        written=[percent(mean) for mean in means],
        lows=[min(known, default=math.nan) for known in values] if several else (),
        highs=[max(known, default=math.nan) for known in values] if several else (),
    )


def _against_length(
    name: str,
    title: Message,
    lengths: Sequence[int],
    lines: Sequence[_Line],
    levels: Sequence[tuple[float, Message]],
) -> Figure:
    """Shares of right answers over lengths, which stand at equal factors from one another."""
    places = {length: math.log(max(length, 1)) for length in lengths}
    ticks = tuple((float(length), count(length)) for length in lengths)
    span = (min(places.values()), max(places.values()))
    flat = linear(*span, [])
    x = Axis(ticks=ticks, scale=lambda length: flat.scale(math.log(max(length, 1))))
    y = linear(0.0, 1.0, [(quarter / 4, known_percent(quarter / 4)) for quarter in range(5)])
    at = [msg("table.characters", n=count(length)) for length in lengths]
    axes = (x, y, msg("accuracy.x"), msg("accuracy.y"))
    pictures = _pictures(name, title, lengths, at, lines, axes, levels, (400.0, 400.0))
    columns = [msg("table.network"), *at]
    return Figure(
        name=name,
        title=title,
        pictures=pictures,
        columns=columns,
        rows=[[line.name, *_with_range(line)] for line in lines],
    )


def _with_range(line: _Line) -> list[str]:
    if not line.lows:
        return list(line.written)
    spans = zip(line.written, line.lows, line.highs, strict=True)
    return [mean if low == high else f"{mean} ({percent_range(low, high)})" for mean, low, high in spans]


def gradient(result: Comparison, when: str) -> Figure | None:
    """Gradient against lag before or after training, logarithmic; both share their axes. None if there is no line."""
    known = [
        (style, n, getattr(n, when))
        for style, n in enumerate(result.networks)
        if getattr(n, when) is not None
    ]
    known = [(style, network, line) for style, network, line in known if line.lags]
    if not known:
        return None
    everything = [line for n in result.networks for line in (n.before, n.after) if line is not None]
    y = logarithmic([value for line in everything for value in line.values], decade)
    furthest = max(lag for line in everything for lag in line.lags)
    x = linear(0, furthest, [(lag, count(lag)) for lag in _round_steps(furthest)])
    lags = _thinned(sorted({lag for _, _, line in known for lag in line.lags}), [line for *_, line in known])
    lines = [_gradient_line(style, network, line, lags) for style, network, line in known]
    title = msg(f"gradient.title_{when}")
    name = f"figure-gradient-{when}"
    axes = (x, y, msg("gradient.x"), msg("gradient.y"))
    at = [msg("gradient.at", lag=count(lag)) for lag in lags]
    others = [network for network in result.networks if network.before or network.after]
    pictures = _pictures(name, title, lags, at, lines, axes, (), (420.0, 460.0), others)
    listed = [lag for lag in LAGS if lag <= furthest]
    rows = [
        [sentences.name_of(network), *(_written(line, lag) for lag in listed)] for _, network, line in known
    ]
    said = sentences.gradient(result, when)
    said += sentences.scaled_up(result) if when == "before" else []
    return Figure(
        name=name,
        title=title,
        pictures=pictures,
        columns=[msg("table.network"), *(msg("gradient.at", lag=count(lag)) for lag in listed)],
        rows=rows,
        said=said,
        lanes=y.below is not None or y.above is not None,
    )


def _gradient_line(style: int, network: Network, line: GradientLine, lags: Sequence[int]) -> _Line:
    by_lag = dict(zip(line.lags, line.values, strict=True))
    values = [by_lag.get(lag, math.nan) for lag in lags]
    return _Line(
        name=sentences.name_of(network),
        short=sentences.name_of(network, "short"),
        style=style,
        ys=values,
        written=[scientific(value) for value in values],
    )


def _written(line: GradientLine, lag: int) -> str:
    return scientific(dict(zip(line.lags, line.values, strict=True)).get(lag, math.nan))


def _thinned(lags: Sequence[int], lines: Sequence[GradientLine]) -> list[int]:
    """So many lags that curves stay curves, and every lag at which one reaches or leaves zero, infinity or NaN."""
    step = max(1, math.ceil(len(lags) / POINTS))
    turns = {
        lag
        for line in lines
        for (before, was), (after, is_) in zip(_points(line), _points(line)[1:], strict=False)
        if _sort(was) != _sort(is_)
        for lag in (before, after)
    }
    shown = {lag for lag in LAGS if lag in set(lags)}
    return sorted({*lags[::step], lags[-1], *shown, *turns})


def _points(line: GradientLine) -> list[tuple[int, float]]:
    return list(zip(line.lags, line.values, strict=True))


def _sort(value: float) -> str:
    return "zero" if value == 0 else "number" if math.isfinite(value) else str(value)


def _round_steps(furthest: int) -> list[int]:
    """0 and the multiples of a round number up to the furthest, at most six steps."""
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000) if furthest / s <= 6), None)
    step = step or 10 ** math.ceil(math.log10(furthest / 6))
    return list(range(0, furthest + 1, step))


def _pictures(
    name: str,
    title: Message,
    xs: Sequence[float],
    at: Sequence[Message],
    lines: Sequence[_Line],
    axes: tuple[Axis, Axis, Message, Message],
    levels: Sequence[tuple[float, Message]],
    heights: tuple[float, float],
    beside: Sequence[Network] = (),
) -> tuple[Picture, ...]:
    """The same curves in every language, wide with the networks' names and narrow with their short ones.

    beside: networks of the pictures that are to have plots of the same width.
    """

    def content(language: str, short: bool) -> Curves:
        speech: Callable[[Part], str] = lambda words: render(words, language)  # noqa: E731
        x, y, x_name, y_name = axes
        curves = [
            Curve(
                name=speech(line.short if short else line.name),
                style=line.style,
                xs=xs,
                ys=line.ys,
                lows=line.lows,
                highs=line.highs,
            )
            for line in lines
        ]
        told = (msg("accuracy.describe", network=line.name, values=_told(line, at)) for line in lines)
        return Curves(
            title=speech(title),
            description=" ".join(speech(one) for one in told),
            x=x,
            y=y,
            x_name=speech(x_name),
            y_name=speech(y_name),
            curves=curves,
            names=[speech(sentences.name_of(n, "short" if short else "networks")) for n in beside],
            levels=[Level(value=value, name=speech(words)) for value, words in levels],
        )

    drawn = []
    for language, lang in LANGUAGES.items():
        wide, narrow = content(language, False), content(language, True)
        values = [line.written for line in lines]
        drawn.append(
            Picture(
                language=language,
                lang=lang,
                wide=draw_curves(wide, f"{name}-{language}-wide", WIDE, heights[0], "wide"),
                narrow=draw_curves(narrow, f"{name}-{language}-narrow", NARROW, heights[1], "narrow"),
                hover=hover(wide, values, [render(place, language) for place in at]),
            )
        )
    return tuple(drawn)


def _told(line: _Line, at: Sequence[Message]) -> list[Message]:
    """A curve in words: its values at no more than five places."""
    step = max(1, math.ceil(len(at) / 5))
    places = sorted({*range(0, len(at), step), len(at) - 1})
    return [msg("accuracy.value", share=line.written[place], length=at[place]) for place in places]


def strips(result: Comparison) -> list[Figure]:
    """The gates and the changes of state under the article's sentence, one figure a network that has gates."""
    shown = [n for n in result.networks if n.strip is not None and n.strip.gates]
    return [_strip(place, network) for place, network in enumerate(shown)]


def _strip(place: int, network: Network) -> Figure:
    strip = network.strip
    assert strip is not None
    top = max(
        [value for values in strip.change.values() for value in values if math.isfinite(value)], default=1.0
    )
    rows = [
        (sentences.gate_name(gate, "gates.row"), gate, values, 1.0, [amount(value, 2) for value in values])
        for gate in sentences.in_order(strip.gates)
        for values in [strip.gates[gate]]
    ]
    rows += [
        (
            msg("gates.change", state=state),
            state,
            values,
            max(top, 1.0),
            [amount(value, 2) for value in values],
        )
        for state, values in sorted(strip.change.items())
    ]
    name = f"figure-gates-{place}"
    heading = sentences.name_of(network)
    title = msg("gates.title", network=heading)
    keeper = "f" if "f" in strip.gates else "z"
    said = sentences.gates(strip, keeper)
    pictures = []
    for language, lang in LANGUAGES.items():
        drawn = [
            Row(name=render(words, language), kind=kind, values=values, written=written, full=full)
            for words, kind, values, full, written in rows
        ]
        words = (render(title, language), " ".join(render(one, language) for one in said))
        wide = draw_strip(strip.tokens, drawn, f"{name}-{language}-wide", *words, WIDE, "wide")
        narrow = draw_strip(strip.tokens, drawn, f"{name}-{language}-narrow", *words, NARROW, "narrow")
        pictures.append(Picture(language=language, lang=lang, wide=wide, narrow=narrow))
    table = [[token, *(row[4][t] for row in rows)] for t, token in enumerate(strip.tokens)]
    return Figure(
        name=name,
        title=title,
        heading=heading,
        pictures=tuple(pictures),
        columns=[msg("gates.character"), *(row[0] for row in rows)],
        rows=table,
        said=said,
    )


def step() -> Figure:
    """One step of an LSTM, which no result changes."""
    title = msg("explain.diagram")
    pictures = []
    for language, lang in LANGUAGES.items():
        words = {letter: render(msg(f"explain.box_{letter}"), language) for letter in "figo"}
        told = (render(title, language), render(msg("explain.diagram_desc"), language), words)
        wide = draw_step(f"figure-step-{language}-wide", *told, 720.0, "wide")
        narrow = draw_step(f"figure-step-{language}-narrow", *told, NARROW, "narrow")
        pictures.append(Picture(language=language, lang=lang, wide=wide, narrow=narrow))
    return Figure(name="figure-step", title=title, pictures=tuple(pictures))
