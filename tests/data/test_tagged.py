"""Tagged texts: three formats told apart, and what is broken is named with its line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keepgate.data.corpora import questions_in
from keepgate.data.corpora.tagged import read_tagged, read_untagged
from keepgate.data.tagged import TaggedText, characters_of, tagged_text
from keepgate.errors import CorpusError

CONLLU = """# sent_id = 1
# text = 看見了
1\t看見\t看見\tVERB\tVV\t_\t0\troot\t_\t_
2-3\t了嗎\t_\t_\t_\t_\t_\t_\t_\t_
2\t了\t了\tAUX\tAS\t_\t1\taux\t_\t_
3\t嗎\t嗎\tPART\tSP\t_\t1\tdiscourse\t_\t_
3.1\t無\t_\tX\t_\t_\t_\t_\t_\t_

"""


def written(folder: Path, content: str) -> Path:
    path = folder / "tagged.txt"
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("content", "form", "tokens", "tags"),
    [
        ("王 B-PER\n明 E-PER\n\n\n來 O\n", "columns", ["王明", "來"], ["B-PER E-PER", "O"]),
        ("王\tB-PER\r\n\u3000\tO\r\n\r\n# O\r\n", "columns", ["王\u3000", "#"], ["B-PER O", "O"]),
        ("-DOCSTART- -X- O\n\nMr NNP O\nWang NNP I-PER\n", "columns", ["Mr Wang"], ["O I-PER"]),
        ("{ O\n} O\n", "columns", ["{}"], ["O O"]),
        (CONLLU, "conll-u", ["看見 了 嗎"], ["VERB AUX PART"]),
        ('{"tokens": ["王", "明"], "tags": ["B", "I"]}\n', "json lines", ["王明"], ["B I"]),
        ('{"words": ["Mr", "Wang"], "ner_tags": ["O", "B"]}\n', "json lines", ["Mr Wang"], ["O B"]),
    ],
)
def test_the_format_is_told_from_what_stands_in_the_file(
    tmp_path: Path, content: str, form: str, tokens: list[str], tags: list[str]
) -> None:
    corpus = read_tagged(written(tmp_path, content))
    assert corpus.format == form
    assert [item.text for item in corpus.items] == tokens
    assert [" ".join(item.tags) for item in corpus.items] == tags
    for item in corpus.items:
        places = zip(item.tokens.starts, item.tokens.ends, strict=True)
        assert tuple(item.text[start:end] for start, end in places) == item.tokens.texts


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("王 B-PER\n明\n", "line 2: there is one column, '明'"),
        ("王 NR B-PER\n明 O\n", "line 2: there are 2 columns where the first line has 3"),
        ("王\tO\n\tO\n", "line 2: the token is empty"),
        ("王\t \n", "line 1: the tag is empty"),
        ("-DOCSTART- O\n", "there is no text with tags"),
        ("1\t王\t_\tX\t_\t_\t_\t_\t_\t_\n2\t明\tX\n", "line 2: CoNLL-U has ten columns, and this line 3"),
        ('{"tokens": ["王", "明"], "tags": ["O"]}', "line 1: there are 2 tokens and 1 tags"),
        ('{"tokens": ["王"], "tags": [3]}', "number 1 of 'tags' is a number"),
        ('{"tokens": "王", "tags": ["O"]}', "'tokens' is text; it must be a list"),
        ('{"text": "王", "tags": ["O"]}', "there is no 'tokens', only 'text', 'tags'"),
        ('{"tokens": ["王", ""], "tags": ["O", "O"]}', "number 2 of 'tokens' is empty"),
        ('{"tokens": ["王"], "tags": ["O"]}\n[1]\n', "line 2: this is a list"),
        ('{"tokens": ["王"], "tags": ["O"]}\n{"tok', "line 2, column 2: this is no JSON"),
        ('{"tokens": [], "tags": []}', "there are no tokens in it"),
    ],
)
def test_what_is_broken_is_named_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_tagged(written(tmp_path, content))
    assert says in str(caught.value)


def test_an_empty_text_among_others_is_left_out_and_counted(tmp_path: Path) -> None:
    lines = [
        {"tokens": ["王"], "tags": ["O"]},
        {"tokens": [], "tags": []},
        {"tokens": ["明"], "tags": ["B-X"]},
    ]
    corpus = read_tagged(written(tmp_path, "\n".join(map(json.dumps, lines))))
    account = corpus.account()
    assert "2 texts of 2 tokens (json lines), 1 left out: 1 because there are no tokens in it" in account
    assert "line 2" in account
    assert account.endswith("2 tags: B-X 1, O 1.")
    single = read_tagged(written(tmp_path, json.dumps({"tokens": ["王"], "tags": ["B\n-X"]})))
    assert single.account() == "1 text of 1 token (json lines)\n1 tag: B -X 1."


def cut(text: str) -> TaggedText:
    return TaggedText(text=text, tokens=characters_of(text))


def test_texts_to_be_tagged_keep_their_own_offsets() -> None:
    first, second = read_untagged("王 👨‍👩‍👧e\u0301\n \n明\n", "x", item=cut)
    assert [first.text[place] for place in first.tokens.starts] == list("王👨\u200d👩\u200d👧e\u0301")
    assert second.text == "明"
    given, plain = read_untagged('{"tokens": ["Mr", "Wang"]}\n{"text": "王 明"}\n', "x", item=cut)
    assert given == tagged_text(["Mr", "Wang"])
    assert plain.tokens.starts == (0, 2)
    _, empty, _ = read_untagged('{"text": "王"}\n{"tokens": []}\n{"text": "明"}\n', "x", item=cut)
    assert empty.tokens.texts == ()
    for content, says in (
        ("\n \n", "no text in it"),
        ('{"tokens": []}', "no text in it"),
        ('{"body": "x"}', "no 'tokens', only 'body'"),
    ):
        with pytest.raises(CorpusError, match=says):
            read_untagged(content, "x", item=cut)


@pytest.mark.parametrize("reads", [read_untagged, questions_in], ids=["tagger", "reader"])
def test_a_name_that_is_missing_is_answered_with_the_nearest_first(reads: Callable[..., object]) -> None:
    fields = [*"abcdefghij", "txt", "tokns"]
    content = (json.dumps(dict.fromkeys([*fields, "question"], "x")) + "\n") * 2
    options, nearest = ({"item": cut}, "'tokns'") if reads is read_untagged else ({}, "'txt'")
    with pytest.raises(CorpusError, match=f"only {nearest}, "):
        reads(content, "x", **options)


def test_the_tokens_of_a_line_stand_in_its_text(tmp_path: Path) -> None:
    line = {
        "text": "(Mr)  Wang Wang\n來了。",
        "tokens": ["Mr", "Wang", "來", "了"],
        "tags": ["O", "B", "O", "O"],
    }
    for record in (line, line | {"text": None}):
        (item,) = read_tagged(written(tmp_path, json.dumps(record))).items
        assert item.tokens.texts == ("Mr", "Wang", "來", "了")
        assert item.tags == ("O", "B", "O", "O")
        assert item.text == (record["text"] or "Mr Wang 來 了")
        places = zip(item.tokens.starts, item.tokens.ends, strict=True)
        assert tuple(item.text[start:end] for start, end in places) == item.tokens.texts
        (untagged,) = read_untagged(json.dumps(record), "x", item=cut)
        assert (untagged.text, untagged.tokens) == (item.text, item.tokens)
    broken = line | {"tokens": ["來", "Mr"], "tags": ["O", "O"]}
    for reads in (lambda: read_tagged(written(tmp_path, json.dumps(line) + "\n" + json.dumps(broken))),
                  lambda: read_untagged(json.dumps(line) + "\n" + json.dumps(broken), "x", item=cut)):  # fmt: skip
        with pytest.raises(
            CorpusError, match=r"line 2: token 2, 'Mr', is not in the text from character 17 on"
        ):
            reads()
    with pytest.raises(CorpusError, match="line 1: 'text' is a number; it must be text"):
        read_tagged(written(tmp_path, json.dumps(line | {"text": 3})))


def test_a_line_may_have_a_label_of_the_whole_text(tmp_path: Path) -> None:
    lines = [
        {"tokens": ["play"], "tags": ["O"], "intent": "Play"},
        {"tokens": ["add"], "tags": ["O"], "label": "Add"},
        {"tokens": ["stop"], "tags": ["O"], "label": 1.0},
        {"tokens": ["go"], "tags": ["O"], "label": "True"},
    ]
    corpus = read_tagged(written(tmp_path, "\n".join(map(json.dumps, lines))))
    assert [item.label for item in corpus.items] == ["Play", "Add", "1", "true"]
    assert "4 labels: " in corpus.account()
    broken = json.dumps(lines[0] | {"intent": [3]})
    with pytest.raises(CorpusError, match=r"line 1.*intent"):
        read_tagged(written(tmp_path, broken))
