"""Shadows: the luma of frames as integers alone make it, the same on every machine (contracts 1 and 4).

Networks may round differently elsewhere, so no symbol may depend on a picture that they made. A shadow is what is left
without them and without our loop filter: of a frame coded by itself what the intra coder's decoder gives, of another
the prediction from its references' shadows plus its residual. Context networks look at it to say how well two
references agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from nvc.codec.quantise import dequantise
from nvc.codec.references import FrameSymbols
from nvc.codec.symbols import LUMA, SymbolModel, scan
from nvc.codec.transform import add_inverse, integer_matrix
from nvc.motion.field import BLOCK
from nvc.motion.warp import pad_plane, predict_luma

if TYPE_CHECKING:
    from nvc.codec.frame_coder import FrameSetup


class Shadow:
    """The shadow of one frame, made when it is first asked for: half of all frames are referred to by none."""

    def __init__(
        self, setup: FrameSetup, references: Sequence[Shadow], symbols: FrameSymbols, model: SymbolModel
    ) -> None:
        self._lock = Lock()
        self._parts: tuple | None = (setup, tuple(references), symbols, model)
        self._padded: np.ndarray | None = None

    @classmethod
    def of_picture(cls, luma: np.ndarray) -> Shadow:
        """Of a frame coded by itself; luma (h, w) uint16 as its decoder gives it, before networks."""
        shadow = cls.__new__(cls)
        shadow._lock, shadow._parts, shadow._padded = Lock(), None, pad_plane(luma)
        return shadow

    def make(self) -> np.ndarray:
        """(h + 2 MARGIN, w + 2 MARGIN) uint16: luma with its edge repeated, as prediction wants it; from any thread."""
        with self._lock:
            if self._padded is None:
                assert self._parts is not None
                # Its references are let go of once it is there.
                self._padded, self._parts = _made(*self._parts), None
            return self._padded


def _made(setup: FrameSetup, references: Sequence[Shadow], symbols: FrameSymbols, model: SymbolModel) -> np.ndarray:
    height, width = setup.size
    prediction = predict_luma(
        [r.make() for r in references], symbols.motion, setup.size, setup.bit_depth,
        overlapped="obmc" not in setup.disabled,
    )  # fmt: skip
    latents = symbols.latents[:, :LUMA]
    coefficients = np.empty(latents.shape, np.int32)
    dequantise(latents, scan().zone, setup.steps, model.recon, coefficients)
    planes = np.empty_like(prediction)
    add_inverse(
        coefficients.reshape(-1, BLOCK, BLOCK), integer_matrix(BLOCK), prediction, prediction.shape[1] // BLOCK,
        (1 << setup.bit_depth) - 1, planes,
    )  # fmt: skip
    return pad_plane(planes[:height, :width])
