"""HTML pages that need nothing but themselves: text is escaped by default, and nothing of it can run.

A page allows its own style and its own script by their digests and forbids everything else, so that even a text that
escaped escaping could load or start nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from pathlib import Path

__all__ = ["Html", "join", "page", "plain", "prose", "tag"]

_HERE = Path(__file__).parents[1]
_VOID = {"br", "img", "input", "meta", "hr"}


class Html(str):
    """Text that is markup already. Everything else is escaped."""


def plain(text: object) -> str:
    """A text without what is no text: control characters, half letters, and marks that turn the reading direction."""
    kept = str(text).encode("utf-8", "replace").decode()
    return re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]", "�", kept
    )


def join(*parts: object) -> Html:
    """Parts one after the other; None is nothing, lists and tuples are taken apart, text is escaped."""
    out = []
    for part in parts:
        if part is None:
            continue
        if isinstance(part, list | tuple):
            out.append(join(*part))
        else:
            out.append(part if isinstance(part, Html) else html.escape(plain(part)))
    return Html("".join(out))


def tag(name: str, /, *inside: object, **attributes: object) -> Html:
    """An element. `class_` is class, `aria_label` is aria-label; None leaves an attribute out, True gives it no value."""
    text = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        text += f" {key}" if value is True else f' {key}="{html.escape(plain(value))}"'
    return Html(f"<{name}{text}>") if name in _VOID else Html(f"<{name}{text}>{join(*inside)}</{name}>")


def prose(text: str) -> Html:
    """A text with `code`, **bold**, *italics*, paragraphs, lists of lines that begin with * - or 1., and fenced code."""
    pieces = re.split(r"^```\w*\n(.*?)\n```[ ]*$", plain(text), flags=re.MULTILINE | re.DOTALL)
    blocks = [
        f"<pre>{html.escape(piece)}</pre>" if k % 2 else _paragraphs(piece) for k, piece in enumerate(pieces)
    ]
    return Html("".join(blocks))


def _paragraphs(text: str) -> str:
    out: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        pieces = re.split(r"\n(?=\s*(?:[*-]|\d+\.)\s)", "\n" + block.strip())
        kinds = [re.match(r"\s*([*-]|\d+\.)\s+", piece) for piece in pieces]
        for piece, kind in zip(pieces, kinds, strict=True):
            words = " ".join(piece[kind.end() if kind else 0 :].split())
            if words:
                name = "p" if kind is None else "ul" if kind[1] in "*-" else "ol"
                out.append(
                    f"<{name}>{_marked(words)}</{name}>"
                    if kind is None
                    else f"<{name}><li>{_marked(words)}</li></{name}>"
                )
    return "".join(out).replace("</ul><ul>", "").replace("</ol><ol>", "")


def _marked(line: str) -> str:
    pieces = re.split(r"`([^`]+)`", html.escape(line))
    for k, piece in enumerate(pieces):
        if k % 2:
            pieces[k] = f"<code>{piece}</code>"
        else:
            bold = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", piece)
            pieces[k] = re.sub(r"(?<![\w*])\*(?=\S)([^*]+)(?<=\S)\*(?![\w*])", r"<em>\1</em>", bold)
    return "".join(pieces)


@cache
def _asset(name: str) -> tuple[str, str]:
    """A file of the page, and how a policy names it."""
    text = "\n" + (_HERE / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, f"'sha256-{digest}'"


def page(title: str, *inside: object, script: bool = False) -> str:
    """A whole page.

    Args:
        script: it sorts tables, filters and saves; without it the page has no script at all.
    """
    style, style_digest = _asset("grades.css")
    code, code_digest = _asset("grades.js") if script else ("", "'none'")
    policy = (
        f"default-src 'none'; style-src {style_digest}; script-src {code_digest}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    head = join(
        tag("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    )
    end = Html(f"<script>{code}</script>") if script else ""
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{join(*inside)}\n{end}</body>\n</html>\n'
