"""Convolutional Pose Machines: the paper's, OpenMMLab's and a lite one."""

from .cpm import CPM

__all__ = ["CPM"]
