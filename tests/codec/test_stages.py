"""Time by stage."""

import threading

import pytest

from nvc.codec.stages import Stages


def test_times_add_up_by_name_over_threads() -> None:
    stages = Stages()

    def work() -> None:
        for _ in range(20):
            with stages.time("a"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    before = stages.seconds["a"]
    assert before > 0
    with stages.time("a"), stages.time("b"):
        pass
    assert stages.seconds["a"] > before
    assert set(stages.seconds) == {"a", "b"}


def test_time_counts_when_the_block_fails() -> None:
    stages = Stages()
    with pytest.raises(KeyError), stages.time("a"):
        raise KeyError
    assert stages.seconds["a"] >= 0
