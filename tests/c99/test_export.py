"""A model as C99: strict, without a library, equal to the runtime."""

import ctypes
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from keepgate import c99, runtime
from keepgate.arrays.functions import linear
from keepgate.data.bigrams import pairs_of
from keepgate.data.tagged import tagged_text
from keepgate.data.text import words
from keepgate.demo.pretrained import folders
from keepgate.errors import BundleError
from keepgate.tasks import Tagger
from keepgate.tasks.runtime_letters import MOST_LETTERS, letters_read
from keepgate.tasks.span.features import analyse, compare
from keepgate.tasks.span.settings import NEVER
from keepgate.tasks.tagger import TaggerSettings
from keepgate.tasks.tagger.content import tokens_to_look_up
from tests.c99.compiled import FLAGS, Compiled, compiler
from tests.runtime.models import ENGLISH, STORIES, TASKS, built, classifier, saved, with_large_weights

TOLERANCE = 1e-6
READS_TEXT = [
    name
    for name in TASKS
    if name.split(",")[0].split()[0] in ("choice", "classifier", "language", "multilabel")
]


def exported(model: Path, tmp_path: Path) -> tuple[Any, c99.CExport, Compiled]:
    result = c99.export(model, tmp_path / "c")
    return runtime.load(model), result, Compiled(tmp_path / "c", result.name)


def compared(task: Any, result: c99.CExport, compiled: Compiled) -> None:
    """The scores of texts of one token and of many are the runtime's."""
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    for text, question in ((STORIES[35].text, STORIES[35].question), ("魯夫", "誰"), (ENGLISH, "Who?")):
        if task.kind in ("classifier", "multilabel-classifier"):
            tokens = words(text)
            ids = [task.vocabulary.ids(tokens), task.pairs.ids(pairs_of(tokens))]
            theirs = task.scores(*ids)
            ours = compiled.run(np.array(ids[: compiled.ids]).T, **memory)
            if task.kind == "multilabel-classifier":
                (given,) = task.labels_given(task.probabilities([task.item(text)]))
                assert [label for label, score in zip(task.labels, ours, strict=True) if score >= 0] == [
                    *given
                ]
                theirs = theirs - np.log(task.thresholds / (1 - task.thresholds))
        elif task.kind == "choice-reader":
            ids, asked = (task.vocabulary.ids(words(part)) for part in (text, question))
            theirs = task.scores(ids, asked)
            parts = ([*ids, *asked],) if task.attention is None else (ids, asked)
            ours = compiled.run(*parts, **memory)
        else:
            ids = task.vocabulary.ids(words(text))
            read = task.continuation()
            theirs = [read(number) for number in ids][-1]
            ours = compiled.run(ids, **memory)
        assert np.abs(ours - theirs).max() < TOLERANCE * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("name", READS_TEXT)
def test_a_model_in_c_gives_the_scores_of_the_runtime(name: str, tmp_path: Path) -> None:
    compared(*exported(saved(built(name), tmp_path / "my model-1"), tmp_path))


@pytest.mark.parametrize("cell", ["layer_norm_lstm", "layer_norm_gru"])
def test_a_normalised_step_in_c_gives_the_scores_of_the_runtime(cell: str, tmp_path: Path) -> None:
    task = with_large_weights(classifier(cell=cell, hidden_size=11, num_layers=2))
    compared(*exported(saved(task, tmp_path / "model"), tmp_path))


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("span")])
def test_a_span_reader_in_c_gives_the_scores_and_answers_of_the_runtime(name: str, tmp_path: Path) -> None:
    task, result, compiled = exported(saved(built(name), tmp_path / "model"), tmp_path)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    items = [
        STORIES[0],
        STORIES[35],
        task.item("魯夫", "誰? 誰?"),
        task.item(ENGLISH, "Who sees 1,000 cats?"),
    ]
    for item in items:
        sides = [analyse(part, task.statistics) for part in (item.text, item.question)]
        theirs, no_answer = task.scores(*sides)
        theirs = theirs[:, : task.settings.max_answer_span]
        features = [values.astype(np.float16) for values in compare(*sides)]
        arrays = [
            (np.stack([side.ids, side.pairs], 1), values)
            for side, values in zip(sides, features, strict=True)
        ]
        scores, none, (first, last) = compiled.run_span(*arrays, **memory)
        possible = theirs > NEVER / 2
        assert np.abs(scores - theirs)[possible].max() < TOLERANCE * max(1, np.abs(theirs[possible]).max())
        assert (scores[~possible] < NEVER / 2).all()
        assert np.isnan(none) if no_answer is None else none == pytest.approx(no_answer, abs=TOLERANCE)
        answer = task.answer(item.text, item.question)
        tokens = sides[0].tokens
        assert (
            answer.text == ""
            if first < 0
            else (answer.start, answer.end) == (tokens.starts[first], tokens.ends[last])
        )


def test_a_span_reader_whose_scores_are_not_finite_answers_nothing(tmp_path: Path) -> None:
    reader, result, compiled = exported(saved(built("span"), tmp_path / "model"), tmp_path)
    side = analyse(ENGLISH, reader.statistics)
    features = compare(side, side)
    text, question = ((np.stack([side.ids, side.pairs], 1), values * np.nan) for values in features)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    assert compiled.run_span(text, question, **memory)[2] == (-1, -1)


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("tagger")])
def test_a_tagger_in_c_gives_the_scores_and_tags_of_the_runtime(name: str, tmp_path: Path) -> None:
    task, result, compiled = exported(saved(built(name), tmp_path / "model"), tmp_path)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    for text in (STORIES[35].text, ENGLISH, "Bob"):
        item = task.item(text)
        tokens = tokens_to_look_up(item)
        ids = [task.vocabulary.ids(tokens), task.pairs.ids(pairs_of(tokens))][
            : 1 if task.inputs.pair is None else 2
        ]
        rows = np.array(ids).T
        if task.letters is not None:
            letters = np.zeros((len(tokens), MOST_LETTERS), np.int32)
            for row, token in zip(letters, item.tokens.texts, strict=True):
                numbers = task.letters.ids(letters_read(token))
                row[: len(numbers)] = numbers
            rows = np.concatenate([rows, letters], 1)
        assert rows.shape[1] == compiled.ids
        scores, tags = compiled.run_tags(rows, **memory)
        theirs = task._emissions(item)
        assert np.abs(scores - theirs).max() < TOLERANCE * max(1, np.abs(theirs).max())
        (expected,) = task.tags([item])
        assert [task.choices[number] for number in tags] == [*expected]


@pytest.mark.parametrize("name", folders())
def test_a_shipped_network_in_c_gives_its_scores(name: str, tmp_path: Path) -> None:
    """They are those of the network in float64: over hundreds of steps the runtime too is that far from them."""
    task, result, compiled = exported(folders()[name], tmp_path)
    weights = {key: value.astype(np.float64) for key, value in weights_of(name).items()}
    start = "encoder.layer."
    inside = {key.removeprefix(start): value for key, value in weights.items() if key.startswith(start)}
    layer = runtime.Recurrent.from_state_dict(task.layer.cell, inside)
    for story in (STORIES[0], STORIES[35]):
        ids = task.vocabulary.ids([*words(story.text), *words(story.question)])
        states, _ = layer(weights["encoder.inputs.weight"][ids][:, None])
        exact = weights["readout.weight"] @ states[-1, 0] + weights["readout.bias"]
        ours = compiled.run(ids, state_bytes=result.state_bytes, workspace_bytes=result.workspace_bytes)
        assert np.abs(ours - exact).max() < TOLERANCE * np.abs(exact).max()


def weights_of(name: str) -> dict[str, Any]:
    return load_file(folders()[name] / "weights.safetensors")


def test_a_stream_is_read_step_by_step(tmp_path: Path) -> None:
    task, result, compiled = exported(folders()["en/lstm-chrono"], tmp_path)
    ids = task.vocabulary.ids(words("Luffy said he wants to be the king of the pirates."))
    state, output = np.zeros(result.state_bytes // 4, np.float32), np.zeros(64, np.float32)
    stepper = task.stepper()
    place = ctypes.c_void_p(state.ctypes.data)
    compiled.reset(place)
    for number in ids:
        token = np.array([number], np.int32)
        compiled.step(place, ctypes.c_void_p(token.ctypes.data), ctypes.c_void_p(output.ctypes.data))
        assert np.abs(stepper.step(task.embedding[number]) - output).max() < TOLERANCE


def test_what_it_takes_is_what_the_compiler_says(tmp_path: Path) -> None:
    """The bytes of the state, and of all constants, are those of the compiled file."""
    _, result, _ = exported(folders()["en/gru-chrono"], tmp_path)
    check = f"int main(void) {{ return sizeof({result.name}_state) != {result.state_bytes}; }}"
    source = f'#include "{result.name}.h"\n{check}\n'
    (tmp_path / "size.c").write_text(source)
    command = [compiler(), *FLAGS, "-I", tmp_path / "c", tmp_path / "size.c", "-o", tmp_path / "size"]
    subprocess.run(command, check=True)
    assert subprocess.run([tmp_path / "size"], check=False).returncode == 0
    assert result.weight_bytes == sum(array.nbytes for array in weights_of("en/gru-chrono").values())


def test_a_number_beyond_the_vocabulary_is_an_unknown_token(tmp_path: Path) -> None:
    task, result, compiled = exported(folders()["en/rnn"], tmp_path)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    wrong, unknown = (
        compiled.run(ids, **memory) for ids in ([5, -1, 10**6, len(task.vocabulary)], [5, 1, 1, 1])
    )
    assert np.array_equal(wrong, unknown)


def test_a_tagger_of_whole_texts_too_gives_their_labels(tmp_path: Path) -> None:
    texts = [
        replace(tagged_text(["play", name], ["O", "B-NAME"]), label=label)
        for name, label in (("Ann", "music"), ("Bob", "film"))
    ]
    settings = TaggerSettings(embedding_size=6, pair_size=0, letter_size=3, hidden_size=5, min_count=1)
    model = saved(with_large_weights(Tagger.build(texts, settings, seed=0)), tmp_path / "model")
    task, result, compiled = exported(model, tmp_path)
    item = task.item("play Bob Ann Bob")
    tokens = [*item.tokens.texts]
    letters = np.zeros((len(tokens), MOST_LETTERS), np.int32)
    for row, token in zip(letters, tokens, strict=True):
        row[: len(token)] = task.letters.ids(letters_read(token))
    rows = np.concatenate([np.array(task.vocabulary.ids(tokens_to_look_up(item)))[:, None], letters], 1)
    labels = np.full(2 + 16, 777, np.float32)
    memory = {"state_bytes": result.state_bytes, "workspace_bytes": result.workspace_bytes}
    scores, _ = compiled.run_tags(rows, labels, **memory)
    states = task._states(item)
    expected = linear(task.pooling(states), *task.label_readout)
    assert (labels[2:] == 777).all()
    assert np.abs(labels[:2] - expected).max() < TOLERANCE * max(1, np.abs(expected).max())
    assert np.abs(scores - task._emissions(item)).max() < 2 * TOLERANCE


@pytest.mark.parametrize("name", ["int", "INT32_MAX", "main", 'a "b"/../c', "海", "", "9", "_t", "a\nb"])
def test_any_name_becomes_one_of_c(name: str, tmp_path: Path) -> None:
    result = c99.export(folders()["en/rnn"], tmp_path / "c", name=name)
    assert sorted(path.name for path in (tmp_path / "c").glob("*.[ch]")) == [
        f"{result.name}.c",
        f"{result.name}.h",
    ]
    Compiled(tmp_path / "c", result.name)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(BundleError, match=r"holds main\.c"):
        c99.export(folders()["en/rnn"], tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["main.c"]


@pytest.mark.parametrize("page", ["deploy.md", "deploy.zh-TW.md"])
def test_the_c_of_the_guide_compiles_and_runs(page: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/guide" / page).read_text(encoding="utf-8")
    (program,) = re.findall(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    c99.export(folders()["en/lstm-chrono"], tmp_path / "c")
    (tmp_path / "main.c").write_text(program)
    files = [tmp_path / "main.c", tmp_path / "c/lstm_chrono.c", "-o", tmp_path / "main"]
    subprocess.run([compiler(), *FLAGS, "-I", tmp_path / "c", *files], check=True)
    assert subprocess.run([tmp_path / "main"], check=False).returncode == 0
