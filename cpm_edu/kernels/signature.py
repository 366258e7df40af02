"""Signatures of CUDA kernels, read from their source, and the check that arguments fit them."""

from __future__ import annotations

import ctypes
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Parameter", "Signature", "check_arguments", "find_kernels", "without_comments"]

# C type -> (type of a scalar for ctypes, dtypes of the tensors whose memory a pointer may name)
NUMBERS = {
    "float": (ctypes.c_float, (torch.float32,)),
    "double": (ctypes.c_double, (torch.float64,)),
    "int": (ctypes.c_int32, (torch.int32,)),
    "unsigned": (ctypes.c_uint32, (torch.uint32, torch.int32)),
    "long long": (ctypes.c_int64, (torch.int64,)),
    "unsigned long long": (ctypes.c_uint64, (torch.uint64, torch.int64)),
    "short": (ctypes.c_int16, (torch.int16,)),
    "unsigned short": (ctypes.c_uint16, (torch.uint16, torch.int16)),
    "char": (ctypes.c_int8, (torch.int8,)),
    "signed char": (ctypes.c_int8, (torch.int8,)),
    "unsigned char": (ctypes.c_uint8, (torch.uint8,)),
    "bool": (ctypes.c_bool, (torch.bool,)),
    "cpm::bfloat16": (None, (torch.bfloat16,)),
}
SPELLINGS = {
    "unsigned int": "unsigned",
    "int64_t": "long long",
    "uint64_t": "unsigned long long",
    "size_t": "unsigned long long",
    "int32_t": "int",
    "uint32_t": "unsigned",
    "int16_t": "short",
    "uint16_t": "unsigned short",
    "int8_t": "signed char",
    "uint8_t": "unsigned char",
    "long long int": "long long",
    "unsigned long long int": "unsigned long long",
    "short int": "short",
    "bfloat16": "cpm::bfloat16",
}
# pointers to vectors: the element, and how many of them one vector holds
VECTORS = {
    f"{name}{count}": (element, count)
    for name, element in (
        ("float", "float"), ("double", "double"), ("int", "int"), ("uint", "unsigned"),
        ("ushort", "unsigned short"), ("uchar", "unsigned char"),
    )
    for count in (2, 3, 4)
}  # fmt: skip

KERNEL = re.compile(r"\b__global__\b")
BOUNDS = re.compile(r"__launch_bounds__\s*\(\s*(\w+)[^)]*\)")


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str  # a key of NUMBERS, or of VECTORS for a pointer
    pointer: bool
    const: bool  # what it points to is only read

    @property
    def element(self) -> str:
        """Type of one number behind the pointer."""
        return VECTORS[self.type][0] if self.type in VECTORS else self.type

    def __str__(self) -> str:
        return f"{'const ' * self.const}{self.type}{'*' * self.pointer} {self.name}"


@dataclass(frozen=True)
class Signature:
    name: str
    parameters: tuple[Parameter, ...]
    line: int  # of the name in the source, from 1
    most_threads: int | None  # what __launch_bounds__ promises

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})"


def without_comments(source: str) -> str:
    """The source with comments and the insides of strings blanked; every character keeps its place."""

    def blank(match: re.Match) -> str:
        text = match[0]
        if text[0] == '"':
            return '"' + " " * (len(text) - 2) + '"'
        return text if text[0] == "'" else re.sub(r"[^\n]", " ", text)

    pattern = r'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, blank, source, flags=re.DOTALL)


def find_kernels(source: str) -> list[Signature]:
    """All kernels that a source text defines, in order.

    Raises:
        ValueError: a kernel's signature cannot be read: a template, a struct, a type that is not allowed.
    """
    text = without_comments(source)
    found = {}
    for match in KERNEL.finditer(text):
        if re.search(r"#\s*define\b[^\n]*$", text[: match.start()].rpartition("\n")[2]):
            continue
        kernel, is_definition = _read_kernel(text, match)
        if is_definition:
            found[kernel.name] = kernel
    return list(found.values())


def _read_kernel(text: str, match: re.Match) -> tuple[Signature, bool]:
    line = text.count("\n", 0, match.start()) + 1
    before = text[: match.start()].rstrip()
    if before.endswith(">") and re.search(r"\btemplate\s*<[^;{}]*>$", before):
        raise ValueError(
            f"line {line}: a __global__ template cannot be launched by name; make the template a __device__ "
            "function and call it from a plain kernel"
        )
    head_end = text.find("{", match.end())
    semicolon = text.find(";", match.end())
    is_definition = head_end >= 0 and not 0 <= semicolon < head_end
    head = text[match.end() : head_end if is_definition else semicolon]
    bounds = BOUNDS.search(head)
    head = BOUNDS.sub(lambda m: " " * len(m[0]), head)
    shape = re.match(r"\s*(?:static\s+|inline\s+)*void\s+(\w+)\s*\((.*)\)\s*$", head, re.DOTALL)
    if shape is None:
        raise ValueError(
            f'line {line}: cannot read this kernel; write it as extern "C" __global__ void name(float* out, int n)'
        )
    line += head.count("\n", 0, shape.start(1))
    most = int(bounds[1]) if bounds and bounds[1].isdigit() else None
    inside = shape[2].strip()
    words = [] if inside in ("", "void") else inside.split(",")
    return Signature(
        shape[1], tuple(_read_parameter(w, shape[1], line) for w in words), line, most
    ), is_definition


def _read_parameter(text: str, kernel: str, line: int) -> Parameter:
    words = re.sub(r"\b(__restrict__|__restrict|restrict|CPM_RESTRICT|volatile)\b", " ", text)
    before, star, after = words.partition("*")
    const = "const" in before.split()
    left = " ".join(re.sub(r"\bconst\b|\bstd::", " ", before).split())
    right = " ".join(re.sub(r"\bconst\b", " ", after).split())
    type_, name = (left, right) if star else left.rpartition(" ")[::2]
    type_ = SPELLINGS.get(type_, type_)
    known = type_ in NUMBERS or (star and type_ in VECTORS)
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or not known or (not star and type_ == "cpm::bfloat16"):
        raise ValueError(
            f"kernel {kernel}, line {line}: cannot take a parameter `{' '.join(text.split())}`; allowed are pointers "
            f"to {', '.join(NUMBERS)} or CUDA's vectors, and numbers of these types, each with a name"
        )
    return Parameter(name, type_, bool(star), const)


def check_arguments(signature: Signature, arguments: Sequence) -> list:
    """Arguments as they go to the kernel: a tensor or None for each pointer, a ctypes value for each number.

    Raises:
        TypeError: their number is wrong, or one is of the wrong kind or dtype.
        ValueError: a tensor is not contiguous or lies on another device, or a number is out of range.
    """
    if len(arguments) != len(signature.parameters):
        raise TypeError(
            f"{signature.name} takes {len(signature.parameters)} arguments after grid, block and shared, got "
            f"{len(arguments)}: {signature}"
        )
    checked = []
    for parameter, argument in zip(signature.parameters, arguments, strict=True):
        check = _check_tensor if parameter.pointer else _check_number
        checked.append(check(parameter, argument, f"{signature.name}: argument `{parameter.name}`"))
    devices = {tensor.device for tensor in checked if isinstance(tensor, Tensor)}
    if len(devices) > 1:
        places = ", ".join(
            f"{p.name} on {t.device}"
            for p, t in zip(signature.parameters, checked, strict=True)
            if isinstance(t, Tensor)
        )
        raise ValueError(f"{signature.name}: all tensors must lie on one device, got {places}")
    return checked


def _check_tensor(parameter: Parameter, argument, where: str) -> Tensor | None:
    dtypes = NUMBERS[parameter.element][1]
    if argument is None:
        return None
    if not isinstance(argument, Tensor):
        hint = "; pass torch.from_numpy(array)" if type(argument).__module__ == "numpy" else ""
        raise TypeError(f"{where} is `{parameter}`: it takes a tensor, got {type(argument).__name__}{hint}")
    if argument.dtype not in dtypes:
        wanted = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise TypeError(
            f"{where} is `{parameter}`: it takes a {wanted} tensor, got "
            f"{str(argument.dtype).removeprefix('torch.')}; convert it with .to()"
        )
    if argument.device.type not in ("cpu", "cuda"):
        raise ValueError(
            f"{where}: kernels run on tensors of the CPU or a CUDA device, got {argument.device}"
        )
    if not argument.is_contiguous():
        raise ValueError(
            f"{where}: the tensor of shape {tuple(argument.shape)} has strides {argument.stride()}, but a kernel "
            "sees plain memory; pass .contiguous(), or .permute() it so that its memory is in order"
        )
    if parameter.type in VECTORS:
        count = VECTORS[parameter.type][1]
        if argument.numel() % count:
            raise ValueError(f"{where}: {argument.numel()} numbers do not make whole {parameter.type}")
    return argument.detach()


def _check_number(parameter: Parameter, argument, where: str):
    ctype = NUMBERS[parameter.type][0]
    if isinstance(argument, Tensor):
        raise TypeError(
            f"{where} is `{parameter}`: it takes a number, got a tensor of shape {tuple(argument.shape)}; pass .item()"
        )
    if parameter.type in ("float", "double"):
        if isinstance(argument, bool) or (
            not isinstance(argument, (int, float)) and not hasattr(argument, "__float__")
        ):
            raise TypeError(f"{where} is `{parameter}`: it takes a number, got {type(argument).__name__}")
        return ctype(float(argument))
    if parameter.type == "bool":
        if not isinstance(argument, bool) and argument not in (0, 1):
            raise TypeError(f"{where} is `{parameter}`: it takes True or False, got {argument!r}")
        return ctype(bool(argument))
    try:
        number = operator.index(argument)
    except TypeError:
        raise TypeError(
            f"{where} is `{parameter}`: it takes a whole number, got {argument!r} of type {type(argument).__name__}"
        ) from None
    value = ctype(number)
    if value.value != number:
        raise ValueError(f"{where} is `{parameter}`: {number} does not fit into it")
    return value
