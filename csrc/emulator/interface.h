// What a compiled kernel and the emulator's runtime know of each other. No standard header: this text is
// compiled again at every edit of a kernel, and must cost milliseconds.
#pragma once

#include "vector_types.h"

#define CPM_INLINE inline __attribute__((always_inline))
#define CPM_EXPORTED __attribute__((visibility("default")))
// In a traced build the compiler reports every load and store of a kernel; the emulator's own must stay out.
#define CPM_UNTRACED __attribute__((no_sanitize("thread"), no_sanitize("undefined"), noinline))

extern "C" {

// A launch, as Python fills it in.
struct CpmLaunch {
  unsigned grid[3], block[3];
  unsigned long long dynamic_shared;  // bytes
  unsigned long long most_shared;     // bytes, static and dynamic
  int order;                          // 0 forward, 1 reverse, 2 random: of the threads and of the blocks
  unsigned seed;
  double timeout_s;
  unsigned long long
      most_accesses;  // a traced launch records this many and only checks the rest; 0: not traced
};
}

namespace cpm_emulator {

constexpr int SHARED_PAD = 4096;  // bytes behind the static shared variables

// A kernel of one shared object, with the arguments of one launch.
struct Program {
  void (*call)(void* kernel, void** arguments);
  void* kernel;
  void** arguments;
  char *shared_begin, *shared_end;  // its __shared__ variables; begin null: ask the loader
};

enum Collective {
  SYNC,
  SHUFFLE,
  SLIDE,  // a shuffle up or down: at the ends of a group it reads past the mask, as reductions may
  BALLOT,
  MATCH_ANY,
  MATCH_ALL,
  ADD,
  LEAST,
  MOST,
  LEAST_SIGNED,
  MOST_SIGNED,
  AND,
  OR,
  XOR
};
enum Barrier { PLAIN, COUNT, ALL, ANY };

// `const`: within one CUDA thread the answer never changes, so calls may be moved and merged.
CPM_EXPORTED uint3 thread_index() __attribute__((const));
CPM_EXPORTED uint3 block_index() __attribute__((const));
CPM_EXPORTED dim3 block_size() __attribute__((const));
CPM_EXPORTED dim3 grid_size() __attribute__((const));
CPM_EXPORTED char* dynamic_shared() __attribute__((const));
CPM_EXPORTED int lane() __attribute__((const));

CPM_EXPORTED int launch(const CpmLaunch& launch, const Program& program);

// Waits for the whole block; what `value` gathers to depends on the kind.
CPM_EXPORTED int barrier(Barrier kind, int value, const char* file, int line);
// Waits for the lanes of `mask`; `source` is the lane to read from (SHUFFLE).
CPM_EXPORTED unsigned long long collective(Collective kind, unsigned mask, unsigned long long value,
                                           int source, const char* file, int line);
CPM_EXPORTED unsigned active_mask(const char* file, int line);
CPM_EXPORTED void pause();  // lets other threads run: an atomic did not find what it waits for
CPM_EXPORTED void fence();
CPM_EXPORTED void atomic_access(const void* address, int size, void* place);
CPM_EXPORTED long long ticks();
[[noreturn]] CPM_EXPORTED void stop(const char* kind, const char* text, const char* file, int line);

}  // namespace cpm_emulator

extern "C" CPM_EXPORTED int cpm_emulator_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
