// Stills. No demuxer: the whole file is one packet for the one decoder that the header names.
#include "content_hash.h"
#include "exif.h"
#include "facet/media/decode.h"
#include "ffmpeg_handles.h"
#include "input_stream.h"
#include "picture_header.h"
#include "pixel_convert.h"
#include "webp_animation.h"

#include <algorithm>
#include <chrono>

namespace facet::media {

namespace {

using Clock = std::chrono::steady_clock;

Error cancelledError(const std::string &name) {
    return {.code = ErrorCode::Cancelled, .message = "Reading the picture was cancelled.", .file = name};
}

AVCodecID codecOf(PictureFormat format) {
    switch (format) {
    case PictureFormat::Png: return AV_CODEC_ID_PNG;
    case PictureFormat::Jpeg: return AV_CODEC_ID_MJPEG;
    case PictureFormat::WebP: return AV_CODEC_ID_WEBP;
    case PictureFormat::Bmp: return AV_CODEC_ID_BMP;
    case PictureFormat::Tiff: return AV_CODEC_ID_TIFF;
    case PictureFormat::Gif: return AV_CODEC_ID_GIF;
    default: return AV_CODEC_ID_NONE;
    }
}

Error undecodable(const std::string &name, PictureFormat format, int error) {
    if (error == AVERROR(ENOMEM)) return decoderMemoryError(name);
    const bool unsupported = error == AVERROR_PATCHWELCOME || error == AVERROR_DECODER_NOT_FOUND;
    return {.code = unsupported ? ErrorCode::MediaUnsupported : ErrorCode::MediaUnreadable,
            .message = unsupported ? "This variety of the format is not supported; export the picture as PNG or JPEG."
                                   : "The picture is damaged; copy or export it again.",
            .detail = std::string(pictureFormatName(format)) + ": " + ffmpegErrorText(error),
            .file = name};
}

// `bytes` must be followed by AV_INPUT_BUFFER_PADDING_SIZE bytes of zero.
Result<FramePtr> decodeStill(std::span<std::uint8_t> bytes, PictureFormat format, const DecodeLimits &limits,
                             const std::string &name) {
    silenceFfmpeg();
    const AVCodec *codec = avcodec_find_decoder(codecOf(format));
    if (codec == nullptr) return undecodable(name, format, AVERROR_DECODER_NOT_FOUND);
    CodecPtr context(avcodec_alloc_context3(codec));
    PacketPtr packet(av_packet_alloc());
    FramePtr frame(av_frame_alloc());
    if (!context || !packet || !frame) return decoderMemoryError(name);
    context->max_pixels = limits.maxPixels;
    context->thread_count = 1;
    // Half a picture without a word would be worse than an error. (The TIFF decoder takes tags it does not know for
    // errors then, the orientation among them; its strips were checked with the header.)
    if (format != PictureFormat::Tiff)
        context->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (const int error = avcodec_open2(context.get(), codec, nullptr); error < 0)
        return undecodable(name, format, error);
    packet->buf = av_buffer_create(
        bytes.data(), bytes.size(), [](void *, std::uint8_t *) {}, nullptr, AV_BUFFER_FLAG_READONLY);
    if (packet->buf == nullptr) return decoderMemoryError(name);
    packet->data = bytes.data();
    packet->size = static_cast<int>(bytes.size());
    packet->flags |= AV_PKT_FLAG_KEY;
    int error = avcodec_send_packet(context.get(), packet.get());
    if (error >= 0) error = avcodec_receive_frame(context.get(), frame.get());
    if (error == AVERROR(EAGAIN)) {
        avcodec_send_packet(context.get(), nullptr);
        error = avcodec_receive_frame(context.get(), frame.get());
    }
    if (error < 0) return undecodable(name, format, error);
    if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
        return undecodable(name, format, AVERROR_INVALIDDATA);
    }
    return frame;
}

Result<Picture> decodeAnimatedWebP(std::span<const std::uint8_t> bytes, const PictureHeader &header,
                                   const DecodeLimits &limits, const std::string &name, const CancelToken &cancel) {
    FACET_TRY(cut, firstWebPFrame(bytes, name));
    if (static_cast<std::int64_t>(cut.width) * cut.height > limits.maxPixels) {
        return Error{
            .code = ErrorCode::LimitExceeded, .message = "The picture is larger than the limit.", .file = name};
    }
    const std::size_t size = cut.still.size();
    cut.still.resize(size + AV_INPUT_BUFFER_PADDING_SIZE, 0);
    FACET_TRY(frame, decodeStill(std::span(cut.still).first(size), PictureFormat::WebP, limits, name));
    FACET_TRY(part, pictureOfStill(*frame, true, name, cancel));
    Picture canvas; // what the frame does not cover is transparent: white
    canvas.width = static_cast<int>(header.width);
    canvas.height = static_cast<int>(header.height);
    canvas.rgb.assign(static_cast<std::size_t>(header.width * header.height) * 3, 255);
    const int columns = std::min(part.width, canvas.width - cut.x);
    for (int y = 0; columns > 0 && y < part.height && y + cut.y < canvas.height; ++y) {
        std::copy_n(part.rgb.begin() + static_cast<std::ptrdiff_t>(y) * part.width * 3, columns * 3,
                    canvas.rgb.begin() + (static_cast<std::ptrdiff_t>(y + cut.y) * canvas.width + cut.x) * 3);
    }
    return canvas;
}

Status checkPixels(const PictureHeader &header, const DecodeLimits &limits, const std::string &name) {
    // Sides are below 2^32 each: compare without multiplying.
    if (header.width <= limits.maxPixels / header.height && header.width < (1 << 20) && header.height < (1 << 20))
        return ok();
    return Error{.code = ErrorCode::LimitExceeded,
                 .message = "The picture says it has " + std::to_string(header.width) + " x " +
                            std::to_string(header.height) + " pixels; at most " +
                            std::to_string(limits.maxPixels / 1'000'000) + " million are read. Make it smaller first.",
                 .file = name};
}

} // namespace

Result<Picture> decodePicture(const Source &source, const DecodeLimits &limits, const CancelToken &cancel) {
    const std::string name = nameOf(source);
    FACET_TRY(size, sizeOf(source));
    if (size == 0) return Error{.code = ErrorCode::MediaUnreadable, .message = "The file is empty.", .file = name};
    if (size > limits.maxPictureBytes || size > (1ULL << 30)) {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message = "The picture file is larger than the limit of " +
                                std::to_string(limits.maxPictureBytes >> 20) + " MiB.",
                     .file = name};
    }
    FACET_TRY(bytes, readHead(source, static_cast<std::size_t>(size)));
    FACET_TRY(header, readPictureHeader(bytes, name));
    FACET_CHECK(checkPixels(header, limits, name));
    if (cancel.cancelled()) return cancelledError(name);
    const Clock::time_point started = Clock::now();
    std::string hash = sha256Hex(std::span<const std::uint8_t>(bytes));
    Result<Picture> picture = [&]() -> Result<Picture> {
        if (header.animatedWebP) return decodeAnimatedWebP(bytes, header, limits, name, cancel);
        const std::size_t count = bytes.size();
        bytes.resize(count + AV_INPUT_BUFFER_PADDING_SIZE, 0);
        FACET_TRY(frame, decodeStill(std::span(bytes).first(count), header.format, limits, name));
        return pictureOfStill(*frame, header.format == PictureFormat::WebP, name, cancel);
    }();
    if (!picture) return std::move(picture).error();
    if (std::chrono::duration<double>(Clock::now() - started).count() > limits.maxDecodeSecondsPerPicture) {
        return Error{.code = ErrorCode::LimitExceeded, .message = "Decoding the picture takes too long.", .file = name};
    }
    if (cancel.cancelled()) return cancelledError(name);
    picture->contentHash = std::move(hash);
    return uprighted(std::move(*picture), header.orientation);
}

Result<std::vector<std::uint8_t>> encodePng(const Picture &picture) {
    silenceFfmpeg();
    const auto failed = [](int error) {
        return Error{.code = ErrorCode::Internal,
                     .message = "The picture could not be written as PNG.",
                     .detail = ffmpegErrorText(error)};
    };
    const auto rowBytes = static_cast<std::size_t>(std::max(picture.width, 0)) * 3;
    if (picture.width <= 0 || picture.height <= 0 ||
        picture.rgb.size() != rowBytes * static_cast<std::size_t>(picture.height)) {
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "A picture without pixels cannot be written as PNG."};
    }
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    if (codec == nullptr) return failed(AVERROR_ENCODER_NOT_FOUND);
    CodecPtr context(avcodec_alloc_context3(codec));
    FramePtr frame(av_frame_alloc());
    PacketPtr packet(av_packet_alloc());
    if (!context || !frame || !packet) return failed(AVERROR(ENOMEM));
    context->width = frame->width = picture.width;
    context->height = frame->height = picture.height;
    context->pix_fmt = AV_PIX_FMT_RGB24;
    frame->format = AV_PIX_FMT_RGB24;
    context->time_base = {1, 1};
    context->thread_count = 1;
    int error = avcodec_open2(context.get(), codec, nullptr);
    if (error >= 0) error = av_frame_get_buffer(frame.get(), 0);
    if (error < 0) return failed(error);
    for (int y = 0; y < picture.height; ++y) {
        std::copy_n(picture.rgb.data() + static_cast<std::size_t>(y) * rowBytes, rowBytes,
                    frame->data[0] + static_cast<std::ptrdiff_t>(y) * frame->linesize[0]);
    }
    frame->pts = 0;
    error = avcodec_send_frame(context.get(), frame.get());
    if (error >= 0) error = avcodec_send_frame(context.get(), nullptr);
    if (error >= 0) error = avcodec_receive_packet(context.get(), packet.get());
    if (error < 0) return failed(error);
    return std::vector<std::uint8_t>(packet->data, packet->data + packet->size);
}

} // namespace facet::media
