"""Workers in processes of their own: what they raise is raised by the run."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli.ending import ended
from harness.config import compose
from harness.errors import ModelError, RequestError
from harness.run import worker_process
from harness.run.journal import read_records
from harness.run.loop import run
from harness.run.raised import Raised, WorkerTraceback
from harness.run.request import Request
from harness.run.worker_process import own_device
from harness.run.workers import _received
from harness.types import Failure, Generation, Response, Sample

BROKEN = '''\
class Broken:
    """Answers its first clip, and trips over the second."""

    def identity(self):
        return {"name": "broken"}

    def generate(self, samples, generation):
        from harness.types import Response

        for number, sample in enumerate(samples):
            for prompt in sample.prompts:
                yield Response(prompt.key, {0: "A"}[number])
'''


class Odd(Exception):
    """An error that cannot be made again of its words."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


@dataclass(frozen=True)
class Raising:
    """Raises as soon as it is asked."""

    error: str = "bug"
    hook: Callable[[], None] | None = None

    def identity(self) -> dict[str, str]:
        return {"error": self.error}

    def generate(
        self, samples: Iterator[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        next(iter(samples))
        if self.error == "bug":
            raise ZeroDivisionError("7 / 0")
        if self.error == "odd":
            raise Odd("one", "two")
        raise ModelError("the checkpoint is damaged: fetch it again")
        yield


def request(folder: Path, backend: Any, workers: int = 2) -> Request:
    words = ["backend=fake", "limit=6", "video.workers=0", f"results={folder}"]
    return replace(compose(words), backend=backend, workers=workers)


def quiet(line: str) -> None:
    pass


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_of_a_model_is_raised_as_what_it_is(tmp_path: Path, workers: int) -> None:
    asked = request(tmp_path, Raising(), workers)
    with pytest.raises(ZeroDivisionError, match="7 / 0") as caught:
        run(asked, quiet, progress=False)
    if workers == 2:
        assert isinstance(caught.value.__cause__, WorkerTraceback)
        assert 'raise ZeroDivisionError("7 / 0")' in str(caught.value.__cause__)
    assert not read_records(asked.folder()), "no clip was blamed"


def test_an_error_that_cannot_be_sent_is_raised_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Odd: one and two"):
        run(request(tmp_path, Raising("odd")), quiet, progress=False)


def test_what_is_raised_on_purpose_stays_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fetch it again") as caught:
        run(request(tmp_path, Raising("model")), quiet, progress=False)
    assert caught.value.__cause__ is None


def test_a_model_that_cannot_be_sent_to_a_worker_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, Raising(hook=lambda: None))
    with pytest.raises(RequestError, match="workers=2: the request cannot be sent"):
        run(asked, quiet, progress=False)


def test_a_user_is_shown_the_lines_of_a_bug_in_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_model.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    from broken_model import Broken  # type: ignore[import-not-found]

    asked = request(tmp_path / "results", Broken())
    assert ended(lambda: run(asked, quiet, progress=False) and 0) == 1
    said = capsys.readouterr().err
    assert said.startswith("harness: a bug in broken_model.py, line 12, in generate: KeyError: 1")
    assert read_records(asked.folder()), "what was answered before is kept"


def test_raised_travels_with_its_frames() -> None:
    try:
        raise KeyError("b")
    except KeyError as error:
        sent = pickle.loads(pickle.dumps(Raised.of(error)))
    found = sent.error()
    assert isinstance(found, KeyError)
    assert isinstance(found.__cause__, WorkerTraceback)
    assert found.__cause__.frames[-1].name == "test_raised_travels_with_its_frames"


def test_a_worker_that_dies_in_the_middle_of_a_message_has_died() -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.send(("begin", None))
    os.write(theirs.fileno(), struct.pack("!i", 100) + b"half of it")
    theirs.close()
    assert _received(ours) == ("begin", None)
    assert _received(ours) is None


@pytest.mark.parametrize(
    ("visible", "shown"),
    [(None, ["0", "1", "2"]), ("", ["", "", ""]), ("4,7", ["4", "7", "4"])],
)
def test_a_worker_is_shown_one_gpu_of_those_that_the_run_may_see(
    visible: str | None, shown: list[str]
) -> None:
    assert [own_device(worker, visible) for worker in range(3)] == shown


def test_more_workers_than_gpus_share_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-caps"):
        (tmp_path / name).touch()
    monkeypatch.setattr(worker_process, "DEVICES", tmp_path)
    assert [own_device(worker, None) for worker in range(3)] == ["0", "1", "0"]


@dataclass(frozen=True)
class Spread:
    """A model over several GPUs, as vLLM's (``world_size``) or accelerate's (``device_map``)."""

    world_size: int = 1
    device_map: str | None = None

    def identity(self) -> dict[str, str]:
        return {"name": "spread"}

    def generate(
        self, samples: Iterator[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        raise AssertionError


@pytest.mark.parametrize(
    ("model", "said"),
    [(Spread(world_size=2), r"over 2 GPUs \(backend.gpus\)"), (Spread(device_map="auto"), "=auto")],
)
def test_local_workers_do_not_spread_a_model_over_gpus_they_cannot_see(
    tmp_path: Path, model: Spread, said: str
) -> None:
    request = compose(["task=demo", "backend=fake", f"results={tmp_path}", "workers=2"])
    with pytest.raises(RequestError, match=f"^workers=2: .*{said}: write workers=1, or runner=ray"):
        run(replace(request, backend=model), print, progress=False)
    assert not list(tmp_path.iterdir())
