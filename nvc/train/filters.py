"""Fits the filters of the loop filter by least squares on what inter frames show before they are filtered."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from nvc.codec import loop_filter
from nvc.codec.encoder import Encoder
from nvc.codec.frame_coder import reconstruct
from nvc.codec.loop_filter_reference import classes, taps
from nvc.codec.stages import Stages
from nvc.codec.symbols import SymbolModel
from nvc.types import Frame, Settings

# Samples a class needs to count as much as the mean of its level, and the share of a tap's power that is added to it.
_PRIOR, _RIDGE = 400.0, 1e-3


class Sums:
    """Normal equations of every filter.

    square   (GROUPS, CLASSES, TAPS, TAPS) and product (GROUPS, CLASSES, TAPS): of taps, and of taps with the error
    count    (GROUPS, CLASSES) samples
    """

    def __init__(self) -> None:
        shape = (loop_filter.GROUPS, loop_filter.CLASSES, loop_filter.TAPS)
        self.square, self.product = np.zeros((*shape, loop_filter.TAPS)), np.zeros(shape)
        self.count = np.zeros(shape[:2])

    def add(self, level: int, picture: np.ndarray, prediction: np.ndarray, source: np.ndarray, step: int) -> None:
        """Take the luma of a frame, sides multiples of 4. step: as of ``loop_filter.corrections``."""
        unit = step / 16  # an error of a coarse quantiser must not outweigh those of all others
        squares = np.repeat(np.repeat(classes(picture, prediction, step), loop_filter.SQUARE, 0), loop_filter.SQUARE, 1)
        order = np.argsort(squares, axis=None, kind="stable")
        rows = taps(picture, prediction).reshape(-1, loop_filter.TAPS)[order] / unit
        error = (source.astype(np.float64) - picture).ravel()[order] / unit
        ends = np.searchsorted(squares.ravel()[order], np.arange(loop_filter.CLASSES + 1))
        group = loop_filter.group_of(level)
        for k in range(loop_filter.CLASSES):
            mine = slice(ends[k], ends[k + 1])
            self.square[group, k] += rows[mine].T @ rows[mine]
            self.product[group, k] += rows[mine].T @ error[mine]
            self.count[group, k] += ends[k + 1] - ends[k]

    def merge(self, other: "Sums") -> None:
        """Add what another has seen."""
        self.square += other.square
        self.product += other.product
        self.count += other.count

    def filters(self) -> np.ndarray:
        """(GROUPS, CLASSES, TAPS) int8 in 1/128: a class that was seen little is like the others of its level."""
        out = np.zeros(self.product.shape)
        for group in range(loop_filter.GROUPS):
            total = max(1.0, self.count[group].sum())
            mean = self.square[group].sum(0) / total
            mean += np.diag(_RIDGE * mean.diagonal() + 1e-9)
            base = np.linalg.solve(mean, self.product[group].sum(0) / total)
            for k in range(loop_filter.CLASSES):
                square = self.square[group, k] + _PRIOR * mean
                out[group, k] = np.linalg.solve(square, self.product[group, k] + _PRIOR * mean @ base)
        return np.clip(np.floor(128 * out + 0.5), -128, 127).astype(np.int8)


class _Recorder(Encoder):
    """An encoder that sums up what its inter frames show."""

    sums: Sums
    frames: Sequence[Frame]
    _source: np.ndarray

    def _code_frame(self, task, source, waits):
        self._source = self._planes(self.frames[task.display_index].planes)[0]
        return super()._code_frame(task, source, waits)

    def _observe(self, setup, references, choices) -> None:
        plain = replace(choices.symbols, strength=0)
        picture = reconstruct(setup, references, plain, self._model, Stages(), choices.prediction)[0]
        h, w = (n - n % loop_filter.SQUARE for n in picture.shape)
        shown, foretold, wanted = (p[:h, :w] for p in (picture, choices.prediction[0], self._source))
        self.sums.add(setup.task.level, shown, foretold, wanted, int(setup.steps[0]))


def observe(frames: Sequence[Frame], quality: int, model: SymbolModel) -> Sums:
    """Sums of the inter frames of a clip of 8 bit, coded as one I period with networks off."""
    settings = Settings(quality=quality, threads=1, keyint=64, disable=frozenset({"networks"}))
    encoder = _Recorder(frames[0].info, settings, model=model)
    encoder.sums, encoder.frames = Sums(), frames
    for frame in frames:
        encoder.push(frame)
    encoder.flush()
    return encoder.sums


def fit_filters(seen: Iterable[Sums]) -> np.ndarray:
    """(GROUPS, CLASSES, TAPS) int8 of all that was seen."""
    total = Sums()
    for sums in seen:
        total.merge(sums)
    return total.filters()
