// WeightSource over one or several safetensors files.
#include "load/json_text.h"
#include "load/mapped_file.h"
#include "load/safetensors.h"
#include "load/tensor_lookup.h"

#include "kernels/kernels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxIndexBytes = 100'000'000;
constexpr std::size_t kMaxShards = 4096;

class SafetensorsWeights final : public WeightSource {
public:
    struct Place {
        std::size_t file = 0;
        const SafetensorsTensor *tensor = nullptr;
    };

    explicit SafetensorsWeights(std::vector<SafetensorsFile> files) : m_files(std::move(files)) {}

    const std::vector<SafetensorsFile> &files() const { return m_files; }

    void add(std::size_t file, const SafetensorsTensor &tensor) {
        m_index.emplace(tensor.info.name, m_places.size());
        m_places.push_back({file, &tensor});
        m_infos.push_back(tensor.info);
    }

    const std::vector<TensorInfo> &tensors() const override { return m_infos; }

    const TensorInfo *find(std::string_view name) const override {
        const auto found = m_index.find(name);
        return found == m_index.end() ? nullptr : &m_infos[found->second];
    }

    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols) const override {
        FACET_TRY(place, locate(name));
        const TensorInfo &info = place.tensor->info;
        if (!isShapedAs(info, rows, cols)) {
            return wrongShape(info, "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]", pathOf(place));
        }
        const SafetensorsFile &file = m_files[place.file];
        Matrix matrix{info.type, rows, cols, file.data(*place.tensor).data(), file.owner(), name};
        // Files with an odd header length exist; the kernels read whole elements.
        const auto elementBytes = static_cast<std::uintptr_t>(blockShape(info.type).bytes);
        if (reinterpret_cast<std::uintptr_t>(matrix.data) % elementBytes != 0) {
            auto copy = std::make_shared<std::vector<std::byte>>(matrix.data, matrix.data + info.bytes);
            matrix.data = copy->data();
            matrix.owner = std::move(copy);
        }
        return matrix;
    }

    Result<std::vector<float>> vector(const std::string &name, std::int64_t n) const override {
        FACET_TRY(place, locate(name));
        const TensorInfo &info = place.tensor->info;
        if (n <= 0 || elementCount(info.shape) != n) {
            return wrongShape(info, "[" + std::to_string(n) + "]", pathOf(place));
        }
        const auto bytes = m_files[place.file].data(*place.tensor);
        std::vector<float> values(static_cast<std::size_t>(n));
        kernelsFor(InstructionSet::Scalar).dequantise(info.type, bytes.data(), n, values.data());
        return values;
    }

    Result<std::vector<std::int64_t>> integers(const std::string &name, std::int64_t n) const override {
        FACET_TRY(place, locateAny(name));
        const TensorInfo &info = place.tensor->info;
        if (info.typeName != "I64" && info.typeName != "I32") return WeightSource::integers(name, n);
        if (n <= 0 || elementCount(info.shape) != n) return wrongShape(info, "[" + std::to_string(n) + "]", pathOf(place));
        const auto bytes = m_files[place.file].data(*place.tensor);
        std::vector<std::int64_t> values(static_cast<std::size_t>(n));
        if (info.typeName == "I64") {
            std::memcpy(values.data(), bytes.data(), bytes.size());
        } else {
            std::vector<std::int32_t> narrow(values.size());
            std::memcpy(narrow.data(), bytes.data(), bytes.size());
            std::copy(narrow.begin(), narrow.end(), values.begin());
        }
        return values;
    }

    const MappedFile *fileOf(const std::string &name) const override {
        const auto found = m_index.find(name);
        return found == m_index.end() ? nullptr : &m_files[m_places[found->second].file].mapped();
    }

    std::string fingerprint() const override {
        Fingerprint fingerprint;
        for (const auto &file : m_files) fingerprint.add(file.mapped(), file.headerBytes());
        return fingerprint.text();
    }

    Status stillIntact() const override {
        for (const auto &file : m_files) FACET_CHECK(file.mapped().stillIntact());
        return ok();
    }

private:
    Result<Place> locateAny(const std::string &name) const {
        const auto found = m_index.find(name);
        if (found == m_index.end()) {
            return missingTensor(name, m_files.empty() ? std::string() : m_files.front().path());
        }
        return m_places[found->second];
    }

    Result<Place> locate(const std::string &name) const {
        FACET_TRY(place, locateAny(name));
        if (!place.tensor->info.usable) return unusableTensor(place.tensor->info, pathOf(place));
        return place;
    }

    const std::string &pathOf(const Place &place) const { return m_files[place.file].path(); }

    std::vector<SafetensorsFile> m_files;
    std::vector<Place> m_places;
    std::vector<TensorInfo> m_infos;
    std::map<std::string, std::size_t, std::less<>> m_index;
};

// The name must stay inside the model's folder: no folders, no "..", nothing hidden in odd characters.
bool plainFileName(const std::string &name) {
    if (name.empty() || name.size() > 255 || name.front() == '.') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

Result<SafetensorsFolder> openShards(const std::string &folder, const std::string &indexPath) {
    const auto bad = [&](std::string detail) {
        return Error{ErrorCode::ModelFileCorrupt, "The list of model files is damaged; download the model again.",
                     std::move(detail), indexPath};
    };
    FACET_TRY(text, readTextFile(indexPath, kMaxIndexBytes));
    FACET_TRY(json, parseJsonObject(text, {.depth = 8, .values = 4'000'000}, indexPath));
    const auto map = json.find("weight_map");
    if (map == json.end() || !map->is_object() || map->empty()) return bad("weight_map is missing, empty or no object");

    std::map<std::string, std::size_t> fileOf;
    std::vector<SafetensorsFile> files;
    std::uint64_t fileBytes = 0;
    for (const auto &[name, value] : map->items()) {
        if (!value.is_string()) return bad("tensor " + name + ": its file is no text");
        const auto shard = value.get<std::string>();
        if (fileOf.contains(shard)) continue;
        if (!plainFileName(shard)) return bad("tensor " + name + ": \"" + shard + "\" is no plain file name");
        if (files.size() >= kMaxShards) return bad("more than " + std::to_string(kMaxShards) + " files");
        FACET_TRY(file, SafetensorsFile::open((fs::path(folder) / shard).string()));
        fileOf.emplace(shard, files.size());
        fileBytes += file.bytes().size();
        files.push_back(std::move(file));
    }
    auto weights = std::make_shared<SafetensorsWeights>(std::move(files));
    for (const auto &[name, value] : map->items()) {
        const std::size_t number = fileOf.at(value.get<std::string>());
        const SafetensorsTensor *tensor = weights->files()[number].find(name);
        if (!tensor) {
            return Error{ErrorCode::ModelFileCorrupt,
                         "A model file lacks a tensor that the list of model files promises.", "tensor " + name,
                         weights->files()[number].path()};
        }
        weights->add(number, *tensor);
    }
    return SafetensorsFolder{std::move(weights), fileBytes};
}

} // namespace

const MappedFile *WeightSource::fileOf(const std::string & /*name*/) const { return nullptr; }

Result<std::vector<std::int64_t>> WeightSource::integers(const std::string &name, std::int64_t /*n*/) const {
    return Error{ErrorCode::ModelUnsupported, "The model file holds no whole numbers where a table of them is needed.",
                 "tensor " + name};
}

std::shared_ptr<const WeightSource> weightsOf(SafetensorsFile file) {
    std::vector<SafetensorsFile> files;
    files.push_back(std::move(file));
    auto weights = std::make_shared<SafetensorsWeights>(std::move(files));
    for (const auto &tensor : weights->files().front().tensors()) weights->add(0, tensor);
    return weights;
}

Result<SafetensorsFolder> openSafetensorsFolder(const std::string &folder) {
    std::error_code ignored;
    const fs::path single = fs::path(folder) / "model.safetensors";
    const fs::path index = fs::path(folder) / "model.safetensors.index.json";
    if (!fs::exists(single, ignored) && fs::exists(index, ignored)) return openShards(folder, index.string());
    FACET_TRY(file, SafetensorsFile::open(single.string()));
    const std::uint64_t bytes = file.bytes().size();
    return SafetensorsFolder{weightsOf(std::move(file)), bytes};
}

} // namespace facet
