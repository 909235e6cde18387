"""One job of a benchmark in a process of its own: encode, decode what was written, measure; JSON in, JSON out."""

import hashlib
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvc.bench.anchors import content_hash
from nvc.bench.child import ffmpeg_exe, file_url, run
from nvc.bench.crop import make_crop
from nvc.bench.lines import Line, encode_command, line_by_id, ours_of
from nvc.bench.ours import decode_nvc, encode_nvc
from nvc.bench.planes import (
    Picture,
    PlanePsnr,
    PlaneReader,
    mean_quality,
    probe_picture,
    quality_by_frame,
    write_y4m,
)
from nvc.bench.structure import ms_ssim_by_frame, ms_ssim_db
from nvc.bench.vmaf import measure_vmaf
from nvc.bench.x265_frames import noting_sizes, x265_pictures
from nvc.bench.xpsnr import measure_xpsnr
from nvc.errors import FormatError, NvcError
from nvc.metrics import psnr_611

_IVF_HEAD, _IVF_FRAME_HEAD = 32, 12


@dataclass(frozen=True, slots=True)
class Task:
    """A job with its files: the source as a coder reads it, and a folder for what comes of it."""

    line: Line
    setting: float
    keyint: int
    frames: int | None
    source: Path
    work: Path
    crop: bool = False

    @property
    def coded(self) -> Path:
        """The coded file."""
        return self.work / f"coded{self.line.ending}"

    @property
    def decoded(self) -> Path:
        """The decoded file, at the source's bit depth."""
        return self.work / "decoded.y4m"

    @property
    def sizes(self) -> Path:
        """Where times and sizes of x265's packets are noted."""
        return self.work / "sizes.txt"


def main(argument: str) -> int:
    """Do the job of one JSON object (line, setting, keyint, frames, crop, source) and print its result as JSON."""
    job = json.loads(argument)
    try:
        with tempfile.TemporaryDirectory(prefix="nvc-job-") as work:
            values = {name: job[name] for name in ("setting", "keyint", "frames", "crop")}
            result = measure(Task(line_by_id(job["line"]), source=Path(job["source"]), work=Path(work), **values))
    except NvcError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(result))
    return 0


def measure(task: Task) -> dict:
    """Bytes, times and quality of one point.

    Frames are counted on both sides; every quality is of the decoded file as it lies on disk.
    """
    picture = probe_picture(task.source)
    start = time.perf_counter()
    _encode(task, picture)
    middle = time.perf_counter()
    _decode(task)
    end = time.perf_counter()
    if picture.bit_depth == 8 and task.line.family == "vvenc":
        round_to_8_bit(task.decoded, task.work / "rounded.y4m")
        (task.work / "rounded.y4m").replace(task.decoded)
    by_frame = quality_by_frame(task.source, task.decoded, task.frames)
    quality, rows = _quality(task, by_frame)
    return {
        "bytes": coded_bytes(task.coded),
        "sha256": content_hash(task.coded),
        "decoded_sha256": hashlib.sha256(task.decoded.read_bytes().partition(b"\n")[2]).hexdigest(),
        "frames": len(by_frame),
        "quality": quality,
        "by_frame": rows,
        "pictures": _pictures(task),
        "crop": make_crop(task.source, task.decoded, len(by_frame)) if task.crop else None,
        "encode_seconds": round(middle - start, 3),
        "decode_seconds": round(end - middle, 3),
    }


def _quality(task: Task, by_frame: list[PlanePsnr]) -> tuple[dict, dict]:
    """(means over frames by each measure, None where there is none; values of each frame)."""
    frames = len(by_frame)
    mean, vmaf = mean_quality(by_frame), measure_vmaf(task.source, task.decoded, frames)
    structure = ms_ssim_by_frame(task.source, task.decoded, frames)
    xpsnr = measure_xpsnr(_as_y4m(task), task.decoded, frames)
    ssim = sum(structure) / frames if structure else None
    quality = {name: getattr(mean, name) for name in ("psnr_y", "psnr_u", "psnr_v", "psnr_611")}
    quality |= {"vmaf": vmaf.vmaf, "vmaf_neg": vmaf.vmaf_neg, "ms_ssim": ssim}
    quality |= {"ms_ssim_db": None if ssim is None else ms_ssim_db(ssim)}
    quality |= {"xpsnr": sum(xpsnr) / frames if xpsnr else None}
    rows = {
        "psnr_y": [round(y, 4) for y, _, _ in by_frame],
        "psnr_611": [round(psnr_611(*row), 4) for row in by_frame],
        "vmaf_neg": [round(neg, 3) for _, neg in vmaf.by_frame],
        "ms_ssim": [round(value, 6) for value in structure or ()],
        "xpsnr": [round(value, 4) for value in xpsnr or ()],
    }
    return quality, rows


def _as_y4m(task: Task) -> Path:
    """The source in the pixel format of the decoded file, which the measure of XPSNR needs."""
    out = task.work / "source.y4m"
    write_y4m(task.source, out, task.frames)
    return out


def _encode(task: Task, picture: Picture) -> None:
    if task.line.is_ours:
        words = ours_of(task.line, task.keyint).encode_words(int(task.setting), task.frames, 1)
        encode_nvc(task.source, task.coded, [*words, "--no-audio"], threads=1)
        return
    command = encode_command(
        task.line, file_url(task.source), file_url(task.coded), task.setting, keyint=task.keyint, frames=task.frames,
        pixel_format=picture.pixel_format,
    )  # fmt: skip
    if task.line.family == "x265":
        command = noting_sizes(command, file_url(task.coded), str(task.sizes))
    run(command, threads=1)


def _decode(task: Task) -> None:
    if task.line.is_ours:
        decode_nvc(task.coded, task.decoded, threads=1)
        return
    import ffmpeg

    stream = ffmpeg.input(file_url(task.coded), threads=1)["v:0"]
    # passthrough: raw streams have no times, and a frame rate made up from nothing would repeat or drop frames
    stream = stream.output(file_url(task.decoded), f="yuv4mpegpipe", strict=-1, fps_mode="passthrough")
    run(stream.global_args("-nostdin", "-v", "error").overwrite_output().compile(cmd=ffmpeg_exe()), threads=1)


def coded_bytes(path: Path) -> int:
    """Bytes of a coded file; of an .ivf those of its packets alone, since AV1 needs no such file around it."""
    if path.suffix != ".ivf":
        return path.stat().st_size
    data, at, total = path.read_bytes(), _IVF_HEAD, 0
    if data[:4] != b"DKIF":
        raise FormatError(f"{path.name}: not an IVF file")
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        at, total = at + _IVF_FRAME_HEAD + size, total + size
    return total


def round_to_8_bit(source: Path, out: Path) -> None:
    """Write a 10-bit file's frames as 8-bit y4m, each sample rounded: a scaler would add its dither as noise."""
    with PlaneReader(source) as reader, open(out, "wb") as file:
        p = reader.picture
        rate = f"{p.frame_rate.numerator}:{p.frame_rate.denominator}"
        file.write(f"YUV4MPEG2 W{p.width} H{p.height} F{rate} Ip A1:1 C420jpeg\n".encode())
        shift = p.bit_depth - 8
        for planes in reader:
            file.write(b"FRAME\n")
            for plane in planes:
                wide = plane.astype(np.uint32) + (1 << shift >> 1)
                file.write(np.minimum(wide >> shift, 255).astype(np.uint8).tobytes())


def _pictures(task: Task) -> list[dict] | None:
    """Type, level, quality and bits of each frame of ours and x265's in display order; None for other files."""
    if task.line.family == "x265":
        return x265_pictures(task.coded, task.sizes)
    if not task.line.is_ours:
        return None
    from nvc.pipeline import probe_file

    return probe_file(str(task.coded))["pictures"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
