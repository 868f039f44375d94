"""A server of chat completions that does what it is told to, each kind of failure among it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "a-model"


@dataclass
class Answer:
    """One HTTP answer: ``body`` as JSON or bytes. ``cut`` bytes are promised and not sent;
    ``drip`` seconds pass between bytes; ``delay`` seconds before the first; ``hang_up`` closes the
    connection without a word."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    drip: float = 0.0
    delay: float = 0.0
    hang_up: bool = False


Behaviour = Callable[[dict[str, Any], int], Answer]
"""From a request and its number (0, 1, …) to the answer."""


def said(text: str | None = "A", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A whole answer as vLLM words it; ``more`` goes into the message, or where it belongs."""
    body = {"id": "x", "object": "chat.completion", "model": MODEL}
    for key in ("usage", "prompt_token_ids", "system_fingerprint"):
        if key in more:
            body[key] = more.pop(key)
    choice = {"index": 0, "finish_reason": finish}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    choice["message"] = {"role": "assistant", "content": text, **more}
    return body | {"choices": [choice]}


@dataclass
class BadServer:
    """What it was asked, and how it behaves. ``models`` None: there is no list of models."""

    behaviour: Behaviour = lambda request, number: Answer(said())
    models: Any = field(default_factory=lambda: [{"id": MODEL, "owned_by": "someone"}])
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    together: int = 0
    most_together: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def texts(self) -> list[str]:
        """The last text of each request, in the order they came."""
        return [_last_text(request) for request in self.asked]


def _last_text(request: dict[str, Any]) -> str:
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[-1].get("text"))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        bad = self.server.bad
        if self.path == "/v1/models" and bad.models is not None:
            listed = bad.models
            self._send(listed if isinstance(listed, Answer) else Answer({"data": listed}))
        elif self.path == "/version":
            self._send(Answer({"version": "1.2.3"}))
        else:
            self._send(Answer({"detail": "Not Found"}, 404))

    def do_POST(self) -> None:
        bad = self.server.bad
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with bad.lock:
            number = len(bad.asked)
            bad.asked.append(request)
            bad.headers.append({k.lower(): v for k, v in self.headers.items()})
            bad.together += 1
            bad.most_together = max(bad.most_together, bad.together)
        try:
            self._send(bad.behaviour(request, number))
        except OSError:
            pass  # the client has gone: what it was meant to do
        finally:
            with bad.lock:
                bad.together -= 1

    def _send(self, answer: Answer) -> None:
        if answer.hang_up:
            self.close_connection = True
            self.connection.close()
            return
        time.sleep(answer.delay)
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body) + answer.cut))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.drip:
            for place in range(len(body)):
                self.wfile.write(body[place : place + 1])
                time.sleep(answer.drip)
        else:
            self.wfile.write(body)
        if answer.cut:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bad: BadServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: connections are broken off on purpose."""


@contextmanager
def serving(behaviour: Behaviour | None = None, **settings: Any) -> Iterator[BadServer]:
    """A server that runs while the block does."""
    bad = BadServer(**({"behaviour": behaviour} if behaviour else {}), **settings)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.bad = bad
        bad.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield bad
        finally:
            server.shutdown()
            thread.join()
