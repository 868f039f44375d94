"""``python -m harness.leaderboard …``: the same as ``harness leaderboard …``."""

from harness.cli import console

if __name__ == "__main__":
    console("leaderboard")
