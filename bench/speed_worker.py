"""One timed job in a process of its own, for nvc.bench.speed: reads a JSON job, prints a JSON result.

A process for each job keeps its peak memory its own and its start-up apart from its speed.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from nvc.types import Frame, Settings, VideoInfo


def main(argument: str) -> None:
    """Do the job of one JSON object and print its result as one line of JSON."""
    job = json.loads(argument)
    if job["job"] == "convolution":
        result = convolution_peaks(job["threads"])
    else:
        settings = Settings(**{**job["settings"], "disable": frozenset(job["settings"]["disable"])})
        start = time.perf_counter()
        warm_up(settings)
        startup = time.perf_counter() - start
        work = encode if job["job"] == "encode" else decode
        result = {**work(job["source"], job["out"], settings), "startup": startup, "peak_bytes": peak_bytes()}
    print(json.dumps(result))


def encode(source: str, out: str, settings: Settings) -> dict:
    """Encode a file as the pipeline does, with a clock on each stage."""
    from nvc.codec.encoder import Encoder
    from nvc.codec.stages import Stages
    from nvc.container import StreamWriter
    from nvc.io import open_video

    stages, clock, frames = Stages(), {"read": 0.0, "write": 0.0}, 0
    start = time.perf_counter()
    with open_video(source) as video, open(out, "wb") as file:
        encoder, incoming = Encoder(video.info, settings, stages=stages), iter(video)
        writer: StreamWriter | None = None
        more = True
        while more:
            frame = _timed(clock, "read", next, incoming, None)
            more = frame is not None
            packets = encoder.push(frame) if more else encoder.flush()
            writer = writer or StreamWriter(file, encoder.header)
            for packet in packets:
                _timed(clock, "write", writer.write, packet)
            frames += more
        if writer is not None:
            _timed(clock, "write", writer.close)
    return _result(frames, time.perf_counter() - start, {**stages.seconds, **clock})


def decode(source: str, out: str, settings: Settings) -> dict:
    """Decode a file as the pipeline does, with a clock on each stage."""
    from nvc.codec.decoder import Decoder
    from nvc.codec.schedule import default_entries
    from nvc.codec.stages import Stages
    from nvc.container import StreamReader
    from nvc.io import open_writer
    from nvc.types import Packet

    stages, clock, frames = Stages(), {"read": 0.0, "write": 0.0}, 0
    start = time.perf_counter()
    with open(source, "rb") as file:
        reader = StreamReader(file, schedule=default_entries)
        decoder = Decoder(reader.header, threads=settings.threads, device=settings.device,
                          precision=settings.precision, stages=stages)  # fmt: skip
        with open_writer(out, reader.header.info) as writer:
            items, item = iter(reader.items()), True
            while item is not None:
                item = _timed(clock, "read", next, items, None)
                done = decoder.flush() if item is None else decoder.push(item) if isinstance(item, Packet) else []
                for frame in done:
                    _timed(clock, "write", writer.write, frame)
                frames += len(done)
    return _result(frames, time.perf_counter() - start, {**stages.seconds, **clock})


def _timed(clock: dict[str, float], name: str, work: Callable, *arguments):
    """What work returns; its time goes to the clock's name."""
    start = time.perf_counter()
    value = work(*arguments)
    clock[name] += time.perf_counter() - start
    return value


def _result(frames: int, seconds: float, stages: dict[str, float]) -> dict:
    stages["other"] = max(0.0, seconds - sum(stages.values()))
    return {"frames": frames, "seconds": seconds, "stages": stages}


def warm_up(settings: Settings) -> None:
    """Code four tiny frames both ways, so that imports, tables and compiled loops are there before the clock starts."""
    from nvc.codec.decoder import Decoder
    from nvc.codec.encoder import Encoder

    info = VideoInfo(64, 64, Fraction(1, 25), Fraction(25))
    rows, columns = np.mgrid[:64, :64]
    encoder, packets = Encoder(info, settings), []
    for i in range(4):
        luma = ((rows * 3 + columns * 5 + 7 * i) % 256).astype(np.uint8)
        packets += encoder.push(Frame(luma, luma[::2, ::2].copy(), luma[1::2, 1::2].copy(), i, info, 1))
    packets += encoder.flush()
    decoder = Decoder(encoder.header, threads=settings.threads, device=settings.device, precision=settings.precision)
    for packet in packets:
        decoder.push(packet)
    decoder.flush()


def peak_bytes() -> int:
    """Largest resident memory of this process, in bytes.

    ru_maxrss of a child begins with what its parent held at the fork, so the kernel's own mark is read first.
    """
    try:
        mark = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    except OSError:
        mark = None
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(mark.group(1)) * 1024 if mark else own


def convolution_peaks(threads: list[int], seconds: float = 0.5) -> dict[str, float]:
    """GFLOP/s of torch's own 3x3 convolution of 64 channels, channels last, best of what fits in ``seconds`` each."""
    import torch

    found = {}
    for kind in (torch.bfloat16, torch.float32):
        x = torch.randn(1, 64, 120, 208).to(kind).contiguous(memory_format=torch.channels_last)
        w = torch.randn(64, 64, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)
        work = 2 * x.numel() * w[0].numel() / 1e9
        for count in threads:
            torch.set_num_threads(count)
            best = _best_seconds(lambda x=x, w=w: torch.nn.functional.conv2d(x, w, padding=1), seconds)
            name = "bf16" if kind is torch.bfloat16 else "fp32"
            found[f"{name}, {count} thread{'s' * (count > 1)}"] = work / best
    return found


def _best_seconds(work: Callable, seconds: float) -> float:
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    main(sys.argv[1])
