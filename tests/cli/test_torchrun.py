"""`keepgate train` in many processes: one log, one model, one message, one exit code, however it ends."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keepgate.cli.__main__ import main
from keepgate.export import load
from tests.cli.test_classifier import QUICK, write
from tests.tools import NAMESPACE, allowed, needs
from tests.train.ranks import Ended, ended, free_port, run_ranks, start

EXACT = (*QUICK, "--set", "dropout=0", "--set", "mask_rate=0")
# A fault in one of the processes, at its fifth batch or before the first.
PROGRAM = """
import os, resource, signal, sys
from keepgate.cli.__main__ import main
from keepgate.tasks.classifier import Classifier

fault, rank, *words = sys.argv[1:]
whole, calls = Classifier.loss, 0

def loss(self, batch, carry=None):
    global calls
    calls += 1
    if calls == 5:
        if fault == "error":
            raise ValueError("boom")
        if fault == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        if fault in ("SIGKILL", "SIGTERM"):
            os.kill(os.getpid(), getattr(signal, fault))
    value, carry = whole(self, batch, carry)
    return (value * float("nan") if fault == "nan" and calls == 5 else value), carry

if os.environ["RANK"] == rank:
    Classifier.loss = loss
    if fault == "no data":
        words = [word.replace("train.csv", "missing.csv") for word in words]
sys.exit(main(words))
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    data = write(tmp_path / "train.csv")
    options = ("--dev", data, "--out", tmp_path / "mine", "--batch-size", 8, "--seed", 1, *EXACT)
    return [*map(str, ("train", "classifier", data, "--steps", 12, "--set", "checkpoint_every=4", *options))]


def slow(*values: object) -> object:
    return pytest.param(*values, marks=pytest.mark.slow)


def messages(processes: list[Ended]) -> str:
    """What was said of the end, by one process only."""
    (message,) = [process.err for process in processes if "keepgate: " in process.err]
    assert message.count("keepgate: ") == 1
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize(
    ("fault", "rank", "codes", "message"),
    [
        ("nan", 1, [4, 4], r"step 4: loss is NaN.*last good checkpoint is .*step-00000004"),
        ("SIGKILL", 1, [4, -9], r"another process of this training has ended.*--resume"),
        slow("SIGKILL", 0, [-9, 4], r"another process of this training has ended.*--resume"),
        slow("error", 1, [1, 1], r"a bug in keepgate \(ValueError: boom\)"),
        slow("no data", 1, [3, 3], r"missing\.csv does not exist"),
        slow("full", 0, [3, 3], r"cannot write .*step-00000008.*ulimit -f.*step 4"),
        slow("SIGTERM", 1, [130, 130], r"stopped at step 5 of 12, saved in .*step-00000005"),
    ],
)
def test_a_fault_in_one_process_ends_all_with_one_message(
    words: list[str], tmp_path: Path, fault: str, rank: int, codes: list[int], message: str
) -> None:
    processes = run_ranks(2, PROGRAM, fault, rank, *words)
    assert [process.code for process in processes] == codes, processes
    assert re.search(message, messages(processes))
    assert not (tmp_path / "mine").exists()
    assert processes[1].out == ""
    if fault in ("nan", "SIGKILL"):
        assert main([*words, "--resume"]) == 0
        assert load(tmp_path / "mine").choices == ("bad", "good")


@pytest.mark.slow
def test_a_wrong_option_is_said_once(words: list[str]) -> None:
    processes = run_ranks(2, PROGRAM, "none", 1, *words, "--stepz", 3)
    assert [process.code for process in processes] == [2, 2]
    assert "--stepz" in messages(processes)


def test_a_device_that_is_not_there_is_refused(words: list[str], keepgate) -> None:
    ran = keepgate(*words, "--device", "cuda:7")
    assert ran.code == 2
    assert re.search(r"device is 'cuda:7', which this machine lacks; here there are cpu", ran.err)


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "keepgate"]


def test_the_same_command_under_torchrun_writes_the_same_model(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ran,) = ended([start([*TORCHRUN, *words], MASTER_PORT=str(free_port()))])
    assert ran.code == 0, ran.err
    assert ran.out.count("Written to") == 1
    shutil.move(tmp_path / "mine", tmp_path / "two")
    shutil.rmtree(tmp_path / "mine.training")
    assert main(words) == 0
    alone = capsys.readouterr().out
    # All lines but the one with the seconds.
    assert [line for line in ran.out.splitlines() if "Trained in" not in line] == [
        line for line in alone.splitlines() if "Trained in" not in line
    ]
    for name, weight in load(tmp_path / "two").state_dict().items():
        assert (weight - load(tmp_path / "mine").state_dict()[name]).abs().max() < 1e-3, name


# Every text is too large to be read whole; the last process is on a host of its own.
LARGE = """
import os, sys
from keepgate.cli.__main__ import main
from keepgate.data.corpora import large
from keepgate.data.token_file import TokenFile

large.LARGE, write, words = 0, TokenFile.write, sys.argv[1:]
if os.environ["RANK"] == "2":
    os.environ["LOCAL_RANK"], words = "0", [word.replace("/mine", "/nowhere/mine") for word in words]
TokenFile.write = lambda path, *rest, **more: print("tokens:", path) or write(path, *rest, **more)
sys.exit(main(words))
"""


def test_a_text_larger_than_memory_is_written_as_numbers_once_on_each_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("Ann sees a cat.\nBob sees the sea.\n" * 20)
    small = ("hidden_size=4", "embedding_size=3", "dropout=0", "bptt_steps=8")
    options = ("--steps", 4, "--batch-size", 5, *(word for pair in small for word in ("--set", pair)))
    words = [*map(str, ("train", "language-model", tmp_path / "text.txt", *options)), "--out"]
    processes = run_ranks(3, LARGE, *words, tmp_path / "mine")
    assert [process.code for process in processes] == [0, 0, 0], processes
    written = [line for process in processes for line in process.out.splitlines() if "tokens:" in line]
    assert written == [
        f"tokens: {tmp_path / place / 'mine.training' / 'tokens'}" for place in ("", "nowhere")
    ]
    assert not (tmp_path / "mine.training" / "tokens").exists()
    assert not (tmp_path / "nowhere" / "mine.training").exists()
    assert main([*words, str(tmp_path / "alone")]) == 0
    assert "Written to" in capsys.readouterr().out
    for name, weight in load(tmp_path / "alone").state_dict().items():
        assert (weight - load(tmp_path / "mine").state_dict()[name]).abs().max() < 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_of_torchrun_saves_and_resume_goes_on(
    words: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    words[words.index("--steps") + 1] = "100000"
    running = start([*TORCHRUN, *words], MASTER_PORT=str(free_port()))
    log = tmp_path / "mine.training" / "metrics.jsonl"
    while not log.exists() or not log.read_text():
        time.sleep(0.2)
        assert running.poll() is None
    running.send_signal(number)
    (ran,) = ended([running])
    assert ran.code
    assert ran.err.count("keepgate: stopped at step") == 1
    step = int(re.findall(r"stopped at step (\d+) of 100000", ran.err)[0])
    assert (tmp_path / "mine.training" / "checkpoints" / f"step-{step:08d}").is_dir()


NETWORK = """
mount -t tmpfs tmpfs /run
ip netns add first
ip netns add second
ip link add one type veth peer name two
ip link set one netns first
ip link set two netns second
ip -n first addr add 10.217.0.1/24 dev one
ip -n second addr add 10.217.0.2/24 dev two
for host in first second; do ip -n $host link set lo up; done
ip -n first link set one up
ip -n second link set two up
echo joined
read until_the_test_is_over
"""


@pytest.fixture
def hosts() -> Iterator[list[list[str]]]:
    """Two network namespaces, joined by a cable: each has its own addresses, and no loopback in common.

    What to write before a command that is to run there. They are in a user namespace, so that nobody needs to be root.
    """
    namespace = subprocess.Popen(
        [*NAMESPACE, "--net", "sh", "-euc", NETWORK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert namespace.stdout is not None
    assert namespace.stdout.readline() == "joined\n", namespace.communicate()[1]
    inside = [f"--target={namespace.pid}", "--user", "--mount", "--net", "--preserve-credentials"]
    try:
        yield [["nsenter", *inside, "ip", "netns", "exec", name] for name in ("first", "second")]
    finally:
        namespace.communicate("over\n")


def elsewhere(words: list[str], rank: int) -> list[str]:
    """The command as the host of this number is given it: only the first has the folder."""
    return words if rank == 0 else [word.replace("/mine", "/nowhere/mine") for word in words]


def one_model_of_two_hosts(processes: list[Ended], words: list[str], tmp_path: Path) -> None:
    assert [process.code for process in processes] == [0, 0], processes
    assert processes[0].out.count("Written to") == 1
    assert "Written" not in processes[1].out
    shutil.move(tmp_path / "mine", tmp_path / "two")
    assert not (tmp_path / "nowhere").exists()
    shutil.rmtree(tmp_path / "mine.training")
    assert main(words) == 0
    for name, weight in load(tmp_path / "two").state_dict().items():
        assert (weight - load(tmp_path / "mine").state_dict()[name]).abs().max() < 1e-3, name


@needs("network namespaces")
@allowed("network namespaces")
def test_two_hosts_take_three_steps_together(
    hosts: list[list[str]], words: list[str], tmp_path: Path
) -> None:
    words[words.index("--steps") + 1] = "3"
    address = {"MASTER_ADDR": "10.217.0.1", "MASTER_PORT": "29517", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    started = [
        start([*host, sys.executable, "-m", "keepgate", *elsewhere(words, rank)], RANK=str(rank), **address)
        for rank, host in enumerate(hosts)
    ]
    one_model_of_two_hosts(ended(started), words, tmp_path)


@needs("network namespaces")
@allowed("network namespaces")
@pytest.mark.slow
def test_torchrun_on_two_hosts_trains_one_model(
    hosts: list[list[str]], words: list[str], tmp_path: Path
) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    place = ["--master-addr=10.217.0.1", "--master-port=29517"]
    started = [
        start([*host, *torchrun, *place, f"--node-rank={rank}", "-m", "keepgate", *elsewhere(words, rank)])
        for rank, host in enumerate(hosts)
    ]
    one_model_of_two_hosts(ended(started), words, tmp_path)
