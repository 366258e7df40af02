"""Kernel signatures are read from the source, and arguments are held against them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import torch

from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.signature import check_arguments, find_kernels, without_comments


def one(parameters, head='extern "C" __global__ void'):
    (kernel,) = find_kernels(f"{head} k({parameters}) {{ }}")
    return kernel


def checked(parameters, *arguments):
    return check_arguments(one(parameters), arguments)


def test_signature_by_hand():
    kernel = one("const float* __restrict__ x, cpm::bfloat16 *out, long long n, unsigned int m, bool deep")
    assert str(kernel) == "k(const float* x, cpm::bfloat16* out, long long n, unsigned m, bool deep)"
    assert [p.const for p in kernel.parameters] == [True, False, False, False, False]


@pytest.mark.parametrize(
    "head",
    [
        'extern "C" __global__ void', "__global__ void", 'extern "C"\n__global__ void\n__launch_bounds__(128)',
        '__global__ __launch_bounds__(128, 4) void', 'extern "C" { __global__ void f(); __global__ void',
        "static __global__ void", "__global__ static void",
    ],
)  # fmt: skip
def test_ways_to_write_a_kernel(head):
    kernel = one("float* out", head)
    assert kernel.name == "k"
    assert kernel.most_threads == (128 if "bounds" in head else None)


def test_comments_and_strings_hide_nothing_and_show_nothing():
    source = '// __global__ void a() {}\n/* __global__ void b() {} */\n#define S "/* "\n__global__ void c(int n /* count */) {}'
    assert [k.name for k in find_kernels(source)] == ["c"]
    assert find_kernels(source)[0].line == 4
    assert len(without_comments(source)) == len(source)


def test_several_kernels_and_declarations():
    source = "__global__ void a(int n);\n__global__ void a(int n) { }\n__global__ void b(const double* const x) { }"
    assert [str(k) for k in find_kernels(source)] == ["a(int n)", "b(const double* x)"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("template <class T> __global__ void k(T* x) { }", "line 1: a __global__ template"),
        ("\n__global__ int k(int n) { }", "line 2: cannot read this kernel"),
        ("__global__ void k(Stages s) { }", "cannot take a parameter `Stages s`"),
        ("__global__ void k(float** x) { }", r"cannot take a parameter `float\*\* x`"),
        ("__global__ void k(float*) { }", "each with a name"),
        ("__global__ void k(cpm::bfloat16 x) { }", "cannot take a parameter"),
        ("float f();", "there is no kernel"),
        ("#include <vector>\n__global__ void k() { }", "remove the line"),
    ],
)
def test_unreadable_source(source, message):
    with pytest.raises(ValueError, match=message):
        Kernel(source + "\n")


def test_missing_file():
    with pytest.raises(FileNotFoundError, match=r"there is no file none\.cu"):
        Kernel("none.cu")


@pytest.mark.parametrize(
    ("type_", "value", "ctype"),
    [
        ("float", 1.5, ctypes.c_float), ("float", 2, ctypes.c_float), ("double", 1.5, ctypes.c_double),
        ("int", -3, ctypes.c_int32), ("unsigned", 2**32 - 1, ctypes.c_uint32), ("long long", 2**40, ctypes.c_int64),
        ("unsigned long long", 2**63, ctypes.c_uint64), ("bool", True, ctypes.c_bool), ("int", np.int64(7), ctypes.c_int32),
        ("float", np.float32(0.5), ctypes.c_float), ("size_t", 5, ctypes.c_uint64),
    ],
)  # fmt: skip
def test_numbers_get_the_parameters_type(type_, value, ctype):
    (packed,) = checked(f"{type_} n", value)
    assert type(packed) is ctype
    assert packed.value == value


@pytest.mark.parametrize(
    ("parameters", "argument", "error", "message"),
    [
        ("int n", 1.0, TypeError, "argument `n` is `int n`: it takes a whole number, got 1.0 of type float"),
        ("int n", 2**31, ValueError, "2147483648 does not fit"),
        ("unsigned n", -1, ValueError, "-1 does not fit"),
        ("int n", torch.tensor(3), TypeError, r"got a tensor of shape \(\); pass .item\(\)"),
        ("float s", "1", TypeError, "takes a number, got str"),
        ("float s", True, TypeError, "takes a number, got bool"),
        ("bool b", 2, TypeError, "takes True or False"),
        ("float* x", 3, TypeError, "takes a tensor, got int"),
        ("float* x", np.zeros(3, np.float32), TypeError, r"pass torch.from_numpy\(array\)"),
        ("float* x", torch.zeros(3, dtype=torch.float64), TypeError, "takes a float32 tensor, got float64"),
        ("cpm::bfloat16* x", torch.zeros(3), TypeError, "takes a bfloat16 tensor, got float32"),
        (
            "long long* x",
            torch.zeros(3, dtype=torch.int32),
            TypeError,
            "takes a int64|takes a uint64 or int64",
        ),
        ("float* x", torch.zeros(4, 6)[:, ::2], ValueError, r"strides \(6, 2\)"),
        ("float* x", torch.zeros(4, 6).t(), ValueError, "pass .contiguous"),
        ("float4* x", torch.zeros(6), ValueError, "6 numbers do not make whole float4"),
        ("float* x", torch.zeros(3, device="meta"), ValueError, "got meta"),
    ],
)
def test_wrong_arguments_are_named(parameters, argument, error, message):
    with pytest.raises(error, match=message):
        checked(parameters, argument)


def test_number_of_arguments():
    with pytest.raises(
        TypeError, match=r"takes 2 arguments after grid, block and shared, got 1: k\(float\* x, int n\)"
    ):
        checked("float* x, int n", torch.zeros(3))


@pytest.mark.parametrize(
    ("type_", "dtype"),
    [
        ("double", torch.float64), ("int", torch.int32), ("unsigned", torch.uint32), ("unsigned", torch.int32),
        ("short", torch.int16), ("unsigned short", torch.uint16), ("char", torch.int8), ("unsigned char", torch.uint8),
        ("bool", torch.bool), ("cpm::bfloat16", torch.bfloat16), ("uint8_t", torch.uint8), ("float2", torch.float32),
    ],
)  # fmt: skip
def test_pointers_take_their_dtype(type_, dtype):
    tensor = torch.zeros(4, dtype=dtype)
    assert checked(f"{type_}* x", tensor)[0].data_ptr() == tensor.data_ptr()
    assert checked(f"{type_}* x", None) == [None]
