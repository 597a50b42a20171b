// FFmpeg's objects under unique_ptr, its error numbers as text, and its log silenced. Included by decode/ only.
#pragma once

#include "facet/result.h"

#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/dict.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

namespace facet::media {

struct CodecDeleter {
    void operator()(AVCodecContext *p) const noexcept { avcodec_free_context(&p); }
};
struct FrameDeleter {
    void operator()(AVFrame *p) const noexcept { av_frame_free(&p); }
};
struct PacketDeleter {
    void operator()(AVPacket *p) const noexcept { av_packet_free(&p); }
};
struct FormatDeleter {
    void operator()(AVFormatContext *p) const noexcept { avformat_close_input(&p); }
};
struct IoDeleter {
    void operator()(AVIOContext *p) const noexcept {
        av_freep(&p->buffer);
        avio_context_free(&p);
    }
};
struct ScalerDeleter {
    void operator()(SwsContext *p) const noexcept { sws_freeContext(p); }
};
struct ResamplerDeleter {
    void operator()(SwrContext *p) const noexcept { swr_free(&p); }
};
using CodecPtr = std::unique_ptr<AVCodecContext, CodecDeleter>;
using FramePtr = std::unique_ptr<AVFrame, FrameDeleter>;
using PacketPtr = std::unique_ptr<AVPacket, PacketDeleter>;
using FormatPtr = std::unique_ptr<AVFormatContext, FormatDeleter>;
using IoPtr = std::unique_ptr<AVIOContext, IoDeleter>;
using ScalerPtr = std::unique_ptr<SwsContext, ScalerDeleter>;
using ResamplerPtr = std::unique_ptr<SwrContext, ResamplerDeleter>;

// FFmpeg's log is one setting for the whole process and writes to standard error. It is switched off here, once, before
// the first use of the libraries: what matters reaches the user as an Error.
void silenceFfmpeg();

std::string ffmpegErrorText(int error);

// No memory of this machine left for a decoder.
Error decoderMemoryError(const std::string &name);

} // namespace facet::media
