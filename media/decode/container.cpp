#include "container.h"

#include "exif.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace facet::media {

namespace {

// Everything Facet opens; FFmpeg knows hundreds more, none of them needed and each one surface for a hostile file.
constexpr const char *kFormats = "wav,mp3,flac,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm";
constexpr const char *kCodecs =
    "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_s16be,pcm_s24be,pcm_s32be,pcm_f32be,"
    "pcm_mulaw,pcm_alaw,adpcm_ms,adpcm_ima_wav,mp3,mp3float,flac,vorbis,opus,aac,alac,"
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,mjpeg";

bool allowed(const AVCodec *codec) {
    if (codec == nullptr) return false;
    const std::string_view list = kCodecs, name = codec->name;
    for (std::size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
        const bool begins = at == 0 || list[at - 1] == ',';
        const bool ends = at + name.size() == list.size() || list[at + name.size()] == ',';
        if (begins && ends) return true;
    }
    return false;
}

const AVCodec *decoderFor(AVCodecID id) {
    if (const AVCodec *codec = avcodec_find_decoder(id); allowed(codec)) return codec;
    if (id == AV_CODEC_ID_AV1) return avcodec_find_decoder_by_name("libdav1d"); // the default one needs hardware
    return nullptr;
}

int refuseNestedOpen(AVFormatContext *, AVIOContext **, const char *, int, AVDictionary **) { return AVERROR(EPERM); }

struct StreamOptions { // one dictionary a stream, as avformat_find_stream_info wants them
    std::vector<AVDictionary *> entries;
    StreamOptions(unsigned count, std::int64_t maxPixels) : entries(count, nullptr) {
        for (AVDictionary *&entry : entries) av_dict_set_int(&entry, "max_pixels", maxPixels, 0);
    }
    ~StreamOptions() {
        for (AVDictionary *&entry : entries) av_dict_free(&entry);
    }
    StreamOptions(const StreamOptions &) = delete;
    StreamOptions &operator=(const StreamOptions &) = delete;
};

Status checkStreams(const AVFormatContext &format, const DecodeLimits &limits, const std::string &name) {
    if (format.nb_streams > static_cast<unsigned>(limits.maxStreams)) {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message = "The file holds more than " + std::to_string(limits.maxStreams) + " streams.",
                     .file = name};
    }
    for (unsigned i = 0; i < format.nb_streams; ++i) {
        const AVCodecParameters &p = *format.streams[i]->codecpar;
        if (p.codec_type != AVMEDIA_TYPE_VIDEO) continue;
        if (static_cast<std::int64_t>(p.width) * p.height > limits.maxPixels) {
            return Error{.code = ErrorCode::LimitExceeded,
                         .message = "A film of " + std::to_string(p.width) + " x " + std::to_string(p.height) +
                                    " pixels is larger than the limit of " + std::to_string(limits.maxPixels) +
                                    " pixels.",
                         .file = name};
        }
    }
    return ok();
}

} // namespace

Result<std::unique_ptr<Container>> Container::open(const Source &source, const DecodeLimits &limits,
                                                   const CancelToken &cancel) {
    std::unique_ptr<Container> self(new Container);
    self->m_name = nameOf(source);
    self->m_limits = limits;
    FACET_TRY(input, InputStream::open(source, limits.maxDecodeSecondsPerPicture, cancel));
    self->m_input = std::move(input);
    if (self->m_input->size() == 0) {
        return Error{.code = ErrorCode::MediaUnreadable, .message = "The file is empty.", .file = self->m_name};
    }
    if (self->m_input->size() > limits.maxFileBytes) {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message =
                         "The file is larger than the limit of " + std::to_string(limits.maxFileBytes >> 20) + " MiB.",
                     .file = self->m_name};
    }
    AVFormatContext *format = avformat_alloc_context();
    if (format == nullptr) return decoderMemoryError(self->m_name);
    format->pb = self->m_input->io();
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    format->io_open = refuseNestedOpen;
    format->max_streams = limits.maxStreams + 1; // one more, so that "too many" can be told from "damaged"
    format->format_whitelist = av_strdup(kFormats);
    format->codec_whitelist = av_strdup(kCodecs);
    format->protocol_whitelist = av_strdup("none");
    format->interrupt_callback = {[](void *p) { return static_cast<InputStream *>(p)->mustStop() ? 1 : 0; },
                                  self->m_input.get()};
    const int opened = avformat_open_input(&format, nullptr, nullptr, nullptr); // frees the context when it fails
    if (opened < 0) return self->failure(opened, "open");
    self->m_format.reset(format);
    FACET_CHECK(checkStreams(*format, limits, self->m_name));
    StreamOptions options(format->nb_streams, limits.maxPixels);
    const unsigned before = format->nb_streams;
    const int found = avformat_find_stream_info(format, before > 0 ? options.entries.data() : nullptr);
    if (self->m_input->mustStop()) return self->failure(AVERROR_EXIT, "open");
    if (found < 0) return self->failure(found, "open");
    FACET_CHECK(checkStreams(*format, limits, self->m_name));
    return self;
}

int Container::soundStream() const noexcept {
    const int index = av_find_best_stream(m_format.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
    return index < 0 ? -1 : index;
}

int Container::filmStream() const noexcept {
    int best = -1;
    for (unsigned i = 0; i < m_format->nb_streams; ++i) {
        const AVStream &s = *m_format->streams[i];
        if (s.codecpar->codec_type != AVMEDIA_TYPE_VIDEO || (s.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0)
            continue;
        if (best < 0 || (s.disposition & AV_DISPOSITION_DEFAULT) != 0) {
            best = static_cast<int>(i);
            if ((s.disposition & AV_DISPOSITION_DEFAULT) != 0) break;
        }
    }
    return best;
}

int Container::orientation(int index) const noexcept {
    const AVStream &stream = *this->stream(index);
    constexpr std::size_t kMatrixBytes = 9 * sizeof(std::int32_t);
    const std::uint8_t *data = nullptr;
    std::size_t size = 0;
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    if (const AVPacketSideData *side = av_packet_side_data_get(
            stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX)) {
        data = side->data;
        size = side->size;
    }
#else
    data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
    if (data == nullptr || size < kMatrixBytes) return 1;
    std::array<std::int32_t, 9> matrix{};
    std::copy_n(data, kMatrixBytes, reinterpret_cast<std::uint8_t *>(matrix.data()));
    return orientationOfDisplayMatrix(matrix);
}

double Container::seconds() const noexcept {
    const std::int64_t duration = m_format->duration;
    return duration == AV_NOPTS_VALUE || duration < 0 ? 0.0 : static_cast<double>(duration) / AV_TIME_BASE;
}

void Container::keepOnly(int index) noexcept {
    for (unsigned i = 0; i < m_format->nb_streams; ++i) {
        m_format->streams[i]->discard = static_cast<int>(i) == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
}

Result<CodecPtr> Container::openDecoder(int index, int threads) const {
    const AVCodecParameters *parameters = stream(index)->codecpar;
    const AVCodec *codec = decoderFor(parameters->codec_id);
    if (codec == nullptr) {
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message = "The codec " + std::string(avcodec_get_name(parameters->codec_id)) +
                                " is not supported; convert the file to MP4 (H.264, AAC) or WAV.",
                     .file = m_name};
    }
    CodecPtr context(avcodec_alloc_context3(codec));
    if (!context) return decoderMemoryError(m_name);
    context->max_pixels = m_limits.maxPixels;
    context->thread_count = threads;
    context->pkt_timebase = stream(index)->time_base;
    int error = avcodec_parameters_to_context(context.get(), parameters);
    if (error >= 0) error = avcodec_open2(context.get(), codec, nullptr);
    if (error < 0) return failure(error, "decode");
    return context;
}

Result<bool> Container::read(AVPacket &packet) {
    if (m_input->mustStop()) return failure(AVERROR_EXIT, "read");
    const int error = av_read_frame(m_format.get(), &packet);
    if (m_input->mustStop()) return failure(AVERROR_EXIT, "read");
    if (error >= 0) {
        ++m_packets;
        return true;
    }
    if (error == AVERROR_EOF || m_packets > 0) return false;
    return failure(error, "read");
}

Error Container::failure(int ffmpegError, const char *doing) const {
    if (m_input->cancelled())
        return {.code = ErrorCode::Cancelled, .message = "Reading the file was cancelled.", .file = m_name};
    if (m_input->stalled()) {
        return {.code = ErrorCode::LimitExceeded,
                .message = "The file kept the decoder busy without giving anything; it is probably damaged.",
                .file = m_name};
    }
    if (ffmpegError == AVERROR(ENOMEM)) return decoderMemoryError(m_name);
    return {.code = ErrorCode::MediaUnreadable,
            .message = "This is not a sound or film that can be read, or it is damaged.",
            .detail = std::string(doing) + ": " + ffmpegErrorText(ffmpegError),
            .file = m_name};
}

} // namespace facet::media
