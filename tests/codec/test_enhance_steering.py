import numpy as np
import pytest

from nvc.codec.enhance import Enhanced
from nvc.codec.enhance_steering import Steering, SteeringChoice, read_steering, write_steering
from nvc.errors import CorruptError


@pytest.mark.parametrize(
    ("eighths", "size"),
    [({}, 1), ({"I": (1, 2, 3)}, 3), ({"P": (8, 0, 15), "b": (0, 7, 0)}, 4),
     ({"I": (8, 8, 8), "P": (9, 0, 6), "B": (7, 5, 4), "b": (12, 1, 2)}, 7)],
)  # fmt: skip
def test_what_is_written_is_read(eighths: dict, size: int) -> None:
    data = write_steering(Steering(eighths))
    assert len(data) == size and read_steering(data) == Steering(eighths)


def test_nothing_means_off() -> None:
    assert read_steering(b"").off


def test_types_without_strength_cost_nothing() -> None:
    steering = Steering({"I": (0, 0, 0), "B": (4, 0, 0)})
    assert len(write_steering(steering)) == 3 and not steering.off
    assert read_steering(write_steering(steering)).strengths("I") == (0, 0, 0)
    assert steering.strengths("B") == (0.5, 0, 0) and steering.strengths("") == (0, 0, 0)
    assert Steering({"I": (0, 0, 0)}).off and Steering().off


@pytest.mark.parametrize("data", [b"\x21\x00\x00", b"\x11\x00", b"\x11\x00\x00\x00", b"\x10\x00"])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptError):
        read_steering(data)


def planes(value: float, kind: type = np.uint8):
    return tuple(np.full(size, value, kind) for size in ((8, 8), (4, 4), (4, 4)))


def test_the_best_strength_is_chosen_for_each_type_and_plane() -> None:
    choice = SteeringChoice()
    residual = (np.full((8, 8), 8, np.float32), np.full((4, 4), -8, np.float32), np.full((4, 4), 8, np.float32))
    choice.add("I", planes(104), planes(100), Enhanced(residual, 30, True), 8)
    choice.add("b", planes(92), planes(100), Enhanced(residual, 30, True), 8)
    steering = choice.steering()
    assert steering.eighths == {"I": (4, 0, 4), "b": (0, 8, 0)}


def test_a_gain_of_nothing_stays_off() -> None:
    choice = SteeringChoice()
    residual = tuple(np.full(size, 0.3, np.float32) for size in ((8, 8), (4, 4), (4, 4)))
    choice.add("P", planes(120), planes(100), Enhanced(residual, 30, True), 8)
    assert choice.steering().off
