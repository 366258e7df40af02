"""The walls of a room: what of the machine cannot be seen from it, and what is left of it."""

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

import pytest

from cpm_edu.course.grading.environment import environment
from cpm_edu.course.grading.sandbox import Isolation, find_isolation, not_isolated

from .rooms import FAST, NAMESPACE, TWICE, exercise, outcome, processes_of, sandbox

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
        "    files = [os.path.exists(f'{folder}/answer') for folder in ('/tmp', '/dev/shm')]\n"
        "    return files, processes\n"
    )
    with sandbox().room(0, FAST) as one, sandbox().room(1, FAST) as two:
        assert one.student(exercise(), leaves)(1).value == 1
        assert two.student(exercise(), seeks)(1).value == ([False, False], 3)


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
