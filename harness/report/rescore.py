"""A run's kept responses scored again, by its own judge or another, without the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.build import build
from harness.report import html
from harness.report.runs import Run, load
from harness.report.summary import Summary
from harness.run.journal import Journal, write_atomically
from harness.run.judge_stage import judge_stage
from harness.run.judging import Tell
from harness.run.request import run_id
from harness.run.scoring import rewrite, score_records
from harness.types import Model


def judge_of(run: Run) -> Model | None:
    """The judge that the run was made with, built again; None where it had none."""
    settings = (run.request.get("settings") or {}).get("judge")
    if not isinstance(settings, Mapping):
        return None
    judge: Model = build(settings, f"{run.folder}/request.json: settings.judge")
    return judge


def rescore(
    run: Run,
    judge: Model | None,
    settings: Mapping[str, Any] | None,
    results: Path,
    tell: Tell = print,
) -> tuple[Path, Summary]:
    """The folder with the new scores, and its summary.

    Another ``judge`` than the run's own (built from ``settings``) gets the folder and id that a run
    with it would have had, beside the run's: the responses are copied. Calls already made are not
    made again. Raises JournalError when that folder is busy.
    """
    task, own = run.task_object, dict(judge.identity()) if judge is not None else None
    described, folder = dict(run.request), run.folder
    if own != run.request.get("judge"):
        identity = {key: value for key, value in run.identity.items() if key != "frames"}
        id = run_id({**identity, "judge": own})
        folder = run.folder.with_name(id)
        asked = {**(run.request.get("settings") or {}), "judge": settings}
        described = {**described, "id": id, "judge": own, "settings": asked}
    unscored = [
        r if r.status == "failed" else replace(r, score=None, status="unscored", reason=None)
        for r in run.records
    ]
    with Journal(folder, described):
        records = score_records(task, unscored)
        records, facts = judge_stage(task.scorer, judge, records, folder, results, tell)
        rewrite(folder, records)
        (folder / "summary.json").unlink(missing_ok=True)
        made = replace(load(folder).summarised(records), judge=facts, waited=run.summary.waited)
        text = json.dumps(made.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(folder / "summary.json", text + "\n")
        write_atomically(folder / "report.html", html.page(load(folder)))
    return folder, made
