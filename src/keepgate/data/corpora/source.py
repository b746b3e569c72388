"""A file → its text, or an error that says what is wrong with the file and how to put it right."""

import codecs
import contextlib
import re
import shlex
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import Any

from ...errors import CorpusError
from ..row_file import NPY
from .large import LARGE

# The commonest Chinese characters in both scripts (the first of every frequency list): a wrong decoding of
# Big5 or GBK gives rare ones instead.
_COMMON = frozenset(
    "的一是不了在人有我他這这中大來来上國国個个到說说們们為为子和你地出道也時时年得就那要下以生會会自"
    "著着去之過过家學学對对可她裡里後后小麼么心多天而能好都然沒没日於于起還还發发成事只作當当想看文無"
    "无開开手用主行方又如前所本見见經经頭头面公同三已老從从動动兩两長长知民樣样現现分將将外但身些與与"
    "高意進进把法此實实回二理點点月明其種种全工"
)
# What is usual in each encoding's own text, and the share of the characters beyond ASCII that must be: in
# Chinese about a third are the commonest; half of GBK's characters, read as Korean, are Hangul, so there
# nearly all must be.
_USUAL: dict[str, tuple[Callable[[str], bool], float]] = {
    "BIG5": (lambda character: character in _COMMON, 0.1),
    "GB18030": (lambda character: character in _COMMON, 0.1),
    "SHIFT_JIS": (lambda character: "\u3041" <= character <= "\u30ff", 0.2),
    "EUC-JP": (lambda character: "\u3041" <= character <= "\u30ff", 0.2),
    "EUC-KR": (lambda character: "\uac00" <= character <= "\ud7a3", 0.8),
}
PARQUET = b"PAR1"
STANDARD_INPUT = "-"
# Marks at the start of a file that is not UTF-8 text, and what they say.
_UTF16_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32"} | {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"(\xb5/\xfd": "zstd",
}
# The bytes, the text, its lines and the examples made of them: so many times the file are held at once.
_COPIES = 4
# Where Linux says what a container may use (cgroup v2 and v1), what it uses, and which of that is files in its cache.
_LIMITS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", ("active_file", "inactive_file")),
    (
        Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)  # fmt: skip
# How much of a file is decoded to guess its encoding, in bytes: some ten thousand characters.
_SAMPLE = 40_000


def read_text(path: str | Path) -> str:
    """The whole text of a UTF-8 file, without a byte order mark.

    Raises CorpusError if the file is missing, a folder, empty, packed, or not UTF-8; the message says which
    encoding it looks like and how to convert it.
    """
    return decoded(read_bytes(path), name_of(path))


def name_of(path: str | Path) -> str:
    """What a file is called in errors."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


def paths_of(paths: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """One path or many as a list."""
    return [paths] if isinstance(paths, (str, Path)) else list(paths)


def files_of(paths: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """The paths as a list. Raises CorpusError if memory cannot hold all of the files together.

    "-" is standard input, which can be given once.
    """
    files = paths_of(paths)
    if sum(str(path) == STANDARD_INPUT for path in files) > 1:
        raise CorpusError("- is given more than once; standard input can be read once, so give it once")
    _refuse_too_large(files)
    return files


def refuse_standard_input(files: Iterable[str | Path]) -> None:
    """Raises CorpusError where standard input is one of the files, of which one stays on the disk."""
    if STANDARD_INPUT in map(str, files):
        raise CorpusError(
            f"- is given beside a file of more than {LARGE >> 20} MiB, which is read several times, and standard input "
            "only once; write it to a file"
        )


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file, or of standard input for "-".

    Raises CorpusError if it is missing, a folder, too large for memory, or cannot be read.
    """
    if str(path) == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    _refuse_too_large([path])
    with opened(path) as file:
        return file.read()


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[BufferedReader]:
    """A file whose bytes are read inside. Raises CorpusError if it is missing, a folder, or cannot be read."""
    try:
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise CorpusError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise CorpusError(f"{path} is a folder; name the files in it") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from None


def _refuse_too_large(files: Sequence[str | Path]) -> None:
    size, free = sum(_unpacked_size(Path(path)) for path in files), available_memory()
    if free is not None and _COPIES * size > free:
        what = f"{files[0]} has" if len(files) == 1 else f"{files[0]} and {len(files) - 1:,} more have"
        raise CorpusError(
            f"{what} {size / 2**30:.1f} GiB; to read that takes about {_COPIES} times as much, and "
            f"{free / 2**30:.1f} GiB of memory are free. Give a part of it"
        )


def _unpacked_size(path: Path) -> int:
    """Bytes of a plain file, or of what is packed in one of NumPy (.npz) or Parquet; 0 for what is not there."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe can be read but once.
            return 0
        with path.open("rb") as file:
            mark = file.read(4)
        if mark == b"PK\x03\x04":
            with zipfile.ZipFile(path) as packed:
                return max(status.st_size, sum(part.file_size for part in packed.infolist()))
        if mark == PARQUET:
            table: Any = import_module("pyarrow.parquet").read_metadata(path)
            groups = sum(
                int(table.row_group(number).total_byte_size) for number in range(table.num_row_groups)
            )
            # Repeated values take no room in the file, and eight bytes each as numbers.
            return max(status.st_size, groups, 8 * int(table.num_rows) * int(table.num_columns))
    except (OSError, ValueError, ImportError, RuntimeError, zipfile.BadZipFile):
        # Whoever reads it says what is wrong with it.
        pass
    return path.stat().st_size if path.is_file() else 0


def available_memory() -> int | None:
    """Bytes of memory that can be had without swapping, by Linux and a container's limit; None elsewhere."""
    sizes = [_of_machine(), *(_of_container(*place) for place in _LIMITS)]
    return min((size for size in sizes if size is not None), default=None)


def _of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _of_container(folder: Path, limit: str, usage: str, cache: Sequence[str]) -> int | None:
    """What a limit on this container leaves; files that are only cached count as free. None without a limit."""
    try:
        most, used = (int((folder / name).read_text()) for name in (limit, usage))
        figures = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return most - used + sum(int(figures[name]) for name in cache)
    except (OSError, ValueError, KeyError):
        return None


def decoded(raw: bytes, path: str | Path) -> str:
    """The text in these bytes, which came from `path` ("standard input", say). Raises as `read_text`."""
    if raw.startswith(NPY):
        raise CorpusError(
            f"{path} is a NumPy array (.npy), which only a forecaster reads, and only from a file that is named"
        )
    for mark, name in _PACKED.items():
        if raw.startswith(mark):
            raise CorpusError(f"{path} is packed ({name}); unpack it first")
    if raw.startswith(PARQUET) and raw.endswith(PARQUET):
        raise CorpusError(
            f"{path} is a Parquet file, which series alone are read from; save it as CSV or as JSON lines"
        )
    if wide := _wide(raw):
        raise CorpusError(f"{path} is not UTF-8; it looks like {wide}. {_convert(path, wide)}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8: {_what_is_wrong(path, raw, error)}") from None
    if "\0" in text:
        raise CorpusError(
            f"{path} has zero bytes (the first in line {_line(text, text.index(chr(0)))}); it is no text"
        )
    if not text.strip():
        raise CorpusError(f"{path} is empty")
    return text


def lines_of(text: str) -> list[str]:
    """The lines without their ends, which may be \\n, \\r\\n or, if there is no \\n at all, \\r."""
    if "\n" not in text:
        return text.split("\r")
    return [line.removesuffix("\r") for line in text.split("\n")]


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _convert(path: str | Path, encoding: str) -> str:
    command = f"iconv -f {encoding} -t UTF-8"
    if not Path(path).exists():
        return f"Convert it with: {command}"
    converted = f"{Path(path).stem}.utf8{Path(path).suffix}"
    return f"Convert it with: {command} {shlex.quote(str(path))} > {shlex.quote(converted)}"


def _wide(raw: bytes) -> str | None:
    """UTF-16 or UTF-32, by its mark or by the zero bytes that the ASCII characters in it leave."""
    for mark, name in _UTF16_MARKS.items():
        if raw.startswith(mark):
            return name
    head = raw[: _SAMPLE // 2 * 2]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 100 + 1 and min(even, odd) * 10 < max(even, odd):
        return "UTF-16LE" if odd > even else "UTF-16BE"
    return None


def _what_is_wrong(path: str | Path, raw: bytes, error: UnicodeDecodeError) -> str:
    before = raw[: error.start].decode("utf-8-sig", "replace")
    column = len(before) - before.rfind("\n")
    place = f"byte 0x{raw[error.start]:02x} in line {_line(before, len(before))}, column {column}"
    if error.start >= len(raw) - 3 and error.reason == "unexpected end of data":
        return f"it ends in the middle of a character ({place}); it was probably cut off, get it again"
    good = len(re.findall(rb"[\xc3-\xf4][\x80-\xbf]+", raw[: error.start]))
    if good >= 20:
        return (
            f"{place} is broken after {good:,} characters that are; repair that place or get the file again"
        )
    guess = _guess(raw)
    if guess is None:
        return f"{place}. Save it as UTF-8"
    return f"{place}. It looks like {guess}. {_convert(path, guess)}"


def _guess(raw: bytes) -> str | None:
    """The encoding under which the file reads most like a language that is written in it."""
    # A sample that ends after a line break does not cut a character in two.
    sample = raw if len(raw) <= _SAMPLE else raw[: raw.rfind(b"\n", 0, _SAMPLE) + 1] or raw
    best, best_share = None, 0.0
    for name, (is_usual, at_least) in _USUAL.items():
        try:
            foreign = [character for character in sample.decode(name) if ord(character) > 127]
        except UnicodeDecodeError:
            continue
        share = sum(map(is_usual, foreign)) / max(len(foreign), 1)
        if share > max(best_share, at_least):
            best, best_share = name, share
    if best is None and sum(byte > 127 for byte in sample) < len(sample) / 5:
        return "WINDOWS-1252"
    return best
