#include "audio_reader.h"

#include "container.h"
#include "facet/media/decode.h"

#include <algorithm>

namespace facet::media {

namespace {

constexpr int kRate = 16000;
constexpr int kMaxSourceRate = 768000;
constexpr int kMaxChannels = 64;

// Sum over channels of samples of type T, scaled to [-1, 1].
template <typename T>
void addChannels(const AVFrame &frame, bool planar, double offset, double scale, std::vector<float> &out) {
    const int channels = frame.ch_layout.nb_channels;
    const auto count = static_cast<std::size_t>(frame.nb_samples);
    for (std::size_t i = 0; i < count; ++i) {
        double sum = 0;
        for (int c = 0; c < channels; ++c) {
            const std::uint8_t *plane = frame.extended_data[planar ? c : 0];
            const std::size_t at = planar ? i : i * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c);
            sum += (static_cast<double>(reinterpret_cast<const T *>(plane)[at]) + offset) * scale;
        }
        out[i] = static_cast<float>(sum / channels);
    }
}

struct Decoding {
    const SampleSink &sink;
    double maxSeconds;
    MonoResampler resampler;
    std::vector<float> block;
    std::int64_t total = 0;
    bool stopped = false; // by the sink

    Status take(const AVFrame &frame, const std::string &name) {
        const std::vector<float> mono = averagedChannels(frame);
        if (mono.empty()) return ok();
        FACET_CHECK(resampler.push(mono, frame.sample_rate, block));
        return deliver(name);
    }
    Status deliver(const std::string &name) {
        if (block.empty() || stopped) return ok();
        total += static_cast<std::int64_t>(block.size());
        if (static_cast<double>(total) > maxSeconds * kRate) {
            return Error{.code = ErrorCode::LimitExceeded,
                         .message = "The sound is longer than the limit of " +
                                    std::to_string(static_cast<int>(maxSeconds)) + " seconds.",
                         .file = name};
        }
        stopped = !sink(block);
        block.clear();
        return ok();
    }
};

// Damaged packets are skipped (a scratch is no reason to lose a recording); a file without one good packet is an error.
Status decodeStream(Container &container, AVCodecContext &codec, int index, Decoding &decoding) {
    PacketPtr packet(av_packet_alloc());
    FramePtr frame(av_frame_alloc());
    if (!packet || !frame) return decoderMemoryError(container.name());
    bool atEnd = false;
    int lastError = 0;
    while (!decoding.stopped) {
        FACET_TRY(more, container.read(*packet));
        atEnd = !more;
        if (more && packet->stream_index != index) {
            av_packet_unref(packet.get());
            continue;
        }
        int error = avcodec_send_packet(&codec, more ? packet.get() : nullptr);
        av_packet_unref(packet.get());
        if (error < 0 && error != AVERROR_EOF) lastError = error;
        while (!decoding.stopped && (error = avcodec_receive_frame(&codec, frame.get())) >= 0) {
            container.input().progressed();
            FACET_CHECK(decoding.take(*frame, container.name()));
            av_frame_unref(frame.get());
        }
        if (atEnd) break;
    }
    FACET_CHECK(decoding.resampler.flush(decoding.block));
    FACET_CHECK(decoding.deliver(container.name()));
    if (decoding.total == 0 && lastError < 0) return container.failure(lastError, "decode");
    return ok();
}

} // namespace

std::vector<float> averagedChannels(const AVFrame &frame) {
    const int channels = frame.ch_layout.nb_channels;
    if (frame.nb_samples <= 0 || channels <= 0 || channels > kMaxChannels) return {};
    std::vector<float> out(static_cast<std::size_t>(frame.nb_samples));
    const auto format = static_cast<AVSampleFormat>(frame.format);
    const bool planar = av_sample_fmt_is_planar(format) != 0;
    switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8: addChannels<std::uint8_t>(frame, planar, -128.0, 1.0 / 128, out); break;
    case AV_SAMPLE_FMT_S16: addChannels<std::int16_t>(frame, planar, 0, 1.0 / 32768, out); break;
    case AV_SAMPLE_FMT_S32: addChannels<std::int32_t>(frame, planar, 0, 1.0 / 2147483648.0, out); break;
    case AV_SAMPLE_FMT_FLT: addChannels<float>(frame, planar, 0, 1, out); break;
    case AV_SAMPLE_FMT_DBL: addChannels<double>(frame, planar, 0, 1, out); break;
    default: return {};
    }
    // A float file may hold anything; what is not a number would spoil everything after it.
    for (float &v : out) v = v >= -4.0F && v <= 4.0F ? v : 0.0F;
    return out;
}

Status MonoResampler::push(std::span<const float> samples, int sampleRate, std::vector<float> &out) {
    if (sampleRate <= 0 || sampleRate > kMaxSourceRate) {
        return Error{.code = ErrorCode::MediaUnreadable,
                     .message = "The sound has an impossible sample rate of " + std::to_string(sampleRate) + " Hz.",
                     .file = m_name};
    }
    if (sampleRate != m_rate) {
        FACET_CHECK(flush(out));
        m_rate = sampleRate;
        if (sampleRate != kRate) {
            AVChannelLayout mono;
            av_channel_layout_default(&mono, 1);
            SwrContext *context = nullptr;
            const int error = swr_alloc_set_opts2(&context, &mono, AV_SAMPLE_FMT_FLTP, kRate, &mono, AV_SAMPLE_FMT_FLTP,
                                                  sampleRate, 0, nullptr);
            m_resampler.reset(context);
            if (error < 0 || swr_init(context) < 0) {
                return Error{.code = ErrorCode::MediaUnsupported,
                             .message = "Sound of " + std::to_string(sampleRate) + " Hz cannot be resampled.",
                             .file = m_name};
            }
        }
    }
    if (m_resampler) return convert(samples.data(), static_cast<int>(samples.size()), out);
    out.insert(out.end(), samples.begin(), samples.end());
    return ok();
}

Status MonoResampler::flush(std::vector<float> &out) {
    if (!m_resampler) return ok();
    FACET_CHECK(convert(nullptr, 0, out));
    m_resampler.reset();
    m_rate = 0;
    return ok();
}

Status MonoResampler::convert(const float *samples, int count, std::vector<float> &out) {
    const int room = swr_get_out_samples(m_resampler.get(), count);
    if (room < 0) return decoderMemoryError(m_name);
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(room));
    std::uint8_t *to[1] = {reinterpret_cast<std::uint8_t *>(out.data() + before)};
    const std::uint8_t *from[1] = {reinterpret_cast<const std::uint8_t *>(samples)};
    const int made =
        room == 0 ? 0 : swr_convert(m_resampler.get(), to, room, samples == nullptr ? nullptr : from, count);
    out.resize(before + static_cast<std::size_t>(std::max(made, 0)));
    if (made < 0) return decoderMemoryError(m_name);
    return ok();
}

Result<std::int64_t> decodeSound(const Source &source, const SampleSink &sink, const DecodeLimits &limits,
                                 const CancelToken &cancel) {
    FACET_TRY(container, Container::open(source, limits, cancel));
    const int index = container->soundStream();
    if (index < 0) {
        return Error{
            .code = ErrorCode::MediaUnsupported, .message = "The file has no sound.", .file = container->name()};
    }
    container->keepOnly(index);
    FACET_TRY(codec, container->openDecoder(index, 1));
    Decoding decoding{.sink = sink, .maxSeconds = limits.maxSeconds, .resampler = MonoResampler(container->name())};
    FACET_CHECK(decodeStream(*container, *codec, index, decoding));
    return decoding.total;
}

Result<std::vector<float>> decodeSoundAll(const Source &source, std::int64_t maxSamples, const DecodeLimits &limits,
                                          const CancelToken &cancel) {
    std::vector<float> all;
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(maxSamples, 0));
    const auto keep = [&](std::span<const float> samples) {
        const std::size_t n = std::min(samples.size(), wanted - all.size());
        all.insert(all.end(), samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(n));
        return all.size() < wanted;
    };
    FACET_TRY(total, decodeSound(source, keep, limits, cancel));
    (void)total;
    return all;
}

} // namespace facet::media
