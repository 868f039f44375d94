"""The pages: one run, two runs side by side, a leaderboard; each opens from a file."""
