"""Forecaster, readers, language model and the classifier of several labels as scikit-learn estimators."""

import pickle

import numpy as np
import pandas
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MultiLabelBinarizer
from sklearn.utils import estimator_checks

from keepgate import CorpusError, SettingsError
from keepgate.export import load, save
from keepgate.integrations.sklearn import (
    MultilabelTextClassifier,
    TextChoiceReader,
    TextLanguageModel,
    TextPointerReader,
    TextSpanReader,
    TimeSeriesForecaster,
    TokenTagger,
)
from keepgate.lens import examine, explain
from tests.integrations.scikit_learn_checks import checked
from tests.integrations.test_sklearn import CHECKS

MAILS = [
    f"in house {k} the lift is {lift} and the bill is {bill}"
    for k in range(4)
    for lift in ("loud", "quiet")
    for bill in ("wrong", "right")
]
TOPICS = [
    [name for name, word in (("noise", "loud"), ("bill", "wrong")) if word in mail.split()] for mail in MAILS
]
HOURS = np.arange(160)
LOADS = np.stack([20 + 5 * np.sin(2 * np.pi * HOURS / 12), 300 - 40 * np.cos(2 * np.pi * HOURS / 12)], 1)
PLACES = ("Rome", "Oslo", "Paris")
ASKED = [
    (f"{who} lives in {place} . It is a fine day .", f"Where does {who} live ?")
    for who in ("Anna", "Bo", "Cy", "Dan")
    for place in PLACES
]
HOMES = [PLACES[row % 3] for row in range(len(ASKED))]
LINES = [f"the {who} near the {what} waits .\n" for who in ("pilot", "cook") for what in ("sea", "oven")] * 6

SMALL = {"hidden_size": 8, "batch_size": 8, "learning_rate": 0.02, "dropout": 0.0, "threads": 1}
READER = SMALL | {"embedding_size": 8, "epochs": 40}
SPAN = {"pair_size": 4, "window": 32, "max_answer_span": 2, "max_train_span": 8, "mask_rate": 0.0}
WORDS = {"embedding_size": 8, "pair_size": 0, "mask_rate": 0.0, "min_count": 1}
# Each with its X and y, and the least score on them.
ESTIMATORS = {
    "multilabel": (MultilabelTextClassifier(**SMALL, epochs=60, settings=WORDS), MAILS, TOPICS, 0.9),
    "forecaster": (
        TimeSeriesForecaster(
            **SMALL | {"batch_size": 16, "embedding_size": 8}, epochs=20, steps_ahead=4, look_back=24
        ),
        LOADS, None, -0.3,
    ),
    "span": (TextSpanReader(**READER, settings=SPAN), ASKED, HOMES, 0.9),
    "choice": (TextChoiceReader(**READER), ASKED, HOMES, 0.9),
    "pointer": (TextPointerReader(**READER), ASKED, HOMES, 0.9),
    "language model": (
        TextLanguageModel(
            **SMALL | {"batch_size": 2, "bptt_steps": 24}, embedding_size=8, epochs=30, tokens="words"
        ),
        LINES, None, -1.0,
    ),
}  # fmt: skip
FITTED = {}


@pytest.fixture(params=ESTIMATORS)
def name(request):
    return request.param


def fitted(name):
    """Once for all tests."""
    if name not in FITTED:
        estimator, X, y, _ = ESTIMATORS[name]
        FITTED[name] = clone(estimator).fit(X, y)
    return FITTED[name]


def test_it_learns(name):
    _, X, y, least = ESTIMATORS[name]
    estimator = clone(ESTIMATORS[name][0])
    assert estimator.fit(X, y) is estimator
    FITTED.setdefault(name, estimator)
    assert estimator.score(X, y) > least
    assert estimator.n_iter_ > 1


def test_it_is_an_estimator(name):
    estimator = ESTIMATORS[name][0]
    for check in CHECKS:
        check(type(estimator).__name__, type(estimator)())
    with pytest.raises(NotFittedError):
        type(estimator)().predict(ESTIMATORS[name][1])
    with pytest.raises(NotFittedError):
        type(estimator)().score(*ESTIMATORS[name][1:3])
    assert not hasattr(clone(fitted(name)), "task_")
    assert not hasattr(clone(fitted(name)), "classes_")


def test_it_is_pickled(name):
    X = ESTIMATORS[name][1]
    again = pickle.loads(pickle.dumps(fitted(name)))
    assert np.array_equal(np.array(again.predict(X), object), np.array(fitted(name).predict(X), object))


def test_the_seed_decides(name):
    estimator, X, y, _ = ESTIMATORS[name]
    scores = [
        clone(estimator).set_params(epochs=1, random_state=seed).fit(X, y).score(X, y)
        for seed in (3, 3, np.random.RandomState(1), np.random.RandomState(1))
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert scores[2] == pytest.approx(scores[3], abs=1e-6)


def test_it_is_searched(name):
    estimator, X, y, _ = ESTIMATORS[name]
    cv = TimeSeriesSplit(2) if name == "forecaster" else KFold(2, shuffle=True, random_state=0)
    pipeline = make_pipeline(FunctionTransformer(), estimator)
    step = pipeline.steps[-1][0]
    grid = {"hidden_size": np.array([4, 8]), "epochs": np.array([2]), "random_state": np.array([3])}
    search = GridSearchCV(pipeline, {f"{step}__{name}": values for name, values in grid.items()}, cv=cv)
    search.fit(X, y)
    assert search.best_params_[f"{step}__hidden_size"] in (4, 8)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_trained_task_is_saved_and_looked_into(name, tmp_path):
    estimator, X = fitted(name), ESTIMATORS[name][1]
    save(estimator.task_, tmp_path / "model", card={"data": "made for a test"})
    task = load(tmp_path / "model")
    assert task.kind == estimator.kind
    items = estimator.series_ if name == "forecaster" else [task.item(*_parts(row)) for row in X]
    answers = task.predict(items[:2])
    assert [answer.text for answer in answers] == [
        answer.text for answer in estimator.task_.predict(items[:2])
    ]
    if name == "multilabel":
        assert "loud" in str(explain(estimator.task_, MAILS[1], "noise"))
    elif name in ("span", "choice", "pointer"):
        assert explain(estimator.task_, *ASKED[0]).answer.text == "Rome"
    elif name == "forecaster":
        assert "steps" in str(examine(estimator.task_, estimator.series_))
    else:
        assert explain(estimator.task_, LINES[0]).answer.text


def _parts(row):
    return (row,) if isinstance(row, str) else row


def test_several_labels_as_lists_and_as_a_matrix():
    estimator, lists = ESTIMATORS["multilabel"][0], fitted("multilabel")
    assert lists.classes_.tolist() == ["bill", "noise"]
    assert lists.predict(MAILS[:4]) == [sorted(names) for names in TOPICS[:4]]
    matrix = MultiLabelBinarizer().fit_transform(TOPICS)
    with_third = np.column_stack([matrix, np.zeros(len(matrix), int)])
    for y in (csr_array(matrix), with_third.tolist()):
        by_column = clone(estimator).fit(MAILS, y)
        dense = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        assert by_column.classes_.tolist() == list(range(dense.shape[1]))
        predicted = by_column.predict(MAILS)
        assert by_column.score(MAILS, y) == accuracy_score(dense, predicted) == 1
        assert np.allclose(by_column.predict_proba(MAILS)[:, :2], lists.predict_proba(MAILS), atol=1e-5)
    assert by_column.predict_proba(MAILS)[:, 2].max() == 0
    assert cross_val_score(clone(estimator), MAILS, matrix, cv=2, scoring="f1_micro").min() > 0.8


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (["noise"] * 16, SettingsError, "row 0 of y is 'noise'; give a list"),
        ([1] * 16, SettingsError, "row 0 of y is 1; give a list"),
        (None, SettingsError, "y is neither"),
        ([["noise", 1]] * 16, SettingsError, "y is neither"),
        ([[1, 2], [3]] * 8, SettingsError, "MultiLabelBinarizer"),
        (np.full((16, 2), 2), SettingsError, "a matrix .* of 0 and 1"),
        ([["noise"]] * 3, SettingsError, "16 texts and y 3 rows"),
        ([[]] * 16, CorpusError, "one label or more"),
    ],
)
def test_what_are_no_labels_is_refused(y, error, message):
    with pytest.raises(error, match=message):
        MultilabelTextClassifier().fit(MAILS, y)


def test_labels_keep_the_form_of_the_training():
    with pytest.raises(SettingsError, match="y is a matrix of 0 and 1, and lists of labels in the training"):
        fitted("multilabel").score(MAILS, np.ones((16, 2)))
    one_epoch = clone(ESTIMATORS["multilabel"][0]).set_params(epochs=1).fit(MAILS, np.eye(16, 3))
    with pytest.raises(SettingsError, match="y has 2 columns, and 3 in the training"):
        one_epoch.score(MAILS, np.ones((16, 2)))


def test_forecasts_have_the_form_of_their_series():
    estimator = fitted("forecaster")
    assert estimator.predict().shape == (4, 2)
    assert np.allclose(estimator.predict(), estimator.predict(LOADS))
    right = np.stack([20 + 5 * np.sin(2 * np.pi * (160 + np.arange(4)) / 12)], 1)
    assert np.abs(estimator.predict()[:, :1] - right).mean() < 2.5
    (forecast,) = estimator.forecast()
    assert np.array_equal(forecast.point, estimator.predict())
    assert sorted(forecast.quantiles) == [0.1, 0.9]
    one = clone(estimator).set_params(epochs=1)
    assert one.fit(LOADS[:, 0]).predict().shape == (4,)
    assert one.fit([LOADS, LOADS[:90]]).predict([LOADS[:40]]).shape == (1, 4, 2)
    with_gaps = np.where(HOURS[:, None] % 9 == 2, np.nan, LOADS)
    assert np.isfinite(one.fit(with_gaps).predict()).all()


class Frame:
    """What is asked of a DataFrame: its CSV, its dimensions and its index."""

    def __init__(self, columns, times):
        self.columns, self.index, self.ndim = columns, times, 2

    def to_csv(self, index, index_label):
        assert index
        rows = [
            f"{time},{','.join(cells)}" for time, cells in zip(self.index.texts, self.cells(), strict=True)
        ]
        return "\n".join([f"{index_label},{','.join(self.columns)}", *rows])

    def cells(self):
        return zip(*[map(repr, column.tolist()) for column in self.columns.values()], strict=True)


class Times:
    """Of such an index: that it holds times."""

    freq = name = None

    def __init__(self, texts):
        self.texts = texts


def test_a_table_has_times_and_covariates():
    times = Times([str(np.datetime64("2024-01-01T00") + hour) for hour in HOURS])
    frame = Frame({"load": LOADS[:, 0], "heat": LOADS[:, 1]}, times)
    settings = {"epochs": 1, "target": "load", "past": ["heat"]}
    estimator = clone(ESTIMATORS["forecaster"][0]).set_params(**settings).fit(frame)
    (forecast,) = estimator.forecast(frame)
    assert forecast.times[0] == "2024-01-07 16:00"
    assert estimator.predict(frame).shape == (4, 1)
    with pytest.raises(CorpusError, match="no column 'loda'; its columns are 'load'"):
        estimator.set_params(target="loda").fit(frame)
    with pytest.raises(SettingsError, match="an array has no names of columns; give a DataFrame"):
        estimator.fit(LOADS)


def test_a_dataframe_is_read():
    times = pandas.date_range("2024-01-01", periods=160, freq="h")
    frame = pandas.DataFrame(LOADS, columns=["load", "heat"], index=times)
    estimator = clone(ESTIMATORS["forecaster"][0]).set_params(epochs=1)
    assert estimator.fit(frame).forecast()[0].times[0] == "2024-01-07 16:00"
    assert estimator.fit(frame["load"]).predict().shape == (4,)
    stores = pandas.concat([frame.assign(store=name) for name in "ab"]).reset_index(names="when")
    estimator.set_params(series_column="store", target="load", past="heat")
    assert estimator.fit(stores).predict().shape == (2, 4, 1)
    asked = pandas.DataFrame(ASKED, columns=["text", "question"])
    assert fitted("choice").predict(asked).tolist() == HOMES
    topics = pandas.DataFrame(MultiLabelBinarizer().fit_transform(TOPICS), columns=["bill", "noise"])
    one = clone(ESTIMATORS["multilabel"][0]).set_params(epochs=1).fit(MAILS, topics)
    assert one.classes_.tolist() == ["bill", "noise"]
    assert one.predict(MAILS).shape == (16, 2)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ([["a", "b"]], SettingsError, r"no array \[steps\] or \[steps, targets\] of numbers"),
        (np.zeros((3, 3, 3)), SettingsError, "dim 3"),
        ([], SettingsError, "0 sample"),
        (np.full(99, np.nan), CorpusError, "the series has no value"),
        (np.full(99, np.inf), SettingsError, "infinity"),
        (np.arange(9.0), CorpusError, "the longest series has 9 steps, and a window needs 28"),
        (csr_array(np.eye(3)), TypeError, "Sparse data was passed"),
    ],
)
def test_what_are_no_series_to_forecast_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        ESTIMATORS["forecaster"][0].fit(wrong)


ROWS = "rows are times: forecasts stand for none of them, and need more than one"
EXPECTED = dict.fromkeys(
    [
        "check_fit1d", "check_fit2d_1sample", "check_fit2d_predict1d", "check_methods_sample_order_invariance",
        "check_methods_subset_invariance", "check_n_features_in", "check_n_features_in_after_fitting",
    ],
    ROWS,
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, for what it skips and what is expected to fail
def test_check_estimator_of_the_forecaster():
    estimator = TimeSeriesForecaster(
        hidden_size=4, embedding_size=4, steps_ahead=1, look_back=3, epochs=1, batch_size=8, threads=1
    )
    # scikit-learn 1.9 makes 40 of what is neither a classifier nor a regressor, and more than 50 of a classifier.
    assert checked(estimator, EXPECTED) > 30


@pytest.mark.filterwarnings("ignore:Can't test estimator")
@pytest.mark.parametrize("kind", [MultilabelTextClassifier, TextLanguageModel, TextSpanReader, TokenTagger])
def test_check_estimator_feeds_no_numbers_where_texts_belong(kind):
    assert len(estimator_checks.check_estimator(kind())) == 1


@pytest.mark.parametrize("name", ["span", "choice", "pointer"])
def test_questions_as_pairs_dicts_and_arrays(name):
    estimator = fitted(name)
    dicts = [{"context": text, "question": asked} for text, asked in ASKED]
    for form in (ASKED, np.array(ASKED), dicts):
        assert estimator.predict(form).tolist() == HOMES
    squad = [
        row | {"answers": {"text": [home], "answer_start": [row["context"].index(home)]}}
        for row, home in zip(dicts, HOMES, strict=True)
    ]
    assert estimator.score(squad) == 1
    assert estimator.score(ASKED, [["Berlin", home.lower()] for home in HOMES]) == 1
    assert estimator.score(ASKED, [""] * 6 + HOMES[6:]) == 0.5
    assert clone(estimator).set_params(epochs=1).fit(squad).predict(ASKED[:1]).shape == (1,)


def test_the_choices_are_the_classes():
    assert sorted(fitted("choice").classes_) == sorted(PLACES)


def test_a_reader_says_that_there_is_no_answer():
    texts = [
        *ASKED,
        *[(f"It is a fine day . {who} sings .", f"Where does {who} live ?") for who in ("Anna", "Bo") * 3],
    ]
    estimator = clone(ESTIMATORS["pointer"][0]).set_params(epochs=40)
    assert estimator.fit(texts, HOMES + [""] * 6).predict(texts).tolist() == HOMES + [""] * 6


def test_what_cannot_be_learnt_is_told():
    estimator = clone(ESTIMATORS["span"][0]).set_params(epochs=1)
    with pytest.warns(UserWarning, match="1 of 12 questions left out: the answer is not in the text"):
        estimator.fit(ASKED, ["Berlin", *HOMES[1:]])


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ("Who?", ["Anna"], SettingsError, "X is one question"),
        (["Who?"], ["Anna"], SettingsError, r"row 0 of X is 'Who\?'; give a pair"),
        ([("a", 3)], ["Anna"], SettingsError, "give a pair"),
        ([("a", " ")], ["Anna"], CorpusError, "row 0: the question is empty"),
        ([{"text": "a"}], ["Anna"], CorpusError, "row 0: there is no 'question', only 'text'"),
        (
            [{"text": np.int64(3), "question": "?"}],
            ["a"],
            CorpusError,
            "'text' is of type int64; it must be text",
        ),
        (ASKED, None, SettingsError, "there are no answers; give y"),
        (ASKED, ["Anna"], SettingsError, "12 questions and y 1 answers"),
        (ASKED, [3] * 12, SettingsError, "row 0 of y is 3; give an answer"),
        (ASKED, [[]] * 12, SettingsError, r"row 0 of y is \[\]"),
        ([], [], SettingsError, "X has no questions"),
    ],
)
def test_what_are_no_questions_is_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        TextSpanReader().fit(X, y)


def test_a_language_model_scores_texts():
    estimator = fitted("language model")
    nats = estimator.score_samples(LINES[:4])
    assert nats.max() < 0
    tokens = sum(
        len(line.split()) for line in LINES[:4]
    )  # each with a line's end; the first is not predicted
    assert estimator.score(LINES[:4]) == pytest.approx(nats.sum() / tokens)
    assert estimator.perplexity(LINES[:4]) == pytest.approx(np.exp(-estimator.score(LINES[:4])))
    assert estimator.score_samples(["the", LINES[0]]).tolist() == [0.0, pytest.approx(nats[0])]
    assert estimator.score(["waits the near near cook"]) < estimator.score(LINES)
    assert estimator.predict(["the cook near the sea", "the cook near"]).tolist() == ["waits", "the"]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one text", SettingsError, "X is one text"),
        ([3], SettingsError, "with a int, 3"),
        (["the cook"], SettingsError, "a stream of 2 is too short"),
        ([""], CorpusError, "different words in the training texts: 0"),
    ],
)
def test_what_are_no_texts_to_model_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        ESTIMATORS["language model"][0].fit(X)
