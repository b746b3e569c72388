"""Each kernel that refuses a call says why, and the machine is described as it is."""

import json

import pytest
import torch


def test_the_machine_is_the_one_that_torch_sees(keepgate) -> None:
    found = json.loads(keepgate("explain", "--json").out)["machine"]
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["cores"] >= 1
    assert found["processor"]


def test_without_a_cell_it_lists_kernels_and_cells(keepgate) -> None:
    out = keepgate("explain").out
    assert "cpu, builtin, reference, asked in this order" in out
    assert "gru_reset_before" in out


@pytest.mark.parametrize(
    ("options", "kernel"),
    [
        (["--cell", "lstm"], "cpu"),
        (["--cell", "rnn_relu", "--lengths", "--resets", "--trace"], "cpu"),
        (["--cell", "lstm", "--dtype", "bfloat16"], "builtin"),
        (["--cell", "gru", "--dtype", "bfloat16", "--trace"], "reference"),
        (["--cell", "gru_reset_before"], "cpu"),
    ],
)
def test_a_call_goes_to_the_first_kernel_that_can_and_the_others_say_why(
    options: list[str], kernel: str, keepgate
) -> None:
    arguments = ["explain", *options, "--hidden-size", "4", "--steps", "3"]
    (part,) = json.loads(keepgate(*arguments, "--json").out)["calls"]
    assert part["kernel"] == kernel
    shown = keepgate(*arguments).out
    for reason in part["refusals"].values():
        assert reason.split()[0] in shown
    before = ["cpu", "builtin", "reference"]
    before = before[: before.index(kernel)]
    assert [name for name in before if name not in part["refusals"]] == []
    assert "takes it" in shown


def test_every_layer_and_direction_is_a_call_of_its_own(keepgate) -> None:
    options = ["--cell", "lstm", "--num-layers", "2", "--bidirectional", "--hidden", "3", "--json"]
    calls = json.loads(keepgate("explain", *options).out)["calls"]
    assert [(one["layer"], one["direction"]) for one in calls] == [
        (0, "forward"), (0, "reverse"), (1, "forward"), (1, "reverse"),
    ]  # fmt: skip


def test_nothing_is_computed_however_large_the_layer(keepgate, monkeypatch: pytest.MonkeyPatch) -> None:
    def filled(*_: object) -> None:
        raise AssertionError("a weight was filled")

    monkeypatch.setattr(torch.Tensor, "uniform_", filled)
    ran = keepgate("explain", "--cell", "lstm", "--hidden-size", "900", "--steps", "1000", "--json")
    assert json.loads(ran.out)["calls"][0]["kernel"] == "cpu"
