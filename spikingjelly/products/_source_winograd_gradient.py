"""The C++ of the gradient of 3 x 3 weights by Winograd's minimal filtering: its convolution, differentiated.

The gradient of the outputs is evaluated at the points as the inputs are, multiplied with them there, and the gradient
of the taps interpolated from the sums over tiles. At each position of a tile these are a product of matrices,
[channels, tiles] by [tiles, outputs]. Sums of chunks of tiles are made first, for what is added to a long sum is
rounded to its size; the chunks do not depend on the number of threads, and so neither do results.
"""

TEXT = r"""
// The gradient of the weights.

constexpr int64_t TILES_AT_ONCE = 128;

// Gradients of outputs at the points of a row of tiles, LANES outputs, as transform_input gives the inputs.
template <int M>
static void transform_gradient(const Image& g, const Plan<M>& p, int64_t row, int64_t output, float* space, float* to,
                               int64_t of_position, int64_t of_tile) {
    constexpr int SIDE = Plan<M>::SIDE;
    const int64_t wide = p.padded_width(), sample = row / p.tiles_h, top = row % p.tiles_h * M;
    Vector in[M], out[SIDE];
    for (int i = 0; i < M; i++) read_row(g, sample, top + i, output, 0, wide, space + i * wide * LANES);
    for (int64_t j = 0; j < p.tiles_w * M; j++) {
        for (int i = 0; i < M; i++) in[i] = load(space + (i * wide + j) * LANES);
        Points<M>::of_output(in, out);
        for (int i = 0; i < SIDE; i++) store(space + (i * wide + j) * LANES, out[i]);
    }
    for (int64_t tile = 0; tile < p.tiles_w; tile++, to += of_tile) {
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < M; j++) in[j] = load(space + (i * wide + tile * M + j) * LANES);
            Points<M>::of_output(in, out);
            for (int j = 0; j < SIDE; j++) store(to + (i * SIDE + j) * of_position, out[j]);
        }
    }
}

// sums [CHANNELS, PANEL] += x [tiles, LANES], the first CHANNELS, times g [tiles, PANEL]
static inline void add_products(const float* x, const float* g, int64_t tiles, float* sums) {
    Vector sum[CHANNELS][VECTORS] = {};
    for (int64_t t = 0; t < tiles; t++, x += LANES, g += PANEL) {
        for (int c = 0; c < CHANNELS; c++) {
            for (int j = 0; j < VECTORS; j++) sum[c][j] += x[c] * load(g + j * LANES);
        }
    }
    for (int c = 0; c < CHANNELS; c++) {
        for (int j = 0; j < VECTORS; j++) {
            float* to = sums + c * PANEL + j * LANES;
            store(to, load(to) + sum[c][j]);
        }
    }
}

// The gradient [outputs, channels, 3, 3] of LANES channels and a panel of outputs, from sums [POSITIONS][LANES, PANEL].
template <int M>
static void interpolate_gradient(const float* sums, int64_t of_position, const Plan<M>& p, int64_t channel,
                                 int64_t panel, float* gradient) {
    constexpr int SIDE = Plan<M>::SIDE;
    const int64_t channels = std::min(LANES, p.channels - channel);
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t v = 0; v < VECTORS; v++) {
            const float* from = sums + c * PANEL + v * LANES;
            Vector rows[3][SIDE], in[SIDE], out[3];
            for (int j = 0; j < SIDE; j++) {
                for (int i = 0; i < SIDE; i++) in[i] = load(from + (i * SIDE + j) * of_position);
                Points<M>::to_weight(in, out);
                for (int i = 0; i < 3; i++) rows[i][j] = out[i];
            }
            alignas(64) float taps[9 * LANES];
            for (int i = 0; i < 3; i++) {
                Points<M>::to_weight(rows[i], out);
                for (int j = 0; j < 3; j++) store(taps + (i * 3 + j) * LANES, out[j]);
            }
            const int64_t first = panel * PANEL + v * LANES, outputs = std::min(LANES, p.outputs - first);
            for (int64_t k = 0; k < outputs; k++) {
                float* to = gradient + ((first + k) * p.channels + channel + c) * 9;
                for (int t = 0; t < 9; t++) to[t] = taps[t * LANES + k];
            }
        }
    }
}

template <int M>
static void differentiate(const float* x, const float* g, float* gradient, const Sizes& sizes) {
    const Plan<M> p(sizes);
    constexpr int POSITIONS = Plan<M>::POSITIONS;
    const Image inputs{x, p.channels, p.height, p.width, p.x_last}, outputs{g, p.outputs, p.out_h, p.out_w, p.y_last};
    const int64_t groups = p.depth / LANES, of_sums = odd_lines(LANES * PANEL), all_sums = POSITIONS * of_sums;
    const int64_t chunk = std::min(p.rows_of_tiles, (TILES_AT_ONCE + p.tiles_w - 1) / p.tiles_w);
    const int64_t most = chunk * p.tiles_w, most_inputs = POSITIONS * odd_lines(most * LANES);
    const int64_t most_gradients = POSITIONS * odd_lines(most * PANEL);
    const bool one_chunk = chunk == p.rows_of_tiles;
    float* at_inputs = kept_inputs.of(groups * most_inputs);
    float* at_gradients = kept_weights.of(p.panels * most_gradients);
    float* kept_sums = one_chunk ? nullptr : kept_all_sums.of(p.panels * groups * all_sums);
#pragma omp parallel num_threads(p.threads)
    {
        float* space = kept_rows.of(Plan<M>::SIDE * p.padded_width() * LANES);
        float* own_sums = one_chunk ? kept_products.of(all_sums) : nullptr;
        for (int64_t row = 0; row < p.rows_of_tiles; row += chunk) {
            const int64_t rows = std::min(chunk, p.rows_of_tiles - row), tiles = rows * p.tiles_w;
            const int64_t of_input = odd_lines(tiles * LANES), of_gradient = odd_lines(tiles * PANEL);
#pragma omp for collapse(2) schedule(dynamic)
            for (int64_t part = 0; part < groups + p.panels * VECTORS; part++) {
                for (int64_t i = 0; i < rows; i++) {
                    if (part < groups) {
                        float* to = at_inputs + part * most_inputs + i * p.tiles_w * LANES;
                        transform_input<M>(inputs, p, row + i, part * LANES, space, to, of_input, LANES);
                    } else {
                        const int64_t vector = part - groups;
                        float* to = at_gradients + vector / VECTORS * most_gradients + i * p.tiles_w * PANEL;
                        transform_gradient<M>(outputs, p, row + i, vector * LANES, space,
                                              to + vector % VECTORS * LANES, of_gradient, PANEL);
                    }
                }
            }
#pragma omp for collapse(2) schedule(dynamic)
            for (int64_t panel = 0; panel < p.panels; panel++) {
                for (int64_t group = 0; group < groups; group++) {
                    float* sums = one_chunk ? own_sums : kept_sums + (panel * groups + group) * all_sums;
                    if (row == 0) memset(sums, 0, all_sums * sizeof(float));
                    for (int64_t position = 0; position < POSITIONS; position++) {
                        for (int64_t c = 0; c < LANES; c += CHANNELS) {
                            add_products(at_inputs + group * most_inputs + position * of_input + c,
                                         at_gradients + panel * most_gradients + position * of_gradient, tiles,
                                         sums + position * of_sums + c * PANEL);
                        }
                    }
                    if (row + rows == p.rows_of_tiles) {
                        interpolate_gradient(sums, of_sums, p, group * LANES, panel, gradient);
                    }
                }
            }
        }
    }
}

// gradient [outputs, channels, 3, 3] for x [samples, channels, height, width] and g [samples, outputs, out_h, out_w]
extern "C" void gradient_of_weights(const float* x, const float* g, float* gradient, const int64_t* sizes) {
    return differentiate<4>(x, g, gradient, *reinterpret_cast<const Sizes*>(sizes));
}
"""
