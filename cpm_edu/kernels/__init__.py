"""Compiled ops: how they are built, how they are called, and a lab and a microscope for kernels."""
