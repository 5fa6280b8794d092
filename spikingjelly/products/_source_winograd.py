"""The C++ of convolutions with 3 x 3 taps and stride 1 by Winograd's minimal filtering.

Each tile of M x M outputs is a product of its (M + 2) x (M + 2) inputs with the taps, seen as one of polynomials: both
are evaluated at M + 1 points and infinity, multiplied there, and the outputs interpolated, along rows and columns. So
(M + 2)^2 multiplications do for 9 M^2. At each of the (M + 2)^2 positions of a tile the sum over channels is a product
of matrices, [tiles, channels] by [channels, outputs], which is where the time goes.

The points are 0, 1, -1 for M = 2, which costs a bit of accuracy, and 0, +-sqrt(1/2), +-sqrt(2) for M = 4, with half the
error of the usual 0, +-1, +-2. Each sum is made by one thread in one order, so results do not depend on the number of
threads.

Source: A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
"""

TEXT = r"""// Convolutions of x [B, C, H, W] with 3 x 3 taps and stride 1, by Winograd's minimal filtering.

constexpr int64_t BLOCK = 4 * ROWS;  // tiles whose sums are made before any is interpolated
constexpr int64_t TILES_OF_A_THREAD = 2 * ROWS, FEW_TILES = 2 * BLOCK;
constexpr int64_t TAPS_AT_ONCE = std::min<int64_t>(8, LANES);  // channels
// Bytes of transformed inputs and weights that are held at a time.
constexpr int64_t INPUTS_OF_A_THREAD = 3 << 19, WEIGHTS_OF_A_THREAD = 5 << 19, INPUTS_OF_CHUNKS = 8 << 20;

// Distances in memory.
template <int M>
struct Layout : Plan<M> {
    int64_t of_tile, weights_of_position, of_panel;
    explicit Layout(const Sizes& sizes) : Plan<M>(sizes) {
        of_tile = odd_lines(this->depth);
        weights_of_position = odd_lines(this->depth * PANEL);
        of_panel = Plan<M>::POSITIONS * weights_of_position;
    }
};

// The taps [channels, 9, LANES] of some channels for the outputs from `output` on.
template <int M>
static void read_taps(const float* w, const Layout<M>& p, int64_t output, int64_t channel, float* taps) {
    const int64_t of_output = p.adjoint ? 9 : p.channels * 9, of_channel = p.adjoint ? p.outputs * 9 : 9;
    const int64_t outputs = std::min(LANES, p.outputs - output);
    const int64_t channels = std::min(TAPS_AT_ONCE, p.channels - channel);
    if (outputs < LANES || channels < TAPS_AT_ONCE) memset(taps, 0, TAPS_AT_ONCE * 9 * LANES * sizeof(float));
    for (int64_t c = 0; c < channels; c++, taps += 9 * LANES) {
        const float* from = w + output * of_output + (channel + c) * of_channel;
        // What is read next lies too far away for the processor to foresee it.
        const float* next = from + TAPS_AT_ONCE * of_channel;
        for (int64_t i = 0; p.adjoint && i < 9 * LANES; i += 16) __builtin_prefetch(next + i);
        for (int64_t k = 0; k < outputs; k++, from += of_output) {
            for (int t = 0; t < 9; t++) taps[t * LANES + k] = from[p.adjoint ? 8 - t : t];
        }
    }
}

// to [POSITIONS][depth, PANEL], of LANES channels
template <int M>
static void transform_weights(const float* w, const Layout<M>& p, int64_t panel, int64_t first, float* to) {
    constexpr int SIDE = Plan<M>::SIDE;
    alignas(64) float taps[TAPS_AT_ONCE * 9 * LANES];
    for (int64_t channel = first; channel < first + LANES; channel += TAPS_AT_ONCE) {
        for (int64_t v = 0; v < VECTORS; v++) {
            read_taps(w, p, panel * PANEL + v * LANES, channel, taps);
            for (int64_t c = 0; c < TAPS_AT_ONCE; c++) {
                Vector rows[SIDE][3], out[SIDE];
                for (int j = 0; j < 3; j++) {
                    Vector column[3];
                    for (int i = 0; i < 3; i++) column[i] = load(taps + ((c * 3 + i) * 3 + j) * LANES);
                    Points<M>::of_weight(column, out);
                    for (int i = 0; i < SIDE; i++) rows[i][j] = out[i];
                }
                for (int i = 0; i < SIDE; i++) {
                    Points<M>::of_weight(rows[i], out);
                    float* at = to + i * SIDE * p.weights_of_position + (channel + c) * PANEL + v * LANES;
                    for (int j = 0; j < SIDE; j++) store(at + j * p.weights_of_position, out[j]);
                }
            }
        }
    }
}

// out [rows, PANEL] = x [rows, depth] times w [depth, PANEL]
template <int R>
static void multiply(int64_t rows, const float* x, int64_t of_row, const float* w, int64_t depth, float* out) {
    if constexpr (R > 1) {
        if (rows < R) return multiply<R - 1>(rows, x, of_row, w, depth, out);
    }
    Vector sum[R][VECTORS] = {};
    for (int64_t c = 0; c < depth; c++, w += PANEL) {
        for (int r = 0; r < R; r++) {
            for (int j = 0; j < VECTORS; j++) sum[r][j] += x[r * of_row + c] * load(w + j * LANES);
        }
    }
    for (int r = 0; r < R; r++) {
        for (int j = 0; j < VECTORS; j++) store(out + r * PANEL + j * LANES, sum[r][j]);
    }
}

// The valid part of a tile of LANES outputs, out [M, M, LANES].
template <int M>
static void write_tile(const float* out, const Layout<M>& p, int64_t tile, int64_t output, float* y) {
    const int64_t sample = tile / (p.tiles_h * p.tiles_w), top = tile / p.tiles_w % p.tiles_h * M;
    const int64_t left = tile % p.tiles_w * M, outputs = std::min(LANES, p.outputs - output);
    const int64_t height = std::min<int64_t>(M, p.out_h - top), width = std::min<int64_t>(M, p.out_w - left);
    if (p.y_last) {
        for (int64_t i = 0; i < height; i++) {
            float* to = y + ((sample * p.out_h + top + i) * p.out_w + left) * p.outputs + output;
            for (int64_t j = 0; j < width; j++, to += p.outputs) {
                const float* from = out + (i * M + j) * LANES;
                if (outputs == LANES) store(to, load(from));
                else memcpy(to, from, outputs * sizeof(float));
            }
        }
        return;
    }
    for (int64_t k = 0; k < outputs; k++) {
        float* to = y + ((sample * p.outputs + output + k) * p.out_h + top) * p.out_w + left;
        for (int64_t i = 0; i < height; i++, to += p.out_w) {
            for (int64_t j = 0; j < width; j++) to[j] = out[(i * M + j) * LANES + k];
        }
    }
}

// products [POSITIONS][tiles, PANEL]
template <int M>
static void transform_output(const float* products, int64_t of_position, const Layout<M>& p, int64_t tile,
                             int64_t panel, const float* bias, float* y) {
    constexpr int SIDE = Plan<M>::SIDE;
    for (int64_t v = 0; v < VECTORS; v++, products += LANES) {
        const int64_t output = panel * PANEL + v * LANES;
        if (output >= p.outputs) return;
        Vector rows[M][SIDE], in[SIDE], out[M];
        for (int j = 0; j < SIDE; j++) {
            for (int i = 0; i < SIDE; i++) in[i] = load(products + (i * SIDE + j) * of_position);
            Points<M>::to_output(in, out);
            for (int i = 0; i < M; i++) rows[i][j] = out[i];
        }
        alignas(64) float tile_of_outputs[M * M * LANES];
        const Vector shift = load(bias + output);
        for (int i = 0; i < M; i++) {
            Points<M>::to_output(rows[i], out);
            for (int j = 0; j < M; j++) store(tile_of_outputs + (i * M + j) * LANES, out[j] + shift);
        }
        write_tile(tile_of_outputs, p, tile, output, y);
    }
}

// The outputs of a panel for n tiles from `tile` on; inputs and weights are those at the points.
template <int M>
static void multiply_block(const float* inputs, int64_t of_position, const float* weights, const Layout<M>& p,
                           int64_t tile, int64_t n, int64_t panel, const float* bias, float* y, float* products) {
    const int64_t parts = (n + ROWS - 1) / ROWS, part = (n + parts - 1) / parts, of_products = odd_lines(BLOCK * PANEL);
    for (int64_t position = 0; position < Plan<M>::POSITIONS; position++) {
        for (int64_t r = 0; r < n; r += part) {
            multiply<ROWS>(std::min(part, n - r), inputs + position * of_position + r * p.of_tile, p.of_tile,
                           weights + position * p.weights_of_position, p.depth,
                           products + position * of_products + r * PANEL);
        }
    }
    for (int64_t r = 0; r < n; r++) transform_output(products + r * PANEL, of_products, p, tile + r, panel, bias, y);
}

// All outputs of some rows of tiles by one thread, whose inputs do not leave its own cache.
template <int M>
static void convolve_rows(const Image& image, const Layout<M>& p, const float* weights, const float* bias, float* y,
                          int64_t row, int64_t rows) {
    const int64_t tiles = rows * p.tiles_w, of_position = odd_lines(tiles * p.of_tile);
    float* space = kept_rows.of(Plan<M>::SIDE * p.padded_width() * LANES);
    float* products = kept_products.of(Plan<M>::POSITIONS * odd_lines(BLOCK * PANEL));
    float* inputs = kept_inputs.of(Plan<M>::POSITIONS * of_position);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t c = 0; c < p.depth; c += LANES) {
            float* to = inputs + i * p.tiles_w * p.of_tile + c;
            transform_input<M>(image, p, row + i, c, space, to, of_position, p.of_tile);
        }
    }
    for (int64_t panel = 0; panel < p.panels; panel++) {
        for (int64_t t = 0; t < tiles; t += BLOCK) {
            multiply_block(inputs + t * p.of_tile, of_position, weights + panel * p.of_panel, p, row * p.tiles_w + t,
                           std::min(BLOCK, tiles - t), panel, bias, y, products);
        }
    }
}

// With weights that fit into the caches at once.
template <int M>
static void convolve_at_once(const Image& image, const float* w, const float* bias, float* y, const Layout<M>& p) {
    float* weights = kept_weights.of(p.panels * p.of_panel);
    const int64_t rows = std::max<int64_t>(1, TILES_OF_A_THREAD / p.tiles_w);
#pragma omp parallel num_threads(p.threads)
    {
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t panel = 0; panel < p.panels; panel++) {
            for (int64_t c = 0; c < p.depth; c += LANES) {
                transform_weights(w, p, panel, c, weights + panel * p.of_panel);
            }
        }
#pragma omp for schedule(dynamic)
        for (int64_t row = 0; row < p.rows_of_tiles; row += rows) {
            convolve_rows(image, p, weights, bias, y, row, std::min(rows, p.rows_of_tiles - row));
        }
    }
}

// In chunks: of weights that stay in the caches while all inputs pass, and of inputs.
template <int M>
static void convolve_in_chunks(const Image& image, const float* w, const float* bias, float* y, const Layout<M>& p,
                               int64_t chunk_panels) {
    const int64_t of_row = Plan<M>::POSITIONS * p.tiles_w * p.of_tile, bytes = sizeof(float);
    // What is needed again for each chunk of weights is better transformed once, even if it leaves the nearest cache.
    const int64_t most = std::max(INPUTS_OF_CHUNKS, INPUTS_OF_A_THREAD * p.threads);
    const int64_t chunk_rows = std::min(p.rows_of_tiles, most / (of_row * bytes) + 1);
    float* weights = kept_weights.of(chunk_panels * p.of_panel);
    float* inputs = kept_inputs.of(chunk_rows * of_row + Plan<M>::POSITIONS * LANES);
#pragma omp parallel num_threads(p.threads)
    {
        float* space = kept_rows.of(Plan<M>::SIDE * p.padded_width() * LANES);
        float* products = kept_products.of(Plan<M>::POSITIONS * odd_lines(BLOCK * PANEL));
        for (int64_t panel = 0; panel < p.panels; panel += chunk_panels) {
            const int64_t panels = std::min(chunk_panels, p.panels - panel);
#pragma omp for collapse(2) schedule(dynamic)
            for (int64_t i = 0; i < panels; i++) {
                for (int64_t c = 0; c < p.depth; c += LANES) {
                    transform_weights(w, p, panel + i, c, weights + i * p.of_panel);
                }
            }
            for (int64_t row = 0; row < p.rows_of_tiles; row += chunk_rows) {
                const int64_t rows = std::min(chunk_rows, p.rows_of_tiles - row), tiles = rows * p.tiles_w;
                const int64_t of_position = odd_lines(tiles * p.of_tile);
                if (panel == 0 || chunk_rows < p.rows_of_tiles) {
#pragma omp for collapse(2) schedule(dynamic)
                    for (int64_t i = 0; i < rows; i++) {
                        for (int64_t c = 0; c < p.depth; c += LANES) {
                            float* to = inputs + i * p.tiles_w * p.of_tile;
                            transform_input<M>(image, p, row + i, c, space, to + c, of_position, p.of_tile);
                        }
                    }
                }
                const int64_t blocks = (tiles + BLOCK - 1) / BLOCK, block = (tiles + blocks - 1) / blocks;
#pragma omp for collapse(2) schedule(dynamic)
                for (int64_t i = 0; i < panels; i++) {
                    for (int64_t t = 0; t < tiles; t += block) {
                        multiply_block(inputs + t * p.of_tile, of_position, weights + i * p.of_panel, p,
                                       row * p.tiles_w + t, std::min(block, tiles - t), panel + i, bias, y,
                                       products);
                    }
                }
            }
        }
    }
}

// With few tiles: the weights of a panel are used by the thread that has transformed them, and not again.
template <int M>
static void convolve_few(const Image& image, const float* w, const float* bias, float* y, const Layout<M>& p) {
    const int64_t tiles = p.rows_of_tiles * p.tiles_w, of_position = odd_lines(tiles * p.of_tile);
    float* inputs = kept_inputs.of(Plan<M>::POSITIONS * of_position);
#pragma omp parallel num_threads(p.threads)
    {
        float* space = kept_rows.of(Plan<M>::SIDE * p.padded_width() * LANES);
        float* products = kept_products.of(Plan<M>::POSITIONS * odd_lines(BLOCK * PANEL));
        float* weights = kept_weights.of(p.of_panel);
#pragma omp for collapse(2) schedule(static)
        for (int64_t row = 0; row < p.rows_of_tiles; row++) {
            for (int64_t c = 0; c < p.depth; c += LANES) {
                float* to = inputs + row * p.tiles_w * p.of_tile + c;
                transform_input<M>(image, p, row, c, space, to, of_position, p.of_tile);
            }
        }
#pragma omp for schedule(dynamic)
        for (int64_t panel = 0; panel < p.panels; panel++) {
            for (int64_t c = 0; c < p.depth; c += LANES) transform_weights(w, p, panel, c, weights);
            for (int64_t t = 0; t < tiles; t += BLOCK) {
                multiply_block(inputs + t * p.of_tile, of_position, weights, p, t, std::min(BLOCK, tiles - t), panel,
                               bias, y, products);
            }
        }
    }
}

template <int M>
static void convolve(const float* x, const float* w, const float* bias, float* y, const Sizes& sizes) {
    const Layout<M> p(sizes);
    const Image image{x, p.channels, p.height, p.width, p.x_last};
    const bool few = p.rows_of_tiles * p.tiles_w <= FEW_TILES && p.panels >= 2 * p.threads;
    if (few) return convolve_few(image, w, bias, y, p);
    const int64_t panels = WEIGHTS_OF_A_THREAD * p.threads / (p.of_panel * int64_t(sizeof(float)));
    if (panels >= p.panels) return convolve_at_once(image, w, bias, y, p);
    convolve_in_chunks(image, w, bias, y, p, std::min(p.panels, std::max(p.threads, panels)));
}

// y [samples, outputs, out_h, out_w] in tiles of 2 x 2 or 4 x 4; bias [outputs, rounded up to whole vectors]
extern "C" void convolution(const float* x, const float* w, const float* bias, float* y, int64_t tile,
                            const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    return tile == 2 ? convolve<2>(x, w, bias, y, s) : convolve<4>(x, w, bias, y, s);
}
"""
