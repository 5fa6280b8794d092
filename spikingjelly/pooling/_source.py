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

// The outputs `begin` to `end` meet the entry that each finds at its tap of the window. `where` is -1 at the beginning.
template <int64_t STRIDE>
static inline void meet(const float* row, int64_t stride, int64_t begin, int64_t end, int32_t tap, float* best,
                        int32_t* where) {
    for (int64_t o = begin; o < end; o++) {
        float v = row[o * (STRIDE ? STRIDE : stride)];
        bool larger = (v > best[o]) | (v != v) | (where[o] < 0);
        best[o] = larger ? v : best[o];
        where[o] = larger ? tap : where[o];
    }
}

static inline int64_t up(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : 0; }

// One row of outputs of one plane.
static void pool_row(const float* plane, int64_t y, const Sizes& s, float* best, int32_t* where) {
    for (int64_t ky = 0; ky < s.kernel_h; ky++) {
        int64_t iy = y * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (iy < 0 || iy >= s.height) continue;
        for (int64_t kx = 0; kx < s.kernel_w; kx++) {
            int64_t shift = kx * s.dilation_w - s.pad_w;
            int64_t begin = up(-shift, s.stride_w), end = std::min(s.out_w, up(s.width - shift, s.stride_w));
            const float* row = plane + iy * s.width + shift;
            int32_t tap = ky * s.kernel_w + kx;
            switch (s.stride_w) {
                case 1: meet<1>(row, 1, begin, end, tap, best, where); break;
                case 2: meet<2>(row, 2, begin, end, tap, best, where); break;
                default: meet<0>(row, s.stride_w, begin, end, tap, best, where);
            }
        }
    }
}

// All channels of one output pixel.
static void pool_pixel(const float* sample, int64_t y, int64_t x, const Sizes& s, float* best, int32_t* where) {
    for (int64_t ky = 0; ky < s.kernel_h; ky++) {
        int64_t iy = y * s.stride_h - s.pad_h + ky * s.dilation_h;
        if (iy < 0 || iy >= s.height) continue;
        for (int64_t kx = 0; kx < s.kernel_w; kx++) {
            int64_t ix = x * s.stride_w - s.pad_w + kx * s.dilation_w;
            if (ix < 0 || ix >= s.width) continue;
            meet<1>(sample + (iy * s.width + ix) * s.channels, 1, 0, s.channels, ky * s.kernel_w + kx, best, where);
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
    const int64_t rows = s.samples * s.out_h * (s.last ? s.out_w : s.channels), length = s.last ? s.channels : s.out_w;
#pragma omp parallel num_threads(s.threads)
    {
        std::vector<int32_t> where(length);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; r++) {
            float* best = out + r * length;
            std::fill_n(best, length, -std::numeric_limits<float>::infinity());
            std::fill_n(where.data(), length, -1);
            if (s.last) {
                int64_t pixel = r % s.out_pixels();
                const float* sample = x + r / s.out_pixels() * s.pixels() * s.channels;
                pool_pixel(sample, pixel / s.out_w, pixel % s.out_w, s, best, where.data());
            } else {
                pool_row(x + r / s.out_h * s.pixels(), r % s.out_h, s, best, where.data());
            }
            if (!position) continue;
            for (int64_t o = 0; o < length; o++) position[r * length + o] = where[o];
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
