"""How values travel between the grader and a room: numbers, texts, arrays, tensors and plain networks, no code.

The bytes of the other side are never trusted: every length is checked before memory is taken. This file also runs in
the room, alone, so it imports nothing of the package.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Garbled", "NotSendable", "TooLarge", "decode", "encode"]

DEEPEST = 16  # lists in lists
MOST_NODES = 200_000  # values in one message
MOST_KEYS = 5_000  # of all dicts together: keys may be chosen to collide
MOST_TEXT = 1 << 20  # bytes of one text
MOST_DIGITS = 512  # bytes of one whole number
DTYPES = {str(np.dtype(c)) for c in "?bhilqBHILQefdFD"}
TENSOR_DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
)  # fmt: skip


class NotSendable(TypeError):
    """A value of another kind; the message says of which, as "a generator"."""


class TooLarge(ValueError):
    """The message would be larger than agreed."""


class Garbled(ValueError):
    """Bytes that no `encode` has written."""


def encode(value: Any, most: int = 1 << 30) -> bytes:
    """The bytes of a value.

    Args:
        value: None, bool, int, float, complex, str, a NumPy array or number, a torch tensor, a network of plain layers
            (see `networks`), or a list, tuple or dict of these.
        most: bytes.

    Raises:
        NotSendable: it is, or holds, something else.
        TooLarge: it takes more bytes than `most`, or has too many parts.
    """
    encoder = _Encoder(most)
    encoder.add(value, 0)
    return b"".join(encoder.parts)


class _Encoder:
    def __init__(self, most: int):
        self.parts: list[bytes] = []
        self.most = most
        self.size = 0
        self.nodes = self.keys = 0

    def put(self, *parts: bytes):
        self.size += sum(map(len, parts))
        if self.size > self.most:
            raise TooLarge(f"at most {_megabytes(self.most)} can be returned")
        self.parts += parts

    def add(self, value: Any, depth: int):
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise TooLarge(f"more than {MOST_NODES} values in lists; return an array")
        if depth > DEEPEST:
            raise NotSendable("a list in a list in a list, and so on without end")
        if value is None:
            self.put(b"N")
        elif isinstance(value, bool):
            self.put(b"T" if value else b"F")
        elif isinstance(value, np.generic):
            self.add_array(b"g", np.asarray(value))
        elif isinstance(value, int):
            self.add_int(value)
        elif isinstance(value, float):
            self.put(b"f", struct.pack("<d", value))
        elif isinstance(value, complex):
            self.add_array(b"g", np.asarray(value))
        elif isinstance(value, str):
            text = value.encode("utf-8", "replace")
            if len(text) > MOST_TEXT:
                raise TooLarge(f"a text of more than {_megabytes(MOST_TEXT)}")
            self.put(b"s", struct.pack("<I", len(text)), text)
        elif isinstance(value, Mapping):
            self.keys += len(value)
            if self.keys > MOST_KEYS:
                raise TooLarge(f"more than {MOST_KEYS} keys in dicts; return an array")
            self.put(b"d", struct.pack("<I", len(value)))
            for key, part in value.items():
                self.add_within(value, key, depth)
                self.add_within(value, part, depth)
        elif isinstance(value, list | tuple | range):
            self.put(b"t" if isinstance(value, tuple) else b"l", struct.pack("<I", len(value)))
            for part in value:
                self.add_within(value, part, depth)
        elif isinstance(value, np.ndarray):
            self.add_array(b"a", value)
        elif _is_of_torch(value):
            self.add_torch(value, depth)
        elif hasattr(value, "__array__"):
            self.add_array(b"a", np.asarray(value))
        else:
            raise NotSendable(_a(type(value).__name__))

    def add_within(self, whole: Any, part: Any, depth: int):
        try:
            self.add(part, depth + 1)
        except NotSendable as error:
            text = str(error)
            raise NotSendable(
                text if " " in text[3:] else f"{_a(type(whole).__name__)} with {text} in it"
            ) from None

    def add_int(self, value: int):
        digits = int(value).to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        if len(digits) > MOST_DIGITS:
            raise TooLarge("a whole number of more than a thousand digits")
        self.put(b"i", struct.pack("<H", len(digits)), digits)

    def add_array(self, kind: bytes, array: np.ndarray):
        array = np.asarray(array)
        if array.dtype.kind not in "biufc":
            raise NotSendable(
                f"an array of {array.dtype.name if array.dtype.kind != 'O' else 'Python objects'}"
            )
        if str(array.dtype.newbyteorder("=")) not in DTYPES:  # of 80 or 128 bits
            array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self.add_raw(kind, str(array.dtype.newbyteorder("=")), array.shape, array.nbytes, array.tobytes)

    def add_raw(self, kind: bytes, dtype: str, shape: tuple[int, ...], nbytes: int, data):
        if self.size + nbytes > self.most:
            size = " x ".join(map(str, shape))
            raise TooLarge(f"an array of {size} {dtype}; at most {_megabytes(self.most)} can be returned")
        name = dtype.encode()
        self.put(
            kind,
            struct.pack("<BB", len(name), len(shape)),
            name,
            struct.pack(f"<{len(shape)}Q", *shape),
            data(),
        )

    def add_torch(self, value: Any, depth: int):
        import torch

        if isinstance(value, torch.nn.Module):
            try:
                layers, weights = _networks().described(value)
            except TypeError as error:
                raise NotSendable(str(error)) from None
            self.put(b"n")
            self.add(layers, depth)
            self.add(weights, depth)
            return
        dtype = str(value.dtype).removeprefix("torch.")
        if dtype not in TENSOR_DTYPES or value.layout != torch.strided or value.device.type == "meta":
            raise NotSendable(f"a {value.layout} tensor of {dtype}".replace("torch.", ""))
        plain = value.detach().cpu().contiguous().resolve_conj().resolve_neg()
        raw = plain.view(torch.int16) if dtype == "bfloat16" else plain
        kind = b"X" if value.requires_grad else b"x"
        self.add_raw(kind, dtype, tuple(plain.shape), plain.nbytes, lambda: raw.numpy().tobytes())


def decode(data: bytes | memoryview) -> Any:
    """The value that `encode` made bytes of.

    Raises:
        Garbled: these bytes are something else.
    """
    decoder = _Decoder(memoryview(data))
    try:
        value = decoder.value(0)
    except (struct.error, UnicodeDecodeError, TypeError, OverflowError, RecursionError) as error:
        raise Garbled(str(error)) from None
    if decoder.at != len(decoder.data):
        raise Garbled("bytes after the end")
    return value


class _Decoder:
    def __init__(self, data: memoryview):
        self.data = data
        self.at = 0
        self.nodes = self.keys = 0

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.at:
            raise Garbled("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> int:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > 2 * MOST_NODES or depth > DEEPEST + 2:
            raise Garbled("too many values")
        kind = bytes(self.take(1))
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == b"i":
            return int.from_bytes(self.take(min(self.number("<H"), MOST_DIGITS)), "little", signed=True)
        if kind == b"f":
            return self.number("<d")
        if kind == b"s":
            return str(self.take(min(self.number("<I"), MOST_TEXT)), "utf-8")
        if kind in b"lt":
            parts = [self.value(depth + 1) for _ in range(self.count())]
            return tuple(parts) if kind == b"t" else parts
        if kind == b"d":
            return {self.key(depth): self.value(depth + 1) for _ in range(self.count())}
        if kind == b"a":
            return self.array(*self.head(DTYPES))
        if kind == b"g":
            name, shape = self.head(DTYPES)
            if shape:
                raise Garbled("a number with a shape")
            return self.array(name, shape)[()]
        if kind in b"xX":
            return self.tensor(kind == b"X")
        if kind == b"n":
            return self.network(depth)
        raise Garbled(f"kind {kind!r}")

    def count(self) -> int:
        count = self.number("<I")
        if count > len(self.data) - self.at:  # every part takes a byte
            raise Garbled("it ends too early")
        return count

    def key(self, depth: int) -> Any:
        key = self.value(depth + 1)
        self.keys += 1
        if self.keys > 2 * MOST_KEYS:
            raise Garbled("too many keys")
        if not isinstance(key, str | int | float | tuple | type(None)):
            raise Garbled("a key that is no text or number")
        return key

    def head(self, known) -> tuple[str, tuple[int, ...]]:
        letters, dimensions = self.take(2)
        name = str(self.take(letters), "ascii")
        if name not in known or dimensions > 32:
            raise Garbled("an array of an unknown kind")
        return name, struct.unpack(f"<{dimensions}Q", self.take(8 * dimensions))

    def array(self, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        kind = np.dtype(dtype)
        size = 1
        for extent in shape:
            size *= extent
        if max(shape, default=0) >= 1 << 40:
            raise Garbled("an array without end")
        raw = self.take(size * kind.itemsize)
        try:
            return np.frombuffer(raw, kind.newbyteorder("<")).reshape(shape).astype(kind)
        except ValueError as error:
            raise Garbled(str(error)) from None

    def tensor(self, requires_grad: bool) -> Any:
        import torch

        name, shape = self.head(TENSOR_DTYPES)
        array = self.array("int16" if name == "bfloat16" else name, shape)
        tensor = torch.from_numpy(array)
        tensor = tensor.view(torch.bfloat16) if name == "bfloat16" else tensor
        if requires_grad and not (tensor.is_floating_point() or tensor.is_complex()):
            raise Garbled("a gradient of whole numbers")
        return tensor.requires_grad_(requires_grad)

    def network(self, depth: int) -> Any:
        layers, weights = self.value(depth), self.value(depth)
        try:
            return _networks().built(layers, weights)
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, RecursionError) as error:
            raise Garbled(str(error)) from None


def _is_of_torch(value: Any) -> bool:
    """A tensor or a network; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor | torch.nn.Module)


def _networks():
    """That module, which imports torch, as part of the package or alone."""
    if __package__:
        from . import networks
    else:
        import networks
    return networks


_CONSTANTS = {b"N": None, b"T": True, b"F": False}


def _a(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeio" else f"a {noun}"


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000} MB"
