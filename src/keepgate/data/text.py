"""Tokenisation with character offsets, and sentence boundaries."""

import re
from dataclasses import dataclass
from itertools import chain

from ..errors import ShapeError

# Scripts written without spaces, where one character is one token: Chinese with its extensions and
# compatibility forms, 々〆〇, kana, bopomofo. Hangul has spaces and stays whole.
ALONE = (
    "\u3005-\u3007\u3041-\u30ff\u3105-\u312f\u31a0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# Marks that belong to the letter before them, which Python's \w leaves out: diacritics, the vowels of Indic
# scripts.
MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e00-\u0e4e\u0e80-\u0eff\u1000-\u109f"
)
_LETTERS = rf"[^\W_{ALONE}]"
_WORD = rf"{_LETTERS}+(?:(?:[{MARKS}]+|(?<=\d)[.,](?=\d)){_LETTERS}*)*"
_TOKEN = re.compile(rf"{_WORD}|\S")
# What stands between two blanks, of up to so many characters, comes again; so many are remembered with their tokens.
_SHORT, _REMEMBERED = 24, 1 << 16

_CLOSING = r"""[」』”’）)\]》】"']*"""
# A full stop ends a sentence when a blank or the end follows; not after an initial or the commonest titles.
_STOP = r"(?<!\b[A-Z])(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)[.．]"
SENTENCE_END = re.compile(rf"[。！？!?｡]+{_CLOSING}|{_STOP}+{_CLOSING}(?=\s|$)|[\r\n]+")


@dataclass(frozen=True)
class Tokens:
    """The tokens of a text in order; token k is `text[starts[k]:ends[k]]`, counted in characters."""

    texts: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, place: slice) -> "Tokens":
        """Some of the tokens, with their places in the whole text."""
        return Tokens(self.texts[place], self.starts[place], self.ends[place])


def tokenize(text: str) -> Tokens:
    """Tokens with their places: a Chinese character, a run of other letters and digits, or one other sign.

    A point or comma between two digits stays in the number. Every character but blanks is in a token.

    >>> tokenize("他花了1,000元 in 2019。").texts
    ('他', '花', '了', '1,000', '元', 'in', '2019', '。')
    """
    matches = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    texts, starts, ends = zip(*matches, strict=True) if matches else ((), (), ())
    return Tokens(texts, starts, ends)


def words(text: str) -> list[str]:
    """The tokens of `tokenize` in lower case, without their places: what a vocabulary counts and looks up."""
    return [*chain.from_iterable(map(_PARTS.__getitem__, text.split()))]


class _Parts(dict[str, tuple[str, ...]]):
    """The tokens, in lower case, of what stands between two blanks; of what is short they are remembered."""

    def __missing__(self, part: str) -> tuple[str, ...]:
        tokens = tuple(token.lower() for token in _TOKEN.findall(part))
        if len(part) <= _SHORT:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[part] = tokens
        return tokens


_PARTS = _Parts()


def is_boundary(text: str, at: int) -> bool:
    """Whether no token goes on across this place between two characters."""
    # What decides is in reach of two characters: a digit, a point, and the place, in a number.
    first = max(at - 2, 0)
    return all(
        not token.start() < at - first < token.end() for token in _TOKEN.finditer(text[first : at + 2])
    )


def sentence_starts(text: str) -> list[int]:
    """Where each sentence of a text starts, the first at 0; blanks between two belong to the second."""
    ends = (match.end() for match in SENTENCE_END.finditer(text))
    return [0, *(end for end in ends if end < len(text))]


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters (start, end) of the sentence around `text[start:end]`; of several, if it crosses them.

    Sentences end at 。！？!?, at a full stop before a blank, and at line ends; closing quotes and brackets
    belong to the sentence they close. Blanks around it are left out.
    Raises ShapeError if the range is not inside the text.
    """
    if not 0 <= start <= end <= len(text):
        raise ShapeError(f"characters {start} to {end} are not inside a text of {len(text)} characters")
    first, last = 0, len(text)
    for match in SENTENCE_END.finditer(text):
        if match.end() <= start:
            first = match.end()
        elif match.end() >= end and match.end() > start:
            last = match.end()
            break
    while first < start and text[first].isspace():
        first += 1
    while last > end and text[last - 1].isspace():
        last -= 1
    return first, last
