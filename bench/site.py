"""Compares the networks in the browser with Python's: answers, probabilities, gates and states, and interventions.

    python -m bench.site [--stories 1000] [--interventions 200]

The experiment's networks read so many stories of the experiment, those that point so many open stories: each
network those of its language, here and in Chromium, by the code that `keepgate site` writes. Both compute in float64,
but Python takes an answer's probabilities of logits in float32. A fifth of the stories is read once more in float32, as
`keepgate serve` reads them, under "as_served": its differences are float32's rounding. Prints the largest differences
as JSON and writes results/site.json.
"""

import argparse
import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from keepgate.data.questions import Question
from keepgate.demo import pretrained
from keepgate.demo.open_stories.stories import open_stories
from keepgate.demo.stories import stories
from keepgate.lens.readers import Reading, counterfactual_answer
from keepgate.serve.models import Model, served
from keepgate.serve.reading_cache import read_normalised
from keepgate.site.folder import engine, language_data, network
from tests.tools import path_of

RESULTS = Path(__file__).parent / "results"
AT_ONCE = 20  # questions in one message to the browser
_DRIVER = """
const port = { waiting: new Map(), postMessage({ id, reply, fault }) { port.waiting.get(id)?.({ reply, fault }); } };
keepgateEngine("engine/worker.js").answerOn(port);
const send = (data) => port.onmessage({ data });
let asked = 0;
const askAll = (questions) => Promise.all(questions.map(([name, body]) => new Promise((resolve) => {
  port.waiting.set(asked += 1, resolve);
  send({ kind: "ask", id: asked, name, body });
})));
"""


class BrowserNetworks:
    """Some readers in a page of a browser."""

    def __init__(self, page: Any, models: Sequence[Model]) -> None:
        self._page = page
        page.add_script_tag(content=engine(models) + _DRIVER)
        basics = language_data()
        self.characters = basics["characters"]
        page.evaluate("(basics) => send({ kind: 'basics', ...basics })", basics)
        networks = [network(model) for model in models]
        page.evaluate("(networks) => send({ kind: 'networks', networks })", networks)

    def ask(self, questions: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The reply to each question."""
        replies: list[dict[str, Any]] = []
        for first in range(0, len(questions), AT_ONCE):
            batch = [list(question) for question in questions[first : first + AT_ONCE]]
            for answer in self._page.evaluate("(questions) => askAll(questions)", batch):
                assert answer.get("reply"), answer
                replies.append(answer["reply"])
        return replies

    def fault(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """What is said of a question that is refused."""
        (answer,) = self._page.evaluate("(questions) => askAll(questions)", [[name, body]])
        fault: dict[str, Any] = answer["fault"]
        return fault


@contextmanager
def browser_page() -> Iterator[Any]:
    """An empty page of Chromium."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path_of("chromium"))
        yield browser.new_page()
        browser.close()


@dataclass(kw_only=True)
class Differences:
    """Counts, and the largest absolute differences."""

    compared: int = 0
    other_answers: int = 0
    probability: float = 0.0
    gates: float = 0.0
    states: float = 0.0

    def answer(self, here: Any, there: dict[str, Any]) -> None:
        """Counts an answer with its candidates."""
        self.compared += 1
        self.other_answers += here.text != there["text"]
        shares = {each["text"]: each["probability"] for each in there["candidates"]}
        for text, share in here.candidates:
            # Two candidates as likely as each other may stand in either order at the end of the list.
            other = shares.get(text, there["candidates"][-1]["probability"])
            self.probability = max(self.probability, abs(share - other))


@cache
def in_float64(model: Model) -> Model:
    """The model with its weights in float64, as a browser computes: float32 differs from both by its own rounding."""
    return replace(model, task=copy.deepcopy(model.task).double())


def as_served(model: Model) -> Model:
    """The model in float32, as its folder has it."""
    return model


def compare_readings(
    networks: BrowserNetworks,
    models: Sequence[Model],
    questions: Sequence[Question],
    units: int = 2,
    *,
    precision: Callable[[Model], Model] = in_float64,
) -> Differences:
    """Differences of the readings of every question by every model, gates and states of some units at every token."""
    asked = [(model, question) for question in questions for model in models if fits(model, question)]
    bodies = [
        {"text": question.text, "question": question.question, "model": model.id} for model, question in asked
    ]
    replies = networks.ask([("read", {**body, "models": [body["model"]]}) for body in bodies])
    rng = random.Random(0)
    differences = Differences()
    for (model, question), body, reply in zip(asked, bodies, replies, strict=True):
        here, (there,) = read_normalised(precision(model), question), reply["readings"]
        assert list(here.tokens.texts) == there["tokens"]
        differences.answer(here.answer, there["answer"])
        _compare_places(networks, here, body, differences, rng, units)
    return differences


def _compare_places(
    networks: BrowserNetworks,
    here: Reading,
    body: dict[str, Any],
    differences: Differences,
    rng: random.Random,
    units: int,
) -> None:
    parts = here.trace.layers
    chosen = [
        (part, unit)
        for part in parts
        for unit in rng.sample(range(part[part.cell.memory_state].shape[2]), units)
    ]
    replies = networks.ask(
        [
            ("values", {**body, "layer": part.layer, "reverse": part.reverse, "unit": unit})
            for part, unit in chosen
        ]
    )
    for (part, unit), reply in zip(chosen, replies, strict=True):
        for name in part.names:
            here_values, there_values = part[name][:, 0, unit].tolist(), reply["values"][name]
            most = max(abs(a - b) for a, b in zip(here_values, there_values, strict=True))
            if name in part.cell.states:
                differences.states = max(differences.states, most)
            else:
                differences.gates = max(differences.gates, most)


def compare_interventions(
    networks: BrowserNetworks, models: Sequence[Model], questions: Sequence[Question], count: int
) -> Differences:
    """Differences of the answers under random changes: tokens removed, no writes, no erasures, all at once."""
    rng = random.Random(1)
    asked, differences = [], Differences()
    while len(asked) < count:
        question = rng.choice(questions)
        model = rng.choice([model for model in models if fits(model, question)])
        reading = read_normalised(in_float64(model), question)
        gated = bool(model.layer.cell.additive)
        changes = {
            kind: sorted(rng.sample(range(len(reading.tokens)), rng.randint(0, 3)))
            if gated or kind == "remove"
            else []
            for kind in ("remove", "drop", "keep")
        }
        answer = counterfactual_answer(
            reading, removed=changes["remove"], no_write=changes["drop"], no_erase=changes["keep"]
        )
        asked.append(
            (answer, {"text": question.text, "question": question.question, "model": model.id, **changes})
        )
    replies = networks.ask([("what-if", body) for _, body in asked])
    for (answer, _), reply in zip(asked, replies, strict=True):
        differences.answer(answer, reply["answer"])
    return differences


def fits(model: Model, question: Question) -> bool:
    """Whether a model reads the question's language; a user's own reads all."""
    return model.language is None or (model.language == "zh") == any(
        letter > "\u3000" for letter in question.text
    )


def shipped_pointers(models: Sequence[Model]) -> list[Model]:
    """The shipped models that point at an answer."""
    return [model for model in models if model.shipped and not model.form]


def some_stories(count: int) -> list[Question]:
    """Stories of both languages and several lengths."""
    lengths = {"zh": (40, 100, 200, 300), "en": (120, 300, 600, 900)}
    per = -(-count // 8)
    return [
        question
        for language, sizes in lengths.items()
        for length in sizes
        for question in stories(per, length, seed=17, split="test", language=language)
    ][:count]


def own_sentences(count: int) -> list[Question]:
    """Stories as people type them, in both languages."""
    return [
        question
        for language in pretrained.LANGUAGES
        for question in open_stories(count // 2, seed=17, language=language)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--interventions", type=int, default=200)
    arguments = parser.parse_args()
    models = list(served())
    kinds = {
        "choice readers": ([model for model in models if model.form], some_stories(arguments.stories)),
        "pointer readers": (shipped_pointers(models), own_sentences(arguments.stories)),
    }
    result = {}
    with browser_page() as page:
        networks = BrowserNetworks(page, models)
        for kind, (of_kind, questions) in kinds.items():
            result[kind] = {
                "stories": len(questions),
                "readings": vars(compare_readings(networks, of_kind, questions)),
                "as_served": vars(compare_readings(networks, of_kind, questions[::5], precision=as_served)),
                "interventions": vars(
                    compare_interventions(networks, of_kind, questions, arguments.interventions)
                ),
            }
    text = json.dumps(result, indent=1)
    (RESULTS / "site.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
