"""Which backend runs a call, what happens where one cannot be had, and the command that tells."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from command_line import run
from conftest import skip_or_fail

from cpm_edu.commands import backends
from cpm_edu.decoding import decode
from cpm_edu.kernels import libraries, ops
from cpm_edu.kernels.build import BuildError
from cpm_edu.kernels.ops import BackendUnavailable, resolve
from cpm_edu.targets import gaussian_targets

ROOT = Path(__file__).parent.parent
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class Loader:
    """Stands for `libraries.load`: has what it is told to have, and counts."""

    def __init__(self, *has: str):
        self.has, self.asked = has, []

    def __call__(self, backend: str) -> Path:
        self.asked.append(backend)
        if backend not in self.has:
            raise BackendUnavailable(f'no backend "{backend}": a reason; a cure')
        return Path("library")


@pytest.fixture
def loader(monkeypatch):
    monkeypatch.delenv("CPM_EDU_BACKEND", raising=False)
    ops._log_fallback.cache_clear()

    def install(*has: str) -> Loader:
        stand_in = Loader(*has)
        monkeypatch.setattr(libraries, "load", stand_in)
        return stand_in

    return install


# ---- the choice


def test_auto_goes_by_device_and_type(loader):
    loader("cpp", "cuda")
    assert resolve("auto", CPU, torch.float32) == "cpp"
    assert resolve("auto", CPU, torch.bfloat16) == "cpp"
    assert resolve("auto", CUDA, torch.float32) == "cuda"
    for other in (torch.float64, torch.float16, torch.int64):
        assert resolve("auto", CPU, other) == "torch"
    assert resolve("auto", torch.device("mps"), torch.float32) == "torch"
    assert resolve("auto", torch.device("meta"), torch.float32) == "torch"
    assert resolve("auto", CPU, torch.float32, "weights") == "torch"


def test_torch_is_always_there_and_loads_nothing(loader):
    stand_in = loader()
    for device in (CPU, CUDA, torch.device("mps")):
        assert resolve("torch", device, torch.float64, "weights") == "torch"
    assert stand_in.asked == []


def test_a_named_backend_refuses_in_words_what_it_cannot_do(loader):
    loader("cpp", "cuda")
    with pytest.raises(
        ValueError, match=r'"cpp" takes tensors on \'cpu\', not on \'cuda:1\'.*backend "cuda"'
    ):
        resolve("cpp", torch.device("cuda:1"), torch.float32)
    with pytest.raises(ValueError, match=r'"cuda" takes tensors on \'cuda\', not on \'cpu\'.*backend "cpp"'):
        resolve("cuda", CPU, torch.float32)
    with pytest.raises(ValueError, match="takes float32 and bfloat16, not float64"):
        resolve("cpp", CPU, torch.float64)
    with pytest.raises(ValueError, match="gives no gradient to targets"):
        resolve("cpp", CPU, torch.float32, "targets")
    with pytest.raises(ValueError, match="one of auto, torch, cpp, cuda, not 'gpu'"):
        resolve("gpu", CPU, torch.float32)


def test_a_named_backend_never_falls_back(loader):
    loader()
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="a reason; a cure"):
            resolve("cpp", CPU, torch.float32)


def test_auto_falls_back_and_says_why_once(loader, caplog):
    loader()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert resolve("auto", CPU, torch.float32) == "torch"
    assert [record.getMessage() for record in caplog.records] == [
        'using plain torch, which is slower: no backend "cpp": a reason; a cure'
    ]


def test_the_environment_says_what_auto_picks(loader, monkeypatch):
    stand_in = loader("cpp")
    monkeypatch.setenv("CPM_EDU_BACKEND", "torch")
    assert resolve("auto", CPU, torch.float32) == "torch"
    assert stand_in.asked == []
    assert resolve("cpp", CPU, torch.float32) == "cpp", "a named backend is not overridden"
    monkeypatch.setenv("CPM_EDU_BACKEND", "cpp")
    assert resolve("auto", CPU, torch.float32) == "cpp"
    assert resolve("auto", CPU, torch.float64) == "torch", "what it cannot do is left to torch"
    assert resolve("auto", CUDA, torch.float32) == "torch"
    monkeypatch.setenv("CPM_EDU_BACKEND", "cuda")
    with pytest.raises(BackendUnavailable):
        resolve("auto", CUDA, torch.float32)
    monkeypatch.setenv("CPM_EDU_BACKEND", "gpu")
    with pytest.raises(ValueError, match="CPM_EDU_BACKEND must be one of auto, torch, cpp, cuda, not 'gpu'"):
        resolve("auto", CPU, torch.float32)


def test_public_functions_use_the_backend_they_resolve(loader, monkeypatch):
    loader("cpp")
    called = []
    monkeypatch.setattr(ops, "call", lambda name, *arguments: called.append(name) or [torch.zeros(1)] * 2)
    maps = torch.zeros(1, 1, 3, 3)
    decode(maps, "dark")
    decode(maps, "dark", backend="torch")
    gaussian_targets(torch.zeros(1, 2), (1, 1), 1.0, backend="torch")
    assert called == ["decode"]


# ---- loading


@pytest.fixture
def empty_handed(monkeypatch):
    """As in a process that has not tried to load anything."""
    for name in ("_loaded", "_failed", "loading_seconds"):
        monkeypatch.setattr(libraries, name, {})


class BrokenRecipe:
    def __init__(self, library=None):
        self.library, self.builds = library, 0

    def find(self):
        return self.library

    def missing(self):
        return "there is no tool; get one"

    def build(self, announce):
        self.builds += 1
        announce("with c++ into ~/somewhere")
        raise BuildError("compiling failed:\n  x.cpp:1: error")


def test_a_build_that_failed_is_not_tried_again(empty_handed, monkeypatch, capsys):
    broken = BrokenRecipe()
    monkeypatch.setattr(libraries, "recipe", lambda backend: broken)
    for _ in range(3):
        with pytest.raises(BackendUnavailable, match=r"x\.cpp:1: error"):
            libraries.load("cpp")
    assert broken.builds == 1
    told = capsys.readouterr().err
    assert told.count("compiling the C++ ops (about 10 s, once) with c++ into ~/somewhere") == 1
    assert "CPM_EDU_BACKEND=torch" in told


def test_a_damaged_library_is_named_with_its_cure(empty_handed, monkeypatch, tmp_path):
    library = tmp_path / "cpm_cpp-0-0.so"
    library.write_text("no library")
    monkeypatch.setattr(libraries, "recipe", lambda backend: BrokenRecipe(library))
    with pytest.raises(BackendUnavailable, match=f"{re.escape(str(library))} cannot be loaded.*delete it"):
        libraries.load("cpp")


def test_no_cuda_says_what_to_do():
    if torch.cuda.is_available():
        pytest.skip("there is CUDA")
    with pytest.raises(BackendUnavailable, match=r'no backend "cuda": torch .*(pytorch\.org|nvidia-smi)'):
        libraries.load("cuda")


# ---- importing stays quick and needs little

LITTLE = """
import sys
for name in ("ninja", "jupyterlab", "ipywidgets", "anywidget", "pycocotools", "matplotlib"):
    sys.modules[name] = None
import torch
before = set(sys.modules)
import cpm_edu.targets, cpm_edu.decoding, cpm_edu.losses
new = set(sys.modules) - before
assert not any(name.startswith("torch._dynamo") for name in new), "importing the compiler costs a second"
assert not {"cpm_edu.kernels.build", "cpm_edu.kernels.libraries"} & new, "nothing to build yet"
centers = torch.zeros(1, 2)
drawn = cpm_edu.targets.gaussian_targets(centers, (4, 4), 1.0)
assert drawn[0, 0, 0] == 1
"""


def test_the_library_imports_and_runs_without_tools(tmp_path):
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PATH": "", "CPM_EDU_CACHE": str(tmp_path), "CXX": "",
        "HOME": str(tmp_path), "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", LITTLE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "using plain torch, which is slower" in done.stderr
    assert "there is no C++ compiler; install one" in done.stderr


# ---- cpm-edu backends


def test_the_report_reads_well(capsys):
    try:
        libraries.load("cpp")
    except BackendUnavailable as error:
        skip_or_fail("cpp", str(error))
    assert run("backends") == 0
    text = capsys.readouterr().out
    for word in (
        "Python",
        f"torch       {torch.__version__}",
        "CPU features",
        "ninja",
        "compilers",
        "flags -std",
    ):
        assert word in text
    assert re.search(r"^cpp +yes +\S+cpm_cpp-\w+-\w+\.so$", text, re.MULTILINE)
    assert re.search(r"built \d{4}-\d\d-\d\d .* in [\d.]+ s", text)
    assert re.search(r"found and loaded in [\d.]+ ms", text)
    home = os.path.expanduser("~")
    assert f"{home}/" not in text, "a report names no home"


def test_the_report_of_a_machine_without_tools(capsys, monkeypatch, tmp_path, empty_handed):
    for name in ("CPM_EDU_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("cpm_edu.kernels.cache.tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CXX", "")
    monkeypatch.setenv("CUDA_HOME", "")
    monkeypatch.setenv("CPM_EDU_BACKEND", "fpga")
    monkeypatch.setattr("cpm_edu.kernels.toolchain.find_nvcc", lambda: None)
    for module in ("commands.backends", "kernels.build"):
        monkeypatch.setattr(f"cpm_edu.{module}.find_ninja", lambda: None)
    assert run("backends") == 0
    text = capsys.readouterr().out
    assert "compilers   none: install one" in text
    assert "pip install ninja" in text
    assert "no toolkit (no nvcc)" in text
    assert re.search(r"^cpp +no +there is no C\+\+ compiler; install one", text, re.MULTILINE)
    assert "CPM_EDU_BACKEND=fpga, which is none of auto, torch, cpp, cuda" in text


def test_build_fails_with_status_1_and_the_reason(capsys, monkeypatch, empty_handed):
    monkeypatch.setattr(libraries, "recipe", lambda backend: BrokenRecipe())
    monkeypatch.setattr(backends, "recipe", lambda backend: BrokenRecipe())
    assert run("backends", "--build") == 1
    told = capsys.readouterr()
    assert "x.cpp:1: error" in told.err
    assert re.search(r"^cpp +no +there is no tool; get one", told.out, re.MULTILINE)


def test_a_command_that_needs_a_missing_backend_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CPM_EDU_BACKEND", "cpp")
    monkeypatch.setattr(libraries, "load", Loader())
    assert run("demo", "--out", tmp_path / "demo.png") == 2
    assert 'cpm-edu demo: no backend "cpp": a reason; a cure' in capsys.readouterr().err
