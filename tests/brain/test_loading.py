"""Loading goes without collecting garbage, and nothing after it does."""

from __future__ import annotations

import contextlib
import gc

from brain.loading import loading


def test_garbage_is_looked_for_again_once_all_is_loaded_or_has_failed() -> None:
    with contextlib.suppress(ZeroDivisionError), loading():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
