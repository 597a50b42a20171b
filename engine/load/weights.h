// Where a model's tensors come from: a folder of safetensors now, GGUF files next. Names are the checkpoint's own
// ("model.language_model.layers.0.self_attn.q_proj.weight"). Everything that reads a file's numbers checks them first.
#pragma once

#include "facet/engine.h"
#include "kernels/ops.h"
#include "kernels/tensor.h"
#include "load/config.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

struct TensorInfo {
    std::string name;
    TensorType type = TensorType::F32;
    std::vector<std::int64_t> shape; // slowest first, as in safetensors
    std::uint64_t bytes = 0;
    std::string typeName = {}; // as the file calls it: "BF16", "I64"
    bool usable = true;        // false: only listed (integers, float8); `type` means nothing then
};

class WeightSource {
public:
    virtual ~WeightSource() = default;
    virtual const std::vector<TensorInfo> &tensors() const = 0;
    virtual const TensorInfo *find(std::string_view name) const = 0;

    // Matrix [rows, cols] in the file's type, mapped, no copy. Tensors of more dimensions are seen as
    // [product of all but the last, last]. Errors: ModelFileCorrupt (missing, wrong shape: both are named).
    virtual Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const = 0;
    // float32 copy of a small tensor of n values (norms, scalars, biases; any float type; n = 1 matches shape []).
    virtual Result<std::vector<float>> vector(const std::string &name, std::int64_t n) const = 0;

    // Hash over the headers and a sample of the data: identifies the weights in caches (hex).
    virtual std::string fingerprint() const = 0;
};

// A checkpoint folder, opened: configuration parsed, tensor headers checked, files mapped; nothing read yet.
struct Checkpoint {
    std::string path;
    std::string name;
    ModelConfig config;
    std::shared_ptr<const WeightSource> weights;
    std::string tokenizerFile; // path of tokenizer.json
    std::string chatTemplate;  // the model's own Jinja text; empty: none
    std::uint64_t fileBytes = 0;
};
Result<Checkpoint> openCheckpoint(const std::string &path);

// Quantises a float matrix to Q8_0 or Q4_0 in memory (other types, already quantised ones and rows that are no multiple
// of 32 come back as they are). Threads over rows.
Result<Matrix> quantiseMatrix(const Exec &exec, const Matrix &w, WeightType type);

// Memory that a load will need, from headers alone.
MemoryEstimate estimateMemory(const Checkpoint &checkpoint, WeightType weights, KvType kv, int contextLength);
// MemAvailable of the machine, and the cgroup's limit if lower. 0: unknown.
std::uint64_t availableMemoryBytes();

} // namespace facet
