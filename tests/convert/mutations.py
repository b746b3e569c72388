"""Damaged files: bytes changed, cut out, copied and moved, inside archives too; and what reading them may not do."""

import io
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager

import keepgate

# Audit events of a program that does more than read: nothing of a file may lead there.
FORBIDDEN = (
    "compile", "exec", "import", "marshal.loads", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.system",
    "pickle.find_class", "shutil.rmtree", "socket.connect", "subprocess.Popen",
)  # fmt: skip
_watched: list[Counter[str]] = []
_hooked = False


@contextmanager
def watched():
    """Counts forbidden events meanwhile. An audit hook stays for good, so that there is one."""
    global _hooked
    if not _hooked:
        sys.addaudithook(lambda event, _: _watched and event in FORBIDDEN and _watched[-1].update([event]))
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
                data[place : place + 8] = chance.choice([0, 1, 7, 255, 1 << 20, 1 << 33, 1 << 62, (1 << 64) - 1]).to_bytes(8, "little")
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


def fuzz(originals: list[bytes], file, read: Callable[[], object], seeds: range) -> Counter[str]:
    """How many damaged files were read, and how many refused by each error of ours. Anything else fails.

    read: reads `file`, and may call what it got. A second of the processor is more than any may take.
    """
    for original in originals:
        file.write_bytes(original)
        read()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        file.write_bytes(mutated(chance.choice(originals), chance))
        begin = time.process_time()
        with watched() as events:
            try:
                read()
                outcome = "read"
            except (keepgate.KeepgateError, TypeError) as error:
                assert isinstance(error, keepgate.KeepgateError), (seed, error)
                outcome = type(error).__name__
            except Exception as error:
                raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
        taken = time.process_time() - begin
        assert not events, (seed, events)
        assert taken < 1, f"seed {seed} took {taken:.1f} s of the processor"
        outcomes[outcome] += 1
    return outcomes
