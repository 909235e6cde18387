"""What is carried beside the pictures, through coded files and ranges of them."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from nvc.container import StreamReader
from nvc.io import open_video
from nvc.io.demux import open_demuxer
from nvc.pipeline import decode_file, encode_file
from nvc.types import Settings

FAST = Settings(quality=5, mode="layered", keyint=32, base_preset="ultrafast")
SRT = b"1\n00:00:00,000 --> 00:00:02,500\nlong\n\n2\n00:00:02,600 --> 00:00:02,900\nlate\n\n"
TAGS = {"title": "Sauna & söder", "artist": "N. N.", "comment": "first\nsecond"}
FONT = bytes(range(256)) * 100


def jpeg() -> bytes:
    """A grey picture of 32x32."""
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 32, 32, "yuvj420p", Fraction(1, 25)
    picture = av.VideoFrame.from_ndarray(np.full((48, 32), 128, np.uint8), format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])


def make(dest: Path, *, frames: int = 8, srt: bool = False, sound: Path | None = None, extras: bool = False) -> Path:
    """A film of grey pictures at 25 a second with tags; extras: a font (mkv) and cover art."""
    with av.open(dest, "w") as out:
        out.metadata.update(TAGS)
        video = out.add_stream("libx264", rate=25, width=64, height=48, options={"preset": "ultrafast"})
        packets = []
        for path, form in ((sound, None), (BytesIO(SRT) if srt else None, "srt")):
            if path is not None:
                source = av.open(path, format=form)
                taken = source.streams.audio[0] if form is None else source.streams[0]
                copy = out.add_stream_from_template(taken, opaque=True)
                for packet in [p for p in source.demux(taken) if p.size]:
                    packet.stream = copy
                    packets.append(packet)
        if extras and dest.suffix == ".mkv":
            out.add_attachment("a.ttf", "font/ttf", FONT)
            out.add_attachment("cover.jpg", "image/jpeg", jpeg())
        elif extras:
            with av.open(BytesIO(jpeg()), format="jpeg_pipe") as source:
                cover = out.add_stream_from_template(source.streams[0], opaque=True)
                cover.disposition = av.stream.Disposition.attached_pic
                packets += [p for p in source.demux() if p.size]
                packets[-1].stream = cover
        for i in range(frames):
            packets += video.encode(av.VideoFrame.from_ndarray(np.full((72, 64), 2 * i, np.uint8), format="yuv420p"))
        for packet in sorted([*packets, *video.encode(None)], key=lambda p: (p.dts or 0) * p.time_base):
            out.mux(packet)
    return dest


def carried(path: Path) -> list[tuple[str, Fraction | None, Fraction | None, bytes]]:
    """(kind, begin, end, data) of every carried packet."""
    with open_demuxer(path) as demuxer:
        items = [item for kind, item in demuxer if kind == "carried"]
        streams = demuxer.carried
    out = []
    for item in items:
        base = streams[item.stream].time_base
        times = (None, None) if item.pts is None else (item.pts * base, (item.pts + item.duration) * base)
        out.append((streams[item.stream].kind, *times, item.data))
    return out


@pytest.fixture(scope="module")
def film(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 frames with the sample's sound and two subtitles."""
    return make(tmp_path_factory.mktemp("film") / "film.mkv", frames=100, srt=True, sound=sample)


@pytest.fixture(scope="module", params=["nvc", "mkv", "mp4"])
def coded_film(film: Path, request: pytest.FixtureRequest) -> Path:
    """The film in layered mode."""
    path = film.with_name(f"coded.{request.param}")
    encode_file(film, path, FAST)
    return path


@pytest.mark.parametrize(("start", "frames"), [(0, 5), (0, 40), (10, 3), (31, 2), (62, 38), (40, None), (0, None)])
def test_a_range_has_all_that_overlaps_it_and_no_more(
    coded_film: Path, film: Path, tmp_path: Path, start: int, frames: int | None
) -> None:
    decode_file(coded_film, tmp_path / "out.mkv", start=start, frames=frames, codec="ffv1")
    step, first = Fraction(1, 25), Fraction(21, 1000)  # the sound begins before the pictures
    begin, end = first + start * step, 99 if frames is None else first + (start + frames) * step
    slack = Fraction(1, 500)  # of the times in mkv
    packets, got = carried(film), carried(tmp_path / "out.mkv")
    data = [p[3] for p in got if p[0] == "audio"]
    need = [p[3] for p in packets if p[0] == "audio" and p[2] > begin + slack and p[1] < end - slack]
    most = [p[3] for p in packets if p[0] == "audio" and p[2] > begin - slack and p[1] < end + slack]
    assert len(need) <= len(data) <= len(most) and set(need) <= set(data) <= set(most)
    shown = [b"long"] * (begin < Fraction(2521, 1000)) + [b"late"] * (end > Fraction(2621, 1000))
    assert [p[3].removeprefix(b"\0\x04") for p in got if p[0] == "subtitle" and len(p[3]) > 2] == shown


@pytest.mark.parametrize("mode", ["neural", "layered"])
@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_attachments_and_cover_art_come_back_out_of_nvc(tmp_path: Path, ending: str, mode: str) -> None:
    source = make(tmp_path / f"source.{ending}", extras=True)
    encode_file(source, tmp_path / "a.nvc", Settings(quality=5, mode=mode, keyint=4, mini_gop=8))
    want = [jpeg()] if ending == "mp4" else [FONT, jpeg()]
    for start in (0, 5):
        out = tmp_path / f"{start}.mkv"
        done = decode_file(tmp_path / "a.nvc", out, start=start)
        assert not [warning for warning in done.warnings if "left out" in warning]
        assert [p[3] for p in carried(out) if p[0] == "attachment"] == want
    decode_file(tmp_path / "a.nvc", tmp_path / "out.mp4")
    assert [p[3] for p in carried(tmp_path / "out.mp4")] == [jpeg()]


def test_attachments_behind_the_first_pictures_are_waited_for(tmp_path: Path) -> None:
    from nvc.pipeline.stream import attachments_first, open_stream
    from nvc.types import CarriedPacket

    source = make(tmp_path / "source.mkv", extras=True)
    encode_file(source, tmp_path / "a.nvc", FAST)
    with open_stream(tmp_path / "a.nvc") as stream:
        items = list(stream.items())
        assert isinstance(items[0], CarriedPacket) and isinstance(items[1], CarriedPacket)
        assert list(attachments_first([*items[2:], *items[:2]], stream.carried)) == [*items[:2], *items[2:]]


@pytest.mark.parametrize("coded", ["a.nvc", "a.mkv", "a.mp4"])
@pytest.mark.parametrize(("given", "out"), [("mkv", "o.mp4"), ("mp4", "o.mkv")])
def test_tags_of_the_file_come_back(tmp_path: Path, coded: str, given: str, out: str) -> None:
    source = make(tmp_path / f"source.{given}")
    encode_file(source, tmp_path / coded, FAST)
    decode_file(tmp_path / coded, tmp_path / out)
    for name in (coded, out):
        if not name.endswith(".nvc"):
            with av.open(tmp_path / name) as container:
                tags = {key.lower(): value for key, value in container.metadata.items()}
            assert {key: tags.get(key) for key in TAGS} == TAGS
    with open_video(tmp_path / out) as video:
        assert {key.lower() for key, _ in video.info.tags} == set(TAGS)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_last_packet_counts(coded: Path, tmp_path: Path, indexed: bool) -> None:
    data = bytearray(coded.read_bytes())
    last = StreamReader(bytes(data)).index[-1]
    data[last.offset + last.bytes - 5] ^= 0x55
    done = decode_file(
        bytes(data if indexed else data[: last.offset + last.bytes]), tmp_path / "out.mkv", on_damage="hold"
    )
    assert (done.frames, done.damaged_frames) == (26, 1)


@pytest.mark.parametrize("kept", [0.6, 0.9])
@pytest.mark.parametrize("on_damage", ["hold", "skip"])
def test_a_lost_end_counts_as_the_header_says(coded: Path, tmp_path: Path, on_damage: str, kept: float) -> None:
    cut = coded.read_bytes()[: int(coded.stat().st_size * kept)]
    totals = []
    done = decode_file(
        cut, tmp_path / "out.mkv", codec="ffv1", on_damage=on_damage,
        progress=lambda event: totals.append(event.total) if event.kind == "start" else None,
    )  # fmt: skip
    assert totals == [26] and done.damaged_frames > 0
    assert done.frames == (26 if on_damage == "hold" else 26 - done.damaged_frames)
    with open_video(tmp_path / "out.mkv") as video:
        times = [frame.pts * frame.info.time_base for frame in video]
    assert times == [Fraction(i, 25) for i in range(done.frames)]
