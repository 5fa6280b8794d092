"""The C++ of the two passes that look sums up: forward, and the gradient of the weights."""

TEXT = r"""
// Tables [words of a pixel][groups][rows, ENTRIES] of the weights of `rows` outputs from `first` on.
static void tables_of_weights(const float* weight, const Sizes& s, int64_t first, int64_t rows, float* tables) {
    for (int64_t plane = 0; plane < s.planes; plane++) {
        for (int64_t tap = 0; tap < s.taps(); tap++) {
            for (int64_t c = 0; c < s.channels; c += 4) {
                for (int64_t q = 0; q < rows; q++, tables += ENTRIES) {
                    const float* from = weight + ((first + q) * s.channels + c) * s.taps() + tap;
                    float rest[4] = {};  // of the last channels, if they are fewer than four
                    for (int64_t i = 0; c + 4 > s.channels && i < s.channels - c; i++) rest[i] = from[i * s.taps()];
                    const bool whole = c + 4 <= s.channels;
                    write_table(whole ? from : rest, whole ? s.taps() : 1, float(1 << plane), tables);
                }
            }
        }
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
    const int64_t groups_of_last = (s.channels - (s.tap_words() - 1) * BITS + 3) / 4;
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
                    for (int64_t i = 0; i < rows * BLOCK; i++) sums[i] = bias[first + i / BLOCK];
                    add_entries_of[rows - 1](columns + block * all * BLOCK, BLOCK, all, s.tap_words(), groups_of_last,
                                             tables, sums);
                    write_outputs(sums, s, block, first, rows, y);
                }
            }
        }
    }
}

// Words [2][`distance`] of 64 pixels each for up to 32 channels, from words [BLOCK] of channels.
static void turn(const uint32_t* column, int64_t channels, int64_t distance, uint32_t* to) {
    for (int64_t half = 0; half < 2; half++, column += BITS, to += distance) {
        const __m512i a = _mm512_loadu_si512(column), b = _mm512_loadu_si512(column + 16);
        for (int64_t c = 0; c < channels; c++) {
            const __m512i bit = _mm512_set1_epi32(int32_t(1u << c));
            to[c] = uint32_t(_mm512_test_epi32_mask(a, bit)) | uint32_t(_mm512_test_epi32_mask(b, bit)) << 16;
        }
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

// The gradient [outputs, channels, kernel_h, kernel_w] of some inputs of `rows` outputs, from sums of blocks of lanes.
static void write_gradient(const float* sums, const Sizes& s, int64_t first, int64_t rows, int64_t begin, int64_t end,
                           float* gradient) {
    const int64_t of_plane = s.taps() * s.channels;
    for (int64_t lane = begin; lane < std::min(end, s.planes * of_plane); lane++) {
        const int64_t plane = lane / of_plane, tap = lane % of_plane / s.channels, c = lane % s.channels;
        const float* from = sums + (lane - begin) / BLOCK * rows * BLOCK + (lane - begin) % BLOCK;
        for (int64_t q = 0; q < rows; q++) {
            float* to = gradient + ((first + q) * s.channels + c) * s.taps() + tap;
            *to = plane ? *to + 2.0f * from[q * BLOCK] : from[q * BLOCK];
        }
    }
}

// gradient [outputs, channels, kernel_h, kernel_w] of the words that read() gives, for g, that of the outputs
extern "C" void gradient(const uint32_t* words, const float* g, float* gradient, const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const int64_t all = s.words(), blocks = s.blocks(), pixel_words = blocks * BLOCK / BITS;
    const int64_t used = s.planes * s.taps() * s.channels, lane_blocks = (used + BLOCK - 1) / BLOCK;
    const int64_t lanes = lane_blocks * BLOCK;
    // Both planes of a weight are added by one thread.
    const int64_t most = s.planes > 1 ? 1 : lane_blocks;
    const int64_t chunks = std::min(most, (TASKS_OF_A_THREAD * s.threads + s.parts() - 1) / s.parts());
    uint32_t* turned = kept_columns.of(pixel_words * lanes);
#pragma omp parallel num_threads(s.threads)
    {
        int32_t* places = kept_places.of(s.taps() * BLOCK);
        float* tables = kept_tables.of(WORDS_AT_ONCE * BITS / 4 * ROWS * ENTRIES);
        float* sums = kept_sums.of(ROWS * lanes);
        float* gradients = kept_gradients.of(ROWS * WORDS_AT_ONCE * BITS);
        alignas(64) uint32_t column[BLOCK];
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; block++) {
            uint32_t* to = turned + block * (BLOCK / BITS) * lanes;
            find_inputs(s, block, places);
            for (int64_t w = 0, lane = 0; w < all; w++) {
                const int64_t channels = std::min(BITS, s.channels - w % s.tap_words() * BITS);
                collect(words, s, places, w, column);
                turn(column, channels, lanes, to + lane);
                lane += channels;
            }
            for (int64_t half = 0; half < 2; half++) {
                memset(to + half * lanes + used, 0, (lanes - used) * sizeof(uint32_t));
            }
        }
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t part = 0; part < s.parts(); part++) {
            for (int64_t chunk = 0; chunk < chunks; chunk++) {
                const int64_t first = s.first_of(part), rows = s.first_of(part + 1) - first;
                const int64_t begin = lane_blocks * chunk / chunks, end = lane_blocks * (chunk + 1) / chunks;
                memset(sums, 0, (end - begin) * rows * BLOCK * sizeof(float));
                for (int64_t w = 0; w < pixel_words; w += WORDS_AT_ONCE) {
                    const int64_t n = std::min(WORDS_AT_ONCE, pixel_words - w);
                    read_gradients(g, s, first, rows, w * BITS, n * BITS, gradients);
                    for (int64_t p = 0; p < n * BITS; p += 4) {
                        for (int64_t q = 0; q < rows; q++) {
                            write_table(gradients + q * n * BITS + p, 1, 1.0f, tables + (p / 4 * rows + q) * ENTRIES);
                        }
                    }
                    for (int64_t block = begin; block < end; block++) {
                        add_entries_of[rows - 1](turned + w * lanes + block * BLOCK, lanes, n, 0, 0, tables,
                                                 sums + (block - begin) * rows * BLOCK);
                    }
                }
                write_gradient(sums, s, first, rows, begin * BLOCK, end * BLOCK, gradient);
            }
        }
    }
}
"""
