// quantizeModel(): streams the tensors of a source row by row into new GGUF files.
#include "facet/quantize.h"

#include "kernels/ops.h"
#include "kernels/quant_blocks.h"
#include "load/quantize_source.h"

#include <algorithm>
#include <new>

namespace facet {
namespace {

constexpr std::int64_t kPieceBytes = 16 << 20; // of output that is made at a time

// Whole bytes of all sources, for progress.
std::uint64_t sourceBytes(const std::vector<PlannedTensor> &tensors) {
    std::uint64_t bytes = 0;
    for (const PlannedTensor &tensor : tensors)
        bytes += static_cast<std::uint64_t>(tensor.rows() * rowBytes(tensor.sourceType(), tensor.cols()));
    return bytes;
}

class Job {
public:
    Job(const QuantizeSource &source, const QuantizeOptions &options, const QuantizeProgress &progress,
        const CancelToken &cancel)
        : m_source(source), m_options(options), m_progress(progress), m_cancel(cancel), m_pool(options.threads) {}

    Result<QuantizeReport> run();

private:
    Result<std::uint64_t> write(const QuantizeFile &file);
    Status writeTensor(const PlannedTensor &tensor, GgufWriter &writer);

    const QuantizeSource &m_source;
    const QuantizeOptions &m_options;
    const QuantizeProgress &m_progress;
    const CancelToken &m_cancel;
    WorkerPool m_pool;
    const Kernels &m_kernels = kernelsFor(InstructionSet::Auto);
    QuantizeReport m_report;
    std::uint64_t m_done = 0, m_total = 0;
};

Status Job::writeTensor(const PlannedTensor &tensor, GgufWriter &writer) {
    const std::int64_t cols = tensor.cols();
    const std::int64_t rows = tensor.rows();
    const std::int64_t stride = rowBytes(tensor.output.type, cols);
    const std::int64_t fromStride = rowBytes(tensor.sourceType(), cols);
    const std::int64_t piece = std::clamp<std::int64_t>(kPieceBytes / std::max<std::int64_t>(stride, 1), 1, rows);
    std::vector<std::byte> buffer(static_cast<std::size_t>(piece * stride));
    std::vector<float> scratch(static_cast<std::size_t>(m_pool.threadCount()) * static_cast<std::size_t>(cols));
    for (std::int64_t first = 0; first < rows; first += piece) {
        const std::int64_t count = std::min(piece, rows - first);
        if (!tensor.from.empty() && tensor.from.type == tensor.output.type) {
            FACET_CHECK(writer.write({tensor.from.data + first * stride, static_cast<std::size_t>(count * stride)}));
        } else {
            m_pool.parallelFor(count, 4, [&](std::int64_t begin, std::int64_t end, int thread) {
                float *row = scratch.data() + thread * cols;
                for (std::int64_t r = begin; r < end && !m_cancel.cancelled(); ++r) {
                    const float *values = row;
                    if (tensor.from.empty()) values = tensor.values.data() + (first + r) * cols;
                    else m_kernels.dequantise(tensor.from.type, tensor.from.data + (first + r) * fromStride, cols, row);
                    quantiseRowToBlocks(tensor.output.type, values, cols, buffer.data() + r * stride,
                                        tensor.importanceOf(first + r));
                }
            });
            if (m_cancel.cancelled()) return Error{ErrorCode::Cancelled, "Quantising was stopped; nothing was written."};
            FACET_CHECK(writer.write({buffer.data(), static_cast<std::size_t>(count * stride)}));
        }
        m_done += static_cast<std::uint64_t>(count * fromStride);
        if (m_progress) m_progress(m_done, m_total);
    }
    return ok();
}

Result<std::uint64_t> Job::write(const QuantizeFile &file) {
    std::vector<GgufOutput> outputs;
    outputs.reserve(file.tensors.size());
    for (const PlannedTensor &tensor : file.tensors) outputs.push_back(tensor.output);
    FACET_TRY(writer, GgufWriter::create(file.path, m_options.overwrite, file.metadata, outputs));
    for (const PlannedTensor &tensor : file.tensors) {
        if (m_cancel.cancelled()) return Error{ErrorCode::Cancelled, "Quantising was stopped; nothing was written."};
        FACET_CHECK(m_source.stillIntact());
        FACET_CHECK(writeTensor(tensor, writer));
    }
    m_report.tensors += static_cast<int>(file.tensors.size());
    return writer.finish();
}

Result<QuantizeReport> Job::run() {
    m_report.inputBytes = m_source.inputBytes;
    m_report.notes = m_source.notes;
    for (const QuantizeFile &file : m_source.files) m_total += sourceBytes(file.tensors);
    if (m_progress) m_progress(0, m_total);
    for (const QuantizeFile &file : m_source.files) {
        FACET_TRY(bytes, write(file));
        (file.path == m_options.mmproj ? m_report.mmprojBytes : m_report.outputBytes) = bytes;
    }
    return std::move(m_report);
}

} // namespace

Result<QuantizeReport> writeQuantized(const QuantizeSource &source, const QuantizeOptions &options,
                                      const QuantizeProgress &progress, const CancelToken &cancel) {
    return Job(source, options, progress, cancel).run();
}

Result<QuantizeReport> quantizeModel(const QuantizeOptions &options, const QuantizeProgress &progress,
                                     const CancelToken &cancel) {
    try {
        FACET_CHECK(checkQuantizePaths(options));
        FACET_TRY(source, QuantizeSource::open(options));
        return writeQuantized(source, options, progress, cancel);
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory to quantise this model; close other programs.",
                     {},
                     options.input};
    }
}

} // namespace facet
