from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from nvc.errors import OutputError, UsageError
from nvc.io.mux import open_demuxer, open_muxer
from nvc.types import CarriedPacket, CarriedStream, Chapter, MasteringDisplay, VideoInfo

HDR = MasteringDisplay(((13250, 34500), (7500, 3000), (34000, 16000), (15635, 16450)), (10_000_000, 50))
INFO = VideoInfo(
    96, 64, Fraction(1, 90000), Fraction(25), 10, matrix=9, primaries=9, transfer=16, color_range=1,
    sample_aspect=Fraction(4, 3), rotation=90, mastering=HDR, content_light=(1000, 400),
)  # fmt: skip
N = 10
SAMPLE = Path(__file__).resolve().parents[2] / "bench" / "data" / "sample.mp4"
SRT = b"1\n00:00:00,100 --> 00:00:00,300\nhello\n\n"


def coded() -> tuple[bytes, list[tuple[int, bool, bytes]]]:
    """(parameter sets, (position, is_key, Annex B) in decode order) of one short HDR10 period by x265."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = INFO.width, INFO.height, "yuv420p10le"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.flags |= Flags.global_header
    context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1
    context.sample_aspect_ratio = INFO.sample_aspect
    params = "keyint=10:open-gop=0:pools=none:frame-threads=1:log-level=none:info=0:max-cll=1000,400"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    context.options = {"crf": "35", "x265-params": f"{params}:master-display={display}"}
    packets = []
    for i in range(N):
        ramp = (np.add.outer(np.arange(96), np.arange(96)) + 9 * i).astype(np.uint16)
        frame = av.VideoFrame.from_ndarray(ramp * 5, format="yuv420p10le")
        frame.pts = i
        packets += context.encode(frame)
    packets += context.encode(None)
    return bytes(context.extradata), [(p.pts, p.is_keyframe, bytes(p)) for p in packets]


EXTRADATA, UNITS = coded()


def samples(times: list[int]) -> list[tuple[int, int, int, bool, bytes]]:
    step = times[1] - times[0]
    shown = [times[0] - 2 * step, times[0] - step, *times]
    ends = [*times[1:], times[-1] + 7]
    return [
        (times[position], shown[i], ends[position] - times[position], key, data)
        for i, (position, key, data) in enumerate(UNITS)
    ]


def write(path: Path, times: list[int], info: VideoInfo = INFO, **options) -> None:
    with open_muxer(path, info, extradata=EXTRADATA, **options) as muxer:
        for sample in samples(times):
            muxer.write_sample(*sample)


def read(path: Path) -> tuple[Fraction, list[tuple]]:
    with open_demuxer(path) as demuxer:
        return demuxer.info.time_base, [item for kind, item in demuxer if kind == "video"]


def sound() -> tuple[tuple[CarriedStream, ...], list[CarriedPacket]]:
    """The sound of the sample clip, its first packets."""
    with open_demuxer(SAMPLE) as demuxer:
        packets = [item for kind, item in demuxer if kind == "carried"]
        return demuxer.carried, packets[:12]


def write_rich(path: Path) -> None:
    """A file with a subtitle and an attachment."""
    with av.open(path, "w") as container, av.open(BytesIO(SRT), format="srt") as text:
        video = container.add_stream("ffv1", rate=25, width=32, height=32)
        video.pix_fmt = "yuv420p"
        stream = container.add_stream_from_template(text.streams[0], opaque=True)
        container.add_attachment("a.ttf", "font/ttf", b"font")
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 32), np.uint8), format="yuv420p")))
        for packet in text.demux():
            if packet.size:
                packet.stream = stream
                container.mux(packet)
        container.mux(video.encode(None))


CFR = [3600 * i for i in range(N)]
CASES = {
    "constant": (Fraction(1, 90000), CFR),
    "late start": (Fraction(1, 90000), [pts + 12345677 for pts in CFR]),
    "variable": (Fraction(1, 90000), [0, 5, 6, 7, 1000, 1001, 90000, 90001, 90002, 90013]),
    "ntsc": (Fraction(1001, 30000), list(range(3, 3 + N))),
    "nanoseconds": (Fraction(1, 10**9), [40_000_001 * i + 3 for i in range(N)]),
    "coarse": (Fraction(1, 600), [25 * i for i in range(N)]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_times(tmp_path: Path, ending: str, name: str) -> None:
    """Exact in mp4, to 1 ms in mkv."""
    time_base, times = CASES[name]
    path = tmp_path / f"a.{ending}"
    write(path, times, VideoInfo(96, 64, time_base, Fraction(25), 10))
    clock, got = read(path)
    shown = sorted(sample[0] for sample in got)
    off = [abs(a * clock - b * time_base) for a, b in zip(shown, times, strict=True)]
    assert max(off) <= (Fraction(1, 2000) if ending == "mkv" else 0)
    assert [sample[3] for sample in got] == [True] + [False] * (N - 1)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_what_the_track_says_of_itself(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, CFR)
    with open_demuxer(path) as demuxer:
        info = demuxer.info
        assert (demuxer.codec, demuxer.extradata[0]) == ("hevc", 1)
        assert ending[:2] in demuxer.format or "matroska" in demuxer.format
    for field in ("width", "height", "bit_depth", "matrix", "primaries", "transfer", "color_range", "frame_rate"):
        assert getattr(info, field) == getattr(INFO, field), field
    for field in ("sample_aspect", "rotation", "mastering", "content_light"):
        assert getattr(info, field) == getattr(INFO, field), field


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_rotation(tmp_path: Path, ending: str, rotation: int) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, CFR, VideoInfo(96, 64, Fraction(1, 90000), Fraction(25), 10, rotation=rotation))
    with open_demuxer(path) as demuxer:
        assert demuxer.info.rotation == rotation
    with av.open(path) as container:
        assert next(container.decode(video=0)).rotation % 360 == rotation


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_players_show_every_picture(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, CFR)
    with av.open(path) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.pts * frame.time_base * 25) for frame in frames] == list(range(N))


def test_the_tag_is_the_one_that_all_players_take(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", CFR)
    with av.open(tmp_path / "a.mp4") as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_the_size_is_that_of_the_parameter_sets(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", CFR, VideoInfo(95, 63, Fraction(1, 90000), bit_depth=10))
    with av.open(tmp_path / "a.mp4") as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height) == (96, 64)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_negative_start_moves_everything(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    carried, packets = sound()
    with open_muxer(path, INFO, extradata=EXTRADATA, carried=carried, start_pts=-3600) as muxer:
        assert "moved by 0.040 s" in muxer.notices[-1]
        for sample in samples([pts - 3600 for pts in CFR]):
            muxer.write_sample(*sample)
        for packet in packets:
            muxer.write_carried(packet)
    with open_demuxer(path) as demuxer:
        items = list(demuxer)
        clock = demuxer.carried[0].time_base
    assert min(item[0] for kind, item in items if kind == "video") == 0
    want = [packet.pts * carried[0].time_base + Fraction(1, 25) for packet in packets]
    got = [item.pts * clock for kind, item in items if kind == "carried"]
    assert max(abs(a - b) for a, b in zip(got, want, strict=True)) <= max(clock, carried[0].time_base)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_is_byte_identical_and_in_time(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    carried, packets = sound()
    with open_muxer(path, INFO, extradata=EXTRADATA, carried=carried) as muxer:
        assert muxer.notices == []
        for packet in packets[:5]:
            muxer.write_carried(packet)
        for sample in samples(CFR):
            muxer.write_sample(*sample)
        for packet in packets[5:]:
            muxer.write_carried(packet)
    with open_demuxer(path) as demuxer:
        items = list(demuxer)
        back = demuxer.carried[0]
    got = [item for kind, item in items if kind == "carried"]
    assert (back.kind, back.codec) == (carried[0].kind, carried[0].codec)
    assert [packet.data for packet in got] == [packet.data for packet in packets]
    off = [abs(a.pts * back.time_base - b.pts * carried[0].time_base) for a, b in zip(got, packets, strict=True)]
    assert max(off) <= (0 if ending == "mp4" else Fraction(1, 2000))
    assert min(item[0] for kind, item in items if kind == "video") == 0


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_attachments_and_subtitles(tmp_path: Path, ending: str) -> None:
    source = tmp_path / "source.mkv"
    write_rich(source)
    with open_demuxer(source) as demuxer:
        carried, items = demuxer.carried, [item for kind, item in demuxer if kind == "carried"]
    assert [stream.kind for stream in carried] == ["subtitle", "attachment"]
    assert items[0].data == b"font" and items[1].data == b"hello"
    path = tmp_path / f"a.{ending}"
    with open_muxer(path, INFO, extradata=EXTRADATA, carried=carried) as muxer:
        for item in items:
            muxer.write_carried(item)
        for sample in samples(CFR):
            muxer.write_sample(*sample)
        notices = list(muxer.notices)
    with open_demuxer(path) as demuxer:
        back = [item.data for kind, item in demuxer if kind == "carried" and len(item.data) > 2]
    assert back == ([b"font", b"hello"] if ending == "mkv" else [b"\0\5hello"])
    assert len(notices) == (0 if ending == "mkv" else 2)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_chapters(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    chapters = tuple(Chapter(200 * i, 200 * i + 200, Fraction(1, 1000), (("title", f"part {i}"),)) for i in range(2))
    write(path, CFR, chapters=chapters)
    with open_demuxer(path) as demuxer:
        got = [(c.start * c.time_base, c.end * c.time_base, dict(c.metadata)["title"]) for c in demuxer.chapters]
    assert got == [(0, Fraction(1, 5), "part 0"), (Fraction(1, 5), Fraction(2, 5), "part 1")]


def test_part_files_and_file_objects(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv.part", CFR)
    assert open_demuxer(tmp_path / "a.mkv.part").format == "matroska,webm"
    file = BytesIO()
    with open_muxer(file, INFO, extradata=EXTRADATA, format="mp4") as muxer:
        for sample in samples(CFR):
            muxer.write_sample(*sample)
    for source in (file.getvalue(), BytesIO(file.getvalue())):
        assert len([item for item in open_demuxer(source)]) == N


def test_no_samples_still_make_a_file(tmp_path: Path) -> None:
    with open_muxer(tmp_path / "a.mkv", INFO, extradata=EXTRADATA):
        pass
    assert (tmp_path / "a.mkv").stat().st_size > 100


@pytest.mark.parametrize("name", ["a.avi", "a", "a.nvc"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="must end in"):
        open_muxer(tmp_path / name, INFO, extradata=EXTRADATA)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / "none" / "a.mp4", CFR)
