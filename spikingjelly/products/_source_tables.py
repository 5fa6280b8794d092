"""The C++ of convolutions whose inputs are 0 to 3, as spikes and sums of a few of them are.

An input is one or two planes of bits. Four bits choose one of 16 sums of four weights; all 16 are a table that fills
a vector, and one permutation of it looks up 16 sums at once: for four channels of 16 pixels forward, and for four
pixels of 16 inputs in the gradient of the weights. That takes less than a third of the time of as many products,
however many of the bits are ones. Each sum is made by one thread in one order, so results do not depend on the number
of threads.

Source: V. Arlazarov, E. Dinic, M. Kronrod and I. Faradzev, "On Economical Construction of the Transitive Closure of a
Directed Graph", 1970, whose method multiplies matrices of bits by tables of sums of rows.
"""

TEXT = r"""// Convolutions of inputs that are 0 to 3.
#include <immintrin.h>

constexpr int64_t VECTORS = 4, BLOCK = VECTORS * 16;  // lanes whose sums stay in registers: pixels, or weights
constexpr int64_t ROWS = 6;                           // the same: output channels
constexpr int64_t BITS = 32, ENTRIES = 16;            // of a word, of a table
constexpr int64_t WORDS_AT_ONCE = 16;                 // of pixels, whose tables stay in the cache
constexpr int64_t TASKS_OF_A_THREAD = 4;

struct Sizes {
    int64_t samples, channels, height, width, outputs, kernel_h, kernel_w;
    int64_t stride_h, stride_w, pad_h, pad_w, out_h, out_w;
    int64_t x_last, y_last, threads;  // whether the channels are last in memory
    int64_t planes;
    int64_t plane() const { return height * width; }
    int64_t out_plane() const { return out_h * out_w; }
    int64_t pixels() const { return samples * plane(); }
    int64_t out_pixels() const { return samples * out_plane(); }
    int64_t blocks() const { return (out_pixels() + BLOCK - 1) / BLOCK; }
    int64_t taps() const { return kernel_h * kernel_w; }
    int64_t tap_words() const { return (channels + BITS - 1) / BITS; }
    int64_t words() const { return planes * taps() * tap_words(); }  // of the input of an output pixel
    int64_t parts() const { return (outputs + ROWS - 1) / ROWS; }
    int64_t first_of(int64_t part) const { return outputs * part / parts(); }
    bool is_its_own_input() const { return taps() == 1 && stride_h * stride_w == 1 && pad_h + pad_w == 0; }
};

// Memory that a thread keeps for the next call.
template <class T>
struct Scratch {
    T* data = nullptr;
    int64_t size = 0;
    ~Scratch() { free(data); }
    T* of(int64_t wanted) {
        if (wanted > size) {
            free(data);
            data = static_cast<T*>(aligned_alloc(64, (wanted * sizeof(T) + 63) / 64 * 64));
            if (!data) abort();
            size = wanted;
        }
        return data;
    }
};
static thread_local Scratch<uint32_t> kept_columns;
static thread_local Scratch<int32_t> kept_places;
static thread_local Scratch<float> kept_tables, kept_sums, kept_gradients;

// Adds bits of 16 inputs to words of two planes, as the highest ones of what is there, shifted. Gives the lanes of
// others than 0 to 3.
static inline __mmask16 add_bits(__m512 x, __m512i* low, __m512i* high) {
    const __m512i n = _mm512_cvttps_epi32(x);
    *low = _mm512_or_si512(_mm512_srli_epi32(*low, 1), _mm512_slli_epi32(n, 31));
    *high = _mm512_or_si512(_mm512_srli_epi32(*high, 1),
                            _mm512_and_si512(_mm512_slli_epi32(n, 30), _mm512_set1_epi32(int32_t(1u << 31))));
    return _mm512_cmp_ps_mask(_mm512_cvtepi32_ps(n), x, _CMP_NEQ_UQ) | _mm512_cmpgt_epu32_mask(n, _mm512_set1_epi32(3));
}

// Words [pixels + 1] of up to 32 channels of a sample, for two planes. Gives whether all are 0 to 3.
static bool read_channels(const float* x, int64_t channels, int64_t plane, uint32_t* low, uint32_t* high) {
    const __m128i rest = _mm_cvtsi64_si128(BITS - channels);
    __mmask16 others = 0;
    for (int64_t p = 0; p < plane; p += 16) {
        const __mmask16 valid = plane - p < 16 ? (1u << (plane - p)) - 1 : 0xffff;
        __m512i a = _mm512_setzero_si512(), b = a;
        for (int64_t c = 0; c < channels; c++) {
            others |= add_bits(_mm512_maskz_loadu_ps(valid, x + c * plane + p), &a, &b);
        }
        _mm512_mask_storeu_epi32(low + p, valid, _mm512_srl_epi32(a, rest));
        _mm512_mask_storeu_epi32(high + p, valid, _mm512_srl_epi32(b, rest));
    }
    return !others;
}

// The same, with channels last, for all channels of a pixel; words of the channels are `distance` from each other.
static bool read_pixel(const float* x, int64_t channels, int64_t distance, uint32_t* low, uint32_t* high) {
    __mmask16 others = 0;
    for (int64_t c = 0; c < channels; c += BITS, low += distance, high += distance) {
        uint32_t a = 0, b = 0;
        for (int64_t half = 0; half < BITS && c + half < channels; half += 16) {
            const int64_t left = channels - c - half;
            const __mmask16 valid = left < 16 ? (1u << left) - 1 : 0xffff;
            const __m512 v = _mm512_maskz_loadu_ps(valid, x + c + half);
            const __m512i n = _mm512_cvttps_epi32(v);
            others |= _mm512_cmp_ps_mask(_mm512_cvtepi32_ps(n), v, _CMP_NEQ_UQ);
            others |= _mm512_cmpgt_epu32_mask(n, _mm512_set1_epi32(3));
            a |= uint32_t(_mm512_test_epi32_mask(n, _mm512_set1_epi32(1))) << half;
            b |= uint32_t(_mm512_test_epi32_mask(n, _mm512_set1_epi32(2))) << half;
        }
        *low = a;
        *high = b;
    }
    return !others;
}

// words [2, tap_words, pixels + 1] of x, with a word of zeros behind the last pixel. `found`: how many of the
// two planes have ones, 0 if x is not 0 to 3; and how many entries are not zero
extern "C" void read(const float* x, uint32_t* words, int64_t* found, const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const int64_t distance = s.pixels() + 1, of_plane = s.tap_words() * distance;
    bool fit = true;
    for (int64_t w = 0; w < 2 * s.tap_words(); w++) words[w * distance + s.pixels()] = 0;
#pragma omp parallel for collapse(2) num_threads(s.threads) reduction(&& : fit)
    for (int64_t b = 0; b < s.samples; b++) {
        for (int64_t w = 0; w < (s.x_last ? s.height : s.tap_words()); w++) {
            if (!fit) continue;
            if (s.x_last) {
                for (int64_t p = (b * s.height + w) * s.width; p < (b * s.height + w + 1) * s.width; p++) {
                    fit = read_pixel(x + p * s.channels, s.channels, distance, words + p, words + of_plane + p) && fit;
                }
            } else {
                uint32_t* to = words + w * distance + b * s.plane();
                fit = read_channels(x + (b * s.channels + w * BITS) * s.plane(),
                                    std::min(BITS, s.channels - w * BITS), s.plane(), to, to + of_plane);
            }
        }
    }
    uint32_t high = 0;
    int64_t nonzero = 0;
    for (int64_t i = 0; fit && i < of_plane; i++) {
        high |= words[of_plane + i];
        nonzero += __builtin_popcount(words[i] | words[of_plane + i]);
    }
    found[0] = fit ? 1 + (high != 0) : 0;
    found[1] = nonzero;
}

// For each tap, the pixel of the input that meets it in each output of a block; the word of zeros, if there is none.
static void find_inputs(const Sizes& s, int64_t block, int32_t* places) {
    for (int64_t i = 0; i < BLOCK; i++, places++) {
        const int64_t pixel = block * BLOCK + i, sample = pixel / s.out_plane(), in_sample = pixel % s.out_plane();
        const int64_t top = in_sample / s.out_w * s.stride_h - s.pad_h;
        const int64_t left = in_sample % s.out_w * s.stride_w - s.pad_w;
        for (int64_t tap = 0; tap < s.taps(); tap++) {
            const int64_t y = top + tap / s.kernel_w, x = left + tap % s.kernel_w;
            const bool inside = sample < s.samples && y >= 0 && y < s.height && x >= 0 && x < s.width;
            places[tap * BLOCK] = inside ? (sample * s.height + y) * s.width + x : s.pixels();
        }
    }
}

// The words [BLOCK] of one plane, group of channels and tap, which are counted in this order.
static void collect(const uint32_t* words, const Sizes& s, const int32_t* places, int64_t word, uint32_t* to) {
    const uint32_t* from = words + word / s.taps() * (s.pixels() + 1);
    places += word % s.taps() * BLOCK;
    for (int64_t i = 0; i < BLOCK; i++) to[i] = from[places[i]];
}

// The 16 sums of four numbers, times `factor`.
static inline void write_table(const float* numbers, int64_t distance, float factor, float* table) {
    __m512 sums = _mm512_maskz_mov_ps(0xaaaa, _mm512_set1_ps(numbers[0]));
    sums = _mm512_mask_add_ps(sums, 0xcccc, sums, _mm512_set1_ps(numbers[distance]));
    sums = _mm512_mask_add_ps(sums, 0xf0f0, sums, _mm512_set1_ps(numbers[2 * distance]));
    sums = _mm512_mask_add_ps(sums, 0xff00, sums, _mm512_set1_ps(numbers[3 * distance]));
    _mm512_store_ps(table, _mm512_mul_ps(sums, _mm512_set1_ps(factor)));
}

// sums [Q, BLOCK] += what the first groups of bits of words [n][BLOCK], `distance` from each other, choose from tables
// [n][groups][Q, ENTRIES].
template <int Q>
static void add_entries(const uint32_t* words, int64_t distance, int64_t n, int64_t groups, const float* tables,
                        float* sums) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 sum[Q][VECTORS];
    __m512i index[VECTORS];
    for (int q = 0; q < Q; q++) {
        for (int v = 0; v < VECTORS; v++) sum[q][v] = _mm512_load_ps(sums + (q * VECTORS + v) * 16);
    }
    for (int64_t w = 0; w < n; w++, words += distance) {
        for (int v = 0; v < VECTORS; v++) index[v] = _mm512_loadu_si512(words + v * 16);
        for (int64_t group = 0; group < groups; group++, tables += Q * ENTRIES) {
            for (int q = 0; q < Q; q++) {
                const __m512 table = _mm512_load_ps(tables + q * ENTRIES);
                // Multiplied by one, for permutations leave more room where products are added than where numbers are.
                for (int v = 0; v < VECTORS; v++) {
                    sum[q][v] = _mm512_fmadd_ps(_mm512_permutexvar_ps(index[v], table), one, sum[q][v]);
                }
            }
            for (int v = 0; v < VECTORS; v++) index[v] = _mm512_srli_epi32(index[v], 4);
        }
    }
    for (int q = 0; q < Q; q++) {
        for (int v = 0; v < VECTORS; v++) _mm512_store_ps(sums + (q * VECTORS + v) * 16, sum[q][v]);
    }
}

typedef void (*AddEntries)(const uint32_t*, int64_t, int64_t, int64_t, const float*, float*);
static const AddEntries add_entries_of[] = {add_entries<1>, add_entries<2>, add_entries<3>,
                                            add_entries<4>, add_entries<5>, add_entries<6>};
"""
