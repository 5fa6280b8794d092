"""The C++ of batch normalisation in training, over channels ``[B, C, *]`` that are contiguous in memory."""

TEXT = r"""// Batch normalisation of an input [B, C, *]. Made by spikingjelly.normalization.
#include <cmath>
#include <cstdint>

struct Sizes {
    int64_t samples, channels, plane, rounds_once, threads;
    int64_t values() const { return samples * plane; }
};

constexpr int64_t TOGETHER = 8;  // channels: an addition waits for the one before it, so others go on meanwhile

// Sums what `term` makes of each value of COUNT channels, in double precision and one by one, as PyTorch does.
template <int64_t COUNT, class Term>
static void sum_of(const float* x, const Sizes& s, double* results, Term term) {
    double sums[COUNT] = {};
    for (int64_t b = 0; b < s.samples; b++, x += s.channels * s.plane) {
        for (int64_t i = 0; i < s.plane; i++) {
#pragma GCC unroll 8
            for (int64_t k = 0; k < COUNT; k++) sums[k] += term(x[k * s.plane + i], k);
        }
    }
    for (int64_t k = 0; k < COUNT; k++) results[k] = sums[k];
}

template <bool ROUNDS_ONCE>
static void scale(const float* x, float* y, float factor, float shift, const Sizes& s) {
    for (int64_t b = 0; b < s.samples; b++, x += s.channels * s.plane, y += s.channels * s.plane) {
        for (int64_t i = 0; i < s.plane; i++) {
            y[i] = ROUNDS_ONCE ? __builtin_fmaf(x[i], factor, shift) : x[i] * factor + shift;
        }
    }
}

struct Arguments {
    const float *x, *weight, *bias;
    float *y, *means, *deviations, *running_mean, *running_var;
    double momentum, eps;
    const Sizes& s;
};

// The channels [first, first + COUNT).
template <int64_t COUNT>
static void normalise(const Arguments& a, int64_t first) {
    const Sizes& s = a.s;
    const float* x = a.x + first * s.plane;
    const float momentum = a.momentum, kept = 1.0f - momentum;
    double sums[COUNT], squares[COUNT];
    float means[COUNT];
    sum_of<COUNT>(x, s, sums, [](float v, int64_t) { return v; });
    for (int64_t k = 0; k < COUNT; k++) means[k] = sums[k] / s.values();
    sum_of<COUNT>(x, s, squares, [&](float v, int64_t k) { return (v - means[k]) * (v - means[k]); });
    for (int64_t k = 0; k < COUNT; k++) {
        const int64_t c = first + k;
        const float mean = means[k], of_squares = squares[k], variance = of_squares / s.values();
        const float deviation = 1.0 / std::sqrt(variance + a.eps);
        const float factor = deviation * a.weight[c];
        const float shift = s.rounds_once ? __builtin_fmaf(-mean, factor, a.bias[c]) : a.bias[c] - mean * factor;
        a.means[c] = mean;
        a.deviations[c] = deviation;
        if (a.running_mean) {
            const float unbiased = of_squares / (s.values() - 1), of_past = kept * a.running_var[c];
            a.running_mean[c] = momentum * mean + kept * a.running_mean[c];
            const float rounded_twice = momentum * unbiased + of_past;
            a.running_var[c] = s.rounds_once ? __builtin_fmaf(momentum, unbiased, of_past) : rounded_twice;
        }
        if (s.rounds_once) scale<true>(x + k * s.plane, a.y + c * s.plane, factor, shift, s);
        else scale<false>(x + k * s.plane, a.y + c * s.plane, factor, shift, s);
    }
}

// y, and the mean and 1 / standard deviation of each channel. The running statistics, if there are any, move towards
// them by `momentum`, with the unbiased variance.
extern "C" void forward(const float* x, const float* weight, const float* bias, float* y, float* means,
                        float* deviations, float* running_mean, float* running_var, const double* momentum_and_eps,
                        const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const Arguments a = {x, weight, bias, y, means, deviations, running_mean, running_var,
                         momentum_and_eps[0], momentum_and_eps[1], s};
    const int64_t whole = s.channels / TOGETHER, rest = s.channels % TOGETHER;
#pragma omp parallel for num_threads(s.threads) schedule(static)
    for (int64_t group = 0; group < whole + rest; group++) {
        if (group < whole) normalise<TOGETHER>(a, group * TOGETHER);
        else normalise<1>(a, whole * TOGETHER + group - whole);
    }
}
"""
