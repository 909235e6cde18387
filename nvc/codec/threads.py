"""How many worker threads a job uses."""

import os


def worker_count(threads: int) -> int:
    """``threads``, or the CPUs this process may use where it is 0."""
    if threads > 0:
        return threads
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1))
