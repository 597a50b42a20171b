// Log-mel frames to the conformer's rows: two convolutions with stride 2, layer norm and ReLU, one matrix (audio.md 3).
#pragma once

#include "facet/inputs.h"
#include "model/audio_weights.h"
#include "model/towers.h"

namespace facet {

// [ceil(ceil(frames / 2) / 2), C]. Taps "conv1" (after the second convolution) and "subsample_out".
// Empty: cancelled.
std::vector<float> subsample(const AudioWeights &weights, const Exec &exec, const AudioInput &audio, const TowerTap &tap);

}  // namespace facet
