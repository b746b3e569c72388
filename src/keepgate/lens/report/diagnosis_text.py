"""What a verdict and a report say, from their numbers, in two languages."""

import math

from ...wording import Message, Part, count, msg
from ..diagnosis.diagnosis import Diagnosis
from ..diagnosis.verdict import Findings, Verdict
from .labels import SHORT, render, sentence
from .language import refuse_unknown


def verdict_said(verdict: Verdict, language: str) -> str:
    """What was found and what to do, in one sentence that can follow a name. Raises SettingsError as `said` does."""
    refuse_unknown(language)
    tell = {
        "none": _nothing,
        "exploding": _exploding,
        "saturated": _saturated,
        "forgets": _forgets,
        "untrained": _untrained,
    }[verdict.fault]
    return _spoken(tell(verdict.found), language)


def report_said(diagnosis: Diagnosis, language: str) -> str:
    """The verdict after the layer's name, and under it a line for each figure. Raises SettingsError as `said` does."""
    refuse_unknown(language)
    colon = render(msg("report.colon"), SHORT[language])
    lines = [_horizon(diagnosis), _gradient(diagnosis), _exponents(diagnosis)]
    if len(diagnosis.half_lives):
        lines.append(_half_lives(diagnosis))
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


def _nothing(found: Findings) -> Message:
    return msg("verdict.nothing", horizon=count(found.horizon), needed=count(found.needed))


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
