"""Processes that train side by side, one thread each: same weights, other samples, gradients averaged."""

import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from nvc.train.prepare import one_thread


@dataclass(frozen=True, slots=True)
class Group:
    """This process among all: rank 0 .. world - 1. Alone (world 1) nothing is sent."""

    rank: int = 0
    world: int = 1

    def mean_(self, tensors: list[Tensor]) -> None:
        """Replace float32 tensors by their mean over all processes, as one message."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def from_first(self, value: object) -> object:
        """The value that rank 0 gave."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, values: list) -> list:
        """All processes' values, by rank."""
        if self.world == 1:
            return values
        boxes: list = [None] * self.world
        dist.all_gather_object(boxes, values)
        return [value for box in boxes for value in box]


def run_workers(work: Callable[..., None], world: int, *arguments: object) -> None:
    """``work(group, *arguments)`` in ``world`` processes; in this one where it is alone. The first error ends all."""
    if world == 1:
        work(Group(), *arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        torch.multiprocessing.spawn(_enter, (world, str(meeting), work, arguments), nprocs=world, daemon=True)


def _enter(rank: int, world: int, meeting: str, work: Callable[..., None], arguments: tuple) -> None:
    one_thread()
    if any(name == "lo" for _, name in socket.if_nameindex()):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        work(Group(rank, world), *arguments)
    finally:
        dist.destroy_process_group()


def fast_bf16(device: str) -> bool:
    """Whether bf16 is computed and not emulated, which would be many times slower than fp32."""
    if device != "cpu":
        return True
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and torch.cpu._is_avx512_bf16_supported()
