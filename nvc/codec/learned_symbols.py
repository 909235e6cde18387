"""All symbols of a frame by context networks: what they look at, gathered from its references."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nvc.codec import learned_latents, learned_motion, learned_side, symbols
from nvc.codec.context_networks import Scratch, scratch
from nvc.codec.learned_pixels import Pictures
from nvc.codec.references import FrameSymbols
from nvc.codec.shadows import Shadow
from nvc.entropy.coder import Coder
from nvc.errors import UsageError
from nvc.models.contexts import ContextNetworks
from nvc.motion.field import grid_size
from nvc.types import Structure

if TYPE_CHECKING:
    from nvc.codec.frame_coder import FrameSetup

_TOOLS = {"contexts", "merge", "split"}  # without merge or split other symbols are coded


@dataclass(frozen=True, slots=True)
class FrameContexts:
    """What the networks know of a frame before its first symbol; of each reference, zeros where it has no symbols.

    shape     (bh, bw) blocks
    choices   (2, bh, bw) int8 as ``FrameSymbols.choices``, -1 without motion; shares (2, 4) of them, of 16
    energies  (2, bh, bw) uint8 as ``learned_side.magnitudes``
    patterns  (2, bh, bw) uint8; coded (2, 2) shares of the blocks whose Y, U is coded; lasts (2, bh, bw, 3) uint8
    latents   (B, 384) int16 of both
    pictures  their shadows
    """

    setup: FrameSetup
    networks: ContextNetworks
    room: Scratch
    shape: tuple[int, int]
    choices: np.ndarray
    shares: np.ndarray
    energies: np.ndarray
    patterns: np.ndarray
    coded: np.ndarray
    lasts: np.ndarray
    latents: tuple[np.ndarray, np.ndarray]
    pictures: Pictures

    def code_motion(self, coder: Coder, mine: FrameSymbols, temporal: tuple[np.ndarray, np.ndarray]) -> bool:
        """Write or read the motion; False for an impossible choice. temporal: modes and vectors of the candidates.

        Sets the choices once: who counts the bits of what was read chooses as our encoder does, which need not be what
        the stream said, and frames that refer to this one were coded by that.
        """
        motion, choices = mine.motion, np.zeros(self.shape, np.int8)
        good = learned_motion.code_motion(
            coder, self.networks, self.room, self._frame(mine.banks[0]), motion.modes, motion.vectors, choices,
            *temporal, self._distances, self.choices, self.shares, self.energies, self.pictures,
        )  # fmt: skip
        if mine.choices is None:
            mine.choices = choices
        return good

    def code_side(self, coder: Coder, mine: FrameSymbols) -> None:
        """Write or read patterns and last diagonals."""
        learned_side.code_side(
            coder, self.networks, self.room, self._frame(mine.banks[1]), self._distances, *self._known(mine),
        )  # fmt: skip

    def code_latents(self, coder: Coder, mine: FrameSymbols, weights: np.ndarray) -> bool:
        """Write or read the latents; False for an impossible value. weights: of the fitted model.

        They come last: what the networks have learned by then is kept, once, as the choices are.
        """
        shared, sums = learned_latents.share_inputs(
            self.networks, self.room, self._frame(mine.banks[1]), self._distances, *self._known(mine)
        )
        s = symbols.scan()
        good = learned_latents.code_latents(
            coder, self.networks, self.room, shared, sums, mine.latents, mine.lasts, *self.latents,
            learned_latents.sources(mine.motion.vectors, *self.shape), self.shape[1], s.position, s.diagonal, s.zone,
            s.before, weights,
        )  # fmt: skip
        if mine.learned is None:
            mine.learned = self.room.learned
        return good

    def _known(self, mine: FrameSymbols) -> tuple[np.ndarray | Pictures, ...]:
        """Motion, patterns and last diagonals of the frame, then what is known of the references."""
        return (
            mine.motion.modes, mine.motion.vectors, mine.patterns.reshape(self.shape),
            mine.lasts.reshape(*self.shape, 3), self.patterns, self.lasts, self.energies, self.coded,
            self.pictures,
        )  # fmt: skip

    def _frame(self, bank: int) -> np.ndarray:
        return np.array([self.setup.task.level, self.setup.quality, bank], np.int64)

    @property
    def _distances(self) -> np.ndarray:
        return np.array(self.setup.distances, np.int64)


def _learned_before(references: Sequence[FrameSymbols | None], nothing: np.ndarray) -> np.ndarray:
    """Where a frame's learning starts: the mean of where its references ended, an eighth forgotten."""
    known = [r.learned for r in references if r is not None and r.learned is not None]
    if not known:
        return np.zeros_like(nothing)
    mean = known[0] if len(known) == 1 else (known[0] + known[1]) >> 1
    return mean - (mean >> 3)


def contexts_allowed(disabled: Collection[str], structure: Structure) -> bool:
    """Whether there are inter frames, and every tool that context networks need is on."""
    return structure != "intra" and _TOOLS.isdisjoint(disabled)


def frame_contexts(
    setup: FrameSetup,
    references: tuple[FrameSymbols | None, ...],
    networks: ContextNetworks | None,
    shadows: Sequence[Shadow] = (),
    room: Scratch | None = None,
) -> FrameContexts | None:
    """Contexts of a frame, or None where there are no networks or a tool that they need is off.

    references, shadows  of each reference; None and the picture's for a frame coded by itself
    room                 to compute and note symbols in
    """
    if networks is None or not contexts_allowed(setup.disabled, setup.structure):
        return None
    if len(shadows) != len(references):
        raise UsageError(f"context networks want a shadow of each of {len(references)} references, got {len(shadows)}")
    shape = grid_size(*setup.size)
    blocks = shape[0] * shape[1]
    choices, shares = np.full((2, *shape), -1, np.int8), np.zeros((2, 4), np.int64)
    patterns, coded = np.zeros((2, *shape), np.uint8), np.zeros((2, 2), np.int64)
    energies, lasts = np.zeros((2, *shape), np.uint8), np.zeros((2, *shape, 3), np.uint8)
    latents = [np.zeros((blocks, symbols.LATENTS), np.int16) for _ in range(2)]
    for k, reference in enumerate(references):
        if reference is None or reference.choices is None:
            continue
        choices[k], latents[k] = reference.choices, reference.latents
        energies[k] = learned_side.magnitudes(reference.latents, shape)
        patterns[k] = reference.patterns.reshape(shape)
        lasts[k] = reference.lasts.reshape(*shape, 3)
        shares[k] = 16 * np.bincount(reference.choices.ravel(), minlength=4) // blocks
        coded[k] = [16 * np.count_nonzero(patterns[k] & bit) // blocks for bit in (1, 2)]
    room = room or scratch(networks.rows.shape[1], networks.middle.shape[2])
    room.learned[:] = _learned_before(references, room.learned)
    pictures = Pictures(shadows[0].make(), shadows[-1].make(), setup.distances, (*setup.size, setup.bit_depth - 8))
    return FrameContexts(
        setup, networks, room, shape, choices, shares, energies, patterns, coded, lasts, (latents[0], latents[1]),
        pictures,
    )  # fmt: skip
