"""Fixtures over `emulated_device`; a test file takes them by pytest_plugins = ("emulated_fixtures",)."""

from __future__ import annotations

import pytest
from conftest import skip_or_fail
from emulated_device import EmulatedDevice

from cpm_edu.kernels.toolchain import find_compiler


@pytest.fixture(scope="session")
def emulated():
    """The emulated device; a test that needs it skips without a C++ compiler, and CI fails."""
    if find_compiler() is None:
        skip_or_fail("cpp", "the emulator needs a C++ compiler such as g++ or clang++")
    return EmulatedDevice()


@pytest.fixture(params=["forward", "reverse", "random"])
def thread_order(request, emulated) -> str:
    """Threads and blocks in three orders: a right kernel does not care."""
    emulated.order = request.param
    yield request.param
    emulated.order = "forward"
