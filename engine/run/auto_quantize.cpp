// autoQuantizeModel(): importance of the columns -> error of every tensor in every type -> what the answers lose by it ->
// types for the bytes that are allowed -> the file.
#include "facet/quantize.h"

#include "kernels/quant_blocks.h"
#include "load/memory_plan.h"
#include "load/quantize_source.h"
#include "run/calibration.h"
#include "run/type_choice.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>

namespace facet {
namespace {

constexpr std::int64_t kSampleValues = std::int64_t{1} << 18; // of a tensor, for the error of a type
constexpr std::int64_t kLeastRows = 16;
// Divergences below this are rounding.
constexpr double kLeastDivergence = 1e-9;

struct Tensor {
    PlannedTensor *planned = nullptr;
    std::vector<TensorType> types;
    std::vector<double> errors; // of each type, relative
    double sensitivity = 1;     // divergence of the answers for an error of 1
};

// Tensors that are quantised together to see what the answers lose.
using Group = std::vector<std::size_t>;

// How finely the model is taken apart: every group costs a pass over the text.
struct Probing {
    std::int64_t tokens;
    int bands; // of layers; 0: every tensor alone
};

class Planner {
public:
    Planner(const AutoQuantizeOptions &options, const AutoQuantizeProgress &progress, const CancelToken &cancel)
        : m_options(options), m_progress(progress), m_cancel(cancel) {}
    Result<AutoQuantizeReport> run();

private:
    void tell(const char *stage, std::int64_t done, std::int64_t total) const {
        if (m_progress) m_progress(stage, static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    }
    Error cancelled() const { return {ErrorCode::Cancelled, "Quantising was stopped; nothing was written."}; }
    Status open();
    Status fitTarget() const;
    void measureErrors();
    double errorOf(const PlannedTensor &tensor, TensorType type) const;
    Status measureSensitivity();
    Probing probing() const;
    std::vector<Group> groups(int bands) const;
    Result<double> lossOf(const Group &group) const;
    Result<Matrix> quantised(const PlannedTensor &tensor, TensorType type) const;
    Status choose();
    void describe();
    std::uint64_t fixedBytes() const;
    std::vector<std::vector<TypeOption>> options() const;

    const AutoQuantizeOptions &m_options;
    const AutoQuantizeProgress &m_progress;
    const CancelToken &m_cancel;
    QuantizeOptions m_files;
    QuantizeSource m_source;
    std::unique_ptr<Calibration> m_calibration;
    std::vector<Tensor> m_tensors;
    AutoQuantizeReport m_report;
};

std::string sizeText(std::uint64_t bytes) {
    char text[32];
    const bool large = bytes >= 1'000'000'000;
    std::snprintf(text, sizeof text, large ? "%.2f GB" : "%.2f MB", static_cast<double>(bytes) / (large ? 1e9 : 1e6));
    return text;
}

Status Planner::open() {
    m_files = m_options.files;
    m_files.type = QuantizeType::Q8_0; // of what is not chosen
    if (m_options.planOnly) {
        m_files.mmproj.clear();
        if (m_files.output.empty()) m_files.output = "plan"; // names the list of tensors, never a file
    } else {
        FACET_CHECK(checkQuantizePaths(m_files));
        if (m_files.output.empty())
            return Error{ErrorCode::InvalidArgument, "Name the file to write.", {}, {}};
    }
    FACET_TRY(checkpoint, openCheckpoint(m_files.input));
    if (checkpoint.config.drafter) {
        return Error{ErrorCode::InvalidArgument,
                     "Types can be chosen by measurement for models that read a text; quantise this drafter with a type of "
                     "your choice.",
                     {},
                     m_files.input};
    }
    FACET_TRY(source, QuantizeSource::open(m_files));
    m_source = std::move(source);
    const std::string text = m_options.text.empty() ? builtinCalibrationText() : m_options.text;
    FACET_TRY(calibration, Calibration::open(std::move(checkpoint), text, m_files.threads, m_cancel));
    m_calibration = std::move(calibration);
    for (PlannedTensor &tensor : m_source.files.front().tensors) {
        if (!mayChooseType(tensor)) continue;
        m_tensors.push_back({&tensor, typesFor(tensor), {}});
    }
    if (m_tensors.empty())
        return Error{ErrorCode::InvalidArgument, "This file holds no matrices whose type could be chosen.", {}, m_files.input};
    return ok();
}

// Everything of the file but the data of the tensors whose type is chosen; with room for their padding.
std::uint64_t Planner::fixedBytes() const {
    std::vector<GgufOutput> outputs;
    std::uint64_t chosen = 0;
    for (const PlannedTensor &tensor : m_source.files.front().tensors) outputs.push_back(tensor.output);
    for (const Tensor &tensor : m_tensors) chosen += tensor.planned->output.bytes();
    constexpr std::uint64_t kPadding = 32;
    return ggufFileBytes(m_source.files.front().metadata, outputs) - chosen + kPadding * m_tensors.size();
}

std::vector<std::vector<TypeOption>> Planner::options() const {
    std::vector<std::vector<TypeOption>> all;
    for (const Tensor &tensor : m_tensors) {
        std::vector<TypeOption> each;
        for (std::size_t i = 0; i < tensor.types.size(); ++i) {
            const double error = i < tensor.errors.size() ? tensor.errors[i] : 0;
            each.push_back({static_cast<std::uint64_t>(tensor.planned->bytesAs(tensor.types[i])), tensor.sensitivity * error});
        }
        all.push_back(std::move(each));
    }
    return all;
}

// Before anything is measured: a file that small must be possible.
Status Planner::fitTarget() const {
    const std::uint64_t least = fixedBytes() + leastBytes(options());
    if (m_options.targetBytes >= least) return ok();
    return Error{ErrorCode::InvalidArgument,
                 "This model cannot be made as small as " + sizeText(m_options.targetBytes) + ": the smallest file of it has " +
                     sizeText(least) + ". Allow that much, or take a smaller model.",
                 {},
                 m_files.input};
}

// Mean over sampled rows of sum_c m_c (W - W')^2 over that of sum_c m_c W^2: as inputs of different channels hardly go
// together, this is the error of the outputs over their size.
double Planner::errorOf(const PlannedTensor &tensor, TensorType type) const {
    if (type == tensor.sourceType()) return 0;
    const std::int64_t rows = tensor.rows(), cols = tensor.cols();
    const std::int64_t count = std::clamp(kSampleValues / cols, std::min(kLeastRows, rows), rows);
    const std::int64_t fromStride = rowBytes(tensor.sourceType(), cols), stride = rowBytes(type, cols);
    const Exec &exec = m_calibration->exec();
    std::vector<double> errors(static_cast<std::size_t>(count)), sizes(errors.size());
    exec.pool->parallelFor(count, 4, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<float> row(static_cast<std::size_t>(cols)), back(row.size());
        std::vector<std::byte> stored(static_cast<std::size_t>(stride));
        for (std::int64_t i = begin; i < end && !exec.cancelled(); ++i) {
            const std::int64_t r = i * rows / count;
            const float *importance = tensor.importanceOf(r);
            exec.kernels->dequantise(tensor.sourceType(), tensor.from.data + r * fromStride, cols, row.data());
            quantiseRowToBlocks(type, row.data(), cols, stored.data(), importance);
            exec.kernels->dequantise(type, stored.data(), cols, back.data());
            double error = 0, size = 0;
            for (std::size_t c = 0; c < row.size(); ++c) {
                const double m = importance ? importance[c] : 1.0F, off = double{back[c]} - row[c];
                error += m * off * off;
                size += m * row[c] * row[c];
            }
            errors[static_cast<std::size_t>(i)] = error;
            sizes[static_cast<std::size_t>(i)] = size;
        }
    });
    double error = 0, size = 0;
    for (std::size_t i = 0; i < errors.size(); ++i) {
        error += errors[i];
        size += sizes[i];
    }
    return size > 0 ? error / size : 0;
}

void Planner::measureErrors() {
    std::int64_t done = 0;
    for (Tensor &tensor : m_tensors) {
        for (const TensorType type : tensor.types) {
            if (m_calibration->exec().cancelled()) return;
            tensor.errors.push_back(errorOf(*tensor.planned, type));
        }
        tell("trying types", ++done, static_cast<std::int64_t>(m_tensors.size()));
    }
}

// The work of a pass must stay bearable: many groups and much text where the model is small.
Probing Planner::probing() const {
    double perToken = 0;
    for (const Tensor &tensor : m_tensors) {
        if (isLookupTable(tensor.planned->source)) continue;
        perToken += 2.0 * static_cast<double>(tensor.planned->rows()) * static_cast<double>(tensor.planned->cols());
    }
    constexpr double kFine = 4e12, kMiddle = 4e13; // operations: about a minute, about ten
    for (const Probing each : {Probing{256, 0}, Probing{128, 3}}) {
        const auto count = static_cast<double>(groups(each.bands).size());
        const auto tokens = static_cast<double>(std::min(each.tokens, m_calibration->tokens()));
        if (count * tokens * perToken <= (each.bands == 0 ? kFine : kMiddle)) return each;
    }
    return {64, 1};
}

std::vector<Group> Planner::groups(int bands) const {
    int layers = 1;
    for (const Tensor &tensor : m_tensors) layers = std::max(layers, tensorLayer(tensor.planned->output.name) + 1);
    std::map<std::string, Group> byName;
    for (std::size_t i = 0; i < m_tensors.size(); ++i) {
        const std::string &name = m_tensors[i].planned->output.name;
        const int layer = std::max(tensorLayer(name), 0);
        byName[bands == 0 ? name : tensorKind(name) + " " + std::to_string(layer * bands / layers)].push_back(i);
    }
    std::vector<Group> out;
    for (auto &[name, group] : byName) out.push_back(std::move(group));
    return out;
}

// About 4.5 bits: errors far above rounding, and not yet so large that they no longer add up.
TensorType probeType(const Tensor &tensor) {
    const auto smaller = tensor.types.begin() + 1; // what it is stored in loses nothing
    for (const TensorType type : {TensorType::Q4_K, TensorType::IQ4_NL})
        if (std::find(smaller, tensor.types.end(), type) != tensor.types.end()) return type;
    return smaller != tensor.types.end() ? *smaller : tensor.types.front();
}

Result<Matrix> Planner::quantised(const PlannedTensor &tensor, TensorType type) const {
    const std::int64_t rows = tensor.rows(), cols = tensor.cols(), stride = rowBytes(type, cols);
    const std::int64_t fromStride = rowBytes(tensor.sourceType(), cols);
    // Memory that is not touched takes none: of a table only the rows that the text looks up are made.
    auto *memory = static_cast<std::byte *>(std::calloc(static_cast<std::size_t>(rows), static_cast<std::size_t>(stride)));
    if (!memory) throw std::bad_alloc();
    Matrix out{type, rows, cols, memory, std::shared_ptr<const void>(memory, std::free), tensor.source};
    std::vector<std::int64_t> wanted;
    if (isLookupTable(tensor.source)) {
        for (const std::int32_t id : m_calibration->ids()) wanted.push_back(std::min<std::int64_t>(id, rows - 1));
        wanted.push_back(0); // what ids beyond the table read
        std::sort(wanted.begin(), wanted.end());
        wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    }
    const Exec &exec = m_calibration->exec();
    const std::int64_t count = wanted.empty() ? rows : static_cast<std::int64_t>(wanted.size());
    exec.pool->parallelFor(count, 4, [&](std::int64_t begin, std::int64_t end, int) {
        std::vector<float> row(static_cast<std::size_t>(cols));
        for (std::int64_t i = begin; i < end && !exec.cancelled(); ++i) {
            const std::int64_t r = wanted.empty() ? i : wanted[static_cast<std::size_t>(i)];
            exec.kernels->dequantise(tensor.sourceType(), tensor.from.data + r * fromStride, cols, row.data());
            quantiseRowToBlocks(type, row.data(), cols, memory + r * stride, tensor.importanceOf(r));
        }
    });
    if (exec.cancelled()) return cancelled();
    return out;
}

Result<double> Planner::lossOf(const Group &group) const {
    OtherWeights others;
    for (const std::size_t i : group) {
        const Tensor &tensor = m_tensors[i];
        FACET_TRY(matrix, quantised(*tensor.planned, probeType(tensor)));
        others.emplace(tensor.planned->source, std::move(matrix));
    }
    return m_calibration->divergence(others);
}

// The divergence grows with the square of small errors, so with the relative squared error of a tensor's outputs; the
// tensors of a group share what was measured for all of them.
Status Planner::measureSensitivity() {
    const Probing how = probing();
    FACET_CHECK(m_calibration->keepAnswers(how.tokens));
    const std::vector<Group> all = groups(how.bands);
    std::int64_t done = 0;
    for (const Group &group : all) {
        if (m_cancel.cancelled()) return cancelled();
        double errors = 0;
        for (const std::size_t i : group) {
            const Tensor &tensor = m_tensors[i];
            const auto type = std::find(tensor.types.begin(), tensor.types.end(), probeType(tensor)) - tensor.types.begin();
            errors += tensor.errors[static_cast<std::size_t>(type)];
        }
        if (errors > 0) {
            FACET_TRY(loss, lossOf(group));
            for (const std::size_t i : group) m_tensors[i].sensitivity = std::max(loss, kLeastDivergence) / errors;
        }
        tell("measuring", ++done, static_cast<std::int64_t>(all.size()));
    }
    return ok();
}

Status Planner::choose() {
    const std::uint64_t fixed = fixedBytes();
    const auto all = options();
    const auto choice = chooseTypes(all, m_options.targetBytes - fixed);
    if (!choice) return fitTarget();
    std::map<TensorType, std::uint64_t> bytes;
    for (std::size_t i = 0; i < m_tensors.size(); ++i) {
        PlannedTensor &planned = *m_tensors[i].planned;
        planned.output.type = m_tensors[i].types[choice->option[i]];
        bytes[planned.output.type] += planned.output.bytes();
        TensorChoice told{planned.output.name, tensorKind(planned.output.name), tensorTypeName(planned.output.type)};
        told.values = static_cast<std::uint64_t>(planned.rows() * planned.cols());
        told.bytes = planned.output.bytes();
        told.error = m_tensors[i].errors[choice->option[i]];
        told.loss = all[i][choice->option[i]].loss;
        m_report.tensors.push_back(std::move(told));
    }
    const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto &a, const auto &b) { return a.second < b.second; });
    QuantizeFile &file = m_source.files.front();
    file.metadata.replace("general.file_type", ggufFileType(most->first));
    m_report.loss = choice->loss;
    m_report.smallestBytes = fixed + leastBytes(all);
    m_report.largestBytes = fixed;
    for (const auto &each : all) m_report.largestBytes += each.front().bytes;
    return ok();
}

void Planner::describe() {
    const QuantizeFile &file = m_source.files.front();
    std::vector<GgufOutput> outputs;
    double values = 0, bytes = 0;
    for (const PlannedTensor &tensor : file.tensors) {
        outputs.push_back(tensor.output);
        values += static_cast<double>(tensor.rows()) * static_cast<double>(tensor.cols());
        bytes += static_cast<double>(tensor.output.bytes());
    }
    m_report.bytes = ggufFileBytes(file.metadata, outputs);
    m_report.bitsPerWeight = 8 * bytes / values;
    m_report.tokens = m_calibration->tokens();
    m_report.files.inputBytes = m_source.inputBytes;
}

Result<AutoQuantizeReport> Planner::run() {
    FACET_CHECK(open());
    FACET_CHECK(fitTarget());
    FACET_TRY(importance, m_calibration->importance([this](auto done, auto total) { tell("reading", done, total); }));
    for (Tensor &tensor : m_tensors) {
        const auto found = importance.find(tensor.planned->source);
        if (found != importance.end()) tensor.planned->importance = found->second;
    }
    measureErrors();
    if (m_cancel.cancelled()) return cancelled();
    FACET_CHECK(measureSensitivity());
    FACET_CHECK(choose());
    describe();
    if (m_options.planOnly) return std::move(m_report);
    const QuantizeProgress writing = [this](std::uint64_t done, std::uint64_t total) {
        if (m_progress) m_progress("writing", done, total);
    };
    FACET_TRY(files, writeQuantized(m_source, m_files, writing, m_cancel));
    m_report.files = std::move(files);
    m_report.bytes = m_report.files.outputBytes;
    FACET_TRY(written, openCheckpoint(m_files.output));
    FACET_TRY(loss, m_calibration->divergenceOf(written));
    m_report.measuredLoss = loss;
    return std::move(m_report);
}

} // namespace

Result<AutoQuantizeReport> autoQuantizeModel(const AutoQuantizeOptions &options, const AutoQuantizeProgress &progress,
                                             const CancelToken &cancel) {
    try {
        return Planner(options, progress, cancel).run();
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory to quantise this model; close other programs.",
                     {},
                     options.files.input};
    }
}

} // namespace facet
