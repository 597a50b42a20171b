// quantizeModel(): opens the input, plans the types, streams the tensors row by row into a new GGUF file.
#include "facet/quantize.h"

#include "kernels/ops.h"
#include "kernels/quant_blocks.h"
#include "load/gguf_checkpoint.h"
#include "load/gguf_export.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <new>

namespace facet {
namespace {

namespace fs = std::filesystem;

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
    Job(const QuantizeOptions &options, const QuantizeProgress &progress, const CancelToken &cancel)
        : m_options(options), m_progress(progress), m_cancel(cancel), m_pool(options.threads) {}

    Result<QuantizeReport> run();

private:
    struct File {
        std::string path;
        GgufMetadata metadata;
        std::vector<PlannedTensor> tensors;
    };
    Status checkPaths() const;
    Status planFolder();
    Status planGguf();
    void note(const PlanResult &plan, const std::vector<std::string> &skipped);
    Result<std::uint64_t> write(const File &file);
    Status writeTensor(const PlannedTensor &tensor, GgufWriter &writer);

    const QuantizeOptions &m_options;
    const QuantizeProgress &m_progress;
    const CancelToken &m_cancel;
    WorkerPool m_pool;
    const Kernels &m_kernels = kernelsFor(InstructionSet::Auto);
    QuantizeReport m_report;
    std::vector<File> m_files;
    std::optional<Checkpoint> m_checkpoint; // keeps a folder's files mapped
    std::optional<GgufModelFiles> m_gguf;   // keeps a GGUF model's files mapped
    std::uint64_t m_done = 0, m_total = 0;
};

Status Job::checkPaths() const {
    const auto invalid = [](const char *message, const std::string &path) {
        return Error{ErrorCode::InvalidArgument, message, {}, path};
    };
    if (m_options.output.empty() && m_options.mmproj.empty()) return invalid("Name the file to write.", {});
    for (const std::string &path : {m_options.output, m_options.mmproj}) {
        if (path.empty()) continue;
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) return invalid("This is a folder; name a file to write.", path);
        if (fs::exists(path, ignored) && !m_options.overwrite)
            return invalid("There is a file of this name already; choose another name or allow to replace it.", path);
        if (fs::equivalent(path, m_options.input, ignored) || path == m_options.input)
            return invalid("The model cannot be written over itself; choose another name.", path);
    }
    if (!m_options.output.empty() && m_options.output == m_options.mmproj)
        return invalid("The model and its projector need two names.", m_options.mmproj);
    return ok();
}

void Job::note(const PlanResult &plan, const std::vector<std::string> &skipped) {
    const auto matrices = [](int count) {
        return count == 1 ? std::string("1 matrix has") : std::to_string(count) + " matrices have";
    };
    if (plan.fallbacks > 0)
        m_report.notes.push_back(matrices(plan.fallbacks) +
                                 " rows that are no multiple of 256 and took a plain type with more bits.");
    if (plan.plain > 0)
        m_report.notes.push_back(matrices(plan.plain) + " rows that are no multiple of 32 and stayed BF16.");
    if (!skipped.empty())
        m_report.notes.push_back(std::to_string(skipped.size()) + " tensors have no place in a GGUF file and were left out (" +
                                 printable(skipped.front()) + (skipped.size() > 1 ? ", ..." : "") + ").");
}

Status Job::planFolder() {
    FACET_TRY(checkpoint, openCheckpoint(m_options.input));
    m_checkpoint = std::move(checkpoint);
    m_report.inputBytes = m_checkpoint->fileBytes;
    if (!m_options.output.empty()) {
        FACET_TRY(text, exportTextModel(*m_checkpoint, m_options.type));
        note(planTypes(text.tensors, m_options.type), text.skipped);
        m_files.push_back({m_options.output, std::move(text.metadata), std::move(text.tensors)});
    }
    if (!m_options.mmproj.empty()) {
        FACET_TRY(towers, exportTowers(*m_checkpoint));
        note(planTypes(towers.tensors, QuantizeType::Q8_0), towers.skipped);
        m_files.push_back({m_options.mmproj, std::move(towers.metadata), std::move(towers.tensors)});
    }
    return ok();
}

// All keys and names stay as they are; only types change.
Status Job::planGguf() {
    std::string path = m_options.input;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        FACET_TRY(only, onlyGgufModel(path));
        path = only;
    }
    if (!m_options.mmproj.empty()) {
        return Error{ErrorCode::InvalidArgument,
                     "A GGUF model has its projector in a file of its own; name that file as the input.",
                     {},
                     m_options.mmproj};
    }
    FACET_TRY(model, openGgufModel(path));
    m_gguf = std::move(model);
    m_report.inputBytes = m_gguf->fileBytes;
    const GgufFile &main = m_gguf->main();
    const bool projector = main.architecture() == "clip";
    const QuantizeType type = projector ? QuantizeType::Q8_0 : m_options.type;
    File out{m_options.output, {}, {}};
    for (const std::string_view key : main.keys()) {
        if (key == "general.file_type" || key == "general.quantization_version" || key == "general.alignment" ||
            key.starts_with("split.")) {
            continue;
        }
        out.metadata.copy(key, *main.find(key));
    }
    out.metadata.u32("general.file_type", ggufFileType(type));
    out.metadata.u32("general.quantization_version", 2);
    bool quantisedAlready = false;
    for (const GgufFile &file : m_gguf->files) {
        for (const GgufTensor &tensor : file.tensors()) {
            if (!tensor.info.usable) {
                return Error{ErrorCode::ModelUnsupported, "The file holds weights of a type that Facet does not read.",
                             "tensor " + tensor.info.name + ": " + tensor.info.typeName, file.path()};
            }
            PlannedTensor planned;
            planned.output = {tensor.info.name, tensor.info.type, tensor.info.shape};
            planned.from.type = tensor.info.type;
            planned.from.rows = planned.rows();
            planned.from.cols = planned.cols();
            planned.from.data = file.data(tensor).data();
            planned.from.owner = file.owner();
            planned.from.name = tensor.info.name;
            quantisedAlready = quantisedAlready || !isFloatType(tensor.info.type);
            out.tensors.push_back(std::move(planned));
        }
    }
    note(planTypes(out.tensors, type), {});
    if (quantisedAlready)
        m_report.notes.emplace_back("The input is quantised already; quantising the original gives better answers.");
    m_files.push_back(std::move(out));
    return ok();
}

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
                    quantiseRowToBlocks(tensor.output.type, values, cols, buffer.data() + r * stride);
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

Result<std::uint64_t> Job::write(const File &file) {
    std::vector<GgufOutput> outputs;
    outputs.reserve(file.tensors.size());
    for (const PlannedTensor &tensor : file.tensors) outputs.push_back(tensor.output);
    FACET_TRY(writer, GgufWriter::create(file.path, m_options.overwrite, file.metadata, outputs));
    for (const PlannedTensor &tensor : file.tensors) {
        if (m_cancel.cancelled()) return Error{ErrorCode::Cancelled, "Quantising was stopped; nothing was written."};
        FACET_CHECK(m_checkpoint ? m_checkpoint->weights->stillIntact() : ok());
        FACET_CHECK(writeTensor(tensor, writer));
    }
    m_report.tensors += static_cast<int>(file.tensors.size());
    return writer.finish();
}

Result<QuantizeReport> Job::run() {
    FACET_CHECK(checkPaths());
    std::error_code ignored;
    const bool folder = fs::is_directory(m_options.input, ignored);
    const bool gguf = folder ? !fs::exists(fs::path(m_options.input) / "config.json", ignored) && holdsGguf(m_options.input)
                             : looksLikeGguf(m_options.input);
    FACET_CHECK(gguf ? planGguf() : planFolder());
    for (const File &file : m_files) m_total += sourceBytes(file.tensors);
    if (m_progress) m_progress(0, m_total);
    for (const File &file : m_files) {
        FACET_TRY(bytes, write(file));
        (file.path == m_options.mmproj ? m_report.mmprojBytes : m_report.outputBytes) = bytes;
    }
    return std::move(m_report);
}

} // namespace

Result<QuantizeReport> quantizeModel(const QuantizeOptions &options, const QuantizeProgress &progress,
                                     const CancelToken &cancel) {
    try {
        return Job(options, progress, cancel).run();
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory to quantise this model; close other programs.",
                     {},
                     options.input};
    }
}

} // namespace facet
