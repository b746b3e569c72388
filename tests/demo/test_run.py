"""A comparison trains everyone alike, measures what it says, and comes out the same in one process and in two."""

import dataclasses
import json
import math
import multiprocessing
import signal

import pytest
import torch

from keepgate.demo import measure
from keepgate.demo.contestants import (
    BUDGET,
    CONTESTANTS,
    FACTS_BUDGET,
    FACTS_LENGTHS,
    POOLINGS,
    SCALED,
    Budget,
    stages_of,
)
from keepgate.demo.report.html import report_html
from keepgate.demo.result import to_json
from keepgate.demo.run import run
from keepgate.demo.stories import goals_of, pirate_king_story
from keepgate.errors import SettingsError
from keepgate.export import bundle

SMALL = Budget(stages=((2, (22,)), (1, (22, 40))))
RNN, CHRONO = CONTESTANTS[1], CONTESTANTS[3]


@pytest.fixture(scope="module")
def small():
    """All networks, hardly trained, in this process."""
    return run(
        (0, 3), processes=1, progress=False, lengths=(22, 40), count=16, budget=SMALL,
        facts_budget=Budget(stages=((2, (44,)),)),
    )  # fmt: skip


def test_every_network_has_a_run_for_each_seed_with_the_same_steps(small) -> None:
    assert [network.name for network in small.networks] == [*(one.name for one in CONTESTANTS), "rnn-scaled"]
    for network in small.networks[:-1]:
        assert [one.seed for one in network.runs] == [0, 3]
        assert {one.steps for one in network.runs} == {SMALL.steps}
        assert all(set(one.accuracy) == {22, 40} for one in network.runs)
        assert all(0 < one.probability < 1 and one.candidates[0][0] == one.answer for one in network.runs)
    assert small.networks[-1].runs == ()
    assert [(one.name, one.bidirectional) for one in small.poolings] == [("last", False), ("attention", True)]
    for pooling in small.poolings:
        assert [one.seed for one in pooling.runs] == [0, 3]
        assert all(set(one.accuracy) == set(FACTS_LENGTHS) for one in pooling.runs)


def test_what_has_states_has_a_gradient_and_what_has_gates_a_strip_over_the_sentence(small) -> None:
    by_name = {network.name: network for network in small.networks}
    assert by_name["feedforward"].before is None
    assert by_name["feedforward"].strip is None
    for name in ("rnn", "lstm-zero", "lstm-chrono", "gru-chrono"):
        for line in (by_name[name].before, by_name[name].after):
            assert line.lags == tuple(range(measure.FURTHEST + 1))
            assert line.values[0] == 1.0
    strip = by_name["lstm-chrono"].strip
    assert "".join(strip.tokens) == small.sentence
    assert {name: len(values) for name, values in strip.gates.items()} == {"i": 11, "f": 11, "o": 11}
    assert list(by_name["gru-chrono"].strip.gates) == ["r", "z"]
    assert all(0 < value < 1 for values in strip.gates.values() for value in values)
    assert math.isnan(strip.change["c"][0])
    assert set(by_name["lstm-chrono"].state_change) == {"h", "c"}
    assert all(0 < value < 2 for value in by_name["lstm-chrono"].state_change.values())
    assert by_name["feedforward"].state_change == {}


def test_at_first_the_plain_rnn_and_bias_0_forget_the_chrono_bias_keeps_and_large_weights_explode(
    small,
) -> None:
    at_100 = {network.name: network.before.values[100] for network in small.networks if network.before}
    assert at_100["rnn"] < 1e-15
    assert at_100["lstm-zero"] < 1e-12
    assert at_100["lstm-chrono"] > 0.1
    assert at_100["gru-chrono"] > 0.1
    assert at_100["rnn-scaled"] > 1e3


def test_the_result_can_be_written_as_json_and_shown(small) -> None:
    told = json.loads(to_json(small))
    assert told["networks"][3]["runs"][1]["seed"] == 3
    assert told["chance"] == 1 / 16
    assert told["distance"] + len(told["sentence"]) + 1 + len(told["question"]) == measure.PIRATE_KING_LENGTH
    assert "魯夫說他想成為海賊王" in report_html(small)


def test_two_processes_find_what_one_finds() -> None:
    choices = {
        "progress": False, "lengths": (22,), "count": 8, "contestants": (RNN, CHRONO), "poolings": (),
        "budget": SMALL,
    }  # fmt: skip
    one, two = (run((5,), processes=processes, **choices) for processes in (1, 2))

    def without_time(result):
        runs = [[dataclasses.replace(r, seconds=0, cpu_seconds=0) for r in n.runs] for n in result.networks]
        return to_json(
            dataclasses.replace(
                result, finished="", settings={}, networks=tuple(
                    dataclasses.replace(n, runs=tuple(r)) for n, r in zip(result.networks, runs, strict=True)
                ),
            )
        )  # fmt: skip

    assert without_time(one) == without_time(two)


def test_ctrl_c_in_a_comparison_passes_through(monkeypatch) -> None:
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("keepgate.demo.run.do", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run((0,), processes=1, progress=False)


def test_ctrl_c_leaves_no_process_and_no_words_of_one_behind(monkeypatch, capfd) -> None:
    """Ctrl-C as they have just been started, when Python itself is still being read in."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("keepgate.demo.processes.wait", interrupt)
    heard = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run((0,), processes=2, progress=False)
    assert multiprocessing.active_children() == []
    assert signal.getsignal(signal.SIGINT) is heard
    assert capfd.readouterr().err == ""


def test_training_stories_are_never_of_the_test_part() -> None:
    task = RNN.build(0)
    stage = stages_of(task, BUDGET, 1)[1]
    lengths = {task.collate(stage.make(0, seed)).text.shape[0] for seed in range(8)}
    assert lengths == {21, 99}, "tokens: one character each, without the line end"
    king = task.vocabulary.ids("海賊王")
    ids = task.collate(stages_of(task, BUDGET, 1)[0].make(0, 1)).text.T.tolist()
    assert not any(row[k : k + 3] == king for row in ids for k in range(len(row)))


def test_all_contestants_have_one_budget_and_the_two_lstms_differ_in_the_bias_alone() -> None:
    assert BUDGET.steps == 440
    assert FACTS_BUDGET.steps == 500
    zero, chrono = CONTESTANTS[2].build(7).state_dict(), CHRONO.build(7).state_dict()
    differing = [name for name in zero if not torch.equal(zero[name], chrono[name])]
    assert all(name.endswith(("bias_ih_l0", "readout.weight", "readout.bias")) for name in differing), (
        differing
    )


def test_scaling_multiplies_the_recurrent_weights_and_nothing_else() -> None:
    task, plain = SCALED.build(0), RNN.build(0)
    measure.scale_weights(task.encoder.layer, "weight_hh", 4.0)
    for name, weight in plain.state_dict().items():
        torch.testing.assert_close(task.state_dict()[name], weight * (4 if "weight_hh" in name else 1))


def test_a_story_of_10_000_characters_is_read() -> None:
    task = CHRONO.build(0)
    (answer,) = task.predict([pirate_king_story(10_000)])
    assert answer.text in task.choices
    assert sum(share for _, share in answer.candidates) <= 1.001
    states, _ = task.encoder(
        task.collate(task.prepare([pirate_king_story(10_000)], training=False)).text, torch.tensor([9_999])
    )
    assert states.shape[0] == 9_999
    assert torch.isfinite(states).all()


def test_accuracy_counts_the_right_answers() -> None:
    task = CHRONO.build(0)

    class Knows:
        choices = task.choices

        def probabilities(self, questions):
            """Right about the first half."""
            right = [task.choices.index(one.answers[0]) for one in questions]
            wrong = [(place + (k >= len(right) // 2)) % 16 for k, place in enumerate(right)]
            return torch.eye(16)[wrong]

    assert measure.accuracy(Knows(), (22, 100), count=10) == {22: 0.5, 100: 0.5}  # type: ignore[arg-type]


def test_accuracy_is_measured_on_goals_of_the_test_part(monkeypatch) -> None:
    asked = []
    task = CHRONO.build(0)

    def probabilities(_, questions):
        asked.extend(questions)
        return torch.zeros(len(questions), 16)

    monkeypatch.setattr(type(task), "probabilities", probabilities)
    measure.accuracy(task, (22,), count=40)
    assert {one.question for one in asked} <= {f"是誰想要成為{goal}?" for goal in goals_of("test")}


def test_what_makes_no_sense_is_refused() -> None:
    for seeds in ((), (1, 1), (-1,)):
        with pytest.raises(SettingsError, match="seeds"):
            run(seeds)
    with pytest.raises(SettingsError, match="0 processes"):
        run((0,), processes=0)
    with pytest.raises(SettingsError, match="test stories"):
        run((0,), count=0)


@pytest.mark.slow
def test_with_the_whole_budget_the_chrono_bias_remembers_and_bias_0_guesses() -> None:
    choices = {"contestants": (CONTESTANTS[2], CHRONO), "poolings": (POOLINGS[1],)}
    result = run((11,), processes=1, progress=False, count=128, **choices)
    zero, chrono = (network.runs[0] for network in result.networks[:2])
    assert chrono.accuracy[1000] >= 0.99
    assert chrono.answer == "魯夫"
    assert zero.accuracy[1000] < 0.16
    assert result.poolings[0].runs[0].accuracy[1000] >= 0.95


def test_the_first_seeds_networks_can_be_kept_and_asked(tmp_path) -> None:
    run(
        (3, 0), processes=1, progress=False, lengths=(22,), count=4, budget=SMALL, models=tmp_path,
        contestants=(RNN, CHRONO), poolings=(),
    )  # fmt: skip
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["lstm-chrono", "rnn"]
    kept = bundle.load(tmp_path / "lstm-chrono")
    assert kept.predict([pirate_king_story(100)])[0].text in kept.choices
