// Decoded frames to 8-bit RGB.
#pragma once

#include "facet/engine.h"
#include "facet/media/prepare.h"
#include "ffmpeg_handles.h"

namespace facet::media {

// Stills: exact where the reference is exact (palette, grey, 16-bit samples as round(v * 255 / 65535), alpha over
// white), chroma interpolated the way libjpeg and libwebp do it. `limitedRange`: luma 16..235 unless the frame says
// otherwise.
Result<Picture> pictureOfStill(const AVFrame &frame, bool limitedRange, const std::string &name,
                               const CancelToken &cancel);

// Film frames: through libswscale with the stream's matrix and range; keeps its scaler between frames of one kind.
class FilmConverter {
public:
    Result<Picture> convert(const AVFrame &frame, const std::string &name);

private:
    ScalerPtr m_scaler;
    int m_width = 0, m_height = 0, m_format = -1, m_colorspace = -1, m_range = -1;
};

} // namespace facet::media
