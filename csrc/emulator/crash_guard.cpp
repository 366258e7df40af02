// A wild pointer in a kernel raises a signal on the thread that launched it. Where that happens in a fiber,
// the handler jumps back to the launch, which reports the fault; anywhere else the handler that was there
// before (Python's, pytest's) is called. watchdog.cpp looks at the clock.
#include "crash_guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include <cstring>

#include "emulator.h"
#include "watchdog.h"

namespace cpm_emulator {

namespace {

constexpr int CRASHES[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
constexpr int TIME_IS_UP = SIGURG;  // ignored by default, so a late one does no harm
constexpr int WATCHED[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, TIME_IS_UP, SIGINT};
constexpr int NUM_WATCHED = sizeof WATCHED / sizeof WATCHED[0];

struct {
  int signal;
  uintptr_t address, place;
  bool is_write, misaligned;
} crash;
sigjmp_buf landing;
struct sigaction before[NUM_WATCHED];
pthread_t launching;
volatile bool guarding = false;

struct Registers {
  uintptr_t instruction, stack;
};

Registers registers(const ucontext_t* where) {
#if defined(__linux__) && defined(__x86_64__)
  return {uintptr_t(where->uc_mcontext.gregs[REG_RIP]), uintptr_t(where->uc_mcontext.gregs[REG_RSP])};
#elif defined(__linux__) && defined(__aarch64__)
  return {uintptr_t(where->uc_mcontext.pc), uintptr_t(where->uc_mcontext.sp)};
#elif defined(__APPLE__) && defined(__x86_64__)
  return {uintptr_t(where->uc_mcontext->__ss.__rip), uintptr_t(where->uc_mcontext->__ss.__rsp)};
#elif defined(__APPLE__) && defined(__aarch64__)
  return {uintptr_t(where->uc_mcontext->__ss.__pc), uintptr_t(where->uc_mcontext->__ss.__sp)};
#else
  (void)where;
  return {0, 0};
#endif
}

// The kernel's instruction behind a signal: where it came up, or, inside a function that the kernel called,
// the newest word on its stack that is an address in the kernel's code.
uintptr_t find_place(const Registers& at) {
  if (in_code(at.instruction)) return at.instruction + 1;  // as if it were a return address
  bool in_guard = false;
  const int owner = stack_owner(at.stack, &in_guard);
  if (owner < 0) return 0;
  uintptr_t word = (at.stack + 7) & ~uintptr_t(7);
  if (in_guard) word = reinterpret_cast<uintptr_t>(stack_of(owner)) + forbidden_bytes();
  const uintptr_t top = reinterpret_cast<uintptr_t>(stack_of(owner)) + STACK_BYTES;
  for (; word < top; word += sizeof(uintptr_t)) {
    const uintptr_t value = *reinterpret_cast<const uintptr_t*>(word);
    if (in_code(value)) return value;
  }
  return 0;
}

bool was_write(const ucontext_t* where) {
#if defined(__linux__) && defined(__x86_64__)
  return where->uc_mcontext.gregs[REG_ERR] & 2;  // the page fault's error code
#else
  (void)where;
  return false;
#endif
}

// x86-64 raises the same signal, without an address, for a vector load or store that is not aligned, and for
// an address beyond its 47 bits. Which of them it was only the instruction tells.
bool is_protection_fault(const ucontext_t* where) {
#if defined(__linux__) && defined(__x86_64__)
  return where->uc_mcontext.gregs[REG_TRAPNO] == 13;
#else
  (void)where;
  return false;
#endif
}

// Whether an instruction of x86-64 wants its 16 bytes aligned: moves and arithmetic of whole vectors.
bool wants_alignment(const unsigned char* code) {
  if (*code == 0x66) ++code;
  if ((*code & 0xf0) == 0x40) ++code;
  if (*code++ != 0x0f) return false;
  constexpr unsigned char moves[] = {0x28, 0x29, 0x2b, 0x6f, 0x7f, 0xe7};
  return std::memchr(moves, *code, sizeof moves) || (*code >= 0x51 && *code <= 0x5f) || *code >= 0xfa;
}

void call_previous(int number, siginfo_t* info, void* context) {
  for (int i = 0; i < NUM_WATCHED; ++i) {
    if (WATCHED[i] != number) continue;
    const struct sigaction& old = before[i];
    if (old.sa_flags & SA_SIGINFO) {
      old.sa_sigaction(number, info, context);
    } else if (old.sa_handler == SIG_DFL) {
      if (number == TIME_IS_UP) return;
      signal(number, SIG_DFL);  // a crash comes back at once and then ends the process, as it should
      if (number == SIGINT) raise(number);
    } else if (old.sa_handler != SIG_IGN) {
      old.sa_handler(number);
    }
  }
}

void on_signal(int number, siginfo_t* info, void* context) {
  const bool ours = guarding && pthread_equal(pthread_self(), launching);
  const bool asked = number == TIME_IS_UP || number == SIGINT;
  if (number == SIGINT || !ours || (!asked && !machine.current)) call_previous(number, info, context);
  if (!ours || !machine.current) {
    if (ours && asked) {
      crash.signal = number;
      machine.stopping = true;  // the scheduler looks at it after the next thread
    }
    return;
  }
  const ucontext_t* where = static_cast<const ucontext_t*>(context);
  const Registers at = registers(where);
  crash.signal = number;
  crash.address = asked ? 0 : reinterpret_cast<uintptr_t>(info->si_addr);
  crash.place = find_place(at);
  crash.is_write = was_write(where);
  crash.misaligned = number == SIGSEGV && is_protection_fault(where) && in_code(at.instruction) &&
                     wants_alignment(reinterpret_cast<const unsigned char*>(at.instruction));
  // Between two lines of a kernel it is safe to jump away. Elsewhere a lock may be held: ask, and come again.
  if (asked && !in_code(at.instruction)) {
    machine.stopping = true;
    return;
  }
  siglongjmp(landing, 1);
}

void report_crash() {
  const Fiber* fiber = machine.current;
  bool in_guard = false;
  Fault* fault = nullptr;
  if (crash.signal == TIME_IS_UP) {
    fault = &report("endless-loop", fiber, "", 0, "did not end within the time limit of %g s",
                    machine.how->timeout_s);
  } else if (crash.signal == SIGINT) {
    fault = &report("interrupted", fiber, "", 0, "the launch was interrupted");
  } else if (crash.signal == SIGFPE) {
    fault = &report("division-by-zero", fiber, "", 0, "divides a whole number by zero");
  } else if (crash.signal == SIGILL || crash.signal == SIGTRAP) {
    fault = &report("assertion", fiber, "", 0,
                    "runs into a trap: __builtin_trap(), or code that the compiler takes for impossible");
  } else if (crash.misaligned) {
    fault = &report("misaligned", fiber, "", 0,
                    "reads or writes a vector that does not start at a multiple of its size");
  } else if (stack_owner(crash.address, &in_guard) >= 0 && in_guard) {
    fault = &report("stack-overflow", fiber, "", 0,
                    "needs more than %zu KB of stack: a very large local array, or recursion without an end",
                    STACK_BYTES >> 10);
  } else {
    fault = &report("wild-pointer", fiber, "", 0, "touches memory that does not exist");
    fault->address = crash.address;
    fault->is_write = crash.is_write;
  }
  fault->place = crash.place;
}

}  // namespace

void run_guarded(void (*run)(), double timeout_s) {
  // Handlers need a stack of their own: after an overflow there is none left.
  static thread_local char handler_stack[64 << 10];
  stack_t own{}, old{};
  own.ss_sp = handler_stack;
  own.ss_size = sizeof handler_stack;
  sigaltstack(&own, &old);
  struct sigaction action;
  std::memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigfillset(&action.sa_mask);
  for (int number : CRASHES) sigdelset(&action.sa_mask, number);
  crash.signal = 0;
  launching = pthread_self();
  guarding = true;
  for (int i = 0; i < NUM_WATCHED; ++i) sigaction(WATCHED[i], &action, &before[i]);

  start_watch(timeout_s, TIME_IS_UP);
  if (sigsetjmp(landing, 1) == 0) run();
  end_watch();
  if (crash.signal) report_crash();
  machine.current = nullptr;
  guarding = false;
  for (int i = 0; i < NUM_WATCHED; ++i) sigaction(WATCHED[i], &before[i], nullptr);
  sigaltstack(&old, nullptr);
}

}  // namespace cpm_emulator
