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
# # A6 · A kernel that is right, then one that is fast
#
# **Afterwards you can** write a CUDA kernel for several maps at once, let 32 lanes find a maximum without shared memory,
# and find a race that no test of answers shows.
#
# **Time:** 60 minutes. **Points:** 11. **Builds on:** notebooks 09 and 10. The two starred exercises (*) are not part of
# the core: 85 minutes and 9 points more.
#
# Your answer to an exercise is a *text*: the CUDA C++ of one kernel. `check` compiles it, launches it on several sizes
# under the microscope of notebook 09, with the threads in order, backwards and at random, and says whether it is right.
# No GPU is needed, but a C++ compiler. The very first check also builds the emulator, which takes some seconds.
#
# Messages name a line of your text. Line 1 is the one with `r"""`. Leave the kernel's name and its parameters as they
# are given. `hint("ex22")` in a cell of your own helps in three steps. Checks and hints cost no
# points. No exercise needs another one: begin where you like, and run the next cell first.

# %% tags=["setup"]
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cpm_edu.course import check, hint, progress
from cpm_edu.course.alive import come_alive
from cpm_edu.course.kernel_calls import kernel_function
from cpm_edu.figures.interactive.microscope import microscope
from cpm_edu.figures.interactive.specimens import Specimen
from cpm_edu.figures.start_here import show
from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.toolchain import GET_COMPILER, find_compiler

can_compile = find_compiler() is not None
if not can_compile:
    print(f"There is no C++ compiler here, so no kernel can be checked; {GET_COMPILER}.")

# %% [markdown]
# ## ex22 · Belief maps in CUDA (40 minutes, 5 points)
#
# Write the kernel `gaussian_maps`. It draws the belief maps of J joints into one array, a thread for each cell.
#
# * `J`, `H`, `W`: how many maps; how many rows and columns each of them has.
# * `sigma`: σ in cells, above 0.
# * `centers`: 2 · J numbers: x of joint 0, y of joint 0, x of joint 1, y of joint 1, ... in cells. The middle of the cell
#   in row r and column c is the point (x, y) = (c, r).
# * `out`: J · H · W numbers, row by row: first all rows of map 0, then all rows of map 1, and so on. Before the launch
#   every one of them is -1.
#
# The cell in row r and column c of map j becomes
#
#     exp(-((c - x)² + (r - y)²) / (2 σ²))        with joint j at (x, y)
#
# The launch is one row of blocks, all of one size, with at least as many threads as there are cells. Write nothing but
# the cells of `out`, and each of them once.
#
# **By hand.** J = 2, H = 2, W = 3: 12 cells, numbered below as they lie in `out`. With 8 threads a block 2 blocks are
# launched, 16 threads. Thread 2 of block 1 has the number 1 · 8 + 2 = 10: map 10 / 6 = 1 (whole numbers, remainder 4),
# row 4 / 3 = 1, column 4 % 3 = 1. The threads with the numbers 12 to 15 have no cell.

# %%
figure = Figure(figsize=(8.6, 2.8), layout="constrained")
figure.suptitle("the number of every cell in out; white: drawn by block 0, hatched: by block 1", fontsize=10)
for j, ax in enumerate(figure.subplots(1, 2)):
    for k in range(6):
        i, r, c = 6 * j + k, k // 3, k % 3
        face, hatch = ("#ffffff", None) if i < 8 else ("#dbe9f6", "//")
        ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, fc=face, ec="#777777", hatch=hatch))
        ax.text(c, r, i, ha="center", va="center", fontsize=13, bbox={"fc": face, "ec": "none", "pad": 2})
    ax.set(xlim=(-0.5, 2.5), ylim=(1.5, -0.5), xticks=range(3), yticks=range(2), aspect="equal")
    ax.set(xlabel="column c", ylabel="row r")
    ax.set_title(f"map {j}", fontsize=10)
show(
    figure,
    alt="Two maps of 2 rows and 3 columns. Map 0 holds the cells 0 to 5 row by row, map 1 the cells 6 to 11. Block 0 of 8 "
    "threads draws cells 0 to 7, the last two of them in map 1; block 1 draws 8 to 11.",
)

# %%
GAUSSIAN_KERNEL = r"""
extern "C" __global__ void gaussian_maps(
    int J, int H, int W, float sigma, const float* centers, float* out) {
  // BEGIN SOLUTION
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= J * H * W) return;
  int j = i / (H * W), cell = i % (H * W), x = cell % W, y = cell / W;
  float dx = x - centers[2 * j], dy = y - centers[2 * j + 1];
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
  // END SOLUTION
}"""

# %%
check("ex22", GAUSSIAN_KERNEL)


# %%
def three_maps():
    """What your kernel draws for a shoulder, an elbow and a wrist."""
    joints = np.array([[6.0, 5.5], [12.3, 9.0], [17.5, 13.2]], np.float32)
    arguments = {"J": 3, "H": 16, "W": 22, "sigma": 1.6, "centers": joints}
    arguments["out"] = np.full((3, 16, 22), -1, np.float32)
    maps = kernel_function(GAUSSIAN_KERNEL)((9,), (128,), arguments)["out"]  # 1056 cells, 1152 threads
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    colors = colormaps["viridis"].with_extremes(under="white")
    for j, ax in enumerate(figure.subplots(1, 3)):
        ax.imshow(maps[j], cmap=colors, vmin=0, vmax=1)
        ax.plot(*joints[j], "o", ms=12, mfc="none", mec="#D55E00", mew=2)
        ax.set(xticks=range(0, 22, 5), yticks=range(0, 16, 5))
        ax.set_title(f"map {j}, ring at ({joints[j][0]:.1f}, {joints[j][1]:.1f})", fontsize=10)
    figure.supxlabel("your maps; a cell that was never written is white", fontsize=9)
    show(figure, alt="Three maps that your kernel has drawn, each with a ring where its joint lies.")


come_alive(three_maps)

# %% [markdown]
# ## ex23* · The best cell, by shuffles (50 minutes, 5 points)
#
# Write the kernel `best_cells`: the largest number of each map, and where it is. One block has one map, and a block is
# one warp: 32 threads, the lanes 0 to 31.
#
# * `cells`: how many numbers a map has, 1 or more; it need not be a multiple of 32, and may be less.
# * `maps`: the maps one behind the other; map b begins at number b · cells. They may be negative; none is NaN.
# * `cell`, `score`: an answer for each map. `cell[b]` becomes the number of the cell of map b (from 0) that holds the
#   largest number, `score[b]` that number. Where several cells hold it, the **lowest** cell counts.
#
# Use shuffles and no shared memory: lane t looks at the cells t, t + 32, t + 64, ... of its map, so that no thread reads
# more than its share; then the lanes hand each other what they have found.
#
# **By hand.** `cells` = 40 has lanes 0 to 7 look at two cells, the others at one. Say cells 2 and 33 hold the largest
# number, 0.9. Cell 33 is the second one of lane 1, cell 2 the first one of lane 2. Of the two, cell 2 is the answer,
# though it was found in the higher lane.

# %%
figure = Figure(figsize=(10.5, 1.7), layout="constrained")
ax = figure.subplots()
for number in range(40):
    largest = {"fc": "#f5d9a8", "ec": "#D55E00", "pad": 2.5} if number in (2, 33) else None
    ax.text(
        number % 32, number // 32, number, ha="center", va="center", fontsize=9, bbox=largest,
        weight="bold" if largest else "normal",
    )  # fmt: skip
ax.text(19.5, 1, "lanes 8 to 31 have no second cell", ha="center", va="center", fontsize=9, style="italic")
ax.set(xlim=(-0.7, 31.7), ylim=(1.6, -0.6), xticks=range(32), xlabel="lane")
ax.set_yticks((0, 1), ("first cell", "second cell"))
ax.tick_params(axis="x", labelsize=8)
show(
    figure,
    alt="32 lanes and their cells of a map of 40: first cells 0 to 31; second cells 32 to 39 in lanes 0 to 7, none in the "
    "other lanes. Cell 33 in lane 1 and cell 2 in lane 2 are marked as the two largest.",
)

# %%
ARGMAX_KERNEL = r"""
extern "C" __global__ void best_cells(int cells, const float* maps, int* cell, float* score) {
  // BEGIN SOLUTION
  const float* map = maps + blockIdx.x * cells;
  int t = threadIdx.x, at = 0;
  float best = -INFINITY;  // what a lane without a cell brings
  for (int i = t; i < cells; i += 32)
    if (map[i] > best) best = map[i], at = i;
  for (int d = 16; d > 0; d /= 2) {
    float v = __shfl_down_sync(0xffffffffu, best, d);
    int c = __shfl_down_sync(0xffffffffu, at, d);
    if (v > best || (v == best && c < at)) best = v, at = c;
  }
  if (t == 0) cell[blockIdx.x] = at, score[blockIdx.x] = best;
  // END SOLUTION
}"""

# %%
check("ex23", ARGMAX_KERNEL)

# %% [markdown]
# ## ex24* · Two races to find and to cure (35 minutes, 4 points)
#
# Some decoders smooth a belief map before they look for its peak. The kernel below smooths rows: one block has one row of
# `n` cells, a thread has one cell, and the row lies in shared memory. In every *round* a cell becomes a quarter of its
# left neighbour, half of itself and a quarter of its right neighbour, **all three as they were before the round**. At
# an edge the missing neighbour is the cell itself.
#
# * `n`: cells of a row, at most 256, and at most as many as a block has threads.
# * `rounds`: how often, 0 or more.
# * `maps`, `out`: the rows one behind the other, before and after.
#
# **By hand.** One round makes of 0, 0, 4, 0 the row 0, 1, 2, 1. The kernel does not: run the cells.

# %%
GIVEN = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      row[t] = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""
row, out = torch.tensor([[0.0, 0.0, 4.0, 0.0]]), torch.zeros(1, 4)
for order in ("forward", "reverse", "random") if can_compile else ():
    Kernel(GIVEN).launch(1, 32, 0, 4, 1, row, out, order=order)
    print(f"threads {order:8}", out[0].tolist())

# %% [markdown]
# Now under the microscope. Two lines race there: which cell, which two threads, and is the one who comes too early a
# reader or a writer? In the figure × marks a race; drag the rings, and read the sentence below. The rounds of the second
# specimen race with each other, too.

# %%
peak = torch.zeros(1, 40)
peak[0, 20] = 4
rounds = {
    "one round": Specimen(GIVEN, (40, 1, peak, torch.zeros(1, 40)), grid=1),
    "two rounds": Specimen(GIVEN, (40, 2, peak, torch.zeros(1, 40)), grid=1),
}
figure = microscope(rounds, blocks=[64, 128], step=2) if can_compile else None
figure

# %% [markdown]
# Write the kernel so that it is right in every order and no race is left. Every thread below n keeps its own cell: that
# one thread does the work of all is no cure. You may change anything but the kernel's name and parameters.

# %%
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  // BEGIN SOLUTION
  __shared__ float row[256];
  const int t = threadIdx.x, mine = blockIdx.x * n + t;
  if (t < n) row[t] = maps[mine];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) mean = 0.5f * row[t] + 0.25f * (row[max(t - 1, 0)] + row[min(t + 1, n - 1)]);
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[mine] = row[t];
  // END SOLUTION
}"""

# %%
check("ex24", RACE_KERNEL)

# %% [markdown]
# ## a6q1 · Debug: it never failed here (10 minutes, 3 points)
#
# A student's kernel draws the map of one joint, a thread for each cell, and has no guard. It was tried on the paper's
# maps, 46 x 46 cells, with 92 threads a block. It never failed, not even under the microscope.
#
# 1. Why is there no fault? Count.
# 2. Now the maps have 48 x 48 cells, 92 threads a block as before, and the map is the first of fourteen that lie one
#    behind the other in one tensor. What happens to which numbers? Will the program stop with an error?
# 3. Which launches would you try so that a missing guard is sure to be seen?

# %% [markdown]
# **Your answer (a6q1)**
#
# ### BEGIN SOLUTION
# 1. 46 · 46 = 2116 = 23 · 92: the threads of 23 whole blocks fit the cells exactly, and nobody is left over.
# 2. 48 · 48 = 2304 cells need 25.04, so 26 blocks: 2392 threads, 88 too many. They write into the 88 cells behind the
#    map, which are the first cells of map 1: almost two of its rows. No error comes, because that memory belongs to the
#    tensor; map 1 is wrong, or right, depending on who writes there last.
# 3. A size that is no multiple of the block, such as 17 x 33 or 1 x 1 with any block, on a tensor that ends right behind
#    the map, under the microscope: then the first thread too many writes outside of everything.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a6q1**, 1 point each:
#
# * 2116 is 23 times 92, no thread is left over. Half a point for "it happens to fit" without the numbers.
# * 88 threads too many write into the beginning of the next map, and no error is reported. Half a point for "out of
#   bounds" alone, or for "it crashes".
# * A number of cells that is no multiple of the block **and** a look at what lies behind (the microscope, or a tensor
#   that ends there). Half a point for only one of the two.
#
# Typical wrong answers: "the GPU ignores threads without work"; "an IndexError"; trying larger maps of 46 · k.
#
# Follow-up: the fourteen maps are drawn by one launch, as in ex22. Where do threads left over write now? (Behind the
# last map.) Is a guard `i < H * W` enough there? (No: then only map 0 is drawn.)

# %% [markdown]
# ## a6q2 · Explain: nine of ten runs are right (10 minutes, 3 points)
#
# Every thread has one cell of a map. `score[0]` is -∞ and `cell[0]` is 0 before the launch; then
#
#     if (map[i] > score[0]) { score[0] = map[i]; cell[0] = i; }
#
# On a GPU nine of ten runs are right. In the emulator all of them are, in whatever order the threads run.
#
# 1. Thread 5 holds 0.7, thread 8 holds 0.9. Write down, step by step, how `score[0]` can end as 0.7.
# 2. Can `score[0]` and `cell[0]` end up belonging to two different cells? How?
# 3. Somebody puts `__syncthreads();` in front of the `if`. Does that cure it? What would?

# %% [markdown]
# **Your answer (a6q2)**
#
# ### BEGIN SOLUTION
# 1. Thread 5 reads score[0] = -∞ and finds 0.7 larger. Thread 8 reads -∞ too and finds 0.9 larger. Thread 8 writes 0.9.
#    Then thread 5, which has decided already, writes 0.7.
# 2. Yes. Both have decided to write. Thread 5 writes its score 0.7, thread 8 its score 0.9, thread 8 its cell 8, and last
#    thread 5 its cell 5: score 0.9 with cell 5. The two writes of one thread are not one thing.
# 3. No. After the barrier all threads do reading, comparing and writing at the same time, as before; a barrier in
#    front orders nothing among them. A cure gives every thread a place of its own and joins the places in an agreed
#    order: a tree with a barrier after each step, or shuffles, as in ex23. Or value and cell packed into one number and an
#    atomicMax.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric a6q2**, 1 point each:
#
# * Both read the old score before either writes, and the smaller one writes last. Half a point for "they overwrite each
#   other" without an order of steps.
# * Yes, with an order of the four writes that does it.
# * The barrier is no cure, because what races comes after it; and a real cure (tree, shuffles, or one atomic on a packed
#   number). Half a point for one of the two. No point for atomicMax on the score alone: the cell still races.
#
# Typical wrong answers: "the GPU computes less exactly"; "__syncthreads() makes the threads run one after the other".
#
# Follow-up: why is the emulator right in every order? (It lets a thread finish the whole statement before the next one
# begins.) What does its microscope say all the same? (A race: it looks at rules, not at answers.)

# %%
progress("A6")
