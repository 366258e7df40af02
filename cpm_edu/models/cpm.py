"""What every Convolutional Pose Machine shares: stages in, stacked belief maps out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..coords import Convention
from ..skeletons import Skeleton

__all__ = ["CPM"]


class CPM(nn.Module):
    """A pose machine: T stages, each of which sees the image and, from stage 2 on, the previous beliefs.

    Make one by `CPM.paper`, `CPM.mmpose` or `CPM.lite`. A subclass sets the attributes below and
    implements `stages`.

    Attributes:
        kind: "paper", "mmpose" or "lite".
        skeleton: the J joints; C = J + 1 maps where `has_background`, else C = J.
        num_stages: T.
        stride: input pixels per map cell.
        input_size: (height, width) in pixels the model was made for; other sizes run too.
        uses_center_map: whether `forward` needs center maps.
        convention: how map cells and input pixels correspond, see `cpm_edu.coords`.
        flip_shift: whether the maps of a mirrored image must move by one cell before averaging.
    """

    kind: str
    stride: int = 8
    has_background: bool = True
    uses_center_map: bool = True
    convention: Convention = "center"
    flip_shift: bool = False

    def __init__(self, skeleton: Skeleton, *, num_stages: int, input_size: tuple[int, int]) -> None:
        super().__init__()
        if num_stages < 1:
            raise ValueError(f"a pose machine needs at least one stage, not {num_stages}")
        self.skeleton = skeleton
        self.num_stages = num_stages
        self.input_size = (int(input_size[0]), int(input_size[1]))

    @staticmethod
    def paper(skeleton: Skeleton, **options) -> CPM:
        """The network of the paper's release; options: see `PaperCPM`."""
        from .paper import PaperCPM

        return PaperCPM(skeleton, **options)

    @staticmethod
    def mmpose(skeleton: Skeleton, **options) -> CPM:
        """OpenMMLab's variant, whose published checkpoints load; options: see `MmposeCPM`."""
        from .mmpose import MmposeCPM

        return MmposeCPM(skeleton, **options)

    @staticmethod
    def lite(skeleton: Skeleton, **options) -> CPM:
        """The student's model: trains on a laptop; options: see `LiteCPM`."""
        from .lite import LiteCPM

        return LiteCPM(skeleton, **options)

    @property
    def num_maps(self) -> int:
        """C, the maps of every stage."""
        return self.skeleton.num_joints + int(self.has_background)

    def config(self) -> dict:
        """The constructor's options as JSON-able values, without the skeleton."""
        return {"num_stages": self.num_stages, "input_size": list(self.input_size)}

    def preprocess(self, images: Tensor) -> Tensor:
        """RGB images (N, 3, H_in, W_in) with values 0..255 -> float32 input of the network."""
        raise NotImplementedError

    def stages(self, images: Tensor, center_maps: Tensor | None) -> list[Tensor]:
        """T tensors (N, C, H, W), first stage first."""
        raise NotImplementedError

    def forward(self, images: Tensor, center_maps: Tensor | None = None) -> Tensor:
        """Belief maps of every stage.

        Args:
            images: (N, 3, H_in, W_in) as `preprocess` returns them.
            center_maps: (N, 1, H_in, W_in), see `cpm_edu.targets.center_map`; not needed by every kind.

        Returns:
            (T, N, C, H, W), C = J joints and, where the model has one, the background as the last.

        Raises:
            ValueError: shapes that do not fit, or a missing center map.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must be (N, 3, H_in, W_in), not {tuple(images.shape)}")
        if self.uses_center_map:
            expected = (images.shape[0], 1, *images.shape[2:])
            if center_maps is None:
                raise ValueError(
                    f"a {self.kind} CPM needs center maps {expected}: cpm_edu.targets.center_map"
                )
            if tuple(center_maps.shape) != expected:
                raise ValueError(f"center maps must be {expected}, not {tuple(center_maps.shape)}")
        return torch.stack(self.stages(images, center_maps))

    def joint_maps(self, belief_maps: Tensor) -> Tensor:
        """(..., C, H, W) -> (..., J, H, W): without the background."""
        return belief_maps[..., : self.skeleton.num_joints, :, :]

    def belief_slices(self) -> dict[str, slice]:
        """Per refinement stage: the weight that reads the previous beliefs, and which input channels they are."""
        raise NotImplementedError

    def output_parameters(self) -> list[str]:
        """Names of the parameters whose size depends on the number of maps on their output side."""
        raise NotImplementedError
