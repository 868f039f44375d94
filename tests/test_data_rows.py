"""Rows from a hub, through the real ``datasets``: pinned, undecoded, read once."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from harness.data import Source
from harness.errors import DataError, GatedError
from tests.hub import COMMIT, REPO, Hub, point_at, serving

CARD = """---
configs:
- config_name: main
  data_files: [{split: test, path: main/test-*}, {split: val, path: main/val-*}]
- config_name: count
  data_files: [{split: test, path: count/test-*}]
dataset_info:
- config_name: main
  features: [{name: id, dtype: int64}, {name: still, dtype: image}]
- config_name: count
  features: [{name: id, dtype: int64}]
---
"""


def packed(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


STILL = {"bytes": b"no picture at all", "path": "x.png"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    files = {
        "README.md": CARD.encode(),
        "main/test-0.parquet": packed([{"id": 1, "still": STILL}, {"id": 2, "still": STILL}]),
        "main/val-0.parquet": packed([{"id": 3, "still": STILL}]),
        "count/test-0.parquet": packed([{"id": 4}]),
        "videos.zip": b"",
    }
    with serving(Hub(files)) as hub:
        point_at(hub, monkeypatch, tmp_path / "hf")
        yield hub


def source(tmp_path: Path, **settings: Any) -> Source:
    pinned = {"repo": REPO, "revision": COMMIT, "cache": str(tmp_path / "cache")}
    return Source(**{**pinned, **settings})


def test_rows_of_a_split_come_undecoded_and_are_asked_for_once(hub: Hub, tmp_path: Path) -> None:
    rows = source(tmp_path, config="main").rows()
    assert rows == [{"id": 1, "still": STILL}, {"id": 2, "still": STILL}]
    hub.requests.clear()
    assert source(tmp_path, config="main").rows() == rows
    assert hub.requests == []
    assert source(tmp_path, config="main", split="val").rows() == [{"id": 3, "still": STILL}]


def test_several_configs_say_their_names(hub: Hub, tmp_path: Path) -> None:
    rows = source(tmp_path, configs=("count", "main")).rows()
    assert [(row["config"], row["id"]) for row in rows] == [("count", 4), ("main", 1), ("main", 2)]


def test_json_rows(hub: Hub, tmp_path: Path) -> None:
    for name in [name for name in hub.files if name != "videos.zip"]:
        del hub.files[name]
    hub.files["json/a.json"] = json.dumps([{"id": 1, "options": ["x", "y"]}]).encode()
    card = "configs: [{config_name: a, data_files: [{split: train, path: json/a.json}]}]"
    hub.files["README.md"] = f"---\n{card}\n---\n".encode()
    rows = source(tmp_path, config="a", split="train").rows()
    assert rows == [{"id": 1, "options": ["x", "y"]}]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"config": "nope"}, "nope.*main.*count"),
        ({"config": "main", "split": "train"}, "train.*test"),
        ({"config": None}, "main"),
        ({"config": "main", "repo": "owner/nothing"}, "owner/nothing"),
        ({"config": "main", "revision": "f" * 40}, "f{40}"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    hub: Hub, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        source(tmp_path, **settings).rows()
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, GatedError)


@pytest.mark.parametrize("status", [401, 403])
def test_gated_rows_name_the_token(
    hub: Hub, tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gated, hub.refusal = "secret", status
    with pytest.raises(GatedError, match=f"datasets/{REPO}, then set HF_TOKEN"):
        source(tmp_path, config="main").rows()
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert len(source(tmp_path, config="main").rows()) == 2


def test_a_folder_called_like_the_repository_is_not_taken_for_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / REPO / "main").mkdir(parents=True)
    (tmp_path / REPO / "README.md").write_text(CARD)
    (tmp_path / REPO / "main" / "test-0.parquet").write_bytes(packed([{"id": 9, "still": STILL}]))
    (tmp_path / REPO / "main" / "val-0.parquet").write_bytes(packed([{"id": 9, "still": STILL}]))
    (tmp_path / REPO / "count").mkdir()
    (tmp_path / REPO / "count" / "test-0.parquet").write_bytes(packed([{"id": 9}]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="only some other copy"):
        source(tmp_path, config="main").rows()


def test_no_network_says_how_to_do_without(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="data=PATH"):
        source(tmp_path, config="main").rows()


def test_videos_here_and_rows_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1.mp4").write_bytes(b"x")
    mixed = source(tmp_path, config="count", path=str(tmp_path / "mine"))
    assert mixed.rows() == [{"id": 4}]
    assert mixed.video(1) == tmp_path / "mine" / "1.mp4"
    assert mixed.identity().items() >= {"repo": REPO, "revision": COMMIT}.items()
