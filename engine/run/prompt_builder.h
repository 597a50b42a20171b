// A request -> the ids that the model reads, with the places where soft tokens go (text.md 6, vision.md 3, audio.md 5,
// video.md 3). Placeholders are expanded in the text, because a film's time stamps are tokenised together with it.
#pragma once

#include "facet/engine.h"
#include "run/loaded_model.h"

#include <memory>
#include <string>
#include <vector>

namespace facet {

// A run of soft tokens of one picture, film frame or sound.
struct SoftSpan {
    enum class Kind : std::uint8_t { Image, VideoFrame, Audio };
    Kind kind = Kind::Image;
    std::int64_t first = 0;   // position in ids
    std::int64_t count = 0;
    std::shared_ptr<const ImageInput> image;
    std::shared_ptr<const AudioInput> audio;
    // What makes two spans equal in a cache; empty: equal to nothing.
    std::string key;
    bool isPicture() const noexcept { return kind != Kind::Audio; }
};

struct BuiltPrompt {
    std::string text;   // rendered, placeholders not expanded
    std::vector<std::int32_t> ids;
    std::vector<SoftSpan> spans;  // ascending
    bool startsInThought = false;
    // What else shapes keys and values: the scales of adapters. Caches of different variants are never mixed.
    std::string variant = {};
    std::vector<float> adapterScales = {};  // of each loaded adapter; empty: none is on
};

// One medium for each placeholder, in the order of the text.
struct Medium {
    std::shared_ptr<const ImageInput> image;
    std::shared_ptr<const AudioInput> audio;
    std::shared_ptr<const VideoInput> video;
};

// Errors: InvalidArgument, MediaUnsupported.
Result<BuiltPrompt> buildPrompt(const LoadedModel &model, const Request &request);
// From a rendered text whose control tokens count, but not inside `plain`.
Result<BuiltPrompt> expandPrompt(const LoadedModel &model, const std::string &text, const std::vector<ByteSpan> &plain,
                                 const std::vector<Medium> &media);

// What media become in any prompt, without their places: for encoding them ahead. A film's sound comes with it.
Result<std::vector<SoftSpan>> mediaSpans(const LoadedModel &model, const std::vector<Part> &media);

}  // namespace facet
