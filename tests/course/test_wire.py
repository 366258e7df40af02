"""The bytes between grader and room: what goes in comes out, and forged ones do no harm."""

from __future__ import annotations

import contextlib
import struct
import time
from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cpm_edu.course.exercises import all_exercises
from cpm_edu.course.grading.wire import Garbled, NotSendable, TooLarge, decode, encode
from cpm_edu.course.judge import cases_of

SCALARS = st.none() | st.booleans() | st.integers(-(2**100), 2**100) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_values_come_back(value):
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.zeros((0, 4)),
        np.arange(17 * 33, dtype=np.float32).reshape(17, 33),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.array([True, False]),
        np.array([1, 2], ">i2"),
        np.array([1 + 2j]),
        np.array([np.nan, np.inf, -0.0], np.float16),
    ],
)
def test_arrays_come_back(array):
    back = decode(encode(array))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(back, array, equal_nan=array.dtype.kind == "f")
    assert back.flags.writeable


def test_numpy_numbers_keep_their_kind():
    assert type(decode(encode(np.float32(0.1)))) is np.float32
    assert type(decode(encode(np.bool_(True)))) is np.bool_
    assert type(decode(encode(np.float64(0.1)))) is np.float64, "np.float64 is a float too"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_tensors_come_back(dtype):
    tensor = torch.arange(12).reshape(3, 4).to(dtype).T
    back = decode(encode(tensor))
    assert back.dtype == dtype
    assert torch.equal(back, tensor)
    assert not back.requires_grad
    if dtype.is_floating_point:
        assert decode(encode(tensor.clone().requires_grad_())).requires_grad


def test_networks_come_back():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding="same", bias=False), nn.Dropout2d(0.2)), nn.AvgPool2d(3, 2),
        nn.Flatten(), nn.Linear(4 * 16, 2),
    ).eval()  # fmt: skip
    network[0].weight.requires_grad_(False)
    images = torch.randn(2, 3, 18, 18, generator=torch.Generator().manual_seed(0))
    back = decode(encode([network, {"one": nn.Conv2d(1, 1, 1)}]))[0]
    assert torch.equal(back(images), network(images))
    assert not back.training
    assert not back[0].weight.requires_grad
    assert back[1].weight.requires_grad


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_every_case_and_every_answer_travels(exercise):
    for case in [*cases_of(exercise), *cases_of(exercise, 7)]:
        sent = encode(list(case))
        there = decode(sent)
        assert encode(there) == sent
        if exercise.engine == "kernel" or exercise.may_change:
            continue  # their references are no answers, but what an answer is held against
        expected = exercise.reference(*deepcopy(case))
        assert exercise.same(decode(encode(exercise.reference(*there))), expected)


class _Own(nn.Module):
    pass


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((x for x in ()), "a generator"),
        ([1, {"a": object()}], "a dict with an object in it"),
        (np.array([object()]), "an array of Python objects"),
        (b"raw", "a bytes"),
        (lambda: 0, "a function"),
        (_Own(), "a network with a layer _Own"),
        (nn.Sequential(nn.ReLU(), _Own()), "a network with a layer _Own"),
        (torch.zeros(2, 2).to_sparse(), "a sparse_coo tensor"),
    ],
)
def test_other_kinds_are_named(value, words):
    with pytest.raises(NotSendable, match=words):
        encode(value)


def test_a_list_in_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(NotSendable, match="without end"):
        encode(value)


def test_large_answers_are_refused_before_they_are_copied():
    array = np.broadcast_to(np.float64(0), (100_000, 100_000))  # 80 GB, were it one
    with pytest.raises(TooLarge, match="100000 x 100000 float64"):
        encode(array, 1_000_000)
    with pytest.raises(TooLarge, match="values"):
        encode([[0] * 1000] * 1000)
    with pytest.raises(TooLarge, match="digits"):
        encode(10**5000)
    with pytest.raises(TooLarge, match="keys"):
        encode(dict.fromkeys(range(10_000)))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_value_or_garbled(data):
    with contextlib.suppress(Garbled):
        decode(data)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_changed_bytes_are_a_value_or_garbled(data):
    value = [
        np.zeros((2, 3), np.float32),
        torch.ones(2),
        {"a": (1, "b")},
        nn.Conv2d(1, 2, 3),
        np.int8(1),
        10**20,
    ]
    message = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Garbled):
        decode(bytes(message[: data.draw(st.integers(0, len(message)))]))


def _array(dtype: bytes, *shape: int) -> bytes:
    return b"a" + struct.pack("<BB", len(dtype), len(shape)) + dtype + struct.pack(f"<{len(shape)}Q", *shape)


@pytest.mark.parametrize(
    "message",
    [
        _array(b"float64", 1 << 60),
        _array(b"float64", 1 << 32, 1 << 32),
        _array(b"float64", 0, 1 << 62),
        _array(b"object", 1) + bytes(8),
        _array(b"O", 1) + bytes(8),
        _array(b"V8", 1) + bytes(8),
        _array(b"U2", 1) + bytes(8),
        b"l" + struct.pack("<I", 0xFFFFFFFF) + b"N" * 100,
        b"s" + struct.pack("<I", 0xFFFFFFFF),
        b"d" + struct.pack("<I", 1) + b"l" + bytes(4) + b"N",
        b"l\x01\0\0\0" * 1000,
        b"t\x01\0\0\0" * 10_000 + b"N",
        b"N" * 2,
        b"",
        b"X" + struct.pack("<BB", 5, 0) + b"int64" + bytes(8),
        b"n" + b"N" + b"N",
    ],
)
def test_forged_sizes_and_kinds(message):
    with pytest.raises(Garbled):
        decode(message)


def test_keys_that_collide_do_not_stop_the_grader():
    """Multiples of 2**61 - 1 have one hash; a dict of many would take hours."""
    keys = [k * (2**61 - 1) for k in range(100_000)]
    message = b"d" + struct.pack("<I", len(keys)) + b"".join(encode(k) + b"N" for k in keys)
    began = time.monotonic()
    with pytest.raises(Garbled, match="keys"):
        decode(message)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "layer",
    [
        ["Conv2d", {"in_channels": 10**9, "out_channels": 10**9}],
        ["Conv2d", {"padding": 1000}],
        ["Conv2d", {"kernel_size": 1000}],
        ["Conv2d", {"stride": 0}],
        ["Conv2d", {"padding_mode": "other"}],
        ["Conv2d", {"dilation": (1, 1, 1)}],
        ["Conv2d", {"in_channels": "3"}],
        ["Dropout", {"p": "half"}],
        ["LeakyReLU", {"negative_slope": 1e300}],
        ["Upsample", {"scale_factor": 1000}],
        ["Module", {}],
        ["__init__", {}],
        ["ReLU", {"inplace": True}],
    ],
)
def test_forged_networks(layer):
    name, changed = layer
    plain = {"Conv2d": nn.Conv2d(1, 1, 3), "Dropout": nn.Dropout(), "LeakyReLU": nn.LeakyReLU()}.get(
        name, nn.ReLU()
    )
    from cpm_edu.course.grading.networks import described

    (_, arguments, training, children), weights = described(plain)
    with pytest.raises(Garbled):
        decode(b"n" + encode([name, {**arguments, **changed}, training, children]) + encode(weights))


def test_forged_weights():
    from cpm_edu.course.grading.networks import described

    layers, weights = described(nn.Conv2d(1, 2, 3))
    for forged in (
        {},
        {**weights, "weight": torch.zeros(1)},
        {**weights, "bias": 3},
        {**weights, "more": torch.zeros(1)},
    ):
        with pytest.raises(Garbled):
            decode(b"n" + encode(layers) + encode(forged))
    deep = ["ReLU", {}, True, []]
    for _ in range(8):
        deep = ["Sequential", {}, True, [[str(k), deep] for k in range(2)]]
    with pytest.raises((Garbled, NotSendable)):
        decode(b"n" + encode(deep) + encode({}))
