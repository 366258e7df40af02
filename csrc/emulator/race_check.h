// Which accesses to one word are in order, and which race.
#pragma once

#include <cstdint>

#include "emulator.h"

namespace cpm_emulator {

// Checks an access of the running thread against the earlier ones to the same bytes, and remembers it.
// `address`: of the argument's copy, or the offset in shared memory.
void check_order(uint64_t address, int size, bool is_write, bool is_atomic, bool is_shared, void* place);

// An atomic on `address` sees what threads did before their fence and atomic on it.
void acquire_and_release(uint64_t address);

void forget_global_order();
void forget_shared_order();

// Reads of shared memory that nobody has written: at the end of a block.
void report_early_reads();

// recorder.cpp: a fault, once for each pair of places; null where it is known, and then counted.
Fault* report_once(const char* kind, const Fiber* fiber, const void* place, uint64_t other_place);

}  // namespace cpm_emulator
