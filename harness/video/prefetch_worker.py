"""The process that reads clips for ``ahead``: one at a time, as told over a socket.

It dies with whoever started it, however that ended: a thread waits on the socket all the time, and
its end is the process's end, even in the middle of a frame. Pixels go back in anonymous shared
memory whose descriptor travels over the socket, so that there is no name that could be leaked.
"""

from __future__ import annotations

import mmap
import os
import pickle
import queue
import socket
import struct
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence

import numpy as np

from harness.errors import HarnessError, VideoError
from harness.types import Pixels
from harness.video.clip_reading import ReadClip, ReadRequest, look, look_together

_LENGTH = struct.Struct("<Q")


class Memory:
    """Where a worker puts pixels: anonymous shared memory, kept by its descriptor alone."""

    def __init__(self) -> None:
        self.descriptor = -1

    def __call__(self, shape: tuple[int, ...]) -> Pixels:
        size = int(np.prod(shape))
        self.descriptor = _anonymous_file(size)
        return np.frombuffer(mmap.mmap(self.descriptor, size), np.uint8).reshape(shape)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("frames")
    else:  # macOS: a file without a name does as well, only slower
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)
    return descriptor


def send(sock: socket.socket, message: object, descriptors: list[int]) -> None:
    """Writes one message, and file descriptors with its first byte."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    socket.send_fds(sock, [_LENGTH.pack(len(body))], descriptors)
    sock.sendall(body)


def receive(sock: socket.socket) -> tuple[object, list[int]]:
    """Reads one message and its descriptors. Raises EOFError when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(sock, _LENGTH.size, 1)
    head += _exactly(sock, _LENGTH.size - len(head)) if head else b""
    if not head:
        raise EOFError
    return pickle.loads(_exactly(sock, _LENGTH.unpack(head)[0])), list(descriptors)


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _answer(sock: socket.socket, request: ReadRequest) -> None:
    memory = Memory()
    try:
        info, frames = look(request, memory)
    except HarnessError as error:
        send(sock, error, [])
    except MemoryError:
        send(sock, VideoError(f"{request.path}: too large for this machine's memory"), [])
    except Exception as error:  # noqa: BLE001 – a defect: shown where it can be seen, then raised
        error.add_note(traceback.format_exc())
        send(sock, error, [])
    else:
        _send_clip(sock, (info, frames), memory)
    finally:
        memory.close()


def _answer_together(sock: socket.socket, requests: Sequence[ReadRequest]) -> None:
    """Sends whether they were read together, then each."""
    memories = [Memory() for _ in requests]
    try:
        clips = look_together(requests, memories)
        send(sock, clips is not None, [])
        for clip, memory in zip(clips or (), memories, strict=False):
            _send_clip(sock, clip, memory)
            memory.close()
    finally:
        for memory in memories:
            memory.close()


def _send_clip(sock: socket.socket, clip: ReadClip, memory: Memory) -> None:
    info, frames = clip
    shared = memory.descriptor >= 0 and not frames.pixels.flags.owndata
    pixels = frames.pixels.shape if shared else frames.pixels
    rest = (frames.times, frames.indices, frames.damage, frames.notes)
    send(sock, (info, pixels, rest), [memory.descriptor] if shared else [])


def main() -> None:
    """Serves requests from the socket whose descriptor is the last argument, until it closes."""
    sock = socket.socket(fileno=int(sys.argv[-1]))
    requests: queue.SimpleQueue[ReadRequest | list[ReadRequest]] = queue.SimpleQueue()

    def listen() -> None:
        try:
            while True:
                message, _ = receive(sock)
                assert isinstance(message, ReadRequest | list)
                requests.put(message)
        except (EOFError, OSError):
            os._exit(0)  # nobody is left to read for

    threading.Thread(target=listen, daemon=True).start()
    send(sock, "ready", [])
    while True:
        try:
            asked = requests.get()
            if isinstance(asked, ReadRequest):
                _answer(sock, asked)
            else:
                _answer_together(sock, asked)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)
