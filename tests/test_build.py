"""Building libraries: what goes into their names, and everything that may go wrong on other people's machines."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from build_tools import FLAGS, call, in_a_process, number, runs, wait_for, wrapper
from conftest import skip_or_fail

from cpm_edu.kernels import build, cache, toolchain
from cpm_edu.kernels.build import BuildError, Recipe, Source, shared_library


@pytest.fixture(autouse=True)
def _needs_a_compiler():
    if toolchain.find_compiler() is None or toolchain.find_ninja() is None:
        skip_or_fail("cpp", "there is no C++ compiler or no ninja")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty cache, with a space in its path."""
    monkeypatch.setenv("CPM_EDU_CACHE", str(tmp_path / "a cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    cache._say_once.cache_clear()
    return tmp_path / "a cache" / "kernels"


# ---- plain use


def test_two_sources_become_one_library(folder):
    library = shared_library("two", [number(3, "three"), number(4, "four")], flags=FLAGS)
    assert library.parent == folder
    assert (call(library, "three"), call(library, "four")) == (3, 4)
    assert not list(folder.glob("*.unfinished"))


def test_files_headers_and_flags_with_spaces(tmp_path):
    sources, headers = tmp_path / "my sources", tmp_path / "my headers"
    sources.mkdir()
    headers.mkdir()
    (headers / "a number.h").write_text("#define NUMBER 5\n")
    (sources / "a b.cpp").write_text(
        '#include "a number.h"\nextern "C" int number() { return NUMBER + MORE; }\n'
        'extern "C" const char* text() { return TEXT; }\n'
    )
    library = shared_library(
        "spaces",
        [sources / "a b.cpp"],
        include=[headers],
        flags=[*FLAGS, "-DMORE=(1 + 1)", '-DTEXT="$a \'b"'],
    )
    assert call(library) == 7
    text = ctypes.CDLL(str(library)).text
    text.restype = ctypes.c_char_p
    assert text() == b"$a 'b"


def test_a_warm_start_takes_no_tool_and_no_right_to_write(folder, monkeypatch):
    library = shared_library("warm", [number()], flags=FLAGS)
    folder.chmod(0o555)

    def refuse(*_args, **_options):
        raise AssertionError("a warm start must not do this")

    for module, name in ((subprocess, "Popen"), (build, "locked_folder"), (os, "mkdir"), (os, "replace")):
        monkeypatch.setattr(module, name, refuse)
    assert shared_library("warm", [number()], flags=FLAGS) == library
    monkeypatch.setenv("PATH", "")  # no compiler to ask who it is: any library of the same content will do
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(build, "find_ninja", lambda: None)
    assert shared_library("warm", [number()], flags=FLAGS) == library
    folder.chmod(0o755)


def test_announced_only_when_a_compiler_starts(folder):
    told = []
    for _ in range(2):
        shared_library("announced", [number()], flags=FLAGS, announce=told.append)
    assert len(told) == 1
    assert str(folder) in told[0]
    assert "++" in told[0]


# ---- names


def recipe(**changes) -> Recipe:
    given = {"name": "n", "sources": (number(),), "flags": FLAGS, **changes}
    return Recipe(**given)


def test_whatever_changes_the_library_changes_its_name(tmp_path, monkeypatch):
    plain = recipe().content_key()
    others = {
        "source": recipe(sources=(number(43),)),
        "file name": recipe(sources=(Source(Path("other.cpp"), number().text),)),
        "a source's flags": recipe(sources=(Source(number().path, number().text, ("-g",)),)),
        "flags": recipe(flags=("-O1", "-fPIC")),
        "link flags": recipe(link_flags=("-lm",)),
        "what it depends on": recipe(depends="torch 3"),
    }
    keys = {what: other.content_key() for what, other in others.items()}
    assert plain not in keys.values()
    assert len(set(keys.values())) == len(keys), keys


def test_headers_count_however_deep(tmp_path):
    (tmp_path / "sub").mkdir()
    files = {
        "a.h": '  # include "sub/b.h"\n',
        "sub/b.h": '#include "c.h"\n',
        "sub/c.h": "",
        "forced.h": "",
        "unused.h": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    source = Source(Path("x.cpp"), '#include "a.h"\n#include "not/ours.h"\n')

    def key():
        flags = (*FLAGS, "-include", "forced.h")
        return recipe(sources=(source,), include=(tmp_path,), flags=flags).content_key()

    before = key()
    (tmp_path / "unused.h").write_text("int x;")
    assert key() == before
    for name in ("a.h", "sub/b.h", "sub/c.h", "forced.h"):
        (tmp_path / name).write_text(files[name] + "// changed\n")
        after = key()
        assert after != before, name
        before = after


def test_another_cpu_gets_another_library(monkeypatch):
    native = recipe(flags=(*FLAGS, "-march=native"))
    before, portable = native.content_key(), recipe().content_key()
    monkeypatch.setattr(build, "cpu_features", lambda: "fpu sse sse2")
    assert native.content_key() != before
    assert recipe().content_key() == portable, "code for every CPU may be shared"


def test_another_compiler_gets_another_library(tmp_path, monkeypatch):
    first = shared_library("c", [number()], flags=FLAGS)
    monkeypatch.setenv("CXX", str(wrapper(tmp_path / "my c++", "true")).replace(" ", "\\ "))
    second = shared_library("c", [number()], flags=FLAGS)
    assert first != second
    assert first.name.rsplit("-", 1)[0] == second.name.rsplit("-", 1)[0]


def test_old_libraries_go(folder, monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 3)
    kept = shared_library("other", [number()], flags=FLAGS)
    libraries = []
    for i in range(5):
        libraries.append(shared_library("old", [number(i)], flags=FLAGS))
        os.utime(libraries[-1], (i, i))
    assert [path.exists() for path in libraries] == [False, False, True, True, True]
    assert len(list(folder.glob("old-*.json"))) == 3
    assert kept.exists()


# ---- errors


def test_a_broken_source_says_where_and_how(folder):
    source = Source(Path("broken.cpp"), 'int fine;\nextern "C" int number() { return nonsense; }\n')
    with pytest.raises(BuildError) as error:
        shared_library("broken", [number(1, "good"), source], flags=(*FLAGS, "-DWORD=1"))
    text = str(error.value)
    assert "broken.cpp:2:" in text, "the line of the source, without the folder it was compiled in"
    assert "nonsense" in text
    assert "-DWORD=1" in text, "the command"
    assert "unfinished" not in text.split("with the command")[0]
    assert not list(folder.glob("*.so"))
    assert not list(folder.glob("*.unfinished"))
    assert call(shared_library("broken", [number()], flags=FLAGS)) == 42


def test_a_link_that_fails(folder):
    with pytest.raises(BuildError, match="no_such_library"):
        shared_library("unlinked", [number()], flags=FLAGS, link_flags=["-lno_such_library"])
    source = Source(Path("x.cpp"), "int elsewhere(); int here() { return elsewhere(); }")
    with pytest.raises(BuildError, match=r"undefined (reference|symbol).*elsewhere"):
        shared_library("unlinked", [source], flags=FLAGS, link_flags=["-Wl,-z,defs"])


def test_no_compiler_and_no_ninja(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(build, "find_ninja", lambda: None)
        with pytest.raises(BuildError, match=r"there is no ninja.*pip install ninja"):
            shared_library("none", [number()], flags=FLAGS)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(BuildError, match=r"there is no C\+\+ compiler; install one"):
            shared_library("none", [number()], flags=FLAGS)
    monkeypatch.setenv("CXX", "g++-from-the-future")
    with pytest.raises(BuildError, match=r"'g\+\+-from-the-future'.*CXX"):
        shared_library("none", [number()], flags=FLAGS)


# ---- folders


def test_an_unwritable_home_falls_back_and_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("CPM_EDU_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/proc/nowhere")  # not even root can write there
    library = shared_library("fallback", [number()], flags=FLAGS)
    assert library.parent == tmp_path / f"cpm_edu-{os.getuid()}" / "kernels"
    assert stat.S_IMODE(library.parent.parent.stat().st_mode) == 0o700
    told = capsys.readouterr().err
    assert "cannot write to /proc/nowhere/.cache/cpm_edu/kernels" in told or "cannot write to ~/" in told
    assert str(library.parent) in told
    shared_library("fallback", [number(1)], flags=FLAGS)
    assert not capsys.readouterr().err, "said once"


@pytest.mark.parametrize("plant", ["open to all", "a link", "somebody else's", "a file"])
def test_a_temp_folder_that_others_could_fill_is_not_trusted(plant, monkeypatch, tmp_path):
    monkeypatch.setenv("CPM_EDU_CACHE", "/proc/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    shared = tmp_path / f"cpm_edu-{os.getuid()}"
    if plant == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        shared.symlink_to(tmp_path / "elsewhere")
    elif plant == "a file":
        shared.write_text("")
    else:
        shared.mkdir(mode=0o700)
        if plant == "open to all":
            shared.chmod(0o777)
        elif os.getuid() == 0:
            os.chown(shared, 12345, 12345)
        else:
            pytest.skip("only root can give a folder away")
    assert shared / "kernels" not in cache.cache_folders()
    with pytest.raises(BuildError, match="set CPM_EDU_CACHE"):
        shared_library("planted", [number()], flags=FLAGS)


def test_a_folder_that_may_not_be_read_is_passed_over(folder, monkeypatch):
    def listdir(path, list_it=os.listdir):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied")
        return list_it(path)

    monkeypatch.setattr(os, "listdir", listdir)
    monkeypatch.setattr(
        cache, "_make_private", lambda f: f.mkdir(parents=True) if f != folder else listdir(f)
    )
    assert (
        shared_library("unread", [number()], flags=FLAGS).parent
        == Path(os.environ["XDG_CACHE_HOME"]) / "cpm_edu/kernels"
    )


def test_an_empty_xdg_variable_counts_as_unset(monkeypatch, tmp_path):
    monkeypatch.delenv("CPM_EDU_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folders()[0] == tmp_path / ".cache" / "cpm_edu" / "kernels"


# ---- builds that die, builds that meet


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_build_that_is_killed_leaves_neither_a_lock_nor_a_compiler(how, folder, tmp_path, monkeypatch):
    if not Path("/proc/self/status").exists():
        pytest.skip("looks for the compiler in /proc")
    pid = tmp_path / "pid"
    stuck = wrapper(
        tmp_path / "stuck",
        f"case \"$*\" in *' -c '*) echo $$ > '{pid}.new'; mv '{pid}.new' '{pid}'; sleep 60;; esac",
    )
    monkeypatch.setenv("CXX", str(stuck))
    victim = in_a_process(
        "shared_library('killed', [source], flags=['-O0', '-fPIC'])", stderr=subprocess.DEVNULL
    )
    wait_for(pid.exists)
    victim.send_signal(how)
    victim.wait(timeout=20)
    wait_for(lambda: not runs(int(pid.read_text())))
    monkeypatch.delenv("CXX")
    start = time.monotonic()
    assert call(shared_library("killed", [number(7)], flags=FLAGS)) == 7
    assert time.monotonic() - start < 30
    assert not list(folder.glob("*.unfinished"))


def test_two_processes_at_once_compile_once(folder, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setenv("CXX", str(wrapper(tmp_path / "logged", f"echo \"$*\" >> '{log}'; sleep 0.3")))
    code = "print(shared_library('shared', [source], flags=['-O0', '-fPIC']))"
    both = [in_a_process(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert outputs[0][0] == outputs[1][0] != ""
    assert sum(" -c " in line for line in log.read_text().splitlines()) == 1
    assert any("waiting for another process" in told for _, told in outputs)


def test_what_dead_builds_left_is_harmless_and_removed(folder):
    left = folder / "stale-0123456789abcdef-01234567.unfinished"
    left.mkdir(parents=True)
    (left / "library.so").write_text("half a library")
    (folder / "stale.lock").write_text("pid 1")
    other = folder / "other-0123456789abcdef-01234567.unfinished"
    other.mkdir()
    assert call(shared_library("stale", [number()], flags=FLAGS)) == 42
    assert not left.exists()
    assert other.exists(), "another library may be in the making"
