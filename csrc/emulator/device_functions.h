// CUDA's arithmetic: mathematical functions, intrinsics, and reinterpretation of bits. The functions are the
// host's libm; on a GPU the last bits differ, and __expf and its kin are coarser there.
#pragma once

// ---- functions of libm, declared here because <math.h> would take longer than the kernel to compile

#define CPM_MATH1(name)                     \
  extern "C" float name##f(float) noexcept; \
  extern "C" double name(double) noexcept;  \
  CPM_INLINE float name(float x) { return name##f(x); }
#define CPM_MATH2(name)                            \
  extern "C" float name##f(float, float) noexcept; \
  extern "C" double name(double, double) noexcept; \
  CPM_INLINE float name(float x, float y) { return name##f(x, y); }
CPM_MATH1(exp)
CPM_MATH1(exp2)
CPM_MATH1(expm1)
CPM_MATH1(log)
CPM_MATH1(log2)
CPM_MATH1(log10)
CPM_MATH1(log1p)
CPM_MATH1(sqrt)
CPM_MATH1(cbrt)
CPM_MATH1(sin)
CPM_MATH1(cos)
CPM_MATH1(tan)
CPM_MATH1(asin)
CPM_MATH1(acos)
CPM_MATH1(atan)
CPM_MATH1(sinh)
CPM_MATH1(cosh)
CPM_MATH1(tanh)
CPM_MATH1(asinh)
CPM_MATH1(acosh)
CPM_MATH1(atanh)
CPM_MATH1(erf)
CPM_MATH1(erfc)
CPM_MATH1(tgamma)
CPM_MATH1(lgamma)
CPM_MATH1(fabs)
CPM_MATH1(floor)
CPM_MATH1(ceil)
CPM_MATH1(round)
CPM_MATH1(rint)
CPM_MATH1(nearbyint)
CPM_MATH1(trunc)
CPM_MATH2(pow)
CPM_MATH2(atan2)
CPM_MATH2(hypot)
CPM_MATH2(fmod)
CPM_MATH2(remainder)
CPM_MATH2(fmax)
CPM_MATH2(fmin)
CPM_MATH2(fdim)
CPM_MATH2(copysign)
#undef CPM_MATH1
#undef CPM_MATH2

extern "C" {
float fmaf(float, float, float) noexcept;
double fma(double, double, double) noexcept;
float ldexpf(float, int) noexcept;
double ldexp(double, int) noexcept;
float frexpf(float, int*) noexcept;
long lroundf(float) noexcept;
long lrintf(float) noexcept;
int abs(int) noexcept;
}
CPM_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
CPM_INLINE float pow(float x, int n) { return powf(x, float(n)); }
CPM_INLINE double pow(double x, int n) { return pow(x, double(n)); }
CPM_INLINE float abs(float x) { return __builtin_fabsf(x); }
CPM_INLINE double abs(double x) { return __builtin_fabs(x); }
CPM_INLINE long long abs(long long x) { return x < 0 ? -x : x; }
CPM_INLINE float exp10f(float x) { return float(pow(10.0, double(x))); }
CPM_INLINE float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
CPM_INLINE double rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }
CPM_INLINE float rsqrt(float x) { return rsqrtf(x); }
CPM_INLINE float rcbrtf(float x) { return 1.0f / cbrtf(x); }
CPM_INLINE float normf(float x, float y) { return hypotf(x, y); }
CPM_INLINE float rhypotf(float x, float y) { return 1.0f / hypotf(x, y); }
CPM_INLINE float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }  // NaN becomes 0
CPM_INLINE void sincosf(float x, float* sine, float* cosine) {
  *sine = sinf(x);
  *cosine = cosf(x);
}
CPM_INLINE bool isnan(float x) { return __builtin_isnan(x); }
CPM_INLINE bool isnan(double x) { return __builtin_isnan(x); }
CPM_INLINE bool isinf(float x) { return __builtin_isinf(x); }
CPM_INLINE bool isinf(double x) { return __builtin_isinf(x); }
CPM_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
CPM_INLINE bool isfinite(double x) { return __builtin_isfinite(x); }
CPM_INLINE bool signbit(float x) { return __builtin_signbit(x); }

// min and max of floats drop a NaN, of integers mix types as ?: does
template <class A, class B>
CPM_INLINE auto min(A a, B b) -> decltype(true ? A() : B()) {
  typedef decltype(true ? A() : B()) T;
  return T(b) < T(a) ? T(b) : T(a);
}
template <class A, class B>
CPM_INLINE auto max(A a, B b) -> decltype(true ? A() : B()) {
  typedef decltype(true ? A() : B()) T;
  return T(a) < T(b) ? T(b) : T(a);
}
CPM_INLINE float min(float a, float b) { return fminf(a, b); }
CPM_INLINE float max(float a, float b) { return fmaxf(a, b); }
CPM_INLINE double min(double a, double b) { return fmin(a, b); }
CPM_INLINE double max(double a, double b) { return fmax(a, b); }
CPM_INLINE int umin(unsigned a, unsigned b) { return a < b ? a : b; }
CPM_INLINE int umax(unsigned a, unsigned b) { return a < b ? b : a; }

// ---- bits

CPM_INLINE unsigned __float_as_uint(float x) {
  return cpm_emulator::from_bits<unsigned>(cpm_emulator::to_bits(x));
}
CPM_INLINE int __float_as_int(float x) { return cpm_emulator::from_bits<int>(cpm_emulator::to_bits(x)); }
CPM_INLINE float __uint_as_float(unsigned x) { return cpm_emulator::from_bits<float>(x); }
CPM_INLINE float __int_as_float(int x) { return cpm_emulator::from_bits<float>((unsigned)x); }
CPM_INLINE long long __double_as_longlong(double x) { return (long long)cpm_emulator::to_bits(x); }
CPM_INLINE double __longlong_as_double(long long x) { return cpm_emulator::from_bits<double>(x); }
CPM_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
CPM_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
CPM_INLINE int __ffs(int x) { return __builtin_ffs(x); }
CPM_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
CPM_INLINE int __clz(int x) { return x ? __builtin_clz(x) : 32; }
CPM_INLINE int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
CPM_INLINE unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1u) << (31 - i);
  return reversed;
}
CPM_INLINE unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) << (shift & 31) >> 32);
}
CPM_INLINE unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) >> (shift & 31));
}

// ---- intrinsics

#define CPM_BINARY(name, T, operation) \
  CPM_INLINE T name(T a, T b) { return a operation b; }
CPM_BINARY(__fadd_rn, float, +)
CPM_BINARY(__fsub_rn, float, -)
CPM_BINARY(__fmul_rn, float, *)
CPM_BINARY(__fdiv_rn, float, /)
CPM_BINARY(__fdividef, float, /)
CPM_BINARY(__dadd_rn, double, +)
CPM_BINARY(__dsub_rn, double, -)
CPM_BINARY(__dmul_rn, double, *)
CPM_BINARY(__ddiv_rn, double, /)
CPM_BINARY(__mul24, int, *)
CPM_BINARY(__umul24, unsigned, *)
#undef CPM_BINARY
CPM_INLINE float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
CPM_INLINE float __fsqrt_rn(float x) { return __builtin_sqrtf(x); }
CPM_INLINE float __frcp_rn(float x) { return 1.0f / x; }
CPM_INLINE float __frsqrt_rn(float x) { return rsqrtf(x); }
CPM_INLINE float __expf(float x) { return expf(x); }
CPM_INLINE float __exp10f(float x) { return exp10f(x); }
CPM_INLINE float __logf(float x) { return logf(x); }
CPM_INLINE float __log2f(float x) { return log2f(x); }
CPM_INLINE float __log10f(float x) { return log10f(x); }
CPM_INLINE float __powf(float x, float y) { return powf(x, y); }
CPM_INLINE float __sinf(float x) { return sinf(x); }
CPM_INLINE float __cosf(float x) { return cosf(x); }
CPM_INLINE float __tanf(float x) { return tanf(x); }
CPM_INLINE int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
CPM_INLINE unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
CPM_INLINE int __float2int_rn(float x) { return int(rintf(x)); }
CPM_INLINE int __float2int_rz(float x) { return int(x); }
CPM_INLINE int __float2int_rd(float x) { return int(floorf(x)); }
CPM_INLINE int __float2int_ru(float x) { return int(ceilf(x)); }
CPM_INLINE unsigned __float2uint_rn(float x) { return unsigned(rintf(x)); }
CPM_INLINE unsigned __float2uint_rz(float x) { return unsigned(x); }
CPM_INLINE float __int2float_rn(int x) { return float(x); }
CPM_INLINE float __uint2float_rn(unsigned x) { return float(x); }

// loads and stores with a caching hint: plain ones here
#define CPM_LOAD(name)                  \
  template <class T>                    \
  CPM_INLINE T name(const T* address) { \
    return *address;                    \
  }
#define CPM_STORE(name)                                                        \
  template <class T>                                                           \
  CPM_INLINE void name(T* address, const cpm_emulator::NotDeduced<T>& value) { \
    *address = value;                                                          \
  }
CPM_LOAD(__ldg)
CPM_LOAD(__ldca)
CPM_LOAD(__ldcg)
CPM_LOAD(__ldcs)
CPM_LOAD(__ldlu)
CPM_LOAD(__ldcv)
CPM_STORE(__stcg)
CPM_STORE(__stcs)
CPM_STORE(__stwb)
CPM_STORE(__stwt)
#undef CPM_LOAD
#undef CPM_STORE
