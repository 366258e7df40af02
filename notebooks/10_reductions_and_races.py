# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Reductions and races: threads that need each other
#
# In notebook 09 every thread minded its own cell. Two things that a pose machine needs cannot be done so: the *loss*
# adds up the errors of all cells, and *decoding* looks for the largest of all. Many numbers become one: that is a
# **reduction**, and its threads must wait for each other at the right moments. Where they do not, the answer is
# sometimes right, which is worse than always wrong.
#
# **Afterwards you can** write a sum that 256 threads compute together, say where it needs a barrier, find a race
# with the microscope, sum within a warp by shuffles, and judge with a roofline whether a kernel can get faster.
#
# **Time:** 45 minutes: 20 to the first stop point, 10 to the second, 15 to the end. **Needs:** `cpm_edu` and a C++
# compiler, no GPU. **Before:** notebook 09 (blocks, warps, lanes, the guard, sectors).

# %%
import time

import torch
from matplotlib.figure import Figure

from cpm_edu.course import hinge, predict_first
from cpm_edu.datasets.synthetic import synthetic_scene
from cpm_edu.decoding import decode_argmax
from cpm_edu.figures.interactive.microscope import microscope
from cpm_edu.figures.interactive.microscope_view import LaunchView
from cpm_edu.figures.interactive.specimens import Specimen
from cpm_edu.figures.microscope import draw_timeline
from cpm_edu.figures.reductions import roofline_figure, tree_figure
from cpm_edu.figures.start_here import show
from cpm_edu.inference import crop_beliefs
from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.toolchain import GET_COMPILER, find_compiler
from cpm_edu.losses import stage_loss
from cpm_edu.metrics import Table
from cpm_edu.targets import gaussian_targets
from cpm_edu.weights import load_lite

if find_compiler() is None:
    print(f"This notebook compiles kernels, and there is no C++ compiler here: {GET_COMPILER}.")

# %% [markdown]
# ## 1 · Eight numbers, three steps
#
# **By hand.** Add 3, 1, 7, 0, 4, 1, 6, 3. Alone you need 7 additions, one after the other. Four people need three steps:
# first each adds the number four places on, then two of them the one two places on, then one the next. That is a
# **tree**: 3 steps for 8 numbers, 8 steps for 256, log₂ n for n.

# %%
show(
    tree_figure([3, 1, 7, 0, 4, 1, 6, 3]),
    alt="Eight lanes hold 3 1 7 0 4 1 6 3. After the step of distance 4 the first four hold 7 2 13 3, after distance 2 "
    "the first two hold 20 and 5, after distance 1 lane 0 holds 25. The other lanes' numbers no longer matter.",
)

# %% [markdown]
# Coloured lanes still matter; nobody reads the white ones again (in section 5 they add something all the same). An arrow
# is a number that one thread takes from another, and every arrow is a question: **is it ready when it is taken?**
#
# ## 2 · The lost update
#
# Why so complicated? Let every thread add its number to the result: `out[0] += x[t];` With 64 ones this should give 64.

# %%
naive = Kernel(r"""
extern "C" __global__ void sum(const float* x, float* out) {
  out[0] += x[threadIdx.x];
}""")


def by_order(kernel, threads):
    """The sum of ones as the kernel has it, with the threads run in three orders."""
    sums = {}
    for order in ("forward", "reverse", "random"):
        out = torch.zeros(1)
        kernel.launch(1, threads, 0, torch.ones(threads), out, order=order)
        sums[order] = out.item()
    return sums


print("64 ones:", by_order(naive, 64))
print(naive.trace(1, 64, 0, torch.ones(64), torch.zeros(1)).faults[0])

# %% [markdown]
# 64, in any order of the threads. And yet the microscope objects. `+=` is three things: read, add, write. The emulator
# lets a thread finish all three before the next begins. The 32 lanes of a real warp read *together*: all of them see
# 0, all of them write 1.
#
# **A right answer is no proof.** That is why the microscope does not look at answers but at rules: two threads touch
# one cell, at least one of them writes, and nothing says who is first. That is a **race**.
#
# `atomicAdd(out, x[t])` cures it: read, add and write become one thing. But then 64 threads stand in one queue.
#
# ## 3 · A tree in shared memory
#
# Better: build the tree. The numbers go into *shared memory*, a small fast memory that the threads of one block share:
# `__shared__ float s[256];` makes room for 256. `__syncthreads()` is a *barrier*: no thread of the block goes on before
# all have come. The emulator runs one thread up to the next barrier (or its end), then another. Here is a first try.

# %%
TREE = r"""
extern "C" __global__ void sum(const float* x, float* out) {
  __shared__ float s[256];
  int t = threadIdx.x;
  s[t] = x[t];
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2)
    if (t < half) s[t] += s[t + half];
  if (t == 0) out[0] = s[0];
}"""
answers = by_order(Kernel(TREE), 64)

# %%
predict_first(
    "10-race",
    "The kernel adds 64 ones as a tree. We run its threads in order, backwards, and at random. In how many of the three "
    "runs is the sum 64?",
    choices=[0, 1, 2, 3],
    answer=lambda: sum(value == 64 for value in answers.values()),
    show=lambda: Table(["order of the threads", "sum"], [[k, f"{v:.0f}"] for k, v in answers.items()]),
    because="There is a barrier before the loop, but none in it: in order, thread 0 runs ahead and adds six numbers "
    "that are still 1, which gives 7. Backwards it comes last, when everything is ready.",
)

# %% [markdown]
# Nobody promises you the lucky order. Now see it. In the figure, `shared` is the shared memory, × marks a race. Drag the
# upper ring to thread 0 and the lower ring to an access that races, and read the sentence below the figure: with whom,
# and in which line? Then choose *with a barrier in the loop*.
#
# The microscope calls it a *warp-race*: both threads sit in one warp. But did those not walk together? Mostly. Since
# 2017 (the Volta GPUs) the lanes of a warp may drift apart, and no rule puts them in step unless the kernel says so.
# With 128 threads a block, warps race with each other as well.

# %%
FIXED = TREE.replace(
    "half /= 2)\n    if (t < half) s[t] += s[t + half];",
    "half /= 2) {\n    if (t < half) s[t] += s[t + half];\n    __syncthreads();\n  }",
)
x, out = torch.ones(1, 256), torch.zeros(1)
figure = microscope(
    {
        "without a barrier in the loop": Specimen(TREE, (x, out), grid=1),
        "with a barrier in the loop": Specimen(FIXED, (x, out), grid=1),
    },
    step=5,
)
figure

# %% [markdown]
# The same for 8 threads as timelines: a row a thread, what it touches from left to right (*load*: it reads, *store*: it
# writes). Above, without the barrier in the loop, follow the dashed line: nothing says that thread 2 writes before
# thread 0 reads. Below, a barrier stands between any two such accesses.

# %%
fixed = Kernel(FIXED)
drawing = Figure(figsize=(9.2, 5.4), dpi=120, layout="constrained")
upper, lower = drawing.subplots(2, 1)
draw_timeline(upper, Kernel(TREE).trace(1, 8, 0, torch.ones(8), torch.zeros(1)))
draw_timeline(lower, fixed.trace(1, 8, 0, torch.ones(8), torch.zeros(1)))
show(
    drawing,
    alt="Two timelines of eight threads. Above, one barrier, then every thread goes on alone; two accesses of different "
    "threads to one cell are ringed and joined as a race. Below, a barrier after every step of the tree: no race.",
)
print("with the barrier:", by_order(fixed, 64), "faults:", fixed.trace(1, 64, 0, x[0, :64], out).faults)

# %% [markdown]
# ### A cure that is none
#
# "Then I put the barrier where the work is": inside the `if`.

# %%
INSIDE = TREE.replace(
    "if (t < half) s[t] += s[t + half];", "if (t < half) { s[t] += s[t + half]; __syncthreads(); }"
)
wrong = Kernel(INSIDE).trace(1, 64, 0, x[0, :64], torch.zeros(1))

# %%
predict_first(
    "10-barrier-inside",
    "`if (t < half) { s[t] += s[t + half]; __syncthreads(); }` with 64 threads: what does the microscope say?",
    choices=["no fault: who has no work need not wait", "a fault: some wait where others never come"],
    answer=lambda: {"divergent-barrier": "a fault: some wait where others never come"}[wrong.faults[0].kind],
    show=lambda: print(wrong.faults[0]),
    because="*All* threads of the block must come to the same barrier, or none. What a GPU does otherwise nobody "
    "promises: it may hang, add wrongly, or seem to work. Put the work into the `if`, not the barrier.",
)

# %% [markdown]
# **Stop point** 1: you can build a tree, place its barriers, and let the microscope look for races. After a break run
# the first code cell again, then go on here.

# %% [markdown]
# ## 4 · Which neighbours? Banks
#
# A tree can also begin with the *nearest* neighbours: distance 1, then 2, then 4. As many additions, as many steps.
#
# But shared memory is dealt out to 32 **banks**, like cards: word 0 (a *word* is 4 bytes, a float) to bank 0, word 1 to
# bank 1, ... word 32 to bank 0 again. A bank gives one word a turn. If lanes of a request want different words of one
# bank, they take turns; lanes that want the same word share one.
#
# **By hand.** In the step of distance d, thread t works on word 2 · d · t. With d = 4 the lanes want the words 0, 8,
# 16, ... 248. Which banks are those, and how many turns does it take?
#
# (In both kernels the barrier now begins a step. There it also waits for `s[t] = x[t]`: one `__syncthreads()` will do.)

# %%
NEAREST = r"""
extern "C" __global__ void sum(const float* x, float* out) {
  __shared__ float s[256];
  int t = threadIdx.x;
  s[t] = x[t];
  for (int d = 1; d < blockDim.x; d *= 2) {
    __syncthreads();
    int i = 2 * d * t;
    if (i < blockDim.x) s[i] += s[i + d];
  }
  if (t == 0) out[0] = s[0];
}"""
FARTHEST = r"""
extern "C" __global__ void sum(const float* x, float* out) {
  __shared__ float s[256];
  int t = threadIdx.x;
  s[t] = x[t];
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) s[t] += s[t + half];
  }
  if (t == 0) out[0] = s[0];
}"""

# %%
arguments = (torch.ones(1, 256), torch.zeros(1))
specimens = {
    "nearest neighbours first": Specimen(NEAREST, arguments, grid=1),
    "farthest first": Specimen(FARTHEST, arguments, grid=1),
}


def turns(name):
    """Bank turns of the first warp in each of the 8 steps: of the first of three accesses, s[.] += s[.], a step."""
    view = LaunchView(specimens[name].trace(256)[0], {})
    return [view.access(block=0, thread=0, number=3 + 3 * step).units for step in range(8)]


distances = [1, 2, 4, 8, 16, 32, 64, 128]
nearest, farthest = turns("nearest neighbours first"), turns("farthest first")[::-1]
rows = [["nearest neighbours first", *nearest], ["farthest first", *farthest]]

# %%
predict_first(
    "10-bank-turns",
    "Nearest neighbours first, 256 threads, distance 4: how many turns does the first warp's load take?",
    answer=lambda: nearest[distances.index(4)],
    unit="turns",
    show=lambda: Table(["turns at distance", *map(str, distances)], rows),
    because="The words 0, 8, 16, ... lie in the banks 0, 8, 16 and 24 only: 32 lanes, 4 banks, 8 turns.",
)

# %%
figure = microscope(specimens, blocks=[256, 128, 64], step=3)
figure

# %% [markdown]
# **Try this.** Drag the lower ring through the accesses of thread 5 and watch the banks: 2 turns, 4, 8. Then *farthest
# first*: always 1, for lanes side by side take words side by side.

# %% [markdown]
# ## 5 · Shuffles: from lane to lane
#
# Lanes of one warp can hand each other numbers directly. `__shfl_down_sync(mask, v, 8)` gives a lane the `v` of the
# lane 8 places on, and makes the lanes wait for each other; the mask `0xffffffffu`, 32 ones in binary, says that all 32
# take part. The tree of section 1 becomes five steps without shared memory and without `__syncthreads()`. Only the 8
# warps' sums still go through memory, once.

# %%
SHUFFLE = r"""
extern "C" __global__ void sum(const float* x, float* out) {
  __shared__ float per_warp[32];
  int t = threadIdx.x;
  float v = x[t];
  for (int lanes = 16; lanes > 0; lanes /= 2)
    v += __shfl_down_sync(0xffffffffu, v, lanes);
  if (t % 32 == 0) per_warp[t / 32] = v;
  __syncthreads();
  if (t == 0) {
    float sum = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) sum += per_warp[w];
    out[0] = sum;
  }
}"""

# %%
compared = []
for name, source in (("nearest first", NEAREST), ("farthest first", FARTHEST), ("shuffles", SHUFFLE)):
    result = torch.zeros(1)
    trace = Kernel(source).trace(1, 256, 0, torch.arange(256.0), result)
    shared = [s for s in trace.lines() if s.space == "shared"]
    bank_turns = round(sum(s.requests * s.cost for s in shared))
    requests = sum(s.requests for s in shared)
    compared.append([name, result.item(), len(trace.barriers), requests, bank_turns, len(trace.faults)])
Table(
    ["0 + 1 + ... + 255", "sum", "barriers", "shared requests", "bank turns", "faults"],
    compared,
    formats={"sum": ".0f"},
)

# %% [markdown]
# All three are right: 255 · 256 / 2 = 32,640. What differs is the waiting.
#
# A shuffle has its own trap: **it may only read a lane that takes part.**

# %%
half_warp = Kernel(r"""
extern "C" __global__ void sum(const float* x, float* out) {
  int t = threadIdx.x;
  float v = x[t];
  if (t < 16) v += __shfl_down_sync(0xffffffffu, v, 16);   // lanes 16 to 31 are not here
  if (t == 0) out[0] = v;
}""").trace(1, 32, 0, torch.ones(32), torch.zeros(1))
print(half_warp.faults[0])

# %% [markdown]
# **Stop point** 2: you know three ways to sum and what each makes its threads wait for. After a break run the first
# code cell, then go on here.

# %% [markdown]
# ## 6 · The largest of 400: decoding
#
# Decoding is a reduction too: of two cells keep the larger; of equal ones the one with the lower number, so that the
# answer does not depend on who was first. The library has three kernels for it. v1: a thread reads a whole map alone.
# v2: a block, a tree with barriers. v3: a warp, shuffles. All three on real belief maps, the lite model's last stage:

# %%
model = load_lite()
scene = synthetic_scene(232, seed=4, size=model.input_size, people=2)
image = torch.from_numpy(scene.image.copy()).permute(2, 0, 1)[None]
beliefs = crop_beliefs(model, image, torch.from_numpy(scene.center_px)[None])
maps = model.joint_maps(beliefs)[-1].contiguous()  # (1, 14, 20, 20)
wanted, _ = decode_argmax(maps, backend="torch")

# %%
J, S = maps.shape[1], maps.shape[-1]  # 14 joints, 20 x 20 cells
person, plane, method = J * S * S, S * S, 0  # how far apart persons and maps lie; 0 is plain argmax
joints, scores = torch.zeros(1, J, 2), torch.zeros(1, J)
launches = {
    "v1": (1, 32, 0, maps, person, plane, S, 1, joints, scores, J, J, S, S, method, None, 0),
    "v2": (J, 256, 0, maps, person, plane, S, 1, joints, scores, J, S, S, method, None, 0),
    "v3": (4, 128, 0, maps, person, plane, joints, scores, J, J, S, S, method, None, 0),
}
decoded = []
for version, launch in launches.items():
    joints.zero_()
    trace = Kernel("decoding.cuh", f"decode_{version}_f32").trace(*launch)
    loads = [line for line in trace.lines() if line.space == "global" and line.action == "load"]
    requests, moved = sum(s.requests for s in loads), sum(s.requests * s.cost for s in loads)
    decoded.append([version, torch.equal(joints, wanted), requests, round(moved), len(trace.barriers)])
Table(["decode", "as plain torch", "requests to load", "sectors loaded", "barriers in all"], decoded)

# %% [markdown]
# The 14 maps have 5,600 cells = 700 sectors. v1 asks for each of them eight times, because its lanes sit in 14 different
# maps (a GPU's cache may answer the repeats; the emulator has none). v2 and v3 ask for each once; v3 does so with fewer
# requests, 16 bytes a lane, and without a single barrier.
#
# ## 7 · Can it get faster? The roofline
#
# A kernel has two bills: bytes to move, and arithmetic to do. The longer one decides. What counts is the ratio,
# **operations per byte**.
#
# **By hand.** The Gaussian targets: one multiplication a cell, 4 bytes written: 1/4. The argmax: one comparison a cell,
# 4 bytes read: 1/4. The stage loss: subtract, square, add, for two numbers read: 3/8. And a convolution of the paper's
# later stages, 11 x 11 with 128 channels in and out on 46 x 46 cells: 2 · 121 · 128 · 128 · 46² = 8.4 · 10⁹ operations
# for 10.6 · 10⁶ bytes (both maps and the weights): about 800.
#
# The next cells measure on *your* CPU, with one core, how fast these four run, and the two roofs: the bytes a second
# that a plain sum reads, and the operations a second of a matrix product or of this convolution, whichever is faster.


# %%
def seconds(run, rounds=7):
    """The fastest of some runs, after one to warm up: other programs can only make a run slower."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[1:])


# %%
threads_before = torch.get_num_threads()
torch.set_num_threads(1)
maps_256 = torch.rand(256, 14, 46, 46)  # 30 MB
targets_256, centers = torch.empty_like(maps_256), 46 * torch.rand(256, 14, 2)
cells, square = maps_256.numel(), torch.rand(1024, 1024)
convolution, features = torch.nn.Conv2d(128, 128, 11).requires_grad_(False), torch.rand(1, 128, 56, 56)
work = {  # name: (operations, bytes, what runs)
    "Gaussian targets": (cells, 4 * cells, lambda: gaussian_targets(centers, (46, 46), 1.5, out=targets_256)),
    "argmax": (cells, 4 * cells, lambda: decode_argmax(maps_256)),
    "stage loss": (3 * cells, 8 * cells, lambda: stage_loss(maps_256[None], targets_256)),
    "11 x 11 convolution": (
        2 * 121 * 128**2 * 46**2,
        4 * (128 * (56**2 + 46**2) + 121 * 128**2),
        lambda: convolution(features),
    ),
}

# %%
reached = {name: (ops / moved, ops / seconds(run) / 1e9) for name, (ops, moved, run) in work.items()}
reading = 4 * cells / seconds(maps_256.sum) / 1e9
arithmetic = max(2 * 1024**3 / seconds(lambda: square @ square, 3) / 1e9, reached["11 x 11 convolution"][1])
torch.set_num_threads(threads_before)
show(
    roofline_figure(reading, arithmetic, reached),
    alt="Operations a second over operations per byte, both logarithmic. A slanted roof where memory decides, a flat one "
    "where arithmetic does. Targets, argmax and loss lie far left under the slanted part, the convolution far right.",
)

# %% [markdown]
# Read it so (Gflop/s: 10⁹ operations a second): left of the dashed line memory decides, and a kernel is good when it
# lies near the slanted roof. There cleverer arithmetic is wasted; only *fewer bytes* help. One that lies far below loses
# its time to something else than memory. The thrift with bytes is why the library's stage loss can compare with a target
# that is never written down: 4 bytes a cell less. The convolution lies so far right that bytes hardly matter to it.
#
# These are numbers of your CPU. **A GPU's roofline we cannot show yet: no run on one is recorded.** The numbers of
# another CPU, beside mmpose's and others', are on the page *Benchmarks* of the documentation.
#
# ## 8 · Does it matter? A training step
#
# Before tuning, ask what share of the whole it is. One training step of the lite model, 8 crops: draw the targets, go
# forward, compare every stage (loss), go backward.

# %%
student = load_lite().train()
size = student.input_size
crops, middle = torch.rand(8, 3, *size), torch.full((8, 1, *size), 0.5)
points = 20 * torch.rand(8, 14, 2)


def step():
    """Seconds of (targets and loss, the rest) in one training step."""
    start = time.perf_counter()
    beliefs = student(crops, middle)
    forward = time.perf_counter()
    targets = gaussian_targets(points, (20, 20), 1.0, background=True)
    loss = stage_loss(beliefs, targets).sum()
    ours = time.perf_counter()
    loss.backward()
    student.zero_grad()
    return ours - forward, time.perf_counter() - ours + forward - start


step()  # to warm up
steps = torch.tensor([step() for _ in range(4)]).median(0).values
share = float(100 * steps[0] / steps.sum())

# %%
predict_first(
    "kernel-training",
    "Targets and loss together: what share of this training step is that? (In the loss's time its gradient is made too.)",
    answer=lambda: share,
    unit="%",
    close=1,
    show=lambda: Table(
        ["one step, 8 crops", "ms"],
        [
            ["targets and loss", 1e3 * steps[0].item()],
            ["network, forward and backward", 1e3 * steps[1].item()],
        ],
        formats={"ms": ".2f"},
    ),
    because="If these kernels took no time at all, a step would be shorter by this share and no more "
    "(*Amdahl's law*). For the paper's network on a GPU it was calculated as about 0.1 % (page *Kernels* of the documentation).",
)

# %%
hinge(
    "kernel-training",
    "You make targets and loss ten times as fast. They were 0.1 % of a training step of 100 hours. What do you gain?",
    choices={
        "90 hours": "That would be ten times as fast a *step*. Only 0.1 % of it got faster.",
        "About 5 minutes": "0.1 % of 100 hours are 6 minutes; a tenth of that remains.",
        "Nothing can be gained by kernels": "Not by these. The convolutions are kernels as well, and they are nearly all "
        "of the step: that is where a factor would count.",
    },
    right="About 5 minutes",
)

# %% [markdown]
# So why write them? For what a step does not show: decoding where the maps already are, instead of carrying them to the
# CPU; targets without a data loader's work; a loss that needs no memory for its targets. And because a kernel of 400
# cells is small enough to be understood to the last thread.
#
# ## Questions to take along
#
# 1. Sum 1,000 numbers with 256 threads. What must happen before the tree begins, and where does the guard go now?
# 2. In the tree *farthest first* the last five steps happen within one warp. Take their barriers out and ask the
#    microscope: which lighter barrier does it advise, and is that enough?
# 3. The float sum of 256 numbers depends on the order of additions. Which of the three sums gives the same bits in
#    every run, and would `atomicAdd`?
#
# **Assignment:** A6: a kernel that is right, then one that is fast (page *Assignments* of the documentation).
#
# ## Sources
#
# NVIDIA, *CUDA C++ Programming Guide*: shared memory, synchronization functions, warp shuffle functions. M. Harris,
# *Optimizing Parallel Reduction in CUDA*, NVIDIA: the trees of sections 3 and 4. S. Williams, A. Waterman and D.
# Patterson, *Roofline: an insightful visual performance model for multicore architectures*, CACM 2009. In this package:
# `csrc/best_cell.cuh`, `csrc/decoding.cuh`, `csrc/common.cuh` (`block_sum`), the page *Kernels* of the documentation.
