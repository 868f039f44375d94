"""What a request asks for and its questions cannot give: said before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from harness.corpus_metrics import MeanOf
from harness.errors import RequestError
from harness.metrics import Mean, Summing
from harness.names import nearest
from harness.returned import value_names_of
from harness.run.ray_placement import Distributed
from harness.run.request import Request
from harness.task import Task
from harness.types import Clip, Metric, Record

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
    refuse_metrics(request.benchmark)
    _refuse_same(request)
    _refuse_spread(request)


def refuse_metrics(task: Task) -> None:
    """Raises RequestError where a run would have no headline, two numbers of one name, or one of a
    value that the scorer never gives (where it says which it gives)."""
    _refuse_same_names(task.metrics)
    scorer = task.scorer
    if (given := value_names_of(scorer)) is None:
        return
    for place, metric in enumerate(task.metrics):
        for where, value in _values_read(place, metric):
            if value not in given:
                said = f"{type(scorer).__name__} gives no such value{nearest(value, given)}"
                raise RequestError(f"{where}={value}: {said}")


def never_given(place: int, metric: Metric, records: Sequence[Record]) -> Iterator[str]:
    """What is said of the ``place``-th metric where none of the scores that it is about has a value
    that it reads; nothing where there are none."""
    scores = [
        record.score
        for record in records
        if record.status == "scored" and record.score is not None and _about(metric, record)
    ]
    known = dict.fromkeys(name for score in scores for name in score.values)
    for where, value in _values_read(place, metric) if known else ():
        if value not in known:
            yield (
                f"{metric.name}: no score has a value called {value}{nearest(value, known)}: "
                f"set {where}"
            )


def _about(metric: Metric, record: Record) -> bool:
    return not isinstance(metric, Mean) or metric.applies(record)


def _values_read(place: int, metric: Metric) -> Iterator[tuple[str, str]]:
    """The values of scores that the ``place``-th metric reads, each with the setting of it."""
    if isinstance(metric, MeanOf):
        for number, value in enumerate(metric.values):
            yield f"task.metrics.{place}.values.{number}", value
    elif isinstance(metric, Summing):
        yield f"task.metrics.{place}.value", metric.value


def _refuse_same_names(metrics: Sequence[Metric]) -> None:
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
