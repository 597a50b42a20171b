// Encoders: noise of the wanted size, prepared as files are.
#include "facet/media/prepare.h"
#include "tool/measure.h"

#include <cmath>

namespace facet::bench {

namespace {

media::Picture noisePicture(const PictureOption &size) {
    media::Picture picture{size.width, size.height, {}, {}};
    picture.rgb.resize(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 3);
    std::uint32_t random = 1;
    for (std::uint8_t &value : picture.rgb) {
        random = random * 1664525U + 1013904223U;
        value = static_cast<std::uint8_t>(random >> 24U);
    }
    return picture;
}

std::vector<float> noiseSamples(double seconds) {
    std::vector<float> samples(static_cast<std::size_t>(seconds * 16000));
    std::uint32_t random = 1;
    for (float &value : samples) {
        random = random * 1664525U + 1013904223U;
        value = static_cast<float>(static_cast<std::int32_t>(random)) * 0x1p-33F;
    }
    return samples;
}

}  // namespace

Status Bench::picture(const Exec &exec, TestResult &result) {
    if (!m_model->vision)
        return Error{ErrorCode::ModelUnsupported, "This model sees no pictures; a GGUF model's towers are given with --mmproj."};
    FACET_TRY(image, media::prepareImage(noisePicture(result.spec.picture), result.spec.budget, m_model->info.vision));
    result.tokens = m_model->vision->softTokenCount(image);
    const auto sample = [&](const Exec &used) -> Status {
        FACET_CHECK(m_model->vision->encode(used, image));
        return ok();
    };
    return sampled(exec, sample, [] { return ok(); }, result);
}

Status Bench::sound(const Exec &exec, TestResult &result) {
    if (!m_model->audio)
        return Error{ErrorCode::ModelUnsupported, "This model hears no sound; a GGUF model's towers are given with --mmproj."};
    AudioInfo info = m_model->info.audio;
    info.maxSamples = std::int64_t{3600} * info.sampleRate;
    FACET_TRY(audio, media::prepareAudio(noiseSamples(result.spec.seconds), info));
    result.tokens = AudioTower::softTokenCount(audio);
    const auto sample = [&](const Exec &used) -> Status {
        FACET_CHECK(m_model->audio->encode(used, audio));
        return ok();
    };
    return sampled(exec, sample, [] { return ok(); }, result);
}

}  // namespace facet::bench
