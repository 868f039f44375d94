"""Running a request: the plan, the loop, the journal on disk, worker processes."""
