// Draws boxes, points and labels into a picture, with a built-in bitmap font: no toolkit is needed on a server.
#pragma once

#include "facet/answer.h"
#include "facet/media/prepare.h"

#include <vector>

namespace facet::cli {

void drawDetections(media::Picture &picture, const std::vector<Detection> &detections);

} // namespace facet::cli
