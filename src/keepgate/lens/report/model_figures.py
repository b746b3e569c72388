"""Figures of a user's model: shares by step and feature, and how much of its answers each look-back keeps."""

from typing import Any

from markupsafe import Markup

from ... import charts
from ...wording import count, msg, percent, significant
from ..attribution.look_back import NEGLIGIBLE_VARIANCE
from .labels import cut, render, signed
from .lag_figure import draw_lags
from .strips import LETTERS, MOST

FEATURES = 12  # at most, those with the largest shares
FEW = 24  # of a longer series only the bars are drawn, all on one line


def draw_shares(explanation: Any, language: str, identity: str, width: float, class_: str) -> Markup:
    """Bars as high as each share is, whatever its sign, with the signed share written at it; of many lags without."""
    values, names = explanation.step_shares, explanation.shares.features
    most = float(values.abs().max()) or 1.0
    first = values.abs().amax(0).topk(min(FEATURES, len(names))).indices.sort().values.tolist()
    title = render(msg("number.shares_title"), language)
    key = "number.held_text" if explanation.shares.kind == "held" else "number.shares_text"
    description = render(msg(key, total=signed(float(values.sum()))), language)
    if len(values) > FEW and explanation.tokens.texts[-1] == "t":
        words = {"title": title, "description": description, "x": render(msg("number.lag"), language)}
        listed = [(names[k], values[:, k].tolist(), signed(float(values[:, k].sum()))) for k in first]
        return draw_lags(listed, range(len(values) - 1, -1, -1), words, identity, width, class_)
    rows = [
        charts.Row(
            name=names[k], kind="o", values=(values[:MOST, k].abs() / most).tolist(),
            written=[significant(value, 2, sign=True) for value in values[:MOST, k].tolist()],
        )
        for k in first
    ]  # fmt: skip
    tokens = [cut(text, LETTERS) for text in explanation.tokens.texts[:MOST]]
    return charts.draw_strip(tokens, rows, identity, title, description, width, class_)


def draw_look_back(explanation: Any, language: str, identity: str, width: float, class_: str) -> Markup:
    """The share of the answers' variance that is lost where all steps before the last few are another row's."""
    back = explanation.look_back
    last, highest = back.contexts[-1], max(1.0, float(back.lost.max()))
    quarters = [(k / 4, percent(k / 4)) for k in range(5)]
    content = charts.Curves(
        title=render(msg("number.look_back_title"), language),
        description=render(msg("number.look_back", n=back.steps, all=last), language),
        x=charts.linear(0, last, [(tick, count(tick)) for tick in charts.round_ticks(0, last)]),
        y=charts.linear(0, highest, quarters),
        x_name=render(msg("number.look_back_x"), language), y_name=render(msg("number.look_back_y"), language),
        curves=[charts.Curve(name="", style=3, xs=back.contexts, ys=back.lost.tolist())],
        levels=[charts.Level(value=NEGLIGIBLE_VARIANCE, name=render(msg("number.negligible"), language))],
    )  # fmt: skip
    return charts.draw_curves(content, identity, width, 320.0, class_)
