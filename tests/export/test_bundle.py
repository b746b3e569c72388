"""A model folder comes back as it was saved, is written whole or not at all, and nothing wrong with it goes unseen."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as tensors_to

from keepgate import cells, tasks, unfinished
from keepgate.data.questions import Question
from keepgate.errors import BundleError
from keepgate.export import folder as folders
from keepgate.export import load, save
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.choice.reader import ChoiceReader
from keepgate.tasks.kind import TaskKind
from tests.fake_task import Parity
from tests.kernels.user_cells import janet, slstm
from tests.small_disk import on_a_small_disk

CARD = {
    "what": "Says whether a sum is even.",
    "figures": {"exact": 0.97, "f1 | bag": 0.98},
    "data": ["rows of digits", "more rows"],
}
FILES = ["card.md", "manifest.json", "model.toml", "vocabulary.json", "weights.safetensors"]


@pytest.fixture(autouse=True)
def parity_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    parity = TaskKind(
        task=Parity,
        recipe=lambda _: {},
        read=lambda _: None,
        unit="sums",
        asks=True,
        use="keepgate ask {model}",
    )
    monkeypatch.setitem(tasks.KINDS, "parity", parity)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(Parity.build(seed=1), tmp_path / "model", card=CARD)
    return tmp_path / "model"


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def rewrite(folder: Path, name: str, new: bytes) -> None:
    """Changes a file and its sum in the manifest, as one would by hand who knows how."""
    (folder / name).write_bytes(new)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(new).hexdigest(), "bytes": len(new)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    task = Parity.build(seed=1, note=None, limit=None, sizes=(3, 4))
    save(task, tmp_path / "model", card=CARD)
    back = load(tmp_path / "model")
    assert sorted(content(tmp_path / "model")) == FILES
    assert back.settings == task.settings
    assert back.vocabulary_json() == task.vocabulary_json()
    assert not back.training
    weights = back.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in task.state_dict().items())


def test_a_none_where_the_default_is_not_comes_back_as_none(tmp_path: Path) -> None:
    save(Parity.build(limit=None), tmp_path / "model", card={})
    assert load(tmp_path / "model").settings.limit is None


def test_a_reader_gives_the_same_answers(tmp_path: Path) -> None:
    questions = [
        Question(text="魯夫說他想成為海賊王。", question="是誰想要成為海賊王?", answers=("魯夫",)),
        Question(text="娜美說她想畫海圖。", question="是誰想要畫海圖?", answers=("娜美",)),
    ]
    settings = ChoiceReaderSettings(embedding_size=4, hidden_size=5)
    reader = ChoiceReader.build(questions, settings, seed=0)
    save(reader, tmp_path / "讀者", card={"what": "測試"})
    back = load(str(tmp_path / "讀者"))
    assert back.predict(questions) == reader.predict(questions)
    assert back.settings == settings


def test_the_card_tells_what_it_is_and_how_to_use_it(model: Path) -> None:
    card = (model / "card.md").read_text()
    for words in ("parity", "Says whether a sum is even.", "## Figures", "| exact | 0.97 |", "f1 \\| bag"):
        assert words in card
    for words in ("- more rows", "hidden_size", "keepgate ask model", "## How to use it"):
        assert words in card


def test_a_model_is_replaced_in_one_step(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Parity.build(seed=2)
    save(other, model, card={})
    assert torch.equal(load(model).state_dict()["head.weight"], other.state_dict()["head.weight"])
    # Where names cannot be swapped.
    monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    save(Parity.build(seed=1), model, card=CARD)
    assert load(model).state_dict()["head.weight"][0, 0] != other.state_dict()["head.weight"][0, 0]
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save(Parity.build(), tmp_path / "model", card={})
    load(tmp_path / "model")


def test_a_folder_with_other_things_is_left_alone(model: Path) -> None:
    (model / "thesis.doc").write_text("years of work")
    before = content(model)
    with pytest.raises(BundleError, match=r"holds thesis\.doc, no part of a model.*choose another folder"):
        save(Parity.build(), model, card={})
    assert content(model) == before


def test_a_link_to_a_folder_stays_a_link(model: Path) -> None:
    link = model.with_name("link")
    link.symlink_to(model)
    save(Parity.build(seed=5), link, card={})
    assert link.is_symlink()
    load(link)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["altered", "cut", "grown", "gone", "emptied", "a folder", "a pipe"])
def test_every_harm_to_every_file_is_seen(model: Path, name: str, harm: str) -> None:
    file = model / name
    was = file.read_bytes()
    if harm == "altered":
        # A digit or letter of the manifest that matters; any byte of the others.
        at = was.index(b'"sha256": "') + 20 if name == "manifest.json" else len(was) // 2
        file.write_bytes(was[:at] + bytes([was[at] ^ 1]) + was[at + 1 :])
    elif harm in ("cut", "grown", "emptied"):
        file.write_bytes({"cut": was[: len(was) // 2], "grown": was + b"x" * 2_000_000, "emptied": b""}[harm])
    else:
        file.unlink()
        if harm == "a folder":
            file.mkdir()
        elif harm == "a pipe":
            os.mkfifo(file)
    with pytest.raises(BundleError, match=f"{name}|card.md|train it again"):
        load(model)


def test_a_grown_file_is_not_read(model: Path) -> None:
    with (model / "weights.safetensors").open("r+b") as file:
        # A hole: it says a terabyte and takes no room.
        file.truncate(1 << 40)
    with pytest.raises(BundleError, match=r"weights\.safetensors has 1099511627776 bytes.*it may have"):
        load(model)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.toml", lambda was: was.replace(b"format = 2", b"format = 3"), "format 3.*newer keepgate"),
        ("model.toml", lambda was: was.replace(b"format = 2", b"format = 0"), "format 0.*train it again"),
        ("model.toml", lambda was: was.replace(b"format = 2\n", b""), "format None"),
        (
            "model.toml",
            lambda was: was.replace(b'"parity"', b'"os.system"'),
            r"kind 'os\.system'; .*knows.*parity",
        ),
        ("model.toml", lambda was: was.replace(b'kind = "parity"', b"kind = 3"), "kind 3"),
        ("model.toml", lambda _: b"\xff\xfe", "not readable TOML"),
        ("model.toml", lambda was: was + b"[", "not readable TOML"),
        (
            "model.toml",
            lambda was: was.replace(b"hidden_size = 8", b'hidden_size = "8"'),
            "hidden_size is '8'",
        ),
        ("model.toml", lambda was: was.replace(b"hidden_size", b"hidden_sise"), "no setting 'hidden_sise'"),
        (
            "model.toml",
            lambda was: was.replace(b"hidden_size = 8", b"hidden_size = 9"),
            r"\[18, 4\]|\[27, 4\]",
        ),
        (
            "model.toml",
            lambda was: was.replace(b"hidden_size = 8", b"hidden_size = 9000000000000"),
            "no model can",
        ),
        # On paper a machine may hold it; in earnest it would end the process.
        ("model.toml", lambda was: was.replace(b"hidden_size = 8", b"hidden_size = 90000"), "make it"),
        ("model.toml", lambda was: was.replace(b"none = [", b"none = [1, "), "list of names"),
        ("vocabulary.json", lambda _: b"{", "not readable JSON"),
        ("vocabulary.json", lambda _: b"[" * 100_000, "not readable JSON"),
        ("vocabulary.json", lambda _: b"[]", "should hold an object"),
        ("vocabulary.json", lambda _: b"{}", "no model can be built"),
        ("weights.safetensors", lambda _: b"\x80\x04pickled", "cannot be read as tensors"),
        ("weights.safetensors", lambda _: b"", "cannot be read as tensors"),
        (
            "weights.safetensors",
            lambda _: tensors_to({"x": torch.ones(1)}),
            "has no tensor embedding.weight",
        ),
    ],
)
def test_a_folder_made_by_hand_is_checked_all_the_same(
    model: Path, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    rewrite(model, name, change((model / name).read_bytes()))
    with pytest.raises(BundleError, match=message):
        load(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"head.weight": torch.ones(3, 8)},
            r"head\.weight is \[3, 8\] float32, but .* make it \[2, 8\] float32",
        ),
        ({"head.weight": torch.ones(2, 8).double()}, r"head\.weight is \[2, 8\] float64"),
        ({"more": torch.ones(1)}, "has an unknown tensor more"),
    ],
)
def test_weights_that_do_not_fit(model: Path, change: dict[str, Any], message: str) -> None:
    weights = load(model).state_dict() | change
    rewrite(model, "weights.safetensors", tensors_to(weights))
    with pytest.raises(BundleError, match=message):
        load(model)


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{}",
        '{"files": 3}',
        '{"files": {"card.md": 1}}',
        "[" * 100_000,
        '{"files": {"../x": {}}}',
        "\udcff",
    ],
)
def test_a_manifest_that_is_none(model: Path, manifest: str) -> None:
    (model / "manifest.json").write_bytes(manifest.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError, match=r"manifest\.json (is not a manifest|does not list)"):
        load(model)


def test_a_path_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, message in [
        (tmp_path / "nowhere", "there is no model at .*nowhere; check the path"),
        (tmp_path / "file", "file is a file, and a model is a folder"),
        (tmp_path, r"is no model: it has no manifest\.json"),
    ]:
        with pytest.raises(BundleError, match=message):
            load(path)
    with pytest.raises(BundleError, match="file is a file, and a model is a folder; choose another path"):
        save(Parity.build(), tmp_path / "file", card={})
    with pytest.raises(BundleError, match=r"cannot write the model.*a part of that path is a file"):
        save(Parity.build(), tmp_path / "file" / "model", card={})
    with pytest.raises(BundleError, match=r"cannot write the model.*too long"):
        save(Parity.build(), tmp_path / ("x" * 300), card={})


@on_a_small_disk(kilobytes=64)
def test_a_full_disk_leaves_the_old_model(disk: Path) -> None:
    save(Parity.build(), disk / "model", card=CARD)
    before = content(disk / "model")
    big = Parity.build(hidden_size=80)
    for place in ("model", "another"):
        with pytest.raises(
            BundleError, match=rf"cannot write the model .*{place}.*the disk is full: free some"
        ):
            save(big, disk / place, card=CARD)
    assert [entry.name for entry in disk.iterdir()] == ["model"]
    assert content(disk / "model") == before
    load(disk / "model")


def test_a_file_that_may_not_grow_leaves_the_old_model(model: Path) -> None:
    before, limit = content(model), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limit[1]))
    try:
        with pytest.raises(BundleError, match=r"cannot write the model.*ulimit -f"):
            save(Parity.build(), model, card=CARD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert content(model) == before


@pytest.mark.parametrize("name", FILES)
def test_a_write_that_fails_anywhere_leaves_the_old_model(
    model: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = content(model), folders._write_through

    def fails(path: Path, content: bytes) -> None:
        if path.name == name:
            raise OSError(5, "Input/output error")
        write(path, content)

    monkeypatch.setattr(folders, "_write_through", fails)
    with pytest.raises(BundleError, match=r"Input/output error; see to that.*Nothing that was there"):
        save(Parity.build(seed=9), model, card={})
    assert content(model) == before
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_what_a_killed_process_left_is_cleared_away(model: Path) -> None:
    left = model.with_name(".model.writing-999999999")
    shutil.copytree(model, left)
    save(Parity.build(), model, card={})
    assert not left.exists()


@pytest.mark.parametrize("instant", ["between the two names", "after both"])
def test_where_names_cannot_be_swapped_a_killed_process_loses_no_model(model: Path, instant: str) -> None:
    before, old = content(model), model.with_name(".model.replaced-999999999")
    model.rename(old)
    if instant == "after both":
        shutil.copytree(old, model)
        (old / "card.md").write_text("the one before")
    unfinished.clear(model.parent, "model")
    assert content(model) == before
    assert not old.exists()


def test_loading_does_not_start_torchs_compiler(tmp_path) -> None:
    code = (
        "import sys; from keepgate.export import bundle; from keepgate.tasks import ChoiceReader; "
        "from keepgate.tasks.choice import ChoiceReaderSettings; from keepgate.data.questions import Question; "
        "task = ChoiceReader.build([Question(text='a b', question='c', answers=('a',))], ChoiceReaderSettings(), 0); "
        "bundle.save(task, sys.argv[1], card={}); bundle.load(sys.argv[1]); sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model")], check=True)


def test_a_model_of_a_users_cell_loads_where_the_cell_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = cells.register(janet)
    assert name == "tests.kernels.user_cells.janet"
    question = Question(text="a b", question="c", answers=("a",))
    reader = ChoiceReader.build([question], ChoiceReaderSettings(cell=name), 0).eval()
    save(reader, tmp_path / "model", card={})
    assert f'cell = "{name}@{janet.graph.digest}"' in (tmp_path / "model" / "model.toml").read_text()
    assert load(tmp_path / "model").predict([question]) == reader.predict([question])

    monkeypatch.setattr(cells, "_registered", {})
    two_lines = r"`from tests\.kernels\.user_cells import janet`, `keepgate\.cells\.register\(janet\)`"
    with pytest.raises(
        BundleError,
        match=rf"no cell 'tests\.kernels\.user_cells\.janet'.*{two_lines}; commands .* KEEPGATE_CELL_FILES$",
    ):
        load(tmp_path / "model")
    monkeypatch.setitem(cells._registered, name, slstm)
    with pytest.raises(BundleError, match="has other equations than when this was saved"):
        load(tmp_path / "model")
