// Safetensors files: 8 bytes header length, a JSON header {"name": {"dtype", "shape", "data_offsets"}}, the data
// without gaps. The header is checked completely before any tensor is given out.
//
//     FACET_TRY(file, SafetensorsFile::open("model.safetensors"));
//     const SafetensorsTensor *t = file.find("input_ids");
#pragma once

#include "facet/result.h"
#include "load/mapped_file.h"
#include "load/weights.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace facet {

struct SafetensorsTensor {
    TensorInfo info;
    std::uint64_t begin = 0; // byte in the file
};

class SafetensorsFile {
public:
    // Errors: those of MappedFile; ModelFileCorrupt, LimitExceeded, ModelUnsupported (unknown element type).
    static Result<SafetensorsFile> open(const std::string &path);
    // `bytes` stay alive through `owner`; `path` is for messages.
    static Result<SafetensorsFile> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                         std::string path);
    static Result<SafetensorsFile> parse(MappedFile file);

    const std::string &path() const noexcept { return m_file.path(); }
    std::span<const std::byte> bytes() const noexcept { return m_file.bytes(); }
    std::uint64_t headerBytes() const noexcept { return m_headerBytes; }
    const std::shared_ptr<const void> &owner() const noexcept { return m_file.owner(); }
    const MappedFile &mapped() const noexcept { return m_file; }
    const std::vector<SafetensorsTensor> &tensors() const noexcept { return m_tensors; } // in the order of their data
    const SafetensorsTensor *find(std::string_view name) const;
    std::span<const std::byte> data(const SafetensorsTensor &tensor) const {
        return bytes().subspan(tensor.begin, tensor.info.bytes);
    }

private:
    MappedFile m_file;
    std::uint64_t m_headerBytes = 0;
    std::vector<SafetensorsTensor> m_tensors;
    std::unordered_map<std::string, std::size_t> m_index;
};

// model.safetensors of a folder, or the shards that model.safetensors.index.json lists (plain file names only).
struct SafetensorsFolder {
    std::shared_ptr<const WeightSource> weights;
    std::uint64_t fileBytes = 0;
};
Result<SafetensorsFolder> openSafetensorsFolder(const std::string &folder);

// A WeightSource over one parsed file (tests, adapters).
std::shared_ptr<const WeightSource> weightsOf(SafetensorsFile file);

} // namespace facet
