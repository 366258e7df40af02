// The shared memory of the block that runs: where it lies, and what it holds when a block starts.
#include <dlfcn.h>

#include <cstring>

#include "emulator.h"

#if defined(__linux__)
#include <link.h>
#endif

namespace cpm_emulator {

namespace {

constexpr size_t CANARY = 256;  // bytes behind either part that no kernel may write
constexpr unsigned char POISON = 0xff;
alignas(256) char dynamic_memory[MOST_SHARED + CANARY];

#if defined(__linux__)
// Finds the kernel's shared object: its code, and its thread-local block, which holds the __shared__
// variables and nothing else.
int look_at_object(dl_phdr_info* object, size_t, void* kernel) {
  const uintptr_t wanted = reinterpret_cast<uintptr_t>(kernel);
  bool ours = false, has_shared = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    const uintptr_t start = object->dlpi_addr + part.p_vaddr, end = start + part.p_memsz;
    if (part.p_type == PT_TLS) has_shared = true;
    if (part.p_type != PT_LOAD || wanted < start || wanted >= end) continue;
    ours = true;
    machine.code_begin = start;
    machine.code_end = end;
  }
  if (ours && has_shared) machine.shared_begin = static_cast<char*>(object->dlpi_tls_data);
  return ours;
}
#endif

bool is_poisoned(const char* begin) {
  for (size_t i = 0; i < CANARY; ++i)
    if (static_cast<unsigned char>(begin[i]) != POISON) return false;
  return true;
}

}  // namespace

void find_program() {
  machine.dynamic = dynamic_memory;
  machine.shared_begin = machine.program.shared_begin;
  machine.shared_end = machine.program.shared_end;
  machine.code_begin = machine.code_end = 0;
#if defined(__linux__)
  dl_iterate_phdr(look_at_object, machine.program.kernel);
#endif
}

bool in_program(const void* address) {
  Dl_info info, own;
  return dladdr(address, &info) && dladdr(machine.program.kernel, &own) && info.dli_fbase == own.dli_fbase;
}

bool in_code(uintptr_t address) {
  if (machine.code_end) return address >= machine.code_begin && address < machine.code_end;
  return in_program(reinterpret_cast<const void*>(address));
}

// Shared memory holds what the last block left; NaN shows a kernel that counts on zeros.
void poison_shared() {
  std::memset(machine.shared_begin, POISON, machine.shared_end - machine.shared_begin + CANARY);
  std::memset(machine.dynamic, POISON, machine.how->dynamic_shared + CANARY);
}

bool shared_was_overrun() {
  return !is_poisoned(machine.shared_end) || !is_poisoned(machine.dynamic + machine.how->dynamic_shared);
}

}  // namespace cpm_emulator
