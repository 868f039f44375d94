"""Where a checkpoint's files are, and what names exactly these files. Loads no weights."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from harness.errors import ModelError

SMALL = ("*.json", "*.jinja", "*.model", "*.txt")
WEIGHTS = ("*.safetensors",)
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def locate(checkpoint: str, revision: str | None = None, *, weights: bool = True) -> Path:
    """The folder that holds a checkpoint: its own, or the hub's snapshot in the local cache.

    ``checkpoint`` is a folder or a hub id; ``revision`` a hub branch, tag or commit. Without
    ``weights`` only the small files are fetched (configuration, tokenizer, templates). Raises
    ModelError when it is not there, cannot be fetched, holds an adapter, or has pickled weights
    only.
    """
    folder = Path(checkpoint).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ModelError(
                f"model.revision={revision} means nothing for the folder {folder}: "
                "leave it out, the folder's content is recorded by its hash"
            )
    elif checkpoint.startswith(("/", ".", "~")) or checkpoint.count("/") != 1:
        raise ModelError(
            f"model.checkpoint={checkpoint}: no such folder, and not a hub id (owner/name) either"
        )
    else:
        folder = _fetch(checkpoint, revision, SMALL + WEIGHTS if weights else SMALL)
    if (folder / "adapter_config.json").is_file():
        base = read_json(folder, "adapter_config.json").get("base_model_name_or_path")
        raise ModelError(
            f"{folder} holds an adapter (adapter_config.json), which is not applied here: merge it "
            f"into its base ({base}) by peft's merge_and_unload, save that with the processor, and "
            "write model.checkpoint=FOLDER"
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is not a checkpoint: it has no config.json")
    if weights:
        _check_weights(folder)
    return folder


def fingerprint(checkpoint: str, revision: str | None = None) -> dict[str, str]:
    """What names these files for good: the hub's commit, or the SHA-256 of a folder's content.

    Raises ModelError as ``locate``, and for a folder without weights: what names a run has to be
    known before anything else, so this is where that is found first."""
    folder = locate(checkpoint, revision, weights=False)
    if Path(checkpoint).expanduser().is_dir():
        _check_weights(folder)
        return {"content": _content_hash(folder)}
    return {"checkpoint": checkpoint, "commit": folder.name}


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """One of a checkpoint's JSON files; empty when it has none. Raises ModelError."""
    path = folder / name
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a JSON object")
    return content


def parameters(folder: Path) -> int:
    """How many numbers a checkpoint's weights are, by its files; 0 where they are not all there."""
    return sum(math.prod(shape) for shape in shapes(folder).values())


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Each weight's shape by the headers of the safetensors files; empty where a file is missing or
    damaged (loading says which)."""
    index = read_json(folder, "model.safetensors.index.json").get("weight_map", {})
    files = [folder / name for name in set(index.values())] or list(folder.glob("*.safetensors"))
    found: dict[str, tuple[int, ...]] = {}
    for path in files:
        header = _header(path)
        if not header:
            return {}
        found |= {n: tuple(t["shape"]) for n, t in header.items() if n != "__metadata__"}
    return found


def _header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > 100_000_000:  # safetensors' own limit
            return {}
        try:
            return dict(json.loads(file.read(size)))
        except (UnicodeDecodeError, json.JSONDecodeError):
            return {}


def _fetch(checkpoint: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    # imported here: half a second that only runs with a hub checkpoint need
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"model.checkpoint={checkpoint}" + (f" (revision {revision})" if revision else "")
    local = "or write model.checkpoint=FOLDER for a local copy"
    try:
        return Path(snapshot_download(checkpoint, revision=revision, allow_patterns=list(patterns)))
    except GatedRepoError as error:
        raise ModelError(
            f"{where}: accept its licence on the hub and set HF_TOKEN, {local}"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(
            f"{where}: the hub has no such revision; model.revision=null takes its newest commit"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"{where}: the hub has no such model (or it is private): {local}"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{where} is not on this disk, and the hub ({_endpoint()}/{checkpoint}), from where it "
            f"would come, cannot be reached: go online, {local}"
        ) from error
    except HFValidationError as error:
        raise ModelError(f"{where} is neither a folder nor a hub id: {error}") from error


def _endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT.rstrip("/")


def _check_weights(folder: Path) -> None:
    index = read_json(folder, "model.safetensors.index.json").get("weight_map", {})
    gone = sorted(name for name in set(index.values()) if not (folder / name).is_file())
    if gone:
        raise ModelError(
            f"{folder} lacks {len(gone)} of its files of weights ({gone[0]}): fetch them, "
            "or write model.checkpoint=FOLDER for a complete copy"
        )
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
    if pickled:
        raise ModelError(
            f"{folder} has pickled weights only ({pickled[0]}), which can run any code when they "
            "are loaded: convert them to safetensors"
        )
    raise ModelError(
        f"{folder} has no weights (*.safetensors): fetch them, "
        "or write model.checkpoint=FOLDER for a complete copy"
    )


def _content_hash(folder: Path) -> str:
    files = sorted(
        path for pattern in SMALL + WEIGHTS for path in folder.glob(pattern) if path.is_file()
    )
    state = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _hash_files(state)


@functools.lru_cache(maxsize=16)
def _hash_files(state: tuple[tuple[Path, int, int], ...]) -> str:
    """Reads every byte, once per process: some ten seconds for a 7B on a fast disk."""
    total = hashlib.sha256()
    for path, _, _ in state:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()
