"""The two loops over time in C++.

Neurons are taken in blocks that stay in the cache with all their time steps. The forward pass keeps nothing but its
results. The backward pass runs the block forward again: from checkpoints at the start of each segment of time steps,
and inside a segment with the states of each step. Nothing of it leaves the block.
"""

from spikingjelly.fusion.program import Program
from spikingjelly.fusion.templates.step import Names, functions

BLOCK = 1024

_PRELUDE = """\
// {title}
// Registers: {register}. Memory: {memory}. Made by spikingjelly.fusion from the neuron's own methods.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

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
constexpr int64_t BLOCK = {block};

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
    for (int64_t i = 0; i < n; i++) {{
        values[i] = given[group];
        if (++within == inner) {{
            within = 0;
            if (++group == count) group = 0;
        }}
    }}
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


def source(program: Program, memory: str, title: str) -> str:
    """The C++ text of both directions for tensors of dtype ``memory``."""
    register = "double" if memory == "float64" else "float"
    prelude = _PRELUDE.format(
        title=title,
        register=register,
        memory=memory,
        macro="function" if register == "double" else "function##f",
        conversions=_CONVERSIONS[memory],
        block=BLOCK,
    )
    inline = "static inline __attribute__((always_inline))"
    return prelude + functions(program, inline) + "\n" + _forward(program) + "\n" + _backward(program)


def _each(names: list[str], text: str, separator: str = "\n    ") -> str:
    return separator.join(text.format(name=name, number=number) for number, name in enumerate(names))


def _constants(names: Names) -> str:
    numbers = _each(names.numbers, "const R {name} = static_cast<R>(numbers[{number}]);")
    return f"    {numbers}\n" if numbers else ""


def _load_uniforms(names: Names) -> str:
    return "".join(
        f"        R {name}[BLOCK];\n        load_uniform({name}, p_{name}, first, n, count_{name}, inner_{name});\n"
        for name in names.uniforms
    )


def _at(names: list[str], suffix: str = "[i]") -> list[str]:
    return [f"{name}{suffix}" for name in names]


def _uniform_pointers(names: Names) -> str:
    return "".join(
        f"    const R* p_{u} = static_cast<const R*>(*p++);\n    const int64_t count_{u} = *d++, inner_{u} = *d++;\n"
        for u in names.uniforms
    )


def _forward(program: Program) -> str:
    names = Names.of(program)
    states = names.states
    results = ["out", *[f"next_{s}" for s in states]]
    arguments = ["get(x[i])", *_at(states), *_at(names.uniforms), *names.numbers, *results]
    pointers = "".join(
        f"    const D* given_{s} = static_cast<const D*>(*p++);\n    const int64_t stride_{s} = *d++;\n"
        f"    D* final_{s} = static_cast<D*>(*p++);\n    D* all_{s} = static_cast<D*>(*p++);\n"
        for s in states
    )
    load = "".join(
        f"        R {s}[BLOCK];\n        load_state({s}, given_{s}, first, n, stride_{s});\n" for s in states
    )
    keep = "".join(
        f"            if (all_{s})\n                for (int64_t i = 0; i < n; i++) all_{s}[t * N + first + i] = "
        f"put({s}[i]);\n"
        for s in states
    )
    finish = "".join(f"        for (int64_t i = 0; i < n; i++) final_{s}[first + i] = put({s}[i]);\n" for s in states)
    return f"""\
extern "C" void forward(void* const* p, const int64_t* d, const double* numbers) {{
    const int64_t T = *d++, N = *d++, block = *d++, threads = *d++, x_stride = *d++;
    const D* X = static_cast<const D*>(*p++);
    D* Y = static_cast<D*>(*p++);
{pointers}{_uniform_pointers(names)}{_constants(names)}\
    #pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t first = 0; first < N; first += block) {{
        const int64_t n = N - first < block ? N - first : block;
{load}{_load_uniforms(names)}\
        for (int64_t t = 0; t < T; t++) {{
            const D* __restrict x = X + t * x_stride + first;
            D* __restrict y = Y + t * N + first;
            #pragma omp simd
            for (int64_t i = 0; i < n; i++) {{
                R {", ".join(results)};
                step({", ".join(arguments)});
                y[i] = put(out);
                {_each(states, "{name}[i] = next_{name};", " ")}
            }}
{keep}        }}
{finish}    }}
}}
"""


def _backward(program: Program) -> str:
    names = Names.of(program)
    states, sums, K = names.states, names.sums, program.states
    cotangents = [f"g{s}" for s in states]
    constants = [*_at(names.uniforms), *names.numbers]
    now = [f"now_{s}" for s in states]
    x = "const D* __restrict x = X + t * x_stride + first;"
    row = "\n                ".join(
        f"R* __restrict now_{s} = rows + ((t - start) * {K} + {k}) * BLOCK;" for k, s in enumerate(states)
    )
    gradients = [f"grad_{v}" for v in ["x", *states]] + [f"term_{a}" for a in sums]
    vjp = ["get(x[i])", *_at(now), *constants, "get(gy[i])", *_at(cotangents), *gradients]
    return f"""\
extern "C" void backward(void* const* p, const int64_t* d, const double* numbers) {{
    const int64_t T = *d++, N = *d++, block = *d++, threads = *d++, x_stride = *d++, gy_stride = *d++;
    const int64_t gx_stride = *d++, segment = *d++;
    const D* X = static_cast<const D*>(*p++);
    const D* GY = static_cast<const D*>(*p++);
    D* GX = static_cast<D*>(*p++);
{_backward_pointers(names)}{_uniform_pointers(names)}{_constants(names)}\
    const int64_t segments = (T + segment - 1) / segment;
    #pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t first = 0; first < N; first += block) {{
        const int64_t n = N - first < block ? N - first : block;
        R* checkpoints = scratch((segments + segment) * {max(K, 1)} * BLOCK);
        R* rows = checkpoints + segments * {K} * BLOCK;
        // Not wanted, or summed over time for an input that is the same in all time steps.
        const bool elsewhere = !GX || gx_stride == 0;
        D gx_row[BLOCK];
        R gx_total[BLOCK] = {{}};
{_load_uniforms(names)}\
        {_each(states, "load_state(checkpoints + {number} * BLOCK, given_{name}, first, n, stride_{name});")}
        for (int64_t t = 0; t < (segments - 1) * segment; t++) {{
            {x}
            // The first step of a segment reads its checkpoint; the others advance what becomes the next one.
            const R* from = checkpoints + (t / segment + (t % segment != 0)) * {K} * BLOCK;
            R* to = checkpoints + (t / segment + 1) * {K} * BLOCK;
            {_each(states, "const R* now_{name} = from + {number} * BLOCK;")}
            {_each(states, "R* next_row_{name} = to + {number} * BLOCK;")}
            #pragma omp simd
            for (int64_t i = 0; i < n; i++) {{
                {_next(states, constants, now)}
                {_each(states, "next_row_{name}[i] = next_{name};", " ")}
            }}
        }}
        {_each(cotangents, "R {name}[BLOCK];")}
        {_each(cotangents, _LOAD_COTANGENT)}
        {_each(sums, "R {name}[BLOCK];")}
        {_each(sums, "memset({name}, 0, sizeof({name}));")}
        for (int64_t s = segments - 1; s >= 0; s--) {{
            const int64_t start = s * segment, end = start + segment < T ? start + segment : T;
            memcpy(rows, checkpoints + s * {K} * BLOCK, {K} * BLOCK * sizeof(R));
            for (int64_t t = start; t < end - 1; t++) {{
                {x}
                {row}
                {_each(states, f"R* __restrict next_row_{{name}} = now_{{name}} + {K} * BLOCK;")}
                #pragma omp simd
                for (int64_t i = 0; i < n; i++) {{
                    {_next(states, constants, now)}
                    {_each(states, "next_row_{name}[i] = next_{name};", " ")}
                }}
            }}
            for (int64_t t = end - 1; t >= start; t--) {{
                {x}
                const D* __restrict gy = GY + t * gy_stride + first;
                D* __restrict gx = elsewhere ? gx_row : GX + t * gx_stride + first;
                {row}
                {_each(cotangents, _ADD_COTANGENT)}
                #pragma omp simd
                for (int64_t i = 0; i < n; i++) {{
                    R {", ".join(gradients)};
                    vjp({", ".join(vjp)});
                    gx[i] = put(grad_x);
                    {_each(states, "g{name}[i] = grad_{name};", " ")}
                    {_each(sums, "{name}[i] += term_{name};", " ")}
                }}
                if (elsewhere)
                    for (int64_t i = 0; i < n; i++) gx_total[i] += get(gx_row[i]);
            }}
        }}
        if (GX && elsewhere)
            for (int64_t i = 0; i < n; i++) GX[first + i] = put(gx_total[i]);
        {_each(states, "if (GS_{name}) for (int64_t i = 0; i < n; i++) GS_{name}[first + i] = put(g{name}[i]);")}
        {_each(sums, "for (int64_t i = 0; i < n; i++) SUM_{name}[first + i] = {name}[i];")}
    }}
}}
"""


_LOAD_COTANGENT = """\
if (final_{name}) load_state({name}, final_{name}, first, n, 1);
        else memset({name}, 0, sizeof({name}));"""
_ADD_COTANGENT = """\
if (all_{name})
                    for (int64_t i = 0; i < n; i++) {name}[i] += get(all_{name}[t * all_stride_{name} + first + i]);"""


def _next(states: list[str], constants: list[str], now: list[str]) -> str:
    if not states:
        return ""
    after = ", ".join(f"next_{s}" for s in states)
    return f"R {after};\n                    next_states({', '.join(['get(x[i])', *_at(now), *constants, after])});"


def _backward_pointers(names: Names) -> str:
    states = "".join(
        f"    const D* given_{s} = static_cast<const D*>(*p++);\n"
        f"    const int64_t stride_{s} = *d++;\n"
        f"    const D* final_g{s} = static_cast<const D*>(*p++);\n"
        f"    const D* all_g{s} = static_cast<const D*>(*p++);\n"
        f"    const int64_t all_stride_g{s} = *d++;\n"
        f"    D* GS_{s} = static_cast<D*>(*p++);\n"
        for s in names.states
    )
    return states + "".join(f"    R* SUM_{a} = static_cast<R*>(*p++);\n" for a in names.sums)
