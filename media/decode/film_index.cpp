#include "film_index.h"

#include <algorithm>

namespace facet::media {

namespace {

constexpr std::size_t kMaxFrames = 5'000'000; // 12 hours at 115 frames a second

// VP8 marks frames that are only references; they are packets of their own in WebM and never shown.
bool isShown(const AVPacket &packet, AVCodecID codec) {
    if ((packet.flags & AV_PKT_FLAG_DISCARD) != 0) return false;
    return codec != AV_CODEC_ID_VP8 || packet.size < 1 || (packet.data[0] & 0x10) != 0;
}

double rateOf(const AVStream &stream, std::int64_t frames, double containerSeconds) {
    for (const AVRational rate : {stream.avg_frame_rate, stream.r_frame_rate}) {
        if (rate.num > 0 && rate.den > 0) return av_q2d(rate);
    }
    return containerSeconds > 0 ? static_cast<double>(frames) / containerSeconds : 0.0;
}

} // namespace

double FilmIndex::secondsOf(std::int64_t frame) const noexcept {
    if (frame >= 0 && frame < static_cast<std::int64_t>(stamps.size())) {
        return static_cast<double>(stamps[static_cast<std::size_t>(frame)] - stamps.front()) * secondsPerUnit;
    }
    return framesPerSecond > 0 ? static_cast<double>(frame) / framesPerSecond : 0.0;
}

std::int64_t FilmIndex::keyBefore(std::int64_t stamp) const noexcept {
    const auto after = std::upper_bound(keys.begin(), keys.end(), stamp);
    return after == keys.begin() ? stamps.front() : *(after - 1);
}

Result<FilmIndex> indexFilm(Container &container, int streamIndex, const DecodeLimits &limits) {
    const AVStream &stream = *container.stream(streamIndex);
    FilmIndex index;
    index.secondsPerUnit = stream.time_base.den > 0 ? av_q2d(stream.time_base) : 0.0;
    PacketPtr packet(av_packet_alloc());
    if (!packet) return decoderMemoryError(container.name());
    bool usable = index.secondsPerUnit > 0;
    const auto tooLong = [&container] {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message = "The film is longer than the limit; cut it first.",
                     .file = container.name()};
    };
    while (true) {
        FACET_TRY(more, container.read(*packet));
        if (!more) break;
        if (packet->stream_index == streamIndex && isShown(*packet, stream.codecpar->codec_id)) {
            container.input().progressed();
            if (static_cast<std::size_t>(index.frames) >= kMaxFrames) return tooLong();
            ++index.frames;
            usable = usable && packet->pts != AV_NOPTS_VALUE && packet->pts > -(1LL << 60) && packet->pts < (1LL << 60);
            if (usable) {
                index.stamps.push_back(packet->pts);
                if ((packet->flags & AV_PKT_FLAG_KEY) != 0) index.keys.push_back(packet->pts);
            }
        }
        av_packet_unref(packet.get());
    }
    std::sort(index.stamps.begin(), index.stamps.end());
    std::sort(index.keys.begin(), index.keys.end());
    if (!usable || std::adjacent_find(index.stamps.begin(), index.stamps.end()) != index.stamps.end()) {
        index.stamps.clear();
        index.keys.clear();
    }
    index.framesPerSecond = rateOf(stream, index.frames, container.seconds());
    if (index.frames > 0 && index.secondsOf(index.frames - 1) > limits.maxSeconds) return tooLong();
    return index;
}

} // namespace facet::media
