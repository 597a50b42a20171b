// What a quantised file is made of: a model folder or GGUF files, opened, with the tensors that the new file will hold.
//
//     FACET_TRY(source, QuantizeSource::open(options));
//     for (PlannedTensor &tensor : source.files.front().tensors) ...   // types may still be changed
//     FACET_TRY(report, writeQuantized(source, options, progress, cancel));
#pragma once

#include "facet/quantize.h"
#include "load/gguf_checkpoint.h"
#include "load/gguf_writer.h"
#include "load/quantize_plan.h"
#include "load/weights.h"

#include <optional>
#include <string>
#include <vector>

namespace facet {

struct QuantizeFile {
    std::string path;
    GgufMetadata metadata;
    std::vector<PlannedTensor> tensors;
};

class QuantizeSource {
public:
    // Types as options.type says. Errors: as quantizeModel().
    static Result<QuantizeSource> open(const QuantizeOptions &options);

    std::vector<QuantizeFile> files; // options.output first, unless it is empty; then options.mmproj
    std::uint64_t inputBytes = 0;
    std::vector<std::string> notes; // what differs from the plan, one sentence each

    // Whether the files still are what was opened. Error: ModelFileCorrupt.
    Status stillIntact() const { return m_checkpoint ? m_checkpoint->weights->stillIntact() : ok(); }

private:
    Status openFolder(const QuantizeOptions &options);
    Status openGguf(const QuantizeOptions &options);
    void note(const PlanResult &plan, const std::vector<std::string> &skipped);

    std::optional<Checkpoint> m_checkpoint; // keeps a folder's files mapped
    std::optional<GgufModelFiles> m_gguf;   // keeps a GGUF model's files mapped
};

// The names to write to are new ones, or may be replaced, and are not the input's. Error: InvalidArgument.
Status checkQuantizePaths(const QuantizeOptions &options);

Result<QuantizeReport> writeQuantized(const QuantizeSource &source, const QuantizeOptions &options,
                                      const QuantizeProgress &progress, const CancelToken &cancel);

} // namespace facet
