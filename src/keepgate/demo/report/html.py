"""HTML report of a comparison, one file that needs no network: the verdict, the table and the figures."""

import math
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup, escape

from ... import wording
from ...charts import content_policy, key, read_template, share_bar, templates
from ...export.file import write_file
from ...wording import LANGUAGES, Message, Part, msg, percent, percent_range, scientific
from ..result import Comparison, Network
from . import figures, labels, summary
from .labels import render


def write(result: Comparison, path: str | Path) -> Path:
    """The path of the report, written whole or not at all. Raises OSError if the file cannot be written."""
    write_file(path, report_html(result).encode())
    return Path(path)


def report_html(result: Comparison) -> str:
    """The report as text. It holds everything it needs, and a policy under which it can load and send nothing."""
    css, script = (read_template(__package__, f"report.{kind}") for kind in ("css", "js"))
    environment = templates(__package__)
    for name in ("amount", "count", "known_percent", "percent", "probability", "scientific"):
        environment.filters[name] = getattr(wording, name)
    environment.filters["setting"] = _setting
    return environment.get_template("report.html.j2").render(
        css=Markup(css), js=Markup(script), policy=content_policy(css, script), result=result, summary=summary,
        figures=figures, article_lang=_language_of(result.sentence), several=len(result.seeds) > 1,
        state_changes=[_state_change(network) for network in result.networks if network.state_change],
        msg=msg, t=lambda key, **parts: both(msg(key, **parts)), both=both, paragraph=paragraph,
        plain=lambda key, language: render(msg(key), language), key=key, share_bar=share_bar,
        percent_range=percent_range,
    )  # fmt: skip


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


def _state_change(network: Network) -> list[Message | str]:
    """Name, mean relative change of c and of h at a step, and how many times as fast h changes."""
    slow, fast = (network.state_change.get(state, math.nan) for state in ("c", "h"))
    ratio = fast / slow if slow else math.nan
    return [summary.name_of(network), percent(slow), percent(fast), scientific(ratio)]


def _language_of(text: str) -> str:
    return "zh-Hant" if any("\u3400" <= letter <= "\u9fff" for letter in text) else "en"


def _setting(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_setting, value))
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)
