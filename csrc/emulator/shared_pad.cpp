// Linked behind a kernel: its thread-local memory is the kernel's shared memory (cuda_emulator.h), and this
// comes last in it, so that a small step over the end of the shared arrays spoils nothing else.
#include "interface.h"

#if !defined(__APPLE__)
extern "C" {
__attribute__((visibility("hidden"))) __thread char cpm_shared_end[cpm_emulator::SHARED_PAD]
    __attribute__((aligned(16)));
}
#endif
