"""A labelled series along time: its values, how much of the label hangs on each step, and the gates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from ...charts import round_ticks
from ...charts.curves import breadth
from ...charts.svg import path, picture, tag, text
from ...data.labelled_series import LabelledSeries
from ...wording import Message, count, msg, percent, sanitize, significant
from ..readers.explanation import Explanation
from . import explanation_text, strips
from .arcs import arcs, dots, legend
from .labels import cut, paragraph, render

FEATURES = 6  # drawn at most, the first ones
# Heights: a row's name, a feature's line, a lane of bars, the gap below each, and from the steps' numbers to the dots.
NAME, LINE, LANE, GAP, AXIS = 20.0, 58.0, 26.0, 10.0, 22.0
RIGHT, SIZE = 10.0, 13.0  # room at the right; letters of ticks and names
PER_TICK = 90.0  # pixels between two numbers of steps, at least
VISIBLE = 0.05  # pixels: lower bars are not drawn


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One value a step: a line, or bars of a class; the scale from `low` to `high`, and how these are written.

    values: None where there is none, a step that was not left out.
    """

    name: str
    values: Sequence[float | None]
    low: float
    high: float
    written: tuple[str, str]
    bars: str | None = None

    @property
    def height(self) -> float:
        return LANE if self.bars else LINE

    def reach(self, value: float) -> float:
        """How high a value stands, in pixels over the row's foot."""
        return min(1.0, (value - self.low) / ((self.high - self.low) or 1.0)) * self.height


def lead(explanation: Explanation) -> list[Message]:
    """What the picture shows: features, falls of the probability, and the gates, where there are any."""
    series = explanation.labelled_series
    assert series is not None
    features, steps, ablations = len(series.features), len(explanation.tokens), len(explanation.token_effects)
    return [
        msg("series.lines"),
        *([msg("series.first", n=FEATURES, all=features)] if features > FEATURES else []),
        msg("series.tried", n=ablations, all=steps) if ablations < steps else msg("series.falls"),
        *([msg("series.gates")] if any(summary.gates for summary in explanation.direction_summaries) else []),
        msg("series.numbers"),
    ]


def draw_series(explanation: Explanation, language: str, identity: str, width: float, class_: str) -> Markup:
    """The picture of a labelled series, `width` wide in its own pixels."""
    series = explanation.labelled_series
    assert series is not None
    steps, top_arcs = len(explanation.tokens), arcs(explanation)
    rows = [*_feature_rows(series), *_lanes(explanation, language)]
    left = max(breadth(end, SIZE) for row in rows for end in row.written) + 10

    def across(step: float) -> float:
        return left + (width - RIGHT - left) * step / steps

    centres = [across(arc.step + 0.5) for arc in top_arcs]
    parts: list[Markup] = []
    top = 0.0
    for row in rows:
        top += NAME
        parts += [tag("line", x1=x, x2=x, y1=top, y2=top + row.height, class_="leader") for x in centres]
        parts += _row(row, across, top)
        top += row.height + GAP
    ticks = round_ticks(1, steps, max(1, int((width - left) / PER_TICK)))
    parts += [
        text(across(step - 0.5), top + 8, count(step), "tick", "middle") for step in ticks if step < steps
    ]
    parts.append(text(width - RIGHT, top + 8, count(steps), "tick", "end"))
    parts.append(text(0, top + 8, render(msg("series.x"), language), "axis"))
    labels = [sanitize(render(arc.label, language)) for arc in top_arcs]
    proofs, height = legend(labels, top + AXIS + 58, width)
    gates = strips.description(explanation) if explanation.gated else []
    return picture(
        identity, render(msg("series.title"), language),
        paragraph([*explanation_text.conclusion(explanation), *gates], language), width, height,
        *parts, *dots(centres, top + AXIS, width), *proofs, class_=class_,
    )  # fmt: skip


def _feature_rows(series: LabelledSeries) -> list[_Row]:
    """The values of each feature, in its own units, from the least to the greatest."""
    columns = zip(series.features[:FEATURES], series.values.T.tolist(), strict=False)
    return [
        _Row(
            name=cut(name), values=values, low=min(values), high=max(values),
            written=(significant(min(values), 4), significant(max(values), 4)),
        )
        for name, values in columns
    ]  # fmt: skip


def _lanes(explanation: Explanation, language: str) -> list[_Row]:
    """The fall of the label's probability without each step, on a scale of its own, and each gate, 0 to 1."""
    falls: list[float | None] = [None] * len(explanation.tokens)
    for effect in explanation.token_effects:
        falls[effect.step] = explanation.weight(effect)
    most = max(fall for fall in falls if fall is not None)
    return [
        _Row(
            name=render(msg("series.fall"), language), values=falls,
            low=0.0, high=most or 1.0, written=("0", percent(most)), bars="mark bar series-1",
        ),
        *(
            _Row(
                name=render(row.short, language), values=row.values, low=0.0, high=1.0, written=("0", "1"),
                bars=f"fill gate-{row.letter.removeprefix('←')}",
            )
            for row in strips.rows(explanation) if row.absolute
        ),
    ]  # fmt: skip


def _row(row: _Row, across: Callable[[float], float], top: float) -> list[Markup]:
    """One row: its name, the ends of its scale, and its line or bars."""
    left, right, foot = across(0), across(len(row.values)), top + row.height
    parts = [
        text(left, top - 5, row.name, "row-name"),
        text(left - 6, foot, row.written[0], "tick", "end"),
    ]
    if row.high > row.low:
        parts.append(text(left - 6, top + 10, row.written[1], "tick", "end"))
    places = [(step, row.reach(value)) for step, value in enumerate(row.values) if value is not None]
    if row.bars is None:
        grid = tag("line", x1=left, x2=right, y1=foot, y2=foot, class_="grid")
        points = [(across(step + 0.5), foot - height) for step, height in places]
        return [*parts, grid, path(points, "line series-3")]
    cell = across(1) - left
    bars = [
        tag("rect", x=across(step), y=foot - height, width=max(0.7, 0.9 * cell), height=height, class_=row.bars)
        for step, height in places if height > VISIBLE
    ]  # fmt: skip
    return [*parts, *_troughs([step for step, _ in places], across, top), *bars]


def _troughs(steps: Sequence[int], across: Callable[[float], float], top: float) -> list[Markup]:
    """The ground of a lane's bars, under each run of steps that have a value."""
    runs = [list(run) for _, run in groupby(enumerate(steps), key=lambda place: place[1] - place[0])]
    return [
        tag(
            "rect", x=across(run[0][1]), y=top, width=across(run[-1][1] + 1) - across(run[0][1]), height=LANE,
            class_="trough", fill_opacity=0.6,
        )
        for run in runs
    ]  # fmt: skip
