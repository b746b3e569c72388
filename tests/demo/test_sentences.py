"""Every sentence of the report follows from the numbers, and says the opposite when they are the opposite."""

import math
import re

import pytest

from keepgate.demo.report import text as sentences
from keepgate.demo.report.labels import render, sentence, table
from keepgate.demo.result import GradientLine, Reading
from keepgate.wording import LANGUAGES
from tests.demo.made_up import LENGTHS, comparison, falling, network, runs, strip

GOOD, POOR, MIDDLE = (1.0, 1.0, 0.99, 0.97), (0.06, 0.07, 0.05, 0.06), (0.6, 0.5, 0.4, 0.3)
NAN = (math.nan,) * 4


def net(*accuracies, name="lstm-chrono", **more):
    """A network with these accuracies, one tuple a seed."""
    asked = {key: more.pop(key) for key in ("answer", "probability") if key in more}
    return network(name, more.pop("cell", "lstm"), 10, runs=runs(*accuracies, **asked), **more)


def of(*networks, **changed):
    seeds = tuple(range(max((len(n.runs) for n in networks), default=1)))
    return comparison(networks=networks, **{"seeds": seeds, **changed})


def keys(said):
    return [one.key for one in said]


def line(*values):
    return GradientLine(lags=tuple(range(len(values))), values=values)


# One case a branch: which function, of what, and the key that must be said. The last test checks that none is missing.
VERDICTS = {
    "verdict.all": of(net(GOOD), net(GOOD, name="gru")),
    "verdict.some": of(net(GOOD), net(POOR, name="rnn")),
    "verdict.none": of(net(MIDDLE), net(POOR, name="rnn")),
    "verdict.chance": of(net(GOOD), net(POOR, name="rnn")),
    "verdict.between": of(net(GOOD), net(MIDDLE, name="rnn")),
    "verdict.nothing": of(net(NAN)),
}
WHYS = {
    "verdict.apart": of(net(GOOD, before=falling(0.99)), net(POOR, name="rnn", before=falling(0.6))),
    "verdict.mixed": of(net(GOOD, before=falling(0.6)), net(POOR, name="rnn", before=falling(0.99))),
    "verdict.bias": of(net(GOOD, before=falling(0.99)), net(POOR, name="lstm-zero", before=falling(0.6))),
}
ACCURACIES = {
    "accuracy.always": of(net(GOOD)),
    "accuracy.until": of(net((1.0, 0.95, 0.2, 0.06))),
    "accuracy.guessing": of(net(POOR)),
    "accuracy.never": of(net(MIDDLE)),
    "accuracy.uneven": of(net((0.2, 1.0, 1.0, 0.2))),
    "accuracy.lost": of(net((1.0, 0.5, 0.06, 0.06))),
    "accuracy.missing": of(net(NAN)),
    "accuracy.spread": of(net(GOOD, MIDDLE)),
    "accuracy.steady": of(net(GOOD, GOOD)),
    "accuracy.one_seed": of(net(GOOD)),
}
ANSWERS = {
    "answers.all": of(net(GOOD)),
    "answers.none": of(net(POOR, answer="娜美")),
    "answers.some": of(net(GOOD), net(POOR, name="rnn", answer="娜美")),
    "answers.sure_wrong": of(net(POOR, answer="娜美", probability=0.97)),
    "answers.unsure_wrong": of(net(POOR, answer="娜美", probability=0.08)),
    "answers.lucky": of(net(POOR, answer="魯夫", probability=0.08)),
}
GRADIENTS = {
    "gradient.vanishes": of(net(GOOD, before=falling(0.6))),
    "gradient.fades": of(net(GOOD, before=falling(0.92, wobble=0))),
    "gradient.arrives": of(net(GOOD, before=falling(0.99))),
    "gradient.explodes": of(net(GOOD, before=falling(1.1))),
    "gradient.exact_zero": of(net(GOOD, before=line(1.0, 0.5, 0.0, 0.0))),
    "gradient.window": of(net(GOOD, name="feedforward", cell=None, before=line(1.0, 0.5, 0.0, 0.0))),
    "gradient.overflows": of(net(GOOD, before=line(1.0, 1e200, math.inf))),
    "gradient.undefined": of(net(GOOD, before=line(1.0, math.nan))),
}
AFTERWARDS = {
    "gradient.changed_up": of(net(GOOD, before=falling(0.6), after=falling(0.9))),
    "gradient.changed_down": of(net(GOOD, before=falling(0.9), after=falling(0.6))),
    "gradient.changed_none": of(net(GOOD, before=falling(0.9), after=falling(0.9))),
    "gradient.arrives": of(net(GOOD, after=falling(0.99))),
}
SCALED = {
    "gradient.scaled": of(network("rnn-scaled", "rnn", 10, before=falling(1.1), scale=2.5)),
    "gradient.scaled_tame": of(network("rnn-scaled", "rnn", 10, before=falling(0.9), scale=2.5)),
}


def moving(**change):
    return of(net(GOOD, strip=strip({"f": (0.9,)}, change)))


CLAIMS = {
    "change.holds": moving(c=(0.1,), h=(0.4,)),
    "change.slightly": moving(c=(0.1,), h=(0.12,)),
    "change.even": moving(c=(0.1,), h=(0.1,)),
    "change.reversed": moving(c=(0.4,), h=(0.1,)),
    "change.still": moving(c=(0.0,), h=(0.1,)),
    "change.single": moving(h=(0.1,)),
    "change.all_hold": moving(c=(0.1,), h=(0.4,)),
    "change.filling": of(
        net(GOOD, strip=strip({"f": (0.9,)}, {"c": (0.5,), "h": (0.5,)}), pace={"c": 0.01, "h": 0.3})
    ),
}


def reading(name, *values):
    return Reading(
        name=name,
        cell="gru",
        bidirectional=True,
        parameters=1,
        accuracy=dict(zip(LENGTHS, values, strict=True)),
    )


def facts_of(last, attention):
    """The experiment with the accuracy at 1,000 characters of each way of reading; None: that way was not tried."""
    ways = {"last": last, "attention": attention}
    readings = [
        reading(name, (0.9,), (0.9,), (0.9,), (value,)) for name, value in ways.items() if value is not None
    ]
    return comparison(readings=tuple(readings))


FACTS = {
    "facts.reached": facts_of(0.33, 0.98),
    "facts.short": facts_of(0.33, 0.7),
    "facts.last_third": facts_of(0.34, 0.98),
    "facts.last_better": facts_of(0.6, 0.98),
    "facts.last_worse": facts_of(0.1, 0.98),
    "facts.alone": facts_of(None, 0.98),
    "facts.both": facts_of(0.33, 0.98),
    "facts.ahead": facts_of(0.33, 0.98),
    "facts.behind": facts_of(0.5, 0.4),
    "facts.lasts": facts_of(0.33, None),
}
GATES = {
    "gates.opens": strip({"f": (0.1, 0.9)}, {}),
    "gates.flat": strip({"f": (0.5,)}, {}),
    "gates.keeps": strip({"f": (0.5,)}, {}),
}


def inside(said):
    """A sentence's key and those of the sentences in it."""
    found = []
    for one in said:
        found.append(one.key)
        found += inside([part for part in one.args.values() if hasattr(part, "key")])
    return found


CASES = [
    *((sentences.verdict, key, result) for key, result in VERDICTS.items()),
    *((sentences.why, key, result) for key, result in WHYS.items()),
    *((sentences.accuracy, key, result) for key, result in ACCURACIES.items()),
    *((sentences.answers, key, result) for key, result in ANSWERS.items()),
    *(
        (lambda result: sentences.gradient(result, "before"), key, result)
        for key, result in GRADIENTS.items()
    ),
    *(
        (lambda result: sentences.gradient(result, "after"), key, result)
        for key, result in AFTERWARDS.items()
    ),
    *((sentences.scaled_up, key, result) for key, result in SCALED.items()),
    *((sentences.claim, key, result) for key, result in CLAIMS.items()),
    *((sentences.facts, key, result) for key, result in FACTS.items()),
    *((lambda given: sentences.gates(given, "f"), key, given) for key, given in GATES.items()),
]


@pytest.mark.parametrize(("say_of", "key", "result"), CASES, ids=[key for _, key, _ in CASES])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_is_said_where_the_numbers_say_so(say_of, key, result, language):
    said = say_of(result)
    assert key in inside(said)
    for one in said:
        spoken = sentence(one, language)
        assert not re.search(r"[{}]|\bnan\b|\binf\b|None", spoken), spoken
        assert spoken.endswith((".", "。"))


# Pairs that contradict each other must never be said of the same numbers.
OPPOSITES = [
    ("verdict.all", "verdict.some"),
    ("verdict.none", "verdict.some"),
    ("verdict.apart", "verdict.mixed"),
    ("accuracy.spread", "accuracy.steady"),
    ("answers.all", "answers.none"),
    ("answers.sure_wrong", "answers.unsure_wrong"),
    ("facts.reached", "facts.short"),
    ("facts.ahead", "facts.behind"),
    ("facts.last_third", "facts.last_better"),
    ("facts.last_third", "facts.last_worse"),
    ("gradient.vanishes", "gradient.arrives"),
    ("change.holds", "change.reversed"),
]


def test_the_claim_is_judged_over_the_long_story_and_not_while_memory_fills():
    result = CLAIMS["change.filling"]
    judged, filling, count = (sentence(one, "en") for one in sentences.claim(result))
    assert "c changes by 1.0% of its size and h by 30.0%" in judged
    assert "c by 50.0%, h by 50.0%" in filling
    assert "holds in 1 of the 1" in count
    assert f"{result.distance:,} characters" in sentence(sentences.claim_lead(result), "en")
    assert "characters that follow" not in sentence(sentences.claim_lead(CLAIMS["change.holds"]), "en")


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_opposites_are_not_said_of_the_same_numbers(one, other):
    for say_of, _, result in CASES:
        found = inside(say_of(result))
        assert not (one in found and other in found)


def test_every_sentence_of_the_words_can_be_said():
    said = {key for say_of, _, result in CASES for key in inside(say_of(result))}
    not_sentences = (
        r"\.(heading\w*|lead\w*|title\w*|x|y|at|lanes|describe|value|alt|right|wrong|probability|tick)$"
    )
    others = r"answers\.(of_seeds|first_seed)|accuracy\.chance|facts\.guess|gates\.(row_|gate_|change|token|character)"
    sections = ("verdict", "accuracy", "answers", "gradient", "gates", "change", "facts")
    expected = {
        key
        for key in table()
        if key.split(".")[0] in sections and not re.search(not_sentences, key) and not re.match(others, key)
    }
    assert expected - said == set()


def test_the_network_named_is_the_one_meant():
    said = sentences.verdict(of(net(GOOD), net(POOR, name="rnn")))
    spoken = " ".join(sentence(one, "en") for one in said)
    assert "found by LSTM (chrono bias): right in 97.0% of 256" in spoken
    assert "No better than guessing (6.25%): RNN." in spoken


def test_a_network_with_a_name_of_its_own_keeps_it():
    assert sentences.name_of(net(GOOD, name="my {cell} <b>")) == "my {cell} <b>"
    said = sentences.accuracy(of(net(GOOD, name="my {cell} <b>")))
    assert sentence(said[0], "zh").startswith("my {cell} <b>：")


def test_the_surest_of_the_wrong_answers_is_the_one_named():
    asked = [
        net(POOR, name=name, answer="娜美", probability=p)
        for name, p in (("rnn", 0.2), ("gru", 0.7), ("a", 0.3))
    ]
    said = " ".join(sentence(one, "en") for one in sentences.answers(of(*asked)))
    assert "“娜美”, from GRU, with a probability of 70.0%" in said


def test_luck_is_named_only_where_the_network_guesses_at_that_length():
    sure = of(net(GOOD, answer="魯夫"), distance=980)
    assert "answers.lucky" not in keys(sentences.answers(sure))
    short = of(net((1.0, 0.06, 0.06, 0.06), answer="魯夫"), distance=20)
    assert "answers.lucky" not in keys(sentences.answers(short))
    assert "answers.lucky" in keys(
        sentences.answers(of(net((1.0, 0.06, 0.06, 0.06), answer="魯夫"), distance=980))
    )


def test_guessing_is_what_chance_explains():
    n, chance = 256, 1 / 16
    bar = chance + 3 * math.sqrt(chance * (1 - chance) / n)
    for value, expected in ((bar - 0.002, "accuracy.guessing"), (bar + 0.002, "accuracy.never")):
        assert keys(sentences.accuracy(of(net((value,) * 4))))[0] == expected
    said = sentences.accuracy(of(net((1.0, 0.5, 0.06, 0.07))))[0]
    expected = "LSTM (chrono bias): holds up to 22 characters, then falls to 50.0% at 100. "
    assert sentence(said, "en") == expected + "No better than guessing from 300 characters on."


def test_more_seeds_narrow_what_chance_explains():
    value = 0.095
    assert keys(sentences.accuracy(of(net((value,) * 4))))[0] == "accuracy.guessing"
    assert keys(sentences.accuracy(of(net(*[(value,) * 4] * 5))))[0] == "accuracy.never"


def test_networks_that_behave_alike_are_named_together():
    said = sentences.accuracy(of(net(GOOD), net(GOOD, name="gru"), net(POOR, name="rnn")))
    assert render(said[0], "en").startswith("LSTM (chrono bias) and GRU: ")
    assert render(said[0], "zh").startswith("LSTM（chrono 偏置）和GRU：")
    assert sentence(said[0], "zh").startswith("LSTM（chrono 偏置）和 GRU：")


def test_the_gradient_of_a_shorter_line_is_its_last():
    assert sentences.gradient_at(line(1.0, 0.5), 100) == 0.5
    assert sentences.gradient_at(line(1.0, math.nan), 100) is None
    assert sentences.gradient_at(None, 100) is None
    (said,) = sentences.gradient(of(net(GOOD, before=line(1.0, 0.5))), "before")
    assert "0.50 of it is left at lag 1." in sentence(said, "en")


def test_gates_are_named_in_the_order_keep_write_show():
    said = sentences.gates(strip({"i": (0.1, 0.9), "x": (0.5,), "o": (0.2,), "f": (0.3,)}, {}), "f")
    spoken = [sentence(one, "en") for one in said]
    assert [words.split(":")[0] for words in spoken[:4]] == [
        "Forget gate",
        "Input gate",
        "Output gate",
        "Gate x",
    ]
    assert "most at “夫” (0.90), least at “魯” (0.10)" in spoken[1]
