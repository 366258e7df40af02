"""Rooms of the sandbox: what a submission gets, what it cannot see, and what is left of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import skip_or_fail

from cpm_edu.course.grading.environment import environment
from cpm_edu.course.grading.limits import Limits
from cpm_edu.course.grading.sandbox import Isolation, NoSandbox, find_isolation, not_isolated
from cpm_edu.course.grading.seccomp import filter_program
from cpm_edu.course.grading.wire import NotSendable

from .rooms import NAMESPACE, exercise, processes_of, sandbox

TWICE = "def f(x):\n    return 2 * x\n"
FAST = Limits(call_s=1.0, start_s=1.0)


@pytest.fixture(params=["sandbox", "not isolated"])
def isolation(request):
    return sandbox() if request.param == "sandbox" else not_isolated()


def outcome(isolation, source, *arguments, limits=FAST, **other):
    """What comes of one call of `f` in a room of its own."""
    with isolation.room(limits=limits) as room:
        return room.student(exercise(**other), source)(*arguments)


def test_values_go_in_and_come_out(isolation):
    with isolation.room() as room:
        call = room.student(exercise(), TWICE)
        assert np.array_equal(call(np.arange(3.0)).value, [0, 2, 4])
        assert call("a").value == "aa"
        assert call(()).value == ()
    assert room.spent.why == ""
    assert room.spent.seconds > 0


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
    limits = Limits(call_s=0.4, patience=30.0)
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


# ---- what is to be seen of the machine


def test_the_user_is_nobody_else():
    source = "import os\ndef f(x):\n    return os.getuid(), os.geteuid(), os.getgroups(), os.getpid()\n"
    user, effective, groups, process = outcome(sandbox(), source, 1).value
    assert user == effective != 0
    assert groups in ([], [os.getgid()])
    assert process < 10
    if os.geteuid() == 0:
        assert user in range(64300, 64900)


def test_rooms_at_once_have_users_of_their_own():
    if os.geteuid():
        pytest.skip("an ordinary user has one user id")
    source = "import os\ndef f(x):\n    return os.getuid()\n"
    with sandbox().room(0) as one, sandbox().room(0) as two:
        users = {room.student(exercise(), source)(1).value for room in (one, two)}
    assert len(users) == 2


def test_hidden_folders(tmp_path):
    """The library, and what the grader names, even inside the folders of Python."""
    import numpy

    hidden = Path(numpy.__file__).parent / "doc"
    hidden = hidden if hidden.is_dir() else Path(numpy.__file__).parent / "testing"
    sandbox()
    isolation = find_isolation((hidden, tmp_path))
    secret = tmp_path / "grades.csv"
    secret.write_text("A,5")
    source = "import os\ndef f(names):\n    return [os.path.isdir(n) and os.listdir(n) for n in names]\n"
    package = Path(sys.modules["cpm_edu"].__file__).parent
    found = outcome(isolation, source, [str(hidden), str(tmp_path), str(package), str(Path.home() / ".ssh")])
    assert found.value[0] == []
    assert not any(found.value)


def test_python_may_lie_where_only_its_owner_can_enter(tmp_path):
    """A virtual environment in a folder of `mktemp -d`: root shows it to the room's user, who could not enter."""
    folder = tmp_path / "private" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "treasure.py").write_text("gold = 7\n")
    folder.parent.chmod(0o700)
    given = sandbox()
    ordinary = environment()
    more = replace(ordinary, shown=(*ordinary.shown, folder), path=(*ordinary.path, str(folder)))
    isolation = Isolation(given.bwrap, given.setpriv, more)
    source = "import treasure, os\ndef f(x):\n    return treasure.gold, os.listdir(x)\n"
    assert outcome(isolation, source, str(folder.parent)).value == (7, ["site-packages"])


def test_nothing_of_the_graders_variables(monkeypatch):
    monkeypatch.setenv("CPM_EDU_SECRET", "seed 4711")
    source = (
        "import os\ndef f(x):\n    found = dict(os.environ)\n"
        "    for p in filter(str.isdigit, os.listdir('/proc')):\n"
        "        try:\n            found[p] = open(f'/proc/{p}/environ').read()\n"
        "        except OSError:\n            pass\n    return found\n"
    )
    assert "4711" not in str(outcome(sandbox(), source, 1).value)


def test_servers_of_this_machine_are_not_reached():
    """Of the network, and of names that have no file."""
    reaches = (
        "import socket\ndef f(family, address):\n    with socket.socket(family) as line:\n"
        "        line.settimeout(5)\n        line.connect(tuple(address) if isinstance(address, list) else address)\n"
        "        return 'reached'\n"
    )
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_UNIX, f"\0cpm_edu-test-{os.getpid()}"),
    ):
        with socket.socket(family) as server:
            server.bind(address)
            server.listen()
            place = server.getsockname() if family == socket.AF_INET else address
            assert outcome(not_isolated(), reaches, int(family), place).value == "reached", (
                "the test can fail"
            )
            assert outcome(sandbox(), reaches, int(family), place).error == "ConnectionRefusedError"


def test_other_rooms_are_not_reached():
    """Not its files, not its processes, though both rooms may have one user."""
    leaves = "open('/tmp/answer', 'w').write('7')\nopen('/dev/shm/answer', 'w').write('7')\ndef f(x):\n    return x\n"
    seeks = (
        "import os\ndef f(x):\n    processes = len([p for p in os.listdir('/proc') if p.isdigit()])\n"
        "    return os.listdir('/tmp'), os.listdir('/dev/shm'), processes\n"
    )
    with sandbox().room(0, FAST) as one, sandbox().room(1, FAST) as two:
        assert one.student(exercise(), leaves)(1).value == 1
        assert two.student(exercise(), seeks)(1).value == ([], [], 3)


# ---- what is left behind


def test_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    isolation = sandbox()
    files = set(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    source = (
        "import os, time\ndef f(x):\n    for _ in range(5):\n        if os.fork() == 0:\n"
        "            os.setsid()\n            time.sleep(1000)\n    return x\n"
    )
    with isolation.room(limits=FAST) as room:
        number = room.student(exercise(), NAMESPACE)(1).value
        assert room.student(exercise(), source)(1).value == 1
        assert len(processes_of(number)) == 8, "the sandbox's own, the worker, the exercise's, and five"
        assert room.student(exercise(), NAMESPACE)(1).value == number
        assert len(processes_of(number)) == 3, "those of the exercise before have ended"
        assert room.student(exercise(), source)(1).value == 1
    assert processes_of(number) == []
    assert set(os.listdir("/proc/self/fd")) == files
    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []


GRADER = """
from cpm_edu.course.grading.sandbox import find_isolation
from tests.course.rooms import NAMESPACE, exercise
source = "import os, time\\ndef f(x):\\n    os.fork()\\n    os.setsid()\\n    time.sleep(1000)\\n"
with find_isolation().room() as room:
    print(room.student(exercise(), NAMESPACE)(1).value, flush=True)
    room.student(exercise(call_s=1000.0), source)(1)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_end_of_the_grader_is_the_end_of_its_rooms(how):
    sandbox()
    root = Path(__file__).parents[2]
    folders = os.pathsep.join([str(root), str(root / "tests"), *sys.path])
    grader = subprocess.Popen(
        [sys.executable, "-c", GRADER],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": folders},
        cwd=root,
    )
    number = int(grader.stdout.readline())
    until = time.monotonic() + 60
    while len(processes_of(number)) < 4 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(processes_of(number)) == 4
    grader.send_signal(how)
    grader.wait(60)
    grader.stdout.close()
    while processes_of(number) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes_of(number) == []


def test_rooms_in_parallel():
    isolation, found = sandbox(), []

    def grade(slot):
        with isolation.room(slot) as room:
            found.append(room.student(exercise(), TWICE)(slot).value)

    threads = [threading.Thread(target=grade, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 2, 4, 6]


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
