"""Text of a verdict and of a diagnosis, from their numbers, in two languages; the catalog formats the numbers."""

import math
from collections.abc import Sequence
from typing import Any

from ...wording import Message, msg, percent
from ..diagnosis.answer_quality import GOOD, AnswerQuality
from ..diagnosis.diagnosis import Diagnosis
from ..diagnosis.padding import Padding
from ..diagnosis.ridge_baseline import Baseline
from ..diagnosis.row_horizons import SHARE, RowHorizons
from ..diagnosis.verdict import Fault, Findings, TargetFault, Verdict
from .labels import catalog_language, render, sentence

# So many labels, or columns, are named at most.
LABELS = 4
# Targets in padding are worth a word from this share of all on.
PADDED = 0.1


def verdict_text(verdict: Verdict, language: str) -> str:
    """The fault and its remedy as one sentence that can follow a name. Raises SettingsError for an unknown language."""
    return phrase(_verdict(verdict), catalog_language(language))


def diagnosis_text(diagnosis: Diagnosis, language: str) -> str:
    """The verdict after the layer's name, and a line for each figure. Raises SettingsError as `verdict_text` does."""
    short = catalog_language(language)
    verdict = (
        f"{diagnosis.name}{render(msg('report.colon'), short)}{verdict_text(diagnosis.verdict, language)}"
    )
    figures = [f"  {phrase(figure, short)}" for figure in _figures(diagnosis)]
    return "\n".join([verdict, *figures])


def phrase(message: Message, language: str) -> str:
    """A message that need not begin a sentence: in English without a capital."""
    return render(message, language) if language == "en" else sentence(message, language)


def _verdict(verdict: Verdict) -> Message:
    quality, message = verdict.findings.evidence.quality, _noted(verdict, _fault(verdict))
    return message if quality is None else msg("verdict.after", quality=_quality(quality), verdict=message)


def _noted(verdict: Verdict, message: Message) -> Message:
    """The message with what else shows of the answers, where the fault does not explain it."""
    findings = verdict.findings
    quality, confusion = findings.evidence.quality, findings.evidence.confusion
    if verdict.fault not in ("none", "unknown", "untrained", "forgets", "overfitted"):
        return message
    if confusion.only is not None:
        label, share = confusion.only
        message = msg("verdict.only", label=label, share=share, verdict=message)
    if confusion.rare and verdict.fault != "forgets":
        message = msg("verdict.never", verdict=message, labels=_labels(confusion.rare))
    if quality is not None and quality.flat and not (findings.as_drawn or findings.flat):
        message = msg("verdict.flat_too", verdict=message, flat=_flat(quality))
    for note in _notes(verdict):
        message = msg("verdict.noted", verdict=message, note=note)
    return message


def _notes(verdict: Verdict) -> list[Message]:
    """What else is seen of the data and the head, as sentences: none of it need be a fault."""
    evidence, notes = verdict.findings.evidence, []
    if evidence.by_length >= GOOD:
        notes.append(msg("verdict.length", skill=evidence.by_length))
    if evidence.away is not None:
        how = "same" if evidence.away.same else "column"
        notes.append(msg(f"verdict.away_{how}", column=evidence.away.column, skill=evidence.away.skill))
    if evidence.probabilities is not None:
        floor = math.log1p((evidence.probabilities - 1) / math.e)
        notes.append(msg("verdict.probabilities", floor=floor, classes=evidence.probabilities))
    if evidence.padding is not None and evidence.padding.targets > PADDED:
        notes.append(msg("verdict.padded_targets", share=percent(evidence.padding.targets)))
    if verdict.findings.begun and verdict.fault in ("none", "overfitted"):
        notes.append(msg("verdict.begun"))
    return notes


def _flat(quality: AnswerQuality) -> Message:
    """How little numbers differ, and what may be why."""
    spread = math.sqrt(quality.sure) * quality.deviation
    return msg("verdict.flat", answers=spread, targets=quality.deviation)


def _labels(labels: Sequence[tuple[int, float]]) -> list[str | Message]:
    """Labels with their shares of the targets, the most frequent first."""
    return [msg("verdict.label", label=label, share=share) for label, share in labels[:LABELS]]


def _of_answers(findings: Findings, fault: Fault) -> Message | None:
    """What is said of targets, and of answers that go against them or are others at each call."""
    if findings.target_fault is not None:
        return _targets(findings, findings.target_fault)
    if fault == "varies":
        return msg(f"verdict.varies_{findings.evidence.varies}")
    exchanged = findings.evidence.confusion.exchanged
    if fault == "scale":
        return _scale(findings)
    bound, only = findings.evidence.bound, findings.evidence.confusion.only
    if fault == "bounded" and bound is not None:
        return msg(f"verdict.{'below' if bound.below else 'above'}", bound=bound.bound, share=bound.share)
    if fault == "constant" and only is not None and not findings.evidence.constant:
        label, share = only
        sure = 0.0 if findings.evidence.quality is None else findings.evidence.quality.sure
        return msg("verdict.one_label", label=label, share=share, sure=sure)
    if fault == "contrary" and exchanged:
        pairs = [msg("verdict.as_label", label=label, other=other) for label, other in exchanged[:LABELS]]
        return msg("verdict.exchanged", pairs=pairs)
    return None


def _scale(findings: Findings) -> Message | None:
    """Numbers of another scale than those that the model learnt from."""
    unfit, quality = findings.evidence.unfit, findings.evidence.quality
    if unfit is not None:
        return msg("verdict.unfit", **vars(unfit))
    if quality is None:
        return None
    size = "" if findings.given_size is None else msg("verdict.given", size=findings.given_size)
    spread, away = math.sqrt(quality.sure), quality.off_mean
    return msg("verdict.off_scale", times=quality.times_worse, spread=spread, away=away, given=size)


def _targets(findings: Findings, fault: TargetFault) -> Message:
    """What is wrong with the targets."""
    evidence = findings.evidence
    if fault == "wild" and evidence.wild is not None:
        return msg("verdict.wild", **vars(evidence.wild))
    if fault == "large" and evidence.quality is not None:
        return msg("verdict.large", spread=evidence.quality.spread)
    if fault == "shift" and evidence.shift is not None:
        shift = evidence.shift
        which = f"verdict.{shift.over}_{'later' if shift.places > 0 else 'before'}"
        return msg("verdict.shift", which=msg(which, n=abs(shift.places)), skill=shift.skill)
    if fault == "missing":
        confusion = evidence.confusion
        return msg("verdict.missing", labels=_labels(confusion.never), others=confusion.others)
    return msg("verdict.alike_last" if evidence.each_step else "verdict.alike")


def _quality(quality: AnswerQuality) -> Message:
    thirds = "" if quality.short is None else msg("verdict.thirds", **vars(quality))
    value = round(quality.value, 2) + 0.0  # without the sign of -0
    return msg(f"verdict.{quality.kind}", **vars(quality) | {"kind": None, "value": value, "thirds": thirds})


def _fault(verdict: Verdict) -> Message:
    findings, fault = verdict.findings, verdict.fault
    if findings.begun and fault in ("forgets", "untrained", "unknown"):
        return msg("verdict.backward", needed=findings.needed)
    message = _of_answers(findings, fault) or _of_training(findings, fault)
    if message is None and findings.goes_by_answers:
        message = _measured(findings, fault)
    if message is not None:
        return message
    if fault == "exploding":
        growth = "apart" if not findings.explodes else "grows" if findings.decay < 0 else "no_number"
        rate, steps = math.expm1(findings.exponent), -findings.decay
        cause = msg(f"verdict.{growth}", rate=rate, steps=steps)
        if findings.weights is not None and findings.large_weights:
            return msg("verdict.steps_explode", cause=cause, ratio=findings.weights.ratio)
        return msg("verdict.exploding", cause=cause, exponent=findings.exponent)
    if fault == "forgets":
        if findings.weights is not None and findings.large_weights:
            ratio = findings.weights.ratio
            return msg("verdict.steps_forget", how=_lost(findings), needed=findings.needed, ratio=ratio)
        half = "" if findings.half_life is None else msg("verdict.half_life", steps=findings.half_life)
        key = "verdict.forgets" if findings.gated else "verdict.ungated"
        return msg(key, how=_lost(findings), needed=findings.needed, half=half)
    if fault == "untrained" and findings.as_drawn:
        return _drawn(findings)
    if fault == "untrained":
        return msg(f"verdict.{_untrained(findings)}", **_numbers(findings), reach=_reach(findings))
    if fault == "saturated":
        return _saturated(findings)
    return msg(f"verdict.{fault}", **_numbers(findings))


def _of_training(findings: Findings, fault: Fault) -> Message | None:
    """What is said of states that are detached, and of what a few steps of training do."""
    if fault == "forgets" and findings.cut_off:
        return msg("verdict.detached", steps=findings.detached, needed=findings.needed)
    trial, quality = findings.trial, findings.evidence.quality
    baseline = _baseline(findings.evidence.baseline)
    if trial is None or fault not in ("unknown", "untrained") or findings.as_drawn:
        return None
    lost_on_long_rows = quality is not None and quality.lost_on_long_rows
    more = baseline or (msg("verdict.long_rows") if lost_on_long_rows else None)
    signal = msg("verdict.signal", reach=_reach(findings))
    if more is not None:
        signal = msg("verdict.signal_and", signal=signal, more=more)
    if fault == "unknown":
        return msg("verdict.unlearnt", signal=signal, steps=trial.steps, change=-trial.fell)
    long = msg("verdict.as_long") if lost_on_long_rows else ""
    return msg("verdict.trial", signal=signal, steps=trial.steps, fell=trial.fell, long=long)


def _drawn(findings: Findings) -> Message:
    """A layer whose weights are as they were drawn, whatever stands behind it."""
    quality = findings.evidence.quality
    alone = quality is not None and not quality.no_better_than_guessing
    message = msg("verdict.drawn_alone" if alone else "verdict.drawn")
    if not (findings.gated and findings.vanishes()):
        return message
    needed, lag = findings.needed, findings.vanishing_lag
    return msg("verdict.drawn_gone", verdict=message, needed=needed, vanishing_lag=lag)


def _saturated(findings: Findings) -> Message:
    """How often gates, or states, stand at their ends, with what shows to hold them there."""
    at_least = "mostly" if findings.gated else "often"
    often = "always" if round(findings.saturated or 0.0, 2) == 1 else at_least
    ends = msg(
        f"verdict.{'gates' if findings.gated else 'states'}",
        often=msg(f"verdict.{often}", saturated=findings.saturated),
    )
    if findings.given_large:
        return msg("verdict.large_input", ends=ends, input_size=findings.input_size, where=_columns(findings))
    if findings.weights is not None and findings.large_weights:
        return msg("verdict.large_weights", ends=ends, ratio=findings.weights.ratio)
    if findings.reads_large:
        return msg("verdict.large_made", ends=ends, input_size=findings.input_size)
    return msg("verdict.saturated", ends=ends)


def _columns(findings: Findings) -> Message | str:
    """In which features of the input the large numbers are."""
    columns = [msg("verdict.in_column", column=k, size=size) for k, size in findings.large_columns[:LABELS]]
    return msg("verdict.in_columns", columns=columns) if columns else ""


def _numbers(findings: Findings) -> dict[str, Any]:
    return {
        name: value for name, value in vars(findings).items() if name not in ("evidence", "rows", "weights")
    }


def _measured(findings: Findings, fault: Fault) -> Message | None:
    """What is said where the verdict goes by the answers, or of the targets; None for what is said alike."""
    evidence, baseline = findings.evidence, findings.evidence.baseline
    last = _last(findings.horizon)
    quality = evidence.quality
    if quality is None:
        return msg("verdict.unknown", last=last) if fault == "unknown" else None
    if fault == "none":
        return msg("verdict.good", where=_where(findings.rows, last))
    if fault == "unknown":
        more = _baseline(baseline)
        if evidence.more and quality.surer_than_right:
            where = _where(findings.rows, last)
            return msg("verdict.by_heart", where=where, more=more, needed=findings.needed)
        if evidence.more:
            return msg("verdict.either", reach=_reach(findings), more=more)
        read = baseline is None or baseline.needed is not None
        return msg("verdict.unclear" if read else "verdict.no_signal", last=last)
    if fault == "padding" and evidence.padding is not None:
        return _padding(findings, evidence.padding)
    if fault == "extrapolates":
        return msg("verdict.extrapolates", limit=quality.limit)
    if fault == "overfitted":
        key = "verdict.sure" if quality.kind == "accuracy" else "verdict.vary"
        return msg("verdict.overfitted", how=msg(key, excess=quality.excess, sure=quality.sure))
    if fault == "untrained" and not findings.as_drawn:
        more = _baseline(baseline) or msg("verdict.long_rows")
        if findings.flat:
            return msg("verdict.broadcast", flat=_flat(quality), reach=_reach(findings), more=more)
        return msg("verdict.more", reach=_reach(findings), more=more)
    return None


def _padding(findings: Findings, padding: Padding) -> Message:
    """What padding does, and what to do about it."""
    share, without = percent(padding.share), findings.evidence.without
    if padding.misplaced or without is None:
        return msg("verdict.misplaced", share=share)
    quality = _quality(without)
    again = msg(f"verdict.{'as_it_is' if findings.evidence.good_without else 'train_again'}")
    if padding.side == "start":
        return msg("verdict.padding_before", share=share, quality=quality, again=again)
    how = "" if findings.head is None else f"_{findings.head}"
    return msg(
        "verdict.padding", share=share, reads=msg(f"verdict.reads{how}"), quality=quality, again=again,
        remedy=msg(f"verdict.remedy{how}"), both=msg("verdict.backwards") if findings.both else "",
    )  # fmt: skip


def _where(rows: RowHorizons | None, last: Message) -> Message:
    """How far back the answers lie; where too few rows are counted, on how much they depend on the mean."""
    if rows is None:
        return msg("verdict.depend", last=last)
    if rows.interval is None:
        return msg("verdict.few_rows", last=last, rows=rows.rows)
    low, high = rows.interval
    return msg(
        "verdict.within", last=_last(rows.steps), low=low, high=high, rows=rows.rows, share=SHARE, what=_what(rows)
    )  # fmt: skip


def _last(steps: int) -> Message:
    return msg("verdict.last", horizon=steps)


def _what(rows: RowHorizons) -> Message:
    return msg("verdict.right_answers" if rows.right else "verdict.answers")


def _baseline(baseline: Baseline | None) -> Message | None:
    if baseline is None or baseline.needed is None:
        return None
    low, high = baseline.interval or (baseline.needed, baseline.needed)
    return msg("verdict.baseline", needed=baseline.needed, low=low, high=high, skill=baseline.skill)


def _lost(findings: Findings) -> Message:
    """What shows that it forgets: the learning signal that is gone, or answers that rest on too few steps."""
    if findings.vanishes():
        return msg("verdict.gone", vanishing_lag=findings.vanishing_lag)
    return _where(findings.rows, _last(findings.horizon))


def _reach(findings: Findings) -> Message:
    """How far back the learning signal arrives."""
    key = "verdict.reach_all" if findings.vanishing_lag is None else "verdict.reach"
    return msg(key, vanishing_lag=findings.vanishing_lag)


def _untrained(findings: Findings) -> str:
    """The key of what an untrained network lacks."""
    if findings.horizon < findings.needed:
        return "untrained"
    return "guesses" if findings.context_helps and findings.guesses else "no_help"


def _figures(diagnosis: Diagnosis) -> list[Message]:
    """A line for each figure behind the verdict."""
    (low, high), decay, lag = diagnosis.interval, diagnosis.decay, diagnosis.vanishing_lag
    other, enough = diagnosis.exchanged, diagnosis.enough
    exchanged = (
        "" if other is None
        else msg("report.exchanged", n=other.steps, low=other.interval[0], high=other.interval[1])
    )  # fmt: skip
    arrives = "_none" if not diagnosis.gradient.any() else "_all" if lag is None else ""
    change = "level" if not math.isfinite(decay) else "decays" if decay > 0 else "grows"
    figures = [
        msg("report.horizon", n=diagnosis.horizon, low=low, high=high, exchanged=exchanged),
        *([] if enough is None else [msg("report.enough", n=enough, all=diagnosis.lengths[1])]),
        *_rows(diagnosis),
        msg(
            f"report.gradient{arrives}", vanishing_lag=lag, decay=msg(f"report.{change}", steps=abs(decay))
        ),
        msg("report.exponents", values=", ".join(f"{value:+.3f}" for value in diagnosis.exponents)),
    ]  # fmt: skip
    if len(diagnosis.half_lives):
        half_lives = diagnosis.half_lives.sort().values
        middle, longest = float(half_lives[len(half_lives) // 2]), float(half_lives[-1])
        figures.append(msg("report.half_lives", middle=middle, longest=longest))
    findings = diagnosis.verdict.findings
    baseline = _baseline(findings.evidence.baseline)
    if baseline is not None:
        figures.append(baseline)
    elif findings.assumed and findings.evidence.quality is None:
        figures.append(msg("report.assumed", needed=diagnosis.needed))
    return [*_of_rows(diagnosis), *figures]


def _of_rows(diagnosis: Diagnosis) -> list[Message]:
    """How long the rows are, what of them is padding, and which answers are looked at."""
    evidence, (low, high) = diagnosis.verdict.findings.evidence, diagnosis.lengths
    lines = [msg("report.lengths" if low < high else "report.length", low=low, high=high)]
    padding = evidence.padding
    if padding is not None:
        how = "misplaced" if padding.misplaced else "start_counted" if padding.counted else padding.side
        read = padding.read and not padding.misplaced and math.isfinite(padding.change)
        change = msg("report.cut_changes", change=padding.change) if read else ""
        lines.append(msg(f"report.padding_{how}", share=percent(padding.share), change=change))
    if evidence.each_step:
        lines.append(msg("report.each_step"))
    return lines


def _rows(diagnosis: Diagnosis) -> list[Message]:
    """How far back single answers reach, and how many of them beyond the horizon of their mean loss."""
    rows = diagnosis.rows
    if not rows.rows:
        return []
    numbers: dict[str, Any] = {"rows": rows.rows, "what": _what(rows)}
    count, (low, high) = rows.beyond(diagnosis.horizon)
    last = _last(diagnosis.horizon)
    beyond = msg("report.beyond", last=last, count=count, low=low, high=high, **numbers)
    if rows.interval is None:
        return [msg("report.few_rows", last=_last(rows.furthest), **numbers), beyond]
    low, high = rows.interval
    last = _last(rows.steps)
    share = {"share": SHARE, "furthest": rows.furthest}
    return [msg("report.rows", last=last, low=low, high=high, **share, **numbers), beyond]
