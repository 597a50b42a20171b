// A LoRA adapter folder in PEFT's layout: adapter_config.json and adapter_model.safetensors, read and checked (text.md
// section 7). Whether its pairs fit a model is decided where they are bound to it (model/lora.h).
#pragma once

#include "kernels/tensor.h"
#include "load/safetensors.h"
#include "load/weights.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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
    std::shared_ptr<const WeightSource> weights; // the file that the pairs lie in
};

// Errors: FileNotFound, ModelUnsupported (DoRA, trained biases, whole modules saved: named), ModelFileCorrupt (half a
// pair, ranks that differ, a damaged file), LimitExceeded.
Result<AdapterFile> openAdapter(const std::string &folder);
// The same of its two files' contents; the tensors' file names them in messages.
Result<AdapterFile> readAdapter(std::string_view config, const std::string &configPath, SafetensorsFile tensors,
                                const std::string &tensorPath);

} // namespace facet
