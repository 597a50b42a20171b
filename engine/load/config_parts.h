// The parts that parseModelConfig() is made of, one file each.
#pragma once

#include "load/config.h"
#include "load/config_reader.h"

namespace facet {

inline constexpr int kMaxLayers = 512;
inline constexpr int kMaxWidth = 65536;        // hidden sizes
inline constexpr int kMaxInnerWidth = 1 << 20; // inner size of a feed-forward
inline constexpr int kMaxVocabulary = 4 << 20;
inline constexpr int kMaxHeads = 1024;
inline constexpr int kMaxHeadDim = 4096;
inline constexpr int kMaxSoftTokens = 1 << 16;  // of a picture
inline constexpr int kMaxPositions = 1 << 24;
inline constexpr int kMaxExperts = 4096;

// Drafter: all layers read the keys of another model, so kvSource stays -1.
enum class TextFamily { Gemma4, Drafter, Gemma3 };
TextConfig readTextConfig(const ConfigReader &text, TextFamily family);
// After the layers' own facts are in: who shares keys with whom, and whether sizes fit together.
void finishLayers(TextConfig &config, bool drafter, ConfigProblems &problems);
VisionConfig readVisionConfig(const ConfigReader &vision, const ConfigReader &root, const ConfigReader &processor);
AudioConfig readAudioConfig(const ConfigReader &audio, const ConfigReader &processor);

} // namespace facet
