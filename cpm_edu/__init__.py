"""Convolutional Pose Machines, taught from a joint to a belief map to a pose.

Source: Wei, Ramakrishna, Kanade and Sheikh, "Convolutional Pose Machines", CVPR 2016.
"""

__version__ = "0.1.0"
