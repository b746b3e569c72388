"""The English pack: fillers of made-up words beside those of lists."""

import random
import re

from .english_relations import RELATIONS
from .grammar import Relation
from .pack import Pack, Words

_WORDS = Words("en")
_SYLLABLES, _ADJECTIVES, _BEINGS = (_WORDS.words(name) for name in ("syllables", "adjectives", "beings"))
_MADE_UP_VERBS = 120
_AT = "{in|at|in|at|near|on}"
_ACTIONS = ("play", "eat", "learn", "see", "find", "make", "go to", "buy", "catch")
_NUMBERS = ("two", "three", "ten", "some", "many")
_ARTICLE = re.compile(r"^(?:an?|the|my|his|her|our|some|two|three) (?=.)")
_SENTENCE = re.compile(r"(?:^|[.!?\n] ?)([a-z])")
_WHEN = "{||||| yesterday| in the morning| last week| at school}"


def _verb(forms: str, kind: str, weight: float = 0.17) -> Relation:
    """Something done with a verb, and asked with it. forms: past/base/third person."""
    past, base, third = forms.split("/")
    whom = _whom(kind)
    return Relation(
        weight=weight,
        slots={"s": "person", "o": kind},
        statements=(
            f"<s> {{||||also |just |always }}{{{past}|{past}|{third}}} <o>{_WHEN}",
            f"{{yesterday|today|one day|last week}} <s> {past} <o>",
        ),
        denials=(
            f"<s> {{did not|didn't|does not|doesn't|didn't want to}} {base} <o>",
            f"<s> never {past} <o>",
        ),
        questions={
            "s": (
                f"{{who|who|who|which person}} {{{past}|{past}|{third}|{base}|has {past}}} <o>{{||| yesterday}}",
            ),
            "o": (
                f"{whom} {{did|does|did}} <s> {base}{{||| yesterday| today}}",
                f"{whom} {{has|had}} <s> {past}",
                f"{whom} <s> {{{past}|{third}}}",
            ),
        },
    )


def _whom(kind: str) -> str:
    return "{who|whom|who}" if kind == "person" else "{what|what|which thing}"


def _verb_at(forms: str, kind: str) -> Relation:
    """The same, done at a place."""
    past, base, third = forms.split("/")
    return Relation(
        weight=0.045,
        slots={"s": "person", "o": kind, "l": "place"},
        statements=(f"<s> {{{past}|{past}|{third}}} <o> {_AT} <l>", f"{_AT} <l>{{|,}} <s> {past} <o>"),
        questions={
            "s": (f"who {{{past}|{third}}} <o>{{|| {_AT} <l>}}",),
            "o": (f"{_whom(kind)} {{did|does|did}} <s> {base}{{|| {_AT} <l>}}",),
            "l": (f"where {{did|does|did}} <s> {base} <o>", f"where did <s> {base} it"),
        },
    )


def _verb_with(forms: str, kind: str) -> Relation:
    """The same, done with somebody."""
    past, base, third = forms.split("/")
    return Relation(
        weight=0.03,
        slots={"s": "person", "o": kind, "r": "person"},
        statements=(f"<s> {{{past}|{past}|{third}}} <o> {{with|together with}} <r>",),
        questions={
            "s": (f"who {{{past}|{third}}} <o> with <r>",),
            "o": (f"{_whom(kind)} {{did|does|did}} <s> {base} with <r>",),
            "r": (f"who {{did|does|did}} <s> {base} <o> with", f"with {{whom|who}} did <s> {base} <o>"),
        },
    )


def _made_up_verbs() -> list[tuple[str, str]]:
    rng = random.Random("verbs")
    bases = ["".join(rng.choices(_SYLLABLES, k=2)) + rng.choice("kmnpt") for _ in range(_MADE_UP_VERBS)]
    return [(f"{base}ed/{base}/{base}s", rng.choice(("thing", "person", "food"))) for base in bases]


def _drawn(rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=rng.choice((1, 2, 2, 2, 3))))


def _person(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.46:
        return rng.choice(_WORDS.of_kind["person"])
    if form < 0.78:
        return _drawn(rng).capitalize()
    if form < 0.87:
        return f"{_drawn(rng).capitalize()} {_drawn(rng).capitalize()}"
    if form < 0.93:
        whose = rng.choice(("my", "our", "his", "her", f"{_drawn(rng).capitalize()}'s", "the"))
        return f"{whose} {rng.choice(_BEINGS)}{rng.choice(('', f' {_drawn(rng).capitalize()}'))}"
    if form < 0.96:
        return f"{rng.choice(('the', 'the', 'my', 'our', 'his'))} {rng.choice(_ADJECTIVES)} {rng.choice(_BEINGS)}"
    return f"{rng.choice(('the', 'my', 'a'))} {_drawn(rng)}"


def _fill(rng: random.Random, kind: str) -> str:
    if kind == "any":
        kind = rng.choice(("person", "place", "thing", "profession", "person", "place", "food", "animal"))
    if kind == "entity" and rng.random() < 0.5:
        kind = rng.choice(("person", "place"))
    form = rng.random()
    if kind == "person" or (kind == "liking" and form < 0.12):
        return _person(rng)
    words = _WORDS.of_kind[kind]
    if form < 0.62 or kind in ("attribute", "entity"):
        return rng.choice(words)
    if kind == "doing":
        return f"{rng.choice(_ACTIONS)} {rng.choice(('', 'the ', 'a '))}{_drawn(rng)}"
    if kind == "place":
        place = _drawn(rng)
        return rng.choice((place.capitalize(), f"the {place}", f"the {rng.choice(_ADJECTIVES)} {place}"))
    if kind in ("thing", "food") and form > 0.96:
        return f"{_person(rng)}'s {rng.choice(words).split()[-1]}"
    word = _drawn(rng) if form < 0.85 else rng.choice(words).split()[-1]
    adjective = f"{rng.choice(_ADJECTIVES)} " if form > 0.75 else ""
    number = rng.choice(_NUMBERS) if kind in ("thing", "food", "animal") else "a"
    return f"{rng.choice(('a', 'a', 'a', 'the', 'the', number, 'his', ''))} {adjective}{word}".strip()


def _mention(rng: random.Random, filler: str) -> str:
    """Now and then with another article, or none."""
    if not _ARTICLE.match(filler) or rng.random() < 0.55:
        return filler
    return _ARTICLE.sub(rng.choice(("the ", "the ", "", "a ")), filler)


def _finish(rng: random.Random, text: str, question: str) -> tuple[str, str]:
    """With capitals where sentences begin."""
    text = _SENTENCE.sub(lambda match: match[0][:-1] + match[1].upper(), text)
    return text, question[0].upper() + question[1:] if rng.random() < 0.85 else question


ENGLISH = Pack(
    relations=(
        *RELATIONS,
        *(make(*verb) for make in (_verb, _verb_at, _verb_with) for verb in _WORDS.verbs()),
        *(_verb(*verb, weight=0.06) for verb in _made_up_verbs()),
    ),
    fill=_fill,
    mention=_mention,
    filler=_WORDS.sentences("filler"),
    unknowable=_WORDS.sentences("unknowable"),
    pronouns=("he", "she", "he", "she", "they"),
    joins=(". ", " and ", ", ", " but ", ", and ", "; ", ", but ", "! ", ".\n", " while "),
    stops=(".", ".", ".", ".", "", "!", ".\n"),
    asks=("?", "?", "?", "?", "", " ?", "??"),
    finish=_finish,
)
