"""The C++ of convolutions whose input is mostly zeros. A linear layer is a convolution of one pixel.

Forward: for each pixel of the output and a tile of its channels, which stay in registers, the weights of the inputs
that are not zero are added up. Gradient of the weights: for each input channel and a tile of output channels, the
gradients around its inputs that are not zero. Neither touches a zero. Each sum is made by one thread in one order, so
results do not depend on the number of threads.
"""

import functools

from spikingjelly.products import _source_head

# Kernel sizes for which the gradient of the weights is built, with the vectors of output channels of a tile: all
# their products are sums that stay in registers.
SIZES = {(1, 1): 8, (1, 3): 4, (3, 1): 4, (3, 3): 2, (5, 5): 1}

_TEXT = r"""// Convolutions of an input [B, C, H, W] that is mostly zeros.

struct Sizes {
    int64_t samples, channels, height, width, outputs, kernel_h, kernel_w;
    int64_t stride_h, stride_w, pad_h, pad_w, out_h, out_w;
    int64_t x_last, y_last, threads;  // whether the channels are last in memory
    int64_t pixels() const { return height * width; }
    int64_t out_pixels() const { return out_h * out_w; }
    int64_t taps() const { return kernel_h * kernel_w; }
    int64_t padded_outputs() const { return (outputs + 15) / 16 * 16; }  // whole vectors of any width
};

template <class T>
struct Buffer {
    T* data = nullptr;
    int64_t size = 0;
    Buffer() = default;
    explicit Buffer(int64_t wanted) { reserve(wanted); }
    ~Buffer() { free(data); }
    T& operator[](int64_t i) { return data[i]; }
    const T& operator[](int64_t i) const { return data[i]; }
    void reserve(int64_t wanted) {
        if (wanted <= size) return;
        size = std::max(wanted, 2 * size);
        data = static_cast<T*>(realloc(data, (size + 1) * sizeof(T)));
        if (!data) abort();
    }
};

// The entries of a row that are not zero, as bits.
static inline uint32_t nonzero(const float* row, int64_t n) {
    uint32_t bits = 0;
    if (n >= LANES) {
        for (int i = 0; i < LANES; i++) bits |= uint32_t(row[i] != 0.0f) << i;
    } else {
        for (int i = 0; i < n; i++) bits |= uint32_t(row[i] != 0.0f) << i;
    }
    return bits;
}

// For each pixel of one sample, the channels that are not zero, and their values.
struct Active {
    Buffer<int32_t> start;
    Buffer<uint16_t> channel;
    Buffer<float> value;
    int32_t total = 0;

    void read(const float* x, const Sizes& s) {
        start.reserve(s.pixels() + 1);
        total = 0;
        if (s.x_last) {
            for (int64_t p = 0; p < s.pixels(); p++) read_row(x + p * s.channels, p, s.channels);
        } else {
            Buffer<uint16_t> channels(LANES * s.channels);
            Buffer<float> values(LANES * s.channels);
            for (int64_t p = 0; p < s.pixels(); p += LANES) read_columns(x, p, s, channels.data, values.data);
        }
        start[s.pixels()] = total;
    }

    void read_row(const float* row, int64_t pixel, int64_t channels) {
        start[pixel] = total;
        channel.reserve(total + channels);
        value.reserve(total + channels);
        for (int64_t c = 0; c < channels; c += LANES) {
            for (uint32_t bits = nonzero(row + c, channels - c); bits; bits &= bits - 1) {
                int64_t k = c + __builtin_ctz(bits);
                channel[total] = k;
                value[total++] = row[k];
            }
        }
    }

    void read_columns(const float* x, int64_t first, const Sizes& s, uint16_t* channels, float* values) {
        int64_t n = std::min(LANES, s.pixels() - first);
        int32_t count[LANES] = {};
        for (int64_t c = 0; c < s.channels; c++) {
            const float* row = x + c * s.pixels() + first;
            for (uint32_t bits = nonzero(row, n); bits; bits &= bits - 1) {
                int i = __builtin_ctz(bits);
                int64_t k = i * s.channels + count[i]++;
                channels[k] = c;
                values[k] = row[i];
            }
        }
        for (int64_t i = 0; i < n; i++) {
            start[first + i] = total;
            channel.reserve(total + count[i]);
            value.reserve(total + count[i]);
            memcpy(channel.data + total, channels + i * s.channels, count[i] * sizeof(uint16_t));
            memcpy(value.data + total, values + i * s.channels, count[i] * sizeof(float));
            total += count[i];
        }
    }
};

// [outputs, channels, taps] to [taps, channels, padded_outputs], or back.
template <bool BACK>
static void arrange(float* weight, float* arranged, const Sizes& s) {
    const int64_t taps = s.taps(), padded = s.padded_outputs(), block = 16;
#pragma omp parallel for num_threads(s.threads) schedule(static)
    for (int64_t c0 = 0; c0 < s.channels; c0 += block) {
        int64_t c1 = std::min(c0 + block, s.channels);
        for (int64_t o0 = 0; o0 < padded; o0 += block) {
            for (int64_t c = c0; c < c1; c++) {
                for (int64_t t = 0; t < taps; t++) {
                    float* inner = arranged + (t * s.channels + c) * padded;
                    for (int64_t o = o0; o < o0 + block; o++) {
                        float* outer = weight + (o * s.channels + c) * taps + t;
                        if (!BACK) inner[o] = o < s.outputs ? *outer : 0.0f;
                        else if (o < s.outputs) *outer = inner[o];
                    }
                }
            }
        }
    }
}

// The sums of one output pixel for VECTORS * 16 channels from `first` on.
template <int VECTORS>
static inline void sum_pixel(const Active& active, const float* weight, const float* bias, int64_t first, int64_t y,
                             int64_t x, const Sizes& s, float* out) {
    const int64_t padded = s.padded_outputs();
    Vector sum[VECTORS];
    for (int j = 0; j < VECTORS; j++) sum[j] = *reinterpret_cast<const Vector*>(bias + first + j * LANES);
    for (int64_t ky = 0; ky < s.kernel_h; ky++) {
        int64_t iy = y * s.stride_h - s.pad_h + ky;
        if (iy < 0 || iy >= s.height) continue;
        for (int64_t kx = 0; kx < s.kernel_w; kx++) {
            int64_t ix = x * s.stride_w - s.pad_w + kx;
            if (ix < 0 || ix >= s.width) continue;
            const float* of_tap = weight + (ky * s.kernel_w + kx) * s.channels * padded + first;
            int32_t end = active.start[iy * s.width + ix + 1];
            for (int32_t k = active.start[iy * s.width + ix]; k < end; k++) {
                const Vector* row = reinterpret_cast<const Vector*>(of_tap + int64_t(active.channel[k]) * padded);
                float value = active.value[k];
                for (int j = 0; j < VECTORS; j++) sum[j] += value * row[j];
            }
        }
    }
    for (int j = 0; j < VECTORS; j++) *reinterpret_cast<Vector*>(out + j * LANES) = sum[j];
}

constexpr int64_t BAND = 64;  // output pixels of a task

template <int VECTORS>
static void sum_band(const Active& active, const float* weight, const float* bias, int64_t first, int64_t begin,
                     const Sizes& s, float* out) {
    constexpr int64_t TILE = VECTORS * LANES;
    float sums[BAND * TILE];
    const int64_t n = std::min(BAND, s.out_pixels() - begin), valid = std::min(TILE, s.outputs - first);
    for (int64_t i = 0, y = begin / s.out_w, x = begin % s.out_w; i < n; i++) {
        sum_pixel<VECTORS>(active, weight, bias, first, y, x, s, sums + i * TILE);
        if (++x == s.out_w) x = 0, y++;
    }
    if (s.y_last) {
        for (int64_t i = 0; i < n; i++) {
            memcpy(out + (begin + i) * s.outputs + first, sums + i * TILE, valid * sizeof(float));
        }
    } else {
        for (int64_t o = 0; o < valid; o++) {
            float* row = out + (first + o) * s.out_pixels() + begin;
            for (int64_t i = 0; i < n; i++) row[i] = sums[i * TILE + o];
        }
    }
}

static void sum_band_of(int64_t vectors, const Active& active, const float* weight, const float* bias, int64_t first,
                        int64_t begin, const Sizes& s, float* out) {
    switch (vectors) {
        case 8: return sum_band<8>(active, weight, bias, first, begin, s, out);
        case 4: return sum_band<4>(active, weight, bias, first, begin, s, out);
        case 2: return sum_band<2>(active, weight, bias, first, begin, s, out);
        default: return sum_band<1>(active, weight, bias, first, begin, s, out);
    }
}

// out [samples, outputs, out_h, out_w]; bias [padded_outputs]
extern "C" void forward(const float* x, float* weight, const float* bias, float* out, const int64_t* sizes) {
    const Sizes s = *reinterpret_cast<const Sizes*>(sizes);
    const int64_t padded = s.padded_outputs(), bands = (s.out_pixels() + BAND - 1) / BAND;
    Buffer<float> arranged(s.taps() * s.channels * padded);
    arrange<false>(weight, arranged.data, s);
    Buffer<int64_t> first(padded / LANES), vectors(padded / LANES);  // of each tile: as wide as the registers allow
    int64_t tiles = 0;
    for (int64_t o = 0; o < padded; tiles++) {
        int64_t left = (padded - o) / LANES;
        first[tiles] = o;
        vectors[tiles] = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        o += vectors[tiles] * LANES;
    }
    Active* active = new Active[s.samples];
#pragma omp parallel num_threads(s.threads)
    {
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < s.samples; b++) active[b].read(x + b * s.channels * s.pixels(), s);
        // Tiles outermost: the weights of one stay in the cache of a core.
#pragma omp for collapse(3) schedule(dynamic)
        for (int64_t tile = 0; tile < tiles; tile++) {
            for (int64_t b = 0; b < s.samples; b++) {
                for (int64_t band = 0; band < bands; band++) {
                    sum_band_of(vectors[tile], active[b], arranged.data, bias, first[tile], band * BAND, s,
                                out + b * s.outputs * s.out_pixels());
                }
            }
        }
    }
    delete[] active;
}

// For each channel of all samples, where it is not zero in the padded plane of gradients, and its values.
struct Places {
    Buffer<int64_t> start;
    Buffer<int32_t> place;
    Buffer<float> value;

    void read(const float* x, const Sizes& s) {
        const int64_t rows = s.samples * s.channels, plane = s.channels * s.pixels();
        start.reserve(rows + 1);
        start[0] = 0;
#pragma omp parallel for num_threads(s.threads)
        for (int64_t b = 0; b < s.samples; b++) count(x + b * plane, s, &start[b * s.channels + 1]);
        for (int64_t i = 0; i < rows; i++) start[i + 1] += start[i];
        place.reserve(start[rows]);
        value.reserve(start[rows]);
#pragma omp parallel num_threads(s.threads)
        {
            Buffer<int64_t> next(s.channels);
#pragma omp for
            for (int64_t b = 0; b < s.samples; b++) {
                memcpy(next.data, &start[b * s.channels], s.channels * sizeof(int64_t));
                fill(x + b * plane, s, next.data);
            }
        }
    }

    static void count(const float* x, const Sizes& s, int64_t* counts) {
        if (s.x_last) {
            memset(counts, 0, s.channels * sizeof(int64_t));
            for (int64_t p = 0; p < s.pixels(); p++, x += s.channels) {
                for (int64_t c = 0; c < s.channels; c++) counts[c] += x[c] != 0.0f;
            }
        } else {
            for (int64_t c = 0; c < s.channels; c++, x += s.pixels()) {
                int32_t n = 0;
                for (int64_t p = 0; p < s.pixels(); p++) n += x[p] != 0.0f;
                counts[c] = n;
            }
        }
    }

    void fill(const float* x, const Sizes& s, int64_t* next) {
        const int64_t padded_width = s.width + s.kernel_w - 1;
        if (s.x_last) {
            for (int64_t p = 0; p < s.pixels(); p++, x += s.channels) {
                int32_t where = p / s.width * padded_width + p % s.width;
                for (int64_t c = 0; c < s.channels; c += LANES) {
                    for (uint32_t bits = nonzero(x + c, s.channels - c); bits; bits &= bits - 1) {
                        int64_t k = c + __builtin_ctz(bits);
                        place[next[k]] = where;
                        value[next[k]++] = x[k];
                    }
                }
            }
            return;
        }
        for (int64_t c = 0; c < s.channels; c++) {
            for (int64_t y = 0; y < s.height; y++, x += s.width) {
                for (int64_t first = 0; first < s.width; first += LANES) {
                    for (uint32_t bits = nonzero(x + first, s.width - first); bits; bits &= bits - 1) {
                        int64_t column = first + __builtin_ctz(bits);
                        place[next[c]] = y * padded_width + column;
                        value[next[c]++] = x[column];
                    }
                }
            }
        }
    }
};

// A tile of the gradient of one sample, channels last, with zeros around it: [height + KH - 1, width + KW - 1, TILE].
template <int KH, int KW, int TILE>
static void read_gradient(const float* g, int64_t first, const Sizes& s, float* tile) {
    const int64_t padded_width = s.width + KW - 1, top = KH - 1 - s.pad_h, left = KW - 1 - s.pad_w;
    const int64_t valid = std::min<int64_t>(TILE, s.outputs - first);
    for (int64_t y = 0; y < s.out_h; y++) {
        float* row = tile + ((y + top) * padded_width + left) * TILE;
        if (s.y_last) {
            const float* from = g + y * s.out_w * s.outputs + first;
            for (int64_t x = 0; x < s.out_w; x++) memcpy(row + x * TILE, from + x * s.outputs, valid * sizeof(float));
        } else {
            for (int64_t o = 0; o < valid; o++) {
                const float* from = g + ((first + o) * s.out_h + y) * s.out_w;
                for (int64_t x = 0; x < s.out_w; x++) row[x * TILE + o] = from[x];
            }
        }
    }
}

// The input at (y, x) meets tap (ky, kx) in the output at (y + pad_h - ky, x + pad_w - kx).
template <int KH, int KW, int VECTORS>
static void sum_channel(const int32_t* place, const float* value, int64_t n, const float* tile, const Sizes& s,
                        float* out, int64_t valid, int64_t stride) {
    const int64_t padded_width = s.width + KW - 1;
    Vector sum[KH * KW][VECTORS] = {};
    for (int64_t k = 0; k < n; k++) {
        const float* corner = tile + int64_t(place[k]) * VECTORS * LANES;
        const float v = value[k];
        for (int ky = 0; ky < KH; ky++) {
            for (int kx = 0; kx < KW; kx++) {
                const Vector* row = reinterpret_cast<const Vector*>(
                    corner + ((KH - 1 - ky) * padded_width + KW - 1 - kx) * VECTORS * LANES);
                for (int j = 0; j < VECTORS; j++) sum[ky * KW + kx][j] += v * row[j];
            }
        }
    }
    for (int t = 0; t < KH * KW; t++) {
        float* row = out + t * stride;
        for (int j = 0; j < VECTORS && j * LANES < valid; j++) *reinterpret_cast<Vector*>(row + j * LANES) += sum[t][j];
    }
}

template <int KH, int KW, int VECTORS>
static void gradient_of_size(const float* x, const float* g, float* weight, const Sizes& s) {
    constexpr int64_t TILE = VECTORS * LANES;
    const int64_t padded = s.padded_outputs(), size = s.taps() * s.channels * padded;
    const int64_t plane = (s.height + KH - 1) * (s.width + KW - 1) * TILE;
    const int64_t tiles = (padded + TILE - 1) / TILE, parts = (s.threads + tiles - 1) / tiles;
    const int64_t part = (s.channels + parts - 1) / parts;
    Places places;
    places.read(x, s);
    Buffer<float> arranged(size);
#pragma omp parallel num_threads(s.threads)
    {
        Buffer<float> tile(plane);
        memset(tile.data, 0, plane * sizeof(float));  // what lies around the gradient, and behind its last channel
#pragma omp for schedule(static)
        for (int64_t i = 0; i < s.taps() * s.channels; i++) memset(&arranged[i * padded], 0, padded * sizeof(float));
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t p = 0; p < parts; p++) {
            for (int64_t o = 0; o < padded; o += TILE) {
                for (int64_t b = 0; b < s.samples; b++) {
                    read_gradient<KH, KW, TILE>(g + b * s.outputs * s.out_pixels(), o, s, tile.data);
                    for (int64_t c = p * part; c < std::min((p + 1) * part, s.channels); c++) {
                        int64_t i = b * s.channels + c, first = places.start[i];
                        sum_channel<KH, KW, VECTORS>(&places.place[first], &places.value[first],
                                                     places.start[i + 1] - first, tile.data, s,
                                                     &arranged[c * padded + o], padded - o, s.channels * padded);
                    }
                }
            }
        }
    }
    arrange<true>(weight, arranged.data, s);
}

// weight [outputs, channels, kernel_h, kernel_w], of a convolution with stride 1 and less padding than the kernel
extern "C" void gradient(const float* x, const float* g, float* weight, const int64_t* sizes) {
    const Sizes s = *reinterpret_cast<const Sizes*>(sizes);
    switch (s.kernel_h * 100 + s.kernel_w) {
@CASES@    }
}
"""


@functools.cache
def text() -> str:
    """The source of both functions."""
    cases = "".join(
        f"        case {h * 100 + w}: return gradient_of_size<{h}, {w}, {vectors}>(x, g, weight, s);\n"
        for (h, w), vectors in SIZES.items()
    )
    return _source_head.TEXT + _TEXT.replace("@CASES@", cases)
