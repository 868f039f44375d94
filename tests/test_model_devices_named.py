"""A device that is none, or is not here, is one line before any weights load."""

from __future__ import annotations

import pytest
import torch

from harness.errors import RequestError
from harness.models.transformers import Transformers, devices
from harness.models.transformers.text import TextModel

HERE = "harness/demo/checkpoints/tiny_video"


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("tpu", "backend.device=tpu: torch knows no such device; write auto, cpu, cuda or cuda:N"),
        ("", "backend.device=: torch knows no such device"),
        ("cuda:x", "backend.device=cuda:x: torch knows no such device"),
        ("cuda:99", "backend.device=cuda:99: no such GPU (t"),
        ("meta", "backend.device=meta: not on this machine; write auto or cpu"),
    ],
)
def test_a_device_that_is_not_here_is_one_line(device: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        Transformers(HERE, device=device).memory(8)
    assert str(caught.value).startswith(said)
    with pytest.raises(RequestError) as caught:
        _ = TextModel("harness/demo/checkpoints/tiny_judge", device=device)._model
    assert str(caught.value).startswith(said)


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.resolved("cuda") == "cuda"
    assert devices.resolved("cuda:1") == "cuda:1"
    with pytest.raises(RequestError, match=r"cuda:2: no such GPU \(there are 2, from 0 on\)"):
        devices.resolved("cuda:2")
