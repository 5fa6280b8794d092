"""The C++ of batch normalisation in training, over channels ``[B, C, *]`` that are contiguous in memory."""

TEXT = r"""// Batch normalisation of an input [B, C, *]. Made by spikingjelly.normalization.
#include <cmath>
#include <cstdint>

struct Sizes {
    int64_t samples, channels, plane, rounds_once, threads;
    int64_t values() const { return samples * plane; }
};

constexpr int64_t LANES = 16;

// Sums what `term` makes of each value of a channel, in double precision.
template <class Term>
static double sum_of(const float* x, const Sizes& s, Term term) {
    double sums[LANES] = {}, sum = 0.0;
    for (int64_t b = 0; b < s.samples; b++, x += s.channels * s.plane) {
        int64_t i = 0;
        for (; i + LANES <= s.plane; i += LANES) {
            for (int64_t lane = 0; lane < LANES; lane++) sums[lane] += term(x[i + lane]);
        }
        for (; i < s.plane; i++) sum += term(x[i]);
    }
    for (int64_t lane = 0; lane < LANES; lane++) sum += sums[lane];
    return sum;
}

template <bool ROUNDS_ONCE>
static void scale(const float* x, float* y, float factor, float shift, const Sizes& s) {
    for (int64_t b = 0; b < s.samples; b++, x += s.channels * s.plane, y += s.channels * s.plane) {
        for (int64_t i = 0; i < s.plane; i++) {
            y[i] = ROUNDS_ONCE ? __builtin_fmaf(x[i], factor, shift) : x[i] * factor + shift;
        }
    }
}

// y, and the mean and 1 / standard deviation of each channel. The running statistics, if there are any, move towards
// them by `momentum`, with the unbiased variance.
extern "C" void forward(const float* x, const float* weight, const float* bias, float* y, float* means,
                        float* deviations, float* running_mean, float* running_var, const double* momentum_and_eps,
                        const int64_t* sizes) {
    const Sizes& s = *reinterpret_cast<const Sizes*>(sizes);
    const float momentum = momentum_and_eps[0], kept = 1.0f - momentum;
    const double eps = momentum_and_eps[1];
#pragma omp parallel for num_threads(s.threads) schedule(static)
    for (int64_t c = 0; c < s.channels; c++) {
        const float* from = x + c * s.plane;
        const float mean = sum_of(from, s, [](float v) { return v; }) / s.values();
        const double squares = sum_of(from, s, [mean](float v) { return (v - mean) * (v - mean); });
        const float variance = squares / s.values(), deviation = 1.0 / std::sqrt(variance + eps);
        const float factor = deviation * weight[c];
        const float shift = s.rounds_once ? __builtin_fmaf(-mean, factor, bias[c]) : bias[c] - mean * factor;
        means[c] = mean;
        deviations[c] = deviation;
        if (running_mean) {
            const float unbiased = float(squares) / (s.values() - 1), of_past = kept * running_var[c];
            running_mean[c] = momentum * mean + kept * running_mean[c];
            const float rounded_twice = momentum * unbiased + of_past;
            running_var[c] = s.rounds_once ? __builtin_fmaf(momentum, unbiased, of_past) : rounded_twice;
        }
        if (s.rounds_once) scale<true>(from, y + c * s.plane, factor, shift, s);
        else scale<false>(from, y + c * s.plane, factor, shift, s);
    }
}
"""
