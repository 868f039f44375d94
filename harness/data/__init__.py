"""Where rows and videos come from: a folder here, or the hub at a pinned revision.

A ``Source`` is plain data that a task holds (``task.source`` in its YAML)::

    source = Source(repo="lmms-lab/Video-MME", revision="ead1408f…", archives=("videos_*.zip",))
    rows = source.rows()                                 # needs no video
    source.prepare(row["videoID"] for row in rows[:10])  # download, verify, extract what is needed
    source.video(rows[0]["videoID"])                     # a Path, there or not
    source.check(...)                                    # what is missing, truncated, undecodable
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data.folder import SUBTITLES, VIDEOS, Folder
from harness.data.rows import read_rows, rows_files
from harness.errors import DataError

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """Rows and videos of one benchmark.

    ``repo``, ``revision``, ``config``, ``split``: the hub's data set, as ``datasets`` names it;
    ``configs`` reads several, each row then says its own under ``"config"``. ``archives`` and
    ``subtitle_archives``: glob patterns of the repository's files that hold videos and subtitles
    (.zip, .tar, .tar.gz, their split parts, or bare videos). ``videos``: a folder inside them that
    names are looked up in first. ``path``: use this instead of the hub: a folder with
    ``rows.jsonl|rows.json|*.parquet``, ``videos/`` and ``subtitles/`` (or only the videos: the
    rows then come from the hub), or a rows file beside its videos. ``cache``: where downloads are
    kept, ~/.cache/harness by default.
    """

    repo: str = ""
    revision: str = ""
    config: str | None = None
    configs: Sequence[str] = ()
    split: str = "test"
    archives: Sequence[str] = ()
    subtitle_archives: Sequence[str] = ()
    videos: str = ""
    path: str | None = None
    cache: str | None = None

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Every row of the split, in the data set's order; media columns stay undecoded.

        Raises DataError (missing or malformed rows, no network) and GatedError.
        """
        return self._rows

    def video(self, name: object) -> Path:
        """The video called ``name``: an id or a relative path, in any case, with any extension.

        A missing one is the path it would have (``prepare`` gets it, ``check`` reports it).
        Raises DataError for a name that leaves the folder, or that two files share.
        """
        found = self._find(self._video_folder, str(name))
        return found or self._video_folder.expected(str(name))

    def subtitles(self, name: object) -> Path | None:
        """The .srt, .vtt, .json or .jsonl file called ``name``; None when there is none."""
        return self._find(self._subtitle_folder, str(name))

    def identity(self) -> dict[str, str]:
        """What decides the rows, for the run id: repository and commit, or a content hash."""
        if self._rows_files:
            digest = hashlib.sha256()
            for file in self._rows_files:
                digest.update(file.read_bytes())
            return {"rows": f"sha256:{digest.hexdigest()}"}
        return {"repo": self.repo, "revision": self.revision}

    def prepare(self, names: Iterable[object] | None = None) -> None:
        """Downloads, verifies and extracts what ``names`` need (everything by default)."""

    @cached_property
    def _rows_files(self) -> dict[Path, str | None]:
        if self.path is None:
            return {}
        path = Path(self.path).expanduser()
        if not path.exists():
            raise DataError(f"data={self.path} does not exist; give a folder or a rows file.")
        configs = self.configs or ((self.config,) if self.config else ())
        files = rows_files(path, self.split, configs)
        return files if self.configs else dict.fromkeys(files)

    @cached_property
    def _rows(self) -> Sequence[Mapping[str, Any]]:
        if self._rows_files:
            return read_rows(self._rows_files)
        raise DataError(f"data={self.path} holds no rows.jsonl, rows.json or *.parquet file.")

    @property
    def _root(self) -> Path:
        """The folder that holds the videos: here."""
        path = Path(self.path or ".").expanduser()
        return path.parent if path.is_file() else path

    @cached_property
    def _video_folder(self) -> Folder:
        return Folder(_first(self._root, "videos", "video"), VIDEOS, frames=True)

    @cached_property
    def _subtitle_folder(self) -> Folder:
        return Folder(_first(self._root, "subtitles", "subtitle"), SUBTITLES)

    def _find(self, folder: Folder, name: str) -> Path | None:
        inside = folder.find(f"{self.videos}/{name}") if self.videos else None
        return inside or folder.find(name)


def _first(root: Path, *names: str) -> Path:
    """The first of the named folders that is there, else ``root`` itself."""
    return next((root / name for name in names if (root / name).is_dir()), root)
