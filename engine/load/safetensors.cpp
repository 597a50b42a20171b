#include "load/safetensors.h"

#include "load/byte_reader.h"
#include "load/json_text.h"
#include "load/mapped_file.h"

#include <algorithm>
#include <array>
#include <optional>

namespace facet {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000; // the limit of the format's reference implementation
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::int64_t kMaxDimension = std::int64_t{1} << 40;

struct ElementType {
    const char *name;
    std::uint64_t bytes;
    std::optional<TensorType> type; // none: listed, but no kernel reads it
};
constexpr std::array<ElementType, 15> kElementTypes = {{
    {"F32", 4, TensorType::F32},
    {"F16", 2, TensorType::F16},
    {"BF16", 2, TensorType::BF16},
    {"F64", 8, {}},
    {"I64", 8, {}},
    {"U64", 8, {}},
    {"I32", 4, {}},
    {"U32", 4, {}},
    {"I16", 2, {}},
    {"U16", 2, {}},
    {"I8", 1, {}},
    {"U8", 1, {}},
    {"BOOL", 1, {}},
    {"F8_E4M3", 1, {}},
    {"F8_E5M2", 1, {}},
}};

Error corrupt(const std::string &path, std::string detail, std::optional<std::uint64_t> offset = {}) {
    return {ErrorCode::ModelFileCorrupt, "The model file is damaged or incomplete; download it again.",
            std::move(detail), path, offset};
}

std::optional<std::uint64_t> unsignedNumber(const nlohmann::json &value) {
    if (!value.is_number_unsigned()) return std::nullopt;
    return value.get<std::uint64_t>();
}

// One entry of the header: everything but the position among the others.
Result<SafetensorsTensor> readEntry(const std::string &name, const nlohmann::json &entry, std::uint64_t dataBegin,
                                    std::uint64_t dataBytes, const std::string &path) {
    const std::string tensor = "tensor " + name + ": ";
    if (!entry.is_object()) return corrupt(path, tensor + "its description is no object");
    const auto dtype = entry.find("dtype");
    const auto shape = entry.find("shape");
    const auto offsets = entry.find("data_offsets");
    if (dtype == entry.end() || !dtype->is_string()) return corrupt(path, tensor + "dtype is missing or no text");
    if (shape == entry.end() || !shape->is_array()) return corrupt(path, tensor + "shape is missing or no list");
    if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
        return corrupt(path, tensor + "data_offsets is missing or no pair");
    }

    SafetensorsTensor result;
    result.info.name = name;
    result.info.typeName = dtype->get<std::string>();
    const auto type = std::find_if(kElementTypes.begin(), kElementTypes.end(),
                                   [&](const ElementType &t) { return result.info.typeName == t.name; });
    if (type == kElementTypes.end()) {
        return Error{ErrorCode::ModelUnsupported, "The model file uses a kind of number that Facet does not know.",
                     tensor + "dtype \"" + result.info.typeName + "\"", path};
    }
    result.info.usable = type->type.has_value();
    result.info.type = type->type.value_or(TensorType::F32);

    if (shape->size() > kMaxDimensions) return corrupt(path, tensor + "more than 8 dimensions");
    std::optional<std::uint64_t> bytes = type->bytes;
    for (const auto &dimension : *shape) {
        const auto size = unsignedNumber(dimension);
        if (!size || *size > static_cast<std::uint64_t>(kMaxDimension)) {
            return corrupt(path, tensor + "shape has an impossible size");
        }
        result.info.shape.push_back(static_cast<std::int64_t>(*size));
        bytes = checkedMul(*bytes, *size);
        if (!bytes) return corrupt(path, tensor + "shape is larger than any memory");
    }
    result.info.bytes = *bytes;

    const auto begin = unsignedNumber((*offsets)[0]);
    const auto end = unsignedNumber((*offsets)[1]);
    if (!begin || !end || *begin > *end || *end > dataBytes) {
        return corrupt(path, tensor + "data_offsets " + offsets->dump() + " do not lie within the " +
                                 std::to_string(dataBytes) + " bytes of data");
    }
    if (*end - *begin != *bytes) {
        return corrupt(path, tensor + "data_offsets " + offsets->dump() + " hold " + std::to_string(*end - *begin) +
                                 " bytes, " + result.info.typeName + " " + shape->dump() + " needs " +
                                 std::to_string(*bytes));
    }
    result.begin = dataBegin + *begin;
    return result;
}

// The data must be one gapless sequence: anything else hides bytes or lets tensors share them.
Status checkSequence(const std::vector<SafetensorsTensor> &tensors, std::uint64_t dataBegin, std::uint64_t fileBytes,
                     const std::string &path) {
    std::uint64_t at = dataBegin;
    for (const auto &tensor : tensors) {
        if (tensor.begin != at) {
            return corrupt(path,
                           "tensor " + tensor.info.name + ": its data " +
                               (tensor.begin < at ? "overlaps the tensor before it" : "leaves a gap before it"),
                           tensor.begin);
        }
        at += tensor.info.bytes;
    }
    if (at != fileBytes) {
        return corrupt(
            path, "tensors end at byte " + std::to_string(at) + ", the file at byte " + std::to_string(fileBytes), at);
    }
    return ok();
}

} // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
    FACET_TRY(file, MappedFile::open(path));
    return parse(std::move(file));
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                               std::string path) {
    return parse(MappedFile::ofMemory(bytes, std::move(owner), std::move(path)));
}

Result<SafetensorsFile> SafetensorsFile::parse(MappedFile mapped) {
    const std::string &path = mapped.path();
    const auto bytes = mapped.bytes();
    ByteReader reader(bytes);
    const auto length = reader.u64();
    if (!length) return corrupt(path, "the file ends before its header: " + std::to_string(bytes.size()) + " bytes", 0);
    if (*length > reader.remaining()) {
        return corrupt(path,
                       "the header says it has " + std::to_string(*length) + " bytes, the file has " +
                           std::to_string(reader.remaining()) + " more",
                       0);
    }
    if (*length > kMaxHeaderBytes) {
        return Error{ErrorCode::LimitExceeded, "The header of the model file is larger than any real one.",
                     std::to_string(*length) + " bytes, limit " + std::to_string(kMaxHeaderBytes), path, 0};
    }
    const auto header = *reader.take(*length);
    const std::string_view text(reinterpret_cast<const char *>(header.data()), header.size());
    auto json = parseJsonObject(text, {.depth = 4, .values = 16 * kMaxTensors}, path);
    if (!json) {
        auto error = std::move(json).error();
        if (error.offset) *error.offset += 8;
        return error;
    }
    if (json->size() > kMaxTensors) return corrupt(path, "more than " + std::to_string(kMaxTensors) + " tensors");

    SafetensorsFile file;
    file.m_file = mapped;
    file.m_headerBytes = 8 + *length;
    for (const auto &[name, entry] : json->items()) {
        if (name == "__metadata__") continue;
        if (name.empty()) return corrupt(path, "a tensor without a name");
        FACET_TRY(tensor, readEntry(name, entry, file.m_headerBytes, reader.remaining(), path));
        file.m_tensors.push_back(std::move(tensor));
    }
    std::sort(file.m_tensors.begin(), file.m_tensors.end(), [](const SafetensorsTensor &a, const SafetensorsTensor &b) {
        return a.begin != b.begin ? a.begin < b.begin : a.info.bytes < b.info.bytes;
    });
    FACET_CHECK(checkSequence(file.m_tensors, file.m_headerBytes, bytes.size(), path));
    for (std::size_t i = 0; i < file.m_tensors.size(); ++i) file.m_index.emplace(file.m_tensors[i].info.name, i);
    return file;
}

const SafetensorsTensor *SafetensorsFile::find(std::string_view name) const {
    const auto found = m_index.find(std::string(name));
    return found == m_index.end() ? nullptr : &m_tensors[found->second];
}

} // namespace facet
