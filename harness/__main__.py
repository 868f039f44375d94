"""``python -m harness KEY=VALUE …``: compose the request, run it, print the table."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from harness.run.request import Request

HELP = """harness: measure how well a model understands video

  python -m harness task=videomme model=llava_next_video frames=32
  python -m harness -m model=tiny_image,tiny_video,tiny_video_dpo     a sweep
  python -m harness                                                   the built-in demo

Choose with GROUP=NAME:
{choices}

Set with KEY=VALUE (`--cfg job` prints all keys with their values):
{keys}

Then, each with --help:
  python -m harness.leaderboard | compare | gate | audit | export | data | doctor
"""


def main() -> None:
    """Runs what the command line asks for and exits: 0, 1 (questions failed), 2 (bad request)."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(_help())
        return
    sys.exit(_run())


def _run() -> int:
    import hydra

    from harness.choices import folders
    from harness.config import SETTING_ERRORS, explain, register

    codes: list[int] = []
    mine, built_in = folders()[:-1], folders()[-1]
    sys.argv[1:1] = [word for path in mine for word in ("--config-dir", str(path))]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach the handlers below
    register()
    try:
        hydra.main(config_path=str(built_in), config_name="config", version_base="1.3")(
            lambda config: codes.append(_job(config))
        )()
    except SETTING_ERRORS as error:
        return _complain(explain(error))
    return max(codes, default=0)


def _job(config: DictConfig) -> int:
    """One run of a sweep. Its error ends it alone; Ctrl-C ends the sweep."""
    from harness.config import SETTING_ERRORS, explain, request_from
    from harness.run.loop import plan, run

    try:
        request = request_from(config)
        if config.plan:
            print(plan(request))
            return 0
        outcome = run(request)
        _show(request)
    except SETTING_ERRORS as error:
        return _complain(explain(error))
    except HarnessError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to resume.", file=sys.stderr)
        sys.exit(130)
    print(f"\n{outcome.folder}")
    for line in outcome.complaints:
        print(f"harness: {line}", file=sys.stderr)
    return int(bool(outcome.complaints))


def _show(request: Request) -> None:
    """Prints the rankings of this request's task, and rewrites the leaderboard of all runs."""
    from harness.report import leaderboard, tables
    from harness.report.runs import find

    runs, _ = find(request.results)
    leaderboard.write(request.results, runs)
    runs = [run for run in runs if run.task == request.task]
    for title, members in leaderboard.rankings(runs).items():
        rows = tables.frame(leaderboard.cells(members, runs)).fillna("")
        print(f"\n{title}\n{rows.to_string(index=False)}")


def _complain(line: str) -> int:
    print(f"harness: {line}", file=sys.stderr)
    return 2


def _help() -> str:
    """The one screen of ``--help``, from the file names alone: no Hydra, no torch."""
    from harness.choices import choices, keys

    groups = ("task", "model", "backend", "sampling", "decoding")
    lines = [
        textwrap.fill(
            f"{group:<9} {'  '.join(choices(group))}",
            96,
            initial_indent="  ",
            subsequent_indent=" " * 12,
            break_on_hyphens=False,
        )
        for group in groups
    ]
    return HELP.format(choices="\n".join(lines), keys="frames:" + keys())


if __name__ == "__main__":
    main()
