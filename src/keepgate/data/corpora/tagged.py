"""Tagged texts: columns (CoNLL: a token and its tag a line, an empty line between texts), CoNLL-U, or JSON lines."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import CorpusError
from ...wording import count_of
from ..tagged import TaggedText, tagged_text
from ..tally import Tally
from ..text import Tokens
from .corpus import LeftOut, account_of, listed_counts
from .large import is_large
from .placed_lines import PlacedLines, Rows, first_line, items_in_files
from .records import ID, parse_lines
from .source import files_of, lines_of, name_of, paths_of, read_text, refuse_standard_input
from .values import as_label, as_text, cell_of, clean, is_missing, kind_of, listed_near, text_of

# The names of each field of a JSON line, the first of them the one that the documentation teaches.
TOKENS = ("tokens", "words")
TAGS = ("tags", "labels", "ner_tags", "pos_tags", "upos")
# Of the whole text; only JSON lines have one.
LABEL = ("label", "intent")
# A text and its line.
Placed = tuple[int, TaggedText]

# How an object of JSON begins, also one that is broken further on.
_OBJECT = re.compile(r'\s*\{\s*("[^"]*"\s*:|\}\s*$)')
# CoNLL-U (universaldependencies.org/format.html): ten columns with tabs between them; the form and its part of speech.
_CONLLU_COLUMNS, _FORM, _UPOS = 10, 1, 3
_DOCUMENT = "-DOCSTART-"


@dataclass
class TaggedCorpus:
    """Tagged texts in the order of their files. format: "columns", "conll-u" or "json lines"."""

    items: Sequence[TaggedText]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)

    def account(self, at_most: int = 5) -> str:
        """What was taken and what was not, in a line; the first texts left out; the tags, the commonest first."""
        tally = Tally.of(self.items)
        tokens = count_of(tally.tokens, "tokens")
        summary = f"{count_of(len(self.items), 'texts')} of {tokens} ({self.format})"
        account = account_of(summary, self.left_out, at_most)
        names = ((tally.tags, "tags"), (tally.labels, "labels"))
        return "\n".join([account, *(listed_counts(counts, what) for counts, what in names if counts)])


def read_tagged(paths: str | Path | Iterable[str | Path], *, folder: Path | None = None) -> TaggedCorpus:
    """The tagged texts of these files, in order; the format of each is told from what stands in it.

    The first column is the token and the last one its tag; in CoNLL-U, the form and its universal part of speech. A
    JSON line with a text has its tokens there; other texts are made of their tokens.
    folder: where it is kept where the texts lie, if a file is large and they stay there; None reads all of them.
    Raises CorpusError for a file that cannot be read, with the line in which it is broken, for tokens that are not in
    their text in its order, and if no text is left; BundleError for a folder that cannot be written.
    """
    files = paths_of(paths)
    corpus, formats, items = TaggedCorpus([], ""), list[str](), list[TaggedText]()
    if folder is not None and any(map(is_large, files)):
        refuse_standard_input(files)
        rows = [_rows_in_file(Path(file), formats) for file in files]
        corpus.items = items_in_files(rows, folder, corpus.left_out)
    else:
        for path, content in ((name_of(file), read_text(file)) for file in files_of(files)):
            lines = lines_of(content)
            formats.append(_form_of(lines))
            for line, text in _PARSERS[formats[-1]](lines, path):
                item = _taken(path, line, text)
                if isinstance(item, LeftOut):
                    corpus.left_out.append(item)
                else:
                    items.append(item)
        corpus.items = items
    corpus.format = " + ".join(dict.fromkeys(formats))
    if not corpus.items:
        raise CorpusError(
            f"{', '.join(map(name_of, files)) or 'no file'}: there is no text with tags; {corpus.account()}"
        )
    return corpus


def _taken(path: str, line: int, text: TaggedText) -> TaggedText | LeftOut:
    if not text.tokens.texts:
        return LeftOut(path, f"line {line}", "there are no tokens in it")
    return replace(text, id=f"{path}:{line}")


def _rows_in_file(path: Path, formats: list[str]) -> Rows[TaggedText]:
    """The texts of a file, which stay there. formats: gets that of the file."""
    first_line(path)
    formats.append(_form_of(PlacedLines(path)))
    parse = partial(_PARSERS[formats[-1]], path=str(path))
    return Rows(path=path, parse=parse, item=partial(_taken, str(path)))


def read_untagged(content: str, path: str, *, item: Callable[[str], TaggedText]) -> list[TaggedText]:
    """Texts to be tagged: JSON lines with tokens or a text, of which one may be empty, else each line that is not.

    item: cuts a plain text into tokens. Raises CorpusError if there is no text.
    """
    lines = lines_of(content)
    if _OBJECT.match(next((line for line in lines if line.strip()), "")):
        items = [_untagged(record, path, f"line {line}", item) for line, record in parse_lines(lines, path)]
    else:
        items = [text for text in map(item, lines) if text.tokens.texts]
    if not any(text.tokens.texts for text in items):
        raise CorpusError(f"{path}: there is no text in it")
    return items


def _untagged(record: Any, path: str, place: str, item: Callable[[str], TaggedText]) -> TaggedText:
    if isinstance(record, dict) and not any(name in record for name in TOKENS) and "text" in record:
        untagged = item(text_of(record, ("text",), path, place))
    else:
        untagged = _of_tokens(record, path, place)
    return replace(untagged, id=as_text(next((record[name] for name in ID if name in record), None)))


def _of_tokens(record: Any, path: str, place: str) -> TaggedText:
    """The tokens of a record in its text, each the first such piece after the token before; without one, side by side.

    Raises CorpusError for a token that is not there.
    """
    tokens = _list_of(record, TOKENS, path, place)
    if is_missing(record.get("text")):
        return tagged_text(tokens)
    text = text_of(record, ("text",), path, place)
    starts, at = [], 0
    for number, token in enumerate(tokens, 1):
        start = text.find(token, at)
        if start < 0:
            raise CorpusError(
                f"{path}, {place}: token {number}, {token!r}, is not in the text from character {at} on; the tokens "
                "stand in the text, in its order and letters, or leave the text out"
            )
        starts.append(start)
        at = start + len(token)
    ends = tuple(start + len(token) for start, token in zip(starts, tokens, strict=True))
    return TaggedText(text=text, tokens=Tokens(tuple(tokens), tuple(starts), ends))


def _form_of(lines: Iterable[str]) -> str:
    """The name of the format in which these lines are."""
    full = filter(str.strip, lines)
    first = next(full)
    if _OBJECT.match(first):
        return "json lines"
    row = next((line for line in chain([first], full) if not line.startswith("#")), "")
    is_conllu = row.count("\t") == _CONLLU_COLUMNS - 1 and row.partition("\t")[0].isdecimal()
    return "conll-u" if is_conllu else "columns"


def _json_texts(lines: Iterable[str], path: str) -> Iterator[Placed]:
    for line, record in parse_lines(lines, path):
        place = f"line {line}"
        item, tags = _of_tokens(record, path, place), _list_of(record, TAGS, path, place)
        if (tokens := len(item.tokens)) != len(tags):
            raise CorpusError(
                f"{path}, {place}: there are {tokens} tokens and {len(tags)} tags; give one tag for each token"
            )
        name = next((name for name in LABEL if not is_missing(record.get(name))), None)
        label = None if name is None else as_label(cell_of(record[name], name, path, place))
        yield line, replace(item, tags=tuple(tags), label=label)


def _list_of(record: Any, names: Sequence[str], path: str, place: str) -> list[str]:
    if not isinstance(record, dict):
        raise CorpusError(
            f'{path}, {place}: this is {kind_of(record)}; {{"tokens": […], "tags": […]}} belongs here'
        )
    name = next((name for name in names if name in record), None)
    if name is None:
        raise CorpusError(f"{path}, {place}: there is no {names[0]!r}, only {listed_near(names[0], record)}")
    values = record[name]
    if not isinstance(values, list):
        raise CorpusError(f"{path}, {place}: {name!r} is {kind_of(values)}; it must be a list of texts")
    for number, value in enumerate(values, 1):
        if not isinstance(value, str) or not value:
            what = "empty" if value == "" else kind_of(value)
            raise CorpusError(
                f"{path}, {place}: number {number} of {name!r} is {what}; it must be text with something in it"
            )
    return [clean(value) for value in values]


def _column_texts(lines: Iterable[str], path: str) -> Iterator[Placed]:
    """Texts of lines "token … tag", with tabs or blanks between the columns."""
    columns = 0
    for start, block in _blocks(lines):
        rows = []
        for number, line in block:
            # Only tabs and ASCII blanks separate: an ideographic space is a token.
            fields = line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))
            columns = columns or len(fields)
            if len(fields) < 2:
                raise CorpusError(
                    f"{path}, line {number}: there is one column, {line[:40]!r}; a token, a tab or blank, and its tag "
                    "belong here, and an empty line between two texts"
                )
            if len(fields) != columns:
                raise CorpusError(
                    f"{path}, line {number}: there are {len(fields)} columns where the first line has {columns}"
                )
            if not fields[0] or not fields[-1].strip():
                raise CorpusError(f"{path}, line {number}: the {'tag' if fields[0] else 'token'} is empty")
            if fields[0] != _DOCUMENT:
                rows.append((fields[0], fields[-1].strip()))
        if rows:
            yield start, tagged_text(*zip(*rows, strict=True))


def _conllu_texts(lines: Iterable[str], path: str) -> Iterator[Placed]:
    for start, block in _blocks(lines):
        rows = []
        for number, line in block:
            if line.startswith("#"):
                continue
            fields = line.split("\t")
            if len(fields) != _CONLLU_COLUMNS:
                raise CorpusError(
                    f"{path}, line {number}: CoNLL-U has ten columns, and this line {len(fields)}"
                )
            # "3-4" is a word that the next lines take apart, "3.1" one that is not in the text.
            if fields[0].isdecimal():
                rows.append((fields[_FORM], fields[_UPOS]))
        if rows:
            yield start, tagged_text(*zip(*rows, strict=True))


def _blocks(lines: Iterable[str]) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """The lines between empty ones, with their numbers, and the number of the first."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(chain(lines, [""]), 1):
        if line.strip(" \t\r"):
            block.append((number, line))
        elif block:
            yield block[0][0], block
            block = []


_PARSERS: Mapping[str, Callable[..., Iterator[Placed]]] = {
    "json lines": _json_texts,
    "conll-u": _conllu_texts,
    "columns": _column_texts,
}
