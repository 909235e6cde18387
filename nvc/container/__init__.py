"""Streams as bytes: units, header, packets, index; NAL units and the payload of layered files. Knows no pictures."""

from nvc.container.index import IndexEntry
from nvc.container.reader import StreamReader, UnitInfo
from nvc.container.unit import Damage
from nvc.container.writer import StreamWriter

__all__ = ["Damage", "IndexEntry", "StreamReader", "StreamWriter", "UnitInfo"]
