"""Values that pass between rooms: frozen dataclasses that check themselves. NumPy only, no torch."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from nvc.errors import FormatError, LimitError, UsageError

MAX_SIDE = 16384
MAX_PIXELS = 2**26
MAX_MINI_GOP = 64
QUALITIES = 64
FrameType = Literal["I", "P", "B"]
Mode = Literal["neural", "layered"]
Structure = Literal["ra", "ld", "intra"]

# Tools that --disable knows. The header records which are off.
TOOLS = (
    "networks", "merge", "obmc", "scenecut", "rdoq", "bipred", "mirror", "split", "stills", "mctf", "alf", "contexts",
)  # fmt: skip


# Effort of the neural mode's encoder.
PRESETS = ("fast", "medium", "slow")


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """HDR10 mastering display in the units of the HEVC SEI.

    primaries   ((x, y) green, blue, red, white) in steps of 0.00002
    luminance   (max, min) in steps of 0.0001 cd/m2
    """

    primaries: tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
    luminance: tuple[int, int]

    def __post_init__(self) -> None:
        if any(not 0 <= v < 2**16 for pair in self.primaries for v in pair):
            raise FormatError(f"mastering primaries out of range: {self.primaries}")
        if any(not 0 <= v < 2**32 for v in self.luminance):
            raise FormatError(f"mastering luminance out of range: {self.luminance}")


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video track. The picture is 4:2:0 with ``bit_depth`` 8 or 10.

    time_base        seconds of one tick of pts and duration
    frame_rate       nominal frames a second, None where the source names none
    matrix, primaries, transfer   ITU-T H.273 code points (2 = unspecified)
    color_range      0 unspecified, 1 limited, 2 full
    chroma_location  0 unspecified, 1 left, 2 center, 3 topleft, 4 top, 5 bottomleft, 6 bottom (FFmpeg's numbers)
    sample_aspect    width : height of a sample, 0 where unknown
    rotation         degrees that a player turns the picture counterclockwise, one of 0, 90, 180, 270
    content_light    (MaxCLL, MaxFALL) in cd/m2, or None
    n_frames         number of frames where known
    tags             what the file says of itself (title, artist, comment ...) as (key, value) pairs
    """

    width: int
    height: int
    time_base: Fraction
    frame_rate: Fraction | None = None
    bit_depth: int = 8
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    color_range: int = 0
    chroma_location: int = 0
    sample_aspect: Fraction = Fraction(0)
    rotation: int = 0
    mastering: MasteringDisplay | None = None
    content_light: tuple[int, int] | None = None
    n_frames: int | None = None
    tags: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not (0 < self.width <= MAX_SIDE and 0 < self.height <= MAX_SIDE):
            raise LimitError(f"picture size {self.width}x{self.height} is not within 1..{MAX_SIDE} a side")
        if self.width * self.height > MAX_PIXELS:
            raise LimitError(f"picture of {self.width}x{self.height} has more than {MAX_PIXELS} pixels")
        if self.bit_depth not in (8, 10):
            raise FormatError(f"bit depth must be 8 or 10, got {self.bit_depth}")
        if self.time_base <= 0:
            raise FormatError(f"time base must be positive, got {self.time_base}")
        if self.rotation not in (0, 90, 180, 270):
            raise FormatError(f"rotation must be 0, 90, 180 or 270, got {self.rotation}")

    @property
    def chroma_size(self) -> tuple[int, int]:
        """(height, width) of a chroma plane: halves, rounded up."""
        return (self.height + 1) // 2, (self.width + 1) // 2

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """NumPy type of the planes: uint8 for 8 bit, uint16 for 10."""
        return np.uint8 if self.bit_depth == 8 else np.uint16

    def with_frames(self, n_frames: int | None) -> "VideoInfo":
        """The same track with another frame count."""
        return replace(self, n_frames=n_frames)


@dataclass(frozen=True, slots=True)
class CodedAs:
    """How a picture was coded in the stream that it comes from, as far as that can be read.

    type  "I", "P", "B", or "" where unknown
    qp    mean quantiser on the scale of H.264 and HEVC (0..51), None where unknown
    """

    type: str = ""
    qp: float | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture with its time: planes y (H, W), u and v (ceil(H/2), ceil(W/2)), uint8 or uint16 (10 bit).

    pts and duration are ticks of ``info.time_base``; duration 0 = unknown.
    damaged: the picture was repeated or concealed because the stream was damaged here.
    coded: how the picture was coded, where a reader was asked for it.
    """

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    pts: int
    info: VideoInfo
    duration: int = 0
    damaged: bool = False
    coded: CodedAs | None = None

    def __post_init__(self) -> None:
        chroma = self.info.chroma_size
        want = ((self.info.height, self.info.width), chroma, chroma)
        for name, plane, size in zip("yuv", (self.y, self.u, self.v), want, strict=True):
            if tuple(plane.shape) != size:
                raise FormatError(f"plane {name} must be {size}, got {tuple(plane.shape)}")
            if plane.dtype != self.info.dtype:
                raise FormatError(f"plane {name} must be {self.info.dtype.__name__}, got {plane.dtype}")

    @property
    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(y, u, v)."""
        return self.y, self.u, self.v


@dataclass(frozen=True, slots=True)
class FrameTask:
    """One frame to code, as the schedule gives it.

    display_index  position in showing order, counted from the first frame of the stream
    type           I, P (one reference) or B (two references)
    level          depth in the pyramid: 0 = I and key pictures
    refs           display indices of the references: (), (past,) or (past, future); for P of ``ld`` up to two past
    """

    display_index: int
    type: FrameType
    level: int
    refs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """What a packet says of one frame, in coding order. quality is the frame's own quality index 0..63."""

    display_index: int
    type: FrameType
    level: int
    quality: int
    pts: int
    duration: int = 0


PacketKind = Literal["intra", "gop", "ld"]


@dataclass(frozen=True, slots=True)
class Packet:
    """One I frame, one mini-GOP or one ``ld`` frame, coded.

    frames       entries in coding order
    default      every entry's display index, type and level are those of the schedule for this kind and count, but that
                 frames of a "gop" may be of type I
    payloads     "intra": a note, if any, and the picture. Else one (all frames in coding order), or one for each level
                 that occurs, ascending; then one for each frame of type I, which do not count before
    lanes        rANS lanes of each payload of symbols (ignored for "intra")
    symbol_hash  CRC-32 of all symbols in coding order; None where the packet carries none
    plane_hashes CRC-32 over y, u, v of each frame in coding order, or () where not asked for
    bits         statistics for tools only, never written: per frame {"motion", "latents", "hyper", "base", "side"}
    """

    kind: PacketKind
    frames: tuple[FrameEntry, ...]
    payloads: tuple[bytes, ...]
    default: bool = True
    lanes: tuple[int, ...] = ()
    symbol_hash: int | None = None
    plane_hashes: tuple[int, ...] = ()
    bits: tuple[dict, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.frames) <= MAX_MINI_GOP:
            raise LimitError(f"a packet holds 1 to {MAX_MINI_GOP} frames, got {len(self.frames)}")

    @property
    def start(self) -> int:
        """Display index of the first frame shown."""
        return min(f.display_index for f in self.frames)


@dataclass(frozen=True, slots=True)
class LayeredPacket:
    """One I period of layered mode.

    samples    access units of the base in decode order: (pts, dts, duration, is_key, Annex B bytes without our SEI)
    payload    our parameters (DESIGN of the payload in docs/format.md), b"" for a plain base
    """

    start: int
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    samples: tuple[tuple[int, int, int, bool, bytes], ...]
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class CarriedStream:
    """A stream that is carried, not coded: audio, subtitle, attachment, further video.

    index        position among the carried streams, 0 ..
    kind         "audio", "subtitle", "attachment" or "video"
    codec        FFmpeg's codec name
    time_base    of its packets
    description  what nvc.io needs to make the stream again (opaque bytes to everybody else)
    """

    index: int
    kind: str
    codec: str
    time_base: Fraction
    description: bytes


@dataclass(frozen=True, slots=True)
class CarriedPacket:
    """One packet of a carried stream, byte-identical; pts and dts may be None as in the source."""

    stream: int
    pts: int | None
    dts: int | None
    duration: int
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: start and end in ticks of time_base, metadata as (key, value) pairs."""

    start: int
    end: int
    time_base: Fraction
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the encoder is asked for. Checked here once; rooms below trust it."""

    quality: int = 32
    mode: Mode = "neural"
    structure: Structure = "ra"
    keyint: int = 64
    mini_gop: int = 16
    preset: str = "medium"
    intra: str = "auto"
    base: str = "hevc"
    base_preset: str | None = None
    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    hash: bool = False
    disable: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_range("quality", self.quality, 0, QUALITIES - 1)
        _check_range("keyint", self.keyint, 1, 65535)
        _check_range("threads", self.threads, 0, 1024)
        _check_choice("mode", self.mode, ("neural", "layered"))
        _check_choice("structure", self.structure, ("ra", "ld", "intra"))
        _check_choice("mini-gop", self.mini_gop, (8, 16, 32))
        _check_choice("preset", self.preset, PRESETS)
        _check_choice("intra", self.intra, ("auto", "hevc", "vvc"))
        _check_choice("base", self.base, ("hevc",))
        _check_choice("device", self.device, ("auto", "cpu", "cuda"))
        _check_choice("precision", self.precision, ("auto", "fp32", "bf16"))
        for tool in self.disable:
            _check_choice("disable", tool, TOOLS)


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What the head of a stream says; enough to decode any unit of it.

    quality         of the settings (frames may differ)
    frame_step      nominal duration of a frame in ticks, 0 where the rate is not constant
    start_pts       pts of frame 0
    weights         id of the weights file, "none" with networks off
    disabled        names of the tools that are off
    intra           name of the intra coder, e.g. "hevc"
    parameter_sets  of the intra coder or the base, sent once
    """

    info: VideoInfo
    mode: Mode
    structure: Structure
    keyint: int
    mini_gop: int
    quality: int
    frame_step: int
    start_pts: int
    weights: str = "none"
    disabled: tuple[str, ...] = ()
    intra: str = "hevc"
    parameter_sets: bytes = b""
    major: int = 0
    minor: int = 1

    def __post_init__(self) -> None:
        if self.mini_gop not in (8, 16, 32):
            raise FormatError(f"mini-GOP must be 8, 16 or 32, got {self.mini_gop}")
        if not 0 <= self.quality < QUALITIES:
            raise FormatError(f"quality must be 0..{QUALITIES - 1}, got {self.quality}")
        if self.mode not in ("neural", "layered") or self.structure not in ("ra", "ld", "intra"):
            raise FormatError(f"unknown mode or structure: {self.mode}, {self.structure}")


@dataclass(frozen=True, slots=True)
class Event:
    """Progress of a job: kind is "start", "progress", "warning" or "done"."""

    kind: str
    frame: int = 0
    total: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    message: str = ""


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} must be a whole number from {low} to {high}, got {value!r}")


def _check_choice(name: str, value: object, allowed: tuple) -> None:
    if value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
