"""Patterns of sentences: alternatives in braces, slots in angle brackets; chosen at random, with each slot's place."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"<(\w+)>")


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What can be said and asked about one kind of fact.

    slots: the kind of filler of each slot, by the slot's name. statements: patterns that say the fact. questions:
    patterns that ask for a slot, by its name; they mention some of the others. ends: patterns that say that it holds
    no longer. changes: patterns that say that its slot o is now another, <n>. denials: patterns that say that it does
    not hold of somebody.
    """

    slots: Mapping[str, str]
    statements: tuple[str, ...]
    questions: Mapping[str, tuple[str, ...]]
    ends: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    denials: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass
class Text:
    """A text that is written piece by piece, with the places of the fillers in it."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def write(self, piece: str) -> tuple[int, int]:
        """Appends a piece; returns where it begins and ends."""
        start = self.length
        self.pieces.append(piece)
        self.length += len(piece)
        return start, self.length

    def __str__(self) -> str:
        return "".join(self.pieces)


def chosen(rng: random.Random, pattern: str) -> str:
    """The pattern with one of each alternatives, innermost first."""
    while _CHOICE.search(pattern):
        pattern = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), pattern)
    return re.sub(" {2,}", " ", pattern)


@cache
def slots_of(pattern: str) -> frozenset[str]:
    """The names of all slots that a pattern can mention."""
    return frozenset(_SLOT.findall(pattern))


def written(text: Text, pattern: str, fillers: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Appends a chosen pattern with its fillers; returns where each slot's filler stands."""
    places = {}
    for k, part in enumerate(_SLOT.split(pattern)):
        if k % 2:
            places[part] = text.write(fillers[part])
        else:
            text.write(part)
    return places
