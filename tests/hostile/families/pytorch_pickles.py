"""Pickles that name, call or build what is no array, or ask for more than there is."""

import struct

import numpy as np

from tests.hostile.families.case import Case, stored
from tests.state_dicts import (
    ORDERED,
    REBUILD,
    archive,
    group,
    mapping,
    members_of,
    name,
    program,
    storage,
    storages,
    tensor,
    tensors,
    text,
    whole,
)

STATE = {"conv.weight": np.ones((2, 3, 3, 3), np.float32), "conv.bias": np.zeros(2, np.float32)}
COMMAND = text("touch /tmp/owned")
SOURCE = text("__import__('os').system('touch /tmp/owned')")
SYSTEM = name("os", "system")


def file_of(pickle: bytes) -> bytes:
    """A PyTorch file of any pickle, with the numbers of STATE."""
    return archive(members_of(pickle, storages(STATE)))


def with_value(value: bytes) -> bytes:
    """A state dict with one more value."""
    return file_of(program(mapping({**tensors(STATE), "more": value})))


def called(module: str, attribute: str, *arguments: bytes) -> bytes:
    return with_value(name(module, attribute) + group(*arguments) + b"R")


def with_array(*shape: int, strides: tuple[int, ...] | None = None, offset: int = 0, count: int = 54) -> bytes:
    """A state dict in which one array is of this kind."""
    return with_value(tensor("0", "FloatStorage", count, shape, strides, offset))


def identity(*parts: bytes) -> bytes:
    """A state dict with a storage of this persistent id."""
    made = REBUILD + group(group(*parts) + b"Q", whole(0), group(whole(2)), group(whole(1)), b"\x89", ORDERED) + b"R"
    return with_value(made)


def _doubled(times: int) -> bytes:
    """A tuple of itself twice, and again: 2^times leaves."""
    return b"N" + b"q\x01h\x01\x86" * times


KIND = name("torch", "FloatStorage")
FAR = struct.pack("<I", 2**32 - 1)

REFUSED: dict[str, Case] = {
    label: Case(stored("weights.pth", content), said)
    for label, (content, said) in {
        # Names
        "os.system": (called("os", "system", COMMAND), r"names 'os\.system'"),
        "posix.system": (called("posix", "system", COMMAND), r"'posix\.system'"),
        "subprocess": (called("subprocess", "check_output", COMMAND), r"'subprocess\.check_output'"),
        "eval": (called("builtins", "eval", SOURCE), r"'builtins\.eval'"),
        "exec of Python 2": (called("__builtin__", "exec", SOURCE), r"'__builtin__\.exec'"),
        "getattr": (called("builtins", "getattr", ORDERED, text("__class__")), r"'builtins\.getattr'"),
        "open": (called("io", "open", text("/tmp/owned"), text("w")), r"'io\.open'"),
        "importlib": (called("importlib", "import_module", text("os")), r"'importlib\.import_module'"),
        "runpy": (called("runpy", "_run_code", SOURCE), r"'runpy\._run_code'"),
        "pip": (called("pip", "main", text("install")), r"'pip\.main'"),
        "torch.load within": (called("torch", "load", text("/tmp/other.pth")), r"'torch\.load'"),
        "torch.hub": (called("torch.hub", "load", text("evil/repo")), r"'torch\.hub\.load'"),
        "a loaded library": (called("torch.ops", "load_library", text("/tmp/x.so")), r"load_library"),
        "a storage from a file": (called("torch", "FloatStorage.from_file", text("/etc/passwd")), "from_file"),
        "a whole module": (with_value(name("torchvision.models.resnet", "ResNet") + b")R"), "no whole module"),
        "a class of the script": (with_value(name("__main__", "Net") + b")R"), "no whole module"),
        "a name with dots": (called("collections", "OrderedDict.fromkeys", text("x")), "fromkeys"),
        "a module with a space": (called("collections OrderedDict", "x"), "read alone"),
        "a name that never ends": (with_value(b"c" + b"a" * 9000), "cut off or damaged"),
        "a name of Python alone": (with_value(SYSTEM), r"'os\.system'"),
        "a name from the stack": (
            with_value(text("os") + text("system") + b"\x93" + group(COMMAND) + b"R"),
            r"'os\.system'",
        ),
        "a name of numbers": (with_value(whole(1) + whole(2) + b"\x93"), "cut off or damaged"),
        "a quantised array": (called("torch._utils", "_rebuild_qtensor", text("x")), "_rebuild_qtensor"),
        "a sparse array": (called("torch._utils", "_rebuild_sparse_tensor", text("x")), "_rebuild_sparse_tensor"),
        "a tensor of a class": (called("torch._tensor", "_rebuild_from_type_v2", SYSTEM), "_rebuild_from_type_v2"),
        # Instructions
        "INST": (with_value(b"(" + COMMAND + b"ios\nsystem\n"), "instruction b'i'"),
        "OBJ": (with_value(b"(" + SYSTEM + COMMAND + b"o"), r"'os\.system'"),
        "OBJ of a listed name": (with_value(b"(" + KIND + COMMAND + b"o"), "instruction b'o'"),
        "NEWOBJ": (with_value(KIND + b")\x81"), r"instruction b'\\x81'"),
        "NEWOBJ_EX": (with_value(KIND + b")}\x92"), r"instruction b'\\x92'"),
        "EXT1": (with_value(b"\x82\x01"), r"instruction b'\\x82'"),
        "EXT4": (with_value(b"\x84\x01\0\0\0"), r"instruction b'\\x84'"),
        "PERSID": (with_value(b"P/etc/passwd\n"), "instruction b'P'"),
        "BUFFER": (with_value(b"\x97"), r"instruction b'\\x97'"),
        "LONG4": (with_value(b"\x8b\xff\xff\xff\x7f"), r"instruction b'\\x8b'"),
        "a decimal number": (with_value(b"I" + b"9" * 9000 + b"\n"), "instruction b'I'"),
        "a frozen set": (with_value(b"(\x91"), r"instruction b'\\x91'"),
        "a byte array": (with_value(b"\x96" + struct.pack("<Q", 2**62)), r"instruction b'\\x96'"),
        "POP": (with_value(b"NN0"), "instruction b'0'"),
        "protocol 0": (file_of(b"(dp0\n."), "not of protocol"),
        "protocol 9": (file_of(b"\x80\x09N."), "not of protocol"),
        "a protocol in the middle": (with_value(b"\x80\x02N"), r"instruction b'\\x80'"),
        # Calls and attributes
        "a call of an array": (with_value(tensor("0", "FloatStorage", 54, (54,)) + b")R"), "no function of arrays"),
        "a call of a type": (with_value(KIND + group(whole(2**40)) + b"R"), "no function of arrays"),
        "a call without a tuple": (with_value(REBUILD + b"]R"), "no function of arrays"),
        "too few arguments": (with_value(REBUILD + b")R"), "with 0 arguments"),
        "an array of no storage": (with_value(REBUILD + group(*([whole(0)] * 6)) + b"R"), "does not write"),
        "hooks": (
            with_value(
                REBUILD
                + group(
                    storage("0", "FloatStorage", 54), whole(0), group(), group(), b"\x89", ORDERED + text("x") + b"Ns"
                )
                + b"R"
            ),
            "does not write",
        ),
        "a dict of pairs": (called("collections", "OrderedDict", b"]" + group(text("a"), b"N") + b"a"), "OrderedDict"),
        "attributes of a state dict": (with_value(ORDERED + b"}" + text("__class__") + b"Nsb"), "attributes"),
        "attributes of an array": (
            with_value(tensor("0", "FloatStorage", 54, (54,)) + b"}" + text("data") + b"Nsb"),
            "attributes",
        ),
        "attributes of a dict": (with_value(b"}}b"), "attributes"),
        "a state that is a tuple": (with_value(ORDERED + b"N}\x86b"), "attributes"),
        # Storages
        "another persistent id": (identity(text("module"), KIND, text("0"), text("cpu"), whole(54)), "persistent id"),
        "a type of one's own": (identity(text("storage"), text("F"), text("0"), text("cpu"), whole(54)), "persistent"),
        "a key that is a path": (
            identity(text("storage"), KIND, text("../../etc/passwd"), text("cpu"), whole(54)),
            "names a storage",
        ),
        "a negative count": (identity(text("storage"), KIND, text("0"), text("cpu"), whole(-1)), "names a storage"),
        "a count that is a truth": (
            identity(text("storage"), KIND, text("0"), text("cpu"), b"\x88"),
            "names a storage",
        ),
        "a storage of two sizes": (with_array(2, count=53), "two things of storage 0"),
        "a storage of two types": (with_value(tensor("0", "LongStorage", 54, (54,))), "two things of storage 0"),
        "a storage that is not there": (with_value(tensor("7", "FloatStorage", 54, (54,))), "lacks the storage 7"),
        "a storage that is too long": (with_value(tensor("1", "FloatStorage", 2**40, (2,))), "two things of storage 1"),
        # Arrays
        "beyond the storage": (with_array(55), "its storage holds 54"),
        "an offset beyond": (with_array(54, offset=1), "its storage holds 54"),
        "a negative offset": (with_array(4, offset=-1), "its storage holds 54"),
        "a huge array": (with_array(2**40, 2**40, strides=(2**40, 1)), "its storage holds 54"),
        "an array of zeros": (with_array(2**30, strides=(0,)), "gaps, repetitions"),
        "a negative stride": (with_array(54, strides=(-1,)), "gaps, repetitions"),
        "strides with gaps": (with_array(5, 5, strides=(10, 2)), "gaps, repetitions"),
        "strides that overlap": (with_array(5, 5, strides=(1, 1)), "gaps, repetitions"),
        "a negative size": (with_array(-2, -27, strides=(27, 1)), "gaps, repetitions"),
        "an empty array": (with_array(0), "empty axes"),
        "no strides": (with_array(54, strides=()), "1 sizes and 0 strides"),
        "many axes": (with_array(*[1] * 60), "60 sizes"),
        "a stride that is no number": (
            with_value(
                REBUILD
                + group(
                    storage("0", "FloatStorage", 54),
                    whole(0),
                    group(whole(54)),
                    group(b"G" + struct.pack(">d", float("nan"))),
                    b"\x89",
                    ORDERED,
                )
                + b"R"
            ),
            "does not write",
        ),
        "shared numbers": (
            file_of(program(mapping({**tensors(STATE), "more": tensor("0", "FloatStorage", 54, (54,))}))),
            "share their numbers",
        ),
        # Dicts
        "a name twice": (
            file_of(program(mapping({"x": b"N"}) + b"(" + text("x") + whole(1) + b"u")),
            "sets 'x' of a dict twice",
        ),
        "a key of tuples": (with_value(b"}" + _doubled(60) + b"Ns"), "no texts or numbers"),
        "a key that is no number": (with_value(b"}G" + struct.pack(">d", float("nan")) + b"Ns"), "no texts or numbers"),
        "a key without a value": (file_of(program(ORDERED + b"(" + text("x") + b"u")), "cut off or damaged"),
        "items of a list": (file_of(program(b"](" + text("x") + b"Nu")), "cut off or damaged"),
        "a state dict within itself": (file_of(program(b"}q\x00" + text("model") + b"h\x00s")), "storage"),
        "names of numbers": (
            file_of(
                program(
                    b"}(" + whole(1) + tensors(STATE)["conv.weight"] + whole(2) + tensors(STATE)["conv.bias"] + b"u"
                )
            ),
            "no texts of at most",
        ),
        "a name without end": (
            file_of(
                program(
                    mapping({"module." * 5000: tensors(STATE)["conv.weight"], "module.x": tensors(STATE)["conv.bias"]})
                )
            ),
            "at most 256 characters",
        ),
        # Bounds
        "a stack that is empty": (file_of(program(b"R")), "cut off or damaged"),
        "a mark that is not there": (file_of(program(b"t")), "cut off or damaged"),
        "a mark on top": (file_of(program(b"(")), "cut off or damaged"),
        "an append to a dict": (file_of(program(b"}Na")), "cut off or damaged"),
        "a memo that is not there": (with_value(b"j" + FAR), "cut off or damaged"),
        "a text longer than the file": (with_value(b"X" + FAR), "cut off or damaged"),
        "a frame longer than the file": (with_value(b"\x95" + struct.pack("<Q", 2**63) + b"N"), "cut off or damaged"),
        "a text that is none": (with_value(b"X\x02\0\0\0\xff\xfe"), "no UTF-8"),
        "a long number": (with_value(b"\x8a\xff" + b"\xff" * 255), "number of 255 bytes"),
        "no end": (file_of(program(mapping(tensors(STATE)))[:-1]), "cut off or damaged"),
        "more behind the end": (file_of(program(mapping(tensors(STATE))) + b"cos\nsystem\n"), "cut off or damaged"),
        "two values": (file_of(program(mapping(tensors(STATE)) + b"N")), "cut off or damaged"),
        "many instructions": (with_value(b"N" + b"q\x01" * 1_000_001), "instructions in its pickle"),
        "many marks": (with_value(b"(" * 1_000_001), "instructions in its pickle"),
        "tuples in tuples": (with_value(b")" + b"\x85" * 1_000_001), "instructions in its pickle"),
        "lists that grow together": (with_value(b"]" + b"q\x01h\x01a" * 500_000), "instructions in its pickle"),
    }.items()
}

QUARANTINED = ("os.system", "eval", "INST", "an array of zeros", "many instructions", "a key of tuples")
CASES = {label: REFUSED[label] for label in QUARANTINED}
"""Those that are also read in quarantine; all are in test_pytorch."""
