// Changing from one stack to another, the heart of a fiber, and the stacks themselves.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(CPM_EMULATOR_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define CPM_EMULATOR_UCONTEXT 1  // other processors: slower, by the C library
#endif

#if defined(CPM_EMULATOR_UCONTEXT)
#include <ucontext.h>
#endif

namespace cpm_emulator {

struct Context {
#if defined(CPM_EMULATOR_UCONTEXT)
  ucontext_t registers;
#else
  void* stack_pointer;  // the registers to restore lie on the stack above it
#endif
};

// Saves where we are in `from` and goes on where `to` was saved.
void switch_context(Context& from, Context& to);

// Makes `context` start in `entry`, which must never return, on a fresh stack.
void start_context(Context& context, void (*entry)(), char* stack, size_t bytes);

constexpr size_t STACK_BYTES = 128 << 10;  // of which the lowest page is forbidden

// Makes sure that there are stacks for so many threads; false where there is no memory.
bool make_stacks(int count);
char* stack_of(int thread);  // its lowest byte
size_t forbidden_bytes();    // from there on
// Whose stack an address lies in, -1: none; and whether in its forbidden page.
int stack_owner(uintptr_t address, bool* in_guard);

}  // namespace cpm_emulator
