#!/usr/bin/env bash
# CPM.lite and CPM.paper trained on LSP + LSPET, from scratch, in 20 minutes of one H100-class GPU:
#
#   python tests/gpu/pack_people.py        where the data are: writes build/people.zip (50 MiB at most)
#   tests/gpu/train_people.sh              where the GPU is: works for 9 minutes, then stops and saves
#   tests/gpu/train_people.sh              ... again until it says that all is done
#   tests/gpu/train_people.sh --dry-run    say what would run and what is missing; needs no GPU
#
# Runs and data unpacked live in build/train_people: keep that folder from one piece to the next. What to take home
# lies in $OUT (build/train_people/out unless set): people.md (a section for docs/gpu_runs.md, with lines for the
# model card), people.png (curves), people.csv, and the best weights as float16, in parts of 15 MiB.
# Needs Python with CUDA torch (>= 2.11), numpy, pillow, matplotlib, safetensors and tqdm; no internet. PYTHON names
# another interpreter. Exit: 0 all done, 3 run it again, 1 failed, 2 no GPU or no data.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export TQDM_MININTERVAL=15 # seconds: the output may land in a log
python=${PYTHON:-python3}
if ! "$python" -c "import torch" 2>/dev/null; then
  echo "tests/gpu/train_people.sh: there is no torch for $python; name another interpreter by PYTHON" >&2
  exit 2
fi
exec "$python" tests/gpu/train_people.py "$@"
