// What the sources of weights have in common: shapes in messages, and the name of weights for caches.
#pragma once

#include "load/mapped_file.h"
#include "load/weights.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace facet {

std::string shapeText(const std::vector<std::int64_t> &shape); // "[2, 3]"
// Products were checked when the header was read.
std::int64_t elementCount(const std::vector<std::int64_t> &shape);
// Whether a tensor, seen as [product of all but the last, last], is [rows, cols].
bool isShapedAs(const TensorInfo &info, std::int64_t rows, std::int64_t cols);

Error missingTensor(const std::string &name, const std::string &file);
Error unusableTensor(const TensorInfo &info, const std::string &file);
Error wrongShape(const TensorInfo &info, const std::string &wanted, const std::string &file);

// Headers as a whole and samples of the data of several files: FNV-1a, 64 bits, as hex. No signature, only a name.
class Fingerprint {
public:
    void add(const MappedFile &file, std::uint64_t headerBytes);
    std::string text() const;

private:
    std::uint64_t m_hash = 0xcbf29ce484222325ULL;
};

} // namespace facet
