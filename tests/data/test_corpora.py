"""Formats are told apart by what stands in a file; what cannot be used is counted, listed and left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from keepgate.data.batch import bucketed
from keepgate.data.corpora import Corpus, read
from keepgate.data.questions import Question
from keepgate.data.text import words
from keepgate.errors import CorpusError
from keepgate.tasks.span import SpanReaderSettings
from keepgate.tasks.span.kind import recipe

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the data sets beside the repository are not here"
)

TEXT = "魯夫說他想成為海賊王。索隆想成為劍豪。"


def squad(*answers: dict[str, Any], context: str = TEXT, question: str = "誰想成為海賊王?") -> dict[str, Any]:
    entry = {"id": "Q1", "question": question, "answers": list(answers)}
    return {"version": "1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": [entry]}]}]}


BABI = (
    "1 Mary moved to the bathroom.\n"
    "2 John went to the hallway.\n"
    "3 Where is Mary? \tbathroom\t1\n"
    "4 Mary went north.\n"
    "5 Is John in the hallway? \tyes\t2 4\n"
    "1 Sandra got milk.\n"
    "2 What is Sandra carrying? \tmilk\t1\n"
)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a file under a name that says nothing, or the wrong thing, about its format."""

    def write_it(content: str | bytes | dict[str, Any] | list[Any], name: str = "data.bin") -> Path:
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content, ensure_ascii=False)
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_it


def one(corpus: Corpus) -> Question:
    assert len(corpus.questions) == 1
    return corpus.questions[0]


# Told apart by content

RECORD = {"text": TEXT, "question": "誰想成為海賊王?", "answer": "魯夫"}
ROW = f"{TEXT}\t誰想成為海賊王?\t魯夫"
SAME = {
    "squad": squad({"text": "魯夫", "answer_start": 0}),
    "squad, the articles only": squad({"text": "魯夫", "answer_start": 0})["data"],
    "json lines": json.dumps(RECORD) + "\n" + json.dumps(RECORD),
    "json lines, one": RECORD,
    "json records": [RECORD],
    "json records under data": {"data": [RECORD]},
    "json lines as of a hub": RECORD | {"answer": {"text": ["魯夫"], "answer_start": [0]}},
    "other names": {"context": TEXT, "query": RECORD["question"], "answers": ["魯夫"]},
    "answers with places": RECORD | {"answer": [{"text": "魯夫", "answer_start": 0}]},
    "tsv": ROW,
    "tsv, header": f"text\tquestion\tanswer\n{ROW}",
    "tsv, other order": f"Answer\tid\tQuestion\tContext\n魯夫\t7\t誰想成為海賊王?\t{TEXT}",
    "tsv, Chinese header": f"文本\t問題\t答案\n{ROW}",
    "tsv, simplified header": f"编号\t内容\t问题\t答案\n7\t{ROW}",
    "tsv, a start": f"text\tquestion\tanswer\tstart\n{ROW}\t0",
    "tsv, quoted": f'"{TEXT}"\t誰想成為海賊王?\t"魯夫"',
}


@pytest.mark.parametrize("form", SAME)
@pytest.mark.parametrize("name", ["data.bin", "data.json", "data.tsv"])
def test_each_format_gives_the_same_question_whatever_the_files_name(
    write: Any, form: str, name: str
) -> None:
    corpus = read(write(SAME[form], name))
    assert corpus.left_out == []
    assert corpus.moved == 0
    for question in corpus.questions:
        assert (question.text, question.question) == (TEXT, "誰想成為海賊王?")
        assert (question.answers, question.starts) == (("魯夫",), (0,))


@pytest.mark.parametrize("form", ["json lines", "tsv, header"])
def test_a_mark_carriage_returns_and_blank_lines_change_nothing(write: Any, form: str) -> None:
    plain = read(write(SAME[form])).questions
    other = "\ufeff" + str(SAME[form]).replace("\n", "\r\n\r\n") + "\r\n\r\n"
    assert [q.answers for q in read(write(other)).questions] == [q.answers for q in plain]
    assert read(write(other)).questions[0].text == TEXT
    old = str(SAME[form]).replace("\n", "\r")
    assert read(write(old)).questions[0].starts == (0,)


def test_the_format_is_named(write: Any) -> None:
    assert read(write(SAME["squad"])).format == "squad"
    assert read(write(SAME["json lines"])).format == "json lines"
    assert read(write(SAME["json records"])).format == "json records"
    assert read(write(SAME["tsv"])).format == "tsv"
    assert read(write(BABI)).format == "babi"


def test_files_of_several_formats_are_each_read_by_their_own(write: Any) -> None:
    files = [write(SAME["squad"], "a"), write(BABI, "b"), write(SAME["tsv"], "c"), write(SAME["squad"], "d")]
    corpus = read(files)
    assert corpus.format == "squad + babi + tsv"
    assert len(corpus.questions) == 6
    assert corpus.questions[1].answers == ("bathroom",)


def test_a_huge_line_is_read(write: Any) -> None:
    text = "魯夫在海邊。" * 20_000
    assert one(read(write(f"{text}\t誰?\t魯夫"))).text == text
    assert one(read(write({"text": text, "question": "誰?", "answer": "無"}))).text == text


def test_a_line_separator_inside_a_json_string_ends_no_line(write: Any) -> None:
    record = RECORD | {"text": TEXT + "\u2028\x85\x0c後"}
    lines = json.dumps(record, ensure_ascii=False) + "\n" + json.dumps(RECORD)
    assert len(read(write(lines)).questions) == 2


# SQuAD


def test_an_answer_at_another_offset_is_found_again_at_the_nearest_place(write: Any) -> None:
    corpus = read(write(squad({"text": "想成為", "answer_start": 12})))
    assert one(corpus).starts == (13,)
    assert corpus.moved == 1
    assert "1 answer found at another place" in corpus.account()
    assert one(read(write(squad({"text": "想成為", "answer_start": -1})))).starts == (4,)
    assert one(read(write(squad({"text": "想成為", "answer_start": 10**6})))).starts == (13,)


def test_an_answer_with_blanks_around_it_is_found_without_them(write: Any) -> None:
    question = one(read(write(squad({"text": " 海賊王\n", "answer_start": 6}))))
    assert (question.answers, question.starts) == (("海賊王",), (7,))


def test_an_answer_that_is_not_in_its_text_is_counted_listed_and_left_out(write: Any) -> None:
    value = squad({"text": "娜美", "answer_start": 0})
    good = {"id": "Q2", "question": "誰?", "answers": [{"text": "索隆"}, {"text": "娜美", "answer_start": 3}]}
    empty = {"id": "Q3", "question": "誰?", "answers": []}
    blank = {"id": "Q4", "question": " ", "answers": [{"text": "索隆", "answer_start": 11}]}
    value["data"][0]["paragraphs"][0]["qas"] += [good, empty, blank]
    path = write(value)
    corpus = read(path)
    assert one(corpus).id == "Q2"
    assert (one(corpus).answers, one(corpus).starts) == (("索隆", "娜美"), (11, None))
    assert [(left.where, left.reason) for left in corpus.left_out] == [
        ("question Q1", "the answer is not in the text"),
        ("question Q3", "there is no answer"),
        ("question Q4", "the question is empty"),
    ]
    account = corpus.account(at_most=2)
    assert "1 question (squad), 3 left out: 1 because the answer is not in the text" in account
    assert f"{path}, question Q1: the answer is not in the text" in account
    assert "and 1 more" in account


def test_questions_without_answers_are_kept_for_asking(write: Any) -> None:
    path = write(squad())
    with pytest.raises(CorpusError, match="no question that can be used, 1 were left out"):
        read(path)
    assert one(read(path, needs="question")).answers == ()
    assert one(read(write(f"{TEXT}\t誰?"), needs="question")).question == "誰?"
    assert len(read(write(squad({"text": "娜美", "answer_start": 0})), needs="question").questions) == 1


Q = ("data", 0, "paragraphs", 0, "qas", 0)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("data", 0, "paragraphs"), {}, r"data\[0\]: 'paragraphs' is an object; it must be a list"),
        (("data", 1), {"title": 1}, r"data\[1\]: there is no 'paragraphs', only 'title'"),
        (("data", 1), 3, r"data\[1\]: this is a number; an object with 'paragraphs'"),
        (("data", 0, "paragraphs", 0), {"qas": []}, r"paragraphs\[0\]: there is no 'context', only 'qas'"),
        (("data", 0, "paragraphs", 0, "qas"), None, r"'qas' is null; it must be a list"),
        (Q, {"id": "Q1"}, r"qas\[0\]: there is no 'question', only 'id'"),
        ((*Q, "answers"), "魯夫", r"qas\[0\]: 'answers' is text; it must be a list"),
        ((*Q, "answers", 0, "text"), 5, r"answers\[0\]: 'text' is a number; it must be text"),
        (
            (*Q, "answers", 0, "answer_start"),
            "0",
            r"answers\[0\]: 'answer_start' is '0'; it counts characters",
        ),
    ],
)
def test_a_broken_part_is_named_by_its_place(
    write: Any, place: tuple[str | int, ...], value: object, message: str
) -> None:
    broken: Any = squad({"text": "魯夫", "answer_start": 0})
    broken["data"].append({"paragraphs": []})
    holder = broken
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    path = write(broken)
    with pytest.raises(CorpusError, match=message):
        read(path)


@needs_shared
def test_cmrcs_answers_at_another_offset_are_found_again() -> None:
    corpus = read(SHARED / "cmrc2018" / "train.json")
    assert (len(corpus.questions), corpus.moved, corpus.left_out) == (10_142, 21, [])
    assert corpus.share_in_text == 1.0
    dev = read([SHARED / "cmrc2018" / "dev.json", SHARED / "drcd" / "DRCD_dev.json"], needs="span")
    assert (len(dev.questions), dev.left_out) == (3_219 + 3_524, [])


@needs_shared
def test_batches_of_cmrcs_questions_have_little_padding() -> None:
    """Cut to the window as in training, or whole: below a tenth of what is read, texts and questions together."""
    questions = read(SHARED / "cmrc2018" / "train.json").questions
    texts, asked = ([len(words(getattr(q, name))) for q in questions] for name in ("text", "question"))
    for lengths in (texts, [min(length, SpanReaderSettings().window) for length in texts]):
        batches = bucketed(lengths, recipe(len(questions))["batch_size"], seed=0, epoch=0)
        padded = sum(
            len(batch) * (max(lengths[row] for row in batch) + max(asked[row] for row in batch))
            for batch in batches
        )
        assert 1 - (sum(lengths) + sum(asked)) / padded < 0.1


# bAbI


def test_babis_stories_start_anew_and_know_their_facts(write: Any) -> None:
    first, second, third = read(write(BABI)).questions
    assert first.text == "Mary moved to the bathroom. John went to the hallway."
    assert (first.question, first.answers) == ("Where is Mary?", ("bathroom",))
    assert [first.text[start:end] for start, end in first.facts] == ["Mary moved to the bathroom."]
    assert first.starts == (first.text.index("bathroom"),)
    assert second.text.endswith("hallway. Mary went north."), "a question is no part of the story"
    assert [second.text[start:end] for start, end in second.facts] == [
        "John went to the hallway.",
        "Mary went north.",
    ]
    assert (second.answers, second.starts) == (("yes",), (None,)), "an answer need not be in the text"
    assert (third.text, third.answers) == ("Sandra got milk.", ("milk",))
    short = read(write("1 Sandra got milk.\n1 John left.\n2 Who left? \tJohn\t1\n"))
    assert one(short).text == "John left.", "a story may be one sentence long"


def test_babis_answers_outside_the_text_are_left_out_where_a_span_is_needed(write: Any) -> None:
    corpus = read(write(BABI.replace("\n", "\r\n")), needs="span")
    assert [question.answers[0] for question in corpus.questions] == ["bathroom", "milk"]
    assert [(left.where, left.reason) for left in corpus.left_out] == [
        ("line 5", "the answer is not in the text")
    ]
    assert read(write(BABI)).share_in_text == pytest.approx(2 / 3)


def test_babis_faults_are_named_by_line(write: Any) -> None:
    with pytest.raises(CorpusError, match="line 3: the answer is said to rest on sentence 7"):
        read(write(BABI.replace("bathroom\t1", "bathroom\t7")))
    lines = [f"{k} Mary went north." for k in range(1, 60)]
    path = write("\n".join([*lines[:9], "10 Where? \tnorth\t1", *lines[10:], "no number"]))
    with pytest.raises(CorpusError, match="line 60: a sentence starts with its number"):
        read(path)


@needs_shared
def test_the_whole_of_babi_is_read() -> None:
    corpus = read(sorted((SHARED / "babi" / "en").glob("qa*_train.txt")))
    assert (len(corpus.questions), corpus.left_out, corpus.format) == (20_000, [], "babi")
    assert all(question.facts for question in corpus.questions)


# Records


def test_a_record_without_a_start_is_looked_for_where_the_question_is_answered(write: Any) -> None:
    text = "海邊很好。魯夫在海邊。"
    assert one(read(write({"text": text, "question": "魯夫在哪裡?", "answer": "海邊"}))).starts == (8,)
    assert one(
        read(write({"text": text, "question": "魯夫在哪裡?", "answer": "海邊", "start": 0}))
    ).starts == (0,)
    assert one(read(write({"text": text, "question": "好嗎?", "answer": "是"}))).starts == (None,)
    assert one(read(write({"text": text, "question": "幾個?", "answer": 3}))).answers == ("3",)


def test_lone_halves_of_surrogate_pairs_do_no_harm(write: Any) -> None:
    question = one(read(write('{"text": "a\\ud800b", "question": "c\\udfff", "answer": "b"}')))
    assert (question.text, question.starts) == ("a\ufffdb", (2,))
    question.text.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "question": "b"}\n{"text": "a" "question"}', "line 2, column 14: this is no JSON"),
        ('{\n "data": [\n  {"paragraphs": [}\n]}', "line 3, column 19: this is no JSON"),
        ('[{"text": "a", "question"', "line 1, column 26: this is no JSON"),
        ('{"text": "a", "question": "b"}\n\n[1]', "line 3: this is a list; an object"),
        ('{"text": 3, "question": "b"}', "record 1: 'text' is a number; it must be text"),
        ('{"question": "b"}', "record 1: there is no 'text', only 'question'"),
        ('{"text": "a", "question": "b", "answer": [null]}', "record 1: an answer is null"),
        ('{"text": "a", "question": "b", "answer": "a", "start": "x"}', "start is 'x'"),
        ('{"text": "a", "question": "b", "answer": {"text": ["a"], "answer_start": [1, 2]}}', "as long as"),
        ("[" * 100_000, "JSON"),
        ("[" + "9" * 5000 + "]", "JSON"),
        ('{"sentences": [], "labels": []}', "neither SQuAD's.*an object with 'sentences', 'labels'"),
        ("[1, 2]", "it is a list"),
        ("[]", "no questions in it"),
        ('{"data": []}', "no questions in it"),
        ("a\tb\tc\td", "line 1: there are 4 columns and no header; give text, question, answer"),
        ("a\tb", "line 1: there are 2 columns and no header"),
        ("question\tanswer\nWho?\tLuffy", "names 'question', 'answer', and no text; give text, question"),
        ("text\tanswer\nLuffy sails the sea.\tLuffy", "names 'text', 'answer', and no question"),
        ("texte\tquestion\tréponse\nLuffy sails the sea.\tWho?\tLuffy", "line 1: the first line names .* and no text"),
        ("質問文\t問い\t答え\n魯夫想成為海賊王。\t誰?\t魯夫", "looks like names of columns that are not known"),
        ("text\tquestion\tanswer\na\tb\tc\n\nd\te", "line 4: there are 2 columns where the first line has 3"),
        ("text,question,answer\na,b,c", "none of the formats.*comma-separated"),
        ("Once upon a time", "line 1: this is none of the formats.*'Once upon a time'"),
        ("text\tquestion\tanswer\n", "no question that can be used"),
        ("text\tText\tquestion\tanswer\na\tb\tc\td\n", "names 'text' 2 times"),
        ('{"text": "a", "question": "b", "answer": NaN}', "record 1: there is no answer"),
        ("a\tb\t \nc\t \td", r"2 were left out:\n.*line 1: there is no answer\n.*line 2: the question is empty"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_line_and_column(write: Any, content: str, message: str) -> None:
    path = write(content)
    with pytest.raises(CorpusError, match=f"(?s){message}") as error:
        read(path)
    assert str(path) in str(error.value)


# Files

CHINESE = "今天的天氣很好，他說他想要成為海賊王，我們都在這裡等他回來。\n" * 3
SIMPLE = "今天的天气很好，他说他想要成为海贼王，我们都在这里等他回来。\n" * 3


@pytest.mark.parametrize(
    ("raw", "looks_like"),
    [
        (CHINESE.encode("big5"), "BIG5"),
        (SIMPLE.encode("gbk"), "GB18030"),
        (("a" * 39_000 + SIMPLE * 900).encode("gbk"), "GB18030"),
        (CHINESE.encode("utf-16"), "UTF-16"),
        (("text\tquestion\n" * 5 + CHINESE).encode("utf-16-le"), "UTF-16LE"),
        (("text\tquestion\n" * 5 + CHINESE).encode("utf-16-be"), "UTF-16BE"),
        (CHINESE.encode("utf-32"), "UTF-32"),
        ("今日はとてもいい天気です。彼は海賊王になりたいと言いました。".encode("shift_jis"), "SHIFT_JIS"),
        ("今日はとてもいい天気です。彼は海賊王になりたいと言いました。".encode("euc_jp"), "EUC-JP"),
        ("오늘은 날씨가 아주 좋습니다. 그는 해적왕이 되고 싶다고 말했다.".encode("euc_kr"), "EUC-KR"),
        ("Le café est fermé, à côté du château.".encode("latin-1"), "WINDOWS-1252"),
    ],
)
def test_another_encoding_is_recognised_and_the_way_to_convert_it_told(
    write: Any, raw: bytes, looks_like: str
) -> None:
    path = write(raw, "stories.tsv")
    with pytest.raises(CorpusError, match="is not UTF-8") as error:
        read(path)
    assert f"looks like {looks_like}." in str(error.value)
    assert f"iconv -f {looks_like} -t UTF-8 {path} > stories.utf8.tsv" in str(error.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (CHINESE.encode()[:-3], "ends in the middle of a character"),
        (CHINESE.encode() + b"\xff" + CHINESE.encode(), "byte 0xff in line 4, column 1 is broken after"),
        (b"\xff\xff\xff\xff", "is not UTF-8: byte 0xff in line 1, column 1. Save it as UTF-8"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n\t", "is empty"),
        (b"a\tb\tc\nd\x00\te\tf", r"zero bytes \(the first in line 2\)"),
        (b"\x1f\x8b\x08\x00abc", r"is packed \(gzip\); unpack it"),
        (b"PK\x03\x04abc", r"is packed \(zip\)"),
    ],
)
def test_a_file_that_is_no_text_is_refused(write: Any, raw: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read(write(raw))


def test_a_missing_file_a_folder_and_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        read(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="is a folder; name the files in it"):
        read([tmp_path])
    with pytest.raises(CorpusError, match="no files were given"):
        read([])
