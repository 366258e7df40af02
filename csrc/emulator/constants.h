// What CUDA code expects of <cfloat>, <climits>, <math.h> and <math_constants.h>, without a system header.
// NVRTC gets this text too (kernels/nvrtc.py); the kernel may define the names itself.
#pragma once

#define INFINITY (__int_as_float(0x7f800000))
#define NAN (__int_as_float(0x7fc00000))
#define CUDART_INF_F INFINITY
#define CUDART_NAN_F NAN
#define CUDART_INF (double(INFINITY))
#define CUDART_NAN (double(NAN))
#define CUDART_PI_F 3.141592654f
#define CUDART_PI 3.1415926535897931
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define DBL_MAX 1.7976931348623157e+308
#define DBL_MIN 2.2250738585072014e-308
#define DBL_EPSILON 2.2204460492503131e-16
#define INT_MAX 2147483647
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 4294967295u
#define LLONG_MAX 9223372036854775807ll
#define LLONG_MIN (-LLONG_MAX - 1)
#define ULLONG_MAX 18446744073709551615ull
#define M_PI 3.14159265358979323846
#define M_E 2.71828182845904523536
#define M_SQRT2 1.41421356237309504880
