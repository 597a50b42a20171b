// One GGUF file (version 2 or 3): metadata as views into the mapping, tensors with checked places. The header is checked
// completely before anything is given out; nothing is copied, so that 262144 pieces of a vocabulary cost a walk.
//
//     FACET_TRY(file, GgufFile::open("model.gguf"));
//     const GgufValue *name = file.find("general.name");
#pragma once

#include "facet/result.h"
#include "load/mapped_file.h"
#include "load/weights.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace facet {

enum class GgufType : std::uint32_t {
    U8 = 0, I8 = 1, U16 = 2, I16 = 3, U32 = 4, I32 = 5, F32 = 6, Bool = 7, String = 8, Array = 9, U64 = 10, I64 = 11,
    F64 = 12,
};
const char *ggufTypeName(GgufType type) noexcept; // "u32", "string", "array"

// A value of the metadata. Views are valid as long as the file's mapping.
struct GgufValue {
    GgufType type = GgufType::U8;
    std::span<const std::byte> bytes; // the number; the characters; the elements of an array
    GgufType element = GgufType::U8;  // arrays
    std::uint64_t count = 0;          // arrays
    std::uint64_t offset = 0;         // byte in the file

    // Nothing if the value is of another kind or does not fit.
    std::optional<std::int64_t> integer() const; // any integer type
    std::optional<double> number() const;        // any integer or float type
    std::optional<bool> boolean() const;
    std::optional<std::string_view> text() const;
    bool isArrayOf(GgufType kind) const noexcept { return type == GgufType::Array && element == kind; }
    // Element i of an array of numbers or booleans, as a value of its own; i < count.
    GgufValue at(std::uint64_t i) const;
    // All elements of an array of strings.
    std::vector<std::string_view> strings() const;
};

struct GgufTensor {
    TensorInfo info;         // named as in the file, shape slowest first
    std::uint64_t begin = 0; // byte in the file
};

class GgufFile {
public:
    // Errors: those of MappedFile; ModelFileCorrupt, LimitExceeded, ModelUnsupported (other versions, big-endian files,
    // unknown tensor types): each names the key or tensor and the byte.
    static Result<GgufFile> open(const std::string &path);
    static Result<GgufFile> parse(MappedFile file);

    const std::string &path() const noexcept { return m_file.path(); }
    std::span<const std::byte> bytes() const noexcept { return m_file.bytes(); }
    const std::shared_ptr<const void> &owner() const noexcept { return m_file.owner(); }
    const MappedFile &mapped() const noexcept { return m_file; }
    std::uint64_t headerBytes() const noexcept { return m_headerBytes; } // up to the data

    const GgufValue *find(std::string_view key) const;
    const std::vector<std::string_view> &keys() const noexcept { return m_keys; } // in the order of the file
    // A text of the metadata; empty if it is absent or no text.
    std::string_view text(std::string_view key) const;
    std::string_view architecture() const { return text("general.architecture"); }

    const std::vector<GgufTensor> &tensors() const noexcept { return m_tensors; } // in the order of their data
    const GgufTensor *tensor(std::string_view name) const;
    std::span<const std::byte> data(const GgufTensor &tensor) const {
        return bytes().subspan(tensor.begin, tensor.info.bytes);
    }

private:
    friend class GgufParser;
    MappedFile m_file;
    std::uint64_t m_headerBytes = 0;
    std::vector<std::string_view> m_keys;
    std::unordered_map<std::string_view, GgufValue> m_values;
    std::vector<GgufTensor> m_tensors;
    std::unordered_map<std::string_view, std::size_t> m_index; // views into the mapping
};

// A model of one file or of several ("name-00001-of-00003.gguf": the first is opened, the others lie beside it). The
// first file's metadata counts. Errors: as above; FileNotFound names the missing part.
struct GgufModelFiles {
    std::vector<GgufFile> files;
    std::uint64_t fileBytes = 0;
    const GgufFile &main() const { return files.front(); }
};
Result<GgufModelFiles> openGgufModel(const std::string &path);

// Text of a file as it may stand in a message: at most `limit` characters, nothing unprintable.
std::string printable(std::string_view text, std::size_t limit = 60);

} // namespace facet
