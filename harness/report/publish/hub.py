"""The hub's ``.eval_results/*.yaml`` of a model repository.

Format: huggingface/hub-docs, docs/hub/eval-results.md and eval_results.yaml, commit 242f4a1. It has
one value and no interval, so interval, n and protocol go into ``notes``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.errors import DataError, RequestError
from harness.names import one_line
from harness.report.publish import facts
from harness.report.runs import Run
from harness.report.tables import interval, number


def entry(
    run: Run, board: Mapping[str, Any], *, dataset: str = "", task_id: str = "", url: str = ""
) -> dict[str, Any]:
    """One result. ``board`` is the data set's own eval.yaml: its tasks are the only ones accepted.

    Raises RequestError for a run that is no result, a data set that is not known, or a task id that
    eval.yaml does not hold.
    """
    facts.finished(run, "a model's repository")
    dataset = dataset or facts.data_set(run)
    if not dataset:
        raise RequestError(f"{run.folder}: the data set is not known; name it with --dataset")
    summary = run.summary
    main = summary.main
    if math.isnan(main.estimate.value):
        raise RequestError(
            f"{run.folder}: its {summary.headline} is not known (no answer counts, or labels "
            "are hidden); a model's repository takes a number"
        )
    told = {"id": dataset, "task_id": _task_id(board, task_id, dataset)}
    revision = (run.request.get("data") or {}).get("revision")
    if revision and dataset == facts.data_set(run):  # another's commits are not its own
        told["revision"] = str(revision)
    made: dict[str, Any] = {
        "dataset": told,
        "value": float(number(main.estimate.value, main.unit)),
        "date": facts.started(run).isoformat(timespec="seconds"),
    }
    if url:
        made["source"] = {"url": url, "name": "evaluation run"}
    frames = f", {run.frames} frames" if run.frames else ""
    made["notes"] = (
        f"{summary.headline} {interval(main.estimate, main.unit)} (95% interval, clustered by "
        f"video), {main.estimate.n} questions on {main.estimate.clusters} videos{frames}; protocol "
        f"{facts.protocol_hash(run)}, run {run.id}"
    )
    return made


def board_of(dataset: str) -> Mapping[str, Any]:
    """The data set's eval.yaml, fetched. Raises DataError where it has none or it is unreadable."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        path = hf_hub_download(dataset, "eval.yaml", repo_type="dataset")
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise DataError(
            f"{dataset}: its eval.yaml cannot be had ({type(error).__name__}); only a data set "
            "with one takes results: name another with --dataset, or give it with --board"
        ) from error
    except yaml.YAMLError as error:
        raise DataError(f"{dataset}: its eval.yaml is no YAML") from error
    if not isinstance(found, Mapping):
        raise DataError(f"{dataset}: its eval.yaml holds no tasks")
    return found


def text(made: Mapping[str, Any]) -> str:
    """The file's text: a list of one result."""
    return str(yaml.safe_dump([dict(made)], sort_keys=False, allow_unicode=True))


def push(path: Path, repo: str) -> str:
    """Opens a pull request that adds the file to the model's repository; returns its address, or
    the file's where it stands there already, just so.

    Raises RequestError when the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    from harness.data.hub_private import HTTPError

    place = f".eval_results/{path.name}"
    try:
        done = HfApi().upload_file(
            path_or_fileobj=path,
            path_in_repo=place,
            repo_id=repo,
            create_pr=True,
            commit_message=f"Add an evaluation result ({path.stem})",
        )
    except HfHubHTTPError as error:
        login = {401: "; log in with `hf auth login`", 403: "; log in with a token that may write"}
        status = error.response.status_code
        raise RequestError(
            f"--push {repo}: the hub refused the pull request ({one_line(error)})"
            + login.get(status, "")
        ) from error
    except (HTTPError, ValueError, OSError) as error:
        raise RequestError(f"--push {repo}: not sent ({one_line(error)})") from error
    return str(done.pr_url or f"{done.repo_url}/blob/main/{place}")


def _task_id(board: Mapping[str, Any], wanted: str, dataset: str) -> str:
    tasks = board.get("tasks")
    listed = tasks if isinstance(tasks, list) else []
    ids = [str(task["id"]) for task in listed if isinstance(task, Mapping) and "id" in task]
    if not ids:
        raise RequestError(f"{dataset}: its eval.yaml names no task; it takes no results")
    if wanted in ids:
        return wanted
    if not wanted and len(ids) == 1:
        return ids[0]
    asked = f"has no task {wanted!r}" if wanted else "has several tasks"
    raise RequestError(f"{dataset}: its eval.yaml {asked}; write --task-id {' or '.join(ids)}")
