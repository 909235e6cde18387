"""Carried streams: described, made again, byte-identical and in sync."""

import io
import zlib
from fractions import Fraction

import av
import pytest

from nvc.errors import FormatError
from nvc.io import open_demuxer, open_video, open_writer
from nvc.io.passthrough import read_description
from nvc.types import CarriedStream, Chapter


def read_all(source):
    """(reader, frames, carried packets)."""
    with open_video(source) as reader:
        frames, packets = [], []
        for frame in reader:
            frames.append(frame)
            packets += reader.take_carried()
        return reader, frames, packets + reader.take_carried()


def copy(source, form, **options):
    """Through a writer into a new file: (its bytes, the writer's notices)."""
    reader, frames, packets = read_all(source)
    file = io.BytesIO()
    with open_writer(
        file, reader.info, format=form, carried=reader.carried, chapters=reader.chapters, **options
    ) as out:
        for packet in packets:
            out.write_carried(packet)
        for frame in frames:
            out.write(frame)
    return file.getvalue(), out.notices


def times(reader, packets, stream):
    base = reader.carried[stream].time_base
    return [float(p.pts * base) for p in packets if p.stream == stream]


def payload(packets, stream):
    return [p.data for p in packets if p.stream == stream]


@pytest.mark.parametrize(
    "source_form, form", [("matroska", "mkv"), ("matroska", "mp4"), ("mp4", "mp4"), ("mp4", "mkv")]
)
@pytest.mark.parametrize("codecs", [("aac",), ("libopus",), ("flac",), ("aac", "libopus"), ("libmp3lame",)])
def test_audio_is_identical_and_in_sync(clip, source_form, form, codecs):
    source = io.BytesIO()
    clip(codec="libx264", count=25, audio=codecs).write(source, source_form)
    before, frames, packets = read_all(source.getvalue())
    data, notices = copy(source.getvalue(), form)
    after, frames_after, packets_after = read_all(data)
    assert notices == [] and [c.codec for c in after.carried] == [c.codec for c in before.carried]
    for stream in range(len(codecs)):
        assert payload(packets_after, stream) == payload(packets, stream) != []
        shifts = [
            a - b for a, b in zip(times(after, packets_after, stream), times(before, packets, stream), strict=True)
        ]
        assert max(map(abs, shifts)) <= 0.001
    assert [f.pts * f.info.time_base for f in frames_after] == [f.pts * f.info.time_base for f in frames]


def test_description_makes_the_same_stream(clip):
    source = io.BytesIO()
    clip(audio=("aac", "libopus", "flac", "pcm_s16le"), srt=True).write(source, "matroska")
    with open_video(source.getvalue()) as reader, av.open(io.BytesIO(source.getvalue())) as container:
        for carried in reader.carried:
            about, holder = read_description(carried)
            original = container.streams[carried.index + 1]
            with av.open(io.BytesIO(holder)) as back:
                again = back.streams[0].codec_context
                assert again.name == original.codec_context.name
                assert again.extradata == original.codec_context.extradata
            assert about["metadata"] == original.metadata
            assert len(carried.description) < 600


def test_language_and_disposition_are_kept(clip):
    source = io.BytesIO()
    clip(audio=("aac",)).write(source, "matroska")
    tagged = io.BytesIO()
    source.seek(0)
    with av.open(source) as one, av.open(tagged, "w", format="matroska") as two:
        streams = [two.add_stream_from_template(s, opaque=True) for s in one.streams]
        streams[1].metadata["language"], streams[1].metadata["title"] = "fin", "Sauna & söder"
        streams[1].disposition = av.stream.Disposition.forced
        for packet in one.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                two.mux(packet)
    data, _ = copy(tagged.getvalue(), "mkv")
    with av.open(io.BytesIO(data)) as back:
        stream = back.streams.audio[0]
        assert (stream.metadata["language"], stream.metadata["title"]) == ("fin", "Sauna & söder")
        assert stream.disposition & av.stream.Disposition.forced


def test_subtitles_stay_or_become_what_the_file_takes(clip):
    source = io.BytesIO()
    clip(codec="libx264", count=10, srt=True).write(source, "matroska")
    _, _, packets = read_all(source.getvalue())
    data, notices = copy(source.getvalue(), "mkv")
    assert notices == [] and payload(read_all(data)[2], 0) == payload(packets, 0)
    mp4, notices = copy(source.getvalue(), "mp4")
    assert len(notices) == 1 and "mov_text" in notices[0]
    reader, _, packets = read_all(mp4)
    words = [p for p in packets if len(p.data) > 2]
    assert reader.carried[0].codec == "mov_text"
    assert [w.data for w in words] == [b"\0\x09Hello you", b"\0\x09Two\nlines"]
    base = reader.carried[0].time_base
    assert [(w.pts * base, w.duration * base) for w in words] == [
        (Fraction(1, 25), Fraction(2, 25)),
        (Fraction(4, 25), Fraction(2, 25)),
    ]
    again, notices = copy(mp4, "mkv")
    assert "subrip" in notices[0] and payload(read_all(again)[2], 0) == [b"Hello you", b"Two\nlines"]
    identical, notices = copy(mp4, "mp4")
    assert notices == [] and [d for d in payload(read_all(identical)[2], 0) if len(d) > 2] == [w.data for w in words]


def test_attachments_and_cover_art(clip):
    source = io.BytesIO()
    font = bytes(range(256)) * 40
    clip(codec="libx264", attachment=font).write(source, "matroska")
    data, notices = copy(source.getvalue(), "mkv")
    reader, _, packets = read_all(data)
    assert notices == [] and (reader.carried[0].kind, packets[0].data) == ("attachment", font)
    with av.open(io.BytesIO(data)) as back:
        assert (back.streams[1].name, back.streams[1].mimetype) == ("font.ttf", "font/ttf")
    assert "left out" in copy(source.getvalue(), "mp4")[1][0]


def jpeg(clip) -> bytes:
    file = io.BytesIO()
    clip(32, 32, 1, "mjpeg", "yuvj420p").write(file, "image2pipe")
    return file.getvalue()


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_cover_art_is_carried_not_coded(clip, form):
    picture, source = jpeg(clip), io.BytesIO()
    clip(codec="libx264").write(source, "matroska")
    with av.open(io.BytesIO(source.getvalue())) as one:
        made = io.BytesIO()
        with av.open(made, "w", format="matroska") as two:
            stream = two.add_stream_from_template(one.streams.video[0], opaque=True)
            two.add_attachment("cover.jpg", "image/jpeg", picture)
            for packet in one.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    two.mux(packet)
    reader, frames, packets = read_all(made.getvalue())
    assert [(c.kind, c.codec) for c in reader.carried] == [("attachment", "mjpeg")]
    assert len(frames) == 8 and [p.data for p in packets] == [picture]
    data, notices = copy(made.getvalue(), form)
    again, frames, packets = read_all(data)
    assert notices == [] and len(frames) == 8 and [p.data for p in packets] == [picture]
    assert [(c.kind, c.codec) for c in again.carried] == [("attachment", "mjpeg")]


def test_further_video_streams_are_carried(clip):
    first, second, both = io.BytesIO(), io.BytesIO(), io.BytesIO()
    clip(codec="libx264").write(first, "mp4")
    clip(64, 64, codec="libx264", options={"bf": "0"}).write(second, "mp4")
    first.seek(0), second.seek(0)
    with av.open(first) as one, av.open(second) as two, av.open(both, "w", format="mp4") as out:
        streams = [out.add_stream_from_template(c.streams[0], opaque=True) for c in (one, two)]
        for stream, source in zip(streams, (one, two), strict=True):
            for packet in [p for p in source.demux() if p.size]:
                packet.stream = stream
                out.mux(packet)
    reader, frames, packets = read_all(both.getvalue())
    assert [(c.kind, c.codec) for c in reader.carried] == [("video", "h264")]
    assert len(frames) == 8 and len(packets) == 8 and len(reader.notices) == 1
    with open_video(both.getvalue(), video_stream=1) as other:
        assert (other.info.width, len(list(other))) == (64, 8)
    data, _ = copy(both.getvalue(), "mp4")
    assert payload(read_all(data)[2], 0) == payload(packets, 0)


@pytest.mark.parametrize("form", ["mkv", "mp4"])
@pytest.mark.parametrize("count", [2, 12])
def test_a_carried_video_with_b_frames_from_mkv_keeps_its_order(clip, form, count):
    parts = [io.BytesIO(), io.BytesIO()]
    clip(codec="libx264", count=count).write(parts[0], "matroska")
    clip(64, 64, count, codec="libx264", options={"bf": "3", "b-pyramid": "normal"}).write(parts[1], "matroska")
    both = io.BytesIO()
    with av.open(io.BytesIO(parts[0].getvalue())) as one, av.open(io.BytesIO(parts[1].getvalue())) as two:
        want = [frame.to_ndarray().tobytes() for frame in two.decode(video=0)]
        two.seek(0)
        with av.open(both, "w", format="matroska") as out:
            streams = [out.add_stream_from_template(c.streams[0], opaque=True) for c in (one, two)]
            for stream, source in zip(streams, (one, two), strict=True):
                for packet in [p for p in source.demux() if p.size]:
                    packet.stream = stream
                    out.mux(packet)
    _, _, packets = read_all(both.getvalue())
    assert packets[0].dts is None or count == 2
    data, notices = copy(both.getvalue(), form)
    assert notices == [] and payload(read_all(data)[2], 0) == payload(packets, 0) != []
    with av.open(io.BytesIO(data)) as back:
        got = list(back.decode(video=1))
    assert [frame.to_ndarray().tobytes() for frame in got] == want
    assert [round(frame.time * 25) for frame in got] == list(range(count))


@pytest.mark.parametrize("form", ["matroska", "mp4"])
def test_chapters_need_no_notice(clip, form):
    rows = [{"id": 1, "start": 0, "end": 320, "time_base": Fraction(1, 1000), "metadata": {"title": "All"}}]
    source = io.BytesIO()
    clip(codec="libx264", chapters=rows).write(source, form)
    with open_demuxer(source.getvalue()) as demuxer:
        assert demuxer.notices == [] and len(demuxer.chapters) == 1
    assert read_all(source.getvalue())[0].notices == []


@pytest.mark.parametrize("source_form", ["matroska", "mp4"])
@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_tags_of_the_file(clip, source_form, form):
    tags, source, tagged = {"title": "Sauna & söder", "artist": "N. N."}, io.BytesIO(), io.BytesIO()
    clip(codec="libx264").write(source, source_form)
    with av.open(io.BytesIO(source.getvalue())) as one, av.open(tagged, "w", format=source_form) as two:
        two.metadata.update(tags)
        stream = two.add_stream_from_template(one.streams[0], opaque=True)
        for packet in [p for p in one.demux() if p.size]:
            packet.stream = stream
            two.mux(packet)
    data, _ = copy(tagged.getvalue(), form)
    with open_video(data) as video, open_demuxer(data) as demuxer:
        for info in (video.info, demuxer.info):
            assert {key.lower(): value for key, value in info.tags} == tags


def test_chapters(clip):
    rows = [
        {
            "id": i,
            "start": 80 * i,
            "end": 80 * i + 80,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": f"Part {i}"},
        }
        for i in (0, 1)
    ]
    source = io.BytesIO()
    clip(codec="libx264", chapters=rows).write(source, "matroska")
    seconds = [(Fraction(0), Fraction(80, 1000), "Part 0"), (Fraction(80, 1000), Fraction(160, 1000), "Part 1")]
    for form in ("mkv", "mp4"):
        chapters = read_all(copy(source.getvalue(), form)[0])[0].chapters
        got = [(c.start * c.time_base, c.end * c.time_base, dict(c.metadata)["title"]) for c in chapters]
        assert got == seconds and isinstance(chapters[0], Chapter)


@pytest.mark.parametrize("description", [b"", b"junk", zlib.compress(b"[]\n"), zlib.compress(b"{}")])
def test_a_broken_description_is_a_format_error(description):
    with pytest.raises(FormatError):
        read_description(CarriedStream(0, "audio", "aac", Fraction(1, 8000), description))


def test_audio_is_interleaved_by_time(clip):
    source = io.BytesIO()
    clip(codec="libx264", count=200, audio=("aac",), srt=True).write(source, "matroska")
    for form in ("mkv", "mp4"):
        data, _ = copy(source.getvalue(), form)
        with av.open(io.BytesIO(data)) as container:
            places = sorted(
                (p.pos, float((p.dts if p.dts is not None else p.pts) * p.time_base))
                for p in container.demux()
                if p.size and p.pos
            )
        latest = 0.0
        for _, time in places:
            assert time > latest - 1.5
            latest = max(latest, time)
