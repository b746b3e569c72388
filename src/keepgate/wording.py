"""What is said in several languages, from one table of words; and numbers as a reader wants them."""

import math
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "en", "zh": "zh-Hant"}  # our short name → the name browsers and screen readers know
EARLY = 1e-4  # below it, and from 10,000 up, a number is written with a power of ten
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Where a Chinese character meets a Latin letter or a digit, or the other way round.
_MEETINGS = re.compile(r"(?<=[\u3400-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[\u3400-\u9fff])")


@dataclass(frozen=True)
class Say:
    """A string of a table of words, with what stands in its braces: plain text, another Say, or several of them."""

    key: str
    parts: dict[str, "Part"] = field(default_factory=dict)


Part = str | Say | Sequence[str | Say]


def say(key: str, **parts: Part) -> Say:
    """The string under this key, which need not be rendered in any language yet."""
    return Say(key, parts)


@dataclass(frozen=True)
class Words:
    """The table of words of one package, a TOML file beside its code."""

    package: str
    file: str = "templates/words.toml"

    def table(self) -> dict[str, dict[str, str]]:
        """Every string by its key `section.name`, each a mapping from language to words."""
        return _read(self.package, self.file)

    def speak(self, words: Part, language: str) -> str:
        """The words in one language; what is plain text already stays as it is."""
        if isinstance(words, str):
            return words
        if isinstance(words, Say):
            inside = {name: self.speak(part, language) for name, part in words.parts.items()}
            return self.table()[words.key][language].format_map(inside)
        spoken = [self.speak(word, language) for word in words]
        if len(spoken) < 2:
            return "".join(spoken)
        comma, last = (self.table()[key][language] for key in ("page.comma", "page.and"))
        return comma.join(spoken[:-1]) + last + spoken[-1]

    def sentence(self, words: Part, language: str) -> str:
        """The words in one language as a sentence: a capital at its start, space between Chinese and Latin letters."""
        spoken = self.speak(words, language)
        return spoken[:1].upper() + spoken[1:] if language == "en" else _MEETINGS.sub(" ", spoken)

    def paragraph(self, said: Sequence[Say], language: str) -> str:
        """Sentences one after the other: with a space between them in English, with none in Chinese."""
        return (" " if language == "en" else "").join(self.sentence(one, language) for one in said)


@cache
def _read(package: str, file: str) -> dict[str, dict[str, str]]:
    written = tomllib.loads(files(package).joinpath(file).read_text(encoding="utf-8"))
    return {f"{section}.{name}": entry for section, names in written.items() for name, entry in names.items()}


def share(value: float) -> str:
    """A measured share of one in percent with one decimal; only 0 and 1 themselves are 0% and 100%."""
    if math.isnan(value):
        return "–"
    if value in (0.0, 1.0):
        return f"{100 * value:.0f}%"
    written = f"{100 * value:.1f}%"
    return {"0.0%": "<0.1%", "100.0%": ">99.9%"}.get(written, written)


def between(low: float, high: float) -> str:
    """Two shares as a range, such as 94.1–100%; one share if they are written alike."""
    first, last = share(low), share(high)
    return last if first == last else f"{first.removesuffix('%')}–{last}"


def size(value: float) -> str:
    """A number of any size with two digits that count, such as 0.38 or 2.3×10⁻¹⁸; zero and infinity as they are."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    first, exponent = f"{value:.1e}".split("e")
    if EARLY <= abs(value) < 10_000:
        return f"{value:,.{max(0, 1 - int(exponent))}f}"
    return f"{first.removesuffix('.0')}×{power(int(exponent))}"


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


def exact(value: float) -> str:
    """A share that is known, not measured, such as chance: two decimals if they say it whole (6.25%), else one."""
    whole = math.isclose(round(100 * value, 2), 100 * value, abs_tol=1e-9)
    return (f"{100 * value:.2f}".rstrip("0").rstrip(".") if whole else f"{100 * value:.1f}") + "%"


def clean(text: str) -> str:
    """The text without what would steer a terminal or a page: control signs and changes of direction are replaced.

    So is what no file can hold, a lone surrogate for example. Line ends and tabs stay.
    """
    return "".join("\ufffd" if _steers(letter) else letter for letter in text)


def _steers(letter: str) -> bool:
    if letter in "\n\t":
        return False
    return (
        unicodedata.category(letter) in {"Cc", "Cs"}
        or letter in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or ord(letter) & 0xFFFE == 0xFFFE
    )
