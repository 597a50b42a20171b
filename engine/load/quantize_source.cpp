#include "load/quantize_source.h"

#include "load/gguf_export.h"
#include "load/gguf_names.h"

#include <filesystem>

namespace facet {

namespace fs = std::filesystem;

Status checkQuantizePaths(const QuantizeOptions &options) {
    const auto invalid = [](const char *message, const std::string &path) {
        return Error{ErrorCode::InvalidArgument, message, {}, path};
    };
    if (options.output.empty() && options.mmproj.empty()) return invalid("Name the file to write.", {});
    for (const std::string &path : {options.output, options.mmproj}) {
        if (path.empty()) continue;
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) return invalid("This is a folder; name a file to write.", path);
        if (fs::exists(path, ignored) && !options.overwrite)
            return invalid("There is a file of this name already; choose another name or allow to replace it.", path);
        if (fs::equivalent(path, options.input, ignored) || path == options.input)
            return invalid("The model cannot be written over itself; choose another name.", path);
    }
    if (!options.output.empty() && options.output == options.mmproj)
        return invalid("The model and its projector need two names.", options.mmproj);
    return ok();
}

void QuantizeSource::note(const PlanResult &plan, const std::vector<std::string> &skipped) {
    const auto matrices = [](int count) {
        return count == 1 ? std::string("1 matrix has") : std::to_string(count) + " matrices have";
    };
    if (plan.fallbacks > 0)
        notes.push_back(matrices(plan.fallbacks) +
                                 " rows that are no multiple of 256 and took a plain type with more bits.");
    if (plan.plain > 0)
        notes.push_back(matrices(plan.plain) + " rows that are no multiple of 32 and stayed BF16.");
    if (!skipped.empty())
        notes.push_back(std::to_string(skipped.size()) + " tensors have no place in a GGUF file and were left out (" +
                                 printable(skipped.front()) + (skipped.size() > 1 ? ", ..." : "") + ").");
}

Status QuantizeSource::openFolder(const QuantizeOptions &options) {
    FACET_TRY(checkpoint, openCheckpoint(options.input));
    m_checkpoint = std::move(checkpoint);
    inputBytes = m_checkpoint->fileBytes;
    if (!options.output.empty()) {
        FACET_TRY(text, exportTextModel(*m_checkpoint, options.type));
        note(planTypes(text.tensors, options.type), text.skipped);
        files.push_back({options.output, std::move(text.metadata), std::move(text.tensors)});
    }
    if (!options.mmproj.empty()) {
        FACET_TRY(towers, exportTowers(*m_checkpoint));
        note(planTypes(towers.tensors, QuantizeType::Q8_0), towers.skipped);
        files.push_back({options.mmproj, std::move(towers.metadata), std::move(towers.tensors)});
    }
    return ok();
}

// All keys and names stay as they are; only types change.
Status QuantizeSource::openGguf(const QuantizeOptions &options) {
    std::string path = options.input;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
        FACET_TRY(only, onlyGgufModel(path));
        path = only;
    }
    if (!options.mmproj.empty()) {
        return Error{ErrorCode::InvalidArgument,
                     "A GGUF model has its projector in a file of its own; name that file as the input.",
                     {},
                     options.mmproj};
    }
    FACET_TRY(model, openGgufModel(path));
    m_gguf = std::move(model);
    inputBytes = m_gguf->fileBytes;
    const GgufFile &main = m_gguf->main();
    const bool projector = main.architecture() == "clip";
    const QuantizeType type = projector ? QuantizeType::Q8_0 : options.type;
    QuantizeFile out{options.output, {}, {}};
    for (const std::string_view key : main.keys()) {
        if (key == "general.file_type" || key == "general.quantization_version" || key == "general.alignment" ||
            key.starts_with("split.")) {
            continue;
        }
        out.metadata.copy(key, *main.find(key));
    }
    out.metadata.u32("general.file_type", ggufFileType(type));
    out.metadata.u32("general.quantization_version", 2);
    const char *prefix = main.architecture() == "gemma4-assistant" ? "model." : "model.language_model.";
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
            const auto name = checkpointName(tensor.info.name, prefix);
            planned.source = name ? name->name : tensor.info.name;
            quantisedAlready = quantisedAlready || !isFloatType(tensor.info.type);
            out.tensors.push_back(std::move(planned));
        }
    }
    note(planTypes(out.tensors, type), {});
    if (quantisedAlready)
        notes.emplace_back("The input is quantised already; quantising the original gives better answers.");
    files.push_back(std::move(out));
    return ok();
}

Result<QuantizeSource> QuantizeSource::open(const QuantizeOptions &options) {
    QuantizeSource source;
    std::error_code ignored;
    const bool folder = fs::is_directory(options.input, ignored);
    const bool gguf = folder ? !fs::exists(fs::path(options.input) / "config.json", ignored) && holdsGguf(options.input)
                             : looksLikeGguf(options.input);
    FACET_CHECK(gguf ? source.openGguf(options) : source.openFolder(options));
    return source;
}

} // namespace facet
