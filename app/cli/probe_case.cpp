#include "probe_case.h"

#include "chat_messages.h"
#include "facet/media/decode.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace facet::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kClipSamples = 480000;

Error caseError(const std::string &file, std::string message) {
    return {.code = ErrorCode::InvalidArgument, .message = std::move(message), .file = file};
}

Result<std::vector<float>> samplesOf(const SafetensorsFile &file) {
    if (file.has("pcm_16k")) return file.floats("pcm_16k");
    FACET_TRY(samples, file.floats("pcm_16k_s16"));
    for (float &v : samples) v /= 32768.0F;
    return samples;
}

} // namespace

Result<ProbeCase> ProbeCase::read(const ProbeArguments &arguments) {
    ProbeCase probe;
    probe.m_file = arguments.caseFile;
    probe.m_mediaFolder = arguments.mediaFolder;
    FACET_TRY(json, readJsonFile(arguments.caseFile));
    if (!json.is_object()) return caseError(arguments.caseFile, "A case must be a JSON object.");
    probe.m_json = std::move(json);
    if (!arguments.golden.empty()) {
        FACET_TRY(golden, SafetensorsFile::read(arguments.golden));
        probe.m_golden = std::move(golden);
    }
    return probe;
}

Result<std::string> ProbeCase::text(const char *key) const {
    if (!has(key) || !m_json.at(key).is_string())
        return caseError(m_file, std::string("The case lacks the text \"") + key + "\".");
    return m_json.at(key).get<std::string>();
}

Result<int> ProbeCase::integer(const char *key) const {
    if (!has(key) || !m_json.at(key).is_number_integer())
        return caseError(m_file, std::string("The case lacks the number \"") + key + "\".");
    const std::int64_t value = m_json.at(key).get<std::int64_t>();
    if (value < 0 || value > (1 << 24))
        return caseError(m_file, std::string("The number \"") + key + "\" is out of range.");
    return static_cast<int>(value);
}

Result<std::vector<std::int32_t>> ProbeCase::selection(const std::string &name) const {
    if (goldenHas(name)) return m_golden->integers(name);
    std::vector<std::int32_t> values;
    const auto found = m_json.find(name);
    if (found == m_json.end() || !found->is_array()) return values;
    for (const Json &each : *found) {
        if (!each.is_number_integer() || each.get<std::int64_t>() < 0 || each.get<std::int64_t>() > INT32_MAX) {
            return caseError(m_file, "\"" + name + "\" must hold integers.");
        }
        values.push_back(each.get<std::int32_t>());
    }
    return values;
}

Result<std::vector<float>> ProbeCase::goldenFloats(const std::string &name) const {
    if (!m_golden) return caseError(m_file, "This case needs its golden file (--golden) for the input " + name + ".");
    return m_golden->floats(name);
}

std::optional<std::vector<std::int64_t>> ProbeCase::wanted(const std::string &name) const {
    if (!listsTensors() || !m_json.at("tensors").contains(name)) return std::nullopt;
    const Json &entry = m_json.at("tensors").at(name);
    const Json &sizes = entry.is_object() && entry.contains("shape") ? entry.at("shape") : entry;
    std::vector<std::int64_t> shape;
    if (!sizes.is_array()) return shape;
    for (const Json &each : sizes) shape.push_back(each.is_number_integer() ? each.get<std::int64_t>() : -1);
    return shape;
}

std::string ProbeCase::mediaPath(std::string name) const {
    if (name.rfind("media/", 0) == 0) name.erase(0, 6);
    return (fs::path(m_mediaFolder) / name).string();
}

Result<media::Picture> ProbeCase::picture(const std::string &name) const {
    std::error_code error;
    const std::string decoded = mediaPath("decoded/" + fs::path(name).stem().string() + ".png");
    return media::decodePicture(media::Source::file(fs::exists(decoded, error) ? decoded : mediaPath(name)));
}

Result<std::vector<float>> ProbeCase::samples(const std::string &name) const {
    std::error_code error;
    const fs::path stored =
        fs::path(m_file).parent_path() / ("audio_" + fs::path(name).stem().string() + ".safetensors");
    if (!fs::exists(stored, error)) return media::decodeSoundAll(media::Source::file(mediaPath(name)), kClipSamples);
    FACET_TRY(file, SafetensorsFile::read(stored.string()));
    FACET_TRY(samples, samplesOf(file));
    samples.resize(std::min(samples.size(), kClipSamples));
    return samples;
}

Result<std::vector<float>> ProbeCase::ownSamples() const {
    if (!m_golden) return caseError(m_file, "This case needs its golden file (--golden) for its samples.");
    FACET_TRY(samples, samplesOf(*m_golden));
    samples.resize(std::min(samples.size(), kClipSamples));
    return samples;
}

Result<std::shared_ptr<const VideoInput>> ProbeCase::film(const std::string &name, int frames,
                                                          const VisionInfo &vision) const {
    constexpr int kFrameBudget = 70;
    FACET_TRY(film, media::decodeFilm(media::Source::file(mediaPath(name)), frames));
    auto video = std::make_shared<VideoInput>();
    for (std::size_t i = 0; i < film.frames.size(); ++i) {
        char suffix[32];
        std::snprintf(suffix, sizeof suffix, "_%04d.png", static_cast<int>(film.indices[i]));
        const std::string decoded = mediaPath("decoded/" + fs::path(name).stem().string() + suffix);
        media::Picture frame = std::move(film.frames[i]);
        std::error_code error;
        if (fs::exists(decoded, error)) {
            FACET_TRY(stored, media::decodePicture(media::Source::file(decoded)));
            frame = std::move(stored);
        }
        FACET_TRY(input, media::prepareImage(frame, kFrameBudget, vision));
        input.contentHash.clear();
        video->frames.push_back(std::make_shared<const ImageInput>(std::move(input)));
        // By number and rate, as the reference counts (video.md section 1).
        video->seconds.push_back(film.framesPerSecond > 0 ? static_cast<double>(film.indices[i]) / film.framesPerSecond
                                                          : film.seconds[i]);
    }
    return std::shared_ptr<const VideoInput>(std::move(video));
}

namespace {

// Rows `index` of a tensor whose first size counts rows.
Result<OutTensor> rowsOf(const OutTensor &tensor, const std::vector<std::int32_t> &index, const std::string &name) {
    const std::size_t rows = tensor.shape.empty() ? 0 : static_cast<std::size_t>(tensor.shape.front());
    OutTensor out;
    out.shape = tensor.shape;
    out.shape.front() = static_cast<std::int64_t>(index.size());
    const bool inside = std::all_of(index.begin(), index.end(),
                                    [rows](std::int32_t i) { return i >= 0 && static_cast<std::size_t>(i) < rows; });
    if (!inside)
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "A row of the case lies outside the tensor " + name + "."};
    std::visit(
        [&](const auto &values) {
            std::decay_t<decltype(values)> picked;
            const std::size_t width = rows == 0 ? 0 : values.size() / rows;
            for (const std::int32_t i : index) {
                const auto begin = values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * width);
                picked.insert(picked.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
            }
            out.data = std::move(picked);
        },
        tensor.data);
    return out;
}

std::int64_t product(const std::vector<std::int64_t> &shape) {
    std::int64_t n = 1;
    for (const std::int64_t side : shape) n = side < 0 || n > (std::int64_t{1} << 40) ? -1 : n * side;
    return n;
}

} // namespace

Result<OutTensors> ProbeCase::shaped(OutTensors tensors, const std::vector<std::int32_t> &rowIndex) const {
    if (!listsTensors()) return tensors;
    OutTensors out;
    for (const auto &entry : m_json.at("tensors").items()) {
        const std::string &name = entry.key();
        auto found = tensors.find(name);
        std::size_t headRows = 0; // "conv1_rows0_8": the first 8 rows of conv1
        if (const std::size_t at = name.find("_rows0_"); found == tensors.end() && at != std::string::npos) {
            found = tensors.find(name.substr(0, at));
            headRows = static_cast<std::size_t>(std::strtoul(name.c_str() + at + 7, nullptr, 10));
        }
        if (found == tensors.end()) continue;
        const std::optional<std::vector<std::int64_t>> shape = wanted(name);
        const std::int64_t size = shape ? product(*shape) : -1;
        OutTensor tensor = found->second;
        const std::int64_t rows = tensor.shape.empty() ? 0 : tensor.shape.front();
        if (headRows > 0 && rows > static_cast<std::int64_t>(headRows)) {
            std::vector<std::int32_t> head(headRows);
            for (std::size_t i = 0; i < headRows; ++i) head[i] = static_cast<std::int32_t>(i);
            FACET_TRY(cut, rowsOf(tensor, head, name));
            tensor = std::move(cut);
        } else if (size >= 0 && static_cast<std::int64_t>(tensor.size()) != size && !rowIndex.empty() &&
                   !shape->empty() && shape->front() == static_cast<std::int64_t>(rowIndex.size())) {
            FACET_TRY(cut, rowsOf(tensor, rowIndex, name));
            tensor = std::move(cut);
        }
        if (size < 0 || static_cast<std::int64_t>(tensor.size()) != size) {
            return Error{.code = ErrorCode::InvalidArgument,
                         .message = "The tensor " + name + " does not have the size that the case lists.",
                         .detail = std::to_string(tensor.size()) + " values instead of " + std::to_string(size),
                         .file = m_file};
        }
        tensor.shape = *shape;
        out[name] = std::move(tensor);
    }
    return out;
}

} // namespace facet::cli
