// What CUDA C needs from a C++ compiler to run on the CPU, one thread after the other.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)

struct Triple {
    unsigned int x, y, z;
};
static Triple gridDim, blockDim, blockIdx, threadIdx;

static inline float __uint_as_float(unsigned int bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
static inline unsigned int __float_as_uint(float value) {
    unsigned int bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float float_of_half(unsigned short bits) {
    _Float16 half;
    memcpy(&half, &bits, sizeof(half));
    return half;
}
static inline unsigned short half_of_float(float value) {
    const _Float16 half = static_cast<_Float16>(value);
    unsigned short bits;
    memcpy(&bits, &half, sizeof(bits));
    return bits;
}
#define HALF_TO_FLOAT(to, from) to = float_of_half(from)
#define FLOAT_TO_HALF(to, from) to = half_of_float(from)

template <class... Arguments, std::size_t... Numbers>
static void call(void (*kernel)(Arguments...), void** arguments, std::index_sequence<Numbers...>) {
    kernel(*static_cast<std::remove_const_t<Arguments>*>(arguments[Numbers])...);
}

// Takes what cuLaunchKernel takes: the addresses of the arguments.
template <class... Arguments>
static void launch(void (*kernel)(Arguments...), unsigned int blocks, unsigned int threads, void** arguments) {
    gridDim = {blocks, 1, 1};
    blockDim = {threads, 1, 1};
    for (unsigned int block = 0; block < blocks; block++)
        for (unsigned int thread = 0; thread < threads; thread++) {
            blockIdx = {block, 0, 0};
            threadIdx = {thread, 0, 0};
            call(kernel, arguments, std::index_sequence_for<Arguments...>());
        }
}
#define LAUNCHER(kernel) \
    extern "C" void launch_##kernel(unsigned int blocks, unsigned int threads, void** arguments) { \
        launch(kernel, blocks, threads, arguments); \
    }
