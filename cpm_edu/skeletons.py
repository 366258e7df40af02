"""Skeletons: which joints a data set labels, how they are linked, and what a mirror swaps.

`Skeleton` is the only place from which the number of joints J comes. Left and right are the
person's own, never the image's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["COCO", "JHMDB", "LSP", "MPII", "SKELETONS", "Skeleton"]


@dataclass(frozen=True)
class Skeleton:
    """Names and structure of the J joints of one labelling scheme.

    Args:
        name: short name, as in `SKELETONS`.
        joints: the J joint names in file order.
        limbs: pairs of joint indices to draw as bones.
        upper_body: joint indices that a half-body crop may keep as the upper half.
        lower_body: the same for the lower half.
        oks_sigmas: J per-joint standard deviations of OKS, or None where nobody published them.
        torso: (left shoulder, right hip), the two joints whose distance normalises PCK; or None.

    Raises:
        ValueError: an index outside 0..J-1, a repeated joint name, or a wrong number of sigmas.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...] = ()
    upper_body: tuple[int, ...] = ()
    lower_body: tuple[int, ...] = ()
    oks_sigmas: tuple[float, ...] | None = None
    torso: tuple[int, int] | None = None
    flip_pairs: tuple[tuple[int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name!r} names a joint twice: {self.joints}")
        used = [i for limb in self.limbs for i in limb]
        used += [*self.upper_body, *self.lower_body, *(self.torso or ())]
        if any(not 0 <= i < self.num_joints for i in used):
            raise ValueError(
                f"skeleton {self.name!r} has {self.num_joints} joints; an index lies outside them"
            )
        if self.oks_sigmas is not None and len(self.oks_sigmas) != self.num_joints:
            raise ValueError(
                f"skeleton {self.name!r}: {len(self.oks_sigmas)} OKS sigmas for {self.num_joints} joints"
            )
        object.__setattr__(self, "flip_pairs", _pairs_by_name(self.joints))

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def flip_permutation(self) -> tuple[int, ...]:
        """J indices: entry j is the joint that takes the place of joint j in a mirrored image."""
        permutation = list(range(self.num_joints))
        for left, right in self.flip_pairs:
            permutation[left], permutation[right] = right, left
        return tuple(permutation)

    @property
    def without_partner(self) -> tuple[int, ...]:
        """Joints whose names tell a side, but whose partner is missing: a mirror would not move them."""
        paired = {i for pair in self.flip_pairs for i in pair}
        return tuple(
            i for i, name in enumerate(self.joints)
            if i not in paired and {"left", "right", "l", "r"} & set(_words(name))
        )  # fmt: skip

    def index(self, joint: str) -> int:
        """Index of a joint by name; raises ValueError that lists the names."""
        if joint not in self.joints:
            raise ValueError(
                f"skeleton {self.name!r} has no joint {joint!r}; it has {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    def require_same(self, other: Skeleton, what: str) -> None:
        """Raise ValueError, naming both joint lists, unless `other` labels the same joints in the same order."""
        if self.joints != other.joints:
            raise ValueError(
                f"{what}: the joints differ.\n"
                f"  {self.name} has {self.num_joints}: {', '.join(self.joints)}\n"
                f"  {other.name} has {other.num_joints}: {', '.join(other.joints)}"
            )


def _pairs_by_name(joints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """(left, right) index pairs of names that differ only in their side, however that is spelled.

    left_hip, LeftHip, hip-left, "left hip", l_hip, hip_L, LHip pair with their right; upper and lower case
    are the same. Letters stuck to a word (lhip, paw_fl) count where the partner exists. Where two joints of
    one side fit, none is taken.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for i, name in enumerate(joints):
        places.setdefault(_words(name), []).append(i)
    pairs, taken = [], set()
    for i, name in enumerate(joints):
        words = _words(name)
        for mirrored in _mirrored_words(words):
            partners = places.get(mirrored, [])
            if len(partners) == len(places[words]) == 1 and not {i, *partners} & taken:
                pairs.append((i, partners[0]))
                taken |= {i, *partners}
                break
    return tuple(pairs)


def _words(name: str) -> tuple[str, ...]:
    """Lower-case words of a name: "LeftUpperArm", "left_upper-arm" -> left, upper, arm."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", name)
    return tuple(part.lower() for part in parts)


def _mirrored_words(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What the right partner of a left joint may be called, surest first; [] of a joint that is not left."""
    found = []
    for left, right in (("left", "right"), ("l", "r")):
        found += [(*words[:k], right, *words[k + 1 :]) for k, word in enumerate(words) if word == left]
    for left, right in (("left", "right"), ("l", "r")):
        for k, word in enumerate(words):
            if len(word) > len(left):
                if word.startswith(left):
                    found.append((*words[:k], right + word[len(left) :], *words[k + 1 :]))
                if word.endswith(left):
                    found.append((*words[:k], word[: -len(left)] + right, *words[k + 1 :]))
    return found


# Joint order, limbs and OKS sigmas of COCO: cocodataset.org, "Keypoint Evaluation".
COCO = Skeleton(
    name="coco",
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    limbs=(
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8),
        (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
    upper_body=tuple(range(11)),
    lower_body=tuple(range(11, 17)),
    oks_sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062,
        0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
    ),
    torso=(5, 12),
)  # fmt: skip

# Joint order of MPII Human Pose: human-pose.mpi-inf.mpg.de. MPII is scored by PCKh; the sigmas are mmpose's.
MPII = Skeleton(
    name="mpii",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder",
        "left_elbow", "left_wrist",
    ),
    limbs=(
        (0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (8, 12), (12, 11),
        (11, 10), (8, 13), (13, 14), (14, 15),
    ),
    upper_body=tuple(range(7, 16)),
    lower_body=tuple(range(7)),
    oks_sigmas=(
        0.089, 0.083, 0.107, 0.107, 0.083, 0.089, 0.026, 0.026, 0.026, 0.026, 0.062, 0.072,
        0.179, 0.179, 0.072, 0.062,
    ),
    torso=(13, 2),
)  # fmt: skip

# Joint order of JHMDB's joint_positions.mat; the sigmas are mmpose's.
JHMDB = Skeleton(
    name="jhmdb",
    joints=(
        "neck", "belly", "head", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow",
        "left_elbow", "right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle",
    ),
    limbs=(
        (13, 9), (9, 5), (5, 1), (1, 6), (6, 10), (10, 14), (1, 0), (0, 2), (0, 3), (3, 7), (7, 11),
        (0, 4), (4, 8), (8, 12),
    ),
    upper_body=(0, 1, 2, 3, 4, 7, 8, 11, 12),
    lower_body=(5, 6, 9, 10, 13, 14),
    oks_sigmas=(
        0.025, 0.107, 0.025, 0.079, 0.079, 0.107, 0.107, 0.072, 0.072, 0.087, 0.087, 0.062, 0.062,
        0.089, 0.089,
    ),
    torso=(4, 5),
)  # fmt: skip

# Joint order of Leeds Sports Pose: Johnson and Everingham, BMVC 2010. No OKS sigmas were ever published.
LSP = Skeleton(
    name="lsp",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
        "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
    ),
    limbs=(
        (0, 1), (1, 2), (3, 4), (4, 5), (2, 3), (6, 7), (7, 8), (9, 10), (10, 11), (8, 12), (9, 12),
        (12, 13), (8, 2), (9, 3),
    ),
    upper_body=(6, 7, 8, 9, 10, 11, 12, 13),
    lower_body=(0, 1, 2, 3, 4, 5),
    torso=(9, 2),
)  # fmt: skip

SKELETONS: dict[str, Skeleton] = {s.name: s for s in (COCO, MPII, JHMDB, LSP)}
