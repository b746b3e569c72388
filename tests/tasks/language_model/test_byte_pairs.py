"""Byte pairs: every text is read, places stay in it, models are saved with merges, and what is missing is named."""

import sys
from pathlib import Path

import numpy as np
import pytest

from keepgate import runtime
from keepgate.data.labelled import LabelledText
from keepgate.errors import CorpusError, PackageMissing, SettingsError
from keepgate.export import load, save
from keepgate.lens import explain
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings, Writer
from keepgate.tasks.language_model.byte_pairs import BYTES, BytePairs
from keepgate.train import TrainingConfig, fit

TEXT = "the sea and the ship, the ship and the sea\n海賊王說海賊王 the sea\n" * 20
ODD = ("👩\u200d🚀 cafe\u0301 שלום 好", "a", "\n\n  x\t", "海", "no such words: Ωmega 𝔘")


def built(**settings: object) -> LanguageModel:
    chosen = {"most_tokens": 300, "embedding_size": 8, "hidden_size": 12, **settings}
    return LanguageModel.build(
        [LabelledText(text=TEXT)], LanguageModelSettings(tokens="byte_pairs", **chosen), seed=0
    )


def test_what_is_merged_are_the_frequent_pieces() -> None:
    task = built()
    assert len(task.vocabulary) <= 302
    assert {*BYTES} <= {*task.vocabulary.to_json()}
    assert "␣the" in task.choices
    assert task.tokeniser.tokens(" the sea").texts == (" the", " sea")
    assert len(task.ids("海賊王")) < 9, "nine bytes"


@pytest.mark.parametrize("text", [TEXT[:90], *ODD])
def test_any_text_is_its_tokens_and_places(text: str) -> None:
    tokeniser = built().tokeniser
    tokens, ids = tokeniser.tokens(text), tokeniser.ids(text)
    assert len(tokens) == len(ids)
    assert ids.min() >= 2, "no token is unknown"
    assert "".join(tokeniser.texts((tokeniser.vocabulary.token(k) for k in ids.tolist()), "")) == text
    assert (tokens.starts[0], tokens.ends[-1]) == (0, len(text))
    for token, start, end in zip(tokens.texts, tokens.starts, tokens.ends, strict=True):
        assert text[start:end] == token
    assert np.all(np.diff(tokens.starts) >= 0)
    assert np.all(np.diff(tokens.ends) >= 0)
    covered = {
        place for start, end in zip(tokens.starts, tokens.ends, strict=True) for place in range(start, end)
    }
    assert covered == set(range(len(text)))


def test_parts_of_a_character_are_shown_as_bytes_and_written_when_it_is_whole() -> None:
    tokeniser = built().tokeniser
    names, ids = tokeniser.names(), tokeniser.ids("Ω")
    assert [names[k] for k in ids.tolist()] == ["<CE>", "<A9>"]
    first, second = (tokeniser.vocabulary.token(k) for k in ids.tolist())
    assert list(tokeniser.texts([first, second], "")) == ["", "Ω"]
    assert list(tokeniser.texts([first, "a"], "")) == ["", "\ufffda"]
    assert list(tokeniser.texts([first], "")) == ["", "\ufffd"]


def test_it_learns_is_saved_and_goes_on_without_torch(tmp_path: Path) -> None:
    task = built()
    stream = task.stream([LabelledText(text=TEXT)])
    before = task.measure([LabelledText(text=TEXT)]).values()
    fit(
        task,
        TrainingConfig(steps=60, batch_size=4, bptt_steps=16, learning_rate=1e-2),
        stream=stream,
        progress=False,
    )
    after = task.measure([LabelledText(text=TEXT)]).values()
    assert after["bits_per_character"] < 0.5 * before["bits_per_character"]
    save(task, tmp_path / "model", card={})
    again, alone = load(tmp_path / "model"), runtime.load(tmp_path / "model")
    assert again.ids(ODD[0]) == task.ids(ODD[0])
    (answer,) = task.predict([task.item("the sea and")])
    for model in (again, alone):
        (other,) = model.predict([model.item("the sea and")])
        assert (other.text, other.probability) == (answer.text, pytest.approx(answer.probability, abs=1e-6))
        assert "".join(Writer(model, seed=3).write("the", 30)) == "".join(
            Writer(task, seed=3).write("the", 30)
        )
    found = explain(task, "the ship and the")
    assert found.tokens.texts == task.tokeniser.tokens("the ship and the").texts


def test_bits_a_character_count_the_characters_of_the_text() -> None:
    task = built()
    (record,) = task.measure([LabelledText(text="海賊王 Ω sea")]).records
    assert record["tokens"] == len(task.ids("海賊王 Ω sea")) - 1
    assert record["characters"] == len("海賊王 Ω sea") - task.tokeniser.tokens("海賊王 Ω sea").ends[0]


def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="most_tokens is 256; it must be more than 256"):
        LanguageModelSettings(tokens="byte_pairs", most_tokens=256)
    plain = built().vocabulary_json()
    for wrong, says in (
        ({"merges": None}, '"merges", a list of texts'),
        ({"merges": ["a b c"]}, "merges of two tokens each"),
        ({"merges": ["q zzz"]}, "do not go together"),
        ({"tokens": plain["tokens"][1:]}, "a token for each byte"),
    ):
        with pytest.raises(CorpusError, match=says):
            BytePairs.from_json(plain | wrong)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        PackageMissing, match=r"needs tokenizers, which is not installed.*keepgate\[tokenizers\]"
    ):
        built()


def test_a_prompt_that_is_empty_is_refused() -> None:
    with pytest.raises(SettingsError, match="the prompt is empty"):
        Writer(built()).write("", 3)
