"""How launchers.cu launches: grids at real sizes (nothing runs), limits, and refusals in words."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass

import pytest
import torch
from emulated_device import Decoder, Gaussians, as_maps

from cpm_edu.decoding_reference import gaussian_taps
from cpm_edu.targets import gaussian_targets_reference

pytest_plugins = ("emulated_fixtures",)

H100_MULTIPROCESSORS = 132


@dataclass
class Shape:
    """Stands for a tensor that is too large to make: a dry launch looks at nothing but this."""

    shape: tuple[int, ...]
    strides: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def data_ptr(self) -> int:
        return 4096

    def stride(self) -> tuple[int, ...]:
        if self.strides:
            return self.strides
        return tuple(math.prod(self.shape[i + 1 :]) for i in range(len(self.shape)))


@pytest.fixture
def dry(emulated):
    """The device, which chooses and launches nothing."""
    emulated.dry = True
    yield emulated
    emulated.dry = False


def draw_dry(device, N, J, size, background=False, dtype=torch.float32):
    g = Gaussians(4096, 4096, N, J, *size, 2.0, math.inf, background)
    device._call(
        "cpm_cuda_gaussian_targets", ctypes.byref(g), ctypes.c_void_p(4096), int(dtype == torch.bfloat16)
    )
    return device.launched


@pytest.mark.parametrize("size", [(64, 48), (46, 46)])
def test_targets_of_a_large_batch_are_a_block_a_map(dry, size):
    (launch,) = draw_dry(dry, 512, 17, size)
    assert (launch.kernel, launch.grid, launch.block) == ("gaussian_targets_v3_f32", (512 * 17, 1, 1), 128)


def test_targets_of_one_large_map_fill_the_device(dry):
    (launch,) = draw_dry(dry, 1, 1, (1024, 1024))
    blocks = launch.grid[0] * launch.grid[1]
    assert blocks >= 2 * H100_MULTIPROCESSORS
    (launch,) = draw_dry(dry, 16, 1, (368, 368))
    assert launch.grid[0] * launch.grid[1] >= 2 * H100_MULTIPROCESSORS


def test_slices_cover_every_row_once(dry):
    for H, W in ((1, 1), (7, 5), (1000, 3), (70_000, 1), (368, 368), (65_537, 64)):
        (launch,) = draw_dry(dry, 1, 1, (H, W))
        rows = launch.shared // 4 - W
        assert (launch.grid[1] - 1) * rows < H <= launch.grid[1] * rows, (H, W, launch)


def decode_dry(device, maps, mirrored=None):
    device.decode(maps, "quarter", (), mirrored, range(maps.shape[1]) if mirrored else None)
    return device.launched[0]


def test_decoding_chooses_by_layout(dry):
    N, J, H, W = shape = (512, 17, 64, 48)
    assert decode_dry(dry, Shape(shape)) == ("decode_v3_f32", (N * J // 4, 1, 1), 128, 0)
    first_of_18 = Shape(shape, (18 * H * W, H * W, W, 1))
    assert decode_dry(dry, first_of_18).kernel == "decode_v3_f32"
    last = Shape(shape, (H * W * J, 1, W * J, J))
    assert decode_dry(dry, last) == ("decode_channels_last_f32", (N, 1, 1), 256, 0)
    transposed = Shape(shape, (J * H * W, H * W, 1, H))
    assert decode_dry(dry, transposed) == ("decode_v2_f32", (N * J, 1, 1), 256, 0)
    assert decode_dry(dry, Shape(shape), Shape(shape)).kernel == "merge_decode_v3_f32"
    assert decode_dry(dry, last, last).kernel == "merge_decode_channels_last_f32"
    assert decode_dry(dry, last, Shape(shape)).kernel == "merge_decode_v2_f32"
    half = Shape(shape, dtype=torch.bfloat16)
    assert decode_dry(dry, half).kernel == "decode_v3_bf16"


def test_few_large_maps_get_a_block_each(dry):
    assert decode_dry(dry, Shape((1, 14, 368, 368))).kernel == "decode_v2_f32"
    assert decode_dry(dry, Shape((512, 14, 368, 368))).kernel == "decode_v3_f32"


def test_strides_of_extents_of_one_do_not_matter(dry):
    assert decode_dry(dry, Shape((2, 3, 1, 5), (15, 5, 999, 1))).kernel == "decode_v3_f32"
    assert decode_dry(dry, Shape((2, 3, 5, 1), (15, 5, 1, 999))).kernel == "decode_v3_f32"
    assert decode_dry(dry, Shape((2, 3, 1, 1), (3, 1, 7, 9))).kernel == "decode_v3_f32"


def loss_grid(device, T, N, C, size):
    device.stage_loss(
        Shape((T, N, C, *size)), torch.ones(N, C), 1.0, targets=Shape((N, C, *size)), with_gradient=False
    )
    return device.launched[0].grid


def test_stages_of_a_map_share_a_block_where_there_are_maps_enough(dry):
    assert loss_grid(dry, 6, 512, 18, (46, 46)) == (512 * 18, 1, 1)
    assert loss_grid(dry, 6, 1, 15, (46, 46)) == (15, 6, 1), "one person: the stages side by side"


@pytest.mark.parametrize(
    ("N", "J", "size", "reason"),
    [
        (1, 1, (2**16, 2**15), "2\\^30 cells"),
        (2**31, 1, (1, 1), "2\\^31 - 1 maps"),
        (2**30, 2, (1, 1), "2\\^31 - 1 maps"),
    ],
)
def test_what_is_too_large_is_refused_by_name(dry, N, J, size, reason):
    with pytest.raises(RuntimeError, match=reason):
        draw_dry(dry, N, J, size)
    maps = Shape((N, J, *size))
    view = as_maps(maps)
    decoder = Decoder(0, None, 0)
    with pytest.raises(RuntimeError, match=reason):
        dry._call("cpm_cuda_decode", ctypes.byref(view), None, ctypes.byref(decoder), None, None)


def test_most_maps_that_a_grid_can_hold(dry):
    (launch,) = draw_dry(dry, 2**31 - 1, 1, (1, 1))
    assert launch.grid == (2**31 - 1, 1, 1)


def test_shared_memory_beyond_48_kib_is_asked_for(emulated):
    J, size = 40, (200, 160)  # the background needs the factors of all joints: 57,600 bytes
    centers = torch.rand(1, J, 2) * 160
    target = gaussian_targets_reference(centers, size, 2.0, background=True)
    maps = torch.rand(1, 1, J + 1, *size)
    losses, _ = emulated.stage_loss(
        maps, torch.ones(1, J + 1), 1e-3, centers=centers, drawn=torch.ones(1, J), sigma=2.0, background=True
    )
    assert emulated.launched[0].shared == 4 * J * 360
    expected = 1e-3 * (maps[0] - target).square().sum()
    torch.testing.assert_close(losses[0], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(RuntimeError, match="shared memory"):
        emulated.stage_loss(
            torch.rand(1, 1, 201, 200, 200), torch.ones(1, 201), 1.0, centers=torch.rand(1, 200, 2),
            drawn=torch.ones(1, 200), background=True,
        )  # fmt: skip


def test_too_many_taps_are_refused(emulated):
    with pytest.raises(RuntimeError, match="shared memory"):
        emulated.decode(torch.rand(1, 1, 5, 6), "dark", gaussian_taps(11) * 2000)


def test_dark_without_taps_and_mixed_types_are_refused(emulated):
    with pytest.raises(RuntimeError, match="DARK without taps"):
        emulated.decode(torch.rand(1, 1, 5, 6), "dark")
    maps = torch.rand(1, 1, 5, 6)
    with pytest.raises(RuntimeError, match="another type"):
        emulated.decode(maps, "argmax", (), maps.bfloat16(), [0])
    with pytest.raises(RuntimeError, match="without cells"):
        emulated.decode(torch.rand(1, 1, 0, 6), "argmax")
