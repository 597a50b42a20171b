#include "load/packed_weights.h"

#include "kernels/packed.h"
#include "kernels/quant_blocks.h"

#include <algorithm>
#include <sys/mman.h>
#include <vector>

namespace facet {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20U;
constexpr std::size_t kPieceBytes = std::size_t{64} << 20U;
constexpr std::size_t kLine = 64;
// Of a file that is resident beside what is made of it.
constexpr std::int64_t kChunkBytes = std::int64_t{32} << 20U;

std::size_t roundedUp(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

Error noMemory(std::size_t bytes) {
    return {ErrorCode::OutOfMemory,
            "There is not enough memory for the model's weights; choose a smaller model or close other programs.",
            std::to_string(bytes) + " bytes of packed weights"};
}

}  // namespace

Result<PackedMemory::Part> PackedMemory::take(std::size_t bytes) {
    bytes = roundedUp(bytes, kLine);
    if (m_piece == nullptr || bytes > m_size - m_used) {
        // What is mapped and never touched costs nothing. The surplus lets it begin at a large page.
        const std::size_t size = roundedUp(std::max(bytes, kPieceBytes), kLargePage);
        const std::size_t mapped = size + kLargePage;
        void *memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return noMemory(bytes);
        const auto address = reinterpret_cast<std::uintptr_t>(memory);
        auto *begin = static_cast<std::byte *>(memory) + (roundedUp(address, kLargePage) - address);
        const auto large = static_cast<std::size_t>(std::min<std::uint64_t>(m_expected, size)) / kLargePage * kLargePage;
        m_expected -= std::min<std::uint64_t>(m_expected, size);
#ifdef MADV_HUGEPAGE
        if (large > 0) ::madvise(begin, large, MADV_HUGEPAGE);  // where it is refused, small pages do
#endif
        m_piece = std::shared_ptr<std::byte>(begin, [memory, mapped](std::byte *) { ::munmap(memory, mapped); });
        m_size = size;
        m_used = 0;
    }
    Part part{m_piece.get() + m_used, m_piece};
    m_used += bytes;
    return part;
}

Result<Matrix> packMatrix(const Exec &exec, const Matrix &w, TensorType type, PackedMemory &memory, const MappedFile *file) {
    const auto bytes = static_cast<std::size_t>(packedBytes(type, w.rows, w.cols));
    FACET_TRY(part, memory.take(bytes));
    const std::int64_t from = rowBytes(w.type, w.cols), to = rowBytes(type, w.cols);
    const bool quantise = w.type != type;
    const auto threads = static_cast<std::size_t>(exec.pool->threadCount());
    std::vector<float> values(quantise ? threads * static_cast<std::size_t>(w.cols) : 0);
    std::vector<std::byte> rows(quantise ? threads * static_cast<std::size_t>(to * kPackedRows) : 0);
    const auto packGroup = [&](std::int64_t first, int thread) {
        const std::int64_t count = std::min(kPackedRows, w.rows - first);
        const std::byte *stored = w.data + first * from;
        if (quantise) {
            float *row = values.data() + thread * w.cols;
            std::byte *blocks = rows.data() + thread * to * kPackedRows;
            for (std::int64_t r = 0; r < count; ++r) {
                exec.kernels->dequantise(w.type, stored + r * from, w.cols, row);
                quantiseRowToBlocks(type, row, w.cols, blocks + r * to);
            }
            stored = blocks;
        }
        packRows(type, stored, count, w.cols, part.data + packedOffset(type, first, w.cols));
    };
    const std::int64_t groups = (w.rows + kPackedRows - 1) / kPackedRows;
    const std::int64_t chunk = std::max<std::int64_t>(1, kChunkBytes / (from * kPackedRows));
    for (std::int64_t first = 0; first < groups; first += chunk) {
        const std::int64_t some = std::min(chunk, groups - first);
        exec.pool->parallelFor(some, 4, [&](std::int64_t begin, std::int64_t end, int thread) {
            for (std::int64_t g = begin; g < end && !exec.cancelled(); ++g) packGroup((first + g) * kPackedRows, thread);
        });
        if (exec.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
        if (file == nullptr) continue;
        const std::int64_t begin = first * kPackedRows, end = std::min((first + some) * kPackedRows, w.rows);
        file->forget({w.data + begin * from, static_cast<std::size_t>((end - begin) * from)});
    }
    Matrix out = w;
    out.type = type;
    out.data = part.data;
    out.owner = std::move(part.owner);
    out.packed = true;
    return out;
}

}  // namespace facet
