"""What an X holds, as the items of a task: texts, tokens, series and questions about texts."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from ...data.corpora.columns import ColumnNames
from ...data.corpora.corpus import Corpus
from ...data.corpora.records import read_records
from ...data.corpora.series import series_in
from ...data.questions import NO_ANSWER, Question
from ...data.series import Series, make_series
from ...data.tagged import TaggedText, tagged_text
from ...errors import CorpusError, SettingsError


def check_lengths(count: int, unit: str, given: int, what: str) -> None:
    """Raises SettingsError unless there is one of y for each of X."""
    if count != given:
        raise SettingsError(f"X has {count} {unit} and y {given} {what}; give one for each")


def texts_from(X: Any) -> list[str]:
    """The texts. Raises SettingsError for one text alone, or for rows that are none."""
    if isinstance(X, (str, bytes)):
        raise SettingsError("X is one text; give a list of texts, [text]")
    texts = np.asarray(X, dtype=object)
    wrong = next((row for row in texts.ravel() if not isinstance(row, str)), None)
    if texts.ndim != 1 or wrong is not None:
        fault = (
            f"of shape {list(texts.shape)}"
            if texts.ndim != 1
            else f"with a {type(wrong).__name__}, {wrong!r}"
        )
        raise SettingsError(f"X is {fault}; give one text (str) for each row")
    return list(texts)


def series_from(X: Any) -> list[NDArray[np.float32]]:
    """The values of each series, [steps, features]. Raises SettingsError for what are none, TypeError for sparse."""
    values: list[NDArray[np.float32]] = []
    for row, series in enumerate(_rows(X)):
        try:
            rows = np.asarray(series, dtype=np.float64)
        except (TypeError, ValueError):
            raise SettingsError(
                f"series {row} of X is no array of numbers; give one [steps, features]"
            ) from None
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or 0 in rows.shape:
            raise SettingsError(f"series {row} of X has shape {list(rows.shape)}; give [steps, features]")
        if not (np.abs(rows) <= np.finfo(np.float32).max).all():
            raise SettingsError(f"series {row} of X holds NaN, infinity or more than float32 can; fill it")
        if values and rows.shape[1] != values[0].shape[1]:
            raise SettingsError(
                f"series {row} of X has {rows.shape[1]} features, and series 0 has {values[0].shape[1]}"
            )
        values.append(rows.astype(np.float32))
    if not values:
        raise SettingsError("X has no series; give at least one")
    return values


def _rows(X: Any) -> Any:
    """Series one by one; an array of them is checked as scikit-learn's estimators check theirs."""
    if isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return X
    try:
        return check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
    except ValueError as error:
        raise SettingsError(f"X is no array of series: {error}") from error


def tagged_from(X: Any, y: Any = None) -> list[TaggedText]:
    """Lists of tokens, with their tags. Raises SettingsError for what are none, or do not fit together."""
    if y is not None:
        check_lengths(len(X), "texts", len(y), "lists of tags")
    items = []
    # By place: a Series of pandas counts its rows by an index, which a split leaves out of order.
    rows = zip(X, repeat(None) if y is None else map(list, y), strict=False)
    for row, (tokens, tags) in enumerate(rows):
        if isinstance(tokens, str) or not all(isinstance(token, str) and token for token in tokens):
            raise SettingsError(
                f"text {row} of X is {tokens!r}; give a list of its tokens, texts that are not empty"
            )
        if tags is not None and len(tags) != len(tokens):
            raise SettingsError(
                f"text {row} has {len(tokens)} tokens and {len(tags)} tags; give one for each"
            )
        items.append(tagged_text(list(tokens), tags, id=str(row)))
    return items


def questions_from(X: Any) -> list[Question]:
    """The questions, with the answers that dicts have.

    Raises SettingsError for what are none, CorpusError for an empty text or question.
    """
    if isinstance(X, (str, bytes, Mapping)):
        raise SettingsError("X is one question; give a list of pairs (text, question) or of dicts")
    rows = X.to_dict("records") if hasattr(X, "to_dict") else X
    corpus = Corpus([], "records")
    records = ((row, _record(question, row)) for row, question in enumerate(rows))
    read_records(records, "X", "question", corpus, unit="row")
    if corpus.left_out:
        raise CorpusError(f"{corpus.left_out[0]}; give one with something in it")
    return corpus.questions


def answered_from(X: Any, y: Any = None) -> list[Question]:
    """The questions with the answers of y, or their own. Raises likewise, SettingsError for answers that are none."""
    questions = questions_from(X)
    if not questions:
        raise SettingsError("X has no questions; give at least one")
    if y is None:
        if not any(item.answers for item in questions):
            raise SettingsError('there are no answers; give y, or dicts with "answer"')
        return questions
    check_lengths(len(questions), "questions", len(y), "answers")
    answers = [_answers(answer, row) for row, answer in enumerate(y)]
    records = [
        {"text": item.text, "question": item.question, "answer": list(texts)}
        for item, texts in zip(questions, answers, strict=True)
    ]
    items = questions_from(records)
    return [
        item if any(texts) else replace(item, answers=NO_ANSWER, starts=())
        for item, texts in zip(items, answers, strict=True)
    ]


def _record(given: Any, row: int) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    pair = [] if isinstance(given, str) else list(given)
    if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
        raise SettingsError(
            f"row {row} of X is {given!r}; give a pair (text, question), two strings, or a dict"
        )
    return {"text": pair[0], "question": pair[1]}


def _answers(given: Any, row: int) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given) if np.iterable(given) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise SettingsError(
            f'row {row} of y is {given!r}; give an answer (str), a list of them, or "" for none'
        )
    return texts


def times_series_from(X: Any, columns: ColumnNames) -> tuple[list[Series], str]:
    """Series to be forecast, and whether they are "one" [steps], "columns" [steps, targets], or "several".

    columns: of a DataFrame. Raises SettingsError for what are none, CorpusError as `read_series` does.
    """
    if isinstance(X, (list, tuple)) and len(X) and hasattr(X[0], "shape") and np.ndim(X[0]):
        parts = [times_series_from(each, columns)[0] for each in X]
        items = [
            replace(item, id=item.id or str(number)) for number, each in enumerate(parts) for item in each
        ]
        return items, "several"
    if hasattr(X, "to_csv"):
        items = series_in(_csv(X), columns, "X")
        return items, "one" if X.ndim == 1 else "several" if items[0].columns.series else "columns"
    try:
        values = check_array(
            X, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="X"
        )
    except ValueError as error:
        raise SettingsError(f"X is no array [steps] or [steps, targets] of numbers: {error}") from error
    names = [columns.time or "", *columns.series, *columns.past, *columns.known, *columns.static]
    names += [] if columns.learnt else columns.targets
    if any(names):
        raise SettingsError(
            f"{', '.join(filter(None, names))}: an array has no names of columns; give a DataFrame"
        )
    return [make_series(values)], "one" if values.ndim == 1 else "columns"


def _csv(X: Any) -> str:
    """A Series or DataFrame of pandas as CSV; its index is in it where that is one of times."""
    frame = X.to_frame("value" if X.name is None else X.name) if X.ndim == 1 else X
    timed = hasattr(frame.index, "freq")
    text: str = frame.to_csv(index=timed, index_label=(frame.index.name or "time") if timed else None)
    return text
