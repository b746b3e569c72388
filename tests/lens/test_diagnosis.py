"""The verdict and the report say the same in English and in Traditional Chinese, number by number."""

import dataclasses
import math
import re
from typing import get_args

import pytest
import torch

from keepgate.errors import SettingsError
from keepgate.lens import examine
from keepgate.lens.diagnosis.verdict import Fault, Findings
from keepgate.lens.report.labels import LANGUAGES, table
from tests.lens.findings import HEALTHY, TABLE, verdict

MORE = [
    {"horizon": 3, "explodes": True, "exponent": 0.2, "decay": math.nan},
    {"horizon": 1, "needed": 12_345, "vanishing_lag": 4321, "half_life": None},
]
CASES = [*(changes for changes, _, _ in TABLE), *MORE]
HAN = re.compile(r"[\u3400-\u9fff]")


def numbers(said: str) -> list[str]:
    """Every number with its sign and its percent sign, in order of size."""
    return sorted(re.findall(r"[-+]?\d[\d,]*(?:\.\d+)?%?", said))


@pytest.mark.parametrize("changes", CASES)
def test_the_chinese_sentence_has_the_numbers_of_the_english_one(changes):
    found = verdict(Findings(**{**HEALTHY, **changes}))
    english, chinese = found.text("en"), found.text("zh-TW")
    assert found.sentence == english == str(found)
    assert not HAN.search(english)
    assert HAN.search(chinese)
    assert chinese.endswith("。")
    assert "{" not in english + chinese
    assert numbers(english) == numbers(chinese)
    # Between a Chinese character and a number stands a blank.
    assert not re.search(r"[\u3400-\u9fff][\dA-Za-z]|[\dA-Za-z%][\u3400-\u9fff]", chinese)


def test_these_are_all_the_faults_and_all_the_words(monkeypatch):
    from keepgate.lens.report import diagnosis_text as diagnosis

    said = set()
    real = diagnosis.msg
    monkeypatch.setattr(diagnosis, "msg", lambda key, **parts: said.add(key) or real(key, **parts))
    faults = set()
    for changes in CASES:
        found = verdict(Findings(**{**HEALTHY, **changes}))
        faults.add(found.fault)
        found.text("zh-TW")
    assert faults == set(get_args(Fault))
    assert said == {key for key in table() if key.startswith("verdict.")}


class Last(torch.nn.Module):
    """Answers from the last state of a torch layer."""

    def __init__(self, kind: type[torch.nn.RNNBase]) -> None:
        super().__init__()
        self.layer, self.head = kind(2, 4, batch_first=True), torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][:, -1])


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.RNN])
def test_a_report_is_said_line_by_line_in_both(kind):
    torch.manual_seed(0)
    report = examine(Last(kind), [(torch.randn(6, 20, 2), torch.randint(2, (6,)))])
    english, chinese = (report.text(language).splitlines() for language in LANGUAGES)
    assert str(report) == "\n".join(english)
    assert english[0] == f"layer: {report.verdict.text('en')}"
    assert chinese[0] == f"layer：{report.verdict.text('zh-TW')}"
    assert len(english) == len(chinese) == (8 if kind is torch.nn.LSTM else 7)
    for one, other in zip(english, chinese, strict=True):
        # "95 %" in one, "95%" in the other.
        assert numbers(one.replace(" %", "%")) == numbers(other) != []
        assert HAN.search(other)
        assert other.startswith("  ") == one.startswith("  ")


@pytest.mark.parametrize(
    ("factor", "english", "chinese"),
    [
        (0.5, "(decay length 1.4 steps)", "（衰減長度 1.4 步）"),
        (1.25, "(growing by e in 4.5 steps)", "（每往回 4.5 步放大 e 倍）"),
        (1.0, "(it neither decays nor grows)", "（不衰減也不放大）"),
    ],
)
def test_a_gradient_that_grows_is_not_said_to_decay(factor, english, chinese):
    torch.manual_seed(0)
    report = examine(Last(torch.nn.LSTM), [(torch.randn(6, 20, 2), torch.randint(2, (6,)))])
    report = dataclasses.replace(report, gradient=factor ** torch.arange(20.0))
    assert english in report.text("en")
    assert chinese in report.text("zh-TW")


def test_a_language_that_is_not_spoken_is_refused_by_name():
    found = verdict(Findings(**HEALTHY))
    with pytest.raises(SettingsError, match="language is 'zh'; choose one of zh-TW, en"):
        found.text("zh")
