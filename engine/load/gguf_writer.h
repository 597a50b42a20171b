// Writes a GGUF file (version 3): metadata, then the list of tensors, then their data one after the other.
//
//     GgufMetadata metadata;
//     metadata.text("general.architecture", "gemma4");
//     FACET_TRY(writer, GgufWriter::create(path, false, metadata, tensors));
//     FACET_CHECK(writer.write(bytes));    // in the order of the tensors, in pieces of any size
//     FACET_CHECK(writer.finish());        // now the file is there under its name
#pragma once

#include "facet/result.h"
#include "kernels/tensor.h"
#include "load/gguf.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

// Keys and values as the file stores them, in the order of the calls.
class GgufMetadata {
public:
    void text(std::string_view key, std::string_view value);
    void u32(std::string_view key, std::uint32_t value);
    void i32(std::string_view key, std::int32_t value);
    void f32(std::string_view key, float value);
    void boolean(std::string_view key, bool value);
    void texts(std::string_view key, const std::vector<std::string> &values);
    void i32s(std::string_view key, const std::vector<std::int32_t> &values);
    void f32s(std::string_view key, const std::vector<float> &values);
    void booleans(std::string_view key, const std::vector<bool> &values);
    void copy(std::string_view key, const GgufValue &value); // of another file
    // Another value for a key that u32() wrote; nothing if there is none.
    void replace(std::string_view key, std::uint32_t value);

    std::uint64_t count() const noexcept { return m_count; }
    const std::string &bytes() const noexcept { return m_bytes; }

private:
    void begin(std::string_view key, GgufType type);
    void beginArray(std::string_view key, GgufType element, std::uint64_t count);

    std::string m_bytes;
    std::uint64_t m_count = 0;
    std::map<std::string, std::size_t, std::less<>> m_numbers; // where the values of u32() lie
};

struct GgufOutput {
    std::string name;
    TensorType type = TensorType::F32;
    std::vector<std::int64_t> shape; // slowest first; the last is a multiple of the type's block
    std::uint64_t bytes() const;
};

// The size of such a file.
std::uint64_t ggufFileBytes(const GgufMetadata &metadata, const std::vector<GgufOutput> &tensors);

class GgufWriter {
public:
    // Writes to `path` + ".partial". Errors: InvalidArgument (the file exists and may not be replaced), DiskFull,
    // FileWriteFailed.
    static Result<GgufWriter> create(const std::string &path, bool overwrite, const GgufMetadata &metadata,
                                     const std::vector<GgufOutput> &tensors);
    GgufWriter(GgufWriter &&) noexcept;
    GgufWriter &operator=(GgufWriter &&) noexcept;
    ~GgufWriter(); // removes what was not finished

    Status write(std::span<const std::byte> bytes);
    // Errors: as above; Internal if the tensors are not complete. The size of the file.
    Result<std::uint64_t> finish();

private:
    struct State;
    explicit GgufWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

} // namespace facet
