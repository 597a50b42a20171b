// The audio front end: audio.md section 2, every constant from there.
#include "facet/media/prepare.h"
#include "real_fft.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace facet::media {

namespace {

constexpr int kSampleRate = 16000;
constexpr int kWindow = 320;      // samples, 20 ms
constexpr int kHop = 160;         // samples, 10 ms
constexpr int kFftLength = 512;
constexpr int kBins = kFftLength / 2 + 1;
constexpr double kFloor = 0.001;  // added to the mel values, not a lower bound
constexpr int kMaxMelBins = 1024;

double hzToMel(double hz) { return 2595.0 * std::log10(1.0 + hz / 700.0); }
double melToHz(double mel) { return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0); }

// Triangles over the frequency bins, kept as the bins where they are not zero.
struct MelBand {
    int firstBin = 0;
    std::vector<double> weights;
};

std::vector<MelBand> melBands(int melBins) {
    const double top = hzToMel(kSampleRate / 2.0);
    std::vector<double> corners(static_cast<std::size_t>(melBins) + 2);
    for (std::size_t i = 0; i < corners.size(); ++i) {
        corners[i] = melToHz(top * static_cast<double>(i) / static_cast<double>(melBins + 1));
    }
    std::vector<MelBand> bands(static_cast<std::size_t>(melBins));
    for (std::size_t m = 0; m < bands.size(); ++m) {
        for (int bin = 0; bin < kBins; ++bin) {
            const double hz = bin * (static_cast<double>(kSampleRate) / kFftLength);
            const double rising = (hz - corners[m]) / (corners[m + 1] - corners[m]);
            const double falling = (corners[m + 2] - hz) / (corners[m + 2] - corners[m + 1]);
            const double weight = std::max(0.0, std::min(rising, falling));
            if (weight <= 0) continue;
            if (bands[m].weights.empty()) bands[m].firstBin = bin;
            bands[m].weights.push_back(weight);
        }
    }
    return bands;
}

// NaN and infinity come out of broken float files: they are silence.
double finite(float x) noexcept { return std::isfinite(x) ? static_cast<double>(x) : 0.0; }

}  // namespace

std::vector<float> melFilters(int melBins) {
    if (melBins <= 0 || melBins > kMaxMelBins) return {};
    std::vector<float> table(static_cast<std::size_t>(kBins) * static_cast<std::size_t>(melBins));
    const std::vector<MelBand> bands = melBands(melBins);
    for (std::size_t m = 0; m < bands.size(); ++m) {
        for (std::size_t j = 0; j < bands[m].weights.size(); ++j) {
            const std::size_t bin = static_cast<std::size_t>(bands[m].firstBin) + j;
            table[bin * static_cast<std::size_t>(melBins) + m] = static_cast<float>(bands[m].weights[j]);
        }
    }
    return table;
}

std::vector<float> hannWindow() {
    std::vector<float> window(kWindow);
    for (std::size_t j = 0; j < window.size(); ++j) {
        window[j] = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(j) / kWindow));
    }
    return window;
}

Result<AudioInput> prepareAudio(std::span<const float> samples, const AudioInfo &audio) {
    if (audio.sampleRate != kSampleRate || audio.melBins <= 0 || audio.melBins > kMaxMelBins) {
        return Error{ErrorCode::ModelUnsupported, "The model wants sound in a form that this version cannot prepare.",
                     std::to_string(audio.sampleRate) + " Hz, " + std::to_string(audio.melBins) + " mel bins"};
    }
    if (audio.maxSamples > 0 && samples.size() > static_cast<std::uint64_t>(audio.maxSamples)) {
        samples = samples.first(static_cast<std::size_t>(audio.maxSamples));
    }
    const std::int64_t count = static_cast<std::int64_t>(samples.size());
    if (count <= kHop) {
        return Error{ErrorCode::InvalidArgument, "The sound is too short: at least a hundredth of a second is needed.",
                     std::to_string(count) + " samples at 16 kHz, at least " + std::to_string(kHop + 1) + " are needed"};
    }
    AudioInput out;
    out.frames = static_cast<int>((count - 1) / kHop);
    out.melBins = audio.melBins;
    out.samples = count;
    out.mel.resize(static_cast<std::size_t>(out.frames) * static_cast<std::size_t>(out.melBins));

    const std::vector<float> window = hannWindow();
    const std::vector<MelBand> bands = melBands(audio.melBins);
    RealFft fft(kFftLength);
    std::vector<double> frame(kFftLength, 0.0);
    std::vector<double> spectrum(kBins);
    float *row = out.mel.data();
    for (int i = 0; i < out.frames; ++i, row += out.melBins) {
        // Frame i begins 160 samples before sample 160 * i: the signal has 160 zeros in front.
        const std::int64_t begin = static_cast<std::int64_t>(i) * kHop - kHop;
        for (int j = 0; j < kWindow; ++j) {
            const std::int64_t at = begin + j;
            frame[static_cast<std::size_t>(j)] =
                at < 0 ? 0.0 : finite(samples[static_cast<std::size_t>(at)]) * static_cast<double>(window[static_cast<std::size_t>(j)]);
        }
        fft.magnitudes(frame, spectrum);
        for (std::size_t m = 0; m < bands.size(); ++m) {
            double mel = 0;
            const double *bins = spectrum.data() + bands[m].firstBin;
            for (std::size_t j = 0; j < bands[m].weights.size(); ++j) mel += bins[j] * bands[m].weights[j];
            row[m] = static_cast<float>(std::log(mel + kFloor));
        }
    }
    return out;
}

}  // namespace facet::media
