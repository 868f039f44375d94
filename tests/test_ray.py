"""Runs on a real Ray cluster of two nodes on this machine; only where Ray is installed."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import compose
from harness.errors import ModelError, WorkerError
from harness.run.loop import run
from harness.run.request import Request
from harness.types import Clip, Failure, Generation, Record, Response

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with room for one model each; tests run on the first."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def request(folder: Path, *words: str) -> Request:
    fake = ["backend=fake", "backend.rule=hash", "video.workers=0"]
    return compose([*fake, f"results={folder}", *words])


def on_ray(folder: Path, *words: str, workers: int = 2) -> Request:
    return replace(request(folder, *words), runner="ray", workers=workers)


def lines(folder: Path) -> list[str]:
    """Every record of a run, in order of its text."""
    (path,) = folder.rglob("records-0.jsonl")
    return sorted(path.read_text().splitlines())


def quiet(line: str) -> None:
    pass


def test_answers_are_a_local_runs_to_the_byte(cluster: Any, tmp_path: Path) -> None:
    run(request(tmp_path / "local", "limit=12"), quiet, progress=False)
    run(on_ray(tmp_path / "ray", "limit=12"), quiet, progress=False)
    assert lines(tmp_path / "ray") == lines(tmp_path / "local")
    assert len(lines(tmp_path / "ray")) == 36


def test_a_real_model_answers_as_it_does_here(cluster: Any, tmp_path: Path) -> None:
    def texts(folder: Path) -> dict[str, str]:
        records = [json.loads(line) for line in lines(folder)]
        return {r["question"]["id"]: r["response"]["text"] for r in records}

    words = ["model=tiny_video", "limit=6", "video.workers=0"]
    here = compose([*words, f"results={tmp_path / 'local'}"])
    run(here, quiet, progress=False)
    there = replace(here, results=tmp_path / "ray", runner="ray", workers=2)
    run(there, quiet, progress=False)
    assert texts(tmp_path / "ray") == texts(tmp_path / "local")


def test_a_killed_actor_costs_time_only(cluster: Any, tmp_path: Path) -> None:
    run(request(tmp_path / "local", "limit=9"), quiet, progress=False)
    outcome = run(on_ray(tmp_path / "ray", "limit=9", "backend.crash_after=7"), quiet, False)
    assert outcome.complaints == ()
    assert lines(tmp_path / "ray") == lines(tmp_path / "local")


def test_a_lost_node_costs_time_only(cluster: Any, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=2)
    run(request(tmp_path / "local", "limit=20"), quiet, progress=False)

    def lose() -> None:
        time.sleep(6.0)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=lose)
    thread.start()
    asked = on_ray(tmp_path / "ray", "limit=20", "backend.delay=0.4", workers=4)
    outcome = run(asked, quiet, progress=False)
    thread.join()
    assert outcome.complaints == ()

    def untimed(folder: Path) -> list[dict[str, Any]]:
        records = [json.loads(line) for line in lines(folder)]
        for record in records:
            record["response"]["seconds"] = 0
        return sorted(records, key=lambda r: str(r["question"]["id"]))

    assert untimed(tmp_path / "ray") == untimed(tmp_path / "local")


def test_a_poisonous_clip_costs_itself_only(cluster: Any, tmp_path: Path) -> None:
    outcome = run(on_ray(tmp_path, "limit=5", "backend.crash_on=[001-2]"), quiet, progress=False)
    records = [json.loads(line) for line in lines(tmp_path)]
    states = Counter(record["status"] for record in records)
    assert states["failed"] == 2, "the question that kills, and the one behind it"
    reasons = {record["reason"] for record in records if record["status"] == "failed"}
    assert all("its clip killed a worker 2 times" in reason for reason in reasons)
    assert "2 of 15 questions failed" in outcome.complaints[0]


class Refusing:
    """A model that cannot be loaded."""

    def identity(self) -> dict[str, str]:
        return {"model": "refusing"}

    def generate(self, samples: Any, generation: Generation) -> Iterator[Response | Failure]:
        raise ModelError("the checkpoint is damaged: fetch it again")
        yield


class Buggy(Refusing):
    """A model with a bug."""

    def generate(self, samples: Any, generation: Generation) -> Iterator[Response | Failure]:
        next(iter(samples))
        raise ZeroDivisionError("7 / 0")
        yield


def test_a_bug_of_a_model_is_raised_with_its_traceback(cluster: Any, tmp_path: Path) -> None:
    asked = replace(on_ray(tmp_path, "limit=3"), backend=Buggy())
    with pytest.raises(ZeroDivisionError, match="7 / 0") as caught:
        run(asked, quiet, progress=False)
    assert 'raise ZeroDivisionError("7 / 0")' in str(caught.value.__cause__)


class Enough:
    """Knows enough after a few records."""

    def __init__(self) -> None:
        self.seen = 0

    def arrange(self, clips: Sequence[Clip]) -> list[Clip]:
        return list(clips)

    def enough(self, record: Record) -> bool:
        self.seen += 1
        return self.seen >= 5


def test_a_run_that_knows_enough_stops_on_the_cluster_too(cluster: Any, tmp_path: Path) -> None:
    asked = on_ray(tmp_path, "limit=40", "backend.delay=0.05")
    outcome = run(asked, quiet, progress=False, stopping=Enough())
    assert 5 <= len(lines(tmp_path)) < 80
    assert not outcome.summary.complete


class Dying(Refusing):
    """A model that dies as it loads."""

    def generate(self, samples: Any, generation: Generation) -> Iterator[Response | Failure]:
        import os

        os._exit(3)
        yield


def test_a_model_that_does_not_load_ends_the_run(cluster: Any, tmp_path: Path) -> None:
    asked = replace(on_ray(tmp_path, "limit=3"), backend=Refusing())
    with pytest.raises(ModelError, match="the checkpoint is damaged: fetch it again"):
        run(asked, quiet, progress=False)
    with pytest.raises(WorkerError, match="3 workers died one after another"):
        run(replace(asked, backend=Dying(), results=tmp_path / "b"), quiet, progress=False)
