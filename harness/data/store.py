"""One data set's files at one commit, kept in a folder of the cache.

<cache>/<owner>--<name>/<commit>/
  tree.json        what the repository holds: path, size, hash
  learnt.json      what its .zip files hold and how parts begin, learnt without fetching them
  rows-….parquet   the rows, as ``datasets`` read them
  downloads/       archives on their way; removed once extracted
  videos/<archive>/…, subtitles/<archive>/…    extracted, each with a manifest
"""

from __future__ import annotations

import fnmatch
import json
import logging
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from harness.data import archives, hub, parts
from harness.data.folder import Folder, made, video_endings
from harness.data.hub import RemoteFile
from harness.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """An archive on the hub, its parts in order; or one bare file, which is its own content."""

    name: str
    parts: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class Store:
    """The data set ``repo`` at commit ``at``, in the folder ``root``."""

    repo: str
    at: str
    root: Path

    def prepare(
        self,
        kind: str,
        patterns: Sequence[str],
        names: Sequence[str] | None = None,
        first: str = "",
    ) -> None:
        """Fetches and extracts the archives that match ``patterns`` to the folder ``kind``.

        With ``names``, only archives that hold one of them. What a .zip holds is read from the
        hub before it is fetched; a .tar does not tell, so those are fetched in order until every
        name is found. Safe to call at once from several processes. Raises DataError, GatedError.
        """
        with self._locked():
            known = self._archives(patterns)
            todo = [archive for archive in known if not self._there(kind, archive)]
            if names is not None and todo:
                contents = {archive.name: self._contents(kind, archive) for archive in known}
                told = [
                    PurePosixPath(a, m) for a, members in contents.items() for m in members or ()
                ]
                index = Folder(self.root / kind, told, video_endings(), frames=True, first=first)
                places = [(name, index.find(name)) for name in names]
                holders = {self._holder(known, kind, path) for _, path in places if path}
                self._get(kind, [archive for archive in todo if archive.name in holders])
                self._get_until(
                    kind,
                    [archive for archive in todo if contents[archive.name] is None],
                    {name for name, path in places if path is None},
                    first,
                )
            else:
                self._get(kind, todo)

    def _holder(self, known: list[Archive], kind: str, path: Path) -> str:
        inside = path.relative_to(self.root / kind).as_posix()
        return next(a.name for a in known if f"{inside}/".startswith(f"{a.name}/"))

    def _get_until(self, kind: str, untold: list[Archive], lost: set[str], first: str) -> None:
        """Fetches archives that do not tell what they hold, until nothing is lost."""
        for archive in untold:
            if not lost:
                return
            self._get(kind, [archive])
            members = archives.manifest(self.root / kind / archive.name)
            paths = map(PurePosixPath, members)
            found = Folder(self.root, paths, video_endings(), frames=True, first=first)
            lost = {name for name in lost if found.find(name) is None}

    def _get(self, kind: str, todo: list[Archive]) -> None:
        if not todo:
            return
        self._check_space(todo)
        for place, archive in enumerate(todo, 1):
            size = f"{archive.size / 1e9:.1f} GB"
            log.info(
                "%s: fetching %s (%s), %d of %d", self.repo, archive.name, size, place, len(todo)
            )
            files = [hub.fetch(self.repo, self.at, f, self._downloads) for f in archive.parts]
            target = self.root / kind / archive.name
            if parts.is_archive(archive.name):
                shutil.rmtree(target, ignore_errors=True)  # what _there found incomplete
                scratch = self.root / f".scratch-{uuid.uuid4().hex}"
                archives.unpack(files, archive.name, target, scratch)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(files[0], partial := target.with_name(f".{target.name}"))
                partial.rename(target)
            for file in files:
                if file.is_relative_to(self._downloads):
                    file.unlink()

    def _there(self, kind: str, archive: Archive) -> bool:
        """Whether it was extracted, and nothing has been removed or cut short since."""
        target = self.root / kind / archive.name
        if not parts.is_archive(archive.name):
            return target.exists()
        sizes = archives.manifest(target).items()
        return target.exists() and all(archives.intact(target / name, size) for name, size in sizes)

    def _contents(self, kind: str, archive: Archive) -> list[str] | None:
        """What the archive holds; None when only fetching it would tell."""
        if not parts.is_archive(archive.name):
            return [""]
        if self._there(kind, archive):
            return list(archives.manifest(self.root / kind / archive.name))
        if len(archive.parts) > 1 or not archive.name.casefold().endswith(".zip"):
            return None
        learnt: dict[str, list[str]] = self._learnt.setdefault("contents", {})
        if archive.name not in learnt:
            learnt[archive.name] = hub.zip_names(self.repo, self.at, archive.name)
            _write(self.root / "learnt.json", json.dumps(self._learnt))
        return learnt[archive.name]

    def _archives(self, patterns: Sequence[str]) -> list[Archive]:
        files = {file.path: file for file in self._tree}
        names: set[str] = set()
        for pattern in patterns:
            fits = fnmatch.filter(files, pattern)
            if not fits:
                raise DataError(f"{self.repo} at {self.at[:12]} has no file {pattern!r}.")
            names |= set(fits)
        if foreign := next(filter(parts.is_foreign, sorted(names)), None):
            raise DataError(
                f"{self.repo} has its videos in {foreign}, a kind of archive that is not read: "
                "fetch and extract it by hand, then set data=FOLDER."
            )
        return [
            Archive(name, tuple(files[part] for part in of))
            for name, of in parts.grouped(names, files, self._beginning).items()
        ]

    def _beginning(self, path: str) -> bytes:
        """A file's first bytes, asked of the hub once."""
        known: dict[str, str] = self._learnt.setdefault("beginnings", {})
        if path not in known:
            known[path] = hub.beginning(self.repo, self.at, path).hex()
            _write(self.root / "learnt.json", json.dumps(self._learnt))
        return bytes.fromhex(known[path])

    @cached_property
    def _learnt(self) -> dict[str, Any]:
        file = self.root / "learnt.json"
        found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        return found

    @cached_property
    def _tree(self) -> list[RemoteFile]:
        file = self.root / "tree.json"
        if not file.is_file():
            files = hub.tree(self.repo, self.at)
            _write(file, json.dumps([asdict(f) for f in files]))
            return files
        return [RemoteFile(**entry) for entry in json.loads(file.read_text())]

    @property
    def _downloads(self) -> Path:
        return self.root / "downloads"

    def _check_space(self, todo: list[Archive]) -> None:
        # an archive goes once it is extracted: all of them extracted, and the largest beside
        need = sum(a.size for a in todo) + max(a.size for a in todo)
        free = shutil.disk_usage(self.root).free
        if need > free:
            raise DataError(
                f"{self.repo} needs {need / 1e9:.1f} GB in {self.root}, where {free / 1e9:.1f} GB "
                "are free; make room, set task.source.cache to another disk, or set limit=."
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(made(self.root) / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("%s is being prepared by another process; waiting for it", self.repo)
            lock.acquire()
        try:
            for stale in self.root.glob(".scratch-*"):  # of a process that was killed
                shutil.rmtree(stale, ignore_errors=True)
            yield
        finally:
            lock.release()


def _write(file: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    partial.write_text(text)
    partial.replace(file)
