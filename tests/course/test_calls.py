"""Calling a student's function in this process: loops without end, prints, changed arguments, strange answers."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from cpm_edu.course import calls
from cpm_edu.course.calls import local_call, local_source
from cpm_edu.course.exercise import Exercise
from cpm_edu.course.judge import judge
from cpm_edu.course.plain import NotSendable, TooLarge, plain_value
from cpm_edu.course.time_limit import TimeIsUp, TimeLimit, time_is_limited

SECONDS = 0.3
PATIENCE_S = 20.0  # no test of speed: an endless loop that is not stopped would never end
TWICE = Exercise(
    id="ex02",
    assignment="A1",
    name="f",
    title="twice",
    minutes=10,
    points=2,
    asks_for="your own factor",
    cases=lambda random: [(np.arange(3.0),), (np.arange(4.0),)],
    reference=lambda x: 2 * x,
    mistakes=(),
    hints=("a", "b", "c"),
    forbids=("cpm_edu.decoding.decode_argmax",),
)
needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no SIGALRM on this platform")


def verdict(source, seconds=SECONDS, exercise=TWICE):
    call = local_source(exercise, source, seconds=seconds)
    return judge(exercise, call, where=call.where)


def test_by_hand():
    call = local_source(TWICE, "def f(x):\n    print('hello')\n    return 2 * x")
    assert judge(TWICE, call).status == "pass"
    assert call.printed == "hello\nhello\n"
    assert judge(TWICE, local_call(TWICE, lambda x: x + x)).status == "pass"


ENDLESS = {
    "loop": "while True: pass",
    "bare except": "while True:\n    try: x = x + 1\n    except: pass",
    "two of them, and long calls": "while 1:\n  try:\n    while 1:\n      try: np.random.rand(200, 200) @ np.random.rand(200, 200)\n      except: pass\n  except: pass",
    "suppress": "while 1:\n    with contextlib.suppress(BaseException): sum(range(1000))",
    "finally": "while 1:\n    try: x = x + 1\n    finally: continue",
    "kept": "while 1:\n    try: sum(range(1000))\n    except BaseException as error: KEPT.append(error)",
    "in numpy": "return np.vectorize(lambda v: [0 for _ in iter(int, 1)])(x)",
    "in sort": "return sorted(x, key=lambda v: [0 for _ in iter(int, 1)])",
    "sleep": "time.sleep(1000)",
    "thread": "t = threading.Thread(target=time.sleep, args=(2,), daemon=True); t.start(); t.join()",
    "generator": "return list(v for v in itertools.count() if v < 0)",
    "in __del__": "A()",
    "a lock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
}
MODULES = """
import contextlib, itertools, threading, time
import numpy as np
KEPT = []
class A:
    def __del__(self):
        while True:
            try: pass
            except: pass
"""


@needs_alarm
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_is_stopped(name):
    body = "".join(f"    {line}\n" for line in ENDLESS[name].split("\n"))
    start = time.monotonic()
    found = verdict(f"{MODULES}def f(x):\n{body}")
    assert time.monotonic() - start < PATIENCE_S
    assert found.mistake == "too-slow"
    assert found.message == "ex02 f: took longer than 0.3 s: an endless loop?"
    assert found.example == {"input": "x = [0., 1., 2.]"}
    assert sys.gettrace() is None or "pytest" in repr(sys.gettrace()) or "cov" in repr(sys.gettrace())
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@needs_alarm
def test_endless_while_it_is_defined():
    assert verdict("while True:\n    pass").mistake == "too-slow"


@needs_alarm
def test_the_limit_is_of_all_calls_and_the_whole_check_below_two_seconds():
    calls_made = []
    many = replace(TWICE, cases=lambda random: [(np.zeros(1),)] * 20)

    def f(x):
        calls_made.append(1)
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        return 2 * x

    assert judge(many, local_call(many, f, seconds=0.45)).mistake == "too-slow"
    assert 2 <= len(calls_made) <= 5
    assert calls.SECONDS < 2


@needs_alarm
def test_another_alarm_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        assert verdict("def f(x): return 2 * x").status == "pass"
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
        end = time.monotonic() + PATIENCE_S
        while not rung and time.monotonic() < end:
            time.sleep(0.01)
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_outside_the_main_thread_nothing_is_limited():
    found = []

    def work():
        found.append(time_is_limited())
        found.append(verdict("def f(x): return 2 * x", seconds=1e-9).status)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, "pass"]


def test_an_interrupt_by_hand_goes_on():
    with pytest.raises(KeyboardInterrupt):
        verdict("def f(x): raise KeyboardInterrupt")
    assert verdict("def f(x): return 2 * x").status == "pass", "all is set back"


ERRORS = {
    "def f(x): return y": ("raises", "NameError: name 'y' is not defined (line 1 of your code)."),
    "def f(x):\n    return g(x)\ndef g(x):\n    return x[9]": ("raises", "index 9 is out of bounds for axis 0 with size 3 (line 4 of"),
    "def f(x): return f(x)": ("raises", "RecursionError: maximum recursion depth exceeded"),
    "def f(x): raise E\nclass E(Exception):\n    def __str__(self): raise ValueError": ("raises", "E (line 1 of your code)."),
    "def f(x): exit()": ("ended", "your function ends Python with an exit"),
    "import sys\ndef f(x): sys.exit(3)": ("ended", "your function ends Python with an exit"),
    "def f(x, y): return x": ("raises", "missing 1 required positional argument: 'y'"),
    "import nothing_of_this_name\ndef f(x): return 2 * x": ("raises", "No module named 'nothing_of_this_name' (line 1"),
    "f = 3": ("raises", "TypeError: f is an int"),
    "def f(x): raise ValueError('a' * 9999)": ("raises", "aaa…"),
    "def f(x): raise NotImplementedError('ex02: write f')": ("", "not written yet."),
    "def f(x): raise NotImplementedError": ("", "not written yet."),
    "def f(x): raise NotImplementedError('no such kernel')": ("raises", "NotImplementedError: no such kernel"),
    "def f(x):\n    if len(x) == 3: return 2 * x\n    raise NotImplementedError('ex02: write f')": ("raises", "a part is not written yet"),
    "def f(x): 2 * x": ("returns-nothing", "returns None. Does every branch end in a return?"),
    "def f(x): yield 2 * x": ("wrong-type", "your function returns a generator, expected an array of shape (3,)."),
    "async def f(x): return 2 * x": ("wrong-type", "your function returns a coroutine"),
    "def f(x): return lambda: 2 * x": ("wrong-type", "returns the function <lambda> itself; call it, expected"),
    "def f(x): return str(2 * x)": ("wrong-type", "your function returns a str, expected an array"),
    "def f(x): return [[1], [2, 3]]": ("wrong-type", "a list of rows of different lengths"),
    "import numpy as np\ndef f(x): return np.array([None, 1, 2])": ("wrong-type", "an array of None"),
    "def f(x): return 2j * x": ("wrong-type", "an array of complex numbers"),
    "def f(x): return {1, 2}": ("wrong-type", "your function returns a set"),
    "def f(x):\n    a = []\n    a.append(a)\n    return a": ("wrong-type", "a list inside more than 30 others"),
    "def f(x): return 10 ** 99999": ("wrong-type", "a whole number of more than 64 bits"),
    "import numpy as np\ndef f(x): return np.zeros(10_000_000)": ("too-large", "more than 64 MB"),
    "def f(x): return float(x[0])": ("wrong-shape", "returns a number, expected an array of shape (3,)"),
    "def f(x): return x[:2]": ("wrong-shape", "the shape is (2,), expected (3,)."),
    "def f(x): return x / 0": ("not-finite", "3 of 3 numbers are NaN or infinite."),
    "def f(x):\n    x *= 2\n    return x": ("changes-input", "changes its argument x; use a copy"),
    "def f(x): return 3 * x": ("wrong-value", "0 of 2 cases are right"),
}  # fmt: skip


@pytest.mark.parametrize("source", ERRORS)
def test_every_failure_is_a_sentence(source):
    mistake, says = ERRORS[source]
    found = verdict(source, seconds=5)
    assert (found.mistake, found.status) == (mistake, "todo" if "not written yet." in says else "fix")
    assert says in found.message
    assert len(found.message) < 500


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_a_list_without_end_is_no_dead_machine():
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    found = verdict("import itertools\ndef f(x): return list(itertools.repeat(1.5))", seconds=60)
    assert "MemoryError" in found.message
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_settings_are_set_back(capsys):
    recursion, state = sys.getrecursionlimit(), np.geterr()
    source = (
        "import sys, warnings\nimport numpy as np\ndef f(x):\n    sys.stdout = None\n    sys.setrecursionlimit(9000)\n"
        "    np.seterr(all='raise')\n    warnings.simplefilter('error')\n    return 2 * x"
    )
    assert verdict(source).status == "pass"
    print("still here")
    assert capsys.readouterr().out == "still here\n"
    assert (sys.getrecursionlimit(), np.geterr()) == (recursion, state)


def test_prints_are_kept_short():
    call = local_source(TWICE, "def f(x):\n    print('y' * 99_999)\n    return 2 * x")
    assert judge(TWICE, call).status == "pass"
    assert call.printed == "y" * calls.PRINTED


def test_an_answer_is_a_copy():
    source = "import numpy as np\nout = np.zeros(3)\ndef f(x):\n    global out\n    out = np.resize(out, len(x))\n    out[:] = 2 * x\n    return out"
    assert verdict(source).status == "pass"
    shared = "import numpy as np\nout = np.zeros(3)\ndef f(x):\n    out[:] = 2 * x[:3]\n    return out"
    same_size = replace(TWICE, cases=lambda random: [(np.ones(3),), (np.zeros(3),)])
    assert verdict(shared, exercise=same_size).status == "pass", "one buffer for all answers is no mistake"


def test_plain_value():
    value = {"a": (np.float32(1.5), [np.int64(3), True]), "t": torch.ones(2, requires_grad=True)}
    plain = plain_value(value)
    assert plain["a"] == (1.5, [3, True])
    assert not plain["t"].requires_grad
    assert type(plain_value(np.matrix([[1.0]]))) is np.ndarray
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    assert plain_value(network) is network
    for strange in (
        object(),
        itertools.count(),
        b"x",
        1j,
        np.array(["a"]),
        range(3),
        np,
        slice(3),
        torch.ones(2).to_sparse(),
    ):
        with pytest.raises(NotSendable):
            plain_value(strange)
    for large in ([0] * 200_000, "x" * 70_000_000):
        with pytest.raises(TooLarge):
            plain_value(large)


def test_changed_arguments_are_seen():
    network = torch.nn.Linear(2, 2)
    several = replace(
        TWICE,
        cases=lambda random: [
            (np.array([1.0, np.nan]), [1, [2]], {"a": np.zeros(2)}, torch.zeros(2), network)
        ],
        reference=lambda *given: 1,
    )
    asked = "def f(a, b, c, d, e):\n    {}\n    return 1"
    for change, position in {
        "a[0] = 5": (0,), "b[1].append(3)": (1,), "c['a'][0] = 1": (2,), "d.add_(1)": (3,), "e.weight.data.add_(1)": (4,),
        "d.requires_grad_()": (), "a = a + 1; b = b * 2": (), "a[1] = 0; d[0] = 1": (0, 3),
    }.items():  # fmt: skip
        call = local_source(several, asked.format(change))
        assert call(*several.cases(None)[0]).changed == position, change
    trained = replace(several, may_change=True)
    assert local_source(trained, asked.format("e.weight.data.add_(1)"))(*trained.cases(None)[0]).changed == ()


def test_a_line_in_another_cell_is_named():
    scope = {}
    exec(compile("def helper(x):\n\n    return x[99]", "cell 1", "exec"), scope)
    exec(compile("def f(x):\n    return helper(x)", "cell 2", "exec"), scope)
    call = local_call(TWICE, scope["f"])
    assert "(line 3 of the cell that defines helper)" in judge(TWICE, call, where=call.where).message


@needs_alarm
def test_time_limit_alone():
    limit = TimeLimit(0.05)

    def loop():
        with limit:
            try:
                while True:
                    pass
            finally:
                limit.running = False

    with pytest.raises(TimeIsUp):
        loop()
    assert limit.left < 0
    with limit:  # spent, but nothing runs
        limit.running = False
