"""Tagging schemes (BIO, IOB1, IOBES, BMES, BILOU) told apart, the moves that each allows, and the entities of tags."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import CorpusError

SchemeName = Literal["BIO", "IOB1", "IOBES", "BMES", "BILOU", "plain"]

OUTSIDE = "O"
# Every scheme in the letters of IOBES: begin, inside, end, single.
_LETTERS = {"B": "B", "I": "I", "E": "E", "S": "S", "M": "I", "L": "E", "U": "S"}
# The schemes by the prefixes that they have, the commoner first: a corpus without long entities may lack some.
_PREFIXES: tuple[tuple[SchemeName, frozenset[str]], ...] = (
    ("BIO", frozenset("BI")),
    ("BMES", frozenset("BMES")),
    ("IOBES", frozenset("BIES")),
    ("BILOU", frozenset("BILU")),
)

# Added to the score of a forbidden move, in nats: far below every score of a network, and finite, so that a sequence
# without any legal move still has a best one and no gradient is NaN.
FORBIDDEN = -1e4


@dataclass(frozen=True)
class Entity:
    """An entity of a sequence of tags: its type, and the tokens from `start` up to `end`."""

    type: str
    start: int
    end: int


@dataclass(frozen=True)
class Moves:
    """Which labels may come first, follow one another ([from, to]), and come last."""

    start: NDArray[np.bool_]
    between: NDArray[np.bool_]
    end: NDArray[np.bool_]

    @property
    def penalties(self) -> tuple[NDArray[np.float64], ...]:
        """What is added to the learnt scores of starting, moving and ending: 0, or FORBIDDEN."""
        return tuple(np.where(allowed, 0.0, FORBIDDEN) for allowed in (self.start, self.between, self.end))

    def fault(self, numbers: Sequence[int]) -> int | None:
        """The first place at which these labels, by number, make a move that is not allowed; None if all are."""
        for place, number in enumerate(numbers):
            if not (self.between[numbers[place - 1], number] if place else self.start[number]):
                return place
        return len(numbers) - 1 if numbers and not self.end[numbers[-1]] else None


def parts(tag: str) -> tuple[str, str]:
    """The letter of IOBES that a tag begins with, and its type, which is "" for a bare letter.

    >>> parts("M-ORG"), parts("S"), parts("O")
    (('I', 'ORG'), ('S', ''), ('O', ''))
    """
    prefix, _, kind = tag.partition("-")
    return _LETTERS.get(prefix, OUTSIDE), kind if prefix in _LETTERS else ""


def detect_scheme(tags: Collection[str], sequences: Iterable[Sequence[str]]) -> SchemeName:
    """The scheme of these tags; "plain" for tags that mark no entities, such as parts of speech.

    tags: all that occur in the sequences, which alone tell BIO from IOB1.
    Raises CorpusError for tags of entities whose prefixes belong to no scheme.
    """
    marked = set(tags) - {OUTSIDE}
    typed = all(tag.partition("-")[0] in _LETTERS and tag.partition("-")[2] for tag in marked)
    bare = marked <= set(_LETTERS) and "B" in marked
    if not marked or not (typed or bare):
        return "plain"
    prefixes = {tag.partition("-")[0] for tag in marked}
    for name, of_scheme in _PREFIXES:
        if prefixes <= of_scheme:
            return "IOB1" if name == "BIO" and _is_iob1(sequences) else name
    raise CorpusError(
        f"the tags begin with {', '.join(sorted(prefixes))}, which is none of the schemes: BIO has B and I; BMES has "
        "B, M, E and S; IOBES has B, I, E and S; BILOU has B, I, L and U (each with O). Write them all in one scheme"
    )


def _is_iob1(sequences: Iterable[Sequence[str]]) -> bool:
    """Whether entities begin with I, and with B only beside one of the same type (Ramshaw & Marcus 1995)."""
    begins_with_i = False
    for sequence in sequences:
        before = (OUTSIDE, "")
        for tag in sequence:
            now = parts(tag)
            beside = before[0] != OUTSIDE and before[1] == now[1]
            if now[0] == "B" and not beside:
                return False
            begins_with_i |= now[0] == "I" and not beside
            before = now
    return begins_with_i


def moves_of(scheme: SchemeName, labels: Sequence[str]) -> Moves:
    """The moves between these labels that the scheme allows; all of them for plain tags."""
    count = len(labels)
    all_moves = Moves(np.ones(count, bool), np.ones((count, count), bool), np.ones(count, bool))
    if scheme == "plain":
        return all_moves
    letters = [parts(label) for label in labels]
    if scheme == "IOB1":
        between = [
            [now[0] != "B" or (before[0] != OUTSIDE and before[1] == now[1]) for now in letters]
            for before in letters
        ]
        start = [letter != "B" for letter, _ in letters]
        return Moves(np.array(start), np.array(between), all_moves.end)
    goes_on = [letter in "IE" for letter, _ in letters]
    # In BIO an entity may end anywhere; in the others B and I are followed by more of it.
    complete = [scheme == "BIO" or letter not in "BI" for letter, _ in letters]
    between = [
        [
            before[0] in "BI" and before[1] == now[1] if inside else may_end
            for now, inside in zip(letters, goes_on, strict=True)
        ]
        for before, may_end in zip(letters, complete, strict=True)
    ]
    return Moves(~np.array(goes_on), np.array(between), np.array(complete))


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities that these tags mark, in order, as conlleval and seqeval find them, in illegal sequences too.

    Tjong Kim Sang & Buchholz (2000), "Introduction to the CoNLL-2000 shared task".

    >>> entities(["B-ORG", "E-ORG", "O", "I-PER"])
    [Entity(type='ORG', start=0, end=2), Entity(type='PER', start=3, end=4)]
    """
    listed: list[Entity] = []
    before, start = (OUTSIDE, ""), 0
    for place, now in enumerate([*map(parts, tags), (OUTSIDE, "")]):
        ends = before[0] in "ES" or now[0] in "BSO" or before[1] != now[1]
        if before[0] != OUTSIDE and ends:
            listed.append(Entity(before[1], start, place))
        if ends:
            start = place
        before = now
    return listed
