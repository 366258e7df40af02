"""class_summary.html: what a class can do, which mistakes it makes, and who needs a look. For instructors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, median

from .feedback import WORDS, told
from .page import Html, join, page, tag
from .results import Part, Parts, Result
from .table import number

__all__ = ["class_summary"]

WIDTH = 100  # of a bar, in units of its own
NAMES = 6  # students named in a row of mistakes before the rest is folded


def class_summary(
    results: Sequence[Result],
    parts: Parts,
    *,
    links: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    answers: str = "",
) -> str:
    """The page.

    Args:
        links: from student to the address of the feedback page, relative to this one.
        warnings: sentences on what belongs to nobody.
        answers: the address of the sheet for answers that are graded by hand; "" if there is none.
    """
    links = links or {}
    return page(
        f"{parts.assignment}: class summary",
        tag(
            "main",
            tag("p", "Class summary, for instructors: names and points", class_="soft small"),
            tag("h1", f"{parts.assignment}: {parts.title}"),
            _figures(results, parts),
            _to_do(results, parts, warnings, answers),
            tag("h2", "Points"),
            _histogram(results, parts),
            tag("h2", "Exercises"),
            _exercises(results, parts),
            tag("h2", "Mistakes by name"),
            _mistakes(results, parts, links),
            tag("h2", "Who needs a look"),
            _looks(results, links),
            tag("h2", "Students"),
            _students(results, parts, links),
        ),
        tag(
            "footer",
            "Points: a passed exercise counts whole. Starred exercises (*) are extra. ",
            "A mistake is named by what a function computes, never by how it is written.",
        ),
        script=True,
    )


def _figures(results: Sequence[Result], parts: Parts) -> Html:
    totals = [result.total for result in results]
    isolated = sum(result.record.isolated for result in results)
    looks = sum(bool(result.record.looks) for result in results)
    figures = [
        (f"{len(results)}", "submission" if len(results) == 1 else "submissions"),
        (f"{number(round(mean(totals), 1))} of {number(parts.most)}", "points on average"),
        (number(round(median(totals), 1)), "median"),
        (f"{looks}", "need a look"),
    ]
    if isolated < len(results):
        figures.append((f"{len(results) - isolated}", "graded without a sandbox"))
    return tag("ul", [tag("li", tag("b", value), what) for value, what in figures], class_="figures")


def _to_do(results: Sequence[Result], parts: Parts, warnings: Sequence[str], answers: str) -> Html | None:
    items: list[object] = [tag("li", warning) for warning in warnings]
    waiting = sum(len(result.open) for result in results)
    if waiting:
        sheet = tag("a", "the sheet of answers", href=answers) if answers else "the answers"
        ids = ", ".join(part.id for part in parts.questions)
        items.append(tag("li", f"{waiting} answers to {ids} wait for a person: ", sheet, "."))
    return join(tag("h2", "Still to do"), tag("ul", items)) if items else None


# ---- points


def _histogram(results: Sequence[Result], parts: Parts) -> Html:
    """At most twelve bars, with the count on each: also readable as a table of numbers."""
    most = max([parts.most, *(result.total for result in results)]) or 1
    steps = next(step for step in (1, 2, 5, 10, 20, 25, 50, 100, 1000) if most / step <= 12)
    count = Counter(int(result.total // steps) for result in results)
    bins = range(int(most // steps) + 1)
    labels = [_label(place * steps, min((place + 1) * steps - 1, int(most))) for place in bins]
    tallest = max(count.values())
    width, height = 60, 120
    bars = []
    for place, label in enumerate(labels):
        tall = round(height * count[place] / tallest, 1)
        x = place * width
        bars += [
            tag("rect", x=x + 4, y=height - tall + 16, width=width - 8, height=tall, class_="count"),
            tag("text", count[place] or "", x=x + width / 2, y=height - tall + 11, text_anchor="middle"),
            tag("text", label, x=x + width / 2, y=height + 32, text_anchor="middle"),
        ]
    words = ", ".join(f"{label} points: {count[place]}" for place, label in enumerate(labels) if count[place])
    return tag(
        "figure",
        Html(
            f'<svg role="img" viewBox="0 0 {len(bins) * width} {height + 40}" width="{len(bins) * width}" '
            f'height="{height + 40}" class="chart" aria-label="How many students have how many points. {words}.">'
        ),
        bars,
        Html("</svg>"),
        tag(
            "figcaption",
            f"Students by points{'' if not any(r.open for r in results) else ', open questions counted as 0'}.",
        ),
    )


def _label(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


# ---- exercises


def _exercises(results: Sequence[Result], parts: Parts) -> Html:
    rows = []
    for part in parts.exercises:
        count = Counter(graded.status for r in results if (graded := r.graded(part.id)) is not None)
        total = sum(count.values()) or 1
        by_hand = sum(part.id in result.given for result in results)
        rows.append(
            tag(
                "tr",
                tag(
                    "th",
                    f"{part.id} · {part.title}{' *' if part.starred else ''}",
                    scope="row",
                    data_value=part.id,
                ),
                tag("td", _bar([(status, count[status]) for status in WORDS], total)),
                *(tag("td", count[status], class_="number") for status in WORDS),
                tag(
                    "td",
                    f"{round(100 * count['pass'] / total)} %",
                    class_="number",
                    data_value=count["pass"] / total,
                ),
                tag("td", by_hand or "", class_="number", data_value=by_hand),
            )
        )
    heads = [("exercise", ""), ("share", None)]
    heads += [(word, "number") for _, word in WORDS.values()]
    heads += [("pass rate", "number"), ("changed by hand", "number")]
    return join(_key(), _table("Exercises: how many passed", heads, rows))


def _bar(values: Sequence[tuple[str, int]], total: int) -> Html:
    """Shares as one bar; the numbers stand in the cells beside it."""
    out, start = [], 0.0
    for kind, count in values:
        wide = WIDTH * count / total
        out.append(tag("rect", x=round(start, 3), y=0, width=round(wide, 3), height=10, class_=kind))
        start += wide
    return join(
        Html(f'<svg class="bar" viewBox="0 0 {WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">'),
        out,
        Html("</svg>"),
    )


def _key() -> Html:
    square = (
        '<svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="{}"></rect></svg>'
    )
    return tag(
        "p",
        [tag("span", Html(square.format(status)), word) for status, (_, word) in WORDS.items()],
        class_="key small",
    )


# ---- mistakes


def _mistakes(results: Sequence[Result], parts: Parts, links: Mapping[str, str]) -> Html:
    made: dict[tuple[str, str], list[Result]] = defaultdict(list)
    says: dict[tuple[str, str], str] = {}
    for result in results:
        for graded in result.record.graded:
            if graded.mistake:
                made[graded.exercise, graded.mistake].append(result)
                part = next(part for part in parts.parts if part.id == graded.exercise)
                says.setdefault((graded.exercise, graded.mistake), told(graded.message, part))
    if not made:
        return tag("p", "None.")
    most = max(map(len, made.values()))
    rows = []
    for (exercise, mistake), who in sorted(made.items(), key=lambda item: (-len(item[1]), item[0])):
        same = len({r.graded(exercise).message for r in who}) == 1
        rows.append(
            tag(
                "tr",
                tag("td", exercise),
                tag("th", tag("span", mistake, class_="mono"), scope="row"),
                tag("td", len(who), _bar([("count", len(who))], most), class_="number", data_value=len(who)),
                tag(
                    "td",
                    tag("span", says[exercise, mistake]),
                    None if same else tag("span", " (and others like it)", class_="soft"),
                    class_="wide",
                ),
                tag("td", _who(who, links)),
            )
        )
    heads: list[tuple[str, str | None]] = [
        ("exercise", ""),
        ("mistake", ""),
        ("students", "number"),
        ("what they are told", ""),
        ("who", None),
    ]
    return _table("Mistakes, the most frequent first", heads, rows)


def _who(who: Sequence[Result], links: Mapping[str, str]) -> Html:
    names = [_name(result, links) for result in who]
    listed: list[object] = []
    for place, name in enumerate(names):
        listed += [", " if place else "", name]
    if len(names) <= NAMES:
        return join(listed)
    return tag("details", tag("summary", f"{len(names)} students"), join(listed))


def _name(result: Result, links: Mapping[str, str]) -> Html:
    link = links.get(result.student)
    return tag("a", result.student, href=link) if link else tag("span", result.student)


# ---- people


def _looks(results: Sequence[Result], links: Mapping[str, str]) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", _name(result, links), scope="row"),
            tag("td", "; ".join(result.record.looks)),
            tag("td", " ".join(result.record.notes), class_="small"),
            tag("td", number(result.total), class_="number"),
        )
        for result in results
        if result.record.looks
    ]
    if not rows:
        return tag("p", "Nobody.")
    heads = [("student", ""), ("why", ""), ("notes", ""), ("points", "number")]
    return _table("Submissions that a person should look at", heads, rows)


def _students(results: Sequence[Result], parts: Parts, links: Mapping[str, str]) -> Html:
    rows = []
    for result in results:
        cells = [_points(part, result) for part in parts.parts]
        rows.append(
            tag(
                "tr",
                tag(
                    "th",
                    _name(result, links),
                    tag("span", " late", class_="soft small") if result.record.late else None,
                    scope="row",
                ),
                cells,
                tag("td", tag("b", number(result.total)), class_="number", data_value=result.total),
            )
        )
    heads = [("student", "")]
    heads += [(part.id + ("*" if part.starred else ""), "number") for part in parts.parts]
    heads += [(f"of {number(parts.most)}", "number")]
    find = tag(
        "p",
        tag(
            "label",
            "Find ",
            tag("input", type="search", class_="find", data_table="students", data_told="found"),
        ),
        tag("span", id="found", role="status", class_="soft small"),
        class_="tools",
    )
    return join(find, _table("Points of every student", heads, rows, id="students"))


def _points(part: Part, result: Result) -> Html:
    points, graded = result.points[part.id], result.graded(part.id)
    if points is None:
        return tag("td", tag("span", "open", class_="soft"), class_="number", data_value=-1)
    by_hand = (
        tag("span", " by hand", class_="soft small") if part.id in result.given and not part.by_hand else None
    )
    if graded is None or part.id in result.given:
        return tag("td", number(points), by_hand, class_="number", data_value=points)
    icon, word = WORDS[graded.status]
    mark = tag("span", f"{icon} ", title=word, class_=f"status {graded.status}", role="img", aria_label=word)
    return tag("td", mark, number(points), class_="number", data_value=points)


def _table(
    caption: str, heads: Sequence[tuple[str, str | None]], rows: Sequence[Html], **attributes: object
) -> Html:
    """A table whose heads sort it, except those of kind None."""
    cells = [
        tag(
            "th",
            name if kind is None else tag("button", name, type="button"),
            scope="col",
            class_=kind or None,
        )
        for name, kind in heads
    ]
    table = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", cells)),
        tag("tbody", rows),
        class_="sortable",
        **attributes,
    )
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
