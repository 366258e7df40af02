// Copies of the tensors that a kernel works on. Each copy lies between forbidden pages, so that running off
// an end is seen instead of spoiling the memory of Python; what the kernel must not write is read-only.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "interface.h"

extern "C" {

// Mirrored by kernels/guarded.py.
struct CpmGuarded {
  char* original;
  unsigned long long bytes;
  int writable;
  unsigned long long margin;  // bytes at either end that may be touched, so that a traced launch can go on
  char* copy;                 // filled in by cpm_guard
  char* region;
  unsigned long long region_bytes;
};

constexpr unsigned char UNTOUCHED = 0xa5;  // in the few bytes between the copy and the forbidden page

// Returns 0, or 1 where there is no memory. The copy is as far from a multiple of 256 as the original is
// from one of 64 (what torch aligns to), so that a misaligned view stays one.
CPM_EXPORTED int cpm_guard(CpmGuarded* guarded) {
  const size_t page = size_t(sysconf(_SC_PAGESIZE));
  const size_t offset = reinterpret_cast<uintptr_t>(guarded->original) % 64;
  const size_t inside = (guarded->bytes + offset + 2 * guarded->margin + 64 + page - 1) / page * page;
  guarded->region_bytes = inside + 2 * page;
  void* memory = mmap(nullptr, guarded->region_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return 1;
  guarded->region = static_cast<char*>(memory);
  char* end = guarded->region + page + inside;
  uintptr_t copy = reinterpret_cast<uintptr_t>(end - guarded->margin - guarded->bytes);
  copy -= (copy - offset) % 16;  // flush with the end, as far as 16-byte vectors allow
  if (guarded->margin) copy -= (copy - offset) % 256;
  guarded->copy = reinterpret_cast<char*>(copy);
  if (!guarded->margin)
    std::memset(guarded->copy + guarded->bytes, UNTOUCHED, end - guarded->copy - guarded->bytes);
  std::memcpy(guarded->copy, guarded->original, guarded->bytes);
  mprotect(guarded->region, page, PROT_NONE);
  mprotect(end, page, PROT_NONE);
  if (!guarded->writable) mprotect(guarded->region + page, inside, PROT_READ);
  return 0;
}

// Copies the results back and gives the memory up. Returns 1 where the bytes just behind were overwritten.
CPM_EXPORTED int cpm_unguard(CpmGuarded* guarded) {
  const size_t page = size_t(sysconf(_SC_PAGESIZE));
  int spoiled = 0;
  if (guarded->writable) {
    std::memcpy(guarded->original, guarded->copy, guarded->bytes);
    const char* end = guarded->region + guarded->region_bytes - page;
    if (!guarded->margin)
      for (const char* byte = guarded->copy + guarded->bytes; byte < end; ++byte)
        spoiled |= static_cast<unsigned char>(*byte) != UNTOUCHED;
  }
  munmap(guarded->region, guarded->region_bytes);
  return spoiled;
}
}
