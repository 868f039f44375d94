"""Runs on a real Ray cluster of two nodes on this machine; only where Ray is installed."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import compose
from harness.errors import ModelError, RequestError, WorkerError
from harness.models.transformers import Transformers
from harness.models.vllm import VLLM
from harness.run import ray_placement
from harness.run.loop import run
from harness.run.ray_cluster import Queue, Replica
from harness.run.request import RayOptions, Request
from harness.types import Clip, Failure, Generation, Record, Response

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
GPUS = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with room for one model each, and two GPUs each that no one looks at; tests run on
    the first."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": GPUS // 2})
    made.add_node(num_cpus=1, num_gpus=GPUS // 2)
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


@dataclass(frozen=True)
class Spread:
    """A model over ``world_size`` GPUs that runs a task on each inside its group, as vLLM does, and
    leaves in ``folder`` which nodes and GPUs those were given. It waits until there are ``models``
    such files. ``dies``: the first such model dies then."""

    folder: Path
    world_size: int = 2
    models: int = 1
    dies: bool = False

    def identity(self) -> dict[str, int]:
        return {"world_size": self.world_size}

    def generate(self, samples: Any, generation: Generation) -> Iterator[Response | Failure]:
        group = ray.util.get_current_placement_group()
        assert group is not None, "vLLM would claim GPUs of its own"
        seen = [ray.get(_on(group, bundle).remote()) for bundle in range(self.world_size)]
        (self.folder / f"{os.getpid()}.gpus").write_text(json.dumps(seen))
        if self.dies and len(files(self.folder)) == 1:
            os._exit(3)
        while len(files(self.folder)) < self.models:
            time.sleep(0.1)
        for sample in samples:
            for prompt in sample.prompts:
                yield Response(prompt.key, "A")


def _on(group: Any, bundle: int) -> Any:
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    def given() -> tuple[str, list[int]]:
        return ray.get_runtime_context().get_node_id(), ray.get_gpu_ids()

    place = PlacementGroupSchedulingStrategy(group, bundle)
    return ray.remote(given).options(num_cpus=0, num_gpus=1, scheduling_strategy=place)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.gpus"))


def spread(model: Spread, workers: int) -> list[list[tuple[str, int]]]:
    """Runs it; the (node, GPU) pairs that each model was given."""
    asked = replace(on_ray(model.folder, "limit=8", workers=workers), backend=model)
    assert run(asked, quiet, progress=False).complaints == ()
    found = [json.loads(path.read_text()) for path in files(model.folder)]
    return [[(node, gpu) for node, gpus in seen for gpu in gpus] for seen in found]


def all_gpus_are_free() -> bool:
    for _ in range(100):
        if ray.available_resources().get("GPU", 0) == GPUS:
            return True
        time.sleep(0.2)
    return False


def test_a_model_over_two_gpus_claims_both_of_one_node(cluster: Any, tmp_path: Path) -> None:
    models = spread(Spread(tmp_path, 2, models=2), workers=2)
    assert [len({*gpus}) for gpus in models] == [2, 2], "workers do not share a GPU"
    nodes = [{node for node, _ in gpus} for gpus in models]
    assert [len(node) for node in nodes] == [1, 1]
    assert nodes[0] != nodes[1]
    assert all_gpus_are_free()


def test_a_model_that_no_node_can_hold_is_spread_over_several(cluster: Any, tmp_path: Path) -> None:
    [gpus] = spread(Spread(tmp_path, 3), workers=2)
    assert len({*gpus}) == 3
    assert len({node for node, _ in gpus}) == 2
    assert all_gpus_are_free()


def test_the_gpus_of_a_model_that_died_are_claimed_again(cluster: Any, tmp_path: Path) -> None:
    models = spread(Spread(tmp_path, 2, dies=True), workers=1)
    assert [len({*gpus}) for gpus in models] == [2, 2]
    assert all_gpus_are_free()


def test_what_no_node_has_is_said(
    cluster: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ray_placement, "PATIENCE", 0.5)
    asked = replace(on_ray(tmp_path), backend=Spread(tmp_path, 8))
    placement = ray_placement.Placement(ray, Replica, asked)
    actor = placement.start(asked, None, 0)
    placement.report()
    assert capsys.readouterr().err == ""
    time.sleep(0.6)
    placement.report()
    placement.report()
    said = capsys.readouterr().err
    assert said.startswith("no model runs yet: each needs 1 CPUs and 8 GPUs, and the cluster's")
    assert said.count("\n") == 1
    placement.end(actor)
    wrong = replace(asked, ray=RayOptions(gpus=1))
    with pytest.raises(RequestError, match=r"ray\.gpus=1: this model is spread over 8"):
        ray_placement.Placement(ray, Replica, wrong)


def test_vllm_takes_the_gpus_of_its_group(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own executor is told to it: the actor itself is shown no GPU."""

    def settings(model: VLLM) -> dict[str, Any]:
        module = SimpleNamespace(LLM=lambda **given: given)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "vllm", module)
            return dict(model._llm)

    class Loads:
        def settings(self, model: VLLM) -> dict[str, Any]:
            return settings(model)

    model = VLLM(Transformers("here"), {"pipeline_parallel_size": 2}, gpus=2)
    assert model.world_size == 4
    asked = replace(request(Path("x")), backend=model)
    placement = ray_placement.Placement(ray, Loads, asked)
    actor = placement.start()
    assert ray.get(actor.settings.remote(model))["distributed_executor_backend"] == "ray"
    placement.end(actor)
    assert "distributed_executor_backend" not in settings(model)


def test_a_queue_that_ends_is_one_line(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ray ends it where its machine is short of memory."""
    monkeypatch.setattr(Queue, "take", lambda queue: os._exit(3))
    with pytest.raises(WorkerError, match="run the same command again to resume"):
        run(on_ray(tmp_path, "limit=3"), quiet, progress=False)
