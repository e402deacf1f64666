// Vectors as wide as this processor's registers, and how many of them the innermost loops hold.
#pragma once

#include <cstdint>

namespace {

#ifdef __AVX512F__
constexpr int64_t kLanes = 16;
constexpr int kVectors = 4;  // times kPixels sums, and one factor each, fill 32 registers
constexpr int kPixels = 6;
#else
constexpr int64_t kLanes = 8;
constexpr int kVectors = 2;
constexpr int kPixels = 6;
#endif
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

inline Lanes& at(float* place) { return *reinterpret_cast<Lanes*>(place); }
inline const Lanes& at(const float* place) { return *reinterpret_cast<const Lanes*>(place); }

}  // namespace
