"""Pages of the API reference: one a module, with what its `__all__` names, made from the docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import plain_docstrings

import cpm_edu

SKIPPED = ("cpm_edu.__main__", "cpm_edu.commands")  # the command line, which explains itself by --help
GROUPS = {
    "cpm_edu": "From a joint to a belief map and back",
    "cpm_edu.models": "Networks and checkpoints",
    "cpm_edu.metrics": "Metrics",
    "cpm_edu.datasets": "Data sets, crops and augmentation",
    "cpm_edu.datasets.drawing": "Drawn people",
    "cpm_edu.training": "Training",
    "cpm_edu.evaluation": "Evaluation",
    "cpm_edu.kernels": "Kernels: compile, launch, look inside",
    "cpm_edu.figures": "Pictures",
    "cpm_edu.figures.interactive": "Interactive figures",
    "cpm_edu.course": "Course",
    "cpm_edu.jupyter": "Jupyter",
    "cpm_edu.weights": "Weights",
    "cpm_edu.photos": "Photographs",
}


def public_modules() -> list[ModuleType]:
    """Every module of the package that has a name of its own, imported."""
    names = [m.name for m in pkgutil.walk_packages(cpm_edu.__path__, "cpm_edu.")]
    names = [n for n in names if "._" not in n and not n.startswith(SKIPPED)]
    return [cpm_edu, *map(importlib.import_module, names)]


def own_names(module: ModuleType) -> tuple[list[str], list[str]]:
    """(names to describe here, names that come from another module of the package), both in their order."""
    here, elsewhere = [], []
    for name in getattr(module, "__all__", ()):
        origin = getattr(getattr(module, name), "__module__", module.__name__)
        foreign = origin != module.__name__ and str(origin).startswith("cpm_edu")
        (elsewhere if foreign else here).append(name)
    return here, elsewhere


def summary(module: ModuleType) -> str:
    """First sentence of a module's docstring, backticks kept."""
    return (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")


def module_page(module: ModuleType) -> str:
    """Markdown page of one module."""
    here, elsewhere = own_names(module)
    lines = [
        f"# {module.__name__}",
        "",
        "```{eval-rst}",
        f".. automodule:: {module.__name__}",
        "   :no-members:",
        "",
    ]
    for name in here:
        value = getattr(module, name)
        if inspect.isclass(value):
            lines += [f".. autoclass:: {module.__name__}.{name}", "   :members:", ""]
        elif inspect.isroutine(inspect.unwrap(value)):
            lines += [f".. autofunction:: {module.__name__}.{name}", ""]
        else:
            lines += constant(module, name)
    lines += ["```", ""]
    for name in elsewhere:
        home = getattr(module, name).__module__
        lines.append(f"* `{name}` is described in [{home}]({home}.md).")
    return "\n".join(lines) + "\n"


def constant(module: ModuleType, name: str) -> list[str]:
    """A constant's entry: its value where that is short, and the comment on its line."""
    value = repr(getattr(module, name))
    comment = re.search(rf"^{name}\b.*?  # (.+)$", inspect.getsource(module), re.MULTILINE)
    lines = [f".. py:currentmodule:: {module.__name__}", f".. py:data:: {name}"]
    lines += [f"   :value: {value}"] if len(value) <= 60 and "<" not in value else []
    return [*lines, "", f"   {plain_docstrings.escape(comment[1])}" if comment else "", ""]


def group_of(name: str) -> str:
    """The longest entry of GROUPS that holds a module."""
    return max((g for g in GROUPS if name == g or name.startswith(g + ".")), key=len)


def index_page(modules: list[ModuleType]) -> str:
    """Markdown page that lists the modules in the order of GROUPS, each with its first sentence."""
    lines = [
        "# API reference",
        "",
        "Made from the docstrings. Points are (x, y), sizes (height, width); N, T, J, H, W are",
        "",
    ]
    lines[-1:] = ["people, stages, joints, rows and columns. C = J + 1 counts the background map.", ""]
    hidden = []
    for group, title in GROUPS.items():
        members = [m for m in modules if group_of(m.__name__) == group]
        if not members:
            continue
        lines += [f"## {title}", ""]
        for module in members:
            lines.append(f"* [{module.__name__}]({module.__name__}.md): {summary(module)}")
            hidden.append(module.__name__)
        lines.append("")
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *hidden, "```", ""])


def write_reference(folder: Path) -> list[str]:
    """Write every page below `folder`; the names of the modules."""
    folder.mkdir(parents=True, exist_ok=True)
    modules = public_modules()
    for module in modules:
        (folder / f"{module.__name__}.md").write_text(module_page(module), encoding="utf-8")
    (folder / "index.md").write_text(index_page(modules), encoding="utf-8")
    return [m.__name__ for m in modules]
