#include "model/audio_subsample.h"

#include "kernels/profile.h"

#include <algorithm>
#include <cmath>

namespace facet {

namespace {

constexpr std::int64_t kBlock = 32;  // output rows of the second convolution worked on at a time

std::int64_t halved(std::int64_t n) noexcept { return (n + 1) / 2; }

// A stretch of time of a picture with channels: rows [first, first + count) of [time, bands, channels].
struct Strip {
    std::int64_t first = 0, count = 0, bands = 0, channels = 0;
    std::vector<float> data;
    const float *at(std::int64_t time, std::int64_t band) const noexcept {
        return data.data() + ((time - first) * bands + band) * channels;
    }
};

// Layer norm over the channels, then ReLU, of each pixel.
void normAndRelu(float *x, const std::vector<float> &weight, float eps) {
    double mean = 0, square = 0;
    for (std::size_t c = 0; c < weight.size(); ++c) mean += static_cast<double>(x[c]);
    mean /= static_cast<double>(weight.size());
    for (std::size_t c = 0; c < weight.size(); ++c) {
        const double d = static_cast<double>(x[c]) - mean;
        square += d * d;
    }
    const double scale = 1.0 / std::sqrt(square / static_cast<double>(weight.size()) + static_cast<double>(eps));
    for (std::size_t c = 0; c < weight.size(); ++c) {
        x[c] = std::max(0.0F, static_cast<float>((static_cast<double>(x[c]) - mean) * scale) * weight[c]);
    }
}

// Output rows [first, first + count) of a 3x3 convolution with stride 2 and zeros around; `length` rows exist in all, of
// which `in` holds at least those that are read.
Strip convolve(const AudioWeights::Convolution &layer, const Exec &exec, const Strip &in, std::int64_t length,
               std::int64_t first, std::int64_t count, float eps) {
    Strip out{first, count, halved(in.bands), layer.outChannels, {}};
    const std::int64_t pixels = count * out.bands, values = 9 * in.channels;
    std::vector<float> gathered(static_cast<std::size_t>(pixels * values), 0.0F);  // [pixels, 3, 3, in]
    exec.pool->parallelFor(pixels, 16, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t p = begin; p < end; ++p) {
            const std::int64_t time = 2 * (first + p / out.bands) - 1, band = 2 * (p % out.bands) - 1;
            float *to = gathered.data() + p * values;
            for (std::int64_t j = 0; j < 9; ++j) {
                const std::int64_t t = time + j / 3, b = band + j % 3;
                if (t < 0 || t >= length || b < 0 || b >= in.bands) continue;
                std::copy_n(in.at(t, b), in.channels, to + j * in.channels);
            }
        }
    });
    out.data.resize(static_cast<std::size_t>(pixels * out.channels));
    linear(exec, layer.w, gathered.data(), pixels, out.data.data());
    exec.pool->parallelFor(pixels, 16, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t p = begin; p < end; ++p) normAndRelu(out.data.data() + p * out.channels, layer.norm, eps);
    });
    return out;
}

}  // namespace

std::vector<float> subsample(const AudioWeights &weights, const Exec &exec, const AudioInput &audio, const TowerTap &tap) {
    const ProfilePart part(exec.profile, "subsampling");
    const std::int64_t frames = audio.frames, halves = halved(frames), tokens = halved(halves);
    const std::int64_t width = weights.config.hiddenSize;
    const float eps = weights.config.rmsNormEps;
    const std::int64_t flat = weights.inputProjection.cols;  // bands * channels, channel fastest
    std::vector<float> x(static_cast<std::size_t>(tokens * width));
    std::vector<float> tapped;
    for (std::int64_t first = 0; first < tokens; first += kBlock) {
        if (exec.cancelled()) return {};
        const std::int64_t count = std::min(kBlock, tokens - first);
        // Rows of the first convolution that the second one reads here, and frames that those read.
        const std::int64_t halfBegin = std::max<std::int64_t>(2 * first - 1, 0);
        const std::int64_t halfEnd = std::min(2 * (first + count), halves);
        const std::int64_t frameBegin = std::max<std::int64_t>(2 * halfBegin - 1, 0);
        const std::int64_t frameEnd = std::min(2 * halfEnd, frames);
        Strip mel{frameBegin, frameEnd - frameBegin, audio.melBins, 1, {}};
        mel.data.assign(audio.mel.begin() + frameBegin * audio.melBins, audio.mel.begin() + frameEnd * audio.melBins);
        const Strip half = convolve(weights.convolutions[0], exec, mel, frames, halfBegin, halfEnd - halfBegin, eps);
        const Strip quarter = convolve(weights.convolutions[1], exec, half, halves, first, count, eps);
        linear(exec, weights.inputProjection, quarter.data.data(), count, x.data() + first * width);
        if (tap) tapped.insert(tapped.end(), quarter.data.begin(), quarter.data.end());
    }
    if (tap) {
        tap("conv1", tapped.data(), tokens, flat);
        tap("subsample_out", x.data(), tokens, width);
    }
    return x;
}

}  // namespace facet
