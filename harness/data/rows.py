"""Finding a data set's rows: a file, a folder, or the hub through ``datasets``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from harness.data.folder import made
from harness.data.hub import explained, gated
from harness.data.network import online
from harness.data.row_files import ENDINGS, Table, named, read
from harness.errors import DataError, GatedError


def rows_files(
    path: Path, split: str, configs: Sequence[str], patterns: Sequence[str] = ()
) -> dict[Path, str | None]:
    """The files at ``path`` that hold the rows, each with the config it belongs to (if known).

    A file is itself. A folder holds a ``rows`` file (.jsonl, .json, .parquet, .csv, .tsv); or what
    the glob ``patterns`` say, each file a config of its own; or, for several configs, one file or
    folder per config (``counting.json``, ``counting/test-*.parquet``), as a clone of the hub's
    repository does; or ``*.parquet`` files. Empty when there are none.
    """
    if path.is_file():
        return {path: None}
    if single := [path / f"rows{e}" for e in ENDINGS if (path / f"rows{e}").is_file()]:
        return {single[0]: None}
    try:
        matching = sorted({file for p in patterns for file in path.glob(p) if file.is_file()})
    except (ValueError, NotImplementedError) as error:  # "" and "/etc/*"
        raise DataError(f"task.source.files={list(patterns)}: {error}.") from error
    if matching:
        return {file: file.stem for file in matching}
    found: dict[Path, str | None] = {}
    for config in configs:
        found |= dict.fromkeys(_config_files(path, config, split), config)
    return found or dict.fromkeys(_of_split(sorted(path.rglob("*.parquet")), split))


def _config_files(path: Path, config: str, split: str) -> list[Path]:
    for folder in (path, path / "json", path / "data"):
        for ending in ENDINGS:
            if (folder / f"{config}{ending}").is_file():
                return [folder / f"{config}{ending}"]
        if files := _of_split(sorted((folder / config).glob("*.parquet")), split):
            return files
    return []


def _of_split(files: list[Path], split: str) -> list[Path]:
    """The files of one split, all of them when none is named after it."""
    return [f for f in files if f.name.startswith((f"{split}-", f"{split}."))] or files


def tables(
    read: Iterable[tuple[Table, str, str | None]], columns: Mapping[str, str], fps: float | None
) -> list[tuple[int, Table, str]]:
    """Each table with the place of its first row and where it comes from, its rows as tasks read
    them: under the standard names (``columns``), with their ``config`` where that is not None,
    and ``fps`` where they say none."""
    found: list[tuple[int, Table, str]] = []
    start = 0
    for table, where, config in read:
        if config is not None:
            table.rows = [{"config": config, **row} for row in table.rows]
        if columns:
            table.rows = list(named(table.rows, columns, where))
        if fps is not None:
            table.rows = [r if r.get("fps") is not None else {**r, "fps": fps} for r in table.rows]
        found.append((start, table, where))
        start += len(table.rows)
    return found


def hub_rows(repo: str, at: str, config: str | None, split: str, root: Path) -> Table:
    """The rows of one split at commit ``at``, read through ``datasets`` once and kept in ``root``.

    Media columns hold what is stored (bytes or a path), never decoded. Raises DataError,
    GatedError.
    """
    name = quote(f"rows-{config or 'default'}-{split}.parquet", safe="")
    if not (root / name).is_file():
        online(f"The rows of {repo}")
        with tempfile.TemporaryDirectory(dir=made(root), prefix=".rows-") as scratch:
            _load(repo, at, config, split, Path(scratch)).rename(root / name)
    return read(root / name)


def _load(repo: str, at: str, config: str | None, split: str, scratch: Path) -> Path:
    import datasets  # imported here: it takes 1 s
    from pyarrow import parquet

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are not news
    with explained(repo, at):
        try:
            builder = datasets.load_dataset_builder(
                repo, name=config, revision=at, cache_dir=str(scratch / "arrow")
            )
            _assert_pinned(builder.config.data_files, repo, at)
            builder.download_and_prepare()
            rows = builder.as_dataset(split=split).with_format("arrow")
        except datasets.exceptions.DatasetsError as error:
            if "gated" in str(error):  # it drops the hub's own error on the way
                raise GatedError(gated(repo)) from error
            raise ValueError(str(error)) from error
    parquet.write_table(rows[:], scratch / "rows.parquet")
    return scratch / "rows.parquet"


def _assert_pinned(files: Mapping[str, Sequence[str]] | None, repo: str, at: str) -> None:
    """``datasets`` falls back to a folder called like the repository, or to whatever revision it
    has cached, when the hub does not answer; a run's identity must not lie about its rows."""
    pinned = f"hf://datasets/{repo}@{at}/"
    if not files or not all(f.startswith(pinned) for split in files.values() for f in split):
        raise DataError(
            f"Cannot read {repo} at {at[:12]} from the hub, only some other copy of it; connect, "
            "or set data=PATH to a file or folder that holds the rows."
        )
