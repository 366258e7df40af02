#!/usr/bin/env bash
# Everything that needs a GPU, in one command of at most 8 minutes:
#
#   tests/gpu/run.sh             run; the report goes to $OUT/gpu_run.md (OUT: build/gpu_run unless set) and the screen
#   tests/gpu/run.sh --append    also put the report at the end of docs/gpu_runs.md
#   tests/gpu/run.sh --dry-run   say what would run and which tools are missing; needs no GPU
#
# Needs Python with CUDA torch (>= 2.11), pytest and ninja, nvcc and a C++ compiler; no internet. PYTHON names
# another interpreter. Exit: 0 all passed, 1 something failed, 2 no GPU or no CUDA torch.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" tests/gpu/gpu_run.py "$@"
