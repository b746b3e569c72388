"""A small corpus: short lives of invented people, with questions whose answers stand in them."""

import random

import pytest

from keepgate.data.questions import Question
from keepgate.tasks.span.corpus_statistics import CorpusStatistics
from keepgate.tasks.span.settings import SpanReaderSettings

NAMES = ("王小明", "陳大文", "林美玉", "張志強", "李淑芬", "黃國華", "吳佳玲", "蔡文雄")
TOWNS = ("臺北市", "高雄港", "花蓮縣", "新竹", "Hualien", "澎湖群島", "淡水", "臺東縣")
WORKS = ("漁夫", "小學老師", "木匠", "中醫師", "電車司機", "畫家", "麵包師傅", "郵差")


def life(number: int) -> list[Question]:
    """One text and three questions about it; the same number gives the same."""
    rng = random.Random(number)
    name, town, work = rng.choice(NAMES), rng.choice(TOWNS), rng.choice(WORKS)
    year = str(rng.randint(1850, 1999))
    text = f"{name}出生於{year}年,父親早逝。他從小住在{town}的海邊;長大以後當了{work}，並且一直很快樂。"
    asked = (
        (f"{name}是哪一年出生的?", year),
        (f"{name}從小住在哪裡?", town),
        (f"{name}長大以後當了什麼?", work),
    )
    return [
        Question(
            text=text, question=ask, answers=(answer,), starts=(text.index(answer),), id=f"{number}-{place}"
        )
        for place, (ask, answer) in enumerate(asked)
    ]


@pytest.fixture(scope="session")
def questions() -> list[Question]:
    return [question for number in range(40) for question in life(number)]


@pytest.fixture(scope="session")
def settings() -> SpanReaderSettings:
    return SpanReaderSettings(
        embedding_size=16,
        pair_size=8,
        most_pairs=500,
        hidden_size=16,
        dropout=0.0,
        mask_rate=0.0,
        window=24,
        max_train_span=8,
        max_answer_span=8,
    )


@pytest.fixture(scope="session")
def counted(questions: list[Question]) -> CorpusStatistics:
    texts = list(dict.fromkeys(question.text for question in questions))
    return CorpusStatistics.count(texts, (question.question for question in questions), most_pairs=500)
