"""Text subtitles between the forms of .mp4 (mov_text) and .mkv (SubRip): the text stays, styles are dropped."""

import io
import re

import av
from av.container import OutputContainer

_TEXT = ("subrip", "text", "ass", "ssa", "webvtt", "mov_text")
_OVERRIDES = re.compile(r"\{[^}]*\}")
_TAGS = re.compile(r"</?[^<>\n]{1,60}>")
# The head that FFmpeg's mov_text encoder wants to open; its style becomes the track's default.
_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, "
    b"SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, "
    b"BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\nStyle: Default,Arial,16,&Hffffff,"
    b"&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n[Events]\nFormat: Layer, Start, End, Style, Name, "
    b"MarginL, MarginR, MarginV, Effect, Text\n"
)


def target_codec(codec: str, is_mp4: bool) -> str | None:
    """The codec a subtitle stream must become in an mp4 or Matroska file: "" = as it is, None = cannot go there."""
    if is_mp4:
        return "" if codec == "mov_text" else "mov_text" if codec in _TEXT else None
    return "subrip" if codec == "mov_text" else ""


def add_stream(container: OutputContainer, codec: str) -> av.stream.Stream:
    """A stream for converted packets: "mov_text" or "subrip"."""
    if codec == "mov_text":
        stream = container.add_stream("mov_text")
        stream.codec_context.subtitle_header = _HEADER
        return stream
    with av.open(io.BytesIO(b"1\n00:00:00,000 --> 00:00:01,000\nx\n\n"), format="srt") as template:
        return container.add_stream_from_template(template.streams[0], opaque=True)


def convert(data: bytes, source: str, target: str) -> bytes | None:
    """A packet in another form, None where it shows nothing (mov_text fills gaps with empty packets)."""
    text = plain_text(data, source)
    if target == "mov_text":
        body = text.encode()[:0xFFFF]
        return len(body).to_bytes(2, "big") + body
    return text.encode() if text else None


def plain_text(data: bytes, codec: str) -> str:
    """The words of a text subtitle packet."""
    if codec == "mov_text":
        return data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "replace")
    text = data.decode("utf-8", "replace")
    if codec in ("ass", "ssa"):
        text = text.split(",", 8)[-1]
        return _OVERRIDES.sub("", text).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ").strip()
    return _TAGS.sub("", text).strip()
