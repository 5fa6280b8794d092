"""The two loops over time in C++.

Neurons are taken in blocks that stay in the cache with all their time steps. The forward pass keeps nothing but its
results. The backward pass runs the block forward again: from checkpoints at the start of each segment of time steps,
and inside a segment with the states of each step. Nothing of it leaves the block. Of large sequences each row
is asked for from memory while the one before it is computed, and results are written past the caches.
"""

from spikingjelly.fusion.program import Program
from spikingjelly.fusion.templates.cpp_prelude import prelude
from spikingjelly.fusion.templates.step import Names, functions


def source(program: Program, memory: str, title: str) -> str:
    """The C++ text of both directions for tensors of dtype ``memory``."""
    register = "double" if memory == "float64" else "float"
    inline = "static inline __attribute__((always_inline))"
    parts = [prelude(register, memory, title) + functions(program, inline), _forward(program), _backward(program)]
    return "\n".join(parts)


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
    return f"""\
extern "C" void forward(void* const* p, const int64_t* d, const double* numbers) {{
    const int64_t T = *d++, N = *d++, block = *d++, threads = *d++, large = *d++, x_stride = *d++;
    const bool past_caches = large && CAN_PASS_CACHES;
    const D* X = static_cast<const D*>(*p++);
    D* Y = static_cast<D*>(*p++);
{_forward_pointers(names)}{_uniform_pointers(names)}{_constants(names)}\
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {{
    #pragma omp for schedule(static) nowait
    for (int64_t first = 0; first < N; first += block) {{
        const int64_t n = N - first < block ? N - first : block;
        alignas(LINE) D row[BLOCK];
{_load_states(names)}{_load_uniforms(names)}\
        for (int64_t t = 0; t < T; t++) {{
            const D* __restrict x = X + t * x_stride + first;
            D* __restrict y = past_caches ? row : Y + t * N + first;
            if (large) prefetch(t + 1 < T ? x + x_stride : X + first + block, n);
            #pragma omp simd
            for (int64_t i = 0; i < n; i++) {{
                R {", ".join(results)};
                step({", ".join(arguments)});
                y[i] = put(out);
                {_each(states, "{name}[i] = next_{name};", " ")}
            }}
            if (past_caches) store_past_caches(Y + t * N + first, row, n);
{_keep_states(names)}        }}
{_store_states(names)}    }}
    finish_stores();
    }}
}}
"""


def _forward_pointers(names: Names) -> str:
    return "".join(
        f"    const D* given_{s} = static_cast<const D*>(*p++);\n    const int64_t stride_{s} = *d++;\n"
        f"    D* final_{s} = static_cast<D*>(*p++);\n    D* all_{s} = static_cast<D*>(*p++);\n"
        for s in names.states
    )


def _load_states(names: Names) -> str:
    return "".join(
        f"        R {s}[BLOCK];\n        load_state({s}, given_{s}, first, n, stride_{s});\n" for s in names.states
    )


def _keep_states(names: Names) -> str:
    """After a time step, the states whose values are wanted at each."""
    return "".join(
        f"            if (all_{s}) {{\n                D* rows_{s} = past_caches ? row : all_{s} + t * N + first;\n"
        f"                for (int64_t i = 0; i < n; i++) rows_{s}[i] = put({s}[i]);\n"
        f"                if (past_caches) store_past_caches(all_{s} + t * N + first, row, n);\n            }}\n"
        for s in names.states
    )


def _store_states(names: Names) -> str:
    """After the last time step."""
    return "".join(
        f"        for (int64_t i = 0; i < n; i++) final_{s}[first + i] = put({s}[i]);\n" for s in names.states
    )


def _backward(program: Program) -> str:
    names = Names.of(program)
    states, sums, K = names.states, names.sums, len(names.states)
    cotangents = [f"g{s}" for s in states]
    return f"""\
extern "C" void backward(void* const* p, const int64_t* d, const double* numbers) {{
{_BACKWARD_ARGUMENTS}{_backward_pointers(names)}{_uniform_pointers(names)}{_constants(names)}\
    const int64_t segments = (T + segment - 1) / segment;
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {{
    #pragma omp for schedule(static) nowait
    for (int64_t first = 0; first < N; first += block) {{
        const int64_t n = N - first < block ? N - first : block;
{_memory_of_block(K)}{_load_uniforms(names)}\
        {_each(states, "load_state(checkpoints + {number} * BLOCK, given_{name}, first, n, stride_{name});")}
{_checkpoints(names)}        {_each(cotangents, "R {name}[BLOCK];")}
        {_each(cotangents, _LOAD_COTANGENT)}
        {_each(sums, "R {name}[BLOCK];")}
        {_each(sums, "memset({name}, 0, sizeof({name}));")}
        for (int64_t s = segments - 1; s >= 0; s--) {{
            const int64_t start = s * segment, end = start + segment < T ? start + segment : T;
            memcpy(rows, checkpoints + s * {K} * BLOCK, {K} * BLOCK * sizeof(R));
{_states_of_segment(names)}{_cotangents(names)}        }}
        if (summed)
            for (int64_t i = 0; i < n; i++) GX[first + i] = put(gx_total[i]);
        {_each(states, "if (GS_{name}) for (int64_t i = 0; i < n; i++) GS_{name}[first + i] = put(g{name}[i]);")}
        {_each(sums, "for (int64_t i = 0; i < n; i++) SUM_{name}[first + i] = {name}[i];")}
    }}
    finish_stores();
    }}
}}
"""


def _memory_of_block(K: int) -> str:
    return f"""\
        R* checkpoints = scratch(((segments + segment) * {K} + segment) * BLOCK);
        R* rows = checkpoints + segments * {K} * BLOCK;
        D* x_rows = reinterpret_cast<D*>(rows + segment * {K} * BLOCK);  // of inputs that are scaled
        // Summed over time for an input that is the same in all time steps.
        const bool summed = GX && gx_stride == 0, direct = GX && !summed && !past_caches;
        alignas(LINE) D row[BLOCK];
        R gx_total[BLOCK] = {{}}, scale[BLOCK], shift[BLOCK];
        if (SCALE) {{
            load_uniform(scale, SCALE, first, n, channels, neurons_of_channel);
            load_uniform(shift, SHIFT, first, n, channels, neurons_of_channel);
        }}
"""


def _checkpoints(names: Names) -> str:
    """The states at the start of each segment."""
    states, K = names.states, len(names.states)
    return f"""\
        for (int64_t t = 0; t < (segments - 1) * segment; t++) {{
            {_X}
            // The first step of a segment reads its checkpoint; the others advance what becomes the next one.
            const R* from = checkpoints + (t / segment + (t % segment != 0)) * {K} * BLOCK;
            R* to = checkpoints + (t / segment + 1) * {K} * BLOCK;
            {_each(states, "const R* now_{name} = from + {number} * BLOCK;")}
            {_each(states, "R* next_row_{name} = to + {number} * BLOCK;")}
            if (large) prefetch(given_x + x_stride, n);
            #pragma omp simd
            for (int64_t i = 0; i < n; i++) {{
                {_next(names)}
                {_each(states, "next_row_{name}[i] = next_{name};", " ")}
            }}
        }}
"""


def _states_of_segment(names: Names) -> str:
    """The states before each step of a segment."""
    states, K = names.states, len(names.states)
    return f"""\
            for (int64_t t = start; t < end - 1; t++) {{
                {_X}
                {_rows(names)}
                {_each(states, f"R* __restrict next_row_{{name}} = now_{{name}} + {K} * BLOCK;")}
                if (large) prefetch(t + 2 < end ? given_x + x_stride : GY + (end - 1) * gy_stride + first, n);
                #pragma omp simd
                for (int64_t i = 0; i < n; i++) {{
                    {_next(names)}
                    {_each(states, "next_row_{name}[i] = next_{name};", " ")}
                }}
            }}
"""


def _cotangents(names: Names) -> str:
    """The steps of a segment from the last to the first."""
    states, sums = names.states, names.sums
    cotangents = [f"g{s}" for s in states]
    gradients = [f"grad_{v}" for v in ["x", *states]] + [f"term_{a}" for a in sums]
    vjp = [
        "get(x[i])",
        *_at(_now(names)),
        *_at(names.uniforms),
        *names.numbers,
        "get(gy[i])",
        *_at(cotangents),
        *gradients,
    ]
    return f"""\
            for (int64_t t = end - 1; t >= start; t--) {{
                {_GIVEN}
                if (SCALE && t == end - 1) {_SCALED};
                const D* __restrict x = SCALE ? {_ROW} : given_x;
                const D* __restrict gy = GY + t * gy_stride + first;
                D* __restrict gx = direct ? GX + t * N + first : row;
                if (large) prefetch(t > 0 ? gy - gy_stride : X + first + block, n);
                {_rows(names)}
                {_each(cotangents, _ADD_COTANGENT)}
                #pragma omp simd
                for (int64_t i = 0; i < n; i++) {{
                    R {", ".join(gradients)};
                    vjp({", ".join(vjp)});
                    gx[i] = put(grad_x);
                    {_each(states, "g{name}[i] = grad_{name};", " ")}
                    {_each(sums, "{name}[i] += term_{name};", " ")}
                }}
                if (summed)
                    for (int64_t i = 0; i < n; i++) gx_total[i] += get(row[i]);
                else if (GX && past_caches) store_past_caches(GX + t * N + first, row, n);
            }}
"""


_BACKWARD_ARGUMENTS = """\
    const int64_t T = *d++, N = *d++, block = *d++, threads = *d++, large = *d++, x_stride = *d++;
    const int64_t gy_stride = *d++, gx_stride = *d++, segment = *d++;
    const int64_t channels = *d++, neurons_of_channel = *d++;
    const bool rounds_once = *d++;
    const bool past_caches = large && CAN_PASS_CACHES;
    const D* X = static_cast<const D*>(*p++);
    const D* GY = static_cast<const D*>(*p++);
    D* GX = static_cast<D*>(*p++);
    const R* SCALE = static_cast<const R*>(*p++);
    const R* SHIFT = static_cast<const R*>(*p++);
"""
_GIVEN = "const D* given_x = X + t * x_stride + first;"
_ROW = "x_rows + t % segment * BLOCK"
_SCALED = f"scaled(given_x, {_ROW}, scale, shift, n, rounds_once)"
_X = f"{_GIVEN}\n            const D* __restrict x = SCALE ? {_SCALED} : given_x;"
_LOAD_COTANGENT = """\
if (final_{name}) load_state({name}, final_{name}, first, n, 1);
        else memset({name}, 0, sizeof({name}));"""
_ADD_COTANGENT = """\
if (all_{name})
                    for (int64_t i = 0; i < n; i++) {name}[i] += get(all_{name}[t * all_stride_{name} + first + i]);"""


def _next(names: Names) -> str:
    if not names.states:
        return ""
    after = ", ".join(f"next_{s}" for s in names.states)
    arguments = ["get(x[i])", *_at(_now(names)), *_at(names.uniforms), *names.numbers, after]
    return f"R {after};\n                    next_states({', '.join(arguments)});"


def _now(names: Names) -> list[str]:
    return [f"now_{s}" for s in names.states]


def _rows(names: Names) -> str:
    K = len(names.states)
    return "\n                ".join(
        f"R* __restrict {now} = rows + ((t - start) * {K} + {k}) * BLOCK;" for k, now in enumerate(_now(names))
    )


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
