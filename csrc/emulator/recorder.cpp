// The microscope's eye: in a traced build the compiler calls a function before each load and store of a
// kernel (those of the thread sanitizer, defined here instead) and where an index or a number breaks a rule
// of C++ (those of the undefined-behaviour sanitizer). Each access is recorded, and checked against what the
// thread may touch; race_check.cpp looks at the order.
#include <cstdio>
#include <cstring>
#include <map>
#include <tuple>

#include "emulator.h"
#include "race_check.h"

namespace cpm_emulator {

namespace {

// Mirrored by RECORD in kernels/trace.py.
struct Record {
  uint64_t address;  // shared: offset in the block's shared memory, static variables first
  uint64_t place;
  uint32_t block, epoch, step;  // epoch: block barriers passed; step: of this thread
  uint16_t thread;
  uint8_t size, flags;
};
static_assert(sizeof(Record) == 32, "kernels/trace.py counts on it");

// A block barrier that was passed; mirrored by BARRIER in kernels/trace.py.
struct BarrierRecord {
  uint32_t block, epoch;  // the epoch that it opened
  int32_t line;
};
constexpr size_t MOST_BARRIERS = 100000;

struct Range {
  uintptr_t begin, end;
  bool is_const;
};

constexpr uintptr_t MARGIN = 64 << 10;  // what Python leaves around the copies of a traced launch

std::vector<Record> records;
std::vector<BarrierRecord> barriers;
std::vector<Range> ranges;
std::map<std::tuple<std::string, uint64_t, uint64_t>, size_t> known;  // faults by kind and places

bool is_within(uintptr_t address, const void* begin, const void* end) {
  return address >= reinterpret_cast<uintptr_t>(begin) && address < reinterpret_cast<uintptr_t>(end);
}

// A fault that the compiler's checks found, which tell file and line.
Fault* report_line(const char* kind, const char* file, int line, const char* text) {
  Fault* fault = report_once(kind, machine.current, nullptr, uint64_t(line));
  if (!fault) return nullptr;
  fault->other_place = 0;
  fault->line = line;
  snprintf(fault->file, sizeof fault->file, "%s", file);
  snprintf(fault->text, sizeof fault->text, "%s", text);
  return fault;
}

void report_access(const char* kind, uintptr_t address, int size, bool is_write, void* place,
                   const char* text) {
  if (Fault* fault = report_once(kind, machine.current, place, 0)) {
    snprintf(fault->text, sizeof fault->text, "%s", text);
    fault->address = address;
    fault->size = size;
    fault->is_write = is_write;
  }
}

// The argument that an access lies in; reports one that lies in none, and ends the launch where the access
// itself would do harm. Null: nothing more to check.
const Range* find_argument(uintptr_t address, int size, bool is_write, void* place) {
  const uintptr_t end = address + size;
  for (const Range& range : ranges) {
    if (address < range.begin || end > range.end) continue;
    if (is_write && range.is_const) {
      report_access("write-to-input", address, size, true, place, "writes to an input");
      leave();
    }
    return &range;
  }
  if (in_program(reinterpret_cast<void*>(address))) return nullptr;  // a __constant__ or __device__ variable
  const char* kind = is_write ? "out-of-bounds-write" : "out-of-bounds-read";
  for (const Range& range : ranges) {
    if (address < range.begin - MARGIN || end > range.end + MARGIN) continue;
    report_access(kind, address, size, is_write, place, "leaves its tensor");
    return nullptr;
  }
  report_access("wild-pointer", address, size, is_write, place, "touches memory that is no argument's");
  leave();
}

void access(uintptr_t address, int size, bool is_write, bool is_atomic, void* place,
            bool check_alignment = true) {
  Fiber* me = machine.current;
  if (!me) return;
  if (machine.stopping) leave();
  const int thread = thread_number(me);
  const bool is_static = is_within(address, machine.shared_begin, machine.shared_end);
  const bool is_dynamic = is_within(address, machine.dynamic, machine.dynamic + MOST_SHARED);
  if (is_within(address, me->stack, me->stack + STACK_BYTES)) return;  // local memory
  ++me->step;
  if (check_alignment && (size & (size - 1)) == 0 && size <= 16 && address % size) {
    char text[96];
    snprintf(text, sizeof text, "%s %d bytes at an address that is no multiple of %d",
             is_write ? "writes" : "reads", size, size);
    report_access("misaligned", address, size, is_write, place, text);
    leave();
  }
  uint8_t flags = uint8_t(is_write | is_atomic << 1);
  uint64_t recorded = address;
  bool check_races = true;
  if (is_static || is_dynamic) {
    const size_t static_bytes = machine.shared_end - machine.shared_begin;
    recorded = is_static
                   ? address - reinterpret_cast<uintptr_t>(machine.shared_begin)
                   : address - reinterpret_cast<uintptr_t>(machine.dynamic) + (static_bytes + 15) / 16 * 16;
    flags |= 4;
    if (is_dynamic &&
        address + size > reinterpret_cast<uintptr_t>(machine.dynamic) + machine.how->dynamic_shared) {
      char text[160];
      snprintf(text, sizeof text, "%s byte %zu of dynamic shared memory, of which the launch gave %llu bytes",
               is_write ? "writes" : "reads", size_t(address - reinterpret_cast<uintptr_t>(machine.dynamic)),
               machine.how->dynamic_shared);
      report_access("shared-out-of-bounds", 0, size, is_write, place, text);
      check_races = false;
    }
  } else {
    const uintptr_t end = reinterpret_cast<uintptr_t>(machine.shared_end);
    if (machine.shared_begin && address >= end && address < end + SHARED_PAD) {
      report_access("shared-out-of-bounds", 0, size, is_write, place,
                    "leaves the static shared arrays of the kernel");
      return;
    }
    const Range* argument = find_argument(address, size, is_write, place);
    flags |= argument ? 8 : 0;
    check_races = argument && !argument->is_const;
  }
  if (records.size() < machine.how->most_accesses)
    records.push_back(Record{recorded, reinterpret_cast<uint64_t>(place), uint32_t(machine.block_number),
                             machine.barriers, me->step, uint16_t(thread), uint8_t(size), flags});
  if (check_races) check_order(recorded, size, is_write, is_atomic, (flags & 4) != 0, place);
}

void access_range(uintptr_t address, size_t bytes, bool is_write, void* place) {
  for (size_t done = 0; done < bytes; done += 16)
    access(address + done, int(bytes - done < 16 ? bytes - done : 16), is_write, false, place, false);
}

}  // namespace

void recorder_begins_launch() {
  records.clear();
  barriers.clear();
  known.clear();
  forget_global_order();
}

void recorder_begins_block() { forget_shared_order(); }

void recorder_syncs_block(int line) {
  if (barriers.size() < MOST_BARRIERS)
    barriers.push_back(BarrierRecord{uint32_t(machine.block_number), machine.barriers, line});
}

void recorder_ends_block() { report_early_reads(); }

Fault* report_once(const char* kind, const Fiber* fiber, const void* place, uint64_t other_place) {
  const auto key = std::make_tuple(std::string(kind), reinterpret_cast<uint64_t>(place), other_place);
  const auto found = known.find(key);
  if (found != known.end()) {
    if (found->second < machine.faults.size()) ++machine.faults[found->second].count;
    return nullptr;
  }
  known[key] = machine.faults.size();
  Fault& fault = report(kind, fiber, "", 0, "%s", "");
  fault.place = reinterpret_cast<uint64_t>(place);
  fault.other_place = other_place;
  return &fault;
}

void atomic_access(const void* address, int size, void* place) {
  acquire_and_release(reinterpret_cast<uintptr_t>(address));
  access(reinterpret_cast<uintptr_t>(address), size, true, true, place);
}

}  // namespace cpm_emulator

// ---- Python's side

using namespace cpm_emulator;

extern "C" {

CPM_EXPORTED void cpm_recorder_ranges(const unsigned long long* bounds, int count) {
  ranges.clear();
  for (int i = 0; i < count; ++i)
    ranges.push_back(Range{bounds[3 * i], bounds[3 * i + 1], bounds[3 * i + 2] != 0});
}

CPM_EXPORTED const void* cpm_recorder_records(unsigned long long* recorded) {
  *recorded = records.size();
  return records.data();
}

CPM_EXPORTED const void* cpm_recorder_barriers(unsigned long long* recorded) {
  *recorded = barriers.size();
  return barriers.data();
}

// ---- what the compiler calls

#define CPM_PLACE __builtin_return_address(0)
#define CPM_HOOKS(bytes)                                                                                  \
  CPM_EXPORTED void __tsan_read##bytes(void* p) { access(uintptr_t(p), bytes, false, false, CPM_PLACE); } \
  CPM_EXPORTED void __tsan_write##bytes(void* p) { access(uintptr_t(p), bytes, true, false, CPM_PLACE); } \
  CPM_EXPORTED void __tsan_unaligned_read##bytes(void* p) {                                               \
    access(uintptr_t(p), bytes, false, false, CPM_PLACE, false);                                          \
  }                                                                                                       \
  CPM_EXPORTED void __tsan_unaligned_write##bytes(void* p) {                                              \
    access(uintptr_t(p), bytes, true, false, CPM_PLACE, false);                                           \
  }                                                                                                       \
  CPM_EXPORTED void __tsan_volatile_read##bytes(void* p) {                                                \
    access(uintptr_t(p), bytes, false, false, CPM_PLACE);                                                 \
  }                                                                                                       \
  CPM_EXPORTED void __tsan_volatile_write##bytes(void* p) {                                               \
    access(uintptr_t(p), bytes, true, false, CPM_PLACE);                                                  \
  }
CPM_HOOKS(1)
CPM_HOOKS(2)
CPM_HOOKS(4)
CPM_HOOKS(8)
CPM_HOOKS(16)
#undef CPM_HOOKS

CPM_EXPORTED void __tsan_init() {}
CPM_EXPORTED void __tsan_func_entry(void*) {}
CPM_EXPORTED void __tsan_func_exit() {}
CPM_EXPORTED void __tsan_read_range(void* p, size_t n) { access_range(uintptr_t(p), n, false, CPM_PLACE); }
CPM_EXPORTED void __tsan_write_range(void* p, size_t n) { access_range(uintptr_t(p), n, true, CPM_PLACE); }
CPM_EXPORTED void* __tsan_memcpy(void* to, const void* from, size_t n) {
  access_range(uintptr_t(from), n, false, CPM_PLACE);
  access_range(uintptr_t(to), n, true, CPM_PLACE);
  return std::memcpy(to, from, n);
}
CPM_EXPORTED void* __tsan_memmove(void* to, const void* from, size_t n) {
  access_range(uintptr_t(from), n, false, CPM_PLACE);
  access_range(uintptr_t(to), n, true, CPM_PLACE);
  return std::memmove(to, from, n);
}
CPM_EXPORTED void* __tsan_memset(void* to, int value, size_t n) {
  access_range(uintptr_t(to), n, true, CPM_PLACE);
  return std::memset(to, value, n);
}

// What the undefined-behaviour sanitizer hands over begins with the place; types carry their name.
struct UbsanPlace {
  const char* file;
  unsigned line, column;
};
struct UbsanType {
  unsigned short kind, info;
  char name[1];
};
struct UbsanIndex {
  UbsanPlace place;
  const UbsanType *array, *index;
};

CPM_EXPORTED void __ubsan_handle_out_of_bounds(UbsanIndex* what, uintptr_t index) {
  if (!machine.current) return;
  const bool is_int = what->index->info >> 1 == 5;  // 2^5 bits: the upper half of the word means nothing
  char text[200];
  snprintf(text, sizeof text, "uses index %lld of an array %s",
           is_int ? (long long)int32_t(index) : (long long)index, what->array->name);
  // Python tells a shared array from a local one by its name, which stands at this column.
  if (Fault* fault = report_line("array-out-of-bounds", what->place.file, int(what->place.line), text))
    fault->address = what->place.column;
}
CPM_EXPORTED void __ubsan_handle_divrem_overflow(UbsanPlace* place, uintptr_t, uintptr_t) {
  if (!machine.current) return;
  report_line("division-by-zero", place->file, int(place->line), "divides a whole number by zero");
  leave();
}
#define CPM_OVERFLOW(name, what, ...)                                                          \
  CPM_EXPORTED void __ubsan_handle_##name##_overflow(UbsanPlace* place, __VA_ARGS__) {         \
    if (machine.current) report_line("integer-overflow", place->file, int(place->line), what); \
  }
CPM_OVERFLOW(add, "gets a sum that does not fit into its type", uintptr_t, uintptr_t)
CPM_OVERFLOW(sub, "gets a difference that does not fit into its type", uintptr_t, uintptr_t)
CPM_OVERFLOW(mul, "gets a number that does not fit into its type", uintptr_t, uintptr_t)
CPM_OVERFLOW(negate, "gets a number that does not fit into its type", uintptr_t)
#undef CPM_OVERFLOW
}
