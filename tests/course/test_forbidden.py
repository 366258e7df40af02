"""While a student's function runs, the library's answer refuses, however it was imported; afterwards all is as before."""

from __future__ import annotations

import functools
import re
import threading

import pytest
import torch

from cpm_edu import decoding
from cpm_edu.course.exercise import Forbidden
from cpm_edu.course.forbidden import forbidding, functions_of, resolve
from cpm_edu.decoding import decode_argmax as renamed

NAME = "cpm_edu.decoding.decode_argmax"
MAPS = torch.rand(1, 2, 5, 7)
table = {"kept": renamed}
partial = functools.partial(renamed, backend="torch")


def from_inside():
    from cpm_edu.decoding import decode_argmax

    return decode_argmax(MAPS)


WAYS = {
    "from import as": lambda: renamed(MAPS),
    "module attribute": lambda: decoding.decode_argmax(MAPS),
    "in a table": lambda: table["kept"](MAPS),
    "partial": lambda: partial(MAPS),
    "import inside": from_inside,
    "getattr": lambda: getattr(decoding, "decode_" + "argmax")(MAPS),
    "wrong arguments": lambda: renamed(),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_the_function_refuses(way):
    with forbidding([NAME]) as touched, pytest.raises(Forbidden, match=re.escape(NAME)):
        WAYS[way]()
    assert touched == [NAME], "remembered, also where the student catches it"
    joints, _ = renamed(MAPS)
    assert joints.shape == (1, 2, 2)


def test_our_ops_refuse_and_those_of_torch_do_not():
    renamed(MAPS)
    with forbidding([NAME]):
        for call in (torch.ops.cpm_edu.decode, torch.ops.cpm_edu.decode.default):
            with pytest.raises(Forbidden, match=r"torch\.ops\.cpm_edu"):
                call(MAPS, 0, torch.zeros(3))
        assert torch.ops.aten.add(MAPS, MAPS).shape == MAPS.shape
        assert decoding.decode_dark(MAPS)[0].shape == (1, 2, 2), "the library may use its own ops"


def test_methods_classes_modules_and_closures():
    @torch.no_grad()
    def decorated(x, *, more=1):
        return x + more

    def remembering():
        kept = 3
        return lambda x, y=2: x + y + kept

    closure = remembering()

    class Network(torch.nn.Module):
        def forward(self, x):
            return x

    model = Network()
    forward = model.forward
    with forbidding(["cpm_edu.decoding"], also=[decorated, closure, Network]):
        for call in (
            lambda: forward(MAPS),
            lambda: model(MAPS),
            lambda: decoding.decode_quarter(MAPS),
            lambda: decorated(1),
            lambda: closure(1),
        ):
            with pytest.raises(Forbidden):
                call()
    assert decorated(1, more=4) == 5
    assert closure(1) == 6
    assert model(3) == 3


def test_it_is_lifted_after_every_end():
    for error in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error), forbidding([NAME]):
            raise error
        assert renamed(MAPS)[0].shape == (1, 2, 2)


def test_one_inside_the_other():
    with forbidding([NAME]):
        with forbidding([NAME, "cpm_edu.decoding"]), pytest.raises(Forbidden):
            decoding.decode_dark(MAPS)
        with pytest.raises(Forbidden):
            renamed(MAPS)
    assert renamed(MAPS)[0].shape == (1, 2, 2)


def test_other_threads_keep_working():
    go, found = threading.Event(), []

    def work():
        go.wait()
        found.append(renamed(MAPS)[0].shape)

    def around():
        with pytest.raises(Forbidden):
            renamed(MAPS)
        found.append("refused")

    thread = threading.Thread(target=work)
    thread.start()
    with forbidding([NAME]):
        go.set()
        thread.join()
        new = threading.Thread(target=around)
        new.start()
        new.join()
    assert found == [(1, 2, 2), "refused"], "a thread that the function starts is no way around"


def test_a_name_that_stands_for_nothing_is_an_error():
    for name in ("cpm_edu.decoding.decode_argmux", "cpm_edu.nowhere.f", "nowhere"):
        with pytest.raises((ImportError, AttributeError)):
            resolve(name)
    assert functions_of(3) == []
