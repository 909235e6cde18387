from pathlib import Path

import torch

from nvc.train.workers import Group, run_workers


def test_alone_nothing_is_sent():
    values = [torch.tensor([1.0, 2.0])]
    Group().mean_(values)
    assert values[0].tolist() == [1, 2] and Group().from_first(7) == 7 and Group().gather([3]) == [3]


def work(group: Group, folder: str) -> None:
    values = [torch.full((2, 3), float(group.rank)), torch.tensor([4.0 * group.rank])]
    group.mean_(values)
    told = group.from_first(f"from {group.rank}")
    found = group.gather([group.rank, 10 * group.rank])
    text = f"{values[0].unique().tolist()} {values[1].tolist()} {told} {found} {torch.get_num_threads()}"
    (Path(folder) / str(group.rank)).write_text(text)


def test_two_processes_agree(tmp_path):
    run_workers(work, 2, str(tmp_path))
    assert [(tmp_path / str(k)).read_text() for k in range(2)] == ["[0.5] [2.0] from 0 [0, 0, 1, 10] 1"] * 2
