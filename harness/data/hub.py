"""The hub: what a data set holds at a commit, and fetching its files whole or not at all.

huggingface_hub does the talking (endpoint, token, redirects, waiting when asked too often). What it
does not do is done here: a download that was killed goes on where it stopped (huggingface_hub 2
throws its partial files away), what arrived is compared with the size and hash in the repository's
tree, a server's error is tried again, and a machine without a network is told so in 3 s.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.data.network import online, patiently
from harness.errors import DataError, GatedError
from harness.names import one_line

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: ``sha256`` when it is stored as a large file, else git's ``oid``."""

    path: str
    size: int
    oid: str
    sha256: str | None = None


def commit(repo: str, revision: str) -> str:
    """The commit (40 hex digits) that ``revision`` names now; a commit needs no network."""
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi  # 0.3 s that a report must not pay, here and below

    online(f"The commit of {repo} that {revision or 'main'} names")
    with explained(repo, revision):
        ask = HfApi().dataset_info
        return str(patiently(repo, lambda: ask(repo, revision=revision or None)).sha)


def tree(repo: str, at: str) -> list[RemoteFile]:
    """Every file of the data set ``repo`` at commit ``at``."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    def ask() -> list[RemoteFile]:
        entries = HfApi().list_repo_tree(repo, recursive=True, revision=at, repo_type="dataset")
        return [
            RemoteFile(f.path, f.size, f.blob_id, f.lfs.sha256 if f.lfs else None)
            for f in entries
            if isinstance(f, RepoFile)
        ]

    online(f"The list of files of {repo}")
    with explained(repo, at):
        return patiently(repo, ask)


def zip_names(repo: str, at: str, path: str) -> list[str]:
    """What a .zip on the hub holds, read from its last kilobytes without fetching the rest."""

    def ask() -> list[str]:
        try:
            with _remote(repo, at, path) as file, zipfile.ZipFile(file) as archive:
                return [info.filename for info in archive.infolist() if not info.is_dir()]
        except zipfile.BadZipFile as error:
            if isinstance(error.__context__, OSError):  # zipfile takes a failed read for bad bytes
                raise error.__context__ from error
            raise

    try:
        with explained(repo, at):
            return ask()  # the client's own file system asks again where a server fails
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{repo}: {path} is not a zip archive as the hub has it: {error}."
        ) from error


def beginning(repo: str, at: str, path: str, count: int = 512) -> bytes:
    """The first bytes of a file on the hub."""

    with explained(repo, at), _remote(repo, at, path) as file:
        return bytes(file.read(count))


@contextmanager
def _remote(repo: str, at: str, path: str) -> Iterator[IO[bytes]]:
    from huggingface_hub import HfFileSystem

    online(f"{path} of {repo}")
    hub = HfFileSystem(skip_instance_cache=True)
    with hub.open(f"datasets/{repo}@{at}/{path}", block_size=1 << 20) as file:
        yield file


def fetch(repo: str, at: str, file: RemoteFile, folder: Path) -> Path:
    """``file``, verified: huggingface_hub's own cached copy if there is one, else in ``folder``.

    Raises DataError when it cannot be fetched (what has arrived is kept, and the next call goes
    on from there) or is not what the repository's tree says (then it is removed).
    """
    from huggingface_hub import constants, try_to_load_from_cache

    cached = try_to_load_from_cache(repo, file.path, revision=at, repo_type="dataset")
    if isinstance(cached, str) and damage(Path(cached), file) is None:
        return Path(cached)
    if file.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        raise DataError(
            f"{file.path} of {repo} is too large for one plain download; run `hf download {repo} "
            f"{file.path} --repo-type dataset --revision {at}`, then this again."
        )
    target = folder / file.path
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        online(f"{file.path} of {repo}")
        with explained(repo, at):
            _download(repo, at, file, partial)
        partial.rename(target)
    if wrong := damage(target, file):
        target.unlink()
        raise DataError(
            f"{repo}: {file.path} arrived with {wrong} and was removed; run again, and if it "
            "happens again the hub's copy is damaged."
        )
    return target


def damage(path: Path, file: RemoteFile) -> str | None:
    """How ``path`` differs from what the hub says of ``file``; None when it does not."""
    size = path.stat().st_size
    if size != file.size:
        return f"{size} bytes instead of {file.size}"
    with path.open("rb") as stream:
        if file.sha256 is not None:
            found, expected = hashlib.file_digest(stream, "sha256").hexdigest(), file.sha256
        else:  # git's name for a blob: small files are not in the large-file store
            blob = hashlib.sha1(b"blob %d\0" % size + stream.read(), usedforsecurity=False)
            found, expected = blob.hexdigest(), file.oid
    return None if found == expected else f"hash {found[:12]}… instead of {expected[:12]}…"


def _download(repo: str, at: str, file: RemoteFile, partial: Path) -> None:
    from huggingface_hub import hf_hub_url

    from harness.data.hub_private import build_hf_headers, http_get

    url = hf_hub_url(repo, file.path, repo_type="dataset", revision=at)
    # pauses are made in one place: here, where they grow
    once: dict[str, Any] = {}
    if "_nb_retries" in inspect.signature(http_get).parameters:
        once["_nb_retries"] = 0

    def have() -> int:
        return partial.stat().st_size if partial.is_file() else 0

    def ask() -> None:
        if have() > file.size:
            partial.unlink()
        with partial.open("ab") as stream:
            http_get(
                url,
                stream,
                resume_size=have(),
                headers=build_hf_headers(),
                expected_size=file.size,
                displayed_filename=file.path,
                **once,
            )

    patiently(file.path, ask, have)


@contextmanager
def explained(repo: str, revision: str) -> Iterator[None]:
    """Turns what the hub's client raises into a DataError or GatedError that says what to do."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    from harness.data.hub_private import HTTPError

    try:
        yield
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        chain = list(_chain(error))
        refused = next((e for e in chain if isinstance(e, HfHubHTTPError)), None)
        if any(isinstance(e, RevisionNotFoundError) for e in chain):
            raise DataError(f"{repo} has no revision {revision!r} on the hub.") from error
        if refused is not None and refused.response.status_code in (401, 403):
            raise GatedError(gated(repo)) from error
        if any(isinstance(e, RepositoryNotFoundError) for e in chain):
            raise DataError(
                f"The hub has no data set {repo!r}; if it is private, set HF_TOKEN."
            ) from error
        missing = next((e for e in chain if isinstance(e, EntryNotFoundError)), None)
        if missing is not None and not isinstance(missing, LocalEntryNotFoundError):
            raise DataError(f"{repo} at {revision}: {one_line(missing)}") from error
        lost = (HTTPError, ConnectionError, LocalEntryNotFoundError)
        if cut := next((e for e in chain if isinstance(e, lost)), None):
            raise DataError(
                f"Cannot fetch {repo} from the hub ({one_line(cut)}); run again to go on where "
                "it stopped, or set data=PATH to files that are already here."
            ) from error
        raise DataError(f"{repo} at {revision}: {one_line(error)}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def gated(repo: str) -> str:
    """What to do about a data set that the hub does not give to everyone."""
    return (
        f"{repo} is gated: accept its terms at https://huggingface.co/datasets/{repo}, then set "
        "HF_TOKEN to a token of that account (https://huggingface.co/settings/tokens)."
    )
