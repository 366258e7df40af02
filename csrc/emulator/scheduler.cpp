// Runs the blocks of a launch one after the other, and the threads of a block in turn: each until it exits or
// must wait for others. Where nobody can run, either a barrier is complete, or the kernel is at fault.
#include "emulator.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <numeric>
#include <random>

#include "crash_guard.h"

namespace cpm_emulator {

Machine machine;

namespace {

std::mutex one_launch;  // __shared__ variables and fibers exist once
std::vector<int> thread_order;
std::vector<uint64_t> block_order;
std::mt19937 dice;

void run_fiber() {
  machine.program.call(machine.program.kernel, machine.program.arguments);
  machine.current->state = EXITED;
  switch_context(machine.current->context, machine.scheduler);
  __builtin_trap();
}

// ---- when nobody can run

void open_barrier() {
  std::vector<Fiber>& fibers = machine.fibers;
  int count = 0;
  for (const Fiber& fiber : fibers) count += int(fiber.value);
  for (Fiber& fiber : fibers) {
    fiber.result = fiber.kind == COUNT ? count : fiber.kind == ANY ? count > 0 : count == machine.num_threads;
    fiber.state = READY;
    fiber.warp_syncs = 0;
  }
  ++machine.barriers;
  recorder_syncs_block(fibers[0].line);
}

// Lets threads go on; returns false when all have exited, or when they never can.
bool unlock_block() {
  std::vector<Fiber>& fibers = machine.fibers;
  for (Fiber& fiber : fibers)
    if (fiber.state == IN_WARP && try_to_gather(&fiber)) return true;  // the others of its mask have exited
  if (answer_active_masks()) return true;
  const Fiber* at_barrier = nullptr;
  int exited = 0;
  for (const Fiber& fiber : fibers) {
    if (fiber.state == IN_WARP) {
      report_stuck_warp(fiber);
      machine.stopping = true;
      return false;
    }
    exited += fiber.state == EXITED;
    if (fiber.state == AT_BARRIER && !at_barrier) at_barrier = &fiber;
  }
  if (!at_barrier) return false;  // all have exited
  for (const Fiber& fiber : fibers) {
    if (fiber.state != AT_BARRIER || (fiber.line == at_barrier->line && fiber.file == at_barrier->file))
      continue;
    Fault& fault = report("divergent-barrier", &fiber, fiber.file, fiber.line,
                          "waits at one __syncthreads, and another thread at another one");
    set_other(fault, *at_barrier);
    machine.stopping = true;
    return false;
  }
  if (exited) {
    report("barrier-after-exit", at_barrier, at_barrier->file, at_barrier->line,
           "waits at __syncthreads, but %d of the block's %d threads have left the kernel", exited,
           machine.num_threads);
    machine.stopping = true;
    return false;
  }
  open_barrier();
  return true;
}

// ---- blocks

void start_block(uint64_t number) {
  const dim3 grid = machine.grid, block = machine.block;
  machine.block_number = number;
  machine.block_at = uint3{unsigned(number % grid.x), unsigned(number / grid.x % grid.y),
                           unsigned(number / grid.x / grid.y)};
  machine.barriers = 0;
  poison_shared();
  for (int i = 0; i < machine.num_threads; ++i) {
    Fiber& fiber = machine.fibers[i];
    fiber.stack = stack_of(i);
    fiber.state = READY;
    fiber.index = uint3{i % block.x, i / block.x % block.y, i / block.x / block.y};
    fiber.step = fiber.warp_syncs = 0;
    std::memset(fiber.clocks, 0, sizeof fiber.clocks);
    // Tops that lie a cache line apart: at equal distances all stacks would share a few sets of the cache.
    start_context(fiber.context, run_fiber, fiber.stack, STACK_BYTES - (i & 31) * 64);
  }
  if (machine.how->order == 2) std::shuffle(thread_order.begin(), thread_order.end(), dice);
  recorder_begins_block();
}

void run_blocks() {
  for (uint64_t number : block_order) {
    start_block(number);
    do {
      bool ran = true;
      while (ran) {
        ran = false;
        for (int i : thread_order) {
          if (machine.fibers[i].state != READY) continue;
          ran = true;
          ++machine.ticks;
          machine.current = &machine.fibers[i];
          switch_context(machine.scheduler, machine.current->context);
          machine.current = nullptr;
          if (machine.stopping) return;
        }
      }
    } while (unlock_block());
    if (machine.stopping) return;
    recorder_ends_block();
    if (machine.faults.empty() && shared_was_overrun()) {
      report("shared-out-of-bounds", nullptr, "", 0, "wrote just behind the end of a shared array");
      return;
    }
  }
}

template <class T>
void put_in_order(std::vector<T>& order, uint64_t count) {
  order.resize(count);
  std::iota(order.begin(), order.end(), T(0));
  if (machine.how->order == 1) std::reverse(order.begin(), order.end());
  if (machine.how->order == 2) std::shuffle(order.begin(), order.end(), dice);
}

}  // namespace

void wait_as(State state) {
  Fiber* me = machine.current;
  me->state = state;
  switch_context(me->context, machine.scheduler);
}

// ---- the kernel's side

uint3 thread_index() { return machine.current->index; }
uint3 block_index() { return machine.block_at; }
dim3 block_size() { return machine.block; }
dim3 grid_size() { return machine.grid; }
char* dynamic_shared() { return machine.dynamic; }
int lane() { return thread_number(machine.current) & (WARP - 1); }
long long ticks() { return ++machine.ticks; }

int barrier(Barrier kind, int value, const char* file, int line) {
  if (machine.stopping) leave();
  Fiber* me = machine.current;
  me->file = file;
  me->line = line;
  me->kind = kind;
  me->value = uint64_t(value);
  wait_as(AT_BARRIER);
  return int(me->result);
}

void pause() {
  if (machine.stopping) leave();
  wait_as(READY);
}

void stop(const char* kind, const char* text, const char* file, int line) {
  report(kind, machine.current, file, line, "%s", text);
  leave();
}

void leave() {
  machine.stopping = true;
  for (;;) switch_context(machine.current->context, machine.scheduler);
}

// ---- for the rest of the runtime

Fault& report(const char* kind, const Fiber* fiber, const char* file, int line, const char* text, ...) {
  static Fault overflow;
  if (machine.faults.size() < MOST_FAULTS) machine.faults.emplace_back();
  Fault& fault = machine.faults.size() < MOST_FAULTS ? machine.faults.back() : overflow;
  fault = Fault{};
  fault.count = 1;
  snprintf(fault.kind, sizeof fault.kind, "%s", kind);
  snprintf(fault.file, sizeof fault.file, "%s", file ? file : "");
  fault.line = line;
  const uint3 block = machine.block_at, thread = fiber ? fiber->index : uint3{0, 0, 0};
  const unsigned places[6] = {block.x, block.y, block.z, thread.x, thread.y, thread.z};
  std::memcpy(fault.block, places, sizeof fault.block);
  std::memcpy(fault.thread, places + 3, sizeof fault.thread);
  va_list values;
  va_start(values, text);
  vsnprintf(fault.text, sizeof fault.text, text, values);
  va_end(values);
  return fault;
}

void set_other(Fault& fault, const Fiber& other) {
  const uint3 block = machine.block_at;
  const unsigned places[6] = {block.x, block.y, block.z, other.index.x, other.index.y, other.index.z};
  std::memcpy(fault.other_block, places, sizeof fault.other_block);
  std::memcpy(fault.other_thread, places + 3, sizeof fault.other_thread);
  fault.other_line = other.line;
}

int launch(const CpmLaunch& how, const Program& program) {
  std::lock_guard<std::mutex> lock(one_launch);
  const unsigned *grid = how.grid, *block = how.block;
  machine.how = &how;
  machine.program = program;
  machine.grid = dim3(grid[0], grid[1], grid[2]);
  machine.block = dim3(block[0], block[1], block[2]);
  machine.num_threads = int(block[0] * block[1] * block[2]);
  machine.fibers.resize(machine.num_threads);
  machine.current = nullptr;
  machine.stopping = false;
  machine.faults.clear();
  machine.faults.reserve(MOST_FAULTS);
  machine.printed.clear();
  machine.ticks = 0;
  find_program();
  const size_t static_shared = size_t(machine.shared_end - machine.shared_begin);
  if (static_shared + how.dynamic_shared > how.most_shared) {
    report("too-much-shared", nullptr, "", 0,
           "%zu bytes of static and %llu of dynamic shared memory: a block gets at most %llu", static_shared,
           how.dynamic_shared, how.most_shared);
    return 1;
  }
  if (!make_stacks(machine.num_threads)) {
    report("no-memory", nullptr, "", 0, "there is no memory for the stacks of %d threads",
           machine.num_threads);
    return 1;
  }
  dice.seed(how.seed);
  put_in_order(thread_order, machine.num_threads);
  put_in_order(block_order, uint64_t(grid[0]) * grid[1] * grid[2]);
  recorder_begins_launch();
  run_guarded(run_blocks, how.timeout_s);
  return machine.faults.empty() ? 0 : 1;
}

}  // namespace cpm_emulator

// ---- Python's side

extern "C" {

CPM_EXPORTED const cpm_emulator::Fault* cpm_emulator_faults(int* count) {
  *count = int(cpm_emulator::machine.faults.size());
  return cpm_emulator::machine.faults.data();
}

// Where the shared object that holds an address was loaded.
CPM_EXPORTED unsigned long long cpm_emulator_base(unsigned long long address) {
  Dl_info info;
  const bool found = dladdr(reinterpret_cast<void*>(address), &info);
  return found ? reinterpret_cast<unsigned long long>(info.dli_fbase) : 0;
}

CPM_EXPORTED int cpm_emulator_static_shared() {
  return int(cpm_emulator::machine.shared_end - cpm_emulator::machine.shared_begin);
}

CPM_EXPORTED const char* cpm_emulator_printed() { return cpm_emulator::machine.printed.c_str(); }

int cpm_emulator_print(const char* format, ...) {
  char text[512];
  va_list values;
  va_start(values, format);
  const int length = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  std::string& printed = cpm_emulator::machine.printed;
  if (printed.size() < cpm_emulator::MOST_PRINTED) printed += text;
  return length;
}
}
