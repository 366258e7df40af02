"""Compilers and CUDA toolkits: found, told apart, refused; the op libraries built with each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from build_tools import FLAGS, call, number
from conftest import skip_or_fail

from cpm_edu.kernels import libraries, toolchain
from cpm_edu.kernels.build import shared_library
from cpm_edu.kernels.ninja import failure
from cpm_edu.kernels.toolchain import BuildError, Compiler, find_compiler, find_cuda, find_ninja

ROOT = Path(__file__).parent.parent


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def fake_nvcc(path: Path, version: str, top: Path) -> Path:
    answer = f"Cuda compilation tools, release {version}, V{version}.88"
    return program(
        path, f'case "$1" in --version) echo "{answer}";; --dryrun) echo "#$ TOP={top}" >&2;; esac'
    )


# ---- compilers


def test_order_of_compilers(tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_compiler() is None
    for name in ("clang++", "g++", "c++"):
        path = program(tmp_path / name)
        assert find_compiler() == Compiler((str(path),))
    assert find_compiler("clang++") == Compiler((str(tmp_path / "clang++"),))


def test_cxx_may_hold_a_launcher_and_options(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    cache, compiler = program(tmp_path / "ccache"), program(tmp_path / "g++")
    monkeypatch.setenv("CXX", "ccache g++ -m64")
    found = find_compiler()
    assert found.command == (str(cache), str(compiler), "-m64")
    assert str(compiler) in found.identity()
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(BuildError, match=r"'icpx' \(CXX asks for it\); unset CXX"):
        find_compiler()


def test_identity_follows_links_and_notices_an_upgrade(tmp_path):
    real = program(tmp_path / "g++-12")
    (tmp_path / "c++").symlink_to(real)
    before = Compiler((str(tmp_path / "c++"),)).identity()
    assert before == Compiler((str(real),)).identity()
    os.utime(real, (1, 1))
    assert Compiler((str(tmp_path / "c++"),)).identity() != before


def test_ninja_is_found_beside_python_in_the_package_and_on_the_path(tmp_path, monkeypatch):
    beside = program(tmp_path / "bin" / "ninja")
    monkeypatch.setattr(sys, "executable", str(beside.with_name("python")))
    assert find_ninja() == str(beside)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setitem(sys.modules, "ninja", None)  # not installed
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_ninja() == str(beside)
    monkeypatch.setenv("PATH", "")
    assert find_ninja() is None


def test_this_cpu_has_features_and_a_digest(monkeypatch):
    if not Path("/proc/cpuinfo").exists():
        pytest.skip("reads /proc/cpuinfo")
    toolchain.cpu_features.cache_clear()
    assert len(toolchain.cpu_features().split()) > 5
    before = toolchain.cpu_digest()
    monkeypatch.setattr(toolchain, "cpu_features", lambda: "fpu")
    assert toolchain.cpu_digest() != before


# ---- CUDA toolkits


def test_the_toolkit_lies_where_nvcc_says_not_where_it_stands(tmp_path, monkeypatch):
    """nvcc on PATH is often a script that calls the real one."""
    nvcc = fake_nvcc(tmp_path / "bin" / "nvcc", "13.0", tmp_path / "real" / "bin" / "..")
    for name in ("CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{nvcc.parent}:/bin:/usr/bin")
    toolkit = find_cuda()
    assert toolkit.nvcc == str(nvcc)
    assert toolkit.root == tmp_path / "real"
    assert toolkit.version == (13, 0)
    home = fake_nvcc(tmp_path / "home" / "bin" / "nvcc", "12.9", tmp_path / "home")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "home"))
    assert find_cuda().nvcc == str(home), "a folder that the user names comes first"


def test_a_program_that_is_no_nvcc(tmp_path, monkeypatch):
    program(tmp_path / "bin" / "nvcc", "echo hello")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    with pytest.raises(BuildError, match="does not answer like nvcc"):
        find_cuda()


@pytest.mark.parametrize(("toolkit", "built_for", "fits"), [("13.0", "13.2", True), ("12.8", "13.0", False)])
def test_toolkit_and_torch_must_be_of_one_cuda(toolkit, built_for, fits, tmp_path, monkeypatch):
    fake_nvcc(tmp_path / "bin" / "nvcc", toolkit, tmp_path)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    monkeypatch.setattr(torch.version, "cuda", built_for)
    if fits:
        assert libraries.matching_toolkit().root == tmp_path
        return
    monkeypatch.setenv("CPM_EDU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(program(tmp_path / "bin" / "c++", "exit 0")))
    with pytest.raises(BuildError) as error:
        libraries.cuda_recipe(("90",)).build()
    for word in ("version 12.8", "built for CUDA 13.0", str(tmp_path), "CUDA_HOME"):
        assert word in str(error.value)
    assert "12.8" in libraries.cuda_recipe(("90",)).missing()


def test_a_toolkit_without_its_runtime_library(tmp_path, monkeypatch):
    toolkit = toolchain.CudaToolkit("nvcc", tmp_path, (13, 0))
    with pytest.raises(BuildError, match="has no libcudart"):
        libraries._cudart(toolkit)
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / "libcudart_static.a").touch()
    assert "-lcudart_static" in libraries._cudart(toolkit)
    (tmp_path / "lib64" / "libcudart.so").touch()
    assert "-lcudart" in libraries._cudart(toolkit)


# ---- the libraries of ops


AGREES = """
import sys, torch
from cpm_edu.kernels import libraries
from cpm_edu.decoding import METHODS, decode
from cpm_edu.losses import stage_loss
from cpm_edu.targets import gaussian_targets
compiler = sys.argv[1]
libraries.recipe = lambda backend: libraries.cpp_recipe(compiler)
print(libraries.load("cpp"))
torch.manual_seed(0)
points, maps = torch.rand(3, 5, 2) * 40, torch.rand(2, 3, 5, 17, 33)
for background in (False, True):
    drawn = [gaussian_targets(points, (17, 33), 1.5, background=background, backend=b) for b in ("cpp", "torch")]
    torch.testing.assert_close(*drawn, rtol=1e-5, atol=1e-6)
for method in METHODS:
    found = [decode(drawn[1][:, :5], method, backend=b)[0] for b in ("cpp", "torch")]
    torch.testing.assert_close(*found, rtol=0, atol=1e-3)
losses = [stage_loss(maps, drawn[1][:, :5], backend=b) for b in ("cpp", "torch")]
torch.testing.assert_close(*losses, rtol=1e-5, atol=0)
assert (torch.tensor(1e-40) * 1).item() > 0, "subnormal numbers are flushed to zero"
"""


@pytest.mark.parametrize(("compiler", "package"), [("g++", "cpp"), ("clang++", "clang")])
def test_both_compilers_build_ops_that_agree_with_torch(compiler, package, tmp_path):
    if shutil.which(compiler) is None or find_ninja() is None:
        skip_or_fail(package, f"there is no {compiler} or no ninja")
    if find_compiler(compiler).identity() == find_compiler().identity():
        return  # it built what all other tests of the backend "cpp" run
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CPM_EDU_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", AGREES, compiler], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(str(tmp_path))


LOADS_CUDA = """
import ctypes, sys, torch
from cpm_edu.kernels import ops
ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)  # the one function that only a CUDA torch has
torch.ops.load_library(sys.argv[2])
has = torch._C._dispatch_has_kernel_for_dispatch_key
names = [schema.partition("(")[0] for schema in ops.SCHEMAS]
print(all(has(f"cpm_edu::{name}", "CUDA") for name in names), any(has(f"cpm_edu::{name}", "CPU") for name in names))
"""


def test_the_cuda_library_compiles_links_and_registers_for_cuda_only(tmp_path, monkeypatch):
    if toolchain.find_nvcc() is None or find_compiler() is None or find_ninja() is None:
        skip_or_fail("nvcc", "there is no nvcc, C++ compiler or ninja")
    try:
        libraries.matching_toolkit()
    except BuildError as error:
        skip_or_fail("nvcc", str(error))
    monkeypatch.setenv("CPM_EDU_CACHE", str(tmp_path))
    library = libraries.cuda_recipe(("90",)).build()
    assert library.name.startswith("cpm_cuda-sm90-")
    if torch.version.cuda is not None:
        return  # loaded by every test of the backend "cuda", where there is a device
    stub = tmp_path / "stub.cpp"
    stub.write_text('extern "C" int aoti_torch_get_current_cuda_stream(int, void**) { return 1; }\n')
    subprocess.run(
        [*find_compiler().command, "-shared", "-fPIC", stub, "-o", stub.with_suffix(".so")], check=True
    )
    runtime = ":".join(map(str, find_cuda().libraries()))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LD_LIBRARY_PATH": runtime}
    command = [sys.executable, "-c", LOADS_CUDA, stub.with_suffix(".so"), library]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == "True False\n", done.stderr[-2000:]


# ---- libraries damaged since they were built


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A small library in a cache of its own, and how to ask for it again."""
    if find_compiler() is None or find_ninja() is None:
        skip_or_fail("cpp", "there is no C++ compiler or no ninja")
    for name in ("CPM_EDU_CACHE", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("cpm_edu.kernels.cache.tempfile.tempdir", str(tmp_path))
    return lambda: shared_library("damaged", [number()], flags=FLAGS)


@pytest.mark.parametrize("damage", ["cut", "junk", "one byte", "no record"])
def test_a_damaged_library_is_built_again(built, damage, capsys):
    library = built()
    whole = library.read_bytes()
    cut = {"cut": whole[: len(whole) // 2], "junk": b"junk", "one byte": whole[:-1] + b"?"}
    if damage == "no record":
        library.with_suffix(".json").unlink()
    else:
        library.write_bytes(cut[damage])
    assert built() == library
    assert (library.stat().st_size, call(library)) == (len(whole), 42)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{library} is damaged and built again" in told
    built()
    assert not capsys.readouterr().err


def test_a_damaged_library_is_ignored_where_none_can_be_built(built, monkeypatch):
    built().write_bytes(b"junk")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BuildError, match=r"there is no C\+\+ compiler; install one"):
        built()


# ---- what ninja prints


def test_the_command_is_that_of_the_file_that_failed():
    output = (
        "[1/3] 0.o\na.cpp:1: warning: no error\nFAILED: 1.o\nc++ -Werror b.cpp\nTerminated\n"
        "FAILED: [code=1] 2.o\nc++ c.cpp\nc.cpp:3: error: x\nninja: build stopped: subcommand failed.\n"
    )
    assert failure("n", output, Path("/w")) == (
        "compiling n failed:\n  c.cpp:3: error: x\nwith the command\n  c++ c.cpp"
    )
    assert "no such tool\nwith the command\n  ninja" in failure("n", "ninja: error: no such tool", Path("/w"))
