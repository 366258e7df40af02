"""Notebooks and .py files as they arrive: from Colab, VS Code and editors, damaged, doubled, in odd encodings."""

from __future__ import annotations

import json

import pytest

from cpm_edu.course.student_files import (
    NotInFile,
    Unreadable,
    pick_file,
    read_student_bytes,
    read_student_file,
)

HEAD = "import numpy as np\n"


def notebook(*cells, **more) -> bytes:
    """A notebook of code cells (text) and whole cells (dict)."""
    made = [c if isinstance(c, dict) else {"cell_type": "code", "source": c} for c in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more).encode()


def text_cell(source, **more):
    return {"cell_type": "markdown", "source": source} | more


def source_of(data, name="f", file="a.ipynb"):
    return read_student_bytes(data, file).source_of(name)


def value_of(data, name="f", file="a.ipynb", call=()):
    """The function of that name, cut out and called."""
    scope: dict = {"__name__": "__main__"}
    exec(source_of(data, name, file).source, scope)
    return scope[name](*call)


def test_by_hand():
    found = source_of(
        notebook(HEAD, "print(1)\nSCALE = 3\ncheck('ex', f)", "def f(x):\n    return np.abs(x) * SCALE")
    )
    assert found.source == "import numpy as np\nSCALE = 3\ndef f(x):\n    return np.abs(x) * SCALE\n"
    assert found.lines == ((1, 1), (2, 2), (3, 1), (3, 2))
    assert found.where(4) == "cell 3, line 2"
    assert found.where(9) == ""
    assert (found.notes, found.stub) == ((), False)


NEEDS = {
    "only the names of an import": (
        ["import numpy as np, os, json as j\nfrom math import (sin,\n   cos)", "def f():\n    return cos(0) + np.pi - np.pi"],
        "import numpy as np\nfrom math import cos",
    ),
    "semicolons": (["a = 1; b = 2; print(b)", "def f(): return a"], "a = 1\n"),
    "decorator": (["from functools import cache", "@cache\ndef f():\n    return 1"], "from functools import cache\n@cache"),
    "default and annotation": (["N = 4", "def f(x: int = N): return x"], "N = 4"),
    "class, method, base": (
        ["class A:\n    k = 3\n    def m(self): return g() + self.k\nclass B(A): pass\ndef g(): return 1\nclass C: pass",
         "def f(): return B().m()"],
        "class A",
    ),
    "table filled by a loop": (["t = [0] * 3\nfor k in range(3):\n    t[k] = k\nt.append(9)", "def f(): return t[3]"], "t.append(9)"),
    "walrus and comprehension": (["n = 5\n(m := n + 1)\ns = [k for k in range(m)]", "def f(): return len(s)"], "(m := n + 1)"),
    "try around an import": (["try:\n    import numba\nexcept ImportError:\n    numba = None", "def f(): return 1 if numba is None else 2"], "except ImportError"),
    "with": (["import io\nwith io.StringIO('7') as file:\n    n = int(file.read())", "def f(): return n"], "with io.StringIO"),
    "match": (["k = 2\nmatch k:\n    case 2:\n        n = 5\n    case other:\n        n = 6", "def f(): return n"], "match k"),
    "star import": (["from math import *", "def f(): return floor(2.5)"], "from math import *"),
    "global": (["def prepare():\n    global TABLE\n    TABLE = [4]\nprepare()\nprint(5)", "def f(): return TABLE[0]"], "prepare()\n"),
    "nested functions": (["def g(): return 1", "def f():\n    def h():\n        return g()\n    return h()"], "def g"),
    "lambda": (["half = lambda x: x / 2", "f = lambda: half(8)"], "half = lambda"),
    "redefined helper": (["def g(): return 1", "x = g()", "def g(): return 10", "def f(): return x + g()"], "x = g()"),
    "augmented": (["n = 1", "n += 1\nn = n * 2", "def f(): return n"], "n += 1"),
    "cells run in another order": (["x = g() + 1", "def g(): return 3", "def f(): return x"], "def g"),
    "function with memory": (["def f():\n    f.n += 1\n    return f.n\nf.n = 0"], "f.n = 0"),
    "local names are not global ones": (["x = boom()", "def f():\n    x = 1\n    return x"], "def f"),
    "future import": (["from __future__ import annotations\nK = 1", "def f(x: Nowhere = 3): return x"], "from __future__ import annotations\n"),
    "type hints of Python": (["from typing import Optional", "def f(x: Optional[int] = None) -> Optional[int]: return 1"], "import Optional"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEEDS)
def test_what_a_function_needs(name):
    cells, contains = NEEDS[name]
    data = notebook("print('never')", *cells, "check('ex01', f)\nboom()")
    found = source_of(data)
    assert contains in found.source
    assert "check" not in found.source
    assert "boom" not in found.source
    assert "never" not in found.source
    expected = {
        "class, method, base": 4, "table filled by a loop": 9, "walrus and comprehension": 6, "with": 7, "match": 5, "star import": 2,
        "global": 4, "lambda": 4, "redefined helper": 11, "augmented": 4, "cells run in another order": 4, "default and annotation": 4,
        "future import": 3,
    }  # fmt: skip
    assert value_of(data) == expected.get(name, 1)


def test_magics_and_shells():
    data = notebook(
        "%matplotlib inline\n!pip install numpy\npip install torch\nimport numpy as np\nfiles = !ls\nnp.abs?",
        "\n\n%%time\n%%capture\ndef f(x):\n    text = '''\n%d percent\n!not a shell\n'''\n    %timeit 3\n    return np.abs(x)",
        "%%bash\ndef f(:",
        "%%writefile f.py\ndef f(x):\n    return 'file'",
        "%%html\n<b>",
    )
    found = source_of(data)
    assert value_of(data, call=(-2,)) == 2
    assert "%d percent\n!not a shell" in found.source
    assert found.notes == ()
    assert found.where(2) == "cell 2, line 5"


def test_twice_broken_and_stub():
    stub = "def f(x):\n    '''Doc.'''\n    raise NotImplementedError('ex02: write f')"
    twice = source_of(notebook("def f(x): return 1", "def f(x): return 2"))
    assert "return 2" in twice.source
    assert twice.notes == ("f is defined 2 times; the last one counts (cell 2).",)
    doubled = source_of(notebook("def f(x): return 1", stub))
    assert not doubled.stub
    assert "return 1" in doubled.source
    assert "an untouched copy of f (cell 2) is passed over." in doubled.notes
    assert source_of(notebook(stub)).stub
    assert source_of(notebook("def f(x):\n    # hm\n    pass")).stub
    assert source_of(notebook('K = r"""\n__global__ void k() {\n// ex22: your lines here\n}"""'), "K").stub
    assert not source_of(
        notebook("def f(x):\n    if x:\n        return 1\n    raise NotImplementedError('msra')")
    ).stub
    broken = source_of(notebook("def f(x): return 1", "def f(x)\n    return 2"))
    assert "return 1" in broken.source
    assert broken.notes == ("cell 2, line 1 is no Python (expected ':'); this cell was skipped.",)
    with pytest.raises(NotInFile, match="no gaussian_map in the file; did you mean gausian_map"):
        source_of(notebook("def gausian_map(): pass", "return 3"), "gaussian_map")
    with pytest.raises(LookupError, match="cell 1, line 1 is no Python"):
        source_of(notebook("\tx = 1\n  y = 2"))


def test_a_definition_below_the_asked_one_does_not_hide_it():
    late = source_of(notebook("from cpm_edu.targets import x as f", "def f(): return 1", "del f"))
    assert late.source == "def f(): return 1\n"


HABITS = {
    "no metadata at all": {"cells": [{"cell_type": "code", "source": ["def f():\n", "    return 1"]}]},
    "no cell type": {"cells": [{"source": "def f():\n    return 1", "outputs": []}, {"source": "# text"}]},
    "odd metadata": {"cells": [{"cell_type": "code", "source": "def f():\n    return 1", "metadata": None}], "metadata": []},
    "Colab": {
        "cells": [
            {"cell_type": "markdown", "metadata": {"id": "x", "colab_type": "text"}, "source": ["![a](data:image/png;base64,AAAA)"]},
            {"cell_type": "code", "metadata": {"id": "y", "cellView": "form"}, "outputs": [], "execution_count": None,
             "source": ["#@title Run me { display-mode: \"form\" }\n", "from google.colab import drive\n", "drive.mount('/content')\n", "def f():\n", "    return 1\n"]},
        ],
        "metadata": {"colab": {"provenance": []}, "accelerator": "GPU"}, "nbformat": 4, "nbformat_minor": 0,
    },
    "VS Code": {
        "cells": [
            {"cell_type": "code", "metadata": {"vscode": {"languageId": "shellscript"}}, "source": "def f(: no"},
            {"cell_type": "code", "metadata": {"vscode": {"languageId": "python"}}, "source": ["def f():\r\n", "    return 1\r\n"]},
        ],
        "metadata": {"language_info": {"name": "python"}, "orig_nbformat": 4},
    },
    "strange cells": {"cells": [None, 3, [], {"cell_type": "code"}, {"cell_type": "code", "source": 4}, {"cell_type": "raw", "source": "x("},
                                {"cell_type": "code", "source": [None, "def f(): return 1"]}]},
    "format 3": {"worksheets": [{"cells": [{"cell_type": "code", "input": "def f():\n    return 1", "prompt_number": 1}]}], "nbformat": 3},
}  # fmt: skip


@pytest.mark.parametrize("habit", HABITS)
def test_habits_of_programs_that_save_notebooks(habit):
    assert value_of(json.dumps(HABITS[habit]).encode()) == 1


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True), ("utf-32", False)],
)
@pytest.mark.parametrize("file", ["a.ipynb", "a.py"])
def test_encodings(encoding, note, file):
    cell = 'NAME = "Grüße"\ndef f():\n\treturn NAME'
    text = (
        json.dumps({"cells": [{"cell_type": "code", "source": cell}]}, ensure_ascii=False)
        if file == "a.ipynb"
        else cell
    )
    found = source_of(text.encode(encoding), file=file)
    assert value_of(text.encode(encoding), file=file) == "Grüße"
    assert bool(found.notes) == note


def test_coding_line_and_line_ends():
    data = "# -*- coding: latin-1 -*-\r\nNAME = 'Grüße'\r\ndef f():\r\n    return NAME\r\n".encode("latin-1")
    assert value_of(data, file="a.py") == "Grüße"
    assert value_of(b"def f():\r    return 1\r", file="a.py") == 1


BAD = {
    "empty": (b"", "is empty"),
    "spaces": (b" \n\n", "is empty"),
    "cut off": (notebook("def f(): pass")[:-9], "damaged notebook.*at line 1"),
    "merge": (b'{"cells": [\n<<<<<<< HEAD\n1\n=======\n>>>>>>> x\n]}', "unfinished git merge"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "no text file"),
    "no notebook": (b'{"a": 1}', "it has no cells"),
    "a list": (b"[1, 2]", "it has no cells"),
    "cells is a word": (b'{"cells": "none"}', "it has no cells"),
    "deep": (b"[" * 100_000, "damaged notebook"),
    "a page": (b"<!DOCTYPE html><html>", "damaged notebook"),
    "too large": (b" " * 30_000_001, "more than 30 MB"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_a_sentence(name):
    data, message = BAD[name]
    with pytest.raises(Unreadable, match=message):
        read_student_bytes(data, "a.ipynb")


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 500,
        "x = " + "-" * 60_000 + "1",
        "return 3",
        "await x = 3",
        "nonlocal x",
        "def f(:",
        "x = 09",
        "if 1:\n\tx\n        y",
    ],
)
def test_text_that_python_refuses_is_one_cell_less(text):
    found = source_of(notebook("def f(): return 1", text))
    assert "is no Python" in found.notes[0]
    assert found.source == "def f(): return 1\n"


def test_python_files():
    plain = b"import os\nimport numpy as np\n\n\ndef helper():\n    return 2\n\n\ndef f():\n    return helper()\n\n\nif __name__ == '__main__':\n    helper = None\n    print(f())\n"
    found = source_of(plain, file="a.py")
    assert "__main__" not in found.source
    assert found.where(3) == "line 9"
    percent = b"# ---\n# jupyter: {}\n# ---\n# %% [markdown]\n# Text with # %% inside\n\n# %%\ndef f():\n    return 1\n\n# %%\ndef broken(:\n"
    found = source_of(percent, file="a.py")
    assert found.where(2) == "line 9"
    assert found.notes == ("line 12 is no Python (invalid syntax); this cell was skipped.",)
    in_text = b'x = """\n# %% not a cell\n"""\ndef f():\n    return x\n'
    assert value_of(in_text, file="a.py") == "\n# %% not a cell\n"
    assert value_of(notebook("def f(): return 1"), file="renamed.py") == 1


def test_answers_to_questions():
    data = notebook(
        text_cell("## a1q1 · Explain (10 minutes, 3 points)"),
        text_cell("**Your answer (a1q1)**\n\n*Write here.*"),
        text_cell("It was in **another** cell."),
        {"cell_type": "raw", "source": "And raw."},
        text_cell("## a1q2 · Debug"),
        text_cell("your ANSWER (A1Q2):\nLine 3 # is wrong"),
        "x = 1",
        text_cell("not part of it"),
        text_cell("tagged", metadata={"tags": ["a2q1"]}),
        text_cell("**Your answer (a7p)**\n*Write here.*"),
        {"cell_type": "code", "source": "**Your answer (a3q1)**\nturned into code"},
        text_cell("**Your answer (a3q1)**\n\n*Write here.*"),
    )
    assert read_student_bytes(data, "a.ipynb").texts() == {
        "a1q1": "It was in **another** cell.\n\nAnd raw.",
        "a1q2": "Line 3 # is wrong",
        "a2q1": "tagged",
        "a7p": "",
        "a3q1": "turned into code",
    }
    percent = b'# %% [markdown]\n# **Your answer (a1q1)**\n#\n# One.\n# Two.\n\n# %% [markdown]\n"""\n**Your answer (a1q2)**\nThree.\n"""\n'
    assert read_student_bytes(percent, "a.py").texts() == {"a1q1": "One.\nTwo.", "a1q2": "Three."}


def test_a_very_long_answer_is_cut():
    data = notebook(text_cell("**Your answer (a1q1)**\n" + "x" * 50_000))
    assert len(read_student_bytes(data, "a.ipynb").texts()["a1q1"]) < 20_100


def test_the_file_that_was_worked_in_is_picked(tmp_path):
    stub = "def f(x):\n    raise NotImplementedError('ex')\n"
    (tmp_path / "A1_words.ipynb").write_bytes(notebook(stub, "def g(x): return 1"))
    (tmp_path / "a1.py").write_text(stub + "def g(x):\n    raise NotImplementedError('ex')\n")
    (tmp_path / "a1_broken.ipynb").write_bytes(b"{")
    file, said = pick_file(tmp_path.iterdir(), ["f", "g"])
    assert file.path.name == "A1_words.ipynb"
    assert said == "A1_words.ipynb was taken, not a1.py."
    (tmp_path / "a1.py").write_text("def f(x): return 1\ndef g(x): return 2\n")
    assert pick_file(tmp_path.iterdir(), ["f", "g"])[0].path.name == "a1.py"
    with pytest.raises(Unreadable, match="damaged notebook"):
        pick_file([tmp_path / "a1_broken.ipynb"], ["f"])
    with pytest.raises(Unreadable, match="there is no notebook"):
        pick_file([], ["f"])


def test_nothing_written_is_the_notebook_without_a_word(tmp_path):
    stub = "def f(x):\n    raise NotImplementedError('ex')\n"
    (tmp_path / "A1.ipynb").write_bytes(notebook(stub))
    (tmp_path / "a1.py").write_text(stub)
    file, said = pick_file(tmp_path.iterdir(), ["f"])
    assert (file.path.name, said) == ("A1.ipynb", "")
    assert read_student_file(tmp_path / "a1.py").source_of("f").stub


def test_what_would_keep_the_parser_busy_is_left_out():
    long = "x = f'" + "{x}" * 60_000 + "'"
    found = source_of(notebook("def f(): return 1", long))
    assert found.notes == ("cell 2 is longer than 100,000 characters and was skipped.",)
    assert value_of(b"# %%\ndef f(): return 1\n# %%\n" + long.encode(), file="a.py") == 1
    with pytest.raises(NotInFile, match="longer than 100,000 characters"):
        source_of(long.encode(), file="a.py")
    with pytest.raises(Unreadable, match="2,001 cells"):
        source_of(notebook(*["x = 1"] * 2001))
    with pytest.raises(Unreadable, match="characters of code; at most"):
        source_of(notebook(*["x = 1\n" * 9_000] * 30))
