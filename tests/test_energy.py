"""The energy of a run's GPUs, by a stand-in for NVML that counts up."""

import json
import sys
import types

import pytest

from harness.cli import main
from harness.errors import JournalError
from harness.report import html, plots, runs, site
from harness.run import energy, loop


class NVMLError(Exception):
    """As pynvml's."""


@pytest.fixture
def nvml(monkeypatch):
    """Two GPUs that take 1 and 10 joules between one reading and the next."""
    counted = {"0": 0, "1": 0, "GPU-b": 0}

    def consumed(device):
        counted[device] += {"0": 1000, "1": 10_000, "GPU-b": 10_000}[device]
        return counted[device]

    fake = types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=str,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=consumed,
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


@pytest.mark.parametrize(
    ("visible", "read"),
    [(None, 11.0), ("1", 10.0), ("0, 1", 11.0), ("GPU-b", 10.0), ("", None), ("MIG-1", None)],
)
def test_only_visible_gpus_are_counted(nvml, monkeypatch, visible, read):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert energy.joules() == read


def test_without_nvml_or_a_driver_or_a_counter_nothing_is_known(nvml, monkeypatch):
    def refuse(*_):
        raise NVMLError

    with monkeypatch.context() as changed:
        changed.setattr(nvml, "nvmlDeviceGetTotalEnergyConsumption", refuse)
        assert energy.joules() is None
    monkeypatch.setattr(nvml, "nvmlInit", refuse)
    assert energy.joules() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy.joules() is None


def test_sessions_add_up_and_an_unmeasured_one_leaves_nothing(tmp_path, nvml):
    for questions in (4, 2):
        energy.keep(tmp_path, energy.joules(), questions)
    assert energy.total(tmp_path, 6) == 22.0
    assert energy.total(tmp_path, 7) is None
    assert energy.total(tmp_path / "nothing", 1) is None
    (tmp_path / energy.FILE).write_text("{")
    assert energy.total(tmp_path, 6) is None


def test_a_disk_that_refuses_the_line_is_one_line(tmp_path, nvml):
    (tmp_path / energy.FILE).mkdir()
    with pytest.raises(JournalError, match=r"energy\.jsonl: cannot write \(Is a directory\)"):
        energy.keep(tmp_path, energy.joules(), 4)
    (tmp_path / energy.FILE).rmdir()
    energy.keep(tmp_path, energy.joules(), 4)
    with (tmp_path / energy.FILE).open("a") as file:
        file.write('{"jou')  # a crash
    energy.keep(tmp_path, energy.joules(), 2)
    whole, torn, last = (tmp_path / energy.FILE).read_text().splitlines()
    assert torn == '{"jou'
    assert json.loads(whole)["questions"] + json.loads(last)["questions"] == 6


def test_a_measured_run_says_it_in_its_summary_its_page_and_on_the_site(
    tmp_path, nvml, monkeypatch
):
    words = ["task=demo", "backend=fake", "limit=2", f"results={tmp_path}"]
    assert main([*words, "frames=1"]) == 0  # the fake model computes on no GPU
    monkeypatch.setattr(loop, "_measurable", lambda request: True)
    for count in (2, 2, 4):  # the second time nothing is asked, and what was measured stays
        assert main([*words, f"frames={count}"]) == 0
    found = {run.frames: run for run in runs.find(tmp_path)[0]}
    assert {count: run.summary.energy for count, run in found.items()} == {
        1: None,
        2: 11.0,
        4: 11.0,
    }
    plain = json.loads((found[2].folder / "summary.json").read_text())
    assert plain["energy"] == 11.0
    assert "0.011 kJ of its GPUs" in html.page(found[2])
    assert "of its GPUs" not in html.page(found[1])
    made = plots.write(list(found.values()), tmp_path / "plots", ["svg"])
    assert "demo-energy.svg" in {path.name for path in made}
    assert '"energy (kJ)":{"text":"0.011","value":0.011}' in site.leaderboard(list(found.values()))
