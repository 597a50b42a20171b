// Weights in the packed layout (kernels/packed.h), made while a model is loaded: out of a file's mapping or of float rows
// that are quantised on the way, in memory that large pages can back.
//
//     PackedMemory memory(all);                                // may go when the matrices stay
//     FACET_TRY(w, packMatrix(exec, stored, stored.type, memory, source.fileOf(name)));
#pragma once

#include "facet/result.h"
#include "kernels/ops.h"
#include "load/mapped_file.h"

#include <cstddef>
#include <memory>

namespace facet {

// Memory for many matrices, one behind the other in large pieces, each of which lives as long as a matrix in it does.
class PackedMemory {
public:
    // What will be needed in all: as much of it is large pages (2 MiB), where the system has them.
    explicit PackedMemory(std::uint64_t expected) : m_expected(expected) {}

    struct Part {
        std::byte *data = nullptr;  // at a multiple of 64
        std::shared_ptr<const void> owner;
    };
    // Error: OutOfMemory.
    Result<Part> take(std::size_t bytes);

private:
    std::shared_ptr<std::byte> m_piece;
    std::size_t m_size = 0, m_used = 0;
    std::uint64_t m_expected;
};

// w as `type`, packed; w is stored rows of that type or of floats, which then are quantised as quantiseMatrix() does. The
// type can be packed and its blocks divide the rows. `file`: what w lies in, whose pages are given back behind it; null:
// none. Errors: OutOfMemory, Cancelled.
Result<Matrix> packMatrix(const Exec &exec, const Matrix &w, TensorType type, PackedMemory &memory, const MappedFile *file);

}  // namespace facet
