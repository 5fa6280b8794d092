"""What every C++ source begins with: types, mathematical functions, and the ways in and out of a block."""

BLOCK = 512  # neurons

_PRELUDE = """\
// {title}
// Registers: {register}. Memory: {memory}. Made by spikingjelly.fusion from the neuron's own methods.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef {register} R;
#define M(function) {macro}

// The vector versions of the mathematical functions, which compilers otherwise only use with -ffast-math.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define VECTOR __attribute__((simd("notinbranch"), const))
extern "C" {{
VECTOR R M(exp)(R) noexcept;
VECTOR R M(log)(R) noexcept;
VECTOR R M(sin)(R) noexcept;
VECTOR R M(cos)(R) noexcept;
VECTOR R M(pow)(R, R) noexcept;
#if __GLIBC_PREREQ(2, 35)
VECTOR R M(tan)(R) noexcept;
VECTOR R M(tanh)(R) noexcept;
VECTOR R M(sinh)(R) noexcept;
VECTOR R M(cosh)(R) noexcept;
VECTOR R M(asin)(R) noexcept;
VECTOR R M(acos)(R) noexcept;
VECTOR R M(atan)(R) noexcept;
VECTOR R M(erf)(R) noexcept;
VECTOR R M(erfc)(R) noexcept;
VECTOR R M(expm1)(R) noexcept;
VECTOR R M(log1p)(R) noexcept;
#endif
}}
#endif

{conversions}
constexpr int64_t BLOCK = {block}, LINE = 64;

// The rows of a block lie far apart, where no processor looks ahead by itself. To the second cache (2): the first has
// few places for lines that are on their way.
static inline void prefetch(const D* row, int64_t n) {{
    for (int64_t i = 0; i < n; i += LINE / sizeof(D)) __builtin_prefetch(row + i, 0, 2);
}}

// A result past the caches into memory: it need not be read before it is written, and leaves the caches to the inputs.
#if defined(__SSE2__)
constexpr bool CAN_PASS_CACHES = true;
static inline void store_past_caches(D* row, const D* values, int64_t n) {{
    int64_t i = 0;
    for (; i < n && reinterpret_cast<uintptr_t>(row + i) % LINE; i++) row[i] = values[i];
    for (; i + static_cast<int64_t>(LINE / sizeof(D)) <= n; i += LINE / sizeof(D))
        for (int64_t part = 0; part < LINE; part += 16) {{
            __m128i vector;
            memcpy(&vector, reinterpret_cast<const char*>(values + i) + part, 16);
            _mm_stream_si128(reinterpret_cast<__m128i*>(reinterpret_cast<char*>(row + i) + part), vector);
        }}
    for (; i < n; i++) row[i] = values[i];
}}
static inline void finish_stores() {{ _mm_sfence(); }}
#else
constexpr bool CAN_PASS_CACHES = false;
static inline void store_past_caches(D*, const D*, int64_t) {{}}
static inline void finish_stores() {{}}
#endif

// A buffer of this thread, kept from call to call.
static R* scratch(int64_t size) {{
    static thread_local struct Buffer {{
        R* data = nullptr;
        int64_t size = 0;
        ~Buffer() {{ free(data); }}
    }} buffer;
    if (buffer.size < size) {{
        free(buffer.data);
        buffer.data = static_cast<R*>(aligned_alloc(64, (size * sizeof(R) + 63) / 64 * 64));
        if (!buffer.data) abort();
        buffer.size = size;
    }}
    return buffer.data;
}}

// stride 0: one value for all neurons
static inline void load_state(R* state, const D* given, int64_t first, int64_t n, int64_t stride) {{
    if (stride == 0) {{
        for (int64_t i = 0; i < n; i++) state[i] = get(given[0]);
    }} else {{
        for (int64_t i = 0; i < n; i++) state[i] = get(given[first + i]);
    }}
}}

// values[(neuron / inner) % count]
static inline void load_uniform(R* values, const R* given, int64_t first, int64_t n, int64_t count, int64_t inner) {{
    if (count == 1) {{
        for (int64_t i = 0; i < n; i++) values[i] = given[0];
        return;
    }}
    int64_t within = first % inner, group = first / inner % count;
    for (int64_t i = 0; i < n;) {{
        const int64_t left = inner == 1 ? count - group : inner - within, end = n - i < left ? n : i + left;
        if (inner == 1) {{
            memcpy(values + i, given + group, (end - i) * sizeof(R));
            group = 0;
            i = end;
            continue;
        }}
        for (; i < end; i++) values[i] = given[group];
        within = 0;
        if (++group == count) group = 0;
    }}
}}

// The input where a tensor is kept that it is a multiple of, plus a shift.
static inline const D* scaled(const D* __restrict given, D* __restrict row, const R* __restrict scale,
                              const R* __restrict shift, int64_t n, bool rounds_once) {{
    if (rounds_once) {{
        for (int64_t i = 0; i < n; i++) row[i] = put(std::fma(get(given[i]), scale[i], shift[i]));
    }} else {{
        for (int64_t i = 0; i < n; i++) row[i] = put(get(given[i]) * scale[i] + shift[i]);
    }}
    return row;
}}

"""

_PLAIN = """\
typedef R D;
static inline R get(D value) { return value; }
static inline D put(R value) { return value; }
"""
_BITS = """\
static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}
static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
typedef uint16_t D;
"""
# Integer arithmetic without branches: compilers turn it into vectors, which they don't do with _Float16.
_FLOAT16 = (
    _BITS
    + """\
static inline R get(D value) {
    const uint32_t magnitude = value & 0x7fffu;
    const uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u;  // infinity and NaN
    const uint32_t bits = bits_of(float_of(magnitude << 13) * 0x1p112f) | special;
    return float_of(bits | (value & 0x8000u) << 16);
}
// rounds to the nearest, ties to even
static inline D put(R value) {
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    const uint32_t normal = (magnitude + 0xc8000fffu + (magnitude >> 13 & 1u)) >> 13;
    const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    const uint32_t small = magnitude < 0x38800000u ? subnormal : normal;
    return static_cast<D>((magnitude >= 0x47800000u ? special : small) | sign);
}
"""
)
_BFLOAT16 = (
    _BITS
    + """\
static inline R get(D value) { return float_of(static_cast<uint32_t>(value) << 16); }
// rounds to the nearest, ties to even; NaN stays NaN
static inline D put(R value) {
    const uint32_t bits = bits_of(value);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return static_cast<D>(value != value ? 0x7fc0u : rounded);
}
"""
)
_CONVERSIONS = {"float32": _PLAIN, "float64": _PLAIN, "float16": _FLOAT16, "bfloat16": _BFLOAT16}


def prelude(register: str, memory: str, title: str) -> str:
    """The text for registers of type ``register`` and tensors of dtype ``memory``."""
    return _PRELUDE.format(
        title=title,
        register=register,
        memory=memory,
        macro="function" if register == "double" else "function##f",
        conversions=_CONVERSIONS[memory],
        block=BLOCK,
    )
