"""The two loops over time in CUDA C: one thread a neuron, its states in registers.

Time is taken in segments, short enough that a segment's values fit into registers. The forward pass keeps nothing but
its results. The backward pass goes over time once more, stores the states at the start of inner segments, and then
takes the segments from the last to the first: it computes their states again and walks back through them.
"""

from spikingjelly.fusion.program import Program
from spikingjelly.fusion.templates.step import Names, functions

# Threads of a block at most: a multiprocessor takes sixteen such blocks, and a thread gets all registers it asks for.
BLOCK = 128

_TYPES = {"float32": "float", "float64": "double", "float16": "__half", "bfloat16": "__nv_bfloat16"}

_PRELUDE = """\
// {title}
// Registers: {register}. Memory: {memory}. Made by spikingjelly.fusion from the neuron's own methods.
typedef {register} R;
typedef long long Index;
#define M(function) {macro}

{conversions}
constexpr int SEGMENT = {segment};

// One neuron's values in a segment of time; past the end the last one again, so that no load is behind a branch. The
// steps that use them are, on `count`: compilers then leave all loads in front of the arithmetic, and as many are under
// way together as it takes to fill the memory bus with one value, even one of two bytes, for each thread.
static __device__ __forceinline__ void load_segment(R* values, const D* from, const Index stride, const int count) {{
    #pragma unroll
    for (int i = 0; i < SEGMENT; i++) {{
        values[i] = get(*from);
        if (i + 1 < count) from += stride;
    }}
}}

static __device__ __forceinline__ int steps_of_segment(const Index start, const Index T) {{
    return T - start < SEGMENT ? int(T - start) : SEGMENT;
}}

static __device__ __forceinline__ R load_uniform(const R* values, const Index neuron, const Index count,
                                                 const Index inner) {{
    return values[count == 1 ? 0 : neuron / inner % count];
}}

"""

_PLAIN = """\
typedef R D;
static __device__ __forceinline__ R get(const D value) { return value; }
static __device__ __forceinline__ D put(const R value) { return value; }
"""
# Instructions instead of the headers of the CUDA toolkit, which not every installation of CuPy can find. To a compiler
# that does not know them, other macros can be given.
_FLOAT16 = """\
typedef unsigned short D;
#ifndef HALF_TO_FLOAT
#define HALF_TO_FLOAT(to, from) asm("cvt.f32.f16 %0, %1;" : "=f"(to) : "h"(from))
#define FLOAT_TO_HALF(to, from) asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to) : "f"(from))
#endif
static __device__ __forceinline__ R get(const D value) {
    R result;
    HALF_TO_FLOAT(result, value);
    return result;
}
static __device__ __forceinline__ D put(const R value) {
    D result;
    FLOAT_TO_HALF(result, value);
    return result;
}
"""
_BFLOAT16 = """\
typedef unsigned short D;
static __device__ __forceinline__ R get(const D value) {
    return __uint_as_float(static_cast<unsigned int>(value) << 16);
}
// rounds to the nearest, ties to even; NaN stays NaN
static __device__ __forceinline__ D put(const R value) {
    const unsigned int bits = __float_as_uint(value);
    return static_cast<D>(value != value ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
"""
_CONVERSIONS = {"float32": _PLAIN, "float64": _PLAIN, "float16": _FLOAT16, "bfloat16": _BFLOAT16}


def segment_length(states: int) -> int:
    """Time steps of a segment: what fits into registers next to the values of a step."""
    return 8 if states < 2 else 4


def source(program: Program, memory: str, title: str) -> str:
    """The CUDA C text of both directions for tensors of dtype ``memory``; it includes no header."""
    register = "double" if memory == "float64" else "float"
    prelude = _PRELUDE.format(
        title=title,
        register=register,
        memory=_TYPES[memory],
        macro="function" if register == "double" else "function##f",
        conversions=_CONVERSIONS[memory],
        segment=segment_length(program.states),
    )
    inline = "static __device__ __forceinline__"
    return "\n".join([prelude + functions(program, inline), _forward(program), _backward(program)])


def _each(names: list[str], text: str) -> str:
    """One line for each name; none where there are no names."""
    return "".join(text.format(name=name, number=number) + "\n" for number, name in enumerate(names))


def _head(direction: str, names: Names, parameters: list[str]) -> str:
    """The kernel down to where a thread has its neuron's states; both directions take uniforms and numbers last."""
    for u in names.uniforms:
        parameters += [f"const R* values_{u}", f"const Index count_{u}", f"const Index inner_{u}"]
    parameters += [f"const R {c}" for c in names.numbers]
    listed = ",\n    ".join(parameters)
    uniform = "    const R {name} = load_uniform(values_{name}, neuron, count_{name}, inner_{name});"
    return f"""\
extern "C" __global__ void __launch_bounds__({BLOCK}) {direction}(
    {listed}) {{
    const Index neuron = Index(blockIdx.x) * blockDim.x + threadIdx.x;
    if (neuron >= N) return;
{_each(names.states, "    R {name} = get(given_{name}[neuron * stride_{name}]);")}\
{_each(names.uniforms, uniform)}"""


def _forward(program: Program) -> str:
    names = Names.of(program)
    parameters = ["const Index T", "const Index N", "const D* X", "const Index x_stride", "D* Y"]
    for s in names.states:
        parameters += [f"const D* given_{s}", f"const Index stride_{s}", f"D* final_{s}", f"D* all_{s}"]
    results = ["y", *[f"next_{s}" for s in names.states]]
    arguments = ["x[i]", *names.states, *names.constants, *results]
    return f"""\
{_head("forward", names, parameters)}\
    Index here = neuron;
    for (Index start = 0; start < T; start += SEGMENT) {{
        const int count = steps_of_segment(start, T);
        R x[SEGMENT];
        load_segment(x, X + start * x_stride + neuron, x_stride, count);
        #pragma unroll
        for (int i = 0; i < SEGMENT; i++) {{
            if (i >= count) continue;
            R {", ".join(results)};
            step({", ".join(arguments)});
            Y[here] = put(y);
{_each(names.states, "            {name} = next_{name};")}\
{_each(names.states, "            if (all_{name}) all_{name}[here] = put({name});")}\
            here += N;
        }}
    }}
{_each(names.states, "    final_{name}[neuron] = put({name});")}\
}}
"""


def _backward(program: Program) -> str:
    names = Names.of(program)
    parameters = ["const Index T", "const Index N", "const D* X", "const Index x_stride", "const D* GY"]
    parameters += ["const Index gy_stride", "D* GX", "R* checkpoints"]
    for s in names.states:
        parameters += [f"const D* given_{s}", f"const Index stride_{s}", f"const D* final_g{s}"]
        parameters += [f"const D* all_g{s}", f"const Index all_stride_g{s}", f"D* grad_given_{s}"]
    parameters += [f"R* sum_{a}" for a in names.sums]
    return f"""\
{_head("backward", names, parameters)}\
    const Index last = (T - 1) / SEGMENT;
{_to_last_segment(names)}\
{_each(names.states, "    R g{name} = final_g{name} ? get(final_g{name}[neuron]) : R(0);")}\
{_each(names.sums, "    R {name} = R(0);")}\
    Index here = (T - 1) * N + neuron;
    for (Index segment = last; segment >= 0; segment--) {{
        const Index start = segment * SEGMENT;
        const int count = steps_of_segment(start, T);
{_states_of_segment(names)}\
{_reverse_steps(names)}\
    }}
{_each(names.states, "    if (grad_given_{name}) grad_given_{name}[neuron] = put(g{name});")}\
{_each(names.sums, "    sum_{name}[neuron] = {name};")}\
}}
"""


def _to_last_segment(names: Names) -> str:
    """Forward to the start of the last segment. The states there stay in registers, and those at time 0 are given."""
    if not names.states:
        return ""
    next_states = [f"next_{s}" for s in names.states]
    arguments = ["x[i]", *names.states, *names.constants, *next_states]
    return f"""\
    for (Index segment = 0; segment < last; segment++) {{
        if (segment > 0) {{
{_each(names.states, "            " + _checkpoint(names) + " = {name};")}\
        }}
        const Index start = segment * SEGMENT;
        const int count = steps_of_segment(start, T);
        R x[SEGMENT];
        load_segment(x, X + start * x_stride + neuron, x_stride, count);
        #pragma unroll
        for (int i = 0; i < SEGMENT; i++) {{
            if (i >= count) continue;
            R {", ".join(next_states)};
            next_states({", ".join(arguments)});
{_each(names.states, "            {name} = next_{name};")}\
        }}
    }}
"""


def _checkpoint(names: Names) -> str:
    return f"checkpoints[((segment - 1) * {len(names.states)} + {{number}}) * N + neuron]"


def _states_of_segment(names: Names) -> str:
    """The inputs of the segment, and the states before each of its steps."""
    inputs = """\
        R x[SEGMENT], gy[SEGMENT];
        load_segment(x, X + start * x_stride + neuron, x_stride, count);
        load_segment(gy, GY + start * gy_stride + neuron, gy_stride, count);
"""
    if not names.states:
        return inputs
    arguments = [
        "x[i - 1]",
        *[f"{s}[i - 1]" for s in _rows(names)],
        *names.constants,
        *[f"{s}[i]" for s in _rows(names)],
    ]
    return f"""\
        if (segment == 0) {{
{_each(names.states, "            {name} = get(given_{name}[neuron * stride_{name}]);")}\
        }} else if (segment < last) {{
{_each(names.states, "            {name} = " + _checkpoint(names) + ";")}\
        }}
{inputs}\
{_each(names.states, "        R before_{name}[SEGMENT];")}\
{_each(names.states, "        before_{name}[0] = {name};")}\
        #pragma unroll
        for (int i = 1; i < SEGMENT; i++) {{
            if (i >= count) continue;
            next_states({", ".join(arguments)});
        }}
"""


def _reverse_steps(names: Names) -> str:
    results = [f"grad_{v}" for v in ["x", *names.states]] + [f"term_{a}" for a in names.sums]
    cotangents = ["gy[i]", *[f"g{s}" for s in names.states]]
    arguments = ["x[i]", *[f"{s}[i]" for s in _rows(names)], *names.constants, *cotangents, *results]
    given = "if (all_g{name}) g{name} += get(all_g{name}[(start + i) * all_stride_g{name} + neuron]);"
    return f"""\
        #pragma unroll
        for (int i = SEGMENT - 1; i >= 0; i--) {{
            if (i >= count) continue;
{_each(names.states, "            " + given)}\
            R {", ".join(results)};
            vjp({", ".join(arguments)});
            if (GX) GX[here] = put(grad_x);
            here -= N;
{_each(names.states, "            g{name} = grad_{name};")}\
{_each(names.sums, "            {name} += term_{name};")}\
        }}
"""


def _rows(names: Names) -> list[str]:
    return [f"before_{s}" for s in names.states]
