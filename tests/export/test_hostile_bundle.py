"""A model folder made on purpose, with a manifest that fits, is refused in words: soon, and before it takes memory."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as tensors_from
from safetensors.torch import save as tensors_to

from keepgate.data.questions import Question
from keepgate.errors import BundleError
from keepgate.export import content, parsing, save
from keepgate.tasks import ChoiceReader, SpanReader
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.span import SpanReaderSettings
from tests.export.test_bundle import rewrite

STORIES = [
    Question(text=f"{name} wants to be a {job}. The sea is calm.", question="Who is it?", answers=(name,))
    for name, job in (("Anna", "pilot"), ("Bo", "cook"), ("Cy", "poet"), ("Di", "nurse"))
]
ASKED = [Question(text=STORIES[0].text, question="Who is it?")]


@pytest.fixture(params=["keepgate.export", "keepgate.runtime"])
def module(request: pytest.FixtureRequest) -> str:
    """The package whose `load` reads the folder: with torch or without."""
    return str(request.param)


@pytest.fixture
def load(module: str) -> Callable[[Path], Any]:
    """Its `load`."""
    load: Callable[[Path], Any] = import_module(module).load
    return load


@pytest.fixture
def choice(tmp_path: Path) -> Path:
    """A small reader that chooses, without training."""
    reader = ChoiceReader.build(STORIES, ChoiceReaderSettings(embedding_size=8, hidden_size=8), 0)
    save(reader, tmp_path / "choice", card={"what": "small"})
    return tmp_path / "choice"


@pytest.fixture
def span(tmp_path: Path) -> Path:
    """A small reader that points, without training."""
    reader = SpanReader.build(STORIES, SpanReaderSettings(embedding_size=8, pair_size=8, hidden_size=8), 0)
    save(reader, tmp_path / "span", card={"what": "small"})
    return tmp_path / "span"


def with_weights(folder: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> Path:
    """The folder with each weight changed."""
    weights = tensors_from((folder / "weights.safetensors").read_bytes())
    rewrite(
        folder, "weights.safetensors", tensors_to({name: change(weight) for name, weight in weights.items()})
    )
    return folder


def with_vocabulary(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The folder with its vocabulary changed."""
    vocabulary = json.loads((folder / "vocabulary.json").read_bytes())
    change(vocabulary)
    rewrite(folder, "vocabulary.json", json.dumps(vocabulary).encode())
    return folder


def refused_within(module: str, folder: Path, seconds: int, megabytes: int) -> str:
    """The message with which a process of its own refuses the folder, in so much time and memory beyond torch's own."""
    code = (
        "import resource, sys, threading\n"
        f"from {module} import load\n"
        "from keepgate.errors import BundleError\n"
        f"{'import keepgate.tasks.kinds' if module == 'keepgate.export' else ''}\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    load(sys.argv[1])\n"
        "except BundleError as fault:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, fault)\n"
    )
    limit = (seconds, seconds)
    ran = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit),
    )
    taken, _, message = ran.stdout.partition(" ")
    assert message, f"not refused: {ran.stderr[-500:]}"
    # Linux counts kilobytes, macOS bytes.
    assert int(taken) / (1024 if sys.platform == "linux" else 1 << 20) < megabytes
    return message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda was: f"{'.'.join('x' * 16_000)} = 1\n".encode() + was, "more than 200 dots"),
        (lambda was: f"[{'.'.join('x' * 16_000)}]\n".encode() + was, "more than 200 dots"),
        (lambda was: b"x = " + b"[" * 30_000 + b"\n" + was, "not readable TOML"),
        (lambda was: b"x = " + b"{y=" * 20_000 + b"\n" + was, "not readable TOML"),
        (lambda was: was + b"# filler\n" * 10_000, "bytes, and in this model it may have 65536"),
        (lambda was: was.replace(b"num_layers = 1\n", b"num_layers = 100000\n"), "asks for 100,000 layers"),
        (lambda was: was.replace(b"num_layers = 1\n", b"num_layers = 3\n"), "has no tensor"),
        (lambda was: was.replace(b"num_layers = 1\n", b"num_layers = 0x7fffffffffffffff\n"), "asks for 9,223,372"),
    ],
    ids=["a key", "a table", "lists", "tables", "long", "layers", "three layers", "most layers"],
)  # fmt: skip
def test_settings_cost_no_more_than_the_weights_that_are_there(
    module: str, choice: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    rewrite(choice, "model.toml", change((choice / "model.toml").read_bytes()))
    # Importing torch alone takes a few seconds of the processor.
    assert message in refused_within(module, choice, 20, 100)


@pytest.mark.parametrize(
    "content",
    [
        b'{"tokens": [' + b"[]," * 3_000_000 + b'"x"], "choices": ["x"]}',
        b'{"tokens": [' + b'{"x": ' * 200_000 + b"1" + b"}" * 200_000 + b"]}",
        b'{"tokens": ["' + b'x", "' * 1_000_000 + b'x"], "choices": ["x"]}',
        b" " * ((1 << 25) + 1),
    ],
    ids=["many lists", "deep", "more words than weights", "long"],
)
def test_a_vocabulary_costs_no_more_than_the_weights_that_are_there(
    module: str, choice: Path, content: bytes
) -> None:
    rewrite(choice, "vocabulary.json", content)
    assert "vocabulary.json" in refused_within(module, choice, 20, 200)


def test_a_header_that_says_it_is_long(choice: Path, load: Any) -> None:
    weights = (choice / "weights.safetensors").read_bytes()
    rewrite(choice, "weights.safetensors", (1 << 26).to_bytes(8, "little") + b" " * (1 << 26))
    with pytest.raises(BundleError, match="its header is said to have 67,108,864 bytes"):
        load(choice)
    rewrite(choice, "weights.safetensors", weights[:8] + weights[8:].replace(b'"F32"', b'"X32"', 1))
    with pytest.raises(BundleError, match="cannot be read as tensors"):
        load(choice)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *[(name, number) for name in ("pairs", "rarity") for number in (-(2**63) - 1, 2**63, 10**400)],
        ("rarity", 1e39),
        ("rarity", float("nan")),
        ("left", float("inf")),
        ("pairs", 1.5e300),
        ("rarity", [1.0]),
        ("rarity", "1"),
        ("frequency", None),
        ("pairs", 1.5),
    ],
)  # fmt: skip
def test_numbers_that_no_array_holds(span: Path, name: str, number: object, load: Any) -> None:
    with_vocabulary(span, lambda vocabulary: vocabulary[name].__setitem__(0, number))
    with pytest.raises(BundleError, match=r"vocabulary\.json is not readable JSON|no model can be built"):
        load(span)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", ["choice", "span"])
def test_weights_that_are_not_finite(
    kind: str, value: float, load: Any, request: pytest.FixtureRequest
) -> None:
    folder = with_weights(request.getfixturevalue(kind), lambda weight: torch.full_like(weight, value))
    with pytest.raises(BundleError, match=r"tensor .* holds NaN or infinity"):
        load(folder)


@pytest.mark.parametrize("kind", ["choice", "span"])
def test_weights_so_large_that_no_answer_is_finite(
    kind: str, load: Any, request: pytest.FixtureRequest
) -> None:
    reader = load(with_weights(request.getfixturevalue(kind), lambda weight: weight.sign() * 3e38))
    with pytest.raises(BundleError, match="scores are NaN or infinite"):
        reader.predict(ASKED)


def test_scores_that_place_no_answer_in_the_text(span: Path) -> None:
    reader = import_module("keepgate.export").load(span)
    with torch.no_grad():
        reader.state_dict()["network.size"][:] = -1e6
        reader.state_dict()["network.size"][29] = 1e6  # the longest answer that is given; the text is shorter
    with pytest.raises(BundleError, match="place no answer inside the text"):
        reader.predict(ASKED)


def test_a_manifest_says_no_more_than_sums(choice: Path, load: Any) -> None:
    manifest = json.loads((choice / "manifest.json").read_text())
    manifest["files"]["card.md"]["sha256"] = "\ud800" * 64
    (choice / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="is not a manifest"):
        load(choice)


def test_what_could_not_be_loaded_is_not_written(choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = import_module("keepgate.export").load(choice)
    monkeypatch.setitem(content.LIMITS, "vocabulary.json", 20)
    with pytest.raises(BundleError, match=r"vocabulary\.json would have .* may have 20"):
        save(reader, choice.with_name("other"), card={})
    assert not choice.with_name("other").exists()


def test_dtypes_are_told_by_safetensors_names(tmp_path: Path) -> None:
    dtypes = [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.bool,
    ]
    tensors = {str(dtype): torch.zeros(2, 3, dtype=dtype) for dtype in dtypes}
    (tmp_path / "all.safetensors").write_bytes(tensors_to(tensors))
    forms = parsing.tensor_forms(tmp_path / "all.safetensors", "")
    assert forms == {name: ((2, 3), name.removeprefix("torch.")) for name in tensors}
