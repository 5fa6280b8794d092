"""The C++ of the two passes that look sums up: forward, and the gradient of the weights."""

TEXT = r"""
// Tables [planes][words of 32 channels][taps][groups][rows, ENTRIES] of the weights of `rows` outputs from `first` on.
static void tables_of_weights(const float* weight, const Sizes& s, int64_t first, int64_t rows, float* tables) {
    for (int64_t word = 0; word < s.words(); word++) {
        const int64_t plane = word / (s.tap_words() * s.taps()), tap = word % s.taps();
        const int64_t begin = word / s.taps() % s.tap_words() * BITS, end = std::min(begin + BITS, s.channels);
        for (int64_t c = begin; c < end; c += 4) {
            for (int64_t q = 0; q < rows; q++, tables += ENTRIES) {
                const float* from = weight + ((first + q) * s.channels + c) * s.taps() + tap;
                float rest[4] = {};  // of the last channels, if they are fewer than four
                for (int64_t i = 0; c + 4 > end && i < end - c; i++) rest[i] = from[i * s.taps()];
                const bool whole = c + 4 <= end;
                write_table(whole ? from : rest, whole ? s.taps() : 1, float(1 << plane), tables);
            }
        }
    }
}

// Sums [rows, BLOCK] of a block of pixels, of whose words the last ones have fewer channels.
static void sum_block(const uint32_t* columns, const Sizes& s, const float* bias, int64_t rows, const float* tables,
                      float* sums) {
    const int64_t whole = s.channels / BITS * s.taps(), rest = s.tap_words() * s.taps() - whole;
    const int64_t groups_of_rest = (s.channels % BITS + 3) / 4, of_group = rows * ENTRIES;
    const AddEntries add = add_entries_of[rows - 1];
    for (int64_t i = 0; i < rows * BLOCK; i++) sums[i] = bias[i / BLOCK];
    for (int64_t plane = 0; plane < s.planes; plane++) {
        add(columns, BLOCK, whole, BITS / 4, tables, sums);
        columns += whole * BLOCK;
        tables += whole * BITS / 4 * of_group;
        add(columns, BLOCK, rest, groups_of_rest, tables, sums);
        columns += rest * BLOCK;
        tables += rest * groups_of_rest * of_group;
    }
}

// Sums [rows, BLOCK] of a block of pixels to y [samples, outputs, out_h, out_w].
static void write_outputs(const float* sums, const Sizes& s, int64_t block, int64_t first, int64_t rows, float* y) {
    const int64_t begin = block * BLOCK, end = std::min(begin + BLOCK, s.out_pixels());
    if (s.y_last) {
        for (int64_t p = begin; p < end; p++) {
            for (int64_t q = 0; q < rows; q++) y[p * s.outputs + first + q] = sums[q * BLOCK + p - begin];
        }
        return;
    }
    for (int64_t p = begin, n; p < end; p += n) {
        const int64_t sample = p / s.out_plane(), in_sample = p % s.out_plane();
        n = std::min(end - p, s.out_plane() - in_sample);
        for (int64_t q = 0; q < rows; q++) {
            memcpy(y + (sample * s.outputs + first + q) * s.out_plane() + in_sample, sums + q * BLOCK + p - begin,
                   n * sizeof(float));
        }
    }
}

// y [samples, outputs, out_h, out_w] of the words that read() gives; bias [outputs]
extern "C" void forward(const uint32_t* words, const float* weight, const float* bias, float* y, const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const int64_t all = s.words(), groups = s.planes * s.taps() * ((s.channels + 3) / 4), blocks = s.blocks();
    const int64_t chunks = std::min(blocks, (TASKS_OF_A_THREAD * s.threads + s.parts() - 1) / s.parts());
    uint32_t* columns = kept_columns.of(blocks * all * BLOCK);
#pragma omp parallel num_threads(s.threads)
    {
        int32_t* places = kept_places.of(s.taps() * BLOCK);
        float* tables = kept_tables.of(groups * ROWS * ENTRIES);
        alignas(64) float sums[ROWS * BLOCK];
        int64_t at_hand = -1;
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; block++) {
            find_inputs(s, block, places);
            for (int64_t w = 0; w < all; w++) collect(words, s, places, w, columns + (block * all + w) * BLOCK);
        }
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t part = 0; part < s.parts(); part++) {
            for (int64_t chunk = 0; chunk < chunks; chunk++) {
                const int64_t first = s.first_of(part), rows = s.first_of(part + 1) - first;
                if (part != at_hand) tables_of_weights(weight, s, first, rows, tables);
                at_hand = part;
                for (int64_t block = blocks * chunk / chunks; block < blocks * (chunk + 1) / chunks; block++) {
                    sum_block(columns + block * all * BLOCK, s, bias + first, rows, tables, sums);
                    write_outputs(sums, s, block, first, rows, y);
                }
            }
        }
    }
}

// Words of 32 pixels of up to 32 channels, `step` from each other, from words [BLOCK] of channels. In two rows.
static void turn(const uint32_t* column, int64_t channels, int64_t step, int64_t lanes, uint32_t* to) {
    for (int64_t half = 0; half < BLOCK / BITS; half++, column += BITS, to += lanes) {
        const __m512i a = _mm512_loadu_si512(column), b = _mm512_loadu_si512(column + 16);
        for (int64_t c = 0; c < channels; c++) {
            const __m512i bit = _mm512_set1_epi32(int32_t(1u << c));
            to[c * step] = uint32_t(_mm512_test_epi32_mask(a, bit)) | uint32_t(_mm512_test_epi32_mask(b, bit)) << 16;
        }
    }
}

// Words [planes][pixel_words, lanes] of 32 pixels, for the pixels of a block. Weights are lanes, in their own order.
static void turn_block(const uint32_t* words, const Sizes& s, int64_t block, const int32_t* places, int64_t lanes,
                       uint32_t* turned) {
    const int64_t rows = BLOCK / BITS, inputs = s.taps() * s.channels;
    alignas(64) uint32_t column[BLOCK];
    for (int64_t w = 0; w < s.words(); w++) {
        const int64_t plane = w / (s.taps() * s.tap_words()), tap = w % s.taps();
        const int64_t first = w / s.taps() % s.tap_words() * BITS;
        collect(words, s, places, w, column);
        turn(column, std::min(BITS, s.channels - first), s.taps(), lanes,
             turned + (plane * s.blocks() + block) * rows * lanes + first * s.taps() + tap);
    }
    for (int64_t row = 0; row < s.planes * rows; row++) {
        uint32_t* to = turned + (row / rows * s.blocks() * rows + block * rows + row % rows) * lanes;
        memset(to + inputs, 0, (lanes - inputs) * sizeof(uint32_t));
    }
}

// Gradients [rows, n] of the pixels from `begin` on, zeros behind the last.
static void read_gradients(const float* g, const Sizes& s, int64_t first, int64_t rows, int64_t begin, int64_t n,
                           float* to) {
    const int64_t end = std::min(begin + n, s.out_pixels());
    for (int64_t q = 0; q < rows; q++, to += n) {
        for (int64_t p = begin; s.y_last && p < end; p++) to[p - begin] = g[p * s.outputs + first + q];
        for (int64_t p = begin, part; !s.y_last && p < end; p += part) {
            const int64_t sample = p / s.out_plane(), in_sample = p % s.out_plane();
            part = std::min(end - p, s.out_plane() - in_sample);
            memcpy(to + p - begin, g + (sample * s.outputs + first + q) * s.out_plane() + in_sample,
                   part * sizeof(float));
        }
        for (int64_t p = end; p < begin + n; p++) to[p - begin] = 0.0f;
    }
}

// Tables [planes][n / 4][rows, ENTRIES] of gradients [rows, n].
static void tables_of_gradients(const float* gradients, int64_t planes, int64_t rows, int64_t n, float* tables) {
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t p = 0; p < n; p += 4) {
            for (int64_t q = 0; q < rows; q++, tables += ENTRIES) {
                write_table(gradients + q * n + p, 1, float(1 << plane), tables);
            }
        }
    }
}

// gradient [outputs, channels, kernel_h, kernel_w] of the words that read() gives, for g, that of the outputs
extern "C" void gradient(const uint32_t* words, const float* g, float* gradient, const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const int64_t pixel_words = s.blocks() * BLOCK / BITS, inputs = s.taps() * s.channels;
    const int64_t lane_blocks = (inputs + BLOCK - 1) / BLOCK, lanes = lane_blocks * BLOCK;
    const int64_t chunks = std::min(lane_blocks, (TASKS_OF_A_THREAD * s.threads + s.parts() - 1) / s.parts());
    const bool at_once = pixel_words <= WORDS_AT_ONCE;
    uint32_t* turned = kept_columns.of(s.planes * pixel_words * lanes);
#pragma omp parallel num_threads(s.threads)
    {
        int32_t* places = kept_places.of(s.taps() * BLOCK);
        float* tables = kept_tables.of(s.planes * WORDS_AT_ONCE * BITS / 4 * ROWS * ENTRIES);
        float* sums = kept_sums.of(ROWS * (at_once ? BLOCK : lanes));
        float* gradients = kept_gradients.of(ROWS * WORDS_AT_ONCE * BITS);
#pragma omp for schedule(static)
        for (int64_t block = 0; block < s.blocks(); block++) {
            find_inputs(s, block, places);
            turn_block(words, s, block, places, lanes, turned);
        }
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t part = 0; part < s.parts(); part++) {
            for (int64_t chunk = 0; chunk < chunks; chunk++) {
                const int64_t first = s.first_of(part), rows = s.first_of(part + 1) - first;
                for (int64_t w = 0; w < pixel_words; w += WORDS_AT_ONCE) {
                    const int64_t n = std::min(WORDS_AT_ONCE, pixel_words - w), of_plane = n * 8 * rows * ENTRIES;
                    read_gradients(g, s, first, rows, w * BITS, n * BITS, gradients);
                    tables_of_gradients(gradients, s.planes, rows, n * BITS, tables);
                    for (int64_t b = lane_blocks * chunk / chunks; b < lane_blocks * (chunk + 1) / chunks; b++) {
                        float* to = sums + (at_once ? 0 : b * ROWS * BLOCK);
                        if (w == 0) memset(to, 0, rows * BLOCK * sizeof(float));
                        for (int64_t plane = 0; plane < s.planes; plane++) {
                            add_entries_of[rows - 1](turned + (plane * pixel_words + w) * lanes + b * BLOCK, lanes, n,
                                                     BITS / 4, tables + plane * of_plane, to);
                        }
                        const int64_t used = std::min(BLOCK, inputs - b * BLOCK);
                        for (int64_t q = 0; w + n == pixel_words && q < rows; q++) {
                            memcpy(gradient + (first + q) * inputs + b * BLOCK, to + q * BLOCK, used * sizeof(float));
                        }
                    }
                }
            }
        }
    }
}
"""
