// The runtime's own view: one launch at a time, its fibers, and what went wrong. The files:
//   scheduler.cpp       runs blocks and threads, and their barriers
//   warp.cpp            shuffles, votes, and why a warp cannot go on
//   stack_switch.cpp    the fibers' stacks, and from one to another
//   shared_memory.cpp   where it lies, and what a block finds in it
//   crash_guard.cpp     signals: a wild pointer must not take Python down
//   watchdog.cpp        the time limit
//   guarded_memory.cpp  copies of the arguments that end at forbidden pages
//   recorder.cpp        traced builds: every load and store, and the checks on each
//   race_check.cpp      traced builds: which accesses are ordered, and which are not
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "interface.h"
#include "stack_switch.h"

namespace cpm_emulator {

constexpr int WARP = 32, MOST_THREADS = 1024, MOST_WARPS = MOST_THREADS / WARP;
constexpr size_t MOST_SHARED = 227 << 10;  // what an H100 can give a block
constexpr size_t MOST_PRINTED = 1 << 20;   // CUDA's printf buffer
constexpr size_t MOST_FAULTS = 256;

enum State : uint8_t { READY, AT_BARRIER, IN_WARP, AT_ACTIVE_MASK, EXITED };

// One CUDA thread.
struct Fiber {
  Context context;
  char* stack;
  State state;
  uint3 index;
  // where it waits, and for what
  const char* file;
  int line;
  int kind;  // Barrier or Collective
  unsigned mask;
  int source;
  uint64_t value, result;
  // for the microscope
  uint32_t step;          // accesses so far
  uint32_t clocks[WARP];  // what this thread knows of its warp's syncwarp counts (its own included)
  uint32_t warp_syncs;    // __syncwarp calls since the last block barrier
};

// The first element of what Python reads; see Fault in kernels/faults.py, which mirrors it.
struct Fault {
  char kind[32];
  unsigned block[3], thread[3];
  char file[256];
  int line, other_line;        // 0: found from the places
  unsigned long long place;    // address of the instruction
  unsigned long long address;  // of the memory; 0 where there is none
  int size, is_write;
  // the other side of a race
  unsigned other_block[3], other_thread[3];
  unsigned long long other_place;
  int other_is_write, is_shared;
  int count;  // how often
  char text[256];
};

// Everything about the launch that is under way.
struct Machine {
  const CpmLaunch* how;
  Program program;
  dim3 grid, block;
  int num_threads;
  uint3 block_at;
  uint64_t block_number;
  uint32_t barriers;  // block barriers passed in this block
  std::vector<Fiber> fibers;
  Fiber* current;  // null while the scheduler runs
  Context scheduler;
  char *shared_begin, *shared_end;
  uintptr_t code_begin, code_end;  // of the kernel's shared object
  char* dynamic;
  volatile bool stopping;  // a fault, the time limit or an interrupt ended the launch
  std::vector<Fault> faults;
  std::string printed;
  long long ticks;
};
extern Machine machine;

inline int thread_number(const Fiber* fiber) { return int(fiber - machine.fibers.data()); }

// Records a fault of the thread that runs; the text may hold printf's formats.
Fault& report(const char* kind, const Fiber* fiber, const char* file, int line, const char* text, ...)
    __attribute__((format(printf, 5, 6)));

// Names the other thread of a fault, and the line where it waits.
void set_other(Fault& fault, const Fiber& other);

// Ends the launch from within a fiber.
[[noreturn]] void leave();

// Hands over to the scheduler; comes back when the fiber is READY and its turn has come.
void wait_as(State state);

// ---- warps (warp.cpp)

// Lets the group of a fiber go on if all lanes of its mask that have not exited wait for the same thing.
bool try_to_gather(Fiber* me);
// Lets lanes go on that ask __activemask in the same place; false where there are none.
bool answer_active_masks();
void report_stuck_warp(const Fiber& waiting);

// Whether an address lies in the shared object that holds the kernel, and whether in its code.
bool in_program(const void* address);
bool in_code(uintptr_t address);

// ---- shared memory (shared_memory.cpp)
void find_program();  // and the kernel's code
void poison_shared();
bool shared_was_overrun();

// ---- what the recorder is told (recorder.cpp, race_check.cpp)
void recorder_begins_launch();
void recorder_begins_block();
void recorder_ends_block();
void recorder_syncs_block(int line);
void recorder_syncs_warp(int first_thread, unsigned lanes);

}  // namespace cpm_emulator
