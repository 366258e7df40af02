// CUDA's atomics. Only one CUDA thread runs at a time, and it is never interrupted between two lines here:
// a plain read, change and write is atomic.
#pragma once

#if defined(CPM_EMULATOR_TRACE)
#define CPM_ATOMIC   \
  template <class T> \
  CPM_UNTRACED
#define CPM_NOTE cpm_emulator::atomic_access(address, sizeof(T), __builtin_return_address(0))
#else
#define CPM_ATOMIC   \
  template <class T> \
  CPM_INLINE
#define CPM_NOTE (void)0
#endif

#define CPM_UPDATE(name, result)                                     \
  CPM_ATOMIC T name(T* address, cpm_emulator::NotDeduced<T> value) { \
    CPM_NOTE;                                                        \
    const T old = *address;                                          \
    *address = result;                                               \
    return old;                                                      \
  }
CPM_UPDATE(atomicAdd, old + value)
CPM_UPDATE(atomicSub, old - value)
CPM_UPDATE(atomicExch, value)
CPM_UPDATE(atomicMin, value < old ? value : old)
CPM_UPDATE(atomicMax, old < value ? value : old)
CPM_UPDATE(atomicAnd, old& value)
CPM_UPDATE(atomicOr, old | value)
CPM_UPDATE(atomicXor, old ^ value)
CPM_UPDATE(atomicInc, old >= value ? 0 : old + 1)
CPM_UPDATE(atomicDec, old == 0 || old > value ? value : old - 1)

CPM_ATOMIC T atomicCAS(T* address, cpm_emulator::NotDeduced<T> expected, cpm_emulator::NotDeduced<T> value) {
  CPM_NOTE;
  const T old = *address;
  if (old == expected)
    *address = value;
  else
    cpm_emulator::pause();  // a lock that somebody else holds
  return old;
}

#undef CPM_UPDATE
#undef CPM_ATOMIC
#undef CPM_NOTE
