"""What a process can still do once it is locked in, asked of the system itself."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nc_core.quarantine.seccomp import ALLOWED, MACHINES, program

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seccomp and Landlock are Linux'")

LOCKED_IN = """
import ctypes, json, mmap, os, signal, socket, subprocess, sys, threading
from nc_core.quarantine import landlock, lockdown
from nc_core.quarantine.limits import Limits

folder = sys.argv[1]
inside = os.open(folder + "/inside", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), "refused")

MACHINE = os.uname().machine
NUMBERS = {  # x86-64, ARM64
    "ptrace": (101, 117), "io_uring_setup": (425, 425), "memfd_create": (319, 279), "process_vm_readv": (310, 270),
    "bpf": (321, 280), "userfaultfd": (323, 282), "unshare": (272, 97), "mount": (165, 40), "setuid": (105, 146),
    "personality": (135, 92), "keyctl": (250, 219), "prctl": (157, 167), "seccomp": (317, 277), "clone": (56, 220),
    "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131), "sendmsg": (46, 211), "fcntl": (72, 25),
    "prlimit64": (302, 261), "an unknown one": (600, 600),
}
ATTEMPTS = {
    "socket": lambda: socket.socket(),
    "unix socket": lambda: socket.socketpair(),
    "fork": os.fork,
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "child": lambda: subprocess.run(["/bin/true"]),
    "thread": lambda: threading.Thread(target=print).start(),
    "read a file": lambda: open("/etc/passwd"),
    "read its own file by name": lambda: open(folder + "/inside"),
    "write a file": lambda: open(folder + "/outside", "w"),
    "write to /tmp": lambda: open("/tmp/outside", "w"),
    "list a folder": lambda: os.listdir("/"),
    "make a folder": lambda: os.mkdir(folder + "/new"),
    "delete": lambda: os.unlink(folder + "/inside"),
    "rename": lambda: os.rename(folder + "/inside", folder + "/other"),
    "link": lambda: os.link(folder + "/inside", folder + "/other"),
    "chmod": lambda: os.chmod(folder + "/inside", 0o777),
    "is there a file": lambda: os.stat("/etc/passwd"),
    "pipe": os.pipe,
    "duplicate": lambda: os.dup(inside),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "handle a signal": lambda: signal.signal(signal.SIGXCPU, signal.SIG_IGN),
    "memory that can be run": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "allocate 200 MiB": lambda: bytearray(200 * 2**20),
    **{name: (lambda both=both: call(both[MACHINE == "aarch64"])) for name, both in NUMBERS.items()},
}
lockdown.lock(Limits(memory=100 * 2**20, seconds=5, deadline=60))
found = {}
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        found[name] = "done"
    except BaseException as error:
        found[name] = type(error).__name__ + (f" {error.errno}" if isinstance(error, OSError) else "")
os.write(inside, b"written")
os.write(1, json.dumps(found).encode())
os._exit(0)
"""


def locked_in(folder: Path, program: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "inside").touch()
    return subprocess.run([sys.executable, "-I", "-c", program, str(folder)], capture_output=True, timeout=60)


def test_nothing_but_open_files_and_bounded_memory_is_left(tmp_path: Path) -> None:
    # When a locked-in process tries everything that it should not
    ended = locked_in(tmp_path, LOCKED_IN)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    # Then memory ends at its limit, no thread starts, all else is refused by the kernel,
    assert found.pop("allocate 200 MiB") == "MemoryError"
    assert found.pop("thread") == "RuntimeError"
    assert {name: answer for name, answer in found.items() if answer != "PermissionError 1"} == {}
    assert len(found) > 40
    # the file that was open before is still written to, and nothing else appeared
    assert (tmp_path / "inside").read_bytes() == b"written"
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


@pytest.mark.parametrize(
    ("work", "status"),
    [("while True: pass", -signal.SIGXCPU), ("while True: os.write(inside, bytes(10 * 2**20))", 1)],
)
def test_processor_time_and_what_is_written_are_bounded(work: str, status: int, tmp_path: Path) -> None:
    program = LOCKED_IN.replace("seconds=5", "seconds=1").partition("found = {}")[0] + work
    ended = locked_in(tmp_path, program)
    assert ended.returncode == status, ended.stderr
    assert (tmp_path / "inside").stat().st_size <= 100 * 2**20


LANDLOCKED = """
import ctypes, os, sys
from nc_core.quarantine import landlock
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
inside = os.open(sys.argv[1] + "/inside", os.O_RDWR)
abi = landlock.install()
for path, how in ((sys.argv[1] + "/inside", os.O_RDONLY), (sys.argv[1] + "/new", os.O_CREAT | os.O_WRONLY)):
    try:
        os.open(path, how)
        os.write(1, b"opened ")
    except PermissionError:
        os.write(1, b"refused ")
os.write(inside, b"written")
os.write(1, b"%d" % abi)
"""


def test_landlock_alone_keeps_files_shut_where_the_kernel_has_it(tmp_path: Path) -> None:
    first, second, abi = locked_in(tmp_path, LANDLOCKED).stdout.split()
    assert (first, second) == ((b"refused", b"refused") if int(abi) else (b"opened", b"opened"))
    assert (tmp_path / "inside").read_bytes() == b"written"


def verdict(machine: str, audit: int, number: int, third: int) -> str:
    """What the filter says to one call, by the rules of BPF (man 2 seccomp)."""
    lines, at, held = program(machine), 0, 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        if code == 0x06:
            return {0x7FFF0000: "allow", 0x80000000: "kill", 0x00050001: "refuse"}[value]
        if code == 0x20:
            held = {0: number, 4: audit, 32: third}[value]
        else:
            at += yes if (held == value if code == 0x15 else held & value) else no


@pytest.mark.parametrize(("machine", "mmap", "openat"), [("x86_64", 9, 257), ("aarch64", 222, 56)])
def test_the_filter_of_each_processor(machine: str, mmap: int, openat: int) -> None:
    audit, column = MACHINES[machine], list(MACHINES).index(machine)
    assert all(verdict(machine, audit, both[column], 3) == "allow" for both in ALLOWED.values())
    assert verdict(machine, audit, mmap, 7) == "refuse"
    assert verdict(machine, audit, openat, 0) == "refuse"
    others = set(range(700)) - {both[column] for both in ALLOWED.values()}
    assert {verdict(machine, audit, number, 0) for number in others} == {"refuse"}
    # And the numbers of another mode of the processor, 32 bits, are not taken for its own
    assert verdict(machine, 0x40000003, 0, 0) == "kill"
