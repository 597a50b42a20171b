// A matrix of which only single rows are looked up (the per-layer embeddings: half of a small model's file). Rows are read
// from the file into the caller's memory: a mapping would make the pages around each of them resident.
//
//     RowTable table(matrix, weights.fileOf(matrix.name));
//     FACET_CHECK(table.read(id, row));                      // row: std::byte[table.rowBytes()]
#pragma once

#include "facet/result.h"
#include "kernels/tensor.h"
#include "load/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace facet {

class RowTable {
public:
    RowTable() = default;
    // file: what the matrix lies in, or null when it lies in memory.
    RowTable(Matrix matrix, const MappedFile *file);

    TensorType type() const noexcept { return m_matrix.type; }
    std::int64_t rows() const noexcept { return m_matrix.rows; }
    std::int64_t cols() const noexcept { return m_matrix.cols; }
    std::size_t rowBytes() const noexcept { return m_rowBytes; }
    // 0 <= row < rows(); out has rowBytes(). Any thread. Error: ModelFileCorrupt (the file was cut short).
    Status read(std::int64_t row, std::span<std::byte> out) const;

private:
    Matrix m_matrix;
    MappedFile m_file; // empty: the matrix lies in memory
    std::uint64_t m_offset = 0;
    std::size_t m_rowBytes = 0;
};

} // namespace facet
