"""A Hugging Face hub on the loopback address: the endpoints the real client asks, and its troubles.

Serves one data set at one commit: info, tree, paths-info, and resolve with the headers and the
redirect to the large-file store that the real hub answers with. Transfers can be broken off or
damaged, access can be gated; every request is noted in ``requests``. Beside it a model's repository
takes pull requests (preupload and commit, as huggingface_hub 1.x sends them).
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

REPO = "owner/name"
MODEL = "owner/model"
COMMIT = "c0ffee" + "0" * 34
SMALL = (".md", ".json", ".jsonl")  # kept in git itself, the rest in the large-file store


@dataclass
class Hub:
    """What the hub holds and how it misbehaves.

    ``cut``: a file's next transfer stops after so many bytes, once; ``served``: bytes sent in
    place of a file's own; ``failing``: the statuses that a file's next requests get; ``gated``:
    refused unless this token is sent; ``refusal``: the status; ``leaderboard``: the data set's
    rows, if it has any; ``model``: the files of the model's repository; ``writers``: the token that
    may open pull requests there; ``opened``: these, each the lines of its commit.
    """

    files: dict[str, bytes]
    cut: dict[str, int] = field(default_factory=dict)
    served: dict[str, bytes] = field(default_factory=dict)
    failing: dict[str, list[int]] = field(default_factory=dict)
    gated: str | None = None
    refusal: int = 401
    leaderboard: object = None
    model: dict[str, bytes] = field(default_factory=dict)
    writers: str = ""
    opened: list[list[dict[str, object]]] = field(default_factory=list)
    endpoint: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def fetched(self) -> list[str]:
        """The archives that were asked for whole, or from some byte to their end, in order."""
        asked = [
            unquote(path.rsplit("/", 1)[1])
            for method, path, span in self.requests
            if method == "GET" and "/resolve/" in path and (span is None or span.endswith("-"))
        ]
        return [name for name in asked if not name.endswith((".md", ".py", ".yaml"))]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serves ``hub`` until the block ends."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def point_at(hub: Hub, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Makes the client in this process ask ``hub``, as HF_ENDPOINT does in a new one."""
    import datasets
    from huggingface_hub import constants

    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 12)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.endpoint)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


def _blob(content: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/api/models/"):
            self._pull_request(body)
            return
        asked = parse_qs(body.decode())
        paths = asked.get("paths") or json.loads(body or b"{}").get("paths", [])
        self._note()
        entries = {entry["path"]: entry for entry in self._entries("", recursive=True)}
        self._json([entries[path] for path in paths if path in entries])

    def _pull_request(self, body: bytes) -> None:
        """What ``create_commit`` asks first, how each file is to be sent, and the commit itself."""
        self._note()
        url = urlsplit(self.path)
        if not url.path.startswith(f"/api/models/{MODEL}/"):
            self._refuse(404, "RepoNotFound")
        elif self.headers.get("Authorization") != f"Bearer {self.hub.writers}":
            self._refuse(401, "")
        elif parse_qs(url.query).get("create_pr") != ["1"]:
            self._refuse(403, "")  # anyone may open a pull request; only owners commit to main
        elif url.path.endswith("/preupload/main"):
            files = [file["path"] for file in json.loads(body)["files"]]
            regular = {"uploadMode": "regular", "shouldIgnore": False}
            kept = {path: _blob(self.hub.model[path]) for path in files if path in self.hub.model}
            self._json({"files": [{"path": p, "oid": kept.get(p), **regular} for p in files]})
        elif url.path.endswith("/commit/main"):
            self.hub.opened.append([json.loads(line) for line in body.splitlines()])
            home = f"{self.hub.endpoint}/{MODEL}"
            made = {"commitUrl": f"{home}/commit/{COMMIT}", "commitOid": COMMIT}
            self._json({**made, "pullRequestUrl": f"{home}/discussions/{len(self.hub.opened)}"})
        else:
            self._refuse(404, "RevisionNotFound")

    def _note(self) -> None:
        self.hub.requests.append((self.command, self.path, self.headers.get("Range")))

    def _answer(self) -> None:
        self._note()
        url = urlsplit(self.path)
        path = unquote(url.path)
        api, files = f"/api/datasets/{REPO}", f"/datasets/{REPO}/resolve/"
        if path == f"/api/models/{MODEL}/revision/main":
            self._json({"id": MODEL, "sha": COMMIT, "siblings": [], "tags": []})
            return
        if path.startswith("/store/") and "Authorization" in self.headers:
            self._refuse(400, "BadRequest")  # its links are signed: a token is one too many
        elif statuses := self.hub.failing.get(path.removeprefix("/store/")):
            self._refuse(statuses.pop(0), "")
        elif path.startswith("/store/"):
            self._send(path.removeprefix("/store/"))
        elif path.startswith(files):
            self._resolve(*path.removeprefix(files).split("/", 1))
        elif path == f"{api}/leaderboard" and self.hub.leaderboard is not None:
            self._json(self.hub.leaderboard)
        elif found := re.fullmatch(rf"{api}/tree/([^/]+)/?(.*)", path):
            recursive = parse_qs(url.query).get("recursive", [""])[0].lower() in ("true", "1")
            if self._known(found[1]):
                self._json(self._entries(found[2], recursive))
        elif found := re.fullmatch(rf"{api}(?:/revision/([^/]+))?", path):
            if self._known(found[1] or "main"):
                siblings = [{"rfilename": name} for name in self.hub.files]
                self._json({"id": REPO, "sha": COMMIT, "siblings": siblings, "tags": []})
        else:
            self._refuse(404, "RepoNotFound")

    def _known(self, revision: str) -> bool:
        if revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
            return False
        return True

    def _entries(self, folder: str, recursive: bool) -> list[dict[str, object]]:
        entries: dict[str, dict[str, object]] = {}
        for name, content in self.hub.files.items():
            path = PurePosixPath(name)
            for parent in path.parents[:-1]:
                oid = hashlib.sha1(str(parent).encode()).hexdigest()
                entries[str(parent)] = {"type": "directory", "path": str(parent), "oid": oid}
                entries[str(parent)]["size"] = 0
            entries[name] = {"type": "file", "path": name, "oid": _blob(content)}
            entries[name]["size"] = len(content)
            if not name.endswith(SMALL):
                sha256 = hashlib.sha256(content).hexdigest()
                large = {"oid": sha256, "size": len(content), "pointerSize": 134}
                entries[name] |= {"lfs": large, "oid": hashlib.sha1(sha256.encode()).hexdigest()}
        inside = PurePosixPath(folder)
        return [
            entry
            for name, entry in entries.items()
            if (inside in PurePosixPath(name).parents)
            and (recursive or PurePosixPath(name).parent == inside)
        ]

    def _resolve(self, revision: str, name: str) -> None:
        if self.hub.gated and self.headers.get("Authorization") != f"Bearer {self.hub.gated}":
            self._refuse(self.hub.refusal, "GatedRepo")
        elif not self._known(revision):
            pass
        elif name not in self.hub.files:
            self._refuse(404, "EntryNotFound")
        elif name.endswith(SMALL):
            self._send(name)
        else:
            content = self.hub.files[name]
            self.send_response(302)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
            store = self.hub.endpoint.replace("127.0.0.1", "localhost")  # another host
            self.send_header("Location", f"{store}/store/{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, name: str) -> None:
        content = self.hub.served.get(name, self.hub.files[name])
        start, stop = 0, len(content)
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, stop = int(span[1]), min(stop, int(span[2] or stop) + 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{_blob(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        if name in self.hub.cut:
            stop = start + self.hub.cut.pop(name)
            self.close_connection = True
        self.wfile.write(content[start:stop])

    def _json(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()
