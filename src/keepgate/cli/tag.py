"""keepgate tag: a tag for each token of each text of a file, and the entities that the tags mark."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import SettingsError
from ..progress import ProgressBar
from ..wording import sanitize
from .console import id_field, print_json
from .evaluate import write_records
from .inputs import BatchSize, Model, at_least_one, load_for, read_text
from .output_paths import check_writable

if TYPE_CHECKING:
    from ..data.tagged import TaggedText

EPILOGUE = """Examples:

  keepgate tag my-tagger notes.txt
  keepgate tag my-tagger notes.txt --columns > notes.conll
  cat notes.txt | keepgate tag my-tagger - --out entities.jsonl

A file of plain text has one text a line, which is cut into characters or words as the model was trained; in JSON lines,
{"text": "..."} is cut so too, and {"tokens": ["...", "..."]} is taken as it is, within its "text" if it has one. Each
line of the result is {"text": "...", "tokens": [...], "tags": [...], "entities": [{"type": "ORG", "text": "...",
"start": 0, "end": 4}]}, whose start and end count characters of the text, and a "label" from a tagger that was trained
on labels of whole texts too; an "id" is given back before all else. With --columns it is a token, a tab and its tag a
line. Empty lines are no texts; a JSON line without tokens has no tags."""


def tag(
    model: Model,
    file: Annotated[
        str,
        Parameter(
            help="Texts: one a line, or JSON lines; - reads standard input.", allow_leading_hyphen=True
        ),
    ],
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write there instead, as lines of JSON.")] = None,
    columns: Annotated[bool, Parameter(help="A token, a tab and its tag a line.")] = False,
    batch_size: BatchSize = 64,
) -> None:
    """Tag the tokens of each text of a file.

    Prints a line for each text, in order, with its tokens, their tags and the entities that these mark.
    """
    at_least_one(batch_size=batch_size)
    if out is not None and columns:
        raise SettingsError(
            "--out writes lines of JSON; leave --columns out, or redirect the output to the file"
        )
    if out is not None:
        check_writable(out)
    content = read_text(file)
    from ..data.corpora.source import name_of
    from ..data.corpora.tagged import read_untagged

    task = load_for(["tag"], model, "gives no tags")
    items = read_untagged(content, name_of(file), item=task.item)
    full = [item for item in items if item.tokens.texts]
    with ProgressBar(len(full), unit="texts") as bar:
        tagged = iter(task.tags_and_labels(full, batch_size=batch_size, on_progress=bar.update))
    predicted = [next(tagged) if item.tokens.texts else ((), None) for item in items]
    if columns:
        for item, (tags, _) in zip(items, predicted, strict=True):
            rows = zip(item.tokens.texts, tags, strict=True)
            sys.stdout.write("".join(f"{sanitize(token)}\t{sanitize(name)}\n" for token, name in rows) + "\n")
        return
    marked = task.scheme != "plain"
    records = [
        _record(item, tags, marked) | ({"label": label} if task.text_labels else {})
        for item, (tags, label) in zip(items, predicted, strict=True)
    ]
    if out is not None:
        write_records(out, records)
    for record in records if out is None else []:
        print_json(record)


def _record(item: "TaggedText", tags: tuple[str, ...], marked: bool) -> dict[str, Any]:
    from ..tasks.tagger.schemes import entities

    record: dict[str, Any] = id_field(item.id)
    record |= {"text": item.text, "tokens": list(item.tokens.texts), "tags": list(tags)}
    if not marked:
        return record
    places = [
        (entity.type, item.tokens.starts[entity.start], item.tokens.ends[entity.end - 1])
        for entity in entities(tags)
    ]
    listed = [
        {"type": kind, "text": item.text[start:end], "start": start, "end": end}
        for kind, start, end in places
    ]
    return record | {"entities": listed}
