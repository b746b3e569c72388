"""A language model: carried states, what it learns, and its figures against torch and numbers by hand."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from keepgate import lens, runtime
from keepgate.data.corpora import text_file
from keepgate.data.corpora.text_file import TextFile
from keepgate.data.labelled import LabelledText
from keepgate.data.vocabulary import SPECIAL, UNKNOWN
from keepgate.errors import CorpusError, SettingsError
from keepgate.export import load, save
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings, model
from keepgate.tasks.language_model.kind import recipe
from keepgate.tasks.task import Streams, Task
from keepgate.train import TrainingConfig, fit
from keepgate.train.batches import batches_for

TEXT = (
    "\n".join(f"{name} sees {what}." for name in ("Ann", "Bob") for what in ("a cat", "the sea", "Bob"))
    + "\n"
)


def built(text: str = TEXT, seed: int = 0, **settings: object) -> LanguageModel:
    chosen = {"embedding_size": 6, "hidden_size": 8, "dropout": 0.0} | settings
    return LanguageModel.build([LabelledText(text=text)], LanguageModelSettings(**chosen), seed)  # type: ignore[arg-type]


def measured(task: LanguageModel, text: str) -> dict[str, float]:
    return task.measure([LabelledText(text=text, id="t")]).values()


@pytest.mark.parametrize(
    "settings", [{}, {"cell": "gru", "num_layers": 2}, {"cell": "rnn", "tied_weights": True}]
)
def test_the_loss_of_pieces_with_carried_states_is_that_of_the_whole(settings: dict[str, object]) -> None:
    task = built(**settings)
    assert isinstance(task, Task)
    assert isinstance(task, Streams)
    stream = task.stream([LabelledText(text=TEXT)])
    lanes = [stream[:41], stream[41:82]]
    whole, _ = task.loss(task.collate(lanes))
    carry, losses = None, []
    for start in (0, 20):
        loss, carry = task.loss(task.collate([lane[start : start + 21] for lane in lanes]), carry)
        losses.append(loss.item())
    assert sum(losses) / 2 == pytest.approx(whole.item(), rel=1e-5)
    # Without the states of the first piece the second costs something else.
    afresh, _ = task.loss(task.collate([lane[20:41] for lane in lanes]))
    assert abs(afresh.item() - losses[1]) > 1e-4


def test_passages_of_different_lengths_cost_what_each_costs_alone() -> None:
    task = built()
    passages = task.prepare([LabelledText(text="Ann sees"), LabelledText(text="Bob")], training=True)
    together, _ = task.loss(task.collate(passages))
    alone = [task.loss(task.collate([passage]))[0].item() for passage in passages]
    assert together.item() == pytest.approx((7 * alone[0] + 2 * alone[1]) / 9, rel=1e-5)


def test_the_figures_are_those_of_torchs_layer_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # Shorter than the text, so that states are carried from piece to piece.
    monkeypatch.setattr(model, "_MEASURED_AT_ONCE", 7)
    task = built().eval()
    ids = torch.tensor(task.ids(TEXT))
    with torch.no_grad():
        states, _ = task.encoder.recurrent.to_torch()(task.embedding(ids[:-1]).unsqueeze(1))
        nats = float(cross_entropy(states[:, 0] @ task.readout.weight.T + task.readout.bias, ids[1:]))
    values = measured(task, TEXT)
    assert values["nats"] == pytest.approx(nats, rel=1e-5)
    assert values["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert values["bits_per_character"] == pytest.approx(nats / math.log(2), rel=1e-5)


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_a_text_in_its_file_is_measured_as_one_in_memory_and_never_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    text = TEXT * 9
    (tmp_path / "t").write_text(text)
    monkeypatch.setattr(text_file, "PIECE", 100)
    monkeypatch.setattr(TextFile, "text", None)
    task = built(tokens=tokens)
    whole, pieces = (task.measure([item]) for item in (
        LabelledText(text=text, id="t"), TextFile(path=tmp_path / "t", characters=len(text))
    ))  # fmt: skip
    assert len(whole.records) == len(pieces.records) > 1 or tokens == "words"
    for one, other in zip(whole.records, pieces.records, strict=True):
        assert one == other | {"nats": pytest.approx(other["nats"], rel=1e-5)}
    assert pieces.baselines == whole.baselines
    assert pieces.values() == pytest.approx(whole.values(), rel=1e-5)


def test_bits_of_a_word_model_are_shared_by_all_characters() -> None:
    task = built(tokens="words")
    text = "Ann sees  the sea.\nBob sees"
    values = measured(task, text)
    # Six tokens after the first, and the characters after it, blanks and the line's end among them.
    assert values["bits_per_character"] == pytest.approx(values["nats"] * 6 / (len(text) - 3) / math.log(2))


def test_the_baselines_are_guessing_and_the_entropy_of_the_frequencies() -> None:
    baselines = built("aab").measure([LabelledText(text="baabab")]).baselines
    # Two characters, padding and unknown; after the first there are three a and two b.
    assert baselines["guessing"]["nats"] == pytest.approx(math.log(4))
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4))
    assert baselines["frequencies of this text"]["nats"] == pytest.approx(entropy)
    assert baselines["frequencies of this text"]["perplexity"] == pytest.approx(math.exp(entropy))


def test_a_measurement_counts_tokens_that_it_does_not_know_and_blocks_of_neighbours() -> None:
    (block,) = built("aab").measure([LabelledText(text="azb", id="t")]).records
    assert (block["tokens"], block["characters"], block["unknown"]) == (2, 2, 1)
    records = built("aab").measure([LabelledText(text="ab" * 300), LabelledText(text="a")]).records
    assert [(record["from"], record["tokens"]) for record in records] == [(0, 256), (256, 256), (512, 87)]


def test_it_learns_to_repeat_a_letter_after_three_steps() -> None:
    rng = random.Random(0)
    text = "".join(f"{letter}...{letter.upper()}" for letter in (rng.choice("ab") for _ in range(600)))
    task = built(text, hidden_size=16, forget_bias=1.0)
    config = TrainingConfig(
        steps=100, batch_size=20, bptt_steps=25, learning_rate=0.03, schedule="cosine", threads=1, seed=1
    )
    stream = task.stream([LabelledText(text=text)])
    fit(task, config, stream=stream, progress=False)
    # A fifth of the characters is a letter drawn at random, nothing else is: ln 2 / 5.
    assert measured(task, text)["nats"] < 0.2


@pytest.mark.parametrize("tokens", [2, 3, 399, 401, 5_000, 1_000_000])
def test_the_recipe_suits_few_tokens_and_many(tokens: int) -> None:
    config = TrainingConfig(**recipe(tokens))
    batches = batches_for(built(), config, stream=torch.zeros(tokens))
    assert batches.steps >= 7 * batches.per_epoch
    assert len(batches.batch(0)) == config.batch_size


@pytest.mark.parametrize("tied", [False, True])
def test_it_comes_back_from_its_files(tied: bool, tmp_path: Path) -> None:
    task = built(tied_weights=tied, tokens="words", dropout=0.5)
    shapes = [tuple(weight.shape) for weight in task.parameters()]
    assert shapes.count((len(task.vocabulary), 6)) == 1
    assert ((len(task.vocabulary), 8) in shapes) is not tied
    save(task, tmp_path / "m", card={"what": "for a test"})
    again = load(tmp_path / "m")
    text = [LabelledText(text="Ann sees")]
    assert again.predict(text) == task.predict(text)
    assert again.settings == task.settings


def test_words_stand_between_blanks_and_each_lines_end_is_one() -> None:
    task = built(" <pad> the <unk>\n\n the N <unknown>\n", tokens="words", min_count=1)
    assert task.vocabulary.to_json() == ["\n", "the", "<unk>", "N"]
    assert task.ids("the <pad> <unknown> THE\n") == [3, UNKNOWN, UNKNOWN, UNKNOWN, 2]
    assert built("a a b", tokens="words", min_count=2).ids("a b") == [2, UNKNOWN]


def test_the_lens_reads_it_as_it_reads_any_task() -> None:
    task = built().eval()
    item = task.item("Ann sees ")
    reading = lens.read(task, item)
    (answer,) = task.predict([item])
    assert reading.answer == answer
    assert answer.text in task.choices
    assert "␣" in task.choices
    assert " " not in task.choices
    assert len(lens.explain(task, "Ann sees ").tokens) == 9
    report = lens.examine(task, [LabelledText(text=TEXT)])
    assert 1 <= report.horizon <= 128


def test_what_is_no_text_is_no_next_token(tmp_path: Path) -> None:
    task = built().eval().requires_grad_(False)
    (task.readout.bias if task.bias is None else task.bias)[: len(SPECIAL)] = 9
    item = task.item("Ann sees ")
    (answer,) = task.predict([item])
    head = task.probe(item).head
    (looked_at,) = head.answers(head.output)
    save(task, tmp_path / "model", card={})
    (without_torch,) = runtime.load(tmp_path / "model").predict([item])
    for given in (answer, looked_at, without_torch):
        assert given.text == answer.text
        assert not {text for text, _ in given.candidates} & set(SPECIAL)
        assert given.probability == pytest.approx(answer.probability, rel=1e-4)
    assert float(head.probabilities(head.output)[0]) == pytest.approx(answer.probability, rel=1e-4)


def test_given_fewer_tokens_it_reads_only_those() -> None:
    task = built().eval()
    samples = task.samples([LabelledText(text=TEXT)])
    rows = samples[0].examples
    losses = samples[0].losses(3)
    logits, targets = task.scored([model.Passage(row.text[-3:], row.target) for row in rows])
    np.testing.assert_allclose(losses.detach(), cross_entropy(logits, targets, reduction="none").detach())
    assert not torch.allclose(losses, samples[0].losses(None))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: built("aaaa"), CorpusError, "texts: 1, of which with min_count=1 occurrences or more: 1"),
        (lambda: built("ab", min_count=2), CorpusError, "texts: 2, of which with min_count=2 occurrences or more: 0"),
        (lambda: built().item("a", "who?"), SettingsError, "takes no question"),
        (lambda: built().prepare([LabelledText(text="", id="x")], training=True), CorpusError, "'x' is empty"),
        (lambda: built().measure([LabelledText(text="a")]), SettingsError, "none has two characters"),
        (lambda: built().measure([]), SettingsError, "of 0 texts"),
        (lambda: built().samples([LabelledText(text="a")]), SettingsError, r"\(1 in all\) has two characters"),
        (lambda: LanguageModelSettings(cell="feedforward"), SettingsError, "cell has a memory"),
        (lambda: LanguageModelSettings(tokens="bytes"), SettingsError, 'tokens is .*"characters", "words"'),
        (lambda: LanguageModelSettings(dropout=1.0), SettingsError, "dropout is 1.0; it must be 0 or more"),
        (
            lambda: fit(built(), TrainingConfig(steps=1, batch_size=4), stream=torch.zeros(30)),
            SettingsError,
            "a stream of 30 is too short for 4 lanes of 64 steps",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(call, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_weights_and_tokens_are_dropped_in_training_alone() -> None:
    task = built(weight_drop=0.5, token_dropout=0.5)
    assert task.encoder.recurrent.regularisation.weight_drop == 0.5
    lanes = task.collate([task.stream([LabelledText(text=TEXT)])])
    plain = built()
    plain.load_state_dict(task.state_dict())
    expected, _ = plain.eval().loss(lanes)
    torch.testing.assert_close(task.eval().loss(lanes)[0], expected)
    task.train()
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(task.loss(lanes)[0].item())
    assert losses[0] == losses[1] != losses[2]
    # A token that is dropped is dropped at all its places: nothing comes back to its embedding.
    task.zero_grad()
    task.loss(lanes)[0].backward()
    in_text = lanes.ids[:-1].unique()
    dropped = (task.embedding.weight.grad[in_text] == 0).all(1)
    assert 0 < dropped.sum() < len(in_text)
    for wrong in ({"weight_drop": 1.0}, {"token_dropout": -0.1}):
        with pytest.raises(SettingsError, match="0 or more and below 1"):
            LanguageModelSettings(**wrong)


def test_averaged_sgd_learns_a_text() -> None:
    task, items = built(tied_weights=True, weight_drop=0.1), [LabelledText(text=TEXT * 8)]
    before = measured(task, TEXT)["nats"]
    config = TrainingConfig(
        steps=120, batch_size=4, bptt_steps=30, optimiser="sgd", learning_rate=10.0, max_grad_norm=0.25,
        schedule="constant", average_from=0.7,
    )  # fmt: skip
    fit(task, config, stream=task.stream(items), progress=False)
    assert measured(task, TEXT)["nats"] < before / 2
