"""The C++ that the sources of all products begin with."""

TEXT = r"""// Made by spikingjelly.products.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

// The order of the sums is another one than in a dense convolution anyway.
#if defined(__clang__)
#pragma STDC FP_CONTRACT ON
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast")
#endif

// As wide as a register: of wider ones compilers make poor code.
#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif
typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

"""
