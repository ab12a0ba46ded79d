"""Runs the pickle of a file of weights, of whose instructions those that make plain values and arrays are known.

It is an interpreter of its own and no subclass of Python's: no instruction that imports, calls or builds anything of
Python's is there to be reached. Names are looked up in `globals` alone. (Python's pickletools.py has the instructions.)
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.limits import NAME_CHARACTERS, PICKLE_INSTRUCTIONS, within
from nc_core.intake.pytorch.globals import Aside, Name, Ordered, named, storage_of
from nc_core.intake.pytorch.stored import Storage
from nc_core.intake.pytorch.wording import AGAIN, PLAIN
from nc_core.intake.wording import TWO_MEANINGS, shown

PROTOCOLS = range(2, 6)
LONG_BYTES = 8
"""Of a whole number: sizes, steps and epochs have less."""
ATTRIBUTES = ("_metadata",)
"""Of an OrderedDict, which PyTorch gives a state dict: versions of the modules, nothing to an answer."""

_MARK = object()


def unpickled(content: bytes) -> tuple[Any, Mapping[str, Storage]]:
    """The value that the pickle leaves, and the storages that it names, by their keys.

    Dicts, lists, tuples, texts and numbers are Python's, arrays are `Stored`, and `Aside` stands for what is not read.
    Raises ModelRefused, one line, for every other program.
    """
    program = _Program(content)
    return program.run(), program.storages


class _Program:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def run(self) -> Any:
        """Every instruction to the last, STOP, behind which there is nothing."""
        if self._taken(1) != b"\x80" or self._number("<B") not in PROTOCOLS:
            raise ModelRefused(
                f"the pickle of weights is not of protocol {PROTOCOLS[0]} to {PROTOCOLS[-1]}, which PyTorch writes: "
                f"{AGAIN}"
            )
        for count in range(len(self._content)):
            within(count, PICKLE_INSTRUCTIONS, "instructions in its pickle")
            code = self._taken(1)
            if code == b".":
                break
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise _unknown(code)
            instruction(self)
        if self._at != len(self._content) or len(self._stack) != 1 or self._stack[0] is _MARK:
            raise _damaged()
        return self._stack[0]

    def _taken(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if self._at > len(self._content):
            raise _damaged()
        return self._content[begin : self._at]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._taken(struct.calcsize(form)))[0]

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise _damaged()
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        """The value on top, of that type; it stays."""
        if not self._stack or self._stack[-1] is _MARK or not isinstance(self._stack[-1], kind):
            raise _damaged()
        return self._stack[-1]

    def _marked(self) -> list[Any]:
        """What stands above the last mark, which goes too."""
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                found = self._stack[place + 1 :]
                del self._stack[place:]
                return found
        raise _damaged()

    # Plain values

    def mark(self) -> None:
        self._stack.append(_MARK)

    def text(self, form: str) -> None:
        try:
            self._stack.append(self._taken(self._number(form)).decode("utf-8"))
        except UnicodeDecodeError:
            raise ModelRefused(f"the pickle of weights has a text that is no UTF-8: {AGAIN}") from None

    def long(self) -> None:
        size = self._number("<B")
        if size > LONG_BYTES:
            raise ModelRefused(
                f"the pickle of weights has a number of {size} bytes; the limit is {LONG_BYTES}: {PLAIN}"
            )
        self._stack.append(int.from_bytes(self._taken(size), "little", signed=True))

    def joined(self, count: int | None = None) -> None:
        parts = self._marked() if count is None else [self._pop() for _ in range(count)][::-1]
        self._stack.append(tuple(parts))

    def append(self) -> None:
        value = self._pop()
        self._top(list).append(value)

    def extend(self) -> None:
        values = self._marked()
        self._top(list).extend(values)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def set_items(self) -> None:
        self._set(self._marked())

    def _set(self, pairs: Sequence[Any]) -> None:
        target = self._top(dict)
        if len(pairs) % 2:
            raise _damaged()
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) not in (str, int):  # tuples within tuples would take for ever to be told apart
                raise ModelRefused(f"the pickle of weights has a dict with keys that are no texts or numbers: {PLAIN}")
            if key in target:
                raise ModelRefused(f"the pickle of weights sets {shown(key)} of a dict twice: {TWO_MEANINGS}")
            target[key] = value

    # The memo

    def put(self, form: str) -> None:
        self._memo[self._number(form)] = self._top(object)

    def memoize(self) -> None:
        self._memo[len(self._memo)] = self._top(object)

    def get(self, form: str) -> None:
        place = self._number(form)
        if place not in self._memo:
            raise _damaged()
        self._stack.append(self._memo[place])

    # Names, and what is made with them

    def global_name(self) -> None:
        found = []
        for _ in range(2):
            end = self._content.find(b"\n", self._at, self._at + NAME_CHARACTERS)
            if end < 0:
                raise _damaged()
            found.append(self._taken(end - self._at).decode("latin-1"))
            self._at += 1
        self._stack.append(named(*found))

    def stacked_name(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise _damaged()
        self._stack.append(named(module, name))

    def reduce(self) -> None:
        arguments, name = self._pop(), self._pop()
        if not isinstance(name, Name) or name.call is None or not isinstance(arguments, tuple):
            raise ModelRefused(f"the pickle of weights calls what is no function of arrays: {PLAIN}")
        self._stack.append(name.call(arguments))

    def build(self) -> None:
        attributes = self._pop()
        target = self._top(object)
        if isinstance(target, Aside):
            return
        plain = isinstance(target, Ordered) and isinstance(attributes, dict)
        if not plain or not all(key in ATTRIBUTES for key in attributes):
            raise ModelRefused(
                f"the pickle of weights gives attributes to what has none; read are those of a state dict: {PLAIN}"
            )

    def persistent(self) -> None:
        storage = storage_of(self._pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise ModelRefused(
                f"the pickle of weights says two things of storage {storage.key}, its type or its size: {TWO_MEANINGS}"
            )
        self._stack.append(storage)

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def frame(self) -> None:
        """Of protocol 4: how many bytes follow, which they do anyhow."""
        if self._number("<Q") > len(self._content) - self._at:
            raise _damaged()

    def number(self, form: str) -> None:
        self._stack.append(self._number(form))


_INSTRUCTIONS: Mapping[bytes, Callable[[_Program], None]] = {
    b"(": _Program.mark,
    b"}": lambda run: run.push({}),
    b"]": lambda run: run.push([]),
    b")": lambda run: run.push(()),
    b"N": lambda run: run.push(None),
    b"\x88": lambda run: run.push(True),
    b"\x89": lambda run: run.push(False),
    b"J": lambda run: run.number("<i"),
    b"K": lambda run: run.number("<B"),
    b"M": lambda run: run.number("<H"),
    b"G": lambda run: run.number(">d"),
    b"\x8a": _Program.long,
    b"X": lambda run: run.text("<I"),
    b"\x8c": lambda run: run.text("<B"),
    b"t": _Program.joined,
    b"\x85": lambda run: run.joined(1),
    b"\x86": lambda run: run.joined(2),
    b"\x87": lambda run: run.joined(3),
    b"a": _Program.append,
    b"e": _Program.extend,
    b"s": _Program.set_item,
    b"u": _Program.set_items,
    b"q": lambda run: run.put("<B"),
    b"r": lambda run: run.put("<I"),
    b"\x94": _Program.memoize,
    b"h": lambda run: run.get("<B"),
    b"j": lambda run: run.get("<I"),
    b"c": _Program.global_name,
    b"\x93": _Program.stacked_name,
    b"R": _Program.reduce,
    b"b": _Program.build,
    b"Q": _Program.persistent,
    b"\x95": _Program.frame,
}
"""What PyTorch's pickler writes, of protocol 2 to 5, and nothing else."""


def _unknown(code: bytes) -> ModelRefused:
    return ModelRefused(
        f"the pickle of weights has the instruction {shown(code)}, which no pickle of arrays and dicts needs: {PLAIN}"
    )


def _damaged() -> ModelRefused:
    return ModelRefused(f"the pickle of weights is cut off or damaged: {AGAIN}")
