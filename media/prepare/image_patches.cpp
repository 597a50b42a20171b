#include "facet/media/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

namespace facet::media {

namespace {

// Budgets beyond this have no meaning in any model; the bound keeps the products below far from overflow.
constexpr int kMaxBudget = 1 << 16;
constexpr int kMaxPatchSide = 1 << 10;
constexpr int kMaxPooling = 1 << 6;
// Nothing can be seen in a thread of pixels, and resizing millions of rows a pixel wide would take minutes.
constexpr std::int64_t kMaxAspect = 20000;

Error invalid(std::string message, std::string detail) {
    return {ErrorCode::InvalidArgument, std::move(message), std::move(detail)};
}

std::string bySides(std::int64_t width, std::int64_t height) {
    return std::to_string(width) + " x " + std::to_string(height);
}

Status checkVision(int tokenBudget, const VisionInfo &vision) {
    if (vision.patchSize <= 0 || vision.patchSize > kMaxPatchSide || vision.poolingKernel <= 0 ||
        vision.poolingKernel > kMaxPooling) {
        return invalid("The model's picture settings make no sense.",
                       "patch size " + std::to_string(vision.patchSize) + ", pooling " + std::to_string(vision.poolingKernel));
    }
    if (tokenBudget <= 0 || tokenBudget > kMaxBudget) {
        return invalid("The token budget of a picture must be between 1 and " + std::to_string(kMaxBudget) + ".",
                       "budget " + std::to_string(tokenBudget));
    }
    return ok();
}

// [rows * columns, patch * patch * 3] from [height, width, 3]: a patch row of pixels is contiguous in both.
std::vector<std::uint8_t> cutPatches(const Picture &picture, int columns, int rows, int patch) {
    const std::size_t lineBytes = static_cast<std::size_t>(patch) * 3;
    const std::size_t patchBytes = lineBytes * static_cast<std::size_t>(patch);
    const std::size_t pictureLine = static_cast<std::size_t>(picture.width) * 3;
    std::vector<std::uint8_t> out(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows) * patchBytes);
    std::uint8_t *to = out.data();
    for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
            const std::uint8_t *from = picture.rgb.data() + static_cast<std::size_t>(row) * patch * pictureLine +
                                       static_cast<std::size_t>(column) * lineBytes;
            for (int line = 0; line < patch; ++line, to += lineBytes, from += pictureLine) {
                std::memcpy(to, from, lineBytes);
            }
        }
    }
    return out;
}

}  // namespace

int PictureSize::softTokens(const VisionInfo &v) const noexcept {
    const std::int64_t step = static_cast<std::int64_t>(v.patchSize) * v.poolingKernel;
    return step > 0 ? static_cast<int>((width / step) * (height / step)) : 0;
}

// vision.md section 2.2 with 48 = patch * pooling, 9 = pooling^2 and 256 = patch^2.
Result<PictureSize> targetSize(int width, int height, int tokenBudget, const VisionInfo &vision) {
    FACET_CHECK(checkVision(tokenBudget, vision));
    if (width <= 0 || height <= 0) {
        return invalid("The picture has no pixels.", bySides(width, height));
    }
    const std::int64_t step = static_cast<std::int64_t>(vision.patchSize) * vision.poolingKernel;
    const std::int64_t patches = static_cast<std::int64_t>(vision.poolingKernel) * vision.poolingKernel * tokenBudget;
    const std::int64_t pixels = patches * vision.patchSize * vision.patchSize;
    const double h = height;
    const double w = width;
    const double factor = std::sqrt(static_cast<double>(pixels) / (h * w));
    const double steps = static_cast<double>(step);
    std::int64_t targetHeight = static_cast<std::int64_t>(std::floor(factor * h / steps)) * step;
    std::int64_t targetWidth = static_cast<std::int64_t>(std::floor(factor * w / steps)) * step;
    if (targetHeight == 0 && targetWidth == 0) {
        return invalid("The token budget is too small for any picture.", "budget " + std::to_string(tokenBudget));
    }
    const std::int64_t longest = tokenBudget * step;
    if (targetHeight == 0) {
        targetHeight = step;
        targetWidth = std::min<std::int64_t>(width / height * step, longest);
    } else if (targetWidth == 0) {
        targetWidth = step;
        targetHeight = std::min<std::int64_t>(height / width * step, longest);
    }
    const std::int64_t longestInPatches = std::max(targetWidth, targetHeight) / vision.patchSize;
    const bool fits = targetWidth > 0 && targetHeight > 0 && targetWidth * targetHeight <= pixels;
    if (!fits) {
        return invalid("No size fits this picture into the token budget; use a larger budget or crop it.",
                       bySides(width, height) + ", budget " + std::to_string(tokenBudget));
    }
    // The encoder has one embedding per column and per row: beyond its table there is nothing to look up.
    if (longestInPatches > vision.positionTableSize) {
        return invalid("The picture is too long and narrow for this model; crop it or use a smaller token budget.",
                       bySides(width, height) + " becomes " + std::to_string(longestInPatches) +
                           " patches on the long side, the model has positions for " + std::to_string(vision.positionTableSize));
    }
    return PictureSize{static_cast<int>(targetWidth), static_cast<int>(targetHeight)};
}

Result<ImageInput> prepareImage(const Picture &picture, int tokenBudget, const VisionInfo &vision) {
    FACET_TRY(size, targetSize(picture.width, picture.height, tokenBudget, vision));
    if (picture.width / kMaxAspect >= picture.height || picture.height / kMaxAspect >= picture.width) {
        return invalid("The picture is too long and narrow to be seen; crop it.", bySides(picture.width, picture.height));
    }
    const std::size_t expected = static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) * 3;
    if (picture.rgb.size() != expected) {
        return Error{ErrorCode::Internal, "A decoded picture does not have the size it claims.",
                     bySides(picture.width, picture.height) + " with " + std::to_string(picture.rgb.size()) + " bytes"};
    }
    ImageInput input;
    input.patchSize = vision.patchSize;
    input.columns = size.width / vision.patchSize;
    input.rows = size.height / vision.patchSize;
    input.sourceWidth = picture.width;
    input.sourceHeight = picture.height;
    input.tokenBudget = tokenBudget;
    input.contentHash = picture.contentHash;
    if (size.width == picture.width && size.height == picture.height) {
        input.patches = cutPatches(picture, input.columns, input.rows, vision.patchSize);
    } else {
        input.patches = cutPatches(resize(picture, size.width, size.height), input.columns, input.rows, vision.patchSize);
    }
    return input;
}

std::uint8_t overWhite(std::uint8_t colour, std::uint8_t alpha) noexcept {
    return static_cast<std::uint8_t>((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

}  // namespace facet::media
