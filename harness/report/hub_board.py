"""The rows of the hub's own leaderboard of a benchmark's data set, as published values.

A benchmark's data set ranks what stands in models' ``.eval_results/*.yaml``: one value a model,
without interval or n, by whoever opened the pull request (huggingface/hub-docs 242f4a1,
docs/hub/eval-results.md; the rows: ``HfApi.get_dataset_leaderboard``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.data.network import why_offline
from harness.errors import DataError
from harness.names import one_line
from harness.report.published import Published, stable_name

TIMEOUT = 10.0
"""Seconds that the hub may take."""


def rows(dataset: str, benchmark: str) -> list[Published]:
    """Every row of the leaderboard of ``dataset``, best first, as values of ``benchmark``.

    Raises DataError, which says why, where there is no network, no such leaderboard, or none that
    can be read.
    """
    from huggingface_hub import HfApi, __version__
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    from harness.data.hub_private import HTTPError

    if reason := why_offline():
        raise DataError(reason)
    if not hasattr(HfApi, "get_dataset_leaderboard"):
        raise DataError(f"huggingface_hub {__version__} is too old to read leaderboards")
    try:
        found = HfApi().get_dataset_leaderboard(dataset, base_model_only=False, timeout=TIMEOUT)
    except GatedRepoError as error:
        raise DataError("it is gated: log in with `hf auth login`") from error
    except HfHubHTTPError as error:
        raise DataError(f"it has no leaderboard ({error.response.status_code})") from error
    except (HTTPError, OSError) as error:
        raise DataError(f"the hub cannot be read ({one_line(error)})") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"its leaderboard is not what it should be ({error!r})") from error
    return _published(found, dataset, benchmark)


def _published(found: Sequence[Any], dataset: str, benchmark: str) -> list[Published]:
    """Values are percentages, unless none on the whole board is above 1: then they are shares."""
    known = [entry for entry in found if isinstance(entry.value, int | float)]
    shares = all(0 <= entry.value <= 1 for entry in known)
    return [_row(entry, dataset, benchmark, 100 if shares else 1) for entry in known]


def _row(entry: Any, dataset: str, benchmark: str, times: int) -> Published:
    source = entry.source if isinstance(entry.source, dict) else {}
    notes = [str(entry.notes)] if entry.notes else []
    notes += [f"pull request {entry.pull_request}"] if entry.pull_request else []
    return Published(
        **dict.fromkeys(Published.__dataclass_fields__, "")
        | {
            "model": stable_name(str(entry.model_id)),
            "benchmark": benchmark,
            "split": "unknown",
            "metric": "accuracy",
            "value": f"{times * entry.value:.10g}",
            "scale": "100",
            "trust": "hub, verified" if entry.verified else "hub",
            "source": f"hub leaderboard of {dataset}, rank {entry.rank}",
            "url": str(source.get("url") or f"https://huggingface.co/{entry.model_id}"),
            "printed_as": f"{entry.value:.10g}",
            "note": "; ".join(notes),
        }
    )
