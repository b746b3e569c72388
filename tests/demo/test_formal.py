"""Formal languages: answers against Python's own arithmetic, networks of one size, and a run's result."""

import dataclasses
import itertools
import json
from xml.etree import ElementTree

import pytest
import torch

from keepgate.demo.formal.figures import accuracy_figure
from keepgate.demo.formal.languages import LANGUAGES, NO_ANSWER, language_named
from keepgate.demo.formal.measure import accuracy, automaton_of, has_automaton
from keepgate.demo.formal.networks import FormalNetwork, Transformer, network_of, weights_of
from keepgate.demo.formal.run import run
from keepgate.demo.formal.training import FIRST, LONGEST, ROWS, stages_of, steps_for
from keepgate.demo.result import to_json
from keepgate.errors import CellError, SettingsError

# The answer to a string of symbols, by the definitions of the paper's appendix.
TRUTH = {
    "parity": lambda text: [text.count("1") % 2],
    "even-pairs": lambda text: [sum(a != b for a, b in itertools.pairwise(text)) % 2],
    "modular-arithmetic": lambda text: [eval("".join(text)) % 5],
    "cycle-navigation": lambda text: [sum(map(int, text)) % 5],
    "reverse": lambda text: [int(symbol) for symbol in reversed(text)],
    "duplicate": lambda text: [int(symbol) for symbol in [*text, *text]],
    "odds-first": lambda text: [int(symbol) for symbol in [*text[::2], *text[1::2]]],
}


def drawn(language, lengths, seed=0, **choices):
    return language.strings(torch.tensor(lengths), torch.Generator().manual_seed(seed), **choices)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_the_answers_are_those_of_the_definition(language):
    lengths = [1, 2, 3, 8, 13, 40] * 6
    strings = drawn(language, lengths)
    for row, length in enumerate(lengths):
        length -= language.alternates and length % 2 == 0
        text = [language.symbols[symbol] for symbol in strings.symbols[:length, row].tolist()]
        answers = TRUTH[language.name](text)
        targets = strings.targets[:, row]
        where = (targets != NO_ANSWER).nonzero().flatten().tolist()
        assert targets[where].tolist() == answers
        begin = length - 1 if language.automaton is not None else length
        assert where == list(range(begin, begin + len(answers)))
        if language.automaton is None:
            assert strings.symbols[length:, row].eq(len(language.symbols)).all()
        assert strings.lengths[row] == where[-1] + 1


@pytest.mark.parametrize("language", LANGUAGES[:4], ids=lambda language: language.name)
def test_every_prefix_is_answered_as_the_string_that_it_is(language):
    strings = drawn(language, [21] * 8, prefixes=True)
    for row in range(8):
        for place in range(0, 21, 1 + language.alternates):
            text = [language.symbols[symbol] for symbol in strings.symbols[: place + 1, row].tolist()]
            assert [strings.targets[place, row]] == TRUTH[language.name](text)
    assert bool((strings.targets[1::2] == NO_ANSWER).all()) == language.alternates


def test_uneven_strings_hold_one_symbol_for_long_and_others_do_not():
    parity = language_named("parity")
    even, uneven = (drawn(parity, [40] * 400, uneven=share).symbols.double().mean(0) for share in (0.0, 1.0))
    assert 0.35 < float(even.std() * 40**0.5) < 0.65
    assert float(((uneven < 0.05) | (uneven > 0.95)).double().mean()) > 0.05


def test_the_transformer_has_as_many_weights_as_the_lstm_and_sees_nothing_later():
    for language in LANGUAGES:
        lstm, transformer = (weights_of(network_of(language, name)) for name in ("lstm", "transformer"))
        assert abs(transformer / lstm - 1) < 0.15
    torch.manual_seed(0)
    layer, x = Transformer(3, 16).eval(), torch.randn(12, 2, 3)
    changed = torch.cat([x[:7], torch.randn(5, 2, 3)])
    assert torch.allclose(layer(x)[:7], layer(changed)[:7], atol=1e-6)
    assert not torch.allclose(layer(x)[7:], layer(changed)[7:], atol=1e-3)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_training_strings_have_up_to_40_symbols_and_grow_over_half_the_steps(language):
    (stage,) = stages_of(language, 100)

    def longest(step):
        (strings,) = stage.make(step, step)
        assert len(strings.lengths) == ROWS
        return int(strings.lengths.max()) // (
            1 if language.automaton is not None else 1 + language.answer_length
        )

    assert longest(0) <= FIRST
    assert max(longest(step) for step in range(50, 100)) in (LONGEST, LONGEST - 1)
    assert all(longest(step) <= LONGEST for step in range(0, 100, 9))
    assert steps_for(language) > 0


def test_accuracy_counts_right_symbols_and_is_the_same_each_time():
    class Knows(FormalNetwork):
        """Right wherever the row's number is even."""

        def forward(self, batch):
            right = batch.targets.clamp(min=0)
            right[:, 1::2] = 1 - right[:, 1::2]
            return torch.eye(2)[right[batch.answered]]

    torch.manual_seed(0)
    language = language_named("reverse")
    network = Knows(language, network_of(language, "rnn").layer)
    assert accuracy(network, (5, 50), 64) == {5: 0.5, 50: 0.5}
    trained = network_of(language, "gru").eval()
    assert accuracy(trained, (20,), 40) == accuracy(trained, (20,), 40)


def test_an_automaton_is_looked_for_where_a_symbol_may_follow_itself():
    found = {
        (language.name, name): has_automaton(network_of(language, name))
        for language in LANGUAGES
        for name in ("rnn", "transformer")
    }
    assert {key for key, has in found.items() if has} == {
        ("parity", "rnn"), ("even-pairs", "rnn"), ("cycle-navigation", "rnn"),
    }  # fmt: skip
    torch.manual_seed(0)
    language = language_named("cycle-navigation")
    untrained = automaton_of(network_of(language, "lstm").eval())
    assert not untrained.same_as(language.automaton)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Hardly trained, in this process."""
    folder = tmp_path_factory.mktemp("pictures")
    result = run(
        ("parity", "reverse"), ("mingru", "transformer"), seeds=(0, 2), processes=1, progress=False, steps=3,
        lengths=(10, 120), strings=16, pictures=folder,
    )  # fmt: skip
    return result, folder


def test_every_network_has_a_run_for_each_language_and_seed(small):
    result, folder = small
    names = [(trained.language, trained.network) for trained in result.trained]
    assert names == [
        (language, name) for language in ("parity", "reverse") for name in ("mingru", "transformer")
    ]
    for trained in result.trained:
        assert [one.seed for one in trained.runs] == [0, 2]
        assert all(one.steps == 3 and set(one.accuracy) == {10, 120} for one in trained.runs)
        looked_for = (trained.language, trained.network) == ("parity", "mingru")
        assert all((one.automaton is not None) == looked_for for one in trained.runs)
    assert json.loads(to_json(result))["trained"][0]["runs"][1]["accuracy"].keys() == {"10", "120"}
    assert [path.name for path in folder.iterdir()] == ["automaton-parity-mingru.svg"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_has_a_curve_for_each_network_and_says_its_values(small, language):
    figure = accuracy_figure(small[0], "reverse", language)
    ElementTree.fromstring(figure.svg)
    assert "MINGRU" in figure.svg
    assert "Transformer" in figure.svg or language == "en"
    assert "120" in figure.description
    with pytest.raises(SettingsError, match="odds-first was not measured"):
        accuracy_figure(small[0], "odds-first")


def test_two_processes_find_what_one_finds(small):
    twice = run(
        ("parity",),
        ("mingru",),
        seeds=(0, 2),
        processes=2,
        progress=False,
        steps=3,
        lengths=(10,),
        strings=16,
    )
    runs = [dataclasses.asdict(one) for one in twice.trained[0].runs]
    for one, other in zip(runs, small[0].trained[0].runs, strict=True):
        assert one["loss"] == other.loss
        assert one["accuracy"][10] == other.accuracy[10]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(SettingsError, match="parity, "):
        run(("parities",))
    with pytest.raises(CellError, match="no cell 'lstn'"):
        run(("parity",), ("lstn",))
    for choices in ({"seeds": ()}, {"processes": 0}, {"strings": 0}, {"networks": ("rnn", "rnn")}):
        with pytest.raises(SettingsError):
            run(("parity",), **{"networks": ("rnn",), **choices})


@pytest.mark.slow
@pytest.mark.parametrize("language", ["parity", "even-pairs", "cycle-navigation"])
@pytest.mark.parametrize("network", ["rnn", "lstm", "gru"])
def test_a_trained_network_is_right_at_500_symbols_and_has_become_the_automaton(network, language):
    result = run((language,), (network,), seeds=(3,), processes=1, progress=False, lengths=(40, 500))
    (found,) = result.trained[0].runs
    print(found)
    assert min(found.accuracy.values()) >= 0.99
    assert found.automaton.right
