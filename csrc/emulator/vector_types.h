// CUDA's small vector types and their make_ functions.
#pragma once

// Types of 2 and 4 are copied whole, by one load or store, as a GPU does; the microscope then sees one
// access of 8 or 16 bytes. (Types of 3 are copied number by number on a GPU too.)
#define CPM_VECTOR(name, T, count, fields, parameters, values, alignment)                \
  struct alignas(alignment) name {                                                       \
    typedef T Whole __attribute__((vector_size(count * sizeof(T)), aligned(alignment))); \
    union {                                                                              \
      Whole whole;                                                                       \
      struct {                                                                           \
        fields;                                                                          \
      };                                                                                 \
    };                                                                                   \
    name() = default;                                                                    \
    __attribute__((always_inline)) name parameters : whole(Whole{values}) {}             \
    __attribute__((always_inline)) name(const name& other) : whole(other.whole) {}       \
    __attribute__((always_inline)) name& operator=(const name& other) {                  \
      whole = other.whole;                                                               \
      return *this;                                                                      \
    }                                                                                    \
  };                                                                                     \
  inline __attribute__((always_inline)) name make_##name parameters { return name(values); }
#define CPM_COMMA ,
#define CPM_VECTOR2(name, T) CPM_VECTOR(name, T, 2, T x CPM_COMMA y, (T x, T y), x CPM_COMMA y, 2 * sizeof(T))
#define CPM_VECTOR4(name, T)                                                            \
  CPM_VECTOR(name, T, 4, T x CPM_COMMA y CPM_COMMA z CPM_COMMA w, (T x, T y, T z, T w), \
             x CPM_COMMA y CPM_COMMA z CPM_COMMA w, (4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)))
#define CPM_VECTOR3(name, T) \
  struct name {              \
    T x, y, z;               \
  };                         \
  inline __attribute__((always_inline)) name make_##name(T x, T y, T z) { return name{x, y, z}; }

CPM_VECTOR2(float2, float)
CPM_VECTOR2(double2, double)
CPM_VECTOR2(int2, int)
CPM_VECTOR2(uint2, unsigned)
CPM_VECTOR2(short2, short)
CPM_VECTOR2(ushort2, unsigned short)
CPM_VECTOR2(char2, signed char)
CPM_VECTOR2(uchar2, unsigned char)
CPM_VECTOR2(longlong2, long long)
CPM_VECTOR2(ulonglong2, unsigned long long)
CPM_VECTOR4(float4, float)
CPM_VECTOR4(int4, int)
CPM_VECTOR4(uint4, unsigned)
CPM_VECTOR4(short4, short)
CPM_VECTOR4(ushort4, unsigned short)
CPM_VECTOR4(char4, signed char)
CPM_VECTOR4(uchar4, unsigned char)
CPM_VECTOR3(float3, float)
CPM_VECTOR3(double3, double)
CPM_VECTOR3(int3, int)
CPM_VECTOR3(uint3, unsigned)

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#undef CPM_VECTOR
#undef CPM_VECTOR2
#undef CPM_VECTOR3
#undef CPM_VECTOR4
#undef CPM_COMMA
