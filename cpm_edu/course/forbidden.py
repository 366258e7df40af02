"""Make library functions refuse for as long as a student's function runs, however it got hold of them.

A function is changed in place (its `__code__`), so that `from x import f as g`, an alias in a dictionary and a method
looked up earlier all refuse. Grading does not need this: there the modules cannot be imported at all.
"""

from __future__ import annotations

import importlib
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .exercise import Forbidden

__all__ = ["forbidding", "resolve"]

_MARK = 987654321  # the constant of the stub's code that becomes a function
_lock = threading.RLock()
_swapped: dict[
    types.FunctionType, tuple[types.CodeType, int]
] = {}  # -> its own code, and how often it is forbidden


def resolve(name: str) -> Any:
    """What a dotted name stands for: a function, a class, a method, a module.

    Raises:
        ImportError, AttributeError: nothing.
    """
    parts, count = name.split("."), 1
    thing = importlib.import_module(parts[0])
    while count < len(parts):  # modules first: in cpm_edu.metrics a function hides the module of its name
        try:
            thing = importlib.import_module(".".join(parts[: count + 1]))
        except ModuleNotFoundError:
            break
        count += 1
    for part in parts[count:]:
        thing = getattr(thing, part)
    return thing


def functions_of(thing: Any) -> list[types.FunctionType]:
    """The Python functions that run when a thing is called: those of a module are all that are defined in it."""
    if isinstance(thing, types.FunctionType):
        inner = getattr(thing, "__wrapped__", None)
        return [thing, *(functions_of(inner) if inner is not None else [])]
    if isinstance(thing, types.MethodType | staticmethod | classmethod):
        return functions_of(thing.__func__)
    if isinstance(thing, types.ModuleType):
        own = [v for v in vars(thing).values() if getattr(v, "__module__", None) == thing.__name__]
        return [f for v in own if isinstance(v, types.FunctionType) for f in functions_of(v)]
    if isinstance(thing, type):
        names = ("__init__", "__call__", "forward")
        return [f for name in names if name in vars(thing) for f in functions_of(vars(thing)[name])]
    wrapped = getattr(thing, "__wrapped__", None)  # lru_cache
    return functions_of(wrapped) if wrapped is not None else []


@contextmanager
def forbidding(names: Sequence[str], also: Sequence[Callable] = ()) -> Iterator[list[str]]:
    """Let the functions of these names raise `Forbidden(name)`; gives the list of names that were called.

    Threads that already run keep the use of them. Whatever happens, Ctrl-C included, all is as it was afterwards.

    Raises:
        ImportError, AttributeError: a name stands for nothing.
    """
    wanted = [(name, f) for name in names for f in functions_of(resolve(name))]
    wanted += [(getattr(f, "__name__", "the reference"), g) for f in also for g in functions_of(f)]
    wanted += [("torch.ops.cpm_edu", f) for f in _calls_of_ops() if names]
    touched: list[str] = []
    others = set(threading.enumerate()) - {threading.current_thread()}
    done: list[types.FunctionType] = []
    try:
        for name, function in wanted:
            if function not in done:
                with _lock:
                    code, depth = _swapped.get(function, (function.__code__, 0))
                    done.append(function)
                    _swapped[function] = code, depth + 1
                    function.__code__ = _refusing(function, code, name, touched, others)
        yield touched
    finally:
        _restore(done)


def _restore(functions: list[types.FunctionType]) -> None:
    interrupted = None
    while functions:
        try:
            with _lock:
                function = functions[-1]
                code, depth = _swapped.get(function, (function.__code__, 0))
                if depth > 1:
                    _swapped[function] = code, depth - 1
                else:
                    function.__code__ = code
                    _swapped.pop(function, None)
                functions.pop()
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted


def _refusing(
    function: types.FunctionType,
    code: types.CodeType,
    name: str,
    touched: list[str],
    others: set[threading.Thread],
) -> types.CodeType:
    """Code that raises, and for other threads does what it did."""
    original = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__

    def refuse(*args, **kwargs):
        if threading.current_thread() in others or (name == "torch.ops.cpm_edu" and not _is_ours(args)):
            return original(*args, **kwargs)
        touched.append(name)
        raise Forbidden(name)

    constants = tuple(refuse if constant == _MARK else constant for constant in _STUB.co_consts)
    return _STUB.replace(co_consts=constants, co_freevars=code.co_freevars, co_name=code.co_name)


def _calls_of_ops() -> list[types.FunctionType]:
    """What runs when `torch.ops.cpm_edu.decode(...)` is written; [] where our ops are not loaded."""
    if "cpm_edu.kernels.ops" not in sys.modules:
        return []
    torch_ops = importlib.import_module("torch._ops")
    kinds = (torch_ops.OpOverloadPacket, torch_ops.OpOverload)
    return [f for kind in kinds if isinstance(f := vars(kind).get("__call__"), types.FunctionType)]


def _is_ours(args: tuple) -> bool:
    """An op of the library's that something else than the library calls."""
    if not str(args[0] if args else "").startswith("cpm_edu."):
        return False
    caller = sys._getframe(3)  # above this, `refuse`, and the stub
    return not caller.f_globals.get("__name__", "").startswith("cpm_edu.")


def _stub_code() -> types.CodeType:
    """Code that calls the constant `_MARK`: it needs no global name, whatever module it is put into."""
    scope: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an int is not callable
        exec(f"def stub(*args, **kwargs): return ({_MARK})(*args, **kwargs)", scope)
    return scope["stub"].__code__


_STUB = _stub_code()
