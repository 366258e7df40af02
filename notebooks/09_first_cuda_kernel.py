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
# # 09 · A first CUDA kernel: who draws which cell?
#
# A belief map has 400 cells. A GPU runs thousands of *threads* at a time, all with the same program. So give every
# thread one cell, and the map is drawn in one go. Three questions remain: which thread has which cell, what do the
# threads do that are left over, and why should neighbours sit beside each other in memory?
#
# **Afterwards you can** write a CUDA kernel that draws a belief map, work out on paper which thread owns which cell,
# guard the edge, and count the *sectors* that a kernel moves, which often decides how fast it is.
#
# **Time:** 45 minutes: 15 to the first stop point, 15 to the second, 15 to the end. **Needs:** `cpm_edu` and a C++
# compiler (g++ or clang++), no GPU: an emulator runs the kernels thread by thread. **Before:** notebook 01, for what
# a belief map's target is. No C is needed: section 1 is a page of it.

# %%
import time

import torch
from matplotlib.figure import Figure

from cpm_edu.course import hinge, predict_first
from cpm_edu.figures.interactive.microscope import microscope
from cpm_edu.figures.interactive.specimens import Specimen
from cpm_edu.figures.microscope import draw_owners
from cpm_edu.figures.start_here import show
from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.toolchain import GET_COMPILER, find_compiler
from cpm_edu.metrics import Table
from cpm_edu.targets import gaussian_targets

H = W = 20  # cells of one map of the lite model
X0, Y0, SIGMA = 7.2, 9.4, 1.5  # the joint, in cells, and the width of its Gaussian
if find_compiler() is None:
    print(f"Only section 4 works, from recordings: there is no C++ compiler here; {GET_COMPILER}.")

# %% [markdown]
# ## 1 · A page of C
#
# A kernel is written in C++, of which we need a page of C.
#
# | Python | C | why |
# |---|---|---|
# | `n = 20` | `int n = 20;` | a variable has a type, a statement ends with `;` |
# | `x = 0.5` | `float x = 0.5f;` | `f`: 32 bits; without it 64, which most GPUs do slowly |
# | `7 // 2` and `7 % 2` | `7 / 2` and `7 % 2` | 3 and 1: whole numbers stay whole |
# | `# a remark` | `// a remark` | in C, `//` does not divide |
# | `if i >= n: return` | `if (i >= n) return;` | `{ }` hold statements together, indentation does not |
# | `for x in range(W):` | `for (int x = 0; x < W; ++x)` | start; go on while; after each turn |
# | `a and b` | `a && b` | also `a \|\| b`, `!a` |
# | `out[y, x]` | `out[y * W + x]` | memory is one long row; row y of the map begins at `y * W` |
# | `math.exp(x)` | `expf(x)` | again `f`: 32 bits |
# | `def f(out, n):` | `void f(float* out, int n)` | `void`: no result; `float*`: a *pointer*, where the first of many floats lies |
#
# `const float*` only reads. A pointer does not know how many numbers it leads to. **There is no IndexError in C**:
# `out[400]` of 400 cells is the number that happens to lie behind them.

# %% [markdown]
# CUDA adds one word and three names. `__global__` makes a function a *kernel*: it is launched once and runs for every
# thread. (`extern "C"` before it keeps its name as it is written, so that Python finds it.) Threads come in *blocks* of
# equal size; all blocks of a launch are its *grid*. Every thread can ask who it is:
#
# * `threadIdx.x`: its number in its block, from 0;
# * `blockIdx.x`: the number of its block, from 0;
# * `blockDim.x`: how many threads a block has.
#
# `.x` is the first of three directions; section 6 uses a second one.

# %% [markdown]
# ## 2 · Which cell is mine?
#
# **By hand.** We count the cells row by row: cell i lies at column i % 20, row i // 20. With 64 threads a block,
# block 0 takes the cells 0 to 63, block 1 the next 64, and so on:
#
# i = blockIdx.x · blockDim.x + threadIdx.x
#
# Blocks are launched whole, so 400 cells need 400 / 64 = 6.25, rounded up **7 blocks**. Which cell, in which row and
# column, does thread 5 of block 3 draw? Work it out, then run the cells.

# %%
kernel = Kernel(r"""
extern "C" __global__ void draw_map(float* out, int H, int W, float x0, float y0, float sigma) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;   // my cell
  if (i >= H * W) return;                          // there is none for me
  int x = i % W, y = i / W;
  float dx = x - x0, dy = y - y0;
  out[i] = expf(-(dx * dx + dy * dy) / (2 * sigma * sigma));
}""")
out = torch.zeros(H, W)
kernel.launch(7, 64, 0, out, H, W, X0, Y0, SIGMA)  # 7 blocks of 64 threads, 0 bytes of shared memory

wanted = gaussian_targets(torch.tensor([[X0, Y0]]), (H, W), SIGMA)[0]  # what the library draws
print("largest difference from the library:", (out - wanted).abs().max().item())

# %% [markdown]
# That was a launch: `kernel.launch(blocks, threads a block, shared bytes, then the kernel's own arguments)`. The same
# call compiles for a GPU if the tensors lie on one.
#
# `trace` launches under the *microscope*, which notes which thread touched what. So it can check your answer, and the
# picture below the question shows the thread of every cell: find yours in row 9. `b3` marks where block 3 begins; why
# the colours begin again after 32 threads, section 4 tells.

# %%
trace = kernel.trace(7, 64, 0, out, H, W, X0, Y0, SIGMA)

# %%
predict_first(
    "09-which-cell",
    "Blocks of 64, cells counted row by row. Which cell i does thread 5 of block 3 draw?",
    answer=lambda: int(((trace.owners("out")[0] == 3) & (trace.owners("out")[1] == 5)).nonzero()[0][0]),
    because="i = 3 · 64 + 5 = 197: column 197 % 20 = 17, row 197 // 20 = 9.",
)

# %%
figure = Figure(figsize=(9.4, 5.8), dpi=125, layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[2, 3])
left.imshow(out, cmap="viridis")
left.set_xticks(range(0, W, 4))
left.set_yticks(range(0, H, 4))
left.set_title("the map that 400 threads drew", fontsize=10, loc="left")
draw_owners(right, trace, "out", (H, W), window=(20, 20))
show(
    figure,
    alt="Left: a belief map of 20 by 20 cells with one bright Gaussian. Right: the same cells, each with the number of "
    "the thread that wrote it: 0 to 63 along the rows, then again from 0 where the next block begins.",
)

# %% [markdown]
# ## 3 · What the others do
#
# 7 blocks of 64 are 448 threads for 400 cells. The 48 left over must do nothing: that is the line
# `if (i >= H * W) return;`, the *guard*. We take it out.

# %%
UNGUARDED = r"""
extern "C" __global__ void draw_map(
    float* out, int H, int W, float x0, float y0) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float dx = i % W - x0, dy = i / W - y0;
  out[i] = expf(-(dx * dx + dy * dy) / 4.5f);
}"""
found = Kernel(UNGUARDED).trace(7, 64, 0, torch.zeros(H, W), H, W, X0, Y0)


# %%
def look():
    print(found.faults[0])
    specimen = Specimen(UNGUARDED, (torch.zeros(H, W), H, W, X0, Y0), threads=H * W)
    return microscope(specimen, thread=(16, 12))  # its place in the figure: the first thread too many


# %%
predict_first(
    "09-left-over",
    "Without the guard, what does the microscope find? Think of what lies behind `out[399]`.",
    choices=["nothing: the extra threads find no cell", "writes out of bounds", "a wrong map"],
    answer=lambda: {"out-of-bounds-write": "writes out of bounds"}[found.faults[0].kind],
    show=look,
    because="The map itself is right. The 48 threads write behind it, into whatever lies there: another map, perhaps. "
    "A GPU often says nothing, and something else goes wrong much later.",
)

# %% [markdown]
# The microscope names the thread, the line and the cure: it knows how long `out` is. The kernel does not. (On a GPU,
# NVIDIA's `compute-sanitizer` looks for such faults.) In the figure every small square at the upper right is a thread;
# the crossed cells below the map are those behind its end. Section 4 explains the rest.

# %% [markdown]
# **Stop point** 1: you can say which thread owns which cell, and why a guard is needed. After a break run the first
# code cell again, then go on here.

# %% [markdown]
# ## 4 · Thirty-two threads walk together
#
# A GPU does not run threads one by one. It takes 32 of a block together, a **warp**; a thread's place in it is its
# *lane*, 0 to 31. When a warp comes to `out[i] = ...`, its 32 lanes ask for their cells at once: one **request**.
#
# A request is served in **sectors** of 32 bytes, whole ones. A float has 4 bytes, so a sector holds 8 cells.
#
# **By hand.** 32 lanes write 32 cells side by side: 32 · 4 = 128 bytes, 128 / 32 = **4 sectors**, and every byte of
# them is wanted. That is called *coalesced*. Now let neighbouring lanes go *down a column*: on a map of 20 columns
# they are 20 · 4 = 80 bytes apart. How many sectors then?
#
# Here are three kernels that draw the same map. Only the rule "which cell is mine" differs: along the rows, down the
# columns, or a whole row for each thread.

# %%
ALONG = r"""
extern "C" __global__ void draw_map(
    const float* joint, float* out, int H, int W) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= H * W) return;
  float x0 = joint[0], y0 = joint[1];
  int x = i % W, y = i / W;
  float dx = x - x0, dy = y - y0;
  out[y * W + x] = expf(-(dx * dx + dy * dy) / 4.5f);
}"""
DOWN = ALONG.replace("x = i % W, y = i / W", "x = i / H, y = i % H")
ROW = r"""
extern "C" __global__ void draw_map(
    const float* joint, float* out, int H, int W) {
  int y = blockIdx.x * blockDim.x + threadIdx.x;
  if (y >= H) return;
  float x0 = joint[0], y0 = joint[1];
  for (int x = 0; x < W; ++x) {
    float dx = x - x0, dy = y - y0;
    out[y * W + x] = expf(-(dx * dx + dy * dy) / 4.5f);
  }
}"""

# %%
# `threads`: how many have work to do; the figure rounds up to whole blocks
arguments = (torch.tensor([X0, Y0]), torch.zeros(H, W), H, W)
figure = microscope(
    {
        "along the rows": Specimen(ALONG, arguments, threads=H * W),
        "down the columns": Specimen(DOWN, arguments, threads=H * W),
        "a thread a row": Specimen(ROW, arguments, threads=H),
    }
)
figure

# %% [markdown]
# **Try this.**
#
# 1. Drag the upper ring along a warp, a row of the threads: its cells stand out in the map of `out`, its sectors at the
#    lower right.
# 2. Choose *down the columns*, first warp: was your number of sectors right? The dotted cells travel because their
#    sector does, though nobody asked for them.
# 3. Drag the lower ring to the first access. It reads the joint: all 32 lanes want the same 4 bytes, one sector.
# 4. Choose *a thread a row* and drag the lower ring on: 20 lanes, each in another row.
# 5. Change the threads a block: which threads are idle (×), and does a request's cost change?
#
# ## 5 · How bad can it get?
#
# The paper's maps have 46 columns: neighbours down a column are 46 · 4 = 184 bytes apart, almost 6 sectors.


# %%
def sectors(source, size, threads, block=64):
    """Sectors of a mean request to store, and of all of them, for a map of this size."""
    specimen = Specimen(source, (torch.tensor([X0, Y0]), torch.zeros(*size), *size), threads=threads)
    [store] = [line for line in specimen.trace(block)[0].lines() if line.action == "store"]
    return store.cost, round(store.cost * store.requests)


rows = [
    [name, sectors(source, (20, 20), 20 * per_row)[0], *sectors(source, (46, 46), 46 * per_row46)]
    for name, source, per_row, per_row46 in (
        ("along the rows", ALONG, 20, 46),
        ("down the columns", DOWN, 20, 46),
        ("a thread a row", ROW, 1, 1),
    )
]

# %%
predict_first(
    "09-sectors",
    "A map of 46 x 46, and lanes go down its columns. How many sectors does a request of 32 lanes move, in the mean?",
    answer=lambda: rows[1][2],
    unit="sectors",
    close=2,
    show=lambda: Table(
        ["sectors a request", "20 x 20", "46 x 46", "46 x 46, in all"],
        rows,
        formats={"20 x 20": ".1f", "46 x 46": ".1f"},
    ),
    because="Lanes are 184 bytes apart: hardly two share a sector. Of every 32 bytes moved, 4 are asked for.",
)

# %% [markdown]
# Not quite 4 along the rows: the map's last warp is not full. Not quite 32 down the columns: where a warp goes on in the
# next column, it meets sectors that it has already. A thread a row looks cheaper, but only because its second warp has
# 14 lanes: in all it is a sector a cell, no better. (These are sectors asked for. A GPU's caches may spare the memory
# behind them some of the work; the emulator has none.)
#
# ## 6 · Blocks with two directions
#
# A block may also be a rectangle: 8 x 8 threads, with `threadIdx.x` and `threadIdx.y`, in a grid with `blockIdx.y`. That
# reads well for maps. Warps are cut from it row by row, x first: a warp of an 8 x 8 block is **4 rows of 8 lanes**.
#
# **By hand.** On a map of 64 columns, 8 cells of a row fill exactly one sector: 4 rows, 4 sectors. On 20 columns a row
# is 80 bytes, 2 and a half sectors, so every second row begins in the middle of one. How many then?

# %%
SQUARE = r"""
extern "C" __global__ void draw_map(
    float* out, int H, int W, float x0, float y0) {
  int x = blockIdx.x * blockDim.x + threadIdx.x;
  int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= W || y >= H) return;
  float dx = x - x0, dy = y - y0;
  out[y * W + x] = expf(-(dx * dx + dy * dy) / 4.5f);
}"""
squares = {
    f"a map of {n} x {n}": Specimen(SQUARE, (torch.zeros(n, n), n, n, X0, Y0), threads=(n, n))
    for n in (20, 64)
}

# %%
predict_first(
    "09-square-blocks",
    "A map of 20 columns, blocks of 8 x 8. How many sectors does the first warp move?",
    answer=lambda: len(set(squares["a map of 20 x 20"].trace((8, 8))[0].accesses["address"][:32] // 32)),
    unit="sectors",
    show=lambda: microscope(squares, blocks=[(8, 8), (32, 2), (2, 32)], step=1),
    because="Rows 0 and 2 begin where a sector begins: 1 each. Rows 1 and 3 begin in the middle of one: 2 each.",
)

# %% [markdown]
# So the rule is not "use rows" or "use squares" but: **neighbouring lanes, neighbouring bytes, from a sector's start.**
# Try the other blocks and the wider map: 2 x 32 threads are the worst choice, 32 x 2 the best (though on 20 columns 12
# lanes of its 32 are idle). x runs fastest in a warp, so x must run fastest in memory.

# %% [markdown]
# **Stop point** 2: you can count sectors by hand and under the microscope. After a break run the first code cell, then
# go on here.

# %% [markdown]
# ## 7 · Is the emulator's clock any use?
#
# The emulator can be timed like any function. Down the columns moves 8 times as many sectors as along the rows. So it
# should take longer, should it not?

# %%
DRAW = r"""
extern "C" __global__ void draw_map(float* out, int n, float x0, float y0) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n * n) return;
  int x = i % n, y = i / n;
  float dx = x - x0, dy = y - y0;
  out[y * n + x] = expf(-(dx * dx + dy * dy) / 4.5f);
}"""
kernels = {
    "along the rows": Kernel(DRAW),
    "down the columns": Kernel(DRAW.replace("x = i % n, y = i / n", "x = i / n, y = i % n")),
}
big = torch.zeros(256, 256)


# %%
def milliseconds(runs, rounds=25):
    """The fastest of some runs of each, taken in turn: other programs can only make a run slower."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: min(taken) for name, taken in times.items()}


joint = torch.tensor([[7.2, 9.4]])
plain = {"plain torch, one core": lambda: gaussian_targets(joint, (256, 256), 1.5, backend="torch")}
launched = {name: lambda k=k: k.launch(256, 256, 0, big, 256, 7.2, 9.4) for name, k in kernels.items()}
threads_before = torch.get_num_threads()
torch.set_num_threads(1)  # the emulator has no more
ms = milliseconds(launched) | milliseconds(plain)
torch.set_num_threads(threads_before)
moved = {name: k.trace(256, 256, 0, big, 256, 7.2, 9.4).lines()[0].cost for name, k in kernels.items()}

# %%
predict_first(
    "emulator-speed",
    f"On a map of 256 x 256, *down the columns* moves {moved['down the columns'] / moved['along the rows']:.0f} times as "
    "many sectors. How many times as long does it take **in the emulator**?",
    answer=lambda: ms["down the columns"] / ms["along the rows"],
    unit="times",
    close=0.3,
    show=lambda: Table(
        ["256 x 256", "ms", "sectors a request"],
        [[name, time_ms, moved.get(name, "-")] for name, time_ms in ms.items()],
        formats={"ms": ".2f"},
    ),
    because="The emulator runs 65,536 threads one after the other, and that takes most of the time, not their "
    "stores. On a GPU with maps enough to keep it busy, the sectors that travel set the pace of such a kernel. Sectors "
    "are what carries over, times are not.",
)

# %% [markdown]
# Nor does the emulator say how a GPU compares with plain torch on the CPU, which beats the emulator by far. What a GPU
# would say about these kernels we do not know: **no kernel of this package has run on a GPU yet** (docs, page *Runs on
# a GPU*).

# %%
hinge(
    "emulator-speed",
    "Your kernel takes 2 ms in the emulator, your neighbour's 1 ms, and both give the same map. What do you know?",
    choices={
        "On a GPU mine is slower too": "Only if what costs time here costs time there. Here it is instructions, one "
        "thread at a time; there it is mostly bytes.",
        "On a GPU mine is about twice as slow": "A ratio carries over no better than a time: the emulator has no warps "
        "to keep waiting and no memory to wait for.",
        "Nothing about a GPU; I compare sectors, then time it on one": "The emulator shows what a kernel does and which "
        "rules it breaks. How fast it is, only the device can say.",
    },
    right="Nothing about a GPU; I compare sectors, then time it on one",
)

# %% [markdown]
# ## 8 · What the library runs
#
# `csrc/targets.cuh` climbs a ladder of three kernels. **v1** is ours: a thread a cell, an exponential a cell. **v2**
# uses exp(-(dx² + dy²) k) = exp(-dx² k) · exp(-dy² k): a block computes 20 + 20 exponentials, keeps them in memory that
# it *shares*, and multiplies: 40 instead of 400. **v3** stores four cells at a time.
#
# Their text is on your disk, and the microscope takes it as it takes yours.

# %%
# after the tensors: people, joints, maps, H, W (v2: only H, W; v3: also the rows that a block draws)
center, weight, drawn = torch.tensor([[[7.2, 9.4]]]), torch.ones(1, 1), torch.zeros(1, 1, 20, 20)
inverse, reach, shared = 1 / 4.5, float("inf"), 4 * (20 + 20)  # 1 / (2 sigma^2); no cut; bytes for 40 factors
launches = {
    "v1": (7, 64, 0, center, weight, drawn, 1, 1, 1, 20, 20, inverse, reach),
    "v2": (1, 64, shared, center, weight, drawn, 20, 20, inverse, reach),
    "v3": (1, 128, shared, center, weight, drawn, 1, 1, 1, 20, 20, 20, inverse, reach),
}
same, ladder = gaussian_targets(center, (20, 20), 1.5), []
for version, launch in launches.items():
    looked = Kernel("targets.cuh", f"gaussian_targets_{version}_f32").trace(*launch)
    stores = [s for s in looked.lines() if s.space == "global" and s.action == "store"]
    sectors_moved = round(sum(s.requests * s.cost for s in stores))
    right = torch.allclose(drawn, same, atol=1e-6) and not looked.faults
    ladder.append(
        [version, {"v1": 400}.get(version, 40), sum(s.requests for s in stores), sectors_moved, right]
    )
Table(["kernel", "exponentials (by hand)", "requests to store", "sectors stored", "right"], ladder)

# %% [markdown]
# All three store 1,600 bytes = 50 sectors: not one of them can be saved. What the ladder saves is everything else, the
# exponentials and the number of requests.
#
# ## 9 · Your turn
#
# The *flip test* (notebook 06) needs maps mirrored from left to right. This kernel copies. Change **one index**, and run
# the cell until it says so. Before you look: will reading backwards cost more sectors?

# %%
mirror = Kernel(r"""
extern "C" __global__ void mirror(const float* x, float* out, int H, int W) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= H * W) return;
  int column = i % W, row = i / W;
  out[row * W + column] = x[row * W + column];
}""")
x, mirrored = torch.rand(20, 20), torch.zeros(20, 20)
looked = mirror.trace(7, 64, 0, x, mirrored, 20, 20)
print("mirrored:" if torch.equal(mirrored, x.flip(1)) else "not mirrored yet:", looked.report())

# %% [markdown]
# <details><summary><b>Open after trying</b></summary>
#
# `out[row * W + column] = x[row * W + W - 1 - column];` A little: 5.4 sectors a load instead of 3.8. The order alone
# costs nothing, a sector does not mind who reads which part of it. But a warp of 32 cells holds one row of 20 and a
# piece of another; mirrored, that piece lies at the other end of its row, away from the rest.
#
# </details>
#
# ## Questions to take along
#
# 1. A map of 48 x 64 cells, blocks of 256: how many blocks, how many idle threads, which cell has thread 10 of block 7?
# 2. What would the *belief maps of 14 joints in one tensor* (14, 20, 20) change: the guard, the index, the sectors?
# 3. `float4` lets a lane store 16 bytes at once. How many sectors does a request move then, and is that wasteful?
#
# **Assignment:** A6: a kernel that is right, then one that is fast (page *Assignments* of the documentation).
# Notebook 10 goes on: threads that need each other's numbers.
#
# ## Sources
#
# NVIDIA, *CUDA C++ Programming Guide*, chapters on the programming model (kernels, thread hierarchy), and *CUDA C++
# Best Practices Guide*, section on coalesced access to global memory. In this package: `csrc/targets.cuh`, the page
# *Kernels* of the documentation, `cpm_edu/kernels/lab.py`. Wei et al., *Convolutional Pose Machines*, CVPR 2016,
# section 3.3, for the Gaussian peaks of the ideal belief maps.
