"""The comparison as one HTML file that needs no network: the verdict, the table and the figures."""

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
)  # fmt: skip
from ..result import Comparison, Network
from . import figures, labels, summary
from .labels import render


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
        t=lambda key, **parts: both(msg(key, **parts)), both=both, paragraph=paragraph,
        plain=lambda key, language: render(msg(key), language),
    )  # fmt: skip
    return environment


def _policy(css: str, js: str) -> str:
    """A Content-Security-Policy that allows this very style sheet and script, and nothing else at all."""
    hashes = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (css, js))
    style, script = (f"'sha256-{value}'" for value in hashes)
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def both(words: Part) -> Markup:
    """The message in every language, of which the style sheet shows one; once if it is the same in all of them."""
    texts = {language: render(words, language) for language in LANGUAGES}
    if isinstance(words, str) or len(set(texts.values())) == 1:
        return escape(next(iter(texts.values())))
    return Markup("").join(_span(language, text) for language, text in texts.items())


def paragraph(messages: Sequence[Message]) -> Markup:
    """Sentences in a row, in every language."""
    return Markup("").join(_span(language, labels.paragraph(messages, language)) for language in LANGUAGES)


def _span(language: str, text: str) -> Markup:
    return Markup('<span class="{}" lang="{}">{}</span>').format(language, LANGUAGES[language], text)


def _content(result: Comparison) -> dict[str, Any]:
    """Everything the page shows, by the names that the template uses."""
    chance, several = known_percent(result.chance), len(result.seeds) > 1
    return {
        "result": result,
        "article_lang": _language_of(result.sentence),
        "distance": count(result.distance),
        "chance": chance,
        "odds": count(1 / result.chance) if result.chance else "∞",
        "verdict": summary.verdict(result),
        "why": summary.why(result),
        "contestants": count(len(summary.trained(result))),
        "rows": [_row(result, index, network) for index, network in enumerate(result.networks)],
        "lengths": [count(length) for length in result.lengths],
        "lag": count(summary.LAG),
        "table_lead": msg(
            "table.lead" if several else "table.lead_one",
            stories=count(result.stories), seeds=msg("count.seeds", n=count(len(result.seeds))), chance=chance,
        ),
        "answered": [_answer(result, index, n) for index, n in enumerate(result.networks) if n.runs],
        "accuracy_figure": figures.accuracy(result),
        "spread": msg("accuracy.spread" if several else "accuracy.one_seed"),
        "gradient_figures": [figure for when in ("before", "after") if (figure := figures.gradient(result, when))],
        "scaled": summary.untrained(result),
        "step_figure": figures.step(),
        "strips": figures.strips(result),
        "state_changes": [_state_change(network) for network in result.networks if network.state_change],
        "facts_figure": figures.facts(result),
        "facts_count": count(result.facts),
        "provenance": _provenance(result),
        "settings": [(name, _setting(value)) for name, value in result.settings.items()],
        "bars": msg("again.bars", bar=known_percent(summary.REMEMBERS), chance=chance),
    }  # fmt: skip


def _state_change(network: Network) -> list[Message | str]:
    """Name, mean relative change of c and of h at a step, and how many times as fast h changes."""
    slow, fast = (network.state_change.get(state, math.nan) for state in ("c", "h"))
    ratio = fast / slow if slow else math.nan
    return [summary.name_of(network), percent(slow), percent(fast), scientific(ratio)]


def _language_of(text: str) -> str:
    return "zh-Hant" if any("\u3400" <= letter <= "\u9fff" for letter in text) else "en"


def _row(result: Comparison, style: int, network: Network) -> dict[str, Any]:
    """One network's line of the table."""
    seconds = [run.seconds for run in network.runs]
    steps = [1000 * run.seconds / run.steps for run in network.runs if run.steps]
    gradients = (summary.gradient_at(line, summary.LAG) for line in (network.before, network.after))
    before, after = ("–" if value is None else scientific(value) for value in gradients)
    return {
        "key": key(style),
        "name": summary.name_of(network),
        "parameters": count(network.parameters),
        "seconds": amount(fmean(seconds)) if seconds else "–",
        "step": amount(fmean(steps)) if steps else "–",
        "accuracy": [_cell(style, network, length) for length in result.lengths],
        "before": before,
        "after": after,
    }


def _cell(style: int, network: Network, length: int) -> dict[str, Any]:
    mean = summary.mean_accuracy(network, length)
    values = summary.accuracies(network, length)
    return {
        "length": count(length),
        "mean": percent(mean),
        "bar": share_bar(mean, style) if values else "",
        "range": percent_range(min(values), max(values)) if len(values) > 1 else "",
    }


def _answer(result: Comparison, style: int, network: Network) -> dict[str, Any]:
    """One network's answer to the pirate king's question, with its first seed."""
    run = network.runs[0]
    right = sum(seed.answer == result.expected for seed in network.runs)
    of_seeds = msg("answers.of_seeds", n=count(right), seeds=count(len(network.runs)))
    return {
        "key": key(style),
        "name": summary.name_of(network),
        "answer": run.answer,
        "right": run.answer == result.expected,
        "bar": share_bar(run.probability, style, result.chance),
        "share": probability(run.probability),
        "seeds": of_seeds if len(network.runs) > 1 else None,
    }


def _provenance(result: Comparison) -> list[tuple[Message, str]]:
    steps = sorted({run.steps for network in result.networks for run in network.runs})
    machine = result.machine
    versions = f"keepgate {result.version} · torch {machine.torch} · python {machine.python}"
    return [
        (msg("again.seeds"), " ".join(str(seed) for seed in result.seeds)),
        (msg("again.steps"), " ".join(count(number) for number in steps) or "–"),
        (msg("again.processor"), machine.processor),
        (msg("again.system"), machine.system),
        (msg("again.versions"), versions),
        (msg("again.finished"), result.finished),
    ]


def _setting(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_setting, value))
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)
