"""g2pM on the CPP test sentences: its package's answers against its network with keepgate's layers, and the reasons.

    pip install --no-deps g2pM
    python -m bench.polyphones [--data ../shared/data/cpp_polyphones] [--explained 5]

Each sentence has one character whose reading is asked for. Counts how often the two agree and how often they are right,
times both on one sentence a call, and explains right and wrong answers about different characters, evenly through the
sentences, with `keepgate.lens.explain`. Writes results/polyphones.json.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.progress import track
from torch import nn

import keepgate
from bench.machine import machine
from bench.markdown import RESULTS
from bench.models import g2pm
from keepgate import lens
from keepgate.cli.inputs import evenly

MARK = "▁"
# Characters that the network reads before and after a sentence.
BEGIN, END, UNKNOWN = "시", "끝", "<UNK>"


class Sentence(NamedTuple):
    """A sentence, the place of the character whose reading is asked for, and that reading."""

    text: str
    place: int
    reading: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/cpp_polyphones"))
    parser.add_argument("--explained", type=int, default=5, help="right answers, and as many wrong ones")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sentences = read(asked.data)
    from g2pM import G2pM as Package

    package, (network, _) = Package(), g2pm()
    network.eval()
    theirs, their_seconds = timed(sentences, "g2pM", lambda s: package(s.text, char_split=True)[s.place])
    answers, seconds = {}, {}
    for name in ("torch.nn", "keepgate"):
        if name == "keepgate":
            keepgate.swap(network, frozen=True)
        answers[name], seconds[name] = timed(sentences, name, lambda s: reading(network, package, s))
    ours = answers["keepgate"]
    right = [answer == sentence.reading for answer, sentence in zip(ours, sentences, strict=True)]
    shown = [k for wanted in (True, False) for k in chosen(sentences, right, wanted, asked.explained)]
    keepgate.unswap(network)
    result = {
        "machine": machine(), "sentences": len(sentences),
        "equal": sum(map(str.__eq__, ours, theirs)), "right": sum(right),
        "package_right": sum(answer == s.reading for answer, s in zip(theirs, sentences, strict=True)),
        "seconds": {"g2pM": their_seconds, **seconds},
        "explained": [explained(network, package, sentences[k]) for k in shown],
    }  # fmt: skip
    (RESULTS / "polyphones.json").write_text(
        json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(json.dumps(result, indent=1, ensure_ascii=False))


def read(folder: Path, part: str = "test") -> list[Sentence]:
    """The sentences of one part."""
    lines, labels = (
        (folder / f"{part}.{ending}").read_text(encoding="utf-8").splitlines() for ending in ("sent", "lb")
    )
    return [
        Sentence(line.replace(MARK, ""), line.index(MARK), label)
        for line, label in zip(lines, labels, strict=True)
    ]


def chosen(sentences: list[Sentence], right: list[bool], wanted: bool, count: int) -> list[int]:
    """Sentences answered rightly, or wrongly, about as many characters, evenly through the list."""
    first = {}
    for k, (sentence, is_right) in enumerate(zip(sentences, right, strict=True)):
        if is_right == wanted:
            first.setdefault(sentence.text[sentence.place], k)
    return evenly([*first.values()], count)


def timed(sentences: list[Sentence], name: str, answer: Any) -> tuple[list[str], float]:
    """The answers, and the seconds that all took."""
    started = time.perf_counter()
    answers = [answer(sentence) for sentence in track(sentences, name)]
    return answers, time.perf_counter() - started


def ids_of(package: Any, text: str) -> torch.Tensor:
    """[1, characters + 2]."""
    numbers = package.char2idx
    return torch.tensor([[numbers.get(letter, numbers[UNKNOWN]) for letter in (BEGIN, *text, END)]])


@torch.inference_mode()
def reading(network: nn.Module, package: Any, sentence: Sentence) -> str:
    """The network's reading of the character."""
    best = int(network(ids_of(package, sentence.text))[0, sentence.place + 1].argmax())
    answer: str = package.idx2class[best]
    return answer


def explained(network: nn.Module, package: Any, sentence: Sentence) -> dict[str, Any]:
    """What the answer rests on: the three characters whose leaving out changes it most, and the answer without each."""
    labels = [package.idx2class[number] for number in range(len(package.idx2class))]
    explanation = lens.explain(
        network, ids_of(package, sentence.text), tokens=["[", *sentence.text, "]"], labels=labels,
        step=sentence.place + 1,
    )  # fmt: skip
    effects = [effect for effect in explanation.token_effects if effect.step != sentence.place + 1][:3]
    return {
        "text": sentence.text, "place": sentence.place, "reading": sentence.reading,
        "answer": explanation.answer.text, "probability": explanation.answer.probability,
        "effects": [
            {
                "token": effect.token, "step": effect.step - 1, "without": effect.without.text,
                "probability": effect.without.probability,
            }
            for effect in effects
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
