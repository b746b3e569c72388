"""Files of questions → `Corpus`. The format is told from what stands in a file, never from its name."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import CorpusError
from . import babi, records, squad
from .corpus import Corpus, LeftOut, Needs
from .source import files_of, lines_of, name_of, read_text
from .values import listed_near

__all__ = ["Corpus", "LeftOut", "Needs", "questions_in", "read"]


def read(paths: str | Path | Iterable[str | Path], *, needs: Needs = "answer") -> Corpus:
    """The questions of these files, in order; each file is read by its own format.

    needs: "answer" leaves out questions without one; "span" also those none of whose answers stands in its
        text; "question" keeps every one, for asking, without an id unless it has one.
    Raises CorpusError for a file that cannot be read, in none of the formats, or broken (with line and
    column), and if no question is left.
    """
    files = files_of(paths)
    if not files:
        raise CorpusError("no files were given; name at least one with questions")
    corpus = Corpus([], "")
    formats = [_read_content(read_text(path), name_of(path), needs, corpus) for path in files]
    corpus.format = " + ".join(dict.fromkeys(formats))
    return _with_questions(corpus, ", ".join(map(name_of, files)))


def questions_in(content: str, path: str) -> Corpus:
    """The questions in this text, which came from `path`, to be asked. Raises as `read`.

    Those without a text or a question stay, and are noted as left out.
    """
    corpus = Corpus([], "")
    corpus.format = _read_content(content, path, "question", corpus)
    return _with_questions(corpus, path)


def _with_questions(corpus: Corpus, paths: str) -> Corpus:
    """The corpus. Raises CorpusError if none of its questions can be used."""
    if not any(question.text.strip() and question.question.strip() for question in corpus.questions):
        reasons = "".join(f"\n  {reason}" for reason in corpus.left_out[:5])
        raise CorpusError(
            f"{paths}: there is no question that can be used, "
            f"{len(corpus.left_out):,} were left out{':' if reasons else ''}{reasons}"
        )
    return corpus


def _read_content(text: str, path: str, needs: Needs, corpus: Corpus) -> str:
    """Adds the questions of one file, or of standard input, to the corpus; gives the name of its format."""
    if text.lstrip()[0] in "[{":
        return _read_json(text, path, needs, corpus)
    lines = lines_of(text)
    if babi.fits(lines):
        babi.read_babi(lines, path, needs, corpus)
        return "babi"
    first = next(line for line in lines if line.strip())
    if "\t" in first:
        records.read_tsv(lines, path, needs, corpus)
        return "tsv"
    hint = "; it looks like comma-separated values: save it as TSV" if first.count(",") >= 2 else ""
    raise CorpusError(
        f"{path}, line 1: this is none of the formats that are read (SQuAD's JSON, JSON lines, TSV with "
        f"text, question and answer, bAbI's numbered sentences); it starts with {first[:40]!r}{hint}"
    )


def _read_json(text: str, path: str, needs: Needs, corpus: Corpus) -> str:
    if "\n" not in text:
        text = text.replace("\r", "\n")
    if _is_lines(text):
        records.read_records(records.parse_lines(lines_of(text), path), path, needs, corpus, unit="line")
        return "json lines"
    value = records.parse(text, path)
    if squad.fits(value):
        squad.read_squad(value, path, needs, corpus)
        return "squad"
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if records.fits(value):
        values = value if isinstance(value, list) else [value]
        records.read_records(enumerate(values, 1), path, needs, corpus, unit="record")
        return "json records"
    raise CorpusError(f"{path}: {_what_it_is(value)}")


def _is_lines(text: str) -> bool:
    """Whether the first line is a whole JSON object and others follow it."""
    first, _, rest = text.lstrip().partition("\n")
    if not first.startswith("{") or not rest.strip():
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _what_it_is(value: Any) -> str:
    if value in ([], {}) or (isinstance(value, dict) and value.get("data") == []):
        return "there are no questions in it"
    shape = f"an object with {listed_near('text', value)}" if isinstance(value, dict) else "a list"
    return (
        f'this JSON is neither SQuAD\'s ("data" with "paragraphs") nor records with "text", "question" and '
        f'"answer"; it is {shape}'
    )
