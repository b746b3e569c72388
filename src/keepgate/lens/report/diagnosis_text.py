"""What a verdict and a report say, from their numbers, in two languages."""

import math

from ...wording import Message, Part, count, msg, percent
from ..diagnosis.answer_quality import AnswerQuality
from ..diagnosis.diagnosis import Diagnosis
from ..diagnosis.verdict import Findings, Verdict
from .labels import SHORT, render, sentence
from .language import refuse_unknown


def verdict_said(verdict: Verdict, language: str) -> str:
    """What was found and what to do, in one sentence that can follow a name. Raises SettingsError as `said` does."""
    refuse_unknown(language)
    tell = {
        "none": _nothing,
        "unknown": _unknown,
        "targets": _targets,
        "padding": _padding,
        "overfitted": _overfitted,
        "exploding": _exploding,
        "saturated": _saturated,
        "forgets": _forgets,
        "untrained": _untrained,
    }[verdict.fault]
    said, quality = tell(verdict.found), verdict.found.evidence.quality
    if quality is not None:
        said = msg("verdict.after", quality=_quality(quality), verdict=said)
    return _spoken(said, language)


def report_said(diagnosis: Diagnosis, language: str) -> str:
    """The verdict after the layer's name, and under it a line for each figure. Raises SettingsError as `said` does."""
    refuse_unknown(language)
    colon = render(msg("report.colon"), SHORT[language])
    lines = [_horizon(diagnosis), _gradient(diagnosis), _exponents(diagnosis)]
    if len(diagnosis.half_lives):
        lines.append(_half_lives(diagnosis))
    if diagnosis.verdict.found.assumed:
        lines.append(_needed(diagnosis))
    padding = diagnosis.verdict.found.evidence.padding
    if padding is not None:
        lines.insert(0, msg(f"report.padding_{padding.side}", share=percent(padding.share)))
    first = f"{diagnosis.name}{colon}{verdict_said(diagnosis.verdict, language)}"
    return "\n".join([first, *(f"  {_spoken(line, language)}" for line in lines)])


def asked_said(questions: int, tokens: int, language: str, *, asks: bool = True) -> str:
    """How many questions about how long texts a model was examined with, or texts alone. Raises as `said` does."""
    refuse_unknown(language)
    key = "report.asked" if asks else "report.texts"
    return _spoken(msg(key, questions=count(questions), tokens=count(tokens)), language)


def _spoken(words: Message, language: str) -> str:
    """A part of a line: in English without the capital of a sentence."""
    return render(words, "en") if language == "en" else sentence(words, SHORT[language])


def _quality(quality: AnswerQuality) -> Message:
    thirds: Part = ""
    if quality.short is not None and quality.long is not None:
        thirds = msg("verdict.thirds", short=_share(quality.short), long=_share(quality.long))
    return msg(
        f"verdict.{quality.kind}",
        value=_share(quality.value),
        guess=_share(quality.guess),
        rows=count(quality.rows),
        thirds=thirds,
    )


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"


def _last(found: Findings) -> Message:
    return msg("verdict.last_one" if found.horizon == 1 else "verdict.last", horizon=count(found.horizon))


def _nothing(found: Findings) -> Message:
    if found.evidence.quality is not None and found.assumed:
        return msg("verdict.good", last=_last(found))
    return msg("verdict.nothing", horizon=count(found.horizon), needed=count(found.needed))


def _unknown(found: Findings) -> Message:
    baseline = found.evidence.baseline
    if found.evidence.quality is None:
        return msg("verdict.unknown", last=_last(found))
    if baseline is None or baseline.needed is not None:
        return msg("verdict.unclear", last=_last(found))
    return msg("verdict.no_signal", last=_last(found))


def _targets(found: Findings) -> Message:
    quality = found.evidence.quality
    return msg("verdict.alike") if quality is None else msg("verdict.large", size=f"{quality.spread:,.0f}")


def _padding(found: Findings) -> Message:
    padding, without = found.evidence.padding, found.evidence.without
    assert padding is not None
    assert without is not None
    return msg("verdict.padding", share=percent(padding.share), quality=_quality(without))


def _overfitted(found: Findings) -> Message:
    quality = found.evidence.quality
    assert quality is not None
    key = "verdict.sure" if quality.kind == "accuracy" else "verdict.vary"
    how = msg(key, excess=_share(quality.excess), sure=_share(quality.sure))
    return msg("verdict.overfitted", how=how)


def _costs(found: Findings) -> dict[str, Part]:
    return {"loss": f"{found.loss:.2f}", "guess": f"{found.guess or 0:.2f}"}


def _exploding(found: Findings) -> Message:
    grown = msg("verdict.no_number")
    if found.decay < 0:
        grown = msg("verdict.grows", steps=f"{-found.decay:.1f}")
    if not found.explodes:
        grown = msg("verdict.apart", rate=f"{100 * math.expm1(found.exponent):.1f}%")
    return msg("verdict.exploding", grown=grown, exponent=f"{found.exponent:+.3f}")


def _saturated(found: Findings) -> Message:
    return msg("verdict.saturated", share=f"{100 * (found.saturated or 0):.0f}%")


def _forgets(found: Findings) -> Message:
    assert found.gone is not None
    told: dict[str, Part] = {"gone": count(found.gone), "needed": count(found.needed)}
    if not found.gated:
        return msg("verdict.ungated", **told)
    half = "" if found.half_life is None else msg("verdict.half", steps=f"{found.half_life:.1f}")
    return msg("verdict.forgets", **told, half=half, T=str(found.needed))


def _untrained(found: Findings) -> Message:
    reaches = msg("verdict.reaches_all")
    if found.gone is not None:
        reaches = msg("verdict.reaches", gone=count(found.gone))
    if found.assumed and found.evidence.quality is not None:
        return msg("verdict.more", reaches=reaches, more=_more(found))
    if found.horizon >= found.needed and found.helps and found.guesses:
        return msg(
            "verdict.guesses",
            horizon=count(found.horizon),
            loss=f"{found.loss:.2f}",
            guess=f"{found.guess:.2f}",
        )
    if found.horizon >= found.needed:
        return msg("verdict.no_help", reaches=reaches)
    return msg("verdict.untrained", reaches=reaches, horizon=count(found.horizon), needed=count(found.needed))


def _more(found: Findings) -> Message:
    """Why there is more to be had than the answers show."""
    baseline = found.evidence.baseline
    if baseline is None or baseline.needed is None:
        return msg("verdict.long_rows")
    return msg("verdict.baseline", needed=count(baseline.needed), skill=_share(baseline.skill))


def _needed(diagnosis: Diagnosis) -> Message:
    """How far back the answers lie, where nobody said it."""
    baseline = diagnosis.verdict.found.evidence.baseline
    if baseline is None or baseline.needed is None:
        return msg("report.assumed", needed=count(diagnosis.needed))
    return msg("verdict.baseline", needed=count(baseline.needed), skill=_share(baseline.skill))


def _horizon(diagnosis: Diagnosis) -> Message:
    low, high = diagnosis.interval
    key = "report.horizon_one" if diagnosis.horizon == 1 else "report.horizon"
    return msg(key, n=count(diagnosis.horizon), low=count(low), high=count(high))


def _gradient(diagnosis: Diagnosis) -> Message:
    decay: Part = msg("report.level")
    if math.isfinite(diagnosis.decay):
        decay = msg(
            "report.decays" if diagnosis.decay > 0 else "report.grows", steps=f"{abs(diagnosis.decay):.1f}"
        )
    if diagnosis.gone is None:
        return msg("report.gradient_all", decay=decay)
    return msg("report.gradient", gone=count(diagnosis.gone), decay=decay)


def _exponents(diagnosis: Diagnosis) -> Message:
    return msg("report.exponents", values=", ".join(f"{value:+.3f}" for value in diagnosis.exponents))


def _half_lives(diagnosis: Diagnosis) -> Message:
    halves = diagnosis.half_lives.sort().values
    middle, longest = float(halves[len(halves) // 2]), float(halves[-1])
    return msg("report.half_lives", middle=f"{middle:.1f}", longest=f"{longest:.1f}")
