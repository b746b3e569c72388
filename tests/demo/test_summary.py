"""The verdict follows from the numbers, and says the opposite when they are the opposite."""

import math

import pytest

from keepgate.demo.report import summary
from keepgate.demo.report.labels import paragraph, render
from keepgate.demo.result import GradientLine
from keepgate.wording import LANGUAGES
from tests.demo.made_up import comparison, falling, network, runs

GOOD, POOR, MIDDLE = (1.0, 1.0, 0.99, 0.97), (0.06, 0.07, 0.05, 0.06), (0.6, 0.5, 0.4, 0.3)


def net(*accuracies, name="lstm-chrono", **more):
    """A network with these accuracies, one tuple a seed."""
    return network(name, "lstm", 10, runs=runs(*accuracies), **more)


def of(*networks):
    return comparison(networks=networks, seeds=tuple(range(max((len(n.runs) for n in networks), default=1))))


@pytest.mark.parametrize(
    ("result", "keys"),
    [
        (of(net(GOOD)), ["some"]),
        (of(net(GOOD), net(POOR, name="rnn")), ["some", "chance"]),
        (of(net(GOOD), net(MIDDLE, name="rnn")), ["some", "between"]),
        (of(net(MIDDLE), net(POOR, name="rnn")), ["none", "chance", "between"]),
        (of(net((math.nan,) * 4)), ["nothing"]),
        (of(), ["nothing"]),
    ],
)
def test_each_network_is_named_where_its_accuracy_puts_it(result, keys):
    messages = summary.verdict(result)
    assert [message.key.removeprefix("verdict.") for message in messages] == keys
    for language in LANGUAGES:
        text = paragraph(messages, language)
        for network_ in summary.trained(result):
            if keys != ["nothing"]:
                assert text.count(render(summary.name_of(network_), language)) == 1


def test_the_verdict_in_words():
    result = of(net(GOOD, GOOD), net(POOR, POOR, name="rnn"))
    assert paragraph(summary.verdict(result), "en") == (
        "After 1,000 characters the answer is still found by LSTM (chrono bias): right in 97.0% of 256 unseen stories. "
        "No better than guessing (6.25%): RNN."
    )


def test_the_gradient_is_named_as_the_reason_only_where_it_separates():
    strong, weak = falling(0.99), falling(0.6)
    (message,) = summary.why(of(net(GOOD, before=strong), net(POOR, name="rnn", before=weak)))
    assert message.args["high"] == "0.40"
    assert message.key == "verdict.apart"
    assert summary.why(of(net(GOOD, before=weak), net(POOR, name="rnn", before=strong))) == []
    assert summary.why(of(net(GOOD, before=strong))) == []
    assert summary.why(of(net(GOOD), net(POOR, name="rnn"))) == []


@pytest.mark.parametrize(
    ("seeds", "share", "guess"), [(1, 0.06, True), (1, 0.10, True), (1, 0.12, False), (5, 0.09, False)]
)
def test_a_guess_is_within_three_standard_errors_of_chance(seeds, share, guess):
    """256 stories a seed: the standard error of 1/16 is 0.0151 for one seed and 0.0068 for five."""
    result = of(net(*((share,) * 4,) * seeds))
    assert summary.guesses(result.networks[0], 1000, result) is guess


def test_the_gradient_at_a_lag_that_was_not_measured_is_that_of_the_nearest_shorter():
    line = GradientLine(lags=(0, 50, 150), values=(1.0, 0.5, 0.1))
    assert summary.gradient_at(line, 100) == 0.5
    assert summary.gradient_at(None, 100) is None
    assert summary.gradient_at(GradientLine(lags=(0,), values=(math.nan,)), 100) is None


def test_the_scaled_network_is_said_to_be_untrained():
    scaled = network("rnn-scaled", "rnn", 10, before=falling(1.1), scale=2.5)
    (message,) = summary.untrained(of(net(GOOD), scaled))
    assert "2.5" in render(message, "en")
    assert render(message, "en").startswith("RNN (weights ×\xa02.5) was never trained")
