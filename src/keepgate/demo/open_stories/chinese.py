"""The Chinese pack: fillers of characters drawn at random, Traditional and Simplified."""

import random
import re

from .chinese_relations import RELATIONS
from .grammar import Relation
from .pack import Pack, Words

_WORDS = Words("zh")
_SURNAMES, _CHARACTERS = _WORDS.letters("surnames"), _WORDS.letters("characters")
_SIMPLIFIED: dict[int, str] = {ord(pair[0]): pair[1] for pair in _WORDS.pairs("simplified")}
_HALF_WIDTH = str.maketrans("，。？", ",.?")

_TIMES = "{||||昨天|今天|早上|上週|剛剛|也|自己|去年|一直|常常|真的|在學校|在路上|說他|偷偷|終於}"
_WHOM = {
    "thing": "{什麼|甚麼|啥|哪個|什麼東西}",
    "food": "{什麼|啥|什麼東西}",
    "person": "{誰|什麼人|哪個人}",
}
_COUNTED = re.compile(r"[一兩二三四五六七八九十][隻個台支輛件頂把束朵條棟艘架顆張本塊封杯碗根枝位名頭]")
_COLOURS = ("紅色的", "藍色的", "白色的", "小", "大", "新的", "舊", "很多", "奇怪的", "漂亮的")
_TITLES = ("先生", "小姐", "太太", "老師", "醫生", "媽媽", "同學", "董")
_LATIN = [
    "Tom",
    "Mary",
    "Amy",
    "Ken",
    "John",
    "Lisa",
    "A",
    "B",
    "Peter",
    "Jason",
    "Kevin",
    "Emma",
    "Anna",
    "Leo",
]
_MADE_UP_VERBS = 120
_RARE = 0.2  # so many characters of what is made up are any of these, which hardly anybody knows
_RARE_CHARACTERS = (0x4E00, 0x9FA5)
_RELATIVES = (
    "爸爸",
    "媽媽",
    "哥哥",
    "姐姐",
    "弟弟",
    "妹妹",
    "朋友",
    "同學",
    "狗",
    "貓",
    "老師",
    "鄰居",
    "表哥",
    "老婆",
)
_COUNTS = ("一隻", "一隻", "兩隻", "三隻", "一條", "一頭", "", "", "很多")
# What made-up fillers of a kind begin and end with.
_AFTER = {
    "profession": ("師", "王", "員", "家", "手", "者", "長", "", "", "神", "人"),
    "place": ("國", "市", "山", "村", "島", "城", "店", "", "", "", "街", "鎮"),
}
_BEFORE = {"doing": ("打", "吃", "學", "看", "玩", "找", "做", "去", "變", "買")}


def _verb(verb: str, kind: str, weight: float = 0.14) -> Relation:
    """Something done with this verb, and wording with it. verb: as the story says it:as/the/question/may."""
    phrase, wording = _forms(verb)
    base = phrase.removesuffix("了")
    other_orders = (
        (f"<o>{{被|讓}}<s>{phrase}", f"<s>{{|昨天|今天}}把<o>{phrase}")
        if phrase.endswith("了") and kind == "thing"
        else ()
    )
    whom = _WHOM[kind]
    return Relation(
        weight=weight,
        slots={"s": "person", "o": kind},
        statements=(
            *2 * (f"<s>{_TIMES}{phrase}<o>",),
            f"{{昨天|今天|有一天|早上}}<s>{phrase}<o>",
            *other_orders,
        ),
        denials=(f"<s>{{沒|沒有|不想|不要}}{base}<o>",),
        questions={
            "s": (f"{{誰|誰|是誰|哪個人}}{wording}<o>{{||呢|的|了}}", f"誰{_TIMES}{wording}<o>"),
            "o": (
                f"<s>{wording}{whom}{{|呢}}",
                f"<s>{_TIMES}{wording}{whom}",
                f"<s>{base}的是{whom}",
            ),
        },
    )


def _forms(verb: str) -> tuple[str, str]:
    phrase, _, wording = verb.partition(":")
    return phrase, f"{{{(wording or phrase).replace('/', '|')}}}"


def _verb_at(verb: str, kind: str) -> Relation:
    """The same, done at a place."""
    phrase, wording = _forms(verb)
    where, whom = "{哪裡|哪|哪兒|什麼地方}", _WHOM[kind]
    return Relation(
        weight=0.035,
        slots={"s": "person", "l": "place", "o": kind},
        statements=(f"<s>{{|昨天|今天|早上}}{{在|在|去|到}}<l>{{||裡}}{phrase}<o>",),
        questions={
            "s": (f"誰在<l>{wording}<o>", f"誰{wording}<o>"),
            "l": (f"<s>{{在|是在|去}}{where}{wording}<o>", f"<o>是在{where}{phrase.removesuffix('了')}的"),
            "o": (f"<s>{{在|去}}<l>{wording}{whom}", f"<s>{wording}{whom}"),
        },
    )


def _verb_with(verb: str, kind: str) -> Relation:
    """The same, done with somebody."""
    phrase, wording = _forms(verb)
    whom = _WHOM[kind]
    return Relation(
        weight=0.025,
        slots={"s": "person", "r": "person", "o": kind},
        statements=(f"<s>{{|昨天|今天}}{{和|跟}}<r>{{|一起}}{phrase}<o>",),
        questions={
            "s": (f"誰{{和|跟}}<r>{{|一起}}{wording}<o>",),
            "r": (f"<s>{{是|}}{{和|跟}}誰{{|一起}}{wording}<o>",),
            "o": (f"<s>{{和|跟}}<r>{{|一起}}{wording}{whom}",),
        },
    )


def _made_up_verbs() -> list[tuple[str, str]]:
    rng = random.Random("verbs")
    bases = [_drawn(rng, 1, 2, 2) for _ in range(_MADE_UP_VERBS)]
    forms = [rng.choice((f"{base}了:{base}了/{base}", f"{base}了:{base}了/{base}", base)) for base in bases]
    return [(form, rng.choice(("thing", "person", "food"))) for form in forms]


def _drawn(rng: random.Random, *counts: int) -> str:
    return "".join(
        chr(rng.randint(*_RARE_CHARACTERS)) if rng.random() < _RARE else rng.choice(_CHARACTERS)
        for _ in range(rng.choice(counts))
    )


def _person(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.06:
        return f"{rng.choice(_WORDS.of_kind['person'])}的{rng.choice(_RELATIVES)}"
    if form < 0.36:
        return rng.choice(_WORDS.of_kind["person"])
    if form < 0.6:
        return rng.choice(_SURNAMES) + _drawn(rng, 1, 2, 2, 2)
    if form < 0.75:
        return rng.choice("小阿老大") + _drawn(rng, 1)
    if form < 0.8:
        return rng.choice(_SURNAMES) + rng.choice(_TITLES)
    return rng.choice(_LATIN) if form < 0.85 else _drawn(rng, 2, 2, 2, 3, 3, 4)


def _fill(rng: random.Random, kind: str) -> str:
    if kind == "any":
        kind = rng.choice(("person", "place", "thing", "profession", "person", "place", "food", "animal"))
    if kind == "entity" and rng.random() < 0.5:
        kind = rng.choice(("person", "place"))
    form = rng.random()
    if kind == "person" or (kind == "liking" and form < 0.12):
        return _person(rng)
    words = _WORDS.of_kind[kind]
    if kind == "animal":
        return rng.choice(_COUNTS) + (rng.choice(words) if form < 0.85 else _drawn(rng, 2))
    if form < 0.68 or kind in ("attribute", "entity"):
        return rng.choice(words)
    if kind in ("thing", "food", "liking") and form < 0.78:
        return rng.choice("一一一兩三五") + rng.choice("個隻台支輛件把條張本") + _drawn(rng, 1, 2, 2)
    if kind in ("thing", "food", "liking", "place") and form < 0.84:
        return rng.choice(_COLOURS) + rng.choice(words)
    if kind in ("thing", "food") and form > 0.95:
        return f"{_person(rng)}的{rng.choice(words)}"
    made_up = _drawn(rng, 1, 2, 2, 3)
    return rng.choice(_BEFORE.get(kind, ("",))) + made_up + rng.choice(_AFTER.get(kind, ("",)))


def _mention(rng: random.Random, filler: str) -> str:
    """Often without the number and classifier in front, without 我 before a relative, without whose or which it is."""
    if "的" in filler[1:-1] and rng.random() < 0.4:
        return filler.rpartition("的")[2]
    if _COUNTED.match(filler) and len(filler) > 2 and rng.random() < 0.6:
        return filler[2:]
    return filler[1:] if filler.startswith("我") and len(filler) > 1 and rng.random() < 0.5 else filler


def _finish(rng: random.Random, text: str, question: str) -> tuple[str, str]:
    """Now and then in Simplified characters, or with half-width punctuation."""
    if rng.random() < 0.4:
        text, question = text.translate(_SIMPLIFIED), question.translate(_SIMPLIFIED)
    if rng.random() < 0.08:
        text, question = text.translate(_HALF_WIDTH), question.translate(_HALF_WIDTH)
    return text, question


CHINESE = Pack(
    relations=(
        *RELATIONS,
        *(make(*verb) for make in (_verb, _verb_at, _verb_with) for verb in _WORDS.verbs()),
        *(_verb(*verb, weight=0.06) for verb in _made_up_verbs()),
    ),
    fill=_fill,
    mention=_mention,
    filler=_WORDS.sentences("filler"),
    unknowable=_WORDS.sentences("unknowable"),
    pronouns=("他", "她", "", "他", ""),
    joins=(
        "。",
        "，",
        "，而",
        "，但",
        "，可是",
        "，",
        "；",
        "！",
        "\n",
        "，但是",
        "，然後",
        "。但是",
        " ",
        "，所以",
    ),
    stops=("。", "。", "。", "。", "。", "", "！", "\n"),
    asks=("？", "？", "？", "?", "?", "", "", "呢？", "？？"),
    finish=_finish,
)
