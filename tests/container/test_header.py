import struct
import zlib
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvc.container import header, unit
from nvc.container.scan import UnitScanner
from nvc.container.source import open_source
from nvc.errors import CorruptError, FormatError, LimitError
from nvc.types import TOOLS, MasteringDisplay, StreamHeader, VideoInfo

U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
BYTE = st.integers(0, 255)
RATES = st.fractions(Fraction(1, 1000), 1000, max_denominator=1001)
MASTERING = st.builds(MasteringDisplay, st.tuples(*[st.tuples(U16, U16)] * 4), st.tuples(U32, U32))
INFOS = st.builds(
    VideoInfo, st.integers(1, 8192), st.integers(1, 8192), RATES, frame_rate=st.none() | RATES,
    bit_depth=st.sampled_from([8, 10]), matrix=BYTE, primaries=BYTE, transfer=BYTE, color_range=st.integers(0, 2),
    chroma_location=st.integers(0, 6), sample_aspect=st.just(Fraction(0)) | RATES,
    rotation=st.sampled_from([0, 90, 180, 270]), mastering=st.none() | MASTERING,
    content_light=st.none() | st.tuples(U16, U16), n_frames=st.none() | st.integers(0, 2**40),
)  # fmt: skip
HEADERS = st.builds(
    StreamHeader, INFOS, st.sampled_from(["neural", "layered"]), st.sampled_from(["ra", "ld", "intra"]),
    keyint=st.integers(1, 65535), mini_gop=st.sampled_from([8, 16, 32]), quality=st.integers(0, 63),
    frame_step=st.integers(0, 10**6), start_pts=st.integers(-(2**60), 2**60),
    weights=st.sampled_from(["none", "start-1", "0123456789abcdef"]),
    disabled=st.lists(st.sampled_from(list(header.TOOL_BITS)), unique=True).map(
        lambda tools: tuple(sorted(tools, key=header.TOOL_BITS.get))
    ),
    intra=st.sampled_from(["hevc", "vvc", ""]), parameter_sets=st.binary(max_size=100), minor=BYTE,
)  # fmt: skip


def read(data: bytes) -> StreamHeader:
    header.check_start(data[:24])
    found = next(UnitScanner(open_source(data)))
    assert isinstance(found, unit.Unit)
    return header.read_header(found)


@given(HEADERS)
def test_a_header_comes_back(value: StreamHeader) -> None:
    assert read(header.write_header(value)) == value


def test_a_frame_rate_that_follows_from_the_step_takes_no_room(make) -> None:
    plain = make.header()
    other = replace(plain, info=replace(plain.info, frame_rate=Fraction(24)))
    assert len(header.write_header(plain)) < len(header.write_header(other))
    assert read(header.write_header(plain)).info.frame_rate == 25


def test_every_tool_has_a_bit() -> None:
    assert set(TOOLS) <= set(header.TOOL_BITS)
    assert len(set(header.TOOL_BITS.values())) == len(header.TOOL_BITS)


def patched(data: bytes, place: int, old: int, new: bytes) -> bytes:
    """The header unit with ``old`` bytes of its payload replaced and the sum made right."""
    payload = bytearray(data[14:])
    payload[place : place + old] = new
    return unit.pack_unit(unit.HEADER, bytes(payload))


WIDTH = 12  # place of the width in the payload: magic 8, version 2, choices, flags


@pytest.mark.parametrize(
    ("place", "old", "new", "error"),
    [
        (0, 4, b"\x89NVX", FormatError),
        (8, 1, b"\x01", FormatError),
        (WIDTH, 4, b"\x81\x80\x01\x81\x80\x01", LimitError),  # 16385 x 16385
        (WIDTH, 4, b"\x80\x80\x01\x80\x80\x01", LimitError),  # 16384 x 16384: more than 2^26 pixels
        (WIDTH, 2, b"\xff\xff\xff\xff\xff\xff\x01", LimitError),
        (WIDTH, 2, b"\x00", LimitError),  # width 0
        (WIDTH + 4, 1, b"\x00", FormatError),  # time base 0
        (WIDTH + 5, 2, b"\x00", CorruptError),  # a fraction over 0
        (10, 1, b"\x0c", FormatError),  # structure 3
        (10, 1, b"\x30", FormatError),  # mini-GOP code 3
    ],
)
def test_absurd_headers(place: int, old: int, new: bytes, error: type, make) -> None:
    with pytest.raises(error) as caught:
        read(patched(header.write_header(make.header()), place, old, new))
    assert type(caught.value) is error


def test_a_tool_this_version_does_not_know(make) -> None:
    data = header.write_header(make.header(disabled=("networks",)))
    place = data.index(b"\x01\x00\x04hevc")
    with pytest.raises(FormatError, match="tools"):
        read(unit.pack_unit(unit.HEADER, data[14:place] + b"\x81\x40" + data[place + 1 :]))


def test_tags_come_back_so_far_as_there_is_room(make) -> None:
    few = (("title", "Sauna & söder"), ("comment", ""))
    many = (("lyrics", "x" * 20_000), *few, *((f"k{i}", "v") for i in range(300)))
    for tags, want in ((few, few), (many, many[1:128])):
        given = make.header()
        given = replace(given, info=replace(given.info, tags=tags))
        assert read(header.write_header(given)).info.tags == want


def test_unknown_extras_are_stepped_over_and_counted(make) -> None:
    data = header.write_header(make.header())
    extra = b"\x63\x05extra"
    assert read(unit.pack_unit(unit.HEADER, data[14:] + extra * 256)) == make.header()
    with pytest.raises(LimitError, match="256"):
        read(unit.pack_unit(unit.HEADER, data[14:] + extra * 257))


def test_another_major_version_is_named_even_if_it_sums_otherwise(make) -> None:
    data = bytearray(header.write_header(make.header()))
    data[22:24] = b"\x09\x03"
    with pytest.raises(FormatError, match=r"9\.3.*version 0"):
        header.check_start(bytes(data[:24]))


@pytest.mark.parametrize(
    ("data", "error", "word"),
    [
        (b"", FormatError, "empty"),
        (b"YUV4MPEG2 W16 H16 F25:1 and so on", FormatError, "signature"),
        (b"\x89NVC\x01\0", CorruptError, "ends inside"),
        (unit.SYNC + struct.pack("<BBII", 1, 0, 65537, 0) + header.MAGIC + bytes(2), LimitError, "65537"),
    ],
)
def test_what_is_no_stream(data: bytes, error: type, word: str) -> None:
    with pytest.raises(error, match=word) as caught:
        header.check_start(data)
    assert type(caught.value) is error


@pytest.mark.parametrize("changes", [{"parameter_sets": bytes(65536)}, {"disabled": ("sleep",)}, {"major": 1}])
def test_headers_that_cannot_be_written(changes: dict, make) -> None:
    with pytest.raises(FormatError):
        header.write_header(make.header(**changes))


@given(st.binary(max_size=80))
def test_any_payload_gives_a_header_or_an_error(tail: bytes) -> None:
    body = header.MAGIC + bytes([0, 1]) + tail
    found = unit.Unit(0, unit.HEADER, 0, body, len(body) + 14)
    try:
        assert header.read_header(found).info.width > 0
    except FormatError as error:
        assert str(error)


def test_the_sum_covers_every_byte(make) -> None:
    data = header.write_header(make.header())
    assert struct.unpack("<I", data[10:14])[0] == zlib.crc32(data[4:10] + data[14:])
