"""What a request asks for and its questions cannot give: said before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from harness.errors import RequestError
from harness.names import nearest
from harness.run.ray_placement import Distributed
from harness.run.request import Request
from harness.task import Task
from harness.types import Clip, Metric

_OF_FRAMES = ("blank", "single_frame", "shuffled", "no_times")


def refuse_idle(task: Task, clips: Sequence[Clip], control: str, permute_options: int) -> None:
    """Raises RequestError for a control, rotation or group that no question of ``clips`` (all of
    the benchmark's) has any use for: the run would not be the one that was asked for."""
    questions = [question for clip in clips for question in clip.questions]
    if not questions:
        return
    most = max(len(question.options) for question in questions)
    if permute_options > 1 and most < 2:
        raise RequestError(f"permute_options={permute_options}: no question has options to rotate")
    if permute_options > most > 1:
        raise RequestError(
            f"permute_options={permute_options}: no question has more than {most} options; "
            f"write {most} or less"
        )
    if control == "no_options" and not most:
        raise RequestError("control=no_options: no question has options")
    if control in _OF_FRAMES and all(clip.video is None for clip in clips):
        raise RequestError(f"control={control}: no question is about a video")
    groups = list(dict.fromkeys(name for question in questions for name in question.groups))
    for where, name in _groups_of(task):
        if name not in groups:
            hint = nearest(name, groups) or "; questions have no groups"
            raise RequestError(f"{where}: no question has a {name}{hint}")


def refuse_early(request: Request) -> None:
    """Raises RequestError for what can be told of the request alone."""
    refuse_same_names(request.benchmark.metrics)
    _refuse_same(request)
    _refuse_spread(request)


def refuse_same_names(metrics: Sequence[Metric]) -> None:
    """Raises RequestError where a run would have no headline, or two numbers of one name."""
    if not metrics:
        raise RequestError("task.metrics: there is none: a run needs at least one, its headline")
    first: dict[str, int] = {}
    for place, metric in enumerate(metrics):
        if (other := first.setdefault(metric.name, place)) != place:
            raise RequestError(
                f"task.metrics: {other} and {place} are both called {metric.name}: give one of "
                f"them another name (task.metrics.{place}.name)"
            )


def _refuse_same(request: Request) -> None:
    """Raises RequestError where the same question would be asked often to get the same response."""
    generation = request.generation
    if request.repeats > 1 and (generation.temperature == 0 or generation.letters):
        raise RequestError(
            f"repeats={request.repeats}: every repeat would say the same: "
            "set generation.temperature above 0, or generation=card"
        )


@runtime_checkable
class _Mapped(Protocol):
    """A model that accelerate may spread over several GPUs."""

    @property
    def device_map(self) -> str | None: ...


def _refuse_spread(request: Request) -> None:
    """Raises RequestError where each of several local workers, which is shown one GPU, would have
    to spread its model over more."""
    backend = request.backend
    if request.workers == 1 or request.runner != "local":
        return
    if isinstance(backend, Distributed) and backend.world_size > 1:
        spread = f"over {backend.world_size} GPUs (backend.gpus)"
    elif isinstance(backend, _Mapped) and backend.device_map is not None:
        spread = f"by backend.device_map={backend.device_map}"
    else:
        return
    raise RequestError(
        f"workers={request.workers}: a local worker is shown one GPU alone, and this model is "
        f"spread {spread}: write workers=1, or runner=ray"
    )


def _groups_of(task: Task) -> Iterator[tuple[str, str]]:
    """The groups that a task's reports need, each with the setting that names it."""
    for name in task.breakdowns:
        yield "task.breakdowns", name
    for place, metric in enumerate(task.metrics):
        for field in ("macro", "where"):
            for name in getattr(metric, field, ()):
                yield f"task.metrics.{place}.{field}", name
