"""A dictionary of arrays out of a pickle, without unpickling.

MS2 publishes its calibration as a pickled dictionary in a `.npy` file. Python's unpickler calls whatever a
file names, so it is never used here, not even with a list of allowed names: numpy's own helpers would take
any shape that the file asks for, and memory with it. This reader instead walks the opcodes and knows
what a few names *mean* (numpy's arrays, number types and scalars); it imports nothing, calls nothing that
the file names, and builds an array only from bytes that are there. Opcodes: `pickletools`.
"""

from __future__ import annotations

import io
import math
import pickletools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_OPCODES = 20_000  # MS2's file has 800
MOST_NUMBERS = 10_000  # of one array
_NUMBERS = {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_OBJECT = "O8"

#: What a name in the file stands for here. Newer numpy has renamed its rooms.
_KNOWN = {
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    **{
        f"numpy.{room}.multiarray {name}": name
        for room in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
    "_codecs encode": "encode",  # how protocol 2 spells bytes
}


@dataclass(frozen=True, slots=True)
class _Named:
    meaning: str


@dataclass(slots=True)
class _Type:
    letters: str
    order: str = "<"


@dataclass(slots=True)
class _Array:
    values: NDArray[Any] | None = None
    items: list[Any] = field(default_factory=list)  # of an array of objects


class _RefusedError(Exception):
    """Says why; the caller knows the file's name."""


def read_pickled_dict(content: bytes, name: str) -> dict[str, Any]:
    """The dictionary in a `.npy` file that holds one object, its values arrays or plain values.

    Args:
        content: the whole file.
        name: what messages call it.

    Raises:
        DataError: for a file that is damaged, holds anything else, or asks for anything to be called.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0
        shape, _, dtype = header(stream)
    except Exception as error:  # numpy lets through whatever its header's parser stumbles on
        raise DataError(f"{name}: damaged NPY file ({error})") from None
    if not dtype.hasobject or math.prod(shape) != 1:
        raise DataError(
            f"{name}: an array of {dtype} and shape {shape}, expected one dictionary of matrices"
        )
    try:
        content_value = _Machine().run(stream.read())
    except _RefusedError as refused:
        raise DataError(f"{name}: {refused}; nothing of it was run") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{name}: damaged or cut off pickle ({type(error).__name__})") from None
    if isinstance(content_value, _Array) and len(content_value.items) == 1:
        content_value = content_value.items[0]
    if not isinstance(content_value, dict):
        raise DataError(f"{name}: holds no dictionary")
    return {k: v.values if isinstance(v, _Array) else v for k, v in content_value.items()}


class _Machine:
    """The pickle machine, reduced to plain values and three things of numpy's."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(program)):
            if count == MOST_OPCODES:
                raise _RefusedError(f"a pickle of more than {MOST_OPCODES} steps")
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise _RefusedError("a pickle that is cut off")

    def _step(self, opcode: str, argument: Any) -> None:
        if opcode in _LITERALS:
            self.stack.append(argument)
        elif opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif opcode == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif opcode == "MARK":
            self.marks.append(len(self.stack))
        elif opcode in _TUPLES:
            items = [self.stack.pop() for _ in range(_TUPLES[opcode])]
            self.stack.append(tuple(reversed(items)))
        elif opcode == "TUPLE":
            self.stack.append(tuple(self._since_mark()))
        elif opcode in ("APPEND", "APPENDS"):
            items = [self.stack.pop()] if opcode == "APPEND" else self._since_mark()
            _expect(self.stack[-1], list).extend(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self._since_mark() if opcode == "SETITEMS" else self._pair()
            # Any other key might take ages to hash: tuples of the same tuples, sixty levels deep.
            keys = [_expect(key, str) for key in items[::2]]
            _expect(self.stack[-1], dict).update(zip(keys, items[1::2], strict=True))
        elif opcode == "GLOBAL":
            self.stack.append(_named(argument))
        elif opcode == "STACK_GLOBAL":
            module, name = (_expect(text, str) for text in self._pair())
            self.stack.append(_named(f"{module} {name}"))
        elif opcode == "REDUCE":
            function, arguments = self._pair()
            self.stack.append(_call_result(_expect(function, _Named).meaning, arguments))
        elif opcode == "BUILD":
            _fill(self.stack[-2], self.stack.pop())
        elif opcode not in ("PROTO", "FRAME"):
            raise _RefusedError(
                f"a pickle that asks for {opcode}, which no table of matrices needs"
            )

    def _pair(self) -> list[Any]:
        second = self.stack.pop()
        return [self.stack.pop(), second]

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


_LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_LITERALS |= {"BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY: dict[str, type[list[Any]] | type[dict[Any, Any]]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _RefusedError(f"a pickle with a {type(value).__name__.strip('_')} out of place")
    return value


def _named(name: str) -> _Named:
    if name not in _KNOWN:
        raise _RefusedError(
            f"a pickle that calls {name[:80]!r}, where only numpy's arrays may stand. It may be meant "
            "to run code"
        )
    return _Named(_KNOWN[name])


def _call_result(meaning: str, arguments: Any) -> Any:
    """What a call of a known name would give."""
    if meaning == "_reconstruct":
        return _Array()  # filled by the BUILD that follows
    if meaning == "dtype":
        letters = _expect(arguments[0], str)
        if letters not in _NUMBERS and letters != _OBJECT:
            raise _RefusedError(f"a pickle with an array of type {letters[:20]!r}")
        return _Type(letters)
    if meaning == "scalar":
        kind, content = arguments
        return _from_bytes(_expect(kind, _Type), (), False, content).item()
    if meaning == "encode":
        return _expect(arguments[0], str).encode("latin-1")
    raise _RefusedError(f"a pickle that calls numpy's {meaning} itself")


def _fill(target: Any, state: Any) -> None:
    if isinstance(target, _Type):
        target.order = {"<": "<", ">": ">", "|": "<"}[_expect(state[1], str)]
        return
    _, shape, kind, by_columns, content = state
    array, kind = _expect(target, _Array), _expect(kind, _Type)
    if kind.letters == _OBJECT:
        array.items = _expect(content, list)
    else:
        array.values = _from_bytes(kind, shape, bool(by_columns), content)


def _from_bytes(kind: _Type, shape: Any, by_columns: bool, content: Any) -> NDArray[Any]:
    if kind.letters not in _NUMBERS:
        raise _RefusedError("a pickle with objects where numbers belong")
    dtype = np.dtype(kind.order + kind.letters)
    sides = [side for side in _expect(shape, tuple) if type(side) is int and side >= 0]
    if len(sides) != len(shape) or len(sides) > 3 or math.prod(sides) > MOST_NUMBERS:
        raise _RefusedError("a pickle with an array that no calibration holds")
    if len(_expect(content, bytes)) != math.prod(sides) * dtype.itemsize:
        raise _RefusedError("a pickle whose array is longer or shorter than it says")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(sides, order="F" if by_columns else "C")
