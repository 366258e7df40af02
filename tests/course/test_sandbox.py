"""Rooms of the sandbox: what a submission is asked, what comes of it, and what where there is no sandbox."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from conftest import skip_or_fail

from cpm_edu.course.grading.limits import Limits
from cpm_edu.course.grading.sandbox import Isolation, NoSandbox, not_isolated
from cpm_edu.course.grading.seccomp import filter_program
from cpm_edu.course.grading.wire import NotSendable

from .rooms import FAST, TWICE, exercise, outcome, sandbox


@pytest.fixture(params=["sandbox", "not isolated"])
def isolation(request):
    return sandbox() if request.param == "sandbox" else not_isolated()


def test_values_go_in_and_come_out(isolation):
    with isolation.room() as room:
        call = room.student(exercise(), TWICE)
        assert np.array_equal(call(np.arange(3.0)).value, [0, 2, 4])
        assert call("a").value == "aa"
        assert call(()).value == ()
    assert room.spent.why == ""
    assert room.spent.seconds < 5


def test_torch(isolation):
    source = "import torch\ndef f(net, x):\n    return net(x), torch.nn.Sequential(net, torch.nn.ReLU())\n"
    layer, images = torch.nn.Conv2d(1, 2, 3), torch.ones(1, 1, 5, 5)
    found = outcome(isolation, source, layer, images, engine="torch", limits=Limits())
    assert found.error == ""
    maps, network = found.value
    assert torch.allclose(maps, layer(images))
    assert torch.allclose(network(images), layer(images).relu())


def test_errors_name_class_line_and_message(isolation):
    found = outcome(isolation, "def f(x):\n    y = 0\n    return x / y\n", 1)
    assert (found.error, found.line, found.message) == ("ZeroDivisionError", 3, "division by zero")
    found = outcome(
        isolation, "import numpy as np\ndef f(x):\n    return np.zeros((2, 3)) @ x\n", np.zeros((2, 3))
    )
    assert (found.error, found.line) == ("ValueError", 3)
    found = outcome(isolation, "def f(x):\n    return (\n", 1)
    assert (found.error, found.line > 0) == ("SyntaxError", True)
    found = outcome(isolation, "x = 1\ny = unknown\ndef f(x):\n    return x\n", 1)
    assert (found.error, found.line) == ("NameError", 2)
    assert outcome(isolation, "f = 3\n", 1).message == "f is a int, not a function"


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    raise NotImplementedError('ex02: write f')\n",
        "def f(x):\n    raise NotImplementedError\n",
        "def g(x):\n    return x\n",
        "",
    ],
)
def test_stubs_are_not_written(isolation, source):
    assert outcome(isolation, source, 1).error == "NotWritten"


def test_other_not_implemented_errors_are_errors(isolation):
    assert (
        outcome(isolation, "def f(x):\n    raise NotImplementedError('for int8')\n", 1).error
        == "NotImplementedError"
    )


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from cpm_edu.targets import center_map as f\n", "cpm_edu.targets.center_map"),
        ("import cpm_edu.targets\ndef f(x):\n    return 0\n", "cpm_edu.targets"),
        ("def f(x):\n    import cpm_edu.metrics as m\n    return m\n", "the library (cpm_edu.metrics)"),
        ("def f(x):\n    from pycocotools import cocoeval\n", "the library (pycocotools.cocoeval)"),
        ("def f(x):\n    __import__('cpm_edu')\n", "cpm_edu"),
    ],
)
def test_the_library_is_refused_by_name(isolation, source, name):
    found = outcome(isolation, source, 1, forbids=("cpm_edu.targets.center_map",))
    assert (found.error, found.message) == ("Forbidden", name)


def test_changed_arguments_are_seen(isolation):
    source = "def f(a, b, c):\n    b += 1\n    c.append(1)\n    return a\n"
    found = outcome(isolation, source, np.zeros(3), np.zeros(3), [1])
    assert found.changed == (1, 2)
    assert outcome(isolation, "def f(a):\n    return a\n", np.array([np.nan])).changed == ()


def test_what_cannot_be_sent(isolation):
    found = outcome(isolation, "def f(x):\n    return (n for n in x)\n", [1])
    assert (found.error, found.message) == ("NotSendable", "a generator")
    found = outcome(isolation, "def f(x):\n    return [1, {1, 2}]\n", [1])
    assert (found.error, found.message) == ("NotSendable", "a list with a set in it")
    with pytest.raises(NotSendable, match="object"):
        outcome(isolation, TWICE, object())


def test_prints_are_not_answers(isolation):
    source = "import sys\ndef f(x):\n    print('7' * 100_000)\n    sys.stderr.write('x')\n    return x\n"
    assert outcome(isolation, source, 5).value == 5


def test_exercises_do_not_meet(isolation):
    """What one exercise does to NumPy or to the process is gone at the next."""
    spoils = "import numpy as np\nnp.exp = None\nimport os\nos.chdir('/')\ndef f(x):\n    return x\n"
    with isolation.room() as room:
        assert room.student(exercise(), spoils)(1).value == 1
        after = room.student(exercise(), "import numpy as np\ndef f(x):\n    return np.exp(x)\n")
        assert after(0.0).value == 1.0
        assert room.student(exercise(), spoils)(1).value == 1


def test_a_death_ends_one_exercise_only(isolation):
    with isolation.room(limits=FAST) as room:
        dead = room.student(exercise(), "import os\ndef f(x):\n    os._exit(x)\n")
        assert (dead(3).error, dead(3).message) == ("Ended", "exit code 3")
        assert room.student(exercise(), TWICE)(4).value == 8
        slow = room.student(exercise(), "def f(x):\n    while True:\n        pass\n")
        assert slow(1).error == "TookTooLong"
        began = time.monotonic()
        assert slow(1).error == "TookTooLong", "the same outcome, at once"
        assert time.monotonic() - began < 0.5
        assert room.spent.why == "a call took longer than 1 s: an endless loop?"
        assert room.student(exercise(), TWICE)(4).value == 8


def test_time_is_that_of_a_processor():
    """A call may sleep longer than it may compute; the clock ends it only after `patience`."""
    limits = Limits(call_s=0.4, patience=1000.0, submission_s=3.0)
    source = "import time\ndef f(x):\n    time.sleep(1.0)\n    return x\n"
    assert outcome(sandbox(), source, 1, limits=limits).value == 1
    assert outcome(sandbox(), source, 1, limits=Limits(call_s=0.1, patience=3.0)).error == "TookTooLong"
    source = "def f(x):\n    while True:\n        pass\n"
    assert outcome(sandbox(), source, 1, limits=limits).message.startswith("a call took longer than 0.4 s")


def test_time_of_the_whole_submission():
    busy = "import time\ndef f(x):\n    end = time.process_time() + 0.5\n    while time.process_time() < end:\n        pass\n"
    with sandbox().room(limits=Limits(submission_s=1.0)) as room:
        errors = [room.student(exercise(), busy)(1).error for _ in range(4)]
    assert errors[0] == ""
    assert errors[-1] == "TookTooLong"
    assert room.spent.why == "the submission as a whole took too long"


def test_a_kernel_runs_where_its_python_never_was(monkeypatch):
    """Its text comes from one room; in the other nothing that the text's Python did is there."""
    pytest.importorskip("cpm_edu.course.kernel_calls")
    from cpm_edu.kernels.emulated import BuildError, runtime_library

    try:
        runtime_library()
    except BuildError as error:
        skip_or_fail("cpp", str(error))
    source = (
        "open('/tmp/was_here', 'w').close()\nimport numpy\nnumpy.array = None\n"
        'f = """extern "C" __global__ void twice(float* out, int n) {\n'
        '    int i = blockIdx.x * blockDim.x + threadIdx.x;\n    if (i < n) out[i] = 2.0f * i;\n}"""\n'
    )
    arguments = ((2, 1, 1), (8, 1, 1), {"out": np.zeros(12, np.float32), "n": 12})
    found = outcome(sandbox(), source, *arguments, engine="kernel", limits=Limits())
    assert found.error == ""
    assert found.value["out"].tolist() == [2.0 * k for k in range(12)]
    bad = outcome(sandbox(), "f = lambda *a: {}\n", *arguments, engine="kernel", limits=Limits())
    assert (bad.error, bad.message) == ("TypeError", "f is a function, asked for the text of a kernel")


# ---- where there is none


def test_without_bubblewrap(monkeypatch):
    from cpm_edu.course.grading import sandbox as module

    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(NoSandbox, match=r"apt install bubblewrap.*--not-isolated"):
        module._found.__wrapped__(())
    monkeypatch.setattr(module.sys, "platform", "darwin")
    with pytest.raises(NoSandbox, match="Linux only"):
        module._found.__wrapped__(())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'bwrap: Unknown option --disable-userns' >&2; exit 1", "too old"),
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "namespaces"),
        ("echo 'bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted' >&2; exit 1", "apparmor"),
        ("echo 'bwrap: execvp /x/python: Permission denied' >&2; exit 1", "chmod"),
        ("exit 1", "no reason given"),
    ],
)
def test_a_sandbox_that_does_not_start_says_why(tmp_path, monkeypatch, script, words):
    from cpm_edu.course.grading import sandbox as module

    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{script}\n")
    bwrap.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: str(bwrap))
    with pytest.raises(NoSandbox, match=words):
        module._found.__wrapped__(())


def test_not_isolated_says_so():
    assert not not_isolated().isolated
    assert Isolation.isolated


def test_filter_is_for_known_processors_only():
    assert len(filter_program("x86_64")) % 8 == 0
    assert filter_program("x86_64") != filter_program("aarch64")
    assert filter_program("sparc") == b""
