// A tiny writer of GGUF files for tests: what it writes is right unless the caller spoils it afterwards.
#pragma once

#include "load/gguf.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet::test {

class GgufText {
public:
    GgufText &u32(const std::string &key, std::uint32_t value);
    GgufText &u16(const std::string &key, std::uint16_t value);
    GgufText &f32(const std::string &key, float value);
    GgufText &boolean(const std::string &key, bool value);
    GgufText &text(const std::string &key, std::string_view value);
    GgufText &texts(const std::string &key, const std::vector<std::string> &values);
    GgufText &u32s(const std::string &key, const std::vector<std::uint32_t> &values);
    GgufText &f32s(const std::string &key, const std::vector<float> &values);
    GgufText &bools(const std::string &key, const std::vector<bool> &values);
    GgufText &pair(const std::string &key, std::uint32_t type, const std::string &bytes);
    // float32 tensor; dimensions fastest first, as in the file
    GgufText &tensor(const std::string &name, const std::vector<std::uint64_t> &dimensions,
                     const std::vector<float> &values);
    // any type; `data` as it lies in the file
    GgufText &tensor(const std::string &name, const std::vector<std::uint64_t> &dimensions, std::uint32_t type,
                     std::string data);
    GgufText &alignment(std::uint32_t bytes); // also writes the key

    std::string finish(std::uint32_t version = 3) const;

private:
    struct Tensor {
        std::string name, data;
        std::vector<std::uint64_t> dimensions;
        std::uint32_t type = 0;
    };
    std::uint64_t m_keys = 0;
    std::string m_pairs;
    std::vector<Tensor> m_tensors;
    std::uint32_t m_alignment = 32;
};

Result<GgufFile> parseGguf(const std::string &text);

// A Gemma 3 model of two layers (one sliding, one full), width 8, a vocabulary of 16 scored pieces.
GgufText smallGemma3();

} // namespace facet::test
