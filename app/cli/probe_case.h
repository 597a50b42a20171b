// The probe's cases (probe.md): a JSON file says what goes in and which tensors come out.
#pragma once

#include "facet/engine.h"
#include "facet/media/prepare.h"
#include "safetensors_file.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace facet::cli {

struct ProbeArguments {
    std::string caseFile, golden, model, mmproj, drafter, lora, mediaFolder, out, jsonlKind, jsonlFile, isa = "auto", kv = "auto";
    bool quantised = false;
};

// A case with its golden file (inputs and row selections only) and its media.
class ProbeCase {
public:
    using Json = nlohmann::ordered_json;
    static Result<ProbeCase> read(const ProbeArguments &arguments);

    const Json &json() const noexcept { return m_json; }
    bool has(const char *key) const { return m_json.contains(key) && !m_json.at(key).is_null(); }
    // Error: InvalidArgument, naming the key.
    Result<std::string> text(const char *key) const;
    Result<int> integer(const char *key) const;
    // Integers of the golden file, else of the case. Empty: neither has them.
    Result<std::vector<std::int32_t>> selection(const std::string &name) const;
    bool goldenHas(const std::string &name) const { return m_golden && m_golden->has(name); }
    Result<std::vector<float>> goldenFloats(const std::string &name) const;
    const SafetensorsFile *golden() const noexcept { return m_golden ? &*m_golden : nullptr; }
    // Sizes that the case wants for a tensor; nothing: not listed.
    std::optional<std::vector<std::int64_t>> wanted(const std::string &name) const;
    bool listsTensors() const { return m_json.contains("tensors") && m_json.at("tensors").is_object(); }

    // "media/NAME.ext" or "NAME.ext" below the media folder.
    std::string mediaPath(std::string name) const;
    // decoded/NAME.png where that exists, else the file itself.
    Result<media::Picture> picture(const std::string &name) const;
    // The stored samples of audio_NAME.safetensors beside the case, at most 480000; else the file decoded.
    Result<std::vector<float>> samples(const std::string &name) const;
    // The stored samples of the case's own golden file.
    Result<std::vector<float>> ownSamples() const;
    // Frames by decoded/NAME_INDEX.png where they exist, else decoded here.
    Result<std::shared_ptr<const VideoInput>> film(const std::string &name, int frames, const VisionInfo &vision) const;

    // Brings tensors into the names and shapes that the case lists: reshaped, cut to the rows of `rowIndex`, others
    // dropped.
    Result<OutTensors> shaped(OutTensors tensors, const std::vector<std::int32_t> &rowIndex) const;

private:
    std::string m_file, m_mediaFolder;
    Json m_json;
    std::optional<SafetensorsFile> m_golden;
};

// Runs a case and writes its output file. Errors in one sentence.
Status runProbeCase(const ProbeArguments &arguments, const LoadOptions &load);
Status runProbeLines(const ProbeArguments &arguments, const LoadOptions &load);

} // namespace facet::cli
