"""Matplotlib figures: drawn into the user's Axes, or saved as PNG or PDF."""

import io
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ...errors import SettingsError
from ...wording import Message, amount, count, msg
from ..attribution.look_back import NEGLIGIBLE_VARIANCE
from ..diagnosis.diagnosis import Diagnosis
from ..readers.explanation import DirectionSummary, Explanation
from ..thresholds import VANISHED
from .labels import catalog_language, gate, render, token, worded

# Up to so many tokens are written below an axis.
MAX_TICKS = 60
# Families with Chinese letters; of these, whichever this machine has stands behind matplotlib's own.
CHINESE_FAMILIES = (
    "Noto Sans CJK TC",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft JhengHei",
    "PingFang TC",
)

Draw = Callable[[Any, Any, str], None]


def new_axes(size: tuple[float, float] = (7.2, 3.2)) -> Any:
    """An empty Axes on a figure of this size in inches. Raises SettingsError without matplotlib."""
    try:
        figures = import_module("matplotlib.figure")
    except ImportError as fault:
        raise SettingsError(
            "figures as PNG, PDF or on matplotlib's axes need matplotlib: pip install 'keepgate[figures]'; .svg needs "
            "nothing"
        ) from fault
    return figures.Figure(figsize=size, layout="constrained").subplots()


def plot(numbers: Explanation | Diagnosis, name: str, ax: Any, language: str) -> Any:
    """One figure drawn into an Axes, a new one where it is None; returns the Axes. name: of a figure that there is."""
    ax = new_axes() if ax is None else ax
    plots = EXPLANATION_PLOTS if isinstance(numbers, Explanation) else DIAGNOSIS_PLOTS
    plots[name](numbers, ax, catalog_language(language))
    return ax


def file_bytes(draw: Callable[[Any], Any], form: str, dpi: float) -> bytes:
    """A figure as "png" or "pdf". Raises SettingsError where no font of this machine has its letters."""
    ax = new_axes()
    fonts = import_module("matplotlib.font_manager").fontManager
    installed = {font.name for font in fonts.ttflist}
    families = ["DejaVu Sans", *(family for family in CHINESE_FAMILIES if family in installed)]
    file = io.BytesIO()
    with (
        import_module("matplotlib").rc_context({"font.family": families, "pdf.fonttype": 42}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("error", message="Glyph .* missing")
        draw(ax)
        try:
            ax.figure.savefig(file, format=form, dpi=dpi)
        except UserWarning as missing:
            raise SettingsError(
                f"no font of this machine has a letter of the figure ({missing}); install one, such as Noto Sans "
                "CJK, or save it as .svg"
            ) from missing
    return file.getvalue()


def _label(numbers: Explanation | Diagnosis, ax: Any, language: str, **keys: str) -> None:
    messages = {
        place: worded(numbers, key) if isinstance(numbers, Explanation) else msg(key)
        for place, key in keys.items()
    }
    ax.set(**{place: render(message, language) for place, message in messages.items()})


def _token_ticks(ax: Any, explanation: Explanation) -> None:
    texts = explanation.tokens.texts
    if len(texts) <= MAX_TICKS:
        ax.set_xticks(range(len(texts)), texts, rotation=0 if max(map(len, texts)) < 3 else 90)


def _gates(explanation: Explanation, ax: Any, language: str) -> None:
    rows = [
        (render(gate(name, reverse=part.reverse, short=True), language), values)
        for part in explanation.direction_summaries
        for name, values in part.gates.items()
    ]
    if not rows:
        rows = [(render(msg("gates.effect"), language), explanation.relative_effects)]
    image = ax.imshow([values.tolist() for _, values in rows], vmin=0, vmax=1, cmap="cividis", aspect="auto")
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.figure.colorbar(image, ax=ax)
    _token_ticks(ax, explanation)
    _label(explanation, ax, language, title="gates.title")


def _token_effects(explanation: Explanation, ax: Any, language: str) -> None:
    effects = {
        effect.step: effect.probability_drop if effect.change is None else effect.change
        for effect in explanation.token_effects
    }
    ax.bar(list(effects), list(effects.values()))
    _token_ticks(ax, explanation)
    label = "token.change" if explanation.is_number else "token.share"
    _label(explanation, ax, language, title="token_effects.title", ylabel=label)


def _retention(explanation: Explanation, ax: Any, language: str) -> None:
    for part in explanation.direction_summaries:
        if part.retention is not None:
            side = render(msg("retention.reverse" if part.reverse else "retention.forward"), language)
            ax.plot(part.retention.retained.tolist(), label=side)
    step = explanation.token_effects[0].step
    ax.set(title=render(msg("retention.title", token=token(explanation, step)), language))
    ax.legend()
    _token_ticks(ax, explanation)
    _label(explanation, ax, language, xlabel="retention.x", ylabel="retention.y")


def _half_lives(numbers: Explanation | Diagnosis, ax: Any, language: str) -> None:
    parts: Sequence[Diagnosis | DirectionSummary]
    if isinstance(numbers, Explanation):
        parts, level, unit = numbers.direction_summaries, len(numbers.tokens), "y"
        name = worded(numbers, "half_life.length", n=count(level))
    else:
        parts, level, unit = (numbers,), numbers.needed, "y_steps"
        name = msg("half_life.needed", n=count(level))
    ax.semilogy(sorted(value for part in parts for value in part.half_lives.tolist()))
    _level(ax, level, name, language)
    _label(numbers, ax, language, title="half_life.title", xlabel="half_life.x", ylabel=f"half_life.{unit}")


def _level(ax: Any, value: float, name: Message, language: str) -> None:
    ax.axhline(value, color="gray", linewidth=0.8, label=render(name, language))
    ax.legend()


def _saliency(explanation: Explanation, ax: Any, language: str) -> None:
    ax.semilogy(explanation.relative_saliency.tolist())
    _token_ticks(ax, explanation)
    _label(explanation, ax, language, title="gradient.title", xlabel="gradient.x", ylabel="gradient.y")


def _shares(explanation: Any, ax: Any, language: str) -> None:
    values, names = explanation.step_shares, explanation.shares.features
    most = float(values.abs().max())
    image = ax.imshow(values.T.tolist(), vmin=-most, vmax=most, cmap="RdBu_r", aspect="auto")
    ax.set_yticks(range(len(names)), names)
    ax.figure.colorbar(image, ax=ax)
    _token_ticks(ax, explanation)
    _label(explanation, ax, language, title="number.shares_title")


def _look_back(explanation: Any, ax: Any, language: str) -> None:
    back = explanation.look_back
    ax.plot(back.contexts, back.lost.tolist())
    _level(ax, NEGLIGIBLE_VARIANCE, msg("number.negligible"), language)
    ax.axvline(back.steps)
    _label(
        explanation,
        ax,
        language,
        title="number.look_back_title",
        xlabel="number.look_back_x",
        ylabel="number.look_back_y",
    )


def _gradient(diagnosis: Diagnosis, ax: Any, language: str) -> None:
    ax.semilogy(diagnosis.gradient.tolist(), label=render(msg("gradient.gradient"), language))
    if diagnosis.direct_path is not None:
        ax.semilogy(diagnosis.direct_path.tolist(), "--", label=render(msg("gradient.direct_path"), language))
    _level(ax, VANISHED, msg("gradient.vanished"), language)
    _label(
        diagnosis, ax, language, title="gradient.title_lag", xlabel="gradient.x_lag", ylabel="gradient.y_lag"
    )


def _horizon(diagnosis: Diagnosis, ax: Any, language: str) -> None:
    behaviour = diagnosis.behaviour
    ax.semilogx(behaviour.contexts, behaviour.gap.tolist(), label=render(msg("horizon.gap"), language))
    _level(ax, behaviour.epsilon, msg("horizon.epsilon", value=amount(behaviour.epsilon, 2)), language)
    ax.axvspan(*behaviour.interval, alpha=0.2)
    ax.axvline(behaviour.steps)
    _label(diagnosis, ax, language, title="horizon.title", xlabel="horizon.x", ylabel="horizon.y")


def _series(explanation: Explanation, ax: Any, language: str) -> None:
    """Every feature from its own least to its own greatest value, over the fall without each step."""
    series = explanation.labelled_series
    assert series is not None
    steps = range(1, len(explanation.tokens) + 1)
    for name, values in zip(series.features, series.values.T, strict=True):
        low, reach = values.min(), values.max() - values.min()
        ax.plot(steps, ((values - low) / (reach or 1.0)).tolist(), label=name)
    falls = {effect.step + 1: explanation.weight(effect) for effect in explanation.token_effects}
    ax.bar(
        list(falls), list(falls.values()), color="gray", alpha=0.5, label=render(msg("series.fall"), language)
    )
    ax.legend()
    _label(explanation, ax, language, title="series.title", xlabel="series.x")


EXPLANATION_PLOTS: dict[str, Draw] = {
    "gates": _gates, "token_effects": _token_effects, "retention": _retention, "half_life": _half_lives,
    "saliency": _saliency, "shares": _shares, "look_back": _look_back, "series": _series,
}  # fmt: skip
DIAGNOSIS_PLOTS: dict[str, Draw] = {"half_life": _half_lives, "gradient": _gradient, "horizon": _horizon}
