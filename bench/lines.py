"""The lines of a benchmark: which encoder, asked how, compared with which other line.

x265 stands for itself four times: (a) medium and (b) veryslow, both tuned for PSNR and with I frames as ours; (c)
veryslow with low delay, for ours with low delay; (d) medium as a user types it. SVT-AV1 and VVenC stand beside.
Every coder runs with one thread inside: the bytes then are the same on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nvc.bench.anchors import Anchor
from nvc.bench.child import ffmpeg_exe
from nvc.bench.ours import Ours
from nvc.bench.sequences import Profile
from nvc.errors import UsageError

Family = Literal["nvc", "x265", "svt-av1", "vvenc"]
_PLAIN = "info=0:log-level=none:pools=none:frame-threads=1:wpp=0"


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a benchmark.

    id, name   for commands and files; for tables
    family     which coder
    role       (a) to (d) for x265's lines, "" for others
    variant    what the family's command is built from: preset, mode or structure
    against    ids of the lines it is compared with; the first is its headline
    """

    id: str
    name: str
    family: Family
    role: str = ""
    variant: str = ""
    against: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether our own codec makes it."""
        return self.family == "nvc"

    @property
    def ending(self) -> str:
        """Ending of the coded file."""
        return {"nvc": ".nvc", "x265": ".hevc", "svt-av1": ".ivf", "vvenc": ".vvc"}[self.family]

    def settings(self, profile: Profile) -> tuple[int, ...]:
        """Points of this line in a profile."""
        by_family = {"nvc": profile.qualities, "x265": profile.crfs, "svt-av1": profile.av1_crfs}
        return by_family.get(self.family, profile.vvc_qps)


_BESIDE = ("x265-veryslow",)
LINES = (
    Line("nvc-ra", "nvc neural", "nvc", variant="ra",
         against=("x265-veryslow", "x265-medium", "x265-plain", "x265-veryslow-open", "svt-av1-6", "vvenc-faster")),
    Line("nvc-ld", "nvc neural, low delay", "nvc", variant="ld", against=("x265-veryslow-ld",)),
    Line("layered-medium", "nvc layered on medium", "nvc", variant="layered medium", against=("x265-medium",)),
    Line("layered-veryslow", "nvc layered on veryslow", "nvc", variant="layered veryslow", against=("x265-veryslow",)),
    Line("x265-medium", "x265 medium", "x265", "a", "medium"),
    Line("x265-veryslow", "x265 veryslow", "x265", "b", "veryslow"),
    Line("x265-veryslow-ld", "x265 veryslow, low delay", "x265", "c", "veryslow ld"),
    Line("x265-plain", "x265 medium, as typed", "x265", "d", "plain"),
    Line("x265-veryslow-open", "x265 veryslow, open GOP", "x265", "", "veryslow open"),
    Line("svt-av1-6", "SVT-AV1 preset 6", "svt-av1", "", "6", _BESIDE),
    Line("vvenc-faster", "VVenC faster", "vvenc", "", "faster", _BESIDE),
)  # fmt: skip


def line_by_id(name: str) -> Line:
    """A line by its id. Raises UsageError for one that is not there."""
    for line in LINES:
        if line.id == name:
            return line
    raise UsageError(f"{name!r} is no line of a benchmark; there are: {', '.join(line.id for line in LINES)}")


def ours_of(line: Line, keyint: int) -> Ours:
    """How ``nvc encode`` is asked for a line of ours."""
    words = line.variant.split()
    if words[0] == "layered":
        return Ours("layered", "ra", keyint, extra=("--base-preset", words[1]))
    return Ours("neural", words[0], keyint)


def encode_command(
    line: Line, source: str, out: str, setting: float, *, keyint: int, frames: int | None, pixel_format: str
) -> list[str]:
    """Command line of a foreign coder; source and out are names as ffmpeg takes them."""
    build = {"x265": _x265_options, "svt-av1": _svt_options, "vvenc": _vvenc_options}[line.family]
    options = build(line, setting, keyint, pixel_format)
    if line.family == "x265" and line.variant != "plain":
        return _anchor(line, keyint).command(source, out, setting, frames, pixel_format)
    return _compile(source, out, frames, options)


def encode_words(line: Line, setting: float, *, keyint: int, frames: int | None, pixel_format: str) -> str:
    """The command as one line to read, SOURCE and OUT for the files."""
    if line.is_ours:
        words = ours_of(line, keyint).encode_words(int(setting), frames, 1)
        return " ".join(["nvc", "encode", "SOURCE", "OUT", *words, "--no-audio"])
    command = encode_command(line, "SOURCE", "OUT", setting, keyint=keyint, frames=frames, pixel_format=pixel_format)
    return " ".join(["ffmpeg", *command[1:]])


def _anchor(line: Line, keyint: int) -> Anchor:
    preset, *more = line.variant.split()
    return Anchor(preset, keyint, "ld" if "ld" in more else "ra", open_gop="open" in more)


def _compile(source: str, out: str, frames: int | None, options: dict) -> list[str]:
    import ffmpeg

    limit = {} if frames is None else {"frames:v": frames}
    video = ffmpeg.input(source, noautorotate=None)["v:0"]
    stream = video.output(out, an=None, sn=None, dn=None, **limit, fps_mode="passthrough", **options)
    return stream.global_args("-nostdin", "-v", "error").overwrite_output().compile(cmd=ffmpeg_exe())


def _x265_options(line: Line, crf: float, keyint: int, pixel_format: str) -> dict:
    """Line (d): nothing but preset and CRF; only threads and the information message are held as in all lines."""
    return {"c:v": "libx265", "preset": "medium", "crf": crf, "x265-params": _PLAIN, "pix_fmt": pixel_format,
            "f": "hevc"}  # fmt: skip


def _svt_options(line: Line, crf: float, keyint: int, pixel_format: str) -> dict:
    """tune=1 is PSNR, irefresh-type=2 closed GOPs."""
    params = "irefresh-type=2:scd=0:lp=1:tune=1"
    return {"c:v": "libsvtav1", "preset": line.variant, "crf": crf, "g": keyint, "svtav1-params": params,
            "pix_fmt": pixel_format, "f": "ivf"}  # fmt: skip


def _vvenc_options(line: Line, qp: float, keyint: int, pixel_format: str) -> dict:
    """qpa=0 leaves PSNR alone. VVenC takes 10 bits only: 8-bit sources are coded as 10 and rounded when measured."""
    params = f"intraperiod={keyint}:decodingrefreshtype=idr:threads=1:gopsize=32"
    return {"c:v": "libvvenc", "preset": line.variant, "qp": qp, "qpa": 0, "pix_fmt": "yuv420p10le",
            "vvenc-params": params, "f": "vvc"}  # fmt: skip


def comparisons(ids: Sequence[str]) -> tuple[tuple[Line, Line], ...]:
    """(test, anchor) for every comparison that the lines at hand allow, in the order of LINES."""
    pairs = []
    for line in LINES:
        pairs += [(line, line_by_id(other)) for other in line.against if line.id in ids and other in ids]
    return tuple(pairs)


def matched_pair(ids: Sequence[str]) -> tuple[Line, Line] | None:
    """(ours, x265) that a run also shows at equal bytes: the first such comparison of the lines at hand."""
    pairs = ((test, anchor) for test, anchor in comparisons(ids) if test.is_ours and anchor.family == "x265")
    return next(pairs, None)
