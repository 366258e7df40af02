#include "stack_switch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace cpm_emulator {

#if defined(CPM_EMULATOR_UCONTEXT)

void switch_context(Context& from, Context& to) { swapcontext(&from.registers, &to.registers); }

void start_context(Context& context, void (*entry)(), char* stack, size_t bytes) {
  getcontext(&context.registers);
  context.registers.uc_stack.ss_sp = stack;
  context.registers.uc_stack.ss_size = bytes;
  context.registers.uc_link = nullptr;
  makecontext(&context.registers, entry, 0);
}

#else

// Only the registers that a called function must preserve are saved: the compiler expects no more of a call.
// swapcontext would also save the signal mask, by a system call that costs twenty times the rest.
extern "C" void cpm_switch_stacks(void** save, void* restore);

#define CPM_NAME_OF(prefix, name) CPM_QUOTE(prefix) name
#define CPM_QUOTE(prefix) #prefix
#define CPM_ASM_NAME CPM_NAME_OF(__USER_LABEL_PREFIX__, "cpm_switch_stacks")

#if defined(__x86_64__)

constexpr int SAVED_WORDS = 6, RETURN_WORD = 6;  // rbp rbx r12 r13 r14 r15, then the return address

asm(".text\n"
    ".globl " CPM_ASM_NAME "\n" CPM_ASM_NAME
    ":\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n");

#else  // aarch64

constexpr int SAVED_WORDS = 20, RETURN_WORD = 11;  // x19..x30 (x30: the return address), d8..d15

asm(".text\n.p2align 2\n"
    ".globl " CPM_ASM_NAME "\n" CPM_ASM_NAME
    ":\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n"
    "  mov sp, x1\n"
    "  ldp x19, x20, [sp]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n");

#endif

void switch_context(Context& from, Context& to) { cpm_switch_stacks(&from.stack_pointer, to.stack_pointer); }

void start_context(Context& context, void (*entry)(), char* stack, size_t bytes) {
  const uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t(15);
  // 16-byte aligned like `top`; x86-64 then enters `entry` as if called, with a null return address above it.
  void** saved = reinterpret_cast<void**>(top) - (SAVED_WORDS + 4);
  std::memset(saved, 0, (SAVED_WORDS + 2) * sizeof(void*));
  saved[RETURN_WORD] = reinterpret_cast<void*>(entry);
  context.stack_pointer = saved;
}

#endif

// ---- the stacks

namespace {

char* stacks = nullptr;
int num_stacks = 0;

}  // namespace

size_t forbidden_bytes() {
  static const size_t bytes = size_t(sysconf(_SC_PAGESIZE));
  return bytes;
}

// Stacks are kept between launches; the lowest page of each is forbidden, so that an overflow is seen.
bool make_stacks(int count) {
  if (count <= num_stacks) return true;
  if (stacks) munmap(stacks, size_t(num_stacks) * STACK_BYTES);
  void* memory = mmap(nullptr, size_t(count) * STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    stacks = nullptr;
    num_stacks = 0;
    return false;
  }
  stacks = static_cast<char*>(memory);
  num_stacks = count;
  for (int i = 0; i < count; ++i) mprotect(stacks + size_t(i) * STACK_BYTES, forbidden_bytes(), PROT_NONE);
  return true;
}

char* stack_of(int thread) { return stacks + size_t(thread) * STACK_BYTES; }

int stack_owner(uintptr_t address, bool* in_guard) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(stacks);
  if (!stacks || address < start || address >= start + size_t(num_stacks) * STACK_BYTES) return -1;
  *in_guard = (address - start) % STACK_BYTES < forbidden_bytes();
  return int((address - start) / STACK_BYTES);
}

}  // namespace cpm_emulator
