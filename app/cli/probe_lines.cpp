// The JSONL kinds of the probe: one line in, one line out.
#include "chat_messages.h"
#include "facet/probe.h"
#include "flags.h"
#include "probe_case.h"

#include <filesystem>
#include <sstream>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

Result<Json> tokenizerLine(const Json &line, const ProbeModel &model) {
    std::vector<std::int32_t> ids;
    if (line.contains("text") && line.at("text").is_string()) {
        ids = model.tokenize(line.at("text").get<std::string>(), line.value("match_control", true));
    } else {
        ids = line.at("ids").get<std::vector<std::int32_t>>();
    }
    return Json{
        {"ids", ids}, {"decoded", model.detokenize(ids, false)}, {"decoded_skip_special", model.detokenize(ids, true)}};
}

Result<Json> chatLine(const Json &line, const std::string &folder) {
    const std::string name = line.at("template").get<std::string>();
    FACET_TRY(text, readTextFile(
                        (std::filesystem::path(folder) / "templates" / ("chat_template." + name + ".jinja")).string()));
    Json variables = {{"bos_token", "<bos>"}};
    for (const char *key : {"messages", "tools", "add_generation_prompt", "enable_thinking"}) {
        if (line.contains(key) && !line.at(key).is_null()) variables[key] = line.at(key);
    }
    FACET_TRY(rendered, probeChat(text, variables.dump()));
    return Json{{"rendered", rendered}};
}

Result<Json> parseLine(const Json &line) {
    const std::string prefix = line.value("prefix", std::string());
    std::vector<std::string> chunks = line.at("chunks").get<std::vector<std::string>>();
    std::vector<std::string> bytes;
    for (const std::string &chunk : chunks) {
        for (const char c : chunk) bytes.emplace_back(1, c);
    }
    const std::string result = probeParse(prefix, chunks);
    if (probeParse(prefix, bytes) != result) {
        return Error{.code = ErrorCode::Internal, .message = "The parser's result depends on how its input is cut."};
    }
    Json json = Json::parse(result, nullptr, false);
    if (!json.is_object())
        return Error{.code = ErrorCode::Internal, .message = "The parser's result is no JSON object."};
    return json;
}

Result<Json> detectionLine(const Json &line) {
    const auto size = line.at("image_wh").get<std::vector<int>>();
    if (size.size() != 2)
        return Error{.code = ErrorCode::InvalidArgument, .message = "image_wh must be width and height."};
    Json list = Json::array();
    for (const Detection &d : parseDetections(line.at("text").get<std::string>(), size[0], size[1])) {
        if (d.kind == Detection::Kind::Box) {
            list.push_back(
                {{"kind", "box"}, {"label", d.label}, {"y1x1y2x2", {d.y1, d.x1, d.y2, d.x2}}, {"px_xyxy", d.pixels}});
        } else {
            list.push_back(
                {{"kind", "point"}, {"label", d.label}, {"yx", {d.y1, d.x1}}, {"px_xy", {d.pixels[0], d.pixels[1]}}});
        }
    }
    return Json{{"expect", std::move(list)}};
}

} // namespace

Status runProbeLines(const ProbeArguments &arguments, const LoadOptions &load) {
    FACET_TRY(text, readTextFile(arguments.jsonlFile));
    std::unique_ptr<ProbeModel> model;
    if (arguments.jsonlKind == "tokenizer") {
        FACET_TRY(loaded, ProbeModel::load(load));
        model = std::move(loaded);
    }
    const std::string folder = std::filesystem::path(arguments.jsonlFile).parent_path().string();
    std::istringstream lines(text);
    std::string line, out;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (line.empty()) continue;
        const auto here = [&](Error error) {
            error.file = arguments.jsonlFile;
            error.detail = "line " + std::to_string(number) + (error.detail.empty() ? "" : ": " + error.detail);
            return error;
        };
        try {
            const Json json = Json::parse(line);
            const Result<Json> result = arguments.jsonlKind == "tokenizer" ? tokenizerLine(json, *model)
                                        : arguments.jsonlKind == "chat"    ? chatLine(json, folder)
                                        : arguments.jsonlKind == "parse"   ? parseLine(json)
                                                                           : detectionLine(json);
            if (!result) return here(result.error());
            out += jsonText(*result) + "\n";
        } catch (const nlohmann::json::exception &e) {
            return here({.code = ErrorCode::InvalidArgument,
                         .message = "A line does not follow the contract.",
                         .detail = e.what()});
        }
    }
    return writeFile(arguments.out, out);
}

} // namespace facet::cli
