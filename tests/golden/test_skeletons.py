"""Joint names, flips, body halves and OKS sigmas against mmpose's data set definitions."""

import json

import pytest

from cpm_edu.skeletons import SKELETONS


@pytest.mark.golden("dataset_meta*.json")
def test_definitions(golden_file):
    for name, meta in json.loads(golden_file.read_text()).items():
        skeleton = SKELETONS[name]
        assert list(skeleton.joints) == meta["names"]
        assert list(skeleton.flip_permutation) == meta["flip_indices"]
        assert {frozenset(pair) for pair in skeleton.flip_pairs} == {
            frozenset(pair) for pair in meta["flip_pairs"]
        }
        assert sorted(skeleton.upper_body) == sorted(meta["upper_body_ids"])
        assert sorted(skeleton.lower_body) == sorted(meta["lower_body_ids"])
        assert list(skeleton.oks_sigmas) == pytest.approx(meta["sigmas"], abs=1e-6)
        assert {frozenset(limb) for limb in skeleton.limbs} == {frozenset(limb) for limb in meta["skeleton"]}
