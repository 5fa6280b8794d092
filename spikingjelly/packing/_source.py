"""The C++ that packs small integers and gives them back."""

TEXT = r"""// Small integers, packed. Made by spikingjelly.packing.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

constexpr int64_t BLOCK = 1 << 14;  // elements that a thread takes at a time, a multiple of GROUP
constexpr int64_t GROUP = 64;       // elements that are looked at before they are packed
// Bits of an element of each kind: 0 and 1, 0 to 15, -128 to 127, 0 to 255.
constexpr int64_t KINDS = 4, BITS[KINDS] = {1, 4, 8, 8};

struct Eight {
    float of[256][8];  // the elements of each byte of single bits
    Eight() {
        for (int64_t i = 0; i < 256 * 8; i++) of[i / 8][i % 8] = i / 8 >> i % 8 & 1;
    }
};
static const Eight EIGHT;

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

// Whether the elements are integers from LOW to HIGH; -0.0 is none of them, nor is what is not finite.
template <int LOW, int HIGH>
static inline bool narrow(const float* x, int64_t n, int8_t* to) {
    uint32_t different = 0;
    for (int64_t i = 0; i < n; i++) {
        const float v = x[i] < float(LOW) ? float(LOW) : x[i] > float(HIGH) ? float(HIGH) : x[i];
        const int32_t k = v == v ? static_cast<int32_t>(v) : 0;
        // -0.0 on its own: compilers may take the two conversions for a truncation, which keeps the sign.
        different |= (bits_of(static_cast<float>(k)) ^ bits_of(x[i])) | (bits_of(x[i]) == 1u << 31);
        to[i] = static_cast<int8_t>(k);
    }
    return different == 0;
}

template <>
inline bool narrow<0, 1>(const float* x, int64_t n, int8_t* to) {
    const uint32_t one = bits_of(1.0f);
    uint32_t different = 0;
    for (int64_t i = 0; i < n; i++) {
        const bool fires = bits_of(x[i]) == one;
        different |= bits_of(x[i]) ^ (fires ? one : 0);
        to[i] = fires;
    }
    return different == 0;
}

static inline bool narrow(int64_t kind, const float* x, int64_t n, int8_t* to) {
    return kind == 0   ? narrow<0, 1>(x, n, to)
           : kind == 1 ? narrow<0, 15>(x, n, to)
           : kind == 2 ? narrow<-128, 127>(x, n, to)
                       : narrow<0, 255>(x, n, to);
}

// The first kind that every step-th element is of, KINDS if there is none: to see quickly what can't be packed.
extern "C" int64_t kind_of_sample(const float* x, int64_t n, int64_t step) {
    int64_t kind = 0;
    for (int64_t i = 0; i < n && kind < KINDS; i += step) {
        int8_t value;
        while (kind < KINDS && !narrow(kind, x + i, 1, &value)) kind++;
    }
    return kind;
}

static inline void join(int64_t bits, const int8_t* values, uint8_t* to) {
    if (bits == 8) memcpy(to, values, GROUP);
    if (bits == 4) {
        for (int64_t i = 0; i < GROUP / 2; i++) to[i] = uint8_t(values[2 * i] | values[2 * i + 1] << 4);
    }
    if (bits != 1) return;
    for (int64_t i = 0; i < GROUP / 8; i++) {
        uint64_t eight;
        memcpy(&eight, values + 8 * i, 8);
        to[i] = eight * 0x0102040810204080 >> 56;  // of each byte its lowest bit, the first byte's lowest
    }
}

// x [n] of a kind to n * bits / 8 bytes, the first element in the lowest bits; n is padded to whole groups.
// 1 if all are of the kind, else 0.
extern "C" int64_t pack(const float* x, uint8_t* to, const int64_t* sizes) {
    const int64_t n = sizes[0], kind = sizes[1], bits = BITS[kind], threads = sizes[2];
    std::atomic<bool> fit{true};
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        const int64_t end = std::min(begin + BLOCK, n);
        int8_t values[GROUP] = {};
        for (int64_t i = begin; i < end && fit.load(std::memory_order_relaxed); i += GROUP) {
            const bool whole = end - i >= GROUP;
            if (!(whole ? narrow(kind, x + i, GROUP, values) : narrow(kind, x + i, end - i, values))) {
                fit.store(false, std::memory_order_relaxed);
                break;
            }
            for (int64_t k = whole ? GROUP : end - i; k < GROUP; k++) values[k] = 0;
            join(bits, values, to + i / 8 * bits);
        }
    }
    return fit.load();
}

extern "C" void unpack(const uint8_t* from, float* x, const int64_t* sizes) {
    const int64_t n = sizes[0], kind = sizes[1], bits = BITS[kind], threads = sizes[2];
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        const int64_t m = std::min(BLOCK, n - begin);
        const uint8_t* bytes = from + begin / 8 * bits;
        float* to = x + begin;
        if (kind == 3) {
            for (int64_t i = 0; i < m; i++) to[i] = bytes[i];
        } else if (kind == 2) {
            for (int64_t i = 0; i < m; i++) to[i] = static_cast<int8_t>(bytes[i]);
        } else if (bits == 4) {
            for (int64_t i = 0; i < m / 2; i++) {
                to[2 * i] = bytes[i] & 15;
                to[2 * i + 1] = bytes[i] >> 4;
            }
            if (m % 2) to[m - 1] = bytes[m / 2] & 15;
        } else {
            for (int64_t i = 0; i < m / 8; i++) memcpy(to + 8 * i, EIGHT.of[bytes[i]], sizeof(EIGHT.of[0]));
            for (int64_t i = m / 8 * 8; i < m; i++) to[i] = bytes[i / 8] >> i % 8 & 1;
        }
    }
}
"""
