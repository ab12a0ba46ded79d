"""A connection of which no wait goes past one moment, however little comes at a time."""

import io
import socket
import time
from typing import Any


class TimeLeft:
    """Of one piece of work, from now on."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def seconds(self) -> float:
        """How much of it there is; raises TimeoutError where there is none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left


class Bounded:
    """What http.client wants of a socket. A socket's own timeout begins again with every byte that comes."""

    def __init__(self, whole: socket.socket, time_left: TimeLeft) -> None:
        self._socket, self._time_left = whole, time_left

    def sendall(self, data: bytes) -> None:
        """Send all of it; raises TimeoutError."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._time_left.seconds())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002
        """What is read from; its reads raise TimeoutError."""
        return io.BufferedReader(_Incoming(self._socket, self._time_left))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Incoming(io.RawIOBase):
    """What comes through the socket."""

    def __init__(self, whole: socket.socket, time_left: TimeLeft) -> None:
        self._socket, self._time_left = whole, time_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._time_left.seconds())
        return self._socket.recv_into(buffer)
