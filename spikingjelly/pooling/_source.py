"""The C++ of max pooling over planes ``[B, C, H, W]``, channels first or last in memory.

Which of several equal entries is the largest, and what a NaN does, is as in PyTorch: the first of equals in the order
of rows, and the last NaN. Between spikes, most entries are equal, and this decides where the gradient goes.
"""

TEXT = r"""// Max pooling of an input [B, C, H, W]. Made by spikingjelly.pooling.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

struct Sizes {
    int64_t samples, channels, height, width, out_h, out_w;
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t last, threads;  // whether the channels are last in memory
    int64_t pixels() const { return height * width; }
    int64_t out_pixels() const { return out_h * out_w; }
};

// As wide as a register.
#if defined(__AVX512F__)
constexpr int64_t LANES = 16;
#elif defined(__AVX__)
constexpr int64_t LANES = 8;
#else
constexpr int64_t LANES = 4;
#endif
typedef float Floats __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t Integers __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4), may_alias));
constexpr float NOTHING = -std::numeric_limits<float>::infinity();

// The first tap of the window of an output that lies in the input; the answer where all entries are minus infinity.
static inline int64_t first_tap(int64_t output, int64_t stride, int64_t pad, int64_t dilation) {
    int64_t before = pad - output * stride;
    return before > 0 ? (before + dilation - 1) / dilation : 0;
}

// A plane with room on its sides, where nothing is the largest. In each row come columns 0, stride, 2 * stride, ...,
// then 1, stride + 1, ..., so that what neighbouring outputs find at one tap lies side by side.
struct Padded {
    const Sizes& s;
    int64_t outputs, of_phase, of_row;
    std::vector<float> entries;
    std::vector<int32_t> first;  // taps
    std::vector<int64_t> tap;    // where they are in a row, for the first output

    explicit Padded(const Sizes& sizes) : s(sizes), outputs((s.out_w + LANES - 1) / LANES * LANES) {
        const int64_t reach = (s.kernel_w - 1) * s.dilation_w;
        of_phase = std::max(outputs + reach / s.stride_w, (s.pad_w + s.width + s.stride_w - 1) / s.stride_w);
        of_row = of_phase * s.stride_w;
        entries.assign(s.height * of_row, NOTHING);
        first.assign(outputs, 0);
        for (int64_t o = 0; o < s.out_w; o++) first[o] = first_tap(o, s.stride_w, s.pad_w, s.dilation_w);
        for (int64_t kx = 0; kx < s.kernel_w; kx++) {
            tap.push_back(kx * s.dilation_w % s.stride_w * of_phase + kx * s.dilation_w / s.stride_w);
        }
    }

    template <int64_t STRIDE>
    void read(const float* plane) {
        const int64_t stride = STRIDE ? STRIDE : s.stride_w;
        for (int64_t y = 0; y < s.height; y++) {
            for (int64_t phase = 0; phase < stride; phase++) {
                const int64_t left = up(s.pad_w - phase, stride), shift = phase - s.pad_w;
                const int64_t end = up(s.width - shift, stride);
                const float* from = plane + y * s.width + shift;
                float* to = &entries[y * of_row + phase * of_phase];
                for (int64_t k = left; k < end; k++) to[k] = from[k * stride];
            }
        }
    }

    static int64_t up(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : 0; }
};

// The outputs of a row from `begin` on.
static inline void pool_outputs(const Padded& x, int64_t y, int64_t begin, Floats& best, Integers& where) {
    const Sizes& s = x.s;
    const int64_t top = y * s.stride_h - s.pad_h, first = first_tap(y, s.stride_h, s.pad_h, s.dilation_h);
    best = Floats{} + NOTHING;
    where = *reinterpret_cast<const Integers*>(&x.first[begin]) + int32_t(first * s.kernel_w);
    for (int64_t ky = first; ky < s.kernel_h && top + ky * s.dilation_h < s.height; ky++) {
        const float* row = &x.entries[(top + ky * s.dilation_h) * x.of_row + begin];
        for (int64_t kx = 0; kx < s.kernel_w; kx++) {
            const Floats v = *reinterpret_cast<const Floats*>(row + x.tap[kx]);
            const Integers larger = (v > best) | (v != v), here = Integers{} + int32_t(ky * s.kernel_w + kx);
            best = larger ? v : best;
            where = larger ? here : where;
        }
    }
}

static void pool_plane(const Padded& x, float* out, uint8_t* position) {
    const Sizes& s = x.s;
    for (int64_t y = 0; y < s.out_h; y++) {
        for (int64_t begin = 0; begin < s.out_w; begin += LANES) {
            Floats best;
            Integers where;
            pool_outputs(x, y, begin, best, where);
            const int64_t n = std::min(LANES, s.out_w - begin), at = y * s.out_w + begin;
            memcpy(out + at, &best, n * sizeof(float));
            if (!position) continue;
            for (int64_t i = 0; i < n; i++) position[at + i] = where[i];
        }
    }
}

static void pool_planes(const float* x, float* out, uint8_t* position, const Sizes& s) {
#pragma omp parallel num_threads(s.threads)
    {
        Padded plane(s);
#pragma omp for schedule(static)
        for (int64_t p = 0; p < s.samples * s.channels; p++) {
            switch (s.stride_w) {
                case 1: plane.read<1>(x + p * s.pixels()); break;
                case 2: plane.read<2>(x + p * s.pixels()); break;
                default: plane.read<0>(x + p * s.pixels());
            }
            pool_plane(plane, out + p * s.out_pixels(), position ? position + p * s.out_pixels() : nullptr);
        }
    }
}

// All channels of one output pixel.
static void pool_pixel(const float* sample, int64_t y, int64_t x, const Sizes& s, float* best, int32_t* where) {
    const int64_t first_y = first_tap(y, s.stride_h, s.pad_h, s.dilation_h);
    const int64_t first_x = first_tap(x, s.stride_w, s.pad_w, s.dilation_w);
    std::fill_n(best, s.channels, NOTHING);
    std::fill_n(where, s.channels, first_y * s.kernel_w + first_x);
    for (int64_t ky = first_y; ky < s.kernel_h; ky++) {
        const int64_t iy = y * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (iy >= s.height) break;
        for (int64_t kx = first_x; kx < s.kernel_w; kx++) {
            const int64_t ix = x * s.stride_w - s.pad_w + kx * s.dilation_w;
            if (ix >= s.width) break;
            const float* row = sample + (iy * s.width + ix) * s.channels;
            const int32_t tap = ky * s.kernel_w + kx;
            for (int64_t c = 0; c < s.channels; c++) {
                const float v = row[c];
                const bool larger = (v > best[c]) | (v != v);
                best[c] = larger ? v : best[c];
                where[c] = larger ? tap : where[c];
            }
        }
    }
}

// The usual window, in one pass: whole ones of 2 x 2 entries, side by side.
static bool is_quarter(const Sizes& s) {
    return s.kernel_h == 2 && s.kernel_w == 2 && s.stride_h == 2 && s.stride_w == 2 && s.pad_h == 0 && s.pad_w == 0 &&
           s.dilation_h == 1 && s.dilation_w == 1 && 2 * s.out_h <= s.height && 2 * s.out_w <= s.width;
}

static inline void choose(float v, int32_t tap, float& best, int32_t& where) {
    bool larger = (v > best) | (v != v);
    best = larger ? v : best;
    where = larger ? tap : where;
}

static inline void larger_of_two(const float* __restrict x, int64_t n, float* __restrict best,
                                 int32_t* __restrict where) {
    for (int64_t o = 0; o < n; o++) {
        float largest = x[2 * o];
        int32_t tap = 0;
        choose(x[2 * o + 1], 1, largest, tap);
        best[o] = largest;
        where[o] = tap;
    }
}

static inline void larger_of_rows(const float* __restrict values, const int32_t* __restrict taps, int64_t below,
                                  int64_t n, float* __restrict best, int32_t* __restrict where) {
    for (int64_t o = 0; o < n; o++) {
        float largest = values[o];
        int32_t tap = taps[o];
        choose(values[o + below], 2 + taps[o + below], largest, tap);
        best[o] = largest;
        where[o] = tap;
    }
}

static void quarter_plane(const float* plane, const Sizes& s, float* values, int32_t* taps, float* best,
                          int32_t* where) {
    const int64_t w = s.out_w;
    if (s.width == 2 * w) {  // all rows in one go: one alone is short
        larger_of_two(plane, 2 * s.out_h * w, values, taps);
    } else {
        for (int64_t y = 0; y < 2 * s.out_h; y++) larger_of_two(plane + y * s.width, w, values + y * w, taps + y * w);
    }
    for (int64_t y = 0; y < s.out_h; y++)
        larger_of_rows(values + 2 * y * w, taps + 2 * y * w, w, w, best + y * w, where + y * w);
}

// All channels of one output pixel, whose four entries begin at `x`.
static void quarter_pixel(const float* __restrict x, int64_t right, int64_t below, int64_t n, float* __restrict best,
                          int32_t* __restrict where) {
    for (int64_t o = 0; o < n; o++) {
        float largest = x[o];
        int32_t tap = 0;
        choose(x[o + right], 1, largest, tap);
        choose(x[o + below], 2, largest, tap);
        choose(x[o + below + right], 3, largest, tap);
        best[o] = largest;
        where[o] = tap;
    }
}

static void quarters(const float* x, float* out, uint8_t* position, const Sizes& s) {
    const int64_t length = s.last ? s.channels : s.out_pixels();
    const int64_t parts = s.samples * (s.last ? s.out_pixels() : s.channels);
#pragma omp parallel num_threads(s.threads)
    {
        std::vector<int32_t> where(length), taps(2 * length);
        std::vector<float> values(2 * length);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < parts; r++) {
            float* best = out + r * length;
            if (s.last) {
                int64_t pixel = r % s.out_pixels(), y = pixel / s.out_w * 2, left = pixel % s.out_w * 2;
                const float* first = x + (r / s.out_pixels() * s.pixels() + y * s.width + left) * s.channels;
                quarter_pixel(first, s.channels, s.width * s.channels, length, best, where.data());
            } else {
                quarter_plane(x + r * s.pixels(), s, values.data(), taps.data(), best, where.data());
            }
            if (!position) continue;
            for (int64_t o = 0; o < length; o++) position[r * length + o] = where[o];
        }
    }
}

// out, position [samples, channels, out_h, out_w]; no positions are written where the pointer is null
extern "C" void forward(const float* x, float* out, uint8_t* position, const int64_t* sizes) {
    const Sizes s = *reinterpret_cast<const Sizes*>(sizes);
    if (is_quarter(s)) return quarters(x, out, position, s);
    if (!s.last) return pool_planes(x, out, position, s);
#pragma omp parallel num_threads(s.threads)
    {
        std::vector<int32_t> where(s.channels);
#pragma omp for schedule(static)
        for (int64_t p = 0; p < s.samples * s.out_pixels(); p++) {
            const int64_t pixel = p % s.out_pixels();
            pool_pixel(x + p / s.out_pixels() * s.pixels() * s.channels, pixel / s.out_w, pixel % s.out_w, s,
                       out + p * s.channels, where.data());
            if (!position) continue;
            for (int64_t c = 0; c < s.channels; c++) position[p * s.channels + c] = where[c];
        }
    }
}

// Where the windows of the outputs begin, and how far from there each tap lies, in pixels.
static int64_t corner(int64_t y, int64_t x, const Sizes& s) {
    return (y * s.stride_h - s.pad_h) * s.width + x * s.stride_w - s.pad_w;
}

static void add_plane(const float* g, const uint8_t* position, const int64_t* offset, const Sizes& s, float* plane) {
    memset(plane, 0, s.pixels() * sizeof(float));
    for (int64_t y = 0; y < s.out_h; y++) {
        for (int64_t x = 0, o = y * s.out_w; x < s.out_w; x++, o++) {
            plane[corner(y, x, s) + offset[position[o]]] += g[o];
        }
    }
}

static void add_channels(const float* g, const uint8_t* position, const int64_t* offset, const Sizes& s, int64_t first,
                         int64_t end, float* sample) {
    for (int64_t p = 0; p < s.pixels(); p++) memset(sample + p * s.channels + first, 0, (end - first) * sizeof(float));
    for (int64_t y = 0; y < s.out_h; y++) {
        for (int64_t x = 0; x < s.out_w; x++) {
            int64_t pixel = corner(y, x, s), o = (y * s.out_w + x) * s.channels;
            for (int64_t c = first; c < end; c++) {
                sample[(pixel + offset[position[o + c]]) * s.channels + c] += g[o + c];
            }
        }
    }
}

// The gradient at the input from that at the output.
extern "C" void backward(const float* g, const uint8_t* position, float* of_x, const int64_t* sizes) {
    const Sizes s = *reinterpret_cast<const Sizes*>(sizes);
    std::vector<int64_t> offset(s.kernel_h * s.kernel_w);
    for (int64_t t = 0; t < int64_t(offset.size()); t++) {
        offset[t] = t / s.kernel_w * s.dilation_h * s.width + t % s.kernel_w * s.dilation_w;
    }
    const int64_t pixels = s.pixels(), out_pixels = s.out_pixels(), block = 64;
    if (!s.last) {
#pragma omp parallel for num_threads(s.threads) schedule(static)
        for (int64_t p = 0; p < s.samples * s.channels; p++) {
            add_plane(g + p * out_pixels, position + p * out_pixels, offset.data(), s, of_x + p * pixels);
        }
        return;
    }
    const int64_t blocks = (s.channels + block - 1) / block;
#pragma omp parallel for num_threads(s.threads) schedule(static)
    for (int64_t i = 0; i < s.samples * blocks; i++) {
        int64_t b = i / blocks, first = i % blocks * block, end = std::min(first + block, s.channels);
        add_channels(g + b * out_pixels * s.channels, position + b * out_pixels * s.channels, offset.data(), s, first,
                     end, of_x + b * pixels * s.channels);
    }
}
"""
