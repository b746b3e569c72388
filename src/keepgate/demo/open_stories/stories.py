"""Open stories: facts of many kinds about free names, with changes of mind, and a question whose answer is pointed at.

The answer is a span of the story, or there is none: the question asks for what the story does not say, or no longer.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...data.questions import NO_ANSWER, Question
from ..story_templates import Language
from .chinese import CHINESE
from .english import ENGLISH
from .grammar import Relation, Text, chosen, slots_of, written
from .pack import Pack

_FACTS = (1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 5)
_SAME_RELATION = 0.5  # all facts are of one kind, as people type them
_SAME_STATEMENT = 0.7  # and of these, in the same words
_SAME_SUBJECT = 0.25
_NOTHING = 0.03  # so many stories say nothing
_UNKNOWABLE, _UNANSWERED = 0.1, 0.38  # so many stories, those before included
_CHANGED = 0.28
_CONTINUED = 0.22  # so many facts are about whom the last one is about
_PRONOUN = 0.65  # and of these, so many call them by a pronoun, or not at all
_DENIED = 0.12  # so many facts stand beside somebody of whom they do not hold
_EXCHANGED = 0.25  # so many facts have the people of another one of their kind, in other places
_JOINED = 0.3
_BUSY = (0.0, 0.0, 0.15, 0.4)  # how often another sentence that says nothing of any fact follows
_PACKS: dict[Language, Pack] = {"zh": CHINESE, "en": ENGLISH}


@dataclass
class Fact:
    """What holds: fillers of a relation's slots, and where the story says each; `ended` where it holds no longer."""

    relation: Relation
    fillers: dict[str, str]
    places: dict[str, tuple[int, int]]
    ended: bool = False


def open_stories(count: int, *, seed: int, language: Language = "zh") -> list[Question]:
    """Stories with a question each; the same for the same seed."""
    rng, pack = random.Random(f"open stories {seed} {language}"), _PACKS[language]
    questions: list[Question] = []
    while len(questions) < count:
        question = _story(rng, pack, f"open-{seed}-{len(questions)}")
        if question is not None:
            questions.append(question)
    return questions


def _story(rng: random.Random, pack: Pack, name: str) -> Question | None:
    """One story with its question; None where what was drawn cannot be asked."""
    writer = Writer(rng, pack)
    if rng.random() < _NOTHING:
        writer.write_nothing()
        question = rng.choice((_unknowable(rng, pack, writer), _of_anything(rng, writer).question(rng, pack)))
        text, question = pack.finish(rng, str(writer.text), question)
        return Question(text=text, question=question, answers=NO_ANSWER, id=name)
    writer.write_all()
    place = None
    form = rng.random()
    if form < _UNKNOWABLE:
        question = _unknowable(rng, pack, writer)
    elif form < _UNANSWERED:
        if (asked := _unanswered(rng, writer)) is None:
            return None
        question = asked.question(rng, pack)
    else:
        if (answered := _answered(rng, writer.facts)) is None:
            return None
        question, place = answered[0].question(rng, pack), answered[1]
    text, question = pack.finish(rng, str(writer.text), question)
    if place is None:
        return Question(text=text, question=question, answers=NO_ANSWER, id=name)
    start, end = place
    return Question(text=text, question=question, answers=(text[start:end],), starts=(start,), id=name)


class Writer:
    """Writes one story, and keeps what holds at its end."""

    def __init__(self, rng: random.Random, pack: Pack) -> None:
        self.rng, self.pack = rng, pack
        self.text = Text()
        self.facts: list[Fact] = []
        self.used: list[str] = []
        self.spoken_of: str | None = None  # the subject of the last sentence, where that was a fact

    def write_all(self) -> None:
        """Facts, changes of them, and sentences that say nothing of them."""
        rng = self.rng
        relation = self.relation() if rng.random() < _SAME_RELATION else None
        statements = None if relation is None else relation.statements
        if statements and rng.random() < _SAME_STATEMENT:
            statements = (rng.choice(statements),)
        subject = self.new("person") if relation is None and rng.random() < _SAME_SUBJECT else None
        with_joins, busy = rng.random() < _JOINED, rng.choice(_BUSY)
        later = []
        for number in range(rng.choice(_FACTS)):
            self._fill(busy)
            self._begin(with_joins and number > 0)
            fact = self._fact(relation or self.relation(), statements, subject)
            if rng.random() < _CHANGED and (fact.relation.changes or fact.relation.ends):
                if rng.random() < 0.6:
                    self._change(fact)
                else:
                    later.append(fact)
        for fact in later:
            self._fill(busy)
            self._change(fact)
        self._fill(busy)
        self.text.write(rng.choice(self.pack.stops))

    def write_nothing(self) -> None:
        """Sentences without a fact, or words without a sentence."""
        self._fill(0.5)
        if not self.text.length:
            kinds = self.rng.choices(("person", "thing", "doing", "place", "food"), k=self.rng.randint(1, 3))
            self.text.write(self.pack.joins[0].join(map(self.new, kinds)))
        self.text.write(self.rng.choice(self.pack.stops))

    def new(self, kind: str) -> str:
        """A filler that neither is nor is in another of this story."""
        while True:
            filler = self.pack.fill(self.rng, kind)
            if not any(filler in other or other in filler for other in self.used):
                self.used.append(filler)
                return filler

    def fillers(self, relation: Relation) -> dict[str, str]:
        """A new filler for each slot."""
        return {slot: self.new(kind) for slot, kind in relation.slots.items()}

    def relation(self) -> Relation:
        """One of the language's, the likelier the more its weight."""
        relations = self.pack.relations
        return self.rng.choices(relations, [relation.weight for relation in relations])[0]

    def _fact(self, relation: Relation, statements: tuple[str, ...] | None, subject: str | None) -> Fact:
        """Writes a fact, of the subject where there is one of whom it is not said yet."""
        fillers = self.fillers(relation)
        if subject is None and self.rng.random() < _CONTINUED:
            subject = self.spoken_of
        if subject and relation.slots["s"] == "person" and not self._says(relation, subject):
            fillers["s"] = subject
        elif self.rng.random() < _EXCHANGED:
            fillers |= self._exchanged(relation)
        denied = bool(relation.denials) and self.rng.random() < _DENIED
        before = self.rng.random() < 0.5
        if denied and before:
            self._deny(relation, fillers["o"])
            self._begin(joined=True)
        pattern = chosen(self.rng, self.rng.choice(statements or relation.statements))
        fact = Fact(relation, fillers, self._written(pattern, fillers))
        self.facts.append(fact)
        self.spoken_of = fillers["s"] if relation.slots["s"] == "person" else None
        if denied and not before:
            self._begin(joined=True)
            self._deny(relation, fillers["o"])
        return fact

    def _written(self, pattern: str, fillers: dict[str, str]) -> dict[str, tuple[int, int]]:
        """Writes a sentence; a subject just spoken of may be a pronoun, and is then where it was named."""
        rest = pattern.removeprefix("<s>")
        by_pronoun = (
            fillers["s"] == self.spoken_of and rest != pattern and rest[:1] not in ("的", "'", "，")
            and self.rng.random() < _PRONOUN
        )  # fmt: skip
        if not by_pronoun:
            return written(self.text, pattern, fillers)
        after_and = self.text.pieces[-1].endswith(" and ") and self.rng.random() < 0.6
        pronoun = "" if after_and else self.rng.choice(self.pack.pronouns)
        places = written(self.text, pronoun + (rest[1:] if after_and else rest), fillers)
        return {**places, "s": self.facts[-1].places["s"]}

    def _deny(self, relation: Relation, filler: str) -> None:
        """Says of somebody new that this does not hold of them, of the same object or of another."""
        new = self.new("person")
        if self.rng.random() < 0.4:
            filler = self.new(relation.slots["o"])
        fillers = {"s": new, "o": filler}
        places = written(self.text, chosen(self.rng, self.rng.choice(relation.denials)), fillers)
        self.facts.append(Fact(relation, fillers, places, ended=True))
        self.spoken_of = None

    def _exchanged(self, relation: Relation) -> dict[str, str]:
        """The people of the last fact of this relation in other places: who was given something gives."""
        last = next(
            (fact for fact in reversed(self.facts) if fact.relation is relation and not fact.ended), None
        )
        other_slot = next(
            (slot for slot in ("r", "o") if relation.slots.get(slot) in ("person", "liking")), None
        )
        if last is None or other_slot is None or self._says(relation, last.fillers[other_slot]):
            return {}
        exchanged = {"s": last.fillers[other_slot]}
        return exchanged | ({other_slot: last.fillers["s"]} if self.rng.random() < 0.5 else {})

    def _says(self, relation: Relation, subject: str) -> bool:
        return any(fact.relation is relation and fact.fillers["s"] == subject for fact in self.facts)

    def _begin(self, joined: bool = False) -> None:
        if self.text.length:
            self.text.write(self.rng.choice(self.pack.joins[1:]) if joined else self.pack.joins[0])

    def _fill(self, share: float) -> None:
        """Sentences that say nothing of any fact."""
        while self.rng.random() < share:
            self._begin()
            self.spoken_of = None
            pattern = self.rng.choice(self.pack.filler)
            subjects = [fact.fillers["s"] for fact in self.facts if fact.relation.slots["s"] == "person"]
            people = {
                slot: self.rng.choice(subjects)
                if subjects and self.rng.random() < 0.6
                else self.new("person")
                for slot in slots_of(pattern)
            }
            written(self.text, chosen(self.rng, pattern), people)

    def _change(self, fact: Fact) -> None:
        """Ends a fact, or says that its object is now another."""
        relation = fact.relation
        if relation.ends and (not relation.changes or self.rng.random() < 0.4):
            self._end(fact)
            return
        # A change that leaves its subject out is about the fact just told.
        patterns = [chosen(self.rng, pattern) for pattern in relation.changes]
        patterns = [pattern for pattern in patterns if fact is self.facts[-1] or "s" in slots_of(pattern)]
        if not patterns:
            return
        self._begin(self.rng.random() < _JOINED)
        self.spoken_of = None
        new = self.new(relation.slots["o"])
        places = written(self.text, self.rng.choice(patterns), {**fact.fillers, "n": new})
        fact.fillers = {**fact.fillers, "o": new}
        fact.places = {**fact.places, "s": places.get("s", fact.places["s"]), "o": places["n"]}

    def _end(self, fact: Fact) -> None:
        """Says that a fact holds no longer; often another takes it on."""
        self._begin(self.rng.random() < _JOINED)
        written(self.text, chosen(self.rng, self.rng.choice(fact.relation.ends)), fact.fillers)
        fact.ended = True
        self.spoken_of = None
        if self.rng.random() < 0.6:
            self._begin()
            fillers = {**fact.fillers, "s": self.new(fact.relation.slots["s"])}
            statement = chosen(self.rng, self.rng.choice(fact.relation.statements))
            self.facts.append(Fact(fact.relation, fillers, written(self.text, statement, fillers)))


@dataclass(frozen=True)
class Asked:
    """A question for a slot of a relation, whose other slots have these fillers."""

    relation: Relation
    slot: str
    fillers: Mapping[str, str]

    def is_answered_by(self, fact: Fact) -> bool:
        """Whether the fact holds and is about these fillers."""
        slots = [name for name in self.relation.slots if name != self.slot]
        return (
            not fact.ended
            and fact.relation is self.relation
            and all(fact.fillers[name] == self.fillers[name] for name in slots)
        )

    def question(self, rng: random.Random, pack: Pack) -> str:
        """In words, with its fillers now and then said otherwise."""
        mentioned = {name: pack.mention(rng, filler) for name, filler in self.fillers.items()}
        question = Text()
        written(question, chosen(rng, rng.choice(self.relation.questions[self.slot])), mentioned)
        return str(question) + rng.choice(pack.asks)


def _answered(rng: random.Random, facts: Sequence[Fact]) -> tuple[Asked, tuple[int, int]] | None:
    """A question that one fact answers, and where."""
    possible = [
        (fact, slot)
        for fact in facts
        if not fact.ended
        for slot in fact.relation.questions
        if slot in fact.places
    ]
    if not possible:
        return None
    fact, slot = rng.choice(possible)
    asked = Asked(fact.relation, slot, fact.fillers)
    return (asked, fact.places[slot]) if sum(map(asked.is_answered_by, facts)) == 1 else None


def _unanswered(rng: random.Random, writer: Writer) -> Asked | None:
    """A question that no fact answers."""
    for make in rng.sample(
        (_of_new, _of_new, _of_other_relation, _of_ended, _of_ended, _of_anything, _crossed, _reversed), 4
    ):
        asked = make(rng, writer)
        if asked is not None and not any(map(asked.is_answered_by, writer.facts)):
            return asked
    return None


def _of_new(rng: random.Random, writer: Writer) -> Asked | None:
    """As for one of the facts, about somebody or something that the story never names."""
    fact = rng.choice(writer.facts)
    slot = rng.choice(list(fact.relation.questions))
    new = rng.choice([name for name in fact.fillers if name not in (slot, "k")])
    # A question that can leave this slot out would be answered.
    if any(new not in slots_of(pattern) for pattern in fact.relation.questions[slot]):
        return None
    return Asked(fact.relation, slot, {**fact.fillers, new: writer.new(fact.relation.slots[new])})


def _of_other_relation(rng: random.Random, writer: Writer) -> Asked | None:
    """Another thing about somebody of the story than what it says of them."""
    subjects = sorted({fact.fillers["s"] for fact in writer.facts if fact.relation.slots["s"] == "person"})
    relation = writer.relation()
    if (
        not subjects
        or relation.slots["s"] != "person"
        or "o" not in relation.questions
        or any(fact.relation is relation for fact in writer.facts)
    ):
        return None
    return Asked(relation, "o", {**writer.fillers(relation), "s": rng.choice(subjects)})


def _of_ended(rng: random.Random, writer: Writer) -> Asked | None:
    """What holds no longer."""
    ended = [fact for fact in writer.facts if fact.ended]
    if not ended:
        return None
    fact = rng.choice(ended)
    return Asked(fact.relation, rng.choice(("s", "o")), fact.fillers)


def _of_anything(rng: random.Random, writer: Writer) -> Asked:
    """What the story has nothing of."""
    relation = writer.relation()
    return Asked(relation, rng.choice(list(relation.questions)), writer.fillers(relation))


def _crossed(rng: random.Random, writer: Writer) -> Asked | None:
    """With an object that the story names in a fact of another kind."""
    first, second = rng.choice(writer.facts), rng.choice(writer.facts)
    same = first.relation is second.relation or first.fillers["s"] == second.fillers["s"]
    if same or "s" not in first.relation.questions:
        return None
    return Asked(first.relation, "s", {**first.fillers, "o": second.fillers["o"]})


def _reversed(rng: random.Random, writer: Writer) -> Asked | None:
    """Of whom something is done what they do: who is liked need not like."""
    fact = rng.choice(writer.facts)
    if fact.relation.slots["o"] not in ("person", "liking") or "o" not in fact.relation.questions:
        return None
    if rng.random() < 0.5:
        return Asked(fact.relation, "o", {**fact.fillers, "s": fact.fillers["o"]})
    return Asked(fact.relation, "s", {**fact.fillers, "o": fact.fillers["s"]})


def _unknowable(rng: random.Random, pack: Pack, writer: Writer) -> str:
    """A question of a kind that no story answers."""
    fillers = {"p": writer.new("person"), "o": writer.new("thing")}
    if writer.facts and rng.random() < 0.7:
        fact = rng.choice(writer.facts)
        fillers = {"p": fact.fillers["s"], "o": pack.mention(rng, fact.fillers["o"])}
    question = Text()
    written(question, chosen(rng, rng.choice(pack.unknowable)), fillers)
    return str(question) + rng.choice(pack.asks)
