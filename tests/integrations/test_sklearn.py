"""Tasks as scikit-learn estimators."""

import pickle

import numpy as np
import pandas
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from keepgate import CorpusError, SettingsError
from keepgate.export import load, save
from keepgate.integrations.sklearn import TextClassifier, TimeSeriesClassifier, TokenTagger
from keepgate.integrations.sklearn.inputs import tagged_from
from keepgate.lens import explain
from tests.integrations.scikit_learn_checks import checked

TEXTS = [f"a {word} film number {k}" for k in range(20) for word in ("great", "dull", "long")]
SMALL = {
    "hidden_size": 8,
    "epochs": 25,
    "batch_size": 12,
    "learning_rate": 0.02,
    "dropout": 0.0,
    "threads": 1,
}
SETTINGS = {"embedding_size": 8, "pair_size": 0, "mask_rate": 0.0}


def labels(kind):
    good, bad, none = {"str": ("good", "bad", "none"), "int": (10, 9, 2), "float": (1.0, 0.0, 2.0)}[kind]
    return np.array([{"great": good, "dull": bad, "long": none}[text.split()[1]] for text in TEXTS])


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(settings=SETTINGS, **SMALL).fit(TEXTS, labels("str"))


def test_it_learns_and_its_probabilities_follow_its_classes(fitted):
    assert fitted.score(TEXTS, labels("str")) == 1
    assert fitted.classes_.tolist() == ["bad", "good", "none"]
    probabilities = fitted.predict_proba(["a great film number 3", "a dull film number 3"])
    assert probabilities.shape == (2, 3)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-12)
    assert probabilities.argmax(1).tolist() == [1, 0]
    assert fitted.n_iter_ == 125


@pytest.mark.parametrize("kind", ["int", "float"])
def test_labels_keep_their_type_and_order(kind, fitted):
    estimator = TextClassifier(settings=SETTINGS, **SMALL).fit(np.array(TEXTS, dtype=object), labels(kind))
    assert estimator.classes_.dtype == labels(kind).dtype
    assert estimator.classes_.tolist() == sorted(set(labels(kind).tolist()))
    assert estimator.score(TEXTS, labels(kind)) == 1


class OfNumbers(TextClassifier):
    """TextClassifier given matrices of numbers, each row as a text: what check_estimator can feed."""

    def fit(self, X, y):
        return super().fit(self.texts_of(validate_data(self, X)), y)

    def predict_proba(self, X):
        check_is_fitted(self, "task_")
        return super().predict_proba(self.texts_of(validate_data(self, X, reset=False)))

    @staticmethod
    def texts_of(rows):
        return [
            " ".join(f"c{k}v{round(2 * value)}".replace("-", "m") for k, value in enumerate(row))
            for row in rows
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = False, True, False
        return tags


SMALLEST = SMALL | {"epochs": 15, "batch_size": 16, "learning_rate": 0.03}
STEPS = "a row of a matrix is a series of one feature: steps are no features, and a series may have any number of them"
ESTIMATORS = {
    "texts": (TextClassifier(), {}),
    "numbers as texts": (OfNumbers(**SMALLEST, settings=SETTINGS | {"min_count": 1}), {}),
    "series": (
        TimeSeriesClassifier(**SMALLEST | {"epochs": 20}),
        dict.fromkeys(
            ["check_n_features_in", "check_n_features_in_after_fitting", "check_classifiers_train"], STEPS
        ),
    ),
}


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, for what it skips and what is expected to fail
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "texts" else pytest.mark.slow) for name in ESTIMATORS]
)
def test_check_estimator_passes(name):
    estimator, exceptions = ESTIMATORS[name]
    count = checked(estimator, exceptions)
    assert count == 1 if name == "texts" else count > 50


# check_estimator makes one check of an estimator of texts or tokens; these suit them too.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_check_of_scikit_learn(check):
    check("TextClassifier", TextClassifier())


def test_search_pipeline_clone_and_pickle(fitted):
    pipeline = make_pipeline(FunctionTransformer(lambda X: [text.upper() for text in X]), clone(fitted))
    assert cross_val_score(pipeline, TEXTS, labels("str"), cv=2).min() > 0.9
    search = GridSearchCV(clone(fitted), {"cell": ["gru", "lstm"], "epochs": [1, 25]}, cv=2)
    assert search.fit(TEXTS, labels("str")).best_params_["epochs"] == 25
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_the_trained_task_is_saved_and_explained(fitted, tmp_path):
    save(fitted.task_, tmp_path / "model", card={"data": "made for a test"})
    text = "a great film number 3"
    assert load(tmp_path / "model").predict([fitted.task_.item(text)])[0].text == "good"
    assert "great" in str(explain(fitted.task_, text))


def test_wrong_use_is_refused(fitted):
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])
    for wrong, message in (
        ("one text", "give a list"),
        ([["a"], ["b"]], r"of shape \[2, 1\]"),
        (["a", 3], "with a int, 3"),
    ):
        with pytest.raises(SettingsError, match=message):
            fitted.predict(wrong)
    with pytest.raises(CorpusError, match="is empty"):
        fitted.predict(["a", " "])
    with pytest.raises(SettingsError, match="3 texts and y 2 labels"):
        TextClassifier().fit(["a", "b", "c"], [1, 2])
    with pytest.raises(CorpusError, match="two or more different labels"):
        TextClassifier().fit(["a", "b"], [1, 1])
    with pytest.raises(TypeError, match="Sparse data was passed"):
        TimeSeriesClassifier().fit(csr_array(np.eye(3)), [1, 2, 3])
    with pytest.raises(SettingsError, match="hidden_sizes"):
        TextClassifier(settings={"hidden_sizes": 3}).fit(["a", "b"], [1, 2])
    with pytest.raises(SettingsError, match="learning_rate"):
        TextClassifier(learning_rate=-1.0).fit(["a", "b"], [1, 2])


RNG = np.random.default_rng(0)
SERIES = [RNG.normal(size=(6 + k % 3, 2)) + (2 if k % 2 else -2) for k in range(24)]
SIDES = np.array([9, 4])[np.arange(24) % 2]
QUICK = {"hidden_size": 8, "epochs": 20, "batch_size": 8, "learning_rate": 0.02, "threads": 1}


def test_series_are_classified():
    estimator = TimeSeriesClassifier(**QUICK).fit(SERIES, SIDES)
    assert estimator.score(SERIES, SIDES) == 1
    assert estimator.classes_.tolist() == [4, 9]
    assert estimator.predict_proba(np.stack([rows[:5] for rows in SERIES])).shape == (24, 2)
    assert cross_val_score(TimeSeriesClassifier(**QUICK), [*SERIES], SIDES, cv=2).min() > 0.9
    for check in CHECKS:
        check("TimeSeriesClassifier", TimeSeriesClassifier())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "no series"),
        ([["a"]], "no array of numbers"),
        ([[float("nan")]], "holds NaN"),
        ([np.zeros((2, 0))], r"shape \[2, 0\]"),
        ([np.zeros((2, 1)), np.zeros((2, 2))], "has 2 features, and series 0 has 1"),
        (np.full((2, 3), np.nan), "no array of series: Input X contains NaN"),
        (np.zeros((2, 3)) + 1j, "Complex data not supported"),
        (np.zeros(3), "Reshape your data"),
    ],
)
def test_what_are_no_series_is_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        TimeSeriesClassifier().fit(wrong, [1] * len(wrong))


def test_words_begin_with_vectors_from_a_file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("great 1 2 3\ndull -1 2 -3\n王 1 2 3\n", encoding="utf-8")
    few = {"hidden_size": 4, "epochs": 1, "threads": 1, "vectors": path}
    estimator = TextClassifier(**few).fit(TEXTS, labels("str"))
    assert estimator.task_.encoder.inputs.token.embedding_dim == 3
    tagger = TokenTagger(**few).fit([["王", "在"]] * 4, [["X", "O"]] * 4)
    assert tagger.task_.encoder.inputs.tokens.token.embedding_dim == 3
    with pytest.raises(SettingsError, match="give embedding_size=3"):
        TextClassifier(**few, settings={"embedding_size": 8}).fit(TEXTS, labels("str"))


def test_tags_of_a_pandas_series_go_by_place():
    split = [[["王"], ["在"]], [["S-PER"], ["O"]]]
    tokens, tags = (pandas.Series(rows, index=[1, 0]) for rows in split)
    assert [item.tags for item in tagged_from(tokens, tags)] == [("S-PER",), ("O",)]


def test_tokens_are_tagged():
    texts = [[*name, "在", *place] for name in ("王明", "陳思", "李華") for place in ("台北", "高雄")]
    tags = [["B-PER", "E-PER", "O", "B-LOC", "E-LOC"]] * 6
    estimator = TokenTagger(**{**QUICK, "epochs": 60}, dropout=0.1, settings={"min_count": 1})
    assert estimator.fit(texts, tags).score(texts, tags) == 1
    assert estimator.predict([["王", "明", "在", "高", "雄"]]) == [tags[0]]
    assert "B-PER" in estimator.classes_
    for check in CHECKS:
        check("TokenTagger", TokenTagger())
    for wrong, of, message in (
        (["王明"], [["B", "E"]], "give a list of its tokens"),
        ([["王", ""]], [["O", "O"]], "not empty"),
        ([["王"]], [["O", "O"]], "1 tokens and 2 tags"),
        ([["王"]], [], "1 texts and y 0"),
    ):
        with pytest.raises(SettingsError, match=message):
            TokenTagger().fit(wrong, of)
    with pytest.raises(NotFittedError):
        TokenTagger().predict([["王"]])
