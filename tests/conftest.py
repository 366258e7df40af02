"""Shared fixtures: real data, golden files, and the rule that a required test is never skipped silently."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from cpm_edu.datasets import data_root
from cpm_edu.kernels.libraries import load
from cpm_edu.kernels.ops import BackendUnavailable

REQUIRED = {part.strip() for part in os.environ.get("CPM_EDU_REQUIRE", "").split(",") if part.strip()}


def pytest_addoption(parser):
    default = Path(__file__).parent / "golden"
    parser.addoption(
        "--golden-dir", type=Path, default=default, help="folder of golden files to compare with"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "golden(pattern): run once per golden file whose name matches")


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("golden")
    if marker is None:
        return
    folder = metafunc.config.getoption("--golden-dir")
    files = sorted(folder.glob(marker.args[0]))
    if not files:
        reason = f"no file {marker.args[0]} in {folder}; give another folder by --golden-dir"
        files = [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    metafunc.parametrize("golden_file", files, ids=lambda f: f.name if f else "none")


def skip_or_fail(what: str, reason: str):
    """Skip a test whose needs are missing; fail instead where CPM_EDU_REQUIRE names them."""
    if what in REQUIRED:
        pytest.fail(f"CPM_EDU_REQUIRE asks for {what}, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def _compiled_beforehand():
    """Build the C++ ops, where that can be done, lest the wait or its announcement fall into some test."""
    with suppress(BackendUnavailable):
        load("cpp")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """One line in the summary for all tests that miss the same backend, not one a test."""
    report = yield
    if report.when == "setup" and report.skipped and "backend" in item.fixturenames:
        report.longrepr = (__file__, None, report.longrepr[2])
    return report


@pytest.fixture(scope="module", params=["torch", "cpp", "cuda"])
def backend(request) -> str:
    """Each implementation of the ops, built and loaded; one that cannot be had here is skipped."""
    if request.param != "torch":
        try:
            load(request.param)
        except BackendUnavailable as error:
            skip_or_fail(request.param, str(error))
    return request.param


def compiled_backends_only(test):
    """Decorator of a test that plain torch has no part in."""
    return pytest.mark.parametrize("backend", ["cpp", "cuda"], indirect=True, scope="module")(test)


@pytest.fixture(scope="module")
def device(backend) -> torch.device:
    """Where the tensors of `backend` live. Random data is made on the CPU and then moved."""
    return torch.device("cuda" if backend == "cuda" else "cpu")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the research data sets (mark such tests `realdata`)."""
    root = data_root()
    if not (root / "lsp").is_dir():
        skip_or_fail(
            "realdata", f"there is no LSP pack in {root}; set CPM_EDU_DATA to the folder that holds it"
        )
    return root


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab server for all tests of tests/browser (mark them `browser`)."""
    from real_lab import Lab, Missing, tools

    try:
        tools()
    except Missing as error:
        skip_or_fail("browser", str(error))
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser(lab):
    """A headless Chromium that shows that Lab."""
    from real_lab import Browser

    chromium = Browser(lab)
    chromium.open_lab()
    yield chromium
    chromium.quit()


@pytest.fixture(scope="session")
def golden_dir(request) -> Path:
    return request.config.getoption("--golden-dir")
