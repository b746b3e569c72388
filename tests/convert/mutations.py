"""Damaged files: bytes changed, cut out, copied and moved, inside archives too; and what reading them may not do."""

import io
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress

import keepgate

# Audit events of a program that does more than read: nothing of a file may lead there.
FORBIDDEN = (
    "compile", "exec", "import", "marshal.loads", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.system",
    "pickle.find_class", "shutil.rmtree", "socket.connect", "subprocess.Popen",
)  # fmt: skip
_watched: list[Counter[str]] = []
_hooked = False


def _audit(event, _):
    if not _watched or event not in FORBIDDEN:
        return
    frame = sys._getframe()
    while frame is not None:
        # The tests' own checkers of annotations compile a check when a function is first called.
        if str(frame.f_globals.get("__name__")).startswith(("jaxtyping", "beartype")):
            return
        frame = frame.f_back
    _watched[-1].update([event])


@contextmanager
def watched():
    """Counts forbidden events meanwhile. An audit hook stays for good, so that there is one."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    events: Counter[str] = Counter()
    _watched.append(events)
    try:
        yield events
    finally:
        _watched.pop()


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with up to sixteen changes; of an archive one member's, so that its checksum is right."""
    if content[:2] == b"PK" and chance.random() < 0.8:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = chance.choice([*parts])
        parts[name] = mutated(parts[name], chance)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, part)
        return out.getvalue()
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        # Sizes and structure stand at the beginning more often than elsewhere.
        place = chance.randrange(len(data) if chance.random() < 0.6 else min(len(data), 2000))
        match chance.randrange(7):
            case 0 | 1:
                data[place] = chance.randrange(256)
            case 2:
                data[place] ^= 1 << chance.randrange(8)
            case 3:
                data[place : place + 8] = chance.choice(
                    [0, 1, 7, 255, 1 << 20, 1 << 33, 1 << 62, (1 << 64) - 1]
                ).to_bytes(8, "little")
            case 4:
                other = chance.randrange(len(data))
                data[place : place + 32] = data[other : other + chance.randrange(48)]
            case 5:
                del data[place : place + chance.randrange(1, 40)]
            case _:
                if chance.random() < 0.2:
                    del data[place:]
                else:
                    data[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
    return bytes(data)


def mutated_proto(content: bytes, chance: random.Random) -> bytes:
    """An ONNX file with up to eight fields changed, so that it is still one."""
    import onnx

    model = onnx.ModelProto.FromString(content)
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        message = model
        while True:
            fields = message.ListFields()
            if not fields:
                break
            descriptor, value = chance.choice(fields)
            repeated = hasattr(value, "append") or hasattr(value, "add")
            inner = [entry for entry in (value if repeated else [value]) if hasattr(entry, "ListFields")]
            if inner and chance.random() < 0.9:
                message = chance.choice(inner)
                continue
            # Not every number is one that a field can hold.
            with suppress(ValueError, TypeError, OverflowError):
                _change(message, descriptor.name, value, repeated, chance)
            break
    return model.SerializeToString()


def _change(message, name, value, repeated, chance):
    """Another value in a field, or one more, one fewer or another order of a list."""
    if not repeated:
        setattr(message, name, _other(value, chance))
    elif chance.random() < 0.3 or not len(value):
        del value[chance.randrange(len(value) + 1) :]
    elif hasattr(value[0], "ListFields"):
        first, second = chance.randrange(len(value)), chance.randrange(len(value))
        copy = type(value[0])()
        copy.CopyFrom(value[first])
        value[second].CopyFrom(copy)
    elif chance.random() < 0.3:
        value.append(value[0])
    else:
        value[chance.randrange(len(value))] = _other(value[0], chance)


def _other(value, chance):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice(
            [0, 1, 2, 3, -1, -2, 7, value + 1, value - 1, 1 << 20, 1 << 31, 1 << 40, -(1 << 63)]
        )
    if isinstance(value, float):
        return chance.choice([0.0, -1.0, value * 2, 1e-30, 1e30, float("nan"), float("inf")])
    if isinstance(value, bytes):
        return mutated(value, chance)
    operators = [
        "LSTM",
        "GRU",
        "RNN",
        "If",
        "Scan",
        "Loop",
        "Tile",
        "Expand",
        "Range",
        "Pad",
        "Gather",
        "Slice",
        "MatMul",
    ]
    names = [
        "",
        "v0_0",
        "v1_0",
        "w.0",
        "w.1",
        "x",
        "tokens",
        "axis",
        "pads",
        "direction",
        "hidden_size",
        "ai.onnx.ml",
    ]
    return chance.choice([*operators, *names, value + "x", value[:-1]])


def fuzz(
    originals: list[bytes], file, read: Callable[[], object], seeds: range, mutate=mutated
) -> Counter[str]:
    """How many damaged files were read, and how many refused by each error of ours. Anything else fails.

    read: reads `file`, and may call what it got. mutate: damages one of the originals. None may take a second of the
    processor.
    """
    for original in originals:
        file.write_bytes(original)
        read()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        file.write_bytes(mutate(chance.choice(originals), chance))
        begin = time.process_time()
        with watched() as events:
            try:
                read()
                outcome = "read"
            except keepgate.KeepgateError as error:
                outcome = type(error).__name__
            except Exception as error:
                raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
        taken = time.process_time() - begin
        assert not events, (seed, events)
        assert taken < 1, f"seed {seed} took {taken:.1f} s of the processor"
        outcomes[outcome] += 1
    return outcomes
