#include "load/row_table.h"

#include <algorithm>
#include <utility>

namespace facet {

RowTable::RowTable(Matrix matrix, const MappedFile *file)
    : m_matrix(std::move(matrix)), m_rowBytes(static_cast<std::size_t>(facet::rowBytes(m_matrix.type, m_matrix.cols))) {
    if (!file) return;
    const auto bytes = file->bytes();
    if (m_matrix.data < bytes.data() || m_matrix.data >= bytes.data() + bytes.size()) return; // a copy
    m_file = *file;
    m_offset = static_cast<std::uint64_t>(m_matrix.data - bytes.data());
}

Status RowTable::read(std::int64_t row, std::span<std::byte> out) const {
    if (m_file.bytes().empty()) {
        std::copy_n(m_matrix.row(row), out.size(), out.data());
        return ok();
    }
    if (m_file.readAt(m_offset + static_cast<std::uint64_t>(row) * m_rowBytes, out)) return ok();
    return Error{ErrorCode::ModelFileCorrupt,
                 "The model's file was changed while the model was in use; load the model again.",
                 "tensor " + m_matrix.name + ": row " + std::to_string(row) + " cannot be read", m_file.path()};
}

} // namespace facet
