"""What is said about runs: leaderboard, comparisons, audits, the gate. No model is run here."""
