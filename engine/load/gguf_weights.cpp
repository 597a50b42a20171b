#include "load/gguf_weights.h"

#include "load/gguf_names.h"
#include "load/tensor_lookup.h"

#include "kernels/kernels.h"

#include <charconv>
#include <cmath>
#include <map>

namespace facet {
namespace {

// Values as softplus was applied to them: ln(e^y - 1), for y > 0.
float inverseSoftplus(float y) {
    const auto value = static_cast<double>(y);
    return static_cast<float>(value > 30 ? value : std::log(std::expm1(value)));
}

class GgufWeights final : public WeightSource {
public:
    Status add(GgufModelFiles files, const ModelConfig &config);

    const std::vector<TensorInfo> &tensors() const override { return m_infos; }
    const TensorInfo *find(std::string_view name) const override {
        const auto found = m_index.find(name);
        return found == m_index.end() ? nullptr : &m_infos[found->second];
    }
    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const override;
    Result<std::vector<float>> vector(const std::string &name, std::int64_t n) const override;
    const MappedFile *fileOf(const std::string &name) const override {
        const auto found = m_index.find(name);
        return found == m_index.end() ? nullptr : &m_places[found->second].file->mapped();
    }
    std::string fingerprint() const override;
    Status stillIntact() const override {
        for (const auto &file : m_files) FACET_CHECK(file->mapped().stillIntact());
        return ok();
    }

private:
    struct Place {
        std::shared_ptr<const GgufFile> file;
        const GgufTensor *tensor = nullptr;
        GgufTensorRule rule = GgufTensorRule::AsIs;
        std::uint64_t firstByte = 0; // of this part of the tensor's data
    };

    Status put(std::string name, TensorInfo info, Place place);
    Status addTensor(const std::shared_ptr<const GgufFile> &file, const GgufTensor &tensor, const ModelConfig &config);
    Status addFused(const std::string &name, const Place &place, const ModelConfig &config);
    Result<std::size_t> locate(const std::string &name) const;
    const std::byte *data(std::size_t i) const {
        return m_places[i].file->data(*m_places[i].tensor).data() + m_places[i].firstByte;
    }
    std::vector<float> values(std::size_t i) const;

    std::vector<std::shared_ptr<const GgufFile>> m_files;
    std::vector<Place> m_places;
    std::vector<TensorInfo> m_infos;
    std::map<std::string, std::size_t, std::less<>> m_index;
};

Status GgufWeights::put(std::string name, TensorInfo info, Place place) {
    if (!m_index.emplace(name, m_infos.size()).second) {
        return Error{ErrorCode::ModelFileCorrupt, "The model file holds one part of the model twice.",
                     "tensor " + info.name + " is a second " + name, place.file->path(), place.tensor->begin};
    }
    info.name = std::move(name);
    m_infos.push_back(std::move(info));
    m_places.push_back(std::move(place));
    return ok();
}

// Rows of q, k and (unless the value is the key) v one after the other.
Status GgufWeights::addFused(const std::string &name, const Place &place, const ModelConfig &config) {
    const TensorInfo &info = place.tensor->info;
    const auto at = name.find("layers.");
    int layer = -1;
    if (at != std::string::npos) std::from_chars(name.data() + at + 7, name.data() + name.size(), layer);
    const TextConfig &text = config.text;
    if (layer < 0 || layer >= text.layerCount || info.shape.size() != 2)
        return wrongShape(info, "the rows of queries, keys and values", place.file->path());
    const LayerConfig &settings = text.layers[static_cast<std::size_t>(layer)];
    const std::int64_t queryRows = std::int64_t{text.heads} * settings.headDim;
    const std::int64_t keyRows = std::int64_t{settings.kvHeads} * settings.headDim;
    const bool keyIsValue = info.shape[0] == queryRows + keyRows;
    if (!keyIsValue && info.shape[0] != queryRows + 2 * keyRows) {
        return wrongShape(info, "[" + std::to_string(queryRows + 2 * keyRows) + ", " + std::to_string(info.shape[1]) +
                                    "]",
                          place.file->path());
    }
    const std::uint64_t rowSize = info.bytes / static_cast<std::uint64_t>(info.shape[0]);
    std::int64_t first = 0;
    for (const auto &[part, rows] : {std::pair{"q_proj", queryRows}, {"k_proj", keyRows}, {"v_proj", keyRows}}) {
        if (first >= info.shape[0]) break;
        std::string partName = name;
        partName.replace(partName.find("qkv"), 3, part);
        TensorInfo partInfo = info;
        partInfo.shape[0] = rows;
        partInfo.bytes = rowSize * static_cast<std::uint64_t>(rows);
        Place partPlace = place;
        partPlace.firstByte = rowSize * static_cast<std::uint64_t>(first);
        FACET_CHECK(put(partName, std::move(partInfo), std::move(partPlace)));
        first += rows;
    }
    return ok();
}

Status GgufWeights::addTensor(const std::shared_ptr<const GgufFile> &file, const GgufTensor &tensor,
                              const ModelConfig &config) {
    const auto name = checkpointName(tensor.info.name, config.drafter ? "model." : "model.language_model.");
    TensorInfo info = tensor.info;
    if (!name) return put(tensor.info.name, std::move(info), {file, &tensor});
    Place place{file, &tensor, name->rule};
    switch (name->rule) {
    case GgufTensorRule::FusedQkv: return addFused(name->name, place, config);
    case GgufTensorRule::PatchOrder:
        if (info.shape.size() != 4 || info.shape[1] != 3)
            return wrongShape(info, "[width, 3, rows, columns]", file->path());
        info.shape = {info.shape[0], info.shape[1] * info.shape[2] * info.shape[3]};
        break;
    case GgufTensorRule::MiddleOne:
        if (info.shape.size() == 2) info.shape.insert(info.shape.begin() + 1, 1);
        break;
    case GgufTensorRule::AsIs:
    case GgufTensorRule::InverseSoftplus: break;
    }
    return put(name->name, std::move(info), std::move(place));
}

Status GgufWeights::add(GgufModelFiles files, const ModelConfig &config) {
    for (GgufFile &opened : files.files) {
        const auto file = std::make_shared<const GgufFile>(std::move(opened));
        m_files.push_back(file);
        for (const GgufTensor &tensor : file->tensors()) FACET_CHECK(addTensor(file, tensor, config));
    }
    return ok();
}

Result<std::size_t> GgufWeights::locate(const std::string &name) const {
    const auto found = m_index.find(name);
    if (found == m_index.end()) return missingTensor(name, m_files.front()->path());
    if (!m_infos[found->second].usable)
        return unusableTensor(m_infos[found->second], m_places[found->second].file->path());
    return found->second;
}

// float32, in the checkpoint's order: the patch projection lies as [C, channel, row, column] in the file, pixels come as
// row, column, channel.
std::vector<float> GgufWeights::values(std::size_t i) const {
    std::vector<float> stored(static_cast<std::size_t>(elementCount(m_infos[i].shape)));
    kernelsFor(InstructionSet::Scalar)
        .dequantise(m_places[i].tensor->info.type, data(i), static_cast<std::int64_t>(stored.size()), stored.data());
    if (m_places[i].rule != GgufTensorRule::PatchOrder) return stored;
    const auto &shape = m_places[i].tensor->info.shape;
    const auto rows = static_cast<std::size_t>(shape[0]), channels = static_cast<std::size_t>(shape[1]);
    const std::size_t area = static_cast<std::size_t>(shape[2] * shape[3]), width = channels * area;
    std::vector<float> sorted(stored.size());
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (std::size_t pixel = 0; pixel < area; ++pixel) {
                sorted[row * width + pixel * channels + channel] = stored[row * width + channel * area + pixel];
            }
        }
    }
    return sorted;
}

Result<Matrix> GgufWeights::matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const {
    FACET_TRY(i, locate(name));
    if (!isShapedAs(m_infos[i], rows, cols)) {
        return wrongShape(m_infos[i], "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]",
                          m_places[i].file->path());
    }
    if (m_places[i].rule == GgufTensorRule::PatchOrder) {
        auto sorted = std::make_shared<const std::vector<float>>(values(i));
        const std::byte *bytes = std::as_bytes(std::span<const float>(*sorted)).data();
        return Matrix{TensorType::F32, rows, cols, bytes, std::move(sorted), name};
    }
    return Matrix{m_infos[i].type, rows, cols, data(i), m_places[i].file->owner(), name};
}

Result<std::vector<float>> GgufWeights::vector(const std::string &name, std::int64_t n) const {
    FACET_TRY(i, locate(name));
    if (n <= 0 || elementCount(m_infos[i].shape) != n)
        return wrongShape(m_infos[i], "[" + std::to_string(n) + "]", m_places[i].file->path());
    std::vector<float> out = values(i);
    if (m_places[i].rule != GgufTensorRule::InverseSoftplus) return out;
    for (float &value : out) {
        if (!(value > 0)) {
            return Error{ErrorCode::ModelFileCorrupt, "A tensor of the model file holds values that cannot be.",
                         "tensor " + m_places[i].tensor->info.name + ": a scale is not positive",
                         m_places[i].file->path(), m_places[i].tensor->begin};
        }
        value = inverseSoftplus(value);
    }
    return out;
}

std::string GgufWeights::fingerprint() const {
    Fingerprint fingerprint;
    for (const auto &file : m_files) fingerprint.add(file->mapped(), file->headerBytes());
    return fingerprint.text();
}

} // namespace

Result<std::shared_ptr<const WeightSource>> ggufWeights(GgufModelFiles model, std::optional<GgufModelFiles> projector,
                                                        const ModelConfig &config) {
    auto weights = std::make_shared<GgufWeights>();
    FACET_CHECK(weights->add(std::move(model), config));
    if (projector) FACET_CHECK(weights->add(std::move(*projector), config));
    return std::shared_ptr<const WeightSource>(std::move(weights));
}

} // namespace facet
