"""Message catalogs in English and Traditional Chinese, and numbers as text."""

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = {"en": "en", "zh": "zh-Hant"}  # our short name → the BCP 47 tag for browsers and screen readers
# A cell says in English what its letters mean (Cell.letters); here is the translation.
_MEANINGS_ZH = {
    "forget gate": "遺忘閘", "input gate": "輸入閘", "output gate": "輸出閘", "update gate": "更新閘",
    "reset gate": "重置閘", "candidate": "候選", "cell state": "細胞狀態", "hidden state": "隱藏狀態",
    "rate": "速率", "normaliser": "正規化狀態", "stabiliser": "穩定狀態",
    "normalised cell state": "正規化後的細胞狀態",
}  # fmt: skip
_SCIENTIFIC_BELOW, _SCIENTIFIC_FROM = 1e-4, 1e4  # outside, a number is written with a power of ten
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Where a Chinese character meets a Latin letter or a digit, or the other way round.
_SCRIPT_BOUNDARY = re.compile(r"(?<=[\u3400-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[\u3400-\u9fff])")


def meaning(letters: Mapping[str, str], name: str, language: str) -> str:
    """The meaning of a gate's or state's letter in one language, from `Cell.letters`; "" for a letter without one."""
    english = letters.get(name, "")
    return _MEANINGS_ZH.get(english, english) if language == "zh" else english


@dataclass(frozen=True)
class Message:
    """A catalog entry with its arguments: text, a number that the entry formats, another Message, or a list of them."""

    key: str
    args: dict[str, "Part"] = field(default_factory=dict)


Part = str | float | Message | Sequence[str | Message] | None


class _Number(int):
    """A whole number in an entry: {n:,} writes it, {n:s} the s of what is counted, which one thing does not have."""

    def __format__(self, spec: str) -> str:
        return ("" if self == 1 else "s") if spec == "s" else super().__format__(spec)


def msg(key: str, **args: Part) -> Message:
    """The message under this key, not yet rendered in any language."""
    return Message(key, args)


@dataclass(frozen=True)
class Catalog:
    """The messages of one package, from a TOML file beside its code."""

    package: str
    file: str = "templates/words.toml"

    def table(self) -> dict[str, dict[str, str]]:
        """Every message by its key `section.name`: a mapping from language to format string."""
        return _read(self.package, self.file)

    def render(self, part: Part, language: str) -> str:
        """The message in one language; plain text stays as it is, and a list gets commas and "and"."""
        if part is None or isinstance(part, str | float):
            return str(part)
        if isinstance(part, Message):
            args = {name: self._argument(arg, language) for name, arg in part.args.items()}
            return self.table()[part.key][language].format_map(args)
        items = [self.render(item, language) for item in part]
        if len(items) < 2:
            return "".join(items)
        comma, last = (self.table()[key][language] for key in ("page.comma", "page.and"))
        return comma.join(items[:-1]) + last + items[-1]

    def _argument(self, part: Part, language: str) -> Any:
        """What an entry formats: a number as it is, anything else as text."""
        if isinstance(part, int):
            return _Number(part)
        return part if part is None or isinstance(part, float) else self.render(part, language)

    def sentence(self, part: Part, language: str) -> str:
        """The message as a sentence: a capital at its start, a space between Chinese and Latin letters."""
        text = self.render(part, language)
        return text[:1].upper() + text[1:] if language == "en" else _SCRIPT_BOUNDARY.sub(" ", text)

    def paragraph(self, messages: Sequence[Message], language: str) -> str:
        """Sentences in a row: with a space between them in English, with none in Chinese."""
        return (" " if language == "en" else "").join(self.sentence(item, language) for item in messages)


@cache
def _read(package: str, file: str) -> dict[str, dict[str, str]]:
    sections = tomllib.loads(files(package).joinpath(file).read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": entry for section, names in sections.items() for name, entry in names.items()
    }


def percent(value: float) -> str:
    """A ratio of counts or sizes, 0 to 1, in percent with one decimal; only 0 and 1 themselves are 0% and 100%."""
    if math.isnan(value):
        return "–"
    if value in (0.0, 1.0):
        return f"{100 * value:.0f}%"
    text = f"{100 * value:.1f}%"
    return {"0.0%": "<0.1%", "-0.0%": "<0.1%", "100.0%": ">99.9%"}.get(text, text)


def probability(value: float) -> str:
    """A model's probability in percent. A softmax gives neither 0 nor 1, though rounding may: <0.1% and >99.9%."""
    return {"0%": "<0.1%", "100%": ">99.9%"}.get(text := percent(value), text)


def unit(value: float) -> str:
    """A gate's value, 0 to 1, with two decimals; only 0 and 1 themselves are written 0.00 and 1.00."""
    if 0 < value < 0.005 or 0.995 <= value < 1:
        return "<0.01" if value < 0.5 else ">0.99"
    return amount(value, 2)


def percent_range(low: float, high: float) -> str:
    """Two ratios as a range, such as 94.1–100%; a single one if both are written alike."""
    first, last = percent(low), percent(high)
    return last if first == last else f"{first.removesuffix('%')}–{last}"


def known_percent(value: float) -> str:
    """A ratio that is known, not measured, such as chance: two decimals if they say it whole (6.25%), else one."""
    whole = math.isclose(round(100 * value, 2), 100 * value, abs_tol=1e-9)
    return (f"{100 * value:.2f}".rstrip("0").rstrip(".") if whole else f"{100 * value:.1f}") + "%"


def scientific(value: float, *, ascii_only: bool = False) -> str:
    """A number of any magnitude with two significant digits: 0.38, 2.3×10⁻¹⁸, or 2.3e-18 in ASCII alone."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return str(value) if ascii_only else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.1e}".split("e")
    if _SCIENTIFIC_BELOW <= abs(value) < _SCIENTIFIC_FROM:
        return f"{value:,.{max(0, 1 - int(exponent))}f}"
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent)}" if ascii_only else f"{mantissa}×{power(int(exponent))}"


def significant(value: float, digits: int, *, sign: bool = False) -> str:
    """A number as pictures write it, with at most so many significant digits: −7.25, 2.346×10⁴; sign: +7.25, too."""
    mantissa, _, exponent = f"{value:{'+' if sign else ''},.{digits}g}".partition("e")
    return (f"{mantissa}×{power(int(exponent))}" if exponent else mantissa).replace("-", "−")


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


def count_of(number: int, plural: str) -> str:
    """A number of things by their plural: "1 question", "2,000 questions", "1 series"."""
    return f"{number:,} {plural.removesuffix('s') if number == 1 and plural != 'series' else plural}"


def because(number: int, reason: str) -> str:
    """Why so many things are refused, from the reason of one: ", each because its label is empty"."""
    return f", each because {reason}" if number > 1 else f" because {reason}"


def amount(value: float, digits: int = 1) -> str:
    """A measured number such as seconds, with so many decimals; a dash for NaN and infinity."""
    return "–" if not math.isfinite(value) else f"{value:,.{digits}f}"


def sanitize(text: str) -> str:
    """The text without what would steer a terminal or a page: control and direction characters become U+FFFD.

    So does what no file can hold, a lone surrogate for example. Line ends and tabs stay.
    """
    return "".join("\ufffd" if _is_control(letter) else letter for letter in text)


def _is_control(letter: str) -> bool:
    if letter in "\n\t":
        return False
    return (
        unicodedata.category(letter) in {"Cc", "Cs"}
        or letter in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        or ord(letter) & 0xFFFE == 0xFFFE
    )
