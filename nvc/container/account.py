"""Counts of bytes by what they are for: pictures, carried streams, overhead."""

from dataclasses import dataclass

from nvc.container.unit import CARRIED_KINDS


@dataclass(slots=True)
class Account:
    """Bytes so far.

    total      all
    carried    units of carried streams, attachments included, with their heads
    pictures   coded pictures: payloads of packets, samples of a base
    """

    total: int = 0
    carried: int = 0
    pictures: int = 0

    def add(self, kind: int, size: int, pictures: int = 0) -> None:
        """Note a unit, or damaged bytes with a kind of -1."""
        self.total += size
        self.carried += size if kind in CARRIED_KINDS else 0
        self.pictures += pictures

    @property
    def video(self) -> int:
        """All bytes but those of carried streams."""
        return self.total - self.carried

    @property
    def overhead(self) -> int:
        """Bytes that are neither coded pictures nor carried streams: heads, sums, header, index."""
        return self.video - self.pictures
