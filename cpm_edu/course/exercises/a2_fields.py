"""ex08: size, step and middle of the receptive field, layer by layer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from ...receptive_field import INPUT, Layer, paper_stage_1, rows
from ..exercise import Exercise, Mistake
from ..same import as_array

__all__ = ["EXERCISES"]

Table = Callable[[Sequence[tuple[int, int, int, int]]], np.ndarray]
SIZE, STEP, MIDDLE = range(3)
KERNEL, STRIDE, PADDING, DILATION = range(4)


def receptive_fields(layers: list[tuple[int, int, int, int]]) -> np.ndarray:
    return np.array([row[-3:] for row in rows(Layer("", *numbers) for numbers in layers)], np.float64)


def _read_as(number: int, change: Callable[[tuple], int]) -> Table:
    """The answer where one number of every layer is read as another: change((k, s, p, d))."""

    def answer(layers):
        return receptive_fields([(*x[:number], change(x), *x[number + 1 :]) for x in layers])

    return answer


def _kernel_times_dilation(layers) -> np.ndarray:
    return receptive_fields([(k * d, s, p, 1) for k, s, p, d in layers])


def _stride_first(layers) -> np.ndarray:
    """Every layer reaches with the step behind it in place of the one before it."""
    strides = [x[STRIDE] for x in layers]
    late = [(k, s, p, d) for (k, _, p, d), s in zip(layers, [*strides[1:], 1], strict=True)]
    return receptive_fields([(1, strides[0], 0, 1), *late])[1:]


def _own_stride(layers) -> np.ndarray:
    """Every layer reaches with its own stride, whatever stands before it."""
    alone = np.concatenate([receptive_fields([x]) for x in layers])
    grown = (alone - [1, 0, 0]) * alone[:, [STEP, STEP, STEP]]
    return np.stack([1 + np.cumsum(grown[:, SIZE]), alone[:, STEP], np.cumsum(grown[:, MIDDLE])], 1)


def _added_strides(start: int, less: int) -> Table:
    def answer(layers):
        table = receptive_fields(layers)
        table[:, STEP] = start + np.cumsum([x[STRIDE] - less for x in layers])
        return table

    return answer


def _grown(column: int, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Table:
    """What one column is off by, added up over the layers: change(layers as (L, 4), steps before each)."""

    def answer(layers):
        table, numbers = receptive_fields(layers), np.array(layers, np.float64)
        steps = np.array([INPUT.stride_px, *table[:-1, STEP]])
        table[:, column] += np.cumsum(change(numbers, steps))
        return table

    return answer


def _from_middle(sign: int) -> Table:
    """First or last pixel of the field in place of its middle."""

    def answer(layers):
        table = receptive_fields(layers)
        table[:, MIDDLE] += sign * (table[:, SIZE] - 1) / 2
        return table

    return answer


def _moved(column: int, by: float) -> Table:
    return lambda layers: receptive_fields(layers) + by * np.eye(3)[column]


def _column(column: int, *twists: Table):
    """Seen where one column is wrong and that of a twisted answer in every case, whatever the others hold."""

    def seen(cases, expected, outcomes) -> bool:
        columns = _columns(column, expected, outcomes)
        return columns is not None and any(
            all(np.allclose(c, twist(*case)[:, column]) for c, case in zip(columns, cases, strict=True))
            for twist in twists
        )

    return seen


def _columns(column: int, expected, outcomes) -> list[np.ndarray] | None:
    """One column of every answer, if all have the right shape and some have it wrong."""
    found = [as_array(outcome.value) for outcome in outcomes]
    if any(f is None or f.shape != w.shape for f, w in zip(found, expected, strict=True)):
        return None
    columns = [f[:, column] for f in found]
    right = all(np.allclose(c, w[:, column]) for c, w in zip(columns, expected, strict=True))
    return None if right else columns


def _is_wrong(column: int):
    return lambda cases, expected, outcomes: _columns(column, expected, outcomes) is not None


def _other_order(cases, expected, outcomes) -> bool:
    """The right numbers, but columns exchanged or laid along the rows."""
    found = [as_array(outcome.value) for outcome in outcomes]
    for order in itertools.permutations(range(3)):
        for turn in (False, True):
            wanted = [w[:, list(order)].T if turn else w[:, list(order)] for w in expected]
            pairs = zip(found, wanted, strict=True)
            if all(f is not None and f.shape == w.shape and np.allclose(f, w) for f, w in pairs):
                return True
    return False


def _cases(rng: np.random.Generator):
    yield ([(3, 1, 1, 1), (3, 1, 1, 1)],)  # (3, 1, 0), (5, 1, 0)
    yield ([(3, 1, 0, 1), (2, 2, 0, 1), (3, 1, 0, 1)],)  # (3, 1, 1), (4, 2, 1.5), (8, 2, 3.5)
    yield ([(3, 1, 2, 2), (2, 2, 0, 1), (3, 2, 1, 3)],)  # (5, 1, 0), (6, 2, 0.5), (18, 4, 4.5)
    yield ([(x.kernel, x.stride, x.padding, x.dilation) for x in paper_stage_1(pool_kernel=2)],)
    yield ([(1, 1, 0, 1)],)
    for count in (1, 4, 6, 9):
        kernels = rng.integers(1, 12, count)
        numbers = zip(
            kernels,
            rng.integers(1, 4, count),
            rng.integers(0, kernels),
            rng.integers(1, 4, count),
            strict=True,
        )
        yield ([tuple(map(int, layer)) for layer in numbers],)


MISTAKES = (
    Mistake(
        "last-layer-only",
        "you return the last layer's three numbers only. Asked for is a row for every layer.",
        lambda layers: receptive_fields(layers)[-1],
    ),
    Mistake(
        "input-as-a-layer",
        "your first row is the input itself (1, 1, 0). The first row belongs to the first layer.",
        lambda layers: np.concatenate([[[1.0, 1.0, 0.0]], receptive_fields(layers)]),
    ),
    Mistake(
        "sizes-only",
        "you return one number a layer, the size. Asked for are three: size, step and middle.",
        lambda layers: receptive_fields(layers)[:, SIZE],
    ),
    Mistake(
        "other-order",
        "the numbers are right, but not where they belong: one row a layer, and in it size, step, middle.",
        seen=_other_order,
    ),
    Mistake(
        "backwards",
        "the layers are followed from the last to the first. The field is 1 pixel at the input and grows from there.",
        lambda layers: receptive_fields(layers[::-1]),
    ),
    Mistake(
        "strides-added",
        "the step is made by adding strides. Behind two poolings of stride 2 neighbouring cells are 4 pixels apart.",
        seen=_column(STEP, _added_strides(1, 0), _added_strides(1, 1), _added_strides(0, 0)),
    ),
    Mistake(
        "step-forgets",
        "the step of a layer is its own stride, as if no layer stood before it. Steps go on from layer to layer.",
        seen=_column(STEP, _own_stride),
    ),
    Mistake(
        "step-wrong",
        "the step, the second number, is wrong; size and middle hang on it. How many input pixels lie between two "
        "neighbouring cells of this layer's output?",
        seen=_is_wrong(STEP),
    ),
    Mistake(
        "step-ignored",
        "every kernel widens the size by the same amount, however far apart the cells are that it reads. Behind a "
        "stride of 2 it reaches twice as far.",
        seen=_column(SIZE, _read_as(STRIDE, lambda x: 1)),
    ),
    Mistake(
        "stride-first",
        "a layer's own stride already counts in its own size. The kernel reads cells of the layer's input; the "
        "stride only spreads its outputs. Do you change the step before the size?",
        seen=_column(SIZE, _stride_first),
    ),
    Mistake(
        "own-stride",
        "a kernel reaches by its own layer's stride. What counts is how far apart the cells are that it reads: the "
        "step after all layers before it.",
        seen=_column(SIZE, _own_stride),
    ),
    Mistake(
        "kernel-not-minus-one",
        "every layer widens the field by the whole kernel. A kernel of 3 on a field of 1 gives 3, not 4; a kernel of 1 "
        "widens nothing.",
        seen=_column(SIZE, _read_as(KERNEL, lambda x: x[KERNEL] + 1)),
    ),
    Mistake(
        "dilation-ignored",
        "dilation changes nothing in your sizes. With dilation 2 the taps of a kernel are 2 cells apart.",
        seen=_column(SIZE, _read_as(DILATION, lambda x: 1)),
    ),
    Mistake(
        "dilation-times-kernel",
        "a kernel of 3 with dilation 2 counts as 6 cells wide. Draw its three taps: from the first to the last it is 5.",
        seen=_column(SIZE, _kernel_times_dilation),
    ),
    Mistake(
        "dilation-as-gap",
        "dilation is taken as the number of cells between two taps. It is their distance: dilation 1 is the plain "
        "kernel.",
        seen=_column(SIZE, _read_as(DILATION, lambda x: x[DILATION] + 1)),
    ),
    Mistake(
        "padding-in-size",
        "padding changes your sizes. It moves the field, but the kernel stays as wide as it is.",
        seen=_column(
            SIZE,
            _grown(SIZE, lambda x, step: -2 * x[:, PADDING] * step),
            _grown(SIZE, lambda x, step: 2 * x[:, PADDING] * step),
            _grown(SIZE, lambda x, step: -x[:, PADDING] * step),
        ),
    ),
    Mistake(
        "size-starts-at-zero",
        "all sizes are 1 too small: a pixel of the input sees one pixel, itself. From where do you start?",
        seen=_column(SIZE, _moved(SIZE, -1)),
    ),
    Mistake(
        "size-wrong",
        "the steps are right, the sizes are not. By how many input pixels does this kernel reach farther, from its "
        "first tap to its last?",
        seen=_is_wrong(SIZE),
    ),
    Mistake(
        "padding-ignored",
        "the padding is missing in the middle. Padded cells stand before cell 0, so they move the field to the left.",
        seen=_column(MIDDLE, _read_as(PADDING, lambda x: 0)),
    ),
    Mistake(
        "padding-in-pixels",
        "the padding moves the middle by pixels. It counts cells of the layer's input, which are a step apart.",
        seen=_column(MIDDLE, _grown(MIDDLE, lambda x, step: x[:, PADDING] * (step - 1))),
    ),
    Mistake(
        "middle-in-cells",
        "every layer moves the middle as if the cells it reads were one pixel apart. How far apart are they?",
        seen=_column(MIDDLE, _read_as(STRIDE, lambda x: 1)),
    ),
    Mistake(
        "middle-stride-first",
        "sizes and steps are right, but the middle moves by the step behind the layer. The kernel reads cells of "
        "the layer's input: which step have those?",
        seen=_column(MIDDLE, _stride_first, _own_stride),
    ),
    Mistake(
        "middle-rounded",
        "the middle is rounded to a whole pixel. A kernel of 2 has its middle between two cells: keep the half.",
        seen=_column(
            MIDDLE, _grown(MIDDLE, lambda x, step: -(((x[:, KERNEL] - 1) * x[:, DILATION]) % 2) / 2 * step)
        ),
    ),
    Mistake(
        "middle-half-off",
        "the middle is off by half a cell or half a pixel. The middle of the first pixel is 0, and from the first tap "
        "of a kernel of 3 to its middle it is 1 cell, not 1.5.",
        seen=_column(
            MIDDLE,
            _grown(MIDDLE, lambda x, step: x[:, DILATION] / 2 * step),
            _grown(MIDDLE, lambda x, step: step / 2),
            _moved(MIDDLE, 0.5),
        ),
    ),
    Mistake(
        "middle-without-dilation",
        "the sizes know dilation, the middle does not: it lies halfway between the first tap and the last.",
        seen=_column(MIDDLE, _read_as(DILATION, lambda x: 1)),
    ),
    Mistake(
        "edge-not-middle",
        "the third number is an end of the field. Asked for is its middle.",
        seen=_column(MIDDLE, _from_middle(-1), _from_middle(1)),
    ),
    Mistake(
        "middle-wrong",
        "sizes and steps are right, the middles are not. For a layer alone: where does cell 0 put its first tap, "
        "where its last, and what lies halfway?",
        seen=_is_wrong(MIDDLE),
    ),
)

EXERCISES = (
    Exercise(
        id="ex08",
        assignment="A2",
        name="receptive_fields",
        title="Theoretical receptive fields",
        minutes=30,
        points=5,
        asks_for="your own receptive fields",
        forbids=(
            "cpm_edu.receptive_field.trace",
            "cpm_edu.receptive_field.rows",
            "cpm_edu.receptive_field.receptive_field",
            "cpm_edu.receptive_field.Field.through",
        ),
        cases=_cases,
        reference=receptive_fields,
        mistakes=MISTAKES,
        hints=(
            "What do you know before the first layer? One pixel sees itself: which size, step and middle are these?",
            "A kernel's first and last tap are (kernel - 1) x dilation cells of its input apart. How many pixels is "
            "that, if these cells are `step` pixels apart? Half of it is where the middle goes, less the padding.",
            "With reach = (kernel - 1) * dilation: the size grows by reach * step, the middle by (reach / 2 - padding) * "
            "step, and after both of them the step is multiplied by the stride.",
        ),
    ),
)
