"""Compiled ops, a lab for kernels, and a microscope.

The ops, in reading order: `ops` (what torch calls, and which backend does it), `libraries` (the C++ and CUDA
libraries), `build`, `ninja`, `cache`, `toolchain` (how anything is compiled and kept), `bench`, `bench_contests`,
`bench_peers` (how fast).

The lab: `lab` (launch any kernel), `signature`, `source_text`, `compile_errors` (reading kernels), `emulated`,
`guarded` (on the CPU, over csrc/emulator), `nvrtc`, `cuda_driver` (on a GPU). The microscope: `microscope`, `trace`,
`source_lines` (what each thread touched), `faults` (what can be wrong, and what to do about it).
"""
