#include "video_reader.h"

#include "container.h"
#include "exif.h"
#include "film_index.h"
#include "pixel_convert.h"

#include <algorithm>
#include <cmath>

namespace facet::media {

namespace {

constexpr int kDecoderThreads = 4;
constexpr int kMaxWantedFrames = 1024;
constexpr std::size_t kMaxCollectedBytes = std::size_t{2} << 30;

// Decodes one stream of an open container, from wherever it stands.
class FrameDecoder {
public:
    FrameDecoder(Container &container, int stream, CodecPtr codec)
        : m_container(container), m_stream(stream), m_codec(std::move(codec)), m_packet(av_packet_alloc()),
          m_frame(av_frame_alloc()) {}

    bool valid() const noexcept { return m_packet && m_frame; }
    const AVFrame &frame() const noexcept { return *m_frame; }

    // False: end of film.
    Result<bool> next() {
        while (true) {
            av_frame_unref(m_frame.get());
            const int error = avcodec_receive_frame(m_codec.get(), m_frame.get());
            if (error >= 0) {
                if ((m_frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) continue;
                m_container.input().progressed();
                return true;
            }
            if (error == AVERROR_EOF || m_drained) return false;
            FACET_CHECK(feed());
        }
    }

    // Back to the key frame at `stamp` (or the nearest before it).
    bool seek(std::int64_t stamp) {
        if (av_seek_frame(m_container.format(), m_stream, stamp, AVSEEK_FLAG_BACKWARD) < 0) return false;
        avcodec_flush_buffers(m_codec.get());
        m_drained = false;
        return true;
    }

private:
    Status feed() {
        FACET_TRY(more, m_container.read(*m_packet));
        if (!more) {
            m_drained = true;
            avcodec_send_packet(m_codec.get(), nullptr);
            return ok();
        }
        // A damaged packet costs its own frames only.
        if (m_packet->stream_index == m_stream) avcodec_send_packet(m_codec.get(), m_packet.get());
        av_packet_unref(m_packet.get());
        return ok();
    }

    Container &m_container;
    int m_stream;
    CodecPtr m_codec;
    PacketPtr m_packet;
    FramePtr m_frame;
    bool m_drained = false;
};

class FilmReader {
public:
    FilmReader(Container &container, int stream, const FilmIndex &index, FrameDecoder &decoder, const FrameSink &sink)
        : m_container(container), m_index(index), m_decoder(decoder), m_sink(sink),
          m_orientation(container.orientation(stream)) {}

    // By presentation stamp, seeking over what is not wanted. Gives how many were delivered: fewer than wanted when a
    // frame with such a stamp never came out.
    Result<std::size_t> byStamp(const std::vector<std::int64_t> &wanted) {
        std::int64_t position = m_index.stamps.front() - 1; // stamp of the frame decoded last
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const std::int64_t target = m_index.stamps[static_cast<std::size_t>(wanted[i])];
            const std::int64_t key = m_index.keyBefore(target);
            if (key > position && (i > 0 || key > m_index.stamps.front()) && !m_decoder.seek(key)) return i;
            bool found = false;
            while (!found) {
                FACET_TRY(more, m_decoder.next());
                if (!more) return i;
                const std::int64_t stamp = m_decoder.frame().best_effort_timestamp;
                if (stamp == AV_NOPTS_VALUE || stamp > target) return i;
                position = stamp;
                found = stamp == target;
            }
            FACET_CHECK(deliver(wanted[i]));
        }
        return wanted.size();
    }

    // By counting from the first frame; `from` is the first entry of `wanted` that is still missing. Gives the number
    // of frames that the film really has when it ends before the last one wanted, otherwise 0.
    Result<std::int64_t> byCounting(const std::vector<std::int64_t> &wanted, std::size_t from) {
        std::int64_t count = 0;
        for (std::size_t i = from; i < wanted.size();) {
            FACET_TRY(more, m_decoder.next());
            if (!more) return count;
            if (count++ != wanted[i]) continue;
            FACET_CHECK(deliver(wanted[i]));
            ++i;
            m_delivered = i;
        }
        return std::int64_t{0};
    }
    std::size_t delivered() const noexcept { return m_delivered; }

private:
    Status deliver(std::int64_t frame) {
        FACET_TRY(picture, m_converter.convert(m_decoder.frame(), m_container.name()));
        return m_sink(uprighted(std::move(picture), m_orientation), frame, m_index.secondsOf(frame));
    }

    Container &m_container;
    const FilmIndex &m_index;
    FrameDecoder &m_decoder;
    const FrameSink &m_sink;
    FilmConverter m_converter;
    int m_orientation;
    std::size_t m_delivered = 0;
};

Error noFrames(const std::string &name) {
    return {.code = ErrorCode::MediaUnreadable,
            .message = "The film has no frame that can be decoded; it is probably damaged.",
            .file = name};
}

} // namespace

Result<FilmFacts> readFilmFrames(const Source &source, int wanted, const FrameSink &sink, const DecodeLimits &limits,
                                 const CancelToken &cancel) {
    if (wanted < 0 || wanted > kMaxWantedFrames) {
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "Between 1 and " + std::to_string(kMaxWantedFrames) + " frames of a film can be used.",
                     .file = nameOf(source)};
    }
    FACET_TRY(container, Container::open(source, limits, cancel));
    const int stream = container->filmStream();
    if (stream < 0)
        return Error{
            .code = ErrorCode::MediaUnsupported, .message = "The file has no film.", .file = container->name()};
    FilmFacts facts;
    facts.hasSound = container->soundStream() >= 0;
    container->keepOnly(stream);
    FACET_TRY(codec, container->openDecoder(stream, kDecoderThreads));
    FACET_TRY(index, indexFilm(*container, stream, limits));
    if (index.frames == 0) return noFrames(container->name());
    const double length =
        index.framesPerSecond > 0 ? static_cast<double>(index.frames) / index.framesPerSecond : container->seconds();
    const int count = wanted > 0 ? wanted : defaultFrameCount(length);
    facts.totalFrames = index.frames;
    facts.framesPerSecond = index.framesPerSecond;

    FrameDecoder decoder(*container, stream, std::move(codec));
    if (!decoder.valid()) return decoderMemoryError(container->name());
    FilmReader reader(*container, stream, index, decoder, sink);
    const std::int64_t start = index.hasStamps() ? index.stamps.front() : 0;
    std::vector<std::int64_t> indices = sampleFrames(index.frames, count);
    std::size_t delivered = 0;
    if (!decoder.seek(start) && !decoder.seek(INT64_MIN + 1)) return noFrames(container->name());
    if (index.hasStamps()) {
        FACET_TRY(done, reader.byStamp(indices));
        delivered = done;
        if (delivered == indices.size()) return facts;
        if (!decoder.seek(start)) return noFrames(container->name());
    }
    FACET_TRY(reallyThere, reader.byCounting(indices, delivered));
    if (reallyThere > 0 && delivered == 0 && reader.delivered() == 0) return noFrames(container->name());
    // A film that ends early (cut short) keeps the frames it has; one that has none at all is an error.
    if (delivered == 0 && reader.delivered() == 0) return noFrames(container->name());
    if (reallyThere > 0) facts.totalFrames = reallyThere;
    return facts;
}

Result<FilmFrames> decodeFilm(const Source &source, int frames, const DecodeLimits &limits, const CancelToken &cancel) {
    FilmFrames film;
    std::size_t bytes = 0;
    const auto keep = [&](Picture picture, std::int64_t index, double seconds) -> Status {
        bytes += picture.rgb.size();
        if (bytes > kMaxCollectedBytes) {
            return Error{.code = ErrorCode::LimitExceeded,
                         .message = "So many frames of this size do not fit into memory; ask for fewer.",
                         .file = nameOf(source)};
        }
        film.frames.push_back(std::move(picture));
        film.indices.push_back(index);
        film.seconds.push_back(seconds);
        return ok();
    };
    FACET_TRY(facts, readFilmFrames(source, frames, keep, limits, cancel));
    film.framesPerSecond = facts.framesPerSecond;
    film.totalFrames = facts.totalFrames;
    return film;
}

} // namespace facet::media
