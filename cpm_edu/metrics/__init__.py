"""Metrics of pose estimation; each as published, mmpose's variants under names of their own.

In order of reading: `pck` (PCK, AUC, EPE, NME), `benchmarks` (LSP, MPII, JHMDB), `mmpose_rules`, `oks`,
`coco` (AP and AR), `table`.
"""

from cpm_edu.metrics.benchmarks import (
    box_sizes,
    head_sizes_mpii,
    pck_jhmdb,
    pck_lsp,
    pckh_mpii,
    torso_sizes,
    tpck_jhmdb,
)
from cpm_edu.metrics.coco import COCO_STATS, COCOResult, PoseInstance, coco_ap, coco_results, instance_scores
from cpm_edu.metrics.mmpose_rules import (
    mmpose_auc,
    mmpose_epe,
    mmpose_heatmap_pck,
    mmpose_jhmdb_metrics,
    mmpose_lengths_after_call,
    mmpose_mpii_metrics,
    mmpose_nme,
    mmpose_pck,
)
from cpm_edu.metrics.oks import joint_similarities, oks, oks_matrix, oks_nms, soft_oks_nms
from cpm_edu.metrics.pck import (
    MPII_THRESHOLDS,
    PCKResult,
    auc,
    epe,
    nme,
    normalized_distances,
    pck,
    pck_curve,
)
from cpm_edu.metrics.table import Table

__all__ = [
    "COCO_STATS", "MPII_THRESHOLDS", "COCOResult", "PCKResult", "PoseInstance", "Table", "auc", "box_sizes",
    "coco_ap", "coco_results", "epe", "head_sizes_mpii", "instance_scores", "joint_similarities", "mmpose_auc", "mmpose_epe",
    "mmpose_heatmap_pck", "mmpose_jhmdb_metrics", "mmpose_lengths_after_call", "mmpose_mpii_metrics",
    "mmpose_nme", "mmpose_pck", "nme", "normalized_distances", "oks", "oks_matrix", "oks_nms", "pck",
    "pck_curve", "pck_jhmdb", "pck_lsp", "pckh_mpii", "soft_oks_nms", "torso_sizes", "tpck_jhmdb",
]  # fmt: skip
