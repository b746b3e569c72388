"""Templates of the synthetic stories, in Chinese and English: names, goals, facts, questions, distractors."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class StoryTemplates:
    """One language's templates.

    A goal is a domain and a rank, such as 海賊 and 王, so that a goal can be new while both its parts are known.
    fact, question: with {name} and {goal}. distractors: sentences with {a}, {b}, two of the people, or with neither.
    between: the separator of two sentences.
    """

    names: tuple[str, ...]
    domains: tuple[str, ...]
    ranks: tuple[str, ...]
    goal: str
    fact: str
    question: str
    distractors: tuple[str, ...]
    between: str


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# No two names share a character, so that one character is enough to tell whom a story means.
CHINESE = StoryTemplates(
    names=_split("魯夫 娜美 索隆 喬巴 羅賓 志豪 雅婷 阿強 淑芬 建宏 佳穎 俊傑 心怡 大雄 靜香 曉明"),
    domains=_split("海賊 棒球 圍棋 魔術 漫畫 美食 音樂 舞蹈"),
    ranks=tuple("王神迷通星帝霸后"),
    goal="{domain}{rank}",
    fact="{name}說他想成為{goal}。",
    question="是誰想要成為{goal}?",
    distractors=(
        "下雨了。",
        "風很大。",
        "天色慢慢暗了。",
        "{a}笑了。",
        "{a}回家了。",
        "{a}在家看書。",
        "{a}昨天沒睡好。",
        "{a}說今天很熱。",
        "{a}想吃一碗麵。",
        "{a}說他想去看{b}。",
        "{a}和{b}去釣魚。",
        "{a}借了{b}一本書。",
        "{a}和{b}在公園散步。",
        "{a}在門口等{b}很久。",
        "{a}問{b}晚上吃什麼。",
        "{a}送給{b}一盒巧克力。",
        "{a}早上在市場遇見{b}。",
        "{a}和{b}一起坐火車去山上。",
        "{a}把傘忘在{b}的家裡了。",
    ),
    between="",
)

ENGLISH = StoryTemplates(
    names=_split("Luffy Nami Zoro Robin Alice Ben Carol David Emma Frank Grace Henry Iris Jack Kate Leo"),
    domains=_split("pirate baseball chess magic comic food music dance"),
    ranks=_split("king god fan expert star emperor boss queen"),
    goal="the {domain} {rank}",
    fact="{name} says he wants to become {goal}.",
    question="Who wants to become {goal}?",
    distractors=(
        "It rains.",
        "It is windy.",
        "It is slowly getting dark.",
        "{a} laughs.",
        "{a} goes home.",
        "{a} reads at home.",
        "{a} slept badly last night.",
        "{a} says it is hot today.",
        "{a} wants to eat noodles.",
        "{a} says he wants to see {b}.",
        "{a} and {b} go fishing.",
        "{a} lends {b} a book.",
        "{a} and {b} walk in the park.",
        "{a} waits for {b} at the door.",
        "{a} asks {b} what is for dinner.",
        "{a} gives {b} a box of chocolates.",
        "{a} met {b} at the market.",
        "{a} and {b} take the train to the hills.",
        "{a} left an umbrella at the house of {b}.",
    ),
    between=" ",
)

STORY_TEMPLATES: dict[str, StoryTemplates] = {"zh": CHINESE, "en": ENGLISH}
