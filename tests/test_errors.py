"""Error classes: exit codes, and the builtins that a caller may catch instead."""

import inspect

import pytest

from nvc import errors
from nvc.errors import CorruptError, NvcError


@pytest.mark.parametrize(
    ("name", "code", "builtin"),
    [
        ("NvcError", 1, Exception),
        ("UsageError", 2, ValueError),
        ("InputError", 3, OSError),
        ("OutputError", 3, OSError),
        ("FormatError", 4, ValueError),
        ("CorruptError", 5, ValueError),
        ("ModelError", 6, Exception),
        ("DeviceError", 7, RuntimeError),
        ("LimitError", 8, ValueError),
    ],
)
def test_exit_code_and_builtin(name: str, code: int, builtin: type) -> None:
    error = getattr(errors, name)("what was wanted, what was got")
    assert error.exit_code == code
    assert isinstance(error, builtin) and isinstance(error, NvcError)
    assert str(error) == "what was wanted, what was got"


def test_the_table_above_is_complete() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, NvcError)]
    assert len(classes) == 9


def test_corrupt_error_keeps_the_number_of_whole_frames() -> None:
    assert CorruptError("cut", frames=7).frames == 7
    assert CorruptError("cut").frames is None
