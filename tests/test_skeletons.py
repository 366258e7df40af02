"""Skeletons: left and right, joint lists, and what a wrong definition is told."""

import pytest

from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII, SKELETONS, Skeleton

every_skeleton = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)


def test_numbers_by_hand():
    assert [s.num_joints for s in (COCO, MPII, JHMDB, LSP)] == [17, 16, 15, 14]
    assert list(SKELETONS) == ["coco", "mpii", "jhmdb", "lsp"]
    assert COCO.flip_permutation[:5] == (0, 2, 1, 4, 3)
    # LSP counts up one side and down the other; neck and head top stay
    assert LSP.flip_permutation == (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13)
    assert (3, 2) in LSP.flip_pairs, "a pair is (left, right)"
    assert LSP.index("head_top") == 13


@every_skeleton
def test_mirroring_twice_gives_every_joint_back(skeleton):
    order = skeleton.flip_permutation
    assert [order[j] for j in order] == list(range(skeleton.num_joints))


@every_skeleton
def test_a_mirror_swaps_left_and_right_and_nothing_else(skeleton):
    for name, partner in zip(
        skeleton.joints, (skeleton.joints[j] for j in skeleton.flip_permutation), strict=True
    ):
        swapped = {"left": "right", "right": "left"}
        expected = "_".join(swapped.get(part, part) for part in name.split("_"))
        assert partner == expected
    left_or_right = [n for n in skeleton.joints if "left" in n or "right" in n]
    assert len(skeleton.flip_pairs) == len(left_or_right) / 2


@every_skeleton
def test_limbs_form_one_body(skeleton):
    reached = {skeleton.limbs[0][0]}
    for _ in skeleton.limbs:
        reached |= {j for limb in skeleton.limbs if reached & set(limb) for j in limb}
    assert reached == set(range(skeleton.num_joints))
    assert len({frozenset(limb) for limb in skeleton.limbs}) == len(skeleton.limbs), "no limb twice"


@every_skeleton
def test_limbs_look_the_same_in_a_mirror(skeleton):
    order = skeleton.flip_permutation
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    assert {frozenset(order[j] for j in limb) for limb in limbs} == limbs


@every_skeleton
def test_halves_and_torso(skeleton):
    upper, lower = set(skeleton.upper_body), set(skeleton.lower_body)
    assert not upper & lower
    assert upper | lower == set(range(skeleton.num_joints))
    left_shoulder, right_hip = skeleton.torso
    assert skeleton.joints[left_shoulder] == "left_shoulder"
    assert skeleton.joints[right_hip] == "right_hip"


@every_skeleton
def test_both_sides_are_equally_hard(skeleton):
    if skeleton.oks_sigmas is None:
        assert skeleton.name == "lsp", "nobody published OKS sigmas for LSP"
        return
    for left, right in skeleton.flip_pairs:
        assert skeleton.oks_sigmas[left] == skeleton.oks_sigmas[right]


# ---- names in all spellings


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_hip", "right_hip"), ("hip_left", "hip_right"), ("LeftHip", "RightHip"), ("hipLeft", "hipRight"),
        ("left hip", "right hip"), ("Left Hip", "Right Hip"), ("LEFT_HIP", "RIGHT_HIP"), ("left-hip", "right-hip"),
        ("l_hip", "r_hip"), ("L_Hip", "R_Hip"), ("hip_l", "hip_r"), ("hip.L", "hip.R"), ("LHip", "RHip"), ("lHip", "rHip"),
        ("hip (left)", "hip (right)"), ("L_F_Paw", "R_F_Paw"), ("leftHip2", "rightHip2"), ("upper_left_arm", "upper_right_arm"),
        ("lefthip", "righthip"), ("hipleft", "hipright"), ("lhip", "rhip"), ("paw_fl", "paw_fr"),
        ("Left_hip", "right_hip"),
    ],
)  # fmt: skip
def test_pairs_in_every_spelling(left, right):
    """The pair is (left, right), whatever comes first in the file; the others stay alone."""
    skeleton = Skeleton(name="x", joints=(right, "nose", left, "tail"))
    assert skeleton.flip_pairs == ((2, 0),)
    assert skeleton.flip_permutation == (2, 1, 0, 3)
    assert skeleton.without_partner == ()


def test_names_that_are_no_pair():
    alone = ("nose", "heel", "tail", "leg", "lip", "ear", "collar", "light", "bright_spot", "elbow")
    skeleton = Skeleton(name="x", joints=alone)
    assert skeleton.flip_pairs == ()
    assert skeleton.without_partner == ()


def test_joints_without_their_partner_are_known():
    joints = ("left_eye", "right_eye", "left_ear", "R_hand", "LFoot", "wrist right", "nose", "right_ears")
    skeleton = Skeleton(name="x", joints=joints)
    assert skeleton.flip_pairs == ((0, 1),)
    assert [joints[j] for j in skeleton.without_partner] == [
        "left_ear", "R_hand", "LFoot", "wrist right", "right_ears",
    ]  # fmt: skip


def test_two_candidates_are_no_pair():
    """Which of the two is meant nobody can know: both stay, and are told."""
    skeleton = Skeleton(name="x", joints=("left_eye", "right_eye", "Right Eye", "l_hip", "r_hip"))
    assert skeleton.flip_pairs == ((3, 4),)
    assert skeleton.without_partner == (0, 1, 2)
    skeleton = Skeleton(name="x", joints=("left_eye", "Left Eye", "right_eye"))
    assert skeleton.flip_pairs == ()
    assert skeleton.without_partner == (0, 1, 2)


def test_different_spellings_are_no_pair():
    skeleton = Skeleton(name="x", joints=("left_eye", "r_eye", "hip_left", "right_hip"))
    assert skeleton.flip_pairs == ()
    assert skeleton.without_partner == (0, 1, 2, 3)


def test_require_same_names_both_lists():
    COCO.require_same(COCO, "checkpoint")
    with pytest.raises(ValueError, match=r"(?s)checkpoint: .*coco has 17: nose.*lsp has 14: right_ankle"):
        COCO.require_same(LSP, "checkpoint")


def test_same_joints_in_another_order_are_not_the_same():
    turned = Skeleton(name="lsp", joints=LSP.joints[::-1])
    with pytest.raises(ValueError, match="differ"):
        LSP.require_same(turned, "data")


def test_a_skeleton_of_nothing():
    empty = Skeleton(name="empty", joints=())
    assert empty.num_joints == 0
    assert empty.flip_permutation == ()


def test_wrong_definitions_are_refused():
    with pytest.raises(ValueError, match="twice"):
        Skeleton(name="x", joints=("a", "a"))
    for field in ({"limbs": ((0, 2),)}, {"upper_body": (2,)}, {"lower_body": (-1,)}, {"torso": (0, 5)}):
        with pytest.raises(ValueError, match="outside"):
            Skeleton(name="x", joints=("a", "b"), **field)
    with pytest.raises(ValueError, match="1 OKS sigmas for 2 joints"):
        Skeleton(name="x", joints=("a", "b"), oks_sigmas=(0.1,))
    with pytest.raises(ValueError, match="no joint 'tail'; it has right_ankle"):
        LSP.index("tail")
