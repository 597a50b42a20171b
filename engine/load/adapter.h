// A LoRA adapter folder in PEFT's layout: adapter_config.json and adapter_model.safetensors, read and checked (text.md
// section 7). Whether its pairs fit a model is decided where they are bound to it (model/lora.h).
#pragma once

#include "kernels/tensor.h"
#include "load/weights.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

// y = W x + scale * B(A x) for one module.
struct AdapterPair {
    std::string module; // the checkpoint's spelling: "model.language_model.layers.3.mlp.up_proj"
    Matrix a;           // [r, in]
    Matrix b;           // [out, r]
    float scale = 1;    // lora_alpha / r, or lora_alpha / sqrt(r)
};

struct AdapterFile {
    std::string path; // of the folder
    std::string name; // the folder's name
    std::vector<AdapterPair> pairs;
    std::uint64_t bytes = 0;
    std::string fingerprint; // of configuration and tensors
};

// Errors: FileNotFound, ModelUnsupported (DoRA, trained biases, whole modules saved: named), ModelFileCorrupt (half a
// pair, ranks that differ, a damaged file), LimitExceeded.
Result<AdapterFile> openAdapter(const std::string &folder);

} // namespace facet
