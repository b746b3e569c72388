"""Every route against the lens itself, called directly."""

import math

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.demo.stories import pirate_king_story, stories, vocabulary_coverage_set
from keepgate.export import save
from keepgate.lens import read
from keepgate.lens.gradients import gradient_of_run, vanishing_lag
from keepgate.lens.memory import memory_updates, relative_state_change, write_retention
from keepgate.lens.readers import counterfactual_answer, token_effects
from keepgate.lens.readers.span_search import sentence_spans, span_effects
from keepgate.serve.gradients import story, verdict
from keepgate.serve.models import served
from keepgate.serve.serialize import answer_summary
from keepgate.tasks import ChoiceReader
from keepgate.tasks.answer import Answer
from keepgate.tasks.choice import ChoiceReaderSettings

ZH = ["zh/rnn", "zh/lstm-zero", "zh/lstm-chrono", "zh/gru-chrono", "zh/mingru-chrono"]
GATED = ZH[1:]


def near(given, expected, share: float = 1e-3) -> bool:
    """Whether numbers that went through four significant digits are these."""
    flat = expected.tolist() if isinstance(expected, torch.Tensor) else list(expected)
    return len(given) == len(flat) and all(
        (one is None and not math.isfinite(other))
        or (one is not None and math.isclose(one, other, rel_tol=share, abs_tol=1e-9))
        for one, other in zip(given, flat, strict=True)
    )


@pytest.fixture(scope="module")
def readings(models, told):
    return {name: read(models[name].task, Question(**told)) for name in ZH}


def test_the_list_says_of_each_network_what_the_page_must_know(client) -> None:
    said = client.get("/api/models").json
    assert [one["id"] for one in said["models"]] == [*ZH, *(name.replace("zh", "en") for name in ZH)]
    assert said["limits"] == {"tokens": 4000, "bytes": 1_048_576}
    by_id = {one["id"]: one for one in said["models"]}
    lstm, gru, rnn = by_id["zh/lstm-chrono"], by_id["zh/gru-chrono"], by_id["en/rnn"]
    assert (lstm["name"], lstm["note"], lstm["language"], lstm["shipped"]) == ("LSTM", "chrono", "zh", True)
    assert (lstm["gates"], lstm["states"], lstm["memory"]) == (["f", "i", "o"], ["c", "h"], "c")
    assert (lstm["keeps"], lstm["erases_without_write"], lstm["hidden_size"]) == ("f", True, 64)
    assert lstm["layers"] == [{"layer": 0, "reverse": False}]
    assert (gru["gates"], gru["states"], gru["keeps"]) == (["z", "r"], ["h"], "z")
    assert not gru["erases_without_write"]
    mingru = by_id["zh/mingru-chrono"]  # whose gate keeps by closing
    assert (mingru["gates"], mingru["keeps"], mingru["keeps_closed"]) == (["z"], None, "z")
    assert [one["keeps_closed"] for one in (lstm, gru, rnn)] == [None] * 3
    assert [one["layer"] for one in mingru["layers"]] == [0, 1]
    assert (rnn["gates"], rnn["keeps"], rnn["note"]) == ([], None, None)
    assert {one["phase"] for one in lstm["equations"]} == {"forget", "select", "output"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_seed_0_tells_the_article_s_own_story(client, language: str) -> None:
    own = pirate_king_story(300, language=language)
    typed = own.question.replace("?", "？") if language == "zh" else own.question
    assert client.get(f"/api/story?language={language}&length=300").json == {
        "text": own.text, "question": typed, "answer": own.answers[0],
    }  # fmt: skip
    (other,) = stories(1, 300, seed=7, split="test", language=language)
    said = client.get(f"/api/story?language={language}&length=300&seed=7").json
    assert (said["text"], said["answer"]) == (other.text, other.answers[0])


def test_several_networks_read_side_by_side(client, told, readings) -> None:
    said = client.post("/api/read", **told, models=[*ZH, ZH[0]]).json["readings"]
    assert [one["model"] for one in said] == ZH
    for one in said:
        reading = readings[one["model"]]
        assert one["error"] is None
        assert one["answer"]["text"] == reading.answer.text
        assert near([one["answer"]["probability"]], [reading.answer.probability])
        assert [each["text"] for each in one["answer"]["candidates"]] == [
            text for text, _ in reading.answer.candidates
        ]
        assert (one["answer"]["start"], one["answer"]["sentence"]) == (
            reading.answer.start, reading.answer.sentence,
        )  # fmt: skip
        assert (one["tokens"], one["question_start"]) == (list(reading.tokens.texts), reading.question_start)
        whole = told["text"] + told["question"]
        spelt = [whole[a:b] for a, b in zip(one["starts"], one["ends"], strict=True)]
        assert spelt == one["tokens"]
        assert one["unknown"] == []
        strip, layer = one["strips"][-1], reading.trace.layer(-1)
        assert len(one["strips"]) == len(reading.trace.layers)
        for name, values in strip["gates"].items():
            assert near(values, layer[name][:, 0].mean(1))
        for state, values in strip["moves"].items():
            assert near(values, relative_state_change(layer, state)[:, 0])
            assert values[0] is None
        if one["model"] in GATED:
            token, half = one["lasting"]["token"], one["lasting"]["half"]
            writes = [write_retention(layer, step) for step in range(one["question_start"])]
            held = [write.size * write.at_end for write in writes]
            assert token == (held.index(max(held)) if layer.layer else 0)
            left = write_retention(layer, token)
            assert near([one["lasting"]["left"]], [left.at_end])
            assert (
                left.retained[-1] > 0.5
                if half is None
                else left.retained[token + half] <= 0.5 < left.retained[token + half - 1]
            )
        else:
            assert (one["lasting"], strip["gates"]) == (None, {})


def test_what_the_vocabulary_lacks_is_pointed_at(client) -> None:
    (said,) = client.post("/api/read", text="魯夫喵了。", question="是誰?", models=["zh/rnn"]).json[
        "readings"
    ]
    assert [said["tokens"][place] for place in said["unknown"]] == ["喵"]


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("unit", [None, 5])
def test_a_token_s_write_is_followed_to_the_end(client, told, readings, name: str, unit: int | None) -> None:
    said = client.post("/api/token", **told, model=name, token=1, unit=unit).json
    layer = readings[name].trace.layer(-1)
    found = write_retention(layer, 1, unit=unit)
    assert near([said["size"], said["at_end"]], [found.size, found.at_end], 2e-3)
    assert near(said["left"], found.retained)
    assert near(said["erased"], found.forgotten)
    assert said["erasers"][0]["token"] == int(found.forgotten.argmax())
    shares = [one["share"] for one in said["erasers"]]
    assert shares == sorted(shares, reverse=True)
    write = memory_updates(layer).write[1, 0]
    if unit is None:
        assert said["written"][0]["unit"] == int(write.abs().argmax())
        assert len(said["written"]) == 8
    else:
        assert [one["unit"] for one in said["written"]] == [unit]
    assert near([said["written"][0]["value"]], [float(write[said["written"][0]["unit"]])])


@pytest.mark.parametrize("name", ZH)
def test_each_carrier_comes_with_its_proof(client, told, readings, name: str) -> None:
    said = client.post("/api/answer", **told, model=name).json
    found = token_effects(readings[name])
    assert said["tried"] == len(found)
    assert near([one["share"] for one in said["tokens"]], [one.probability_drop for one in found], 2e-3)
    first = said["tokens"][0]
    proof = client.post("/api/what-if", **told, model=name, remove=[first["token"]]).json
    assert proof["answer"]["text"] == first["without"]["text"] == found[0].without.text
    assert near([proof["answer"]["probability"]], [found[0].without.probability])


@pytest.mark.parametrize("name", ZH)
def test_what_is_said_of_a_sentence_is_what_taking_it_out_does(client, told, readings, name: str) -> None:
    """One question and one number: the share of a sentence, and the answer once all of its words are taken out."""
    before = readings[name].answer
    for one in client.post("/api/answer", **told, model=name).json["sentences"]:
        words = list(range(one["from"], one["to"]))
        changed = client.post("/api/what-if", **told, model=name, remove=words).json["answer"]
        assert changed["text"] == one["without"]["text"]
        assert near([changed["probability"]], [one["without"]["probability"]])
        if changed["text"] == before.text:
            left = (1 - one["share"]) * before.probability
            assert changed["probability"] == pytest.approx(left, rel=2e-3, abs=1e-4)


def test_the_name_carries_the_answer_and_without_it_the_answer_is_another(client, told) -> None:
    for name in ("zh/lstm-chrono", "zh/gru-chrono"):
        first = client.post("/api/answer", **told, model=name).json["tokens"][0]
        assert told["text"][first["token"]] in "魯夫"
        assert first["share"] > 0.9
        assert first["without"]["text"] != "魯夫"


def test_a_plain_rnn_has_no_writes_and_says_so(client, told, readings) -> None:
    for path, more in (("token", {"token": 0}), ("what-if", {"drop": [0]}), ("what-if", {"keep": [0]})):
        reply = client.post(f"/api/{path}", **told, model="zh/rnn", **more)
        assert (reply.status, reply.json["code"]) == (422, "no_memory")
        assert "sum of what was written" in reply.json["error"]


def test_a_plain_rnn_s_answer_to_one_sentence_comes_from_it_too(client) -> None:
    one = pirate_king_story(None)
    told = {"text": one.text, "question": one.question}
    said = client.post("/api/answer", **told, model="zh/rnn").json
    assert said["origin"]["kind"] == "sentence"
    assert one.text[said["origin"]["from"] : said["origin"]["to"]] == one.text
    assert said["origin"]["proof"]["without"]["text"] != one.answers[0]


@pytest.mark.parametrize("name", GATED)
def test_what_if_is_the_true_network_run_again(client, told, readings, name: str) -> None:
    said = client.post("/api/what-if", **told, model=name, remove=[3, 9], drop=[0, 1], keep=[40, 41]).json
    true = counterfactual_answer(readings[name], removed=[3, 9], no_write=[0, 1], no_erase=[40, 41])
    assert (said["answer"]["text"], said["before"]["text"]) == (true.text, readings[name].answer.text)
    assert near([said["answer"]["probability"]], [true.probability])
    nothing = client.post("/api/what-if", **told, model=name).json
    assert nothing["answer"]["text"] == nothing["before"]["text"]


@pytest.mark.parametrize("name", ZH)
@pytest.mark.parametrize("unit", [None, 63])
def test_values_are_those_of_the_trace(client, told, readings, name: str, unit: int | None) -> None:
    said = client.post("/api/values", **told, model=name, unit=unit).json
    layer = readings[name].trace.layer(-1)
    assert (set(said["values"]), said["units"]) == (set(layer.names), 64)
    for name_, values in said["values"].items():
        expected = layer[name_][:, 0].mean(1) if unit is None else layer[name_][:, 0, unit]
        assert near(values, expected)
    for state, values in said["before"].items():
        assert values[0] == 0
        assert near(values[1:], said["values"][state][:-1])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_longer_and_longer_each_going_on_where_the_one_before_ends(client, models, language: str) -> None:
    names = [f"{language}/{name.partition('/')[2]}" for name in ZH]
    one = pirate_king_story(150, language=language)
    said = client.post(
        "/api/lengthen",
        text=one.text,
        question=one.question,
        models=names,
        language=language,
        steps=8,
        to=900,
    ).json
    assert said["stories"][0] == one.text
    assert said["lengths"] == [len(each) for each in said["stories"]]
    assert len(said["stories"]) == 8
    assert 850 < said["lengths"][-1] <= 900
    for before, after in zip(said["stories"], said["stories"][1:], strict=False):
        assert after.startswith(before)
        assert len(after) > len(before)
    for name in names:
        asked = [Question(text=each, question=one.question) for each in said["stories"]]
        for told, true in zip(said["answers"][name], models[name].task.predict(asked), strict=True):
            assert told["text"] == true.text
            assert told["right"] == (true.text == one.answers[0])
    for name in (f"{language}/lstm-chrono", f"{language}/gru-chrono"):
        assert all(each["right"] for each in said["answers"][name])


def test_where_the_truth_is_not_known_nobody_is_called_right_or_wrong(client) -> None:
    text = {"text": "Tom buys a red bicycle.", "question": "What does Tom buy?"}
    models = ["en/lstm-zero", "en/gru-chrono"]
    said = client.post("/api/lengthen", **text, models=models, language="en", steps=3, to=100).json
    assert said["expected"] is None
    assert {each["right"] for answers in said["answers"].values() for each in answers} == {None}
    assert client.post("/api/read", **text, models=models).json["expected"] is None


@pytest.mark.parametrize("mark", ["?", "？"])
def test_what_the_text_says_itself_is_known_to_be_right(client, mark: str) -> None:
    text = {"text": "娜美說他想成為海賊王。下雨了。", "question": f"是誰想要成為海賊王{mark}"}
    assert client.post("/api/read", **text, models=ZH[:1]).json["expected"] == "娜美"
    said = client.post("/api/lengthen", **text, models=ZH[2:3], language="zh", steps=3, to=100).json
    assert [each["right"] for each in said["answers"]["zh/lstm-chrono"]] == [True] * 3


def test_a_lucky_guess_is_told_from_an_answer(serve, tmp_path) -> None:
    """Among 16 names one that was never trained is right now and then, and no surer than when it is wrong."""
    untrained = ChoiceReaderSettings(cell="rnn", pooling="last", bidirectional=False, hidden_size=64)
    save(
        ChoiceReader.build(vocabulary_coverage_set(), untrained, seed=0),
        tmp_path / "untrained",
        card={"what": "guesses"},
    )
    lucky = []
    with serve(served([tmp_path / "untrained"])) as client:
        for one in stories(48, 150, seed=5, split="test"):
            asked = {"text": one.text, "question": one.question, "models": ["untrained", "zh/lstm-chrono"]}
            guessed, known = (each["answer"] for each in client.post("/api/read", **asked).json["readings"])
            assert guessed["guess"]
            assert guessed["probability"] < 2 / 16
            assert not known["guess"]
            lucky.append(guessed["text"] == one.answers[0])
    assert any(lucky)


@pytest.mark.parametrize(
    ("likely", "guess"), [((0.42, 0.4), "tied"), ((0.1, 0.01), "chance"), ((0.9, 0.05), None)]
)
def test_a_guess_is_one_beside_the_next_candidate_or_beside_chance(likely, guess) -> None:
    candidates = tuple(zip("ab", likely, strict=True))
    answer = Answer(text="a", probability=likely[0], candidates=candidates)
    assert answer_summary(answer, 16)["guess"] == guess


@pytest.mark.parametrize("name", ZH)
def test_each_sentence_is_taken_out(client, told, readings, name: str) -> None:
    said = client.post("/api/answer", **told, model=name).json["sentences"]
    reading = readings[name]
    assert sorted((one["from"], one["to"]) for one in said) == sentence_spans(reading)
    effects = span_effects(reading, sentence_spans(reading))
    true = {(one.start, one.end): one for one in effects}
    shares = [one["share"] for one in said]
    assert shares == sorted(shares, reverse=True)
    for one in said:
        expected = true[one["from"], one["to"]]
        assert near([one["share"]], [expected.probability_drop], 2e-3)
        assert one["without"]["text"] == expected.without.text


def test_the_mark_that_a_chinese_keyboard_types_reads_the_same(client, told) -> None:
    """Character for character: what was typed is shown, and what the network knows is read."""
    marks = ("。", "｡")
    typed = {"text": told["text"].replace(*marks), "question": told["question"].replace("?", "？")}
    narrow = client.post("/api/read", **told, models=ZH).json["readings"]
    wide = client.post("/api/read", **typed, models=ZH).json["readings"]
    for one, other in zip(narrow, wide, strict=True):
        assert other["unknown"] == []
        assert other["tokens"][-1] == "？"
        assert other["tokens"][10] == "｡"
        assert other["answer"]["probability"] == one["answer"]["probability"]
        assert (other["starts"], other["ends"]) == (one["starts"], one["ends"])
        assert other["strips"] == one["strips"]
        sentence = one["answer"]["sentence"]
        assert other["answer"]["sentence"] == (sentence and sentence.replace(*marks))
    for path, more in (("answer", {}), ("what-if", {"remove": [1]}), ("values", {}), ("token", {"token": 1})):
        given = [client.post(f"/api/{path}", **each, model=ZH[3], **more).json for each in (told, typed)]
        assert given[0] == given[1], path


def test_a_text_that_is_long_already_stays_as_it_is(client, told) -> None:
    said = client.post("/api/lengthen", **told, models=["zh/rnn"], language="zh", to=100).json
    assert said["stories"] == [told["text"]]


def test_the_gradient_is_that_of_the_network_so_changed(client, models) -> None:
    said = client.post("/api/gradient", models=ZH, lags=60).json
    assert said["lags"] == list(range(61))
    for line in said["lines"]:
        task = models[line["model"]].task
        reading = read(task, story("zh", 60))
        output = reading.trace.output.double().requires_grad_()
        (reached,) = torch.autograd.grad(reading.head.margin(output), output)
        true = gradient_of_run(reading.layer_run, reached, max_lag=60)
        assert near(line["values"], true)
        assert line["gone"] == vanishing_lag(true)
        assert line["verdict"] == verdict(true)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 10, 1000], "explodes"),
        ([1, 10, math.inf], "explodes"),
        ([1, 2, math.nan], "explodes"),
        ([1, 1.5, 2], "grows"),
        ([1, 1.01, 1.02], "arrives"),
        ([1, 0.5, 0.2], "arrives"),
        ([1, 0.009, 0.008], "flat"),
        ([1, 0.009, 0.0001], "gone"),
        ([1, 0, 0], "gone"),
    ],
)
def test_a_gradient_in_one_word(values: list[float], expected: str) -> None:
    assert verdict(torch.tensor(values, dtype=torch.float64)) == expected


@pytest.mark.parametrize("lags", [1, 500])
def test_a_gradient_over_few_lags_and_over_many(client, lags: int) -> None:
    said = client.post("/api/gradient", models=["zh/gru-chrono", "en/gru-chrono"], lags=lags).json
    assert [len(line["values"]) for line in said["lines"]] == [lags + 1] * 2
    assert all(line["values"][0] == 1 for line in said["lines"])


def test_bias_and_scale_change_a_copy_and_never_the_network(client, models) -> None:
    before = {name: value.clone() for name, value in models["zh/lstm-zero"].task.state_dict().items()}
    ask = {"models": ["zh/lstm-zero", "zh/rnn", "zh/mingru-chrono"], "lags": 60}
    plain = client.post("/api/gradient", **ask).json["lines"]
    biased = client.post("/api/gradient", **ask, forget_bias=4.0).json["lines"]
    scaled = client.post("/api/gradient", **ask, recurrent_scale=4.0).json["lines"]
    assert biased[0]["values"][60] > 1e3 * plain[0]["values"][60]  # an open gate lets the gradient through
    assert biased[1]["values"] == plain[1]["values"]  # a plain RNN has no such bias
    assert scaled[1]["values"] != plain[1]["values"]
    closed = client.post("/api/gradient", **ask, forget_bias=-8.0).json["lines"]
    assert (
        closed[2]["values"][60] < 1e-3 * plain[2]["values"][60]
    )  # of a minGRU, whose closed gate keeps, too
    after = models["zh/lstm-zero"].task.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert client.post("/api/gradient", **ask).json["lines"] == plain


def test_the_second_question_about_a_story_finds_it_read(client, told, monkeypatch) -> None:
    import keepgate.serve.reading_cache as room

    asked = {"text": "娜美說她想成為棒球王。", "question": "是誰想要成為棒球王?"}
    client.post("/api/read", **asked, models=["zh/gru-chrono"])

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(room, "read", never)
    assert client.post("/api/values", **asked, model="zh/gru-chrono").status == 200
