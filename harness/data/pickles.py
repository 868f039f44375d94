"""Reading plain data out of a pickle from a stranger, without running anything that it says.

A pickle is a program: some of its instructions import and call what they like. Only those that
make dicts, lists, tuples, texts, bytes and numbers are admitted; the file is read through for its
instructions first, and loaded only when there is no other among them.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import IO, Any, NoReturn, cast

from harness.errors import DataError

Plain = dict[Any, Any] | list[Any] | tuple[Any, ...] | str | bytes | int | float
_ADMITTED = frozenset(
    (
        "PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET",
        "BINGET", "LONG_BINGET", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "LIST",
        "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "UNICODE",
        "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    )
)  # fmt: skip
_DAMAGED = (
    pickle.UnpicklingError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
    MemoryError, AttributeError, RecursionError,
)  # fmt: skip  # what the pickle module says of damaged files


def load(file: IO[bytes], name: str) -> Plain:
    """The value of the pickle ``name``, read from a seekable ``file``; all of it is in memory.

    Raises DataError when the pickle is damaged or says anything but dict, list, tuple, str, bytes,
    int and float.
    """
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    try:
        _look_through(_Bounded(file, size), name)
        file.seek(start)
        value: Plain = _Unpickler(file).load()
    except _DAMAGED as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{name}: the pickle cannot be read ({said}).") from error
    return value


def videos(file: IO[bytes], name: str) -> dict[str, bytes]:
    """A pickle of videos, {name: the file's content}, as MMBench-Video ships them.

    VLMEvalKit's vlmeval/dataset/mmbench_video.py writes each to ``<name>.mp4``. Raises DataError.
    """
    value = load(file, name)
    plain = isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(content, bytes) for key, content in value.items()
    )
    if not isinstance(value, dict) or not plain:
        raise DataError(f"{name}: the pickle must hold {{name: bytes}}, one per video.")
    return value


def _look_through(file: _Bounded, name: str) -> None:
    """Raises DataError for an instruction that is not admitted."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], file))):
        if opcode.name not in _ADMITTED:
            raise DataError(
                f"{name}: the pickle holds {opcode.name}, which could run a program; only dicts, "
                "lists, tuples, texts, bytes and numbers are read."
            )
        # a place far beyond what was said so far makes the loader reserve memory for all before it
        if opcode.name.endswith("PUT") and int(argument or 0) > count:
            raise ValueError(f"it keeps a value at the place {argument}")


class _Bounded:
    """A file that refuses to be asked for more than it holds, before memory is reserved for it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size

    def read(self, count: int) -> bytes:
        if count > self._size:
            raise ValueError(f"it says {count} bytes follow in a file of {self._size}")
        return self._file.read(count)

    def readline(self) -> bytes:
        return self._file.readline()

    def tell(self) -> int:
        return self._file.tell()


class _Unpickler(pickle.Unpickler):
    """The second lock on the same door."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it names something outside itself")
