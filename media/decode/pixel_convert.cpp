#include "pixel_convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace facet::media {

namespace {

Error unsupportedPixels(const std::string &name, int format) {
    const char *text = av_get_pix_fmt_name(static_cast<AVPixelFormat>(format));
    return {.code = ErrorCode::MediaUnsupported,
            .message = "This kind of pixels is not supported; export the picture as PNG or JPEG.",
            .detail = text == nullptr ? "unknown pixel format" : text,
            .file = name};
}

// A sample of `depth` bits as 8 bits, rounded; depth 16 is vision.md 2.1: (v * 255 + 32767) div 65535.
std::uint8_t toEightBits(std::uint32_t value, int depth) {
    if (depth == 8) return static_cast<std::uint8_t>(value);
    const std::uint64_t top = (std::uint64_t{1} << depth) - 1;
    return static_cast<std::uint8_t>((std::min<std::uint64_t>(value, top) * 255 + top / 2) / top);
}

std::uint8_t clampToByte(float v) { return static_cast<std::uint8_t>(std::lround(std::clamp(v, 0.0F, 255.0F))); }

// Reads rows of single components out of any layout of FFmpeg's (packed, planar, either byte order, bits).
class ComponentRows {
public:
    ComponentRows(const AVFrame &frame, const AVPixFmtDescriptor &descriptor) : m_descriptor(descriptor) {
        for (std::size_t i = 0; i < m_data.size(); ++i) {
            m_data[i] = frame.data[i];
            m_lines[i] = frame.linesize[i];
        }
    }
    void read(std::vector<std::uint32_t> &row, int y, int component) const {
        av_read_image_line2(row.data(), const_cast<const std::uint8_t **>(m_data.data()), m_lines.data(), &m_descriptor,
                            0, y, component, static_cast<int>(row.size()), 0, sizeof(std::uint32_t));
    }
    int depth(int component) const { return m_descriptor.comp[component].depth; }

private:
    const AVPixFmtDescriptor &m_descriptor;
    mutable std::array<const std::uint8_t *, 4> m_data{};
    std::array<int, 4> m_lines{};
};

void convertPalette(const AVFrame &frame, Picture &out) {
    for (int y = 0; y < out.height; ++y) {
        const std::uint8_t *from = frame.data[0] + static_cast<std::ptrdiff_t>(y) * frame.linesize[0];
        std::uint8_t *to = out.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) * 3;
        for (int x = 0; x < out.width; ++x, to += 3) {
            std::uint32_t argb = 0; // stored in the machine's byte order
            std::copy_n(frame.data[1] + 4 * from[x], 4, reinterpret_cast<std::uint8_t *>(&argb));
            const auto alpha = static_cast<std::uint8_t>(argb >> 24);
            for (int c = 0; c < 3; ++c) to[c] = overWhite(static_cast<std::uint8_t>(argb >> (16 - 8 * c)), alpha);
        }
    }
}

// RGB and grey, with or without alpha.
void convertDirect(const AVFrame &frame, const AVPixFmtDescriptor &descriptor, Picture &out) {
    const ComponentRows rows(frame, descriptor);
    const bool grey = descriptor.nb_components < 3;
    const bool hasAlpha = (descriptor.flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    const bool inverted = frame.format == AV_PIX_FMT_MONOWHITE;
    const int alphaComponent = grey ? 1 : 3;
    const auto width = static_cast<std::size_t>(out.width);
    std::vector<std::uint32_t> values(width), alpha(width);
    for (int y = 0; y < out.height; ++y) {
        std::uint8_t *to = out.rgb.data() + static_cast<std::size_t>(y) * width * 3;
        if (hasAlpha) rows.read(alpha, y, alphaComponent);
        for (int c = 0; c < 3; ++c) {
            if (c == 0 || !grey) rows.read(values, y, c);
            const int depth = rows.depth(grey ? 0 : c);
            for (std::size_t x = 0; x < width; ++x) {
                std::uint8_t v = toEightBits(values[x], depth);
                if (inverted) v = static_cast<std::uint8_t>(255 - v);
                to[x * 3 + static_cast<std::size_t>(c)] =
                    hasAlpha ? overWhite(v, toEightBits(alpha[x], rows.depth(alphaComponent))) : v;
            }
        }
    }
}

// One axis of centred chroma: position of a luma sample between two chroma samples.
struct Tap {
    int first = 0, second = 0;
    float weight = 0; // of the second
};
Tap chromaTap(int luma, int shift, int count) {
    if (shift == 0) return {luma, luma, 0.0F};
    const float at = (static_cast<float>(luma) + 0.5F) / static_cast<float>(1 << shift) - 0.5F;
    const int first = static_cast<int>(std::floor(at));
    return {std::clamp(first, 0, count - 1), std::clamp(first + 1, 0, count - 1), at - static_cast<float>(first)};
}

struct ChromaPlane {
    const ComponentRows &rows;
    int component;
    int shiftX, shiftY, width, height;
    std::vector<std::uint32_t> upper = {}, lower = {};
    std::vector<float> mixed = {};

    // Values of luma row y at luma resolution.
    void at(int y, std::vector<float> &out) {
        upper.resize(static_cast<std::size_t>(width));
        lower.resize(static_cast<std::size_t>(width));
        mixed.resize(static_cast<std::size_t>(width));
        const Tap vertical = chromaTap(y, shiftY, height);
        rows.read(upper, vertical.first, component);
        rows.read(lower, vertical.second, component);
        for (std::size_t x = 0; x < mixed.size(); ++x) {
            mixed[x] = static_cast<float>(upper[x]) +
                       (static_cast<float>(lower[x]) - static_cast<float>(upper[x])) * vertical.weight;
        }
        for (std::size_t x = 0; x < out.size(); ++x) {
            const Tap tap = chromaTap(static_cast<int>(x), shiftX, width);
            const float a = mixed[static_cast<std::size_t>(tap.first)], b = mixed[static_cast<std::size_t>(tap.second)];
            out[x] = a + (b - a) * tap.weight;
        }
    }
};

Status convertYuv(const AVFrame &frame, const AVPixFmtDescriptor &descriptor, bool limited, const CancelToken &cancel,
                  const std::string &name, Picture &out) {
    const ComponentRows rows(frame, descriptor);
    const int depth = rows.depth(0);
    const float unit = static_cast<float>(1 << (depth - 8)); // one level of 255
    const float lumaScale = limited ? 255.0F / 219.0F : 1.0F, chromaScale = limited ? 255.0F / 224.0F : 1.0F;
    const float black = limited ? 16.0F : 0.0F;
    const bool hasAlpha = (descriptor.flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    const auto width = static_cast<std::size_t>(out.width);
    const int chromaWidth = AV_CEIL_RSHIFT(out.width, descriptor.log2_chroma_w);
    const int chromaHeight = AV_CEIL_RSHIFT(out.height, descriptor.log2_chroma_h);
    ChromaPlane blue{rows, 1, descriptor.log2_chroma_w, descriptor.log2_chroma_h, chromaWidth, chromaHeight};
    ChromaPlane red{rows, 2, descriptor.log2_chroma_w, descriptor.log2_chroma_h, chromaWidth, chromaHeight};
    std::vector<std::uint32_t> luma(width), alpha(width);
    std::vector<float> u(width), v(width);
    for (int y = 0; y < out.height; ++y) {
        if (cancel.cancelled())
            return Error{.code = ErrorCode::Cancelled, .message = "Reading the picture was cancelled.", .file = name};
        rows.read(luma, y, 0);
        if (hasAlpha) rows.read(alpha, y, 3);
        blue.at(y, u);
        red.at(y, v);
        std::uint8_t *to = out.rgb.data() + static_cast<std::size_t>(y) * width * 3;
        for (std::size_t x = 0; x < width; ++x, to += 3) {
            // ITU-R BT.601, the matrix of JFIF and WebP
            const float l = (static_cast<float>(luma[x]) / unit - black) * lumaScale;
            const float cb = (u[x] / unit - 128.0F) * chromaScale, cr = (v[x] / unit - 128.0F) * chromaScale;
            to[0] = clampToByte(l + 1.402F * cr);
            to[1] = clampToByte(l - 0.344136F * cb - 0.714136F * cr);
            to[2] = clampToByte(l + 1.772F * cb);
            if (hasAlpha) {
                const std::uint8_t a = toEightBits(alpha[x], rows.depth(3));
                for (int c = 0; c < 3; ++c) to[c] = overWhite(to[c], a);
            }
        }
    }
    return ok();
}

bool isFullRangeFormat(int format) {
    return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
           format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

} // namespace

Result<Picture> pictureOfStill(const AVFrame &frame, bool limitedRange, const std::string &name,
                               const CancelToken &cancel) {
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    constexpr std::uint64_t kStrange = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;
    const bool xyz = frame.format == AV_PIX_FMT_XYZ12LE || frame.format == AV_PIX_FMT_XYZ12BE;
    if (descriptor == nullptr || xyz || (descriptor->flags & kStrange) != 0 || frame.width <= 0 || frame.height <= 0) {
        return unsupportedPixels(name, frame.format);
    }
    for (int c = 0; c < descriptor->nb_components; ++c) {
        if (descriptor->comp[c].depth > 16) return unsupportedPixels(name, frame.format);
    }
    Picture out;
    out.width = frame.width;
    out.height = frame.height;
    out.rgb.resize(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height) * 3);
    if ((descriptor->flags & AV_PIX_FMT_FLAG_PAL) != 0) {
        convertPalette(frame, out);
    } else if ((descriptor->flags & AV_PIX_FMT_FLAG_RGB) != 0 || descriptor->nb_components < 3) {
        convertDirect(frame, *descriptor, out);
    } else {
        if (descriptor->comp[0].depth < 8) return unsupportedPixels(name, frame.format);
        const bool full = isFullRangeFormat(frame.format) || frame.color_range == AVCOL_RANGE_JPEG || !limitedRange;
        FACET_CHECK(convertYuv(frame, *descriptor, !full, cancel, name, out));
    }
    return out;
}

Result<Picture> FilmConverter::convert(const AVFrame &frame, const std::string &name) {
    // Players' custom where a stream does not say: standard definition is BT.601, anything larger BT.709.
    int colorspace = frame.colorspace;
    if (colorspace == AVCOL_SPC_UNSPECIFIED) colorspace = frame.height < 720 ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
    const int range = frame.color_range == AVCOL_RANGE_JPEG || isFullRangeFormat(frame.format) ? 1 : 0;
    if (!m_scaler || frame.width != m_width || frame.height != m_height || frame.format != m_format ||
        colorspace != m_colorspace || range != m_range) {
        // The plain converter, not the finer one with interpolated chroma: it gives the very pixels that the
        // reference's film decoder feeds to the model (the goldens' frames are equal bit by bit).
        m_scaler.reset(sws_getContext(frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width,
                                      frame.height, AV_PIX_FMT_RGB24, SWS_BILINEAR, nullptr, nullptr, nullptr));
        if (!m_scaler) return unsupportedPixels(name, frame.format);
        const int *matrix = sws_getCoefficients(colorspace);
        sws_setColorspaceDetails(m_scaler.get(), matrix, range, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                                 1 << 16);
        m_width = frame.width, m_height = frame.height, m_format = frame.format, m_colorspace = colorspace,
        m_range = range;
    }
    Picture out;
    out.width = frame.width;
    out.height = frame.height;
    // libswscale writes whole vectors: rows with room to spare, then packed.
    const int stride = FFALIGN(frame.width * 3, 64);
    std::vector<std::uint8_t> rows(static_cast<std::size_t>(stride) * static_cast<std::size_t>(frame.height) + 64);
    std::uint8_t *planes[4] = {rows.data(), nullptr, nullptr, nullptr};
    const int strides[4] = {stride, 0, 0, 0};
    if (sws_scale(m_scaler.get(), frame.data, frame.linesize, 0, frame.height, planes, strides) != frame.height) {
        return unsupportedPixels(name, frame.format);
    }
    const auto rowBytes = static_cast<std::size_t>(frame.width) * 3;
    out.rgb.resize(rowBytes * static_cast<std::size_t>(frame.height));
    for (std::size_t y = 0; y < static_cast<std::size_t>(frame.height); ++y) {
        std::copy_n(rows.data() + y * static_cast<std::size_t>(stride), rowBytes, out.rgb.data() + y * rowBytes);
    }
    return out;
}

} // namespace facet::media
