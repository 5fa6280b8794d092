"""The C++ of what Winograd's minimal filtering does with images: tiles of their inputs, at the points."""

TEXT = r"""#define INLINE static inline __attribute__((always_inline))

// The blocks of sums that stay in registers: ROWS of tiles by vectors of outputs, and CHANNELS by vectors of outputs.
constexpr int VECTORS = 2;
#ifdef __AVX512F__
constexpr int ROWS = 14, CHANNELS = 8;
#else
constexpr int ROWS = 6, CHANNELS = 4;
#endif
constexpr int64_t PANEL = VECTORS * LANES;  // outputs

struct Sizes {
    int64_t samples, channels, height, width, outputs, pad_h, pad_w, out_h, out_w;
    int64_t x_last, y_last, threads;  // whether the channels are last in memory
    int64_t adjoint;                  // weights are [channels, outputs, 3, 3], the taps in reverse order
};

INLINE Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
INLINE void store(float* to, Vector v) { *reinterpret_cast<Vector*>(to) = v; }

// A distance in memory that is an odd number of cache lines: else those at powers of two push each other out.
static int64_t odd_lines(int64_t floats) { return ((floats + LANES - 1) / LANES | 1) * LANES; }

// Memory that a thread keeps for the next call: the system takes longer to give it than it takes to fill it.
struct Scratch {
    float* data = nullptr;
    int64_t size = 0;
    ~Scratch() { free(data); }
    float* of(int64_t floats) {
        if (floats > size) {
            free(data);
            data = static_cast<float*>(aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64));
            if (!data) abort();
            size = floats;
        }
        return data;
    }
};
static thread_local Scratch kept_weights, kept_inputs, kept_rows, kept_products, kept_all_sums;

// Along one dimension: inputs and weights at the points, and outputs from the products there. For the gradient of the
// weights, the other way round: gradients of outputs at the points, and that of the weights from the products there.
template <int M>
struct Points;

template <>
struct Points<2> {
    INLINE void of_input(const Vector* d, Vector* t) {
        t[0] = d[2] - d[0];
        t[1] = d[2] + d[1];
        t[2] = d[2] - d[1];
        t[3] = d[3] - d[1];
    }
    INLINE void of_weight(const Vector* g, Vector* u) {
        Vector even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
        u[0] = -g[0];
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = g[2];
    }
    INLINE void to_output(const Vector* m, Vector* y) {
        y[0] = m[0] + m[1] + m[2];
        y[1] = m[1] - m[2] + m[3];
    }
    INLINE void of_output(const Vector* g, Vector* t) {
        t[0] = g[0];
        t[1] = g[0] + g[1];
        t[2] = g[0] - g[1];
        t[3] = g[1];
    }
    INLINE void to_weight(const Vector* u, Vector* w) {
        Vector even = 0.5f * (u[1] + u[2]);
        w[0] = even - u[0];
        w[1] = 0.5f * (u[1] - u[2]);
        w[2] = even + u[3];
    }
};

template <>
struct Points<4> {
    static constexpr float a = 0.70710678118654752f, b = 1.41421356237309505f, aa = 0.5f, bb = 2.0f;
    static constexpr float at_a = 1 / (2 * aa * (aa - bb)), at_b = 1 / (2 * bb * (bb - aa));
    INLINE void of_input(const Vector* d, Vector* t) {
        t[0] = aa * bb * d[0] - (aa + bb) * d[2] + d[4];
        Vector even = d[4] - bb * d[2], odd = a * (d[3] - bb * d[1]);
        t[1] = even + odd;
        t[2] = even - odd;
        even = d[4] - aa * d[2], odd = b * (d[3] - aa * d[1]);
        t[3] = even + odd;
        t[4] = even - odd;
        t[5] = aa * bb * d[1] - (aa + bb) * d[3] + d[5];
    }
    INLINE void of_weight(const Vector* g, Vector* u) {
        u[0] = 1 / (aa * bb) * g[0];
        Vector even = at_a * (g[0] + aa * g[2]), odd = at_a * a * g[1];
        u[1] = even + odd;
        u[2] = even - odd;
        even = at_b * (g[0] + bb * g[2]), odd = at_b * b * g[1];
        u[3] = even + odd;
        u[4] = even - odd;
        u[5] = g[2];
    }
    INLINE void to_output(const Vector* m, Vector* y) {
        Vector even_a = m[1] + m[2], odd_a = a * (m[1] - m[2]), even_b = m[3] + m[4], odd_b = b * (m[3] - m[4]);
        y[0] = m[0] + even_a + even_b;
        y[1] = odd_a + odd_b;
        y[2] = aa * even_a + bb * even_b;
        y[3] = aa * odd_a + bb * odd_b + m[5];
    }
    INLINE void of_output(const Vector* g, Vector* t) {
        t[0] = g[0];
        Vector even = g[0] + aa * g[2], odd = a * (g[1] + aa * g[3]);
        t[1] = even + odd;
        t[2] = even - odd;
        even = g[0] + bb * g[2], odd = b * (g[1] + bb * g[3]);
        t[3] = even + odd;
        t[4] = even - odd;
        t[5] = g[3];
    }
    INLINE void to_weight(const Vector* u, Vector* w) {
        Vector even_a = at_a * (u[1] + u[2]), even_b = at_b * (u[3] + u[4]);
        w[0] = 1 / (aa * bb) * u[0] + even_a + even_b;
        w[1] = at_a * a * (u[1] - u[2]) + at_b * b * (u[3] - u[4]);
        w[2] = aa * even_a + bb * even_b + u[5];
    }
};

template <int M>
struct Plan : Sizes {
    static constexpr int SIDE = M + 2, POSITIONS = SIDE * SIDE;
    int64_t tiles_h, tiles_w, rows_of_tiles, depth, panels;
    explicit Plan(const Sizes& sizes) : Sizes(sizes) {
        tiles_h = (out_h + M - 1) / M;
        tiles_w = (out_w + M - 1) / M;
        rows_of_tiles = samples * tiles_h;
        depth = (channels + LANES - 1) / LANES * LANES;
        panels = (outputs + PANEL - 1) / PANEL;
    }
    int64_t padded_width() const { return tiles_w * M + 2; }
};

struct Image {
    const float* data;
    int64_t channels, height, width, last;
};

// Row y of a sample, LANES channels from `channel` on, with zeros around it: [wide, LANES]. They begin `pad` before it.
static void read_row(const Image& image, int64_t sample, int64_t y, int64_t channel, int64_t pad, int64_t wide,
                     float* row) {
    const int64_t channels = std::min(LANES, image.channels - channel), bytes = sizeof(float);
    const bool outside = y < 0 || y >= image.height || channels <= 0;
    if (outside || channels < LANES) memset(row, 0, wide * LANES * bytes);
    if (outside) return;
    const int64_t end = pad + image.width;
    memset(row, 0, pad * LANES * bytes);
    memset(row + end * LANES, 0, (wide - end) * LANES * bytes);
    row += pad * LANES;
    if (image.last) {
        const float* from = image.data + ((sample * image.height + y) * image.width) * image.channels + channel;
        for (int64_t j = 0; j < image.width; j++, row += LANES, from += image.channels) {
            if (channels == LANES) store(row, load(from));
            else memcpy(row, from, channels * bytes);
        }
        return;
    }
    const int64_t plane = image.height * image.width;
    const float* from = image.data + (sample * image.channels + channel) * plane + y * image.width;
    for (int64_t j = 0; j < image.width; j++, row += LANES, from++) {
        if (channels == LANES) {
            for (int64_t c = 0; c < LANES; c++) row[c] = from[c * plane];
        } else {
            for (int64_t c = 0; c < channels; c++) row[c] = from[c * plane];
        }
    }
}

// Inputs at the points of a row of tiles, LANES channels: [POSITIONS][tiles][LANES], at these distances.
// In between, space [SIDE, padded_width, LANES].
template <int M>
static void transform_input(const Image& x, const Plan<M>& p, int64_t row, int64_t channel, float* space, float* to,
                            int64_t of_position, int64_t of_tile) {
    constexpr int SIDE = Plan<M>::SIDE;
    const int64_t wide = p.padded_width(), sample = row / p.tiles_h, top = row % p.tiles_h * M - p.pad_h;
    Vector in[SIDE], out[SIDE];
    for (int i = 0; i < SIDE; i++) read_row(x, sample, top + i, channel, p.pad_w, wide, space + i * wide * LANES);
    for (int64_t j = 0; j < wide; j++) {
        for (int i = 0; i < SIDE; i++) in[i] = load(space + (i * wide + j) * LANES);
        Points<M>::of_input(in, out);
        for (int i = 0; i < SIDE; i++) store(space + (i * wide + j) * LANES, out[i]);
    }
    for (int64_t tile = 0; tile < p.tiles_w; tile++, to += of_tile) {
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) in[j] = load(space + (i * wide + tile * M + j) * LANES);
            Points<M>::of_input(in, out);
            for (int j = 0; j < SIDE; j++) store(to + (i * SIDE + j) * of_position, out[j]);
        }
    }
}
"""
