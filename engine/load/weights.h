// Where a model's tensors come from: a folder of safetensors or GGUF files. Names are the checkpoint's own for both
// ("model.language_model.layers.0.self_attn.q_proj.weight"). Everything that reads a file's numbers checks them first.
#pragma once

#include "facet/engine.h"
#include "kernels/ops.h"
#include "kernels/tensor.h"
#include "load/config.h"
#include "load/mapped_file.h"

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
    // A tensor of n whole numbers (tables of indices). Errors: ModelFileCorrupt (missing, wrong shape),
    // ModelUnsupported (no whole numbers, or a kind of file that has none).
    virtual Result<std::vector<std::int64_t>> integers(const std::string &name, std::int64_t n) const;

    // The mapping that a tensor lies in; null: none, or the tensor is not stored as it is given out.
    virtual const MappedFile *fileOf(const std::string &name) const;

    // Hash over the headers and a sample of the data: identifies the weights in caches (hex).
    virtual std::string fingerprint() const = 0;

    // Whether the mapped files still are what was opened: ask before they are used and before what was computed from
    // them is (facet/file_guard.h). One system call a file.
    // Errors: ModelFileCorrupt.
    virtual Status stillIntact() const { return ok(); }
};

struct GgufVocabulary;

// A checkpoint folder or a GGUF model, opened: configuration parsed, tensor headers checked, files mapped; nothing read
// yet.
struct Checkpoint {
    std::string path; // folder or .gguf file
    std::string name;
    ModelConfig config;
    std::shared_ptr<const WeightSource> weights;
    std::string tokenizerFile; // path of tokenizer.json, which may be missing; of GGUF files: the file itself
    std::shared_ptr<const GgufVocabulary> vocabulary; // GGUF: valid as long as `weights`; null: the file has none
    std::string mmproj;        // GGUF: path of the file with the towers; empty: none
    std::string chatTemplate;  // the model's own Jinja text; empty: none
    std::uint64_t fileBytes = 0;
    std::vector<std::string> notes; // what could not be used of it, one sentence each
};
// A folder, a file of it, a .gguf file or a folder with exactly one GGUF model. `mmproj`: the file with a GGUF model's
// towers; empty: the one beside the model that fits it, if any.
// Errors: FileNotFound, ModelFileCorrupt, ModelUnsupported, LimitExceeded.
Result<Checkpoint> openCheckpoint(const std::string &path, const std::string &mmproj = {});
// What inspectModel() tells, of a checkpoint that is open already.
ModelInfo describeCheckpoint(const Checkpoint &checkpoint, WeightType weights);

// Quantises a float matrix to Q8_0 or Q4_0 in memory (other types, already quantised ones and rows that are no multiple
// of 32 come back as they are). Threads over rows.
Result<Matrix> quantiseMatrix(const Exec &exec, const Matrix &w, WeightType type);

// Encoders of this width gain from coarser products (TowerArithmetic); narrower ones only lose digits.
inline constexpr int kWideTower = 256;

// Memory that a load will need, from headers alone. `pack`: with the text decoder's matrices packed (packed_weights.h);
// `int8Pictures`: those of the picture encoder as well, as Q8_0 (TowerArithmetic).
MemoryEstimate estimateMemory(const Checkpoint &checkpoint, WeightType weights, KvType kv, int contextLength, bool pack = false,
                              bool int8Pictures = false);
// MemAvailable of the machine, and the cgroup's limit if lower. 0: unknown.
std::uint64_t availableMemoryBytes();

} // namespace facet
