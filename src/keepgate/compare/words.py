"""The report's words in each language, and numbers as a reader wants them: every string has its home in words.toml."""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "en", "zh": "zh-Hant"}  # our short name → the name browsers and screen readers know
EARLY = 1e-4  # below it, and from 10,000 up, a number is written with a power of ten
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Say:
    """A string of words.toml, with what stands in its braces: plain text, another Say, or several to be listed."""

    key: str
    parts: dict[str, "Part"] = field(default_factory=dict)


Part = str | Say | Sequence[str | Say]


def say(key: str, **parts: Part) -> Say:
    """The string under this key, which need not be rendered in any language yet."""
    return Say(key, parts)


@cache
def table() -> dict[str, dict[str, str]]:
    """Every string by its key `section.name`, each a mapping from language to words."""
    written = tomllib.loads(files(__package__).joinpath("templates/words.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": entry for section, names in written.items() for name, entry in names.items()}


def speak(words: Part, language: str) -> str:
    """The words in one language; what is plain text already stays as it is."""
    if isinstance(words, str):
        return words
    if isinstance(words, Say):
        inside = {name: speak(part, language) for name, part in words.parts.items()}
        return table()[words.key][language].format_map(inside)
    spoken = [speak(word, language) for word in words]
    if len(spoken) < 2:
        return "".join(spoken)
    comma, last = table()["page.comma"][language], table()["page.and"][language]
    return comma.join(spoken[:-1]) + last + spoken[-1]


def share(value: float) -> str:
    """A share of one in percent; never rounded up to 100% or down to 0%."""
    if math.isnan(value):
        return "–"
    for digits in (0, 1, 2):
        written = f"{100 * value:.{digits}f}"
        exact = math.isclose(float(written), 100 * value, abs_tol=1e-9)
        if exact or (digits == 1 and float(written) not in (0.0, 100.0)):
            return f"{written}%"
    if float(written) in (0.0, 100.0):
        return "<0.01%" if value < 0.5 else ">99.99%"
    return f"{written}%"


def size(value: float) -> str:
    """A number of any size with two digits that count, such as 0.38 or 2.3×10⁻¹⁸; zero and infinity as they are."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if EARLY <= abs(value) < 10_000:
        digits = max(0, 1 - math.floor(math.log10(abs(value)) + 1e-9))
        return f"{value:,.{digits}f}"
    digits_first, exponent = f"{value:.1e}".split("e")
    return f"{digits_first.removesuffix('.0')}×{power(int(exponent))}"


def power(exponent: int) -> str:
    """Ten to a whole power, with raised digits."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def decade(value: float) -> str:
    """A power of ten as an axis writes it: 1, or 10 with its exponent."""
    exponent = round(math.log10(value))
    return "1" if exponent == 0 else power(exponent)


def count(value: float) -> str:
    """A whole number with commas between thousands."""
    return f"{round(value):,}"


def amount(value: float, digits: int = 1) -> str:
    """A measured number such as seconds, with so many decimals; a dash for NaN."""
    return "–" if not math.isfinite(value) else f"{value:,.{digits}f}"


def chance_of(value: float) -> str:
    """A share that is known exactly, such as chance, with up to two decimals: 6.25%."""
    return f"{100 * value:.2f}".rstrip("0").rstrip(".") + "%"
