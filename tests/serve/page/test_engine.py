"""The networks in the browser answer as Python's: readings, interventions, origins, retention, lengths, gradients."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.site import BrowserNetworks, compare_interventions, compare_readings, in_float64, some_stories
from keepgate.cells.choices import CELL_NAMES
from keepgate.data.questions import Question
from keepgate.data.text import sentence_starts, tokenize
from keepgate.demo.short_weights import shorten_weights
from keepgate.demo.stories import pirate_king_story, stories, vocabulary_coverage_set
from keepgate.export import save
from keepgate.serve import gradients
from keepgate.serve.lengthen import lengthened
from keepgate.serve.models import Model, Models, served
from keepgate.serve.reading_cache import read_normalised
from keepgate.serve.routes import _story
from keepgate.serve.serialize import origin_json, reading_json, token_json
from keepgate.tasks import ChoiceReader
from keepgate.tasks.choice import ChoiceReaderSettings

# Both compute in float64; the rest is the order of the sums.
NEAR = 1e-6
# Of what Python's replies round to four digits.
ROUNDED = 2e-3
OTHERS = ("feedforward", "gru_reset_before", "layer_norm_gru", "layer_norm_lstm")
ELEMENTWISE = [name for name in CELL_NAMES if name not in OTHERS]


@pytest.fixture(scope="module")
def empty_page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def networks(empty_page: Any, models: Models) -> BrowserNetworks:
    return BrowserNetworks(empty_page, list(models))


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Readers of every cell, by the last state or by attention, of one layer or of two with both directions."""
    folders = {}
    for k, cell in enumerate(ELEMENTWISE):
        deep = k % 2 == 0
        settings = ChoiceReaderSettings(
            cell=cell, embedding_size=5, hidden_size=6, num_layers=1 + deep, bidirectional=deep,
            pooling="attention" if k % 4 < 2 else "last",
        )  # fmt: skip
        folder = tmp_path_factory.mktemp("readers") / f"{cell}-{settings.pooling}"
        task = ChoiceReader.build(vocabulary_coverage_set("zh"), settings, seed=k)
        shorten_weights(task)
        save(task, folder, card={"what": cell})
        folders[folder.name] = folder
    return folders


def body(model: Model, question: Question, **more: object) -> dict[str, Any]:
    return {"text": question.text, "question": question.question, "model": model.id, **more}


def assert_alike(here: Any, there: Any, where: str = "") -> None:
    """Replies of the same form: numbers to the digits that Python's have, all else the same."""
    if isinstance(here, dict):
        assert set(here) <= set(there), where
        for name in here:
            assert_alike(here[name], there[name], f"{where}.{name}")
    elif isinstance(here, list | tuple):
        assert len(here) == len(there), where
        for k, (one, other) in enumerate(zip(here, there, strict=True)):
            assert_alike(one, other, f"{where}[{k}]")
    elif isinstance(here, float) and isinstance(there, int | float):
        assert abs(here - there) <= ROUNDED * abs(here) + 1e-9, f"{where}: {here} {there}"
    else:
        assert here == there, where


def test_the_shipped_networks_read_alike(networks: BrowserNetworks, models: Models) -> None:
    found = compare_readings(networks, list(models), some_stories(8))
    assert found.compared == 40
    assert found.other_answers == 0
    assert max(found.probability, found.gates, found.states) < NEAR


def test_the_shipped_networks_answer_alike_under_changes(networks: BrowserNetworks, models: Models) -> None:
    found = compare_interventions(networks, list(models), some_stories(8), 40)
    assert found.other_answers == 0
    assert found.probability < NEAR


def test_readers_of_every_cell_do(browser: Any, readers: dict[str, Path]) -> None:
    own = [model for model in served(readers.values()) if not model.shipped]
    page = browser.new_page()
    networks = BrowserNetworks(page, own)
    questions = stories(2, 60, seed=3, language="zh")
    found = compare_readings(networks, own, questions)
    assert found.compared == 2 * len(ELEMENTWISE)
    changed = compare_interventions(networks, own, questions, 60)
    assert found.other_answers == changed.other_answers == 0
    assert max(found.probability, found.gates, found.states, changed.probability) < NEAR
    change = {"forget_bias": 0.5, "recurrent_scale": 1.5}
    (reply,) = networks.ask([("gradient", {"models": [model.id for model in own], "lags": 30, **change})])
    for model, line in zip(own, reply["lines"], strict=True):
        task = gradients.changed(in_float64(model).task, **change)
        values = gradients.gradient(task, model.item(gradients.story(model.story_language, 30)), 30)
        assert_alike(values.tolist(), line["values"], model.id)
    # A text of more tokens than can each be left out: those of most influence, by the derivatives, are tried.
    long = pirate_king_story(700, language="zh")
    replies = networks.ask([("answer", body(model, long)) for model in own[:4]])
    for model, reply in zip(own[:4], replies, strict=True):
        reading = read_normalised(in_float64(model), long)
        assert sorted(each["token"] for each in origin_json(reading)["tokens"]) == sorted(
            each["token"] for each in reply["tokens"]
        )
    page.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_replies_are_the_servers(language: Any, networks: BrowserNetworks, models: Models) -> None:
    own = [model for model in models if model.language == language]
    question = pirate_king_story({"zh": 100, "en": 400}[language], language=language)
    asked = []
    for model in own:
        reading = read_normalised(in_float64(model), question)
        here = {"model": model.id, **reading_json(model.task, reading), "error": None}
        here["answer"] = {
            name: here["answer"][name] for name in ("text", "probability", "guess", "candidates")
        }
        asked.append((("read", body(model, question, models=[model.id])), {"readings": [here]}))
        asked.append((("answer", body(model, question)), origin_json(reading)))
        if model.layer.cell.additive:
            for unit in (None, 7):
                where = {"token": 2, "layer": 0, "reverse": False, "unit": unit}
                asked.append(
                    (("token", body(model, question, **where)), token_json(reading, *where.values()))
                )
    wanted = {"language": language, "steps": 8, "to": 300}
    here = lengthened(map(in_float64, own), question, **wanted)
    ids = [model.id for model in own]
    longer = {"text": question.text, "question": question.question, "models": ids, **wanted}
    asked.append((("lengthen", longer), here))
    # Not of larger recurrent weights: a plain RNN is chaotic there, and the order of a sum is seen after 200 steps.
    for change in ((0.0, 1.0), (-3.0, 0.8)):
        changed = {"forget_bias": change[0], "recurrent_scale": change[1], "lags": 200}
        asked.append(
            (("gradient", {"models": ids, **changed}), gradients.lines(map(in_float64, own), **changed))
        )
    for seed in (0, 1, 23):
        example = {"language": language, "length": {"zh": 300, "en": 1200}[language], "seed": seed}
        asked.append((("story", example), _story(*example.values())))
    for (question_asked, here), there in zip(asked, networks.ask([each for each, _ in asked]), strict=True):
        assert_alike(here, there, question_asked[0])


# Products by the matrix and by its transpose, of every shape, by WebAssembly and by JavaScript; once more where WebAssembly's
# memory has grown since the first, so that its views have to be made anew.
PRODUCTS = """(shapes) => {
    const random = (count) => Float64Array.from({ length: count }, () => Math.random() - 0.5);
    const asked = shapes.map(([rows, columns]) => [
        rows, columns, random(rows * columns), random(rows + columns), random(rows + columns), Math.random(),
    ]);
    const products = ({ Matrix }) => {
        const matrices = asked.map(([rows, columns, data]) => new Matrix(data, rows, columns));
        const multiplied = () => matrices.map((matrix, k) => {
            const [, , , vector, into, scale] = asked[k];
            return [matrix, matrix.transposed].map((each) => [...each.addTo(new Float64Array(into), vector, scale)]);
        });
        multiplied();
        return { compiled: matrices[0].numbers === null, results: multiplied() };
    };
    const { WebAssembly: kept } = globalThis;
    const fast = products(keepgateEngine("engine/matrix.js"));
    globalThis.WebAssembly = undefined;
    const plain = products(keepgateEngine("engine/matrix.js"));
    globalThis.WebAssembly = kept;
    return { fast, plain, asked: asked.map((each) => each.slice(2).map((part) => part.length ? [...part] : part)) };
}"""


def test_webassembly_multiplies_as_javascript_does(networks: BrowserNetworks) -> None:
    shapes = [(1, 1), (3, 5), (16, 4), (17, 7), (256, 64), (64, 256), (130, 33)]
    reply = networks._page.evaluate(PRODUCTS, shapes)
    assert reply["fast"]["compiled"]
    assert not reply["plain"]["compiled"]
    assert reply["fast"]["results"] == reply["plain"]["results"]
    for (rows, columns), (data, vector, into, scale), results in zip(
        shapes, reply["asked"], reply["fast"]["results"], strict=True
    ):
        matrix = np.array(data).reshape(rows, columns)
        for each, result in zip((matrix, matrix.T), results, strict=True):
            count = len(each)
            wanted = np.array(into)
            wanted[:count] += scale * each @ np.array(vector[: each.shape[1]])
            np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-12)


def test_texts_are_cut_into_the_same_tokens_and_sentences(networks: BrowserNetworks, models: Models) -> None:
    rng = random.Random(5)
    parts = [
        *"魯夫說海賊王。，、？！?!.,:;()[]「」『』\"'_-—…·", " ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "\x1f", "𠮷", "😀", "👩‍👧",
        "e\u0301", "ﬁ", "Ａ", "１", "1", "22", "1,000", "3.5", "½", "²", "Mr. ", "Dr.", "A. ", "U.S.", "Luffy", "ŁódŹ", "hindī हिन्दी",
        "한국어", "かな", "ㄅㄆ", "עִבְרִית", "ไทย", "naïve", "İ", "ß", "\ufeff",
    ]  # fmt: skip
    texts = ["".join(rng.choices(parts, k=rng.randint(1, 40))) for _ in range(300)]
    found = networks._page.evaluate(
        """([characters, texts]) => {
            const text = keepgateEngine("engine/text.js");
            text.useCharacters(characters);
            return texts.map((each) => [text.tokenize(each), text.sentenceStarts(each)]);
        }""",
        [networks.characters, texts],
    )
    for text, (tokens, starts) in zip(texts, found, strict=True):
        here = tokenize(text)
        assert [list(here.texts), list(here.starts), list(here.ends)] == [
            tokens["texts"], tokens["starts"], tokens["ends"],
        ], repr(text)  # fmt: skip
        assert sentence_starts(text) == starts, repr(text)


def test_what_cannot_be_read_is_refused_as_by_the_server(networks: BrowserNetworks) -> None:
    told = {"model": "zh/rnn", "models": ["zh/rnn"]}
    cases = [
        ({"text": " ", "question": "誰?"}, "empty"),
        ({"text": "魯夫。" * 2000, "question": "誰?"}, "too_long"),
        ({"text": "魯夫。", "question": "誰?", "models": ["zh/none"]}, "unknown_model"),
    ]
    faults = [networks.fault("read", {**told, **each}) for each, _ in cases]
    assert [fault["code"] for fault in faults] == [code for _, code in cases]
    assert (
        networks.fault("token", {**told, "text": "魯夫。", "question": "誰?", "token": 0})["code"]
        == "no_memory"
    )
