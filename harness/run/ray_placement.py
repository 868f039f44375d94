"""What of a Ray cluster one model claims: an actor's own share, or a group of GPUs.

A model that is spread over several GPUs (vLLM's tensor and pipeline parallelism) starts a process
for each. Ray lets it do so inside a placement group only: one bundle for each GPU, claimed all
together or not at all, so that two models never hold half of what each needs. The actor itself sits
in the first bundle without a GPU and vLLM's workers take them (vLLM allows one GPU a bundle).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Protocol, runtime_checkable

from harness.errors import RequestError
from harness.run.request import RayOptions, Request

LOG = logging.getLogger("harness.run")
PATIENCE = 60.0
"""Seconds without a model that runs before it is said what the cluster lacks."""


@runtime_checkable
class Distributed(Protocol):
    """A model that spreads itself over GPUs with processes of its own."""

    @property
    def world_size(self) -> int:
        """Over how many GPUs."""
        ...


class Placement:
    """Starts models as actors of one class, each with what it needs, and ends them.

    Raises RequestError when ``ray.gpus`` says otherwise than the model's own setting.
    """

    def __init__(self, ray: Any, actor: type, request: Request) -> None:
        self._ray = ray
        self._actor = ray.remote(actor)
        self._options = request.ray
        self._size = world_size(request)
        self._groups: dict[Any, Any] = {}
        self._pending: list[Any] = []
        self._since: float | None = time.monotonic()

    def start(self, *given: object) -> Any:
        """A new actor, made with ``given`` as soon as the cluster has room for it."""
        options, util = self._options, self._ray.util
        claim = {"num_cpus": options.cpus, "num_gpus": options.gpus}
        group = None
        if self._size > 1:
            group = util.placement_group(self._bundles(), strategy=self._strategy())
            claim["num_gpus"] = 0
            claim["scheduling_strategy"] = (
                util.scheduling_strategies.PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
                )
            )
        actor = self._actor.options(**claim).remote(*given)
        self._groups[actor] = group
        self._pending.append(actor.__ray_ready__.remote())
        return actor

    def end(self, actor: Any) -> None:
        """Ends an actor, if it still runs, and gives back what it claimed."""
        self._ray.kill(actor)
        if (group := self._groups.pop(actor, None)) is not None:
            self._ray.util.remove_placement_group(group)

    def report(self) -> None:
        """Says once what is asked of the cluster when it has had no room for a while."""
        if self._since is None or time.monotonic() - self._since < PATIENCE:
            return
        self._since = None
        if self._ray.wait(self._pending, timeout=0)[0]:
            return
        line = (
            f"no model runs yet: each needs {self._needs()}, and the cluster's nodes have "
            f"{_resources(self._ray.cluster_resources())} in all; ray.gpus and ray.cpus change it"
        )
        LOG.warning(line)
        print(line, file=sys.stderr, flush=True)

    def _bundles(self) -> list[dict[str, float]]:
        rest: list[dict[str, float]] = [{"GPU": 1.0} for _ in range(self._size - 1)]
        return [{"GPU": 1.0, "CPU": self._options.cpus}, *rest]

    def _strategy(self) -> str:
        """All on one node where any has as many GPUs: between nodes each layer waits for the
        network."""
        most = max(node["Resources"].get("GPU", 0) for node in self._ray.nodes() if node["Alive"])
        return "STRICT_PACK" if most >= self._size else "PACK"

    def _needs(self) -> str:
        gpus = self._size if self._size > 1 else self._options.gpus
        return _resources({"CPU": self._options.cpus, "GPU": gpus})


def world_size(request: Request) -> int:
    """Over how many GPUs one model of the request is spread. Raises RequestError when ``ray.gpus``
    says otherwise."""
    backend, options = request.backend, request.ray
    size = backend.world_size if isinstance(backend, Distributed) else 1
    if size > 1 and options.gpus not in (RayOptions().gpus, size):
        raise RequestError(
            f"ray.gpus={options.gpus:g}: this model is spread over {size} (backend.gpus); leave "
            "ray.gpus out"
        )
    return size


def _resources(found: dict[str, float]) -> str:
    return f"{found.get('CPU', 0):g} CPUs and {found.get('GPU', 0):g} GPUs"
