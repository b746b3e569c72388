"""The comparison as one HTML file that needs no network: the table, the pictures, and what a reader sees in them."""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from ...charts import key, share_bar
from ...export.file import write_file
from ...wording import (
    LANGUAGES,
    Message,
    Part,
    amount,
    count,
    known_percent,
    msg,
    percent,
    percent_range,
    probability,
    scientific,
)
from ..result import Comparison, Network
from . import figures
from . import text as sentences
from .labels import render, sentence


def write(result: Comparison, path: str | Path) -> Path:
    """The path of the report, written whole or not at all. Raises OSError if the file cannot be written."""
    write_file(path, report_html(result).encode())
    return Path(path)


def report_html(result: Comparison) -> str:
    """The report as text. It holds everything it needs, and a policy under which it can load and send nothing."""
    css, js = (_template(f"report.{kind}") for kind in ("css", "js"))
    page = _environment().get_template("report.html.j2")
    return page.render(css=Markup(css), js=Markup(js), policy=_policy(css, js), **_content(result))


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=lambda key, **parts: both(msg(key, **parts)), both=both, plain=_plain, paragraph=paragraph
    )
    return environment


def _plain(key: str, language: str) -> str:
    return render(msg(key), language)


def _policy(css: str, js: str) -> str:
    """A Content-Security-Policy that allows this very style sheet and script, and nothing else at all."""
    marks = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (css, js))
    style, script = (f"'sha256-{mark}'" for mark in marks)
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def both(words: Part) -> Markup:
    """The words in every language, of which the style sheet shows one; what is the same in all of them only once."""
    spoken = {language: render(words, language) for language in LANGUAGES}
    if isinstance(words, str) or len(set(spoken.values())) == 1:
        return escape(next(iter(spoken.values())))
    return Markup("").join(_span(language, text) for language, text in spoken.items())


def paragraph(said: Sequence[Message]) -> Markup:
    """Sentences one after the other: with a space between them in English, with none in Chinese."""
    joined = {
        "en": " ".join(sentence(one, "en") for one in said),
        "zh": "".join(sentence(one, "zh") for one in said),
    }
    return Markup("").join(_span(language, text) for language, text in joined.items())


def _span(language: str, text: str) -> Markup:
    return Markup('<span class="{}" lang="{}">{}</span>').format(language, LANGUAGES[language], text)


def _content(result: Comparison) -> dict[str, Any]:
    """Everything the page shows, by the names that the template uses."""
    before, after = (figures.gradient(result, when) for when in ("before", "after"))
    lead = "table.lead" if len(result.seeds) > 1 else "table.lead_one"
    return {
        "result": result,
        "article_lang": _language_of(result.sentence),
        "distance": count(result.distance),
        "chance": known_percent(result.chance),
        "verdict": sentences.verdict(result),
        "why": sentences.why(result),
        "contestants": count(len(sentences.trained(result))),
        "rows": [_row(result, place, network) for place, network in enumerate(result.networks)],
        "lengths": [count(length) for length in result.lengths],
        "lag": count(sentences.LAG),
        "table_lead": msg(
            lead,
            stories=count(result.stories),
            seeds=msg("count.seeds", n=count(len(result.seeds))),
            chance=known_percent(result.chance),
        ),
        "answered": [_answer(result, place, n) for place, n in enumerate(result.networks) if n.runs],
        "answers": sentences.answers(result),
        "accuracy_figure": figures.accuracy(result),
        "accuracy": sentences.accuracy(result),
        "gradient_figures": [drawn for drawn in (before, after) if drawn],
        "lanes": any(drawn.lanes for drawn in (before, after) if drawn),
        "step_figure": figures.step(),
        "strips": figures.strips(result),
        "claim": sentences.claim(result),
        "claim_lead": sentences.claim_lead(result),
        "facts_figure": figures.facts(result),
        "facts_heading": msg("facts.heading")
        if result.facts == 3
        else msg("facts.heading_n", n=count(result.facts)),
        "facts_count": count(result.facts),
        "facts": sentences.facts(result),
        "provenance": _provenance(result),
        "settings": [(name, _setting(value)) for name, value in result.settings.items()],
        "bars": msg(
            "again.bars",
            bar=known_percent(sentences.REMEMBERS),
            chance=known_percent(result.chance),
            gone=scientific(sentences.GONE),
            faint=known_percent(sentences.FAINT),
            grown=scientific(sentences.GROWN),
        ),
    }


def _language_of(text: str) -> str:
    return "zh-Hant" if any("\u3400" <= letter <= "\u9fff" for letter in text) else "en"


def _row(result: Comparison, place: int, network: Network) -> dict[str, Any]:
    """One network's line of the table."""
    seconds = [run.seconds for run in network.runs]
    steps = [1000 * run.seconds / run.steps for run in network.runs if run.steps]
    gradients = (sentences.gradient_at(line, sentences.LAG) for line in (network.before, network.after))
    before, after = ("–" if value is None else scientific(value) for value in gradients)
    return {
        "key": key(place),
        "name": sentences.name_of(network),
        "parameters": count(network.parameters),
        "seconds": amount(fmean(seconds)) if seconds else "–",
        "step": amount(fmean(steps)) if steps else "–",
        "accuracy": [_cell(place, network, length) for length in result.lengths],
        "before": before,
        "after": after,
    }


def _cell(place: int, network: Network, length: int) -> dict[str, Any]:
    mean = sentences.mean_accuracy(network, length)
    known = sentences.accuracies(network, length)
    return {
        "length": count(length),
        "mean": percent(mean),
        "bar": share_bar(mean, place) if known else "",
        "range": percent_range(min(known), max(known)) if len(known) > 1 else "",
    }


def _answer(result: Comparison, place: int, network: Network) -> dict[str, Any]:
    """One network's answer to the article's question, with its first seed."""
    run = network.runs[0]
    right = sum(one.answer == result.expected for one in network.runs)
    told = msg("answers.of_seeds", n=count(right), seeds=count(len(network.runs)))
    return {
        "key": key(place),
        "name": sentences.name_of(network),
        "answer": run.answer,
        "right": run.answer == result.expected,
        "bar": share_bar(run.probability, place, result.chance),
        "share": probability(run.probability),
        "seeds": told if len(network.runs) > 1 else None,
    }


def _provenance(result: Comparison) -> list[tuple[Message, str]]:
    steps = sorted({run.steps for network in result.networks for run in network.runs})
    versions = " · ".join(f"{name} {version}" for name, version in result.machine.versions.items())
    return [
        (msg("again.seeds"), " ".join(str(seed) for seed in result.seeds)),
        (msg("again.steps"), " ".join(count(number) for number in steps) or "–"),
        (msg("again.processor"), result.machine.processor),
        (msg("again.threads"), count(result.machine.threads)),
        (msg("again.system"), result.machine.system),
        (msg("again.versions"), versions),
        (msg("again.finished"), result.finished),
    ]


def _setting(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_setting(one) for one in value)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)
