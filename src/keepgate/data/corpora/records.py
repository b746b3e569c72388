"""Records with a text, a question and an answer each: JSON lines, a list in one JSON value, or TSV."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from ...errors import CorpusError
from ..questions import Question
from .corpus import Corpus, Needs, identity
from .squad import find_again
from .values import as_text, is_missing, kind_of, refuse_twins, text_of

# The names of each field, the first of them the one that the documentation teaches.
TEXT = ("text", "context", "passage", "story", "文本", "文章", "短文", "故事", "原文", "內容", "内容")
QUESTION = ("question", "query", "問題", "问题", "提問", "提问")
ANSWER = ("answer", "answers", "答案", "回答", "解答")
START = ("start", "answer_start")
ID = ("id", "qid")
Unit = Literal["line", "record", "row"]


def fits(value: Any) -> bool:
    """Whether a JSON value is one record, or a list that starts with one."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and any(name in first for name in QUESTION)


def read_records(
    values: Iterable[tuple[int, Any]], path: str, needs: Needs, corpus: Corpus, *, unit: Unit
) -> None:
    """Adds parsed records, each with its number, to the corpus. unit: what is numbered.

    The answer is a text, a list of texts or of objects with "text" and "answer_start", or SQuAD's two lists
    under "text" and "answer_start". An answer without a start is looked for in the text; it need not be
    there.
    Raises CorpusError, naming the place, for a record without a text or a question.
    """
    for number, record in values:
        place = f"{unit} {number}"
        if not isinstance(record, dict):
            raise CorpusError(
                f"{path}, {place}: this is {kind_of(record)}; an object with text, question and answer "
                "belongs here"
            )
        text, question = text_of(record, TEXT, path, place), text_of(record, QUESTION, path, place)
        answers = [record[name] for name in ANSWER if not is_missing(record.get(name))]
        start = next((record[name] for name in START if name in record), None)
        pairs = _answers(answers[0], start, path, place) if answers else []
        own_place = f"{path}:{number}" if unit == "line" else f"{path}:{place}"
        _add(corpus, text, question, pairs, _identity(record, own_place, needs), path, place, needs)


def read_tsv(lines: Sequence[str], path: str, needs: Needs, corpus: Corpus) -> None:
    """Adds the rows of a TSV file, with a header or with the columns text, question, answer, to the corpus.

    A field in double quotes, with quotes inside doubled, is taken without them, as spreadsheets write it.
    Raises CorpusError, naming the line, for a row with too few or too many columns.
    """
    rows = [(number, _fields(line)) for number, line in enumerate(lines, 1) if line.strip()]
    expected = ("text", "question") if needs == "question" else ("text", "question", "answer")
    header = _header(rows, expected, path)
    if header is None:
        header = list(("text", "question", "answer")[: len(rows[0][1])])
    else:
        refuse_twins([name for name in header if name not in ANSWER], path)
        rows = rows[1:]
    for number, fields in rows:
        place = f"line {number}"
        if len(fields) != len(header):
            raise CorpusError(
                f"{path}, {place}: there are {len(fields)} columns where the first line has {len(header)}; "
                "a field cannot hold a tab or a line break"
            )
        record = dict(zip(header, fields, strict=True))
        answers = [
            field for name, field in zip(header, fields, strict=True) if name in ANSWER and field.strip()
        ]
        text, question = text_of(record, TEXT, path, place), text_of(record, QUESTION, path, place)
        start = next(
            (_whole(record[name], path, place) for name in START if record.get(name, "").strip()), None
        )
        pairs = [(answer, start if k == 0 else None) for k, answer in enumerate(answers)]
        _add(corpus, text, question, pairs, _identity(record, f"{path}:{number}", needs), path, place, needs)


def _header(rows: Sequence[tuple[int, list[str]]], expected: Sequence[str], path: str) -> list[str] | None:
    """The names of the columns, or None if the first line is a row like the others.

    Raises CorpusError for a first line that names only some of the columns, names them in words that are not known, or
    leaves open which column is which.
    """
    number, fields = rows[0]
    names = [name.strip().lower() for name in fields]
    missing = [synonyms[0] for synonyms in (TEXT, QUESTION) if not set(names) & set(synonyms)]
    known_names = sum(name in synonyms for name in names for synonyms in (TEXT, QUESTION, ANSWER))
    if not missing:
        return names
    if known_names > 1 or (known_names and _are_names(rows)):
        fault = f"the first line names {', '.join(map(repr, names))}, and no {' and no '.join(missing)}"
    elif len(fields) not in (len(expected), 3):
        fault = f"there are {len(fields)} columns and no header"
    elif _are_names(rows):
        fault = (
            f"the first line looks like names of columns that are not known: {', '.join(map(repr, names))}"
        )
    else:
        return None
    raise CorpusError(
        f"{path}, line {number}: {fault}; give {', '.join(expected)} in this order, separated by tabs, or a first line "
        f"that names the columns {', '.join(expected)}"
    )


def _are_names(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether the first row is one word a column, and every other row's first field is longer than all of them."""
    words = rows[0][1]
    longest = max(map(len, words))
    others = [len(fields[0]) for _, fields in rows[1:]]
    return all(word.replace("_", "").strip().isalnum() for word in words) and min(others, default=0) > longest


def parse_lines(lines: Iterable[str], path: str, left_out: int = 0) -> Iterator[tuple[int, Any]]:
    """The JSON value of each line but blank ones, with its number, after so many others of the file.

    Raises CorpusError with line and column.
    """
    for number, line in enumerate(lines, 1 + left_out):
        if line.strip():
            yield number, parse(line, path, number)


def parse(text: str, path: str, first_line: int = 1) -> Any:
    """The one JSON value in the text. Raises CorpusError with line and column if there is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        around = text[max(error.pos - 20, 0) : error.pos + 20].replace("\n", " ")
        raise CorpusError(
            f"{path}, line {first_line + error.lineno - 1}, column {error.colno}: "
            f"this is no JSON: {error.msg}, at {around!r}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise CorpusError(f"{path}, from line {first_line}: this JSON cannot be read: {error}") from None


def _add(
    corpus: Corpus,
    text: str,
    question: str,
    pairs: Sequence[tuple[str, int | None]],
    identity: str,
    path: str,
    place: str,
    needs: Needs,
) -> None:
    answers: list[str] = []
    starts: list[int | None] = []
    for answer, stated in pairs:
        if answer.strip():
            answer, start = find_again(text, question, answer, stated)
            corpus.moved += start is not None and stated is not None and start != stated
            answers.append(answer)
            starts.append(start)
    item = Question(text=text, question=question, answers=tuple(answers), starts=tuple(starts), id=identity)
    corpus.keep(item, path, place, needs)


def _answers(value: Any, start: Any, path: str, place: str) -> list[tuple[str, int | None]]:
    """The answers of a record and where each is said to start, in whichever of the usual forms they come."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        starts = value.get("answer_start") or [None] * len(value["text"])
        if not isinstance(starts, list) or len(starts) != len(value["text"]):
            raise CorpusError(f'{path}, {place}: "answer_start" must be a list as long as "text"')
        value = [{"text": text, "answer_start": at} for text, at in zip(value["text"], starts, strict=True)]
    pairs = []
    for k, entry in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(entry, dict):
            text, at = text_of(entry, ("text",), path, place), entry.get("answer_start")
        elif isinstance(entry, (str, int, float)):
            text, at = (
                as_text(entry),
                start if k == 0 else None,
            )
        else:
            raise CorpusError(f"{path}, {place}: an answer is {kind_of(entry)}; it must be text")
        pairs.append((text, None if at is None else _whole(at, path, place)))
    return pairs


def _whole(value: Any, path: str, place: str) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise CorpusError(
        f"{path}, {place}: the answer's start is {value!r}; it counts characters from the text's first, 0"
    )


def _identity(record: dict[str, Any], place: str, needs: Needs) -> str:
    record_id = next((record[name] for name in ID if record.get(name) not in (None, "")), None)
    return identity(record_id, place, needs)


def _fields(line: str) -> list[str]:
    return [_unquoted(field) for field in line.split("\t")]


def _unquoted(field: str) -> str:
    inside = field[1:-1]
    if len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return field
