"""A verdict in plain text, for a terminal, a log and a screen reader."""

from __future__ import annotations

from .exercise import Exercise, Verdict

__all__ = ["WORDS", "verdict_text"]

WORDS = {"pass": "pass", "fix": "to fix", "todo": "to do"}
ICONS = {"pass": "✓", "fix": "✗", "todo": "○"}


def verdict_text(verdict: Verdict, exercise: Exercise, *, printed: str = "") -> str:
    """Lines: the verdict, the message, and input, yours and expected of the first case that differs."""
    head = f"{ICONS[verdict.status]} {WORDS[verdict.status]}: {exercise.id} {exercise.name}"
    if verdict.status == "pass":
        return f"{head}. {verdict.cases} cases, all right."
    start = f"{exercise.id} {exercise.name}: "
    lines = [f"{head}: {verdict.message.removeprefix(start)}"]
    example = verdict.example or {}
    lines += [
        f"  {word + ':':<10}{example[word]}" for word in ("input", "yours", "expected") if word in example
    ]
    if printed.strip():
        lines += ["  your code printed:"] + [f"  | {line}" for line in printed.strip().splitlines()[:20]]
    return "\n".join(lines)
