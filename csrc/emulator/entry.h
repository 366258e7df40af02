// Below a kernel's source lab.py writes CPM_KERNEL(name), which makes `cpm_launch_name` callable from Python.
// All else here is read before the source, whose macros (`#define N 8`) must not reach it.
#pragma once

namespace cpm_emulator {

template <int... I>
struct Numbers {};
template <int N, int... I>
struct NumbersTo : NumbersTo<N - 1, N - 1, I...> {};
template <int... I>
struct NumbersTo<0, I...> {
  typedef Numbers<I...> type;
};

template <class T>
struct Value {
  typedef T type;
};
template <class T>
struct Value<const T> {
  typedef T type;
};

template <class... Parameters>
struct Caller {
  template <int... I>
  CPM_UNTRACED static void spread(void* kernel, void** arguments, Numbers<I...>) {
    reinterpret_cast<void (*)(Parameters...)>(kernel)(
        *static_cast<typename Value<Parameters>::type*>(arguments[I])...);
  }
  CPM_UNTRACED static void call(void* kernel, void** arguments) {
    spread(kernel, arguments, typename NumbersTo<sizeof...(Parameters)>::type());
  }
};

#if defined(__APPLE__)
extern "C" char cpm_shared_begin[] __asm("section$start$__DATA$cpm_shared");
extern "C" char cpm_shared_end[] __asm("section$end$__DATA$cpm_shared");
#else
extern "C" __attribute__((visibility("hidden"))) __thread char cpm_shared_end[];  // shared_pad.cpp
char* const cpm_shared_begin = nullptr;  // the runtime asks the loader
#endif

template <class... Parameters>
CPM_UNTRACED int launch_kernel(void (*kernel)(Parameters...), const CpmLaunch* how, void** arguments) {
  const Program program{Caller<Parameters...>::call, reinterpret_cast<void*>(kernel), arguments,
                        cpm_shared_begin, cpm_shared_end};
  return launch(*how, program);
}

}  // namespace cpm_emulator

#define CPM_KERNEL(name)                                                                \
  extern "C" CPM_EXPORTED CPM_UNTRACED int cpm_launch_##name(const CpmLaunch* cpm_how_, \
                                                             void** cpm_arguments_) {   \
    return cpm_emulator::launch_kernel(name, cpm_how_, cpm_arguments_);                 \
  }
