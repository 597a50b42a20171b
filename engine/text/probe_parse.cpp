// The output parser behind facet/probe.h: markers in the text count as tokens, as in the golden cases.
#include "facet/probe.h"

#include "text/json_string.h"
#include "facet/output_parser.h"

#include <nlohmann/json.hpp>

namespace facet {

namespace {

ParsedOutput parse(const std::string &prefix, const std::vector<std::string> &chunks, bool byteByByte) {
    OutputParser parser(OutputParser::promptOpensThought(prefix));
    for (const std::string &chunk : chunks) {
        if (!byteByByte) parser.pushText(chunk, true);
        else
            for (const char c : chunk) parser.pushText(std::string_view(&c, 1), true);
    }
    parser.finish();
    return parser.result();
}

std::string toJson(const ParsedOutput &output) {
    std::string calls, malformed;
    for (const ToolCall &call : output.toolCalls)
        calls += (calls.empty() ? "" : ",") + ("{\"name\":" + jsonQuoted(call.name) + ",\"arguments\":" + call.argumentsJson + "}");
    for (const std::string &raw : output.malformed) malformed += (malformed.empty() ? "" : ",") + jsonQuoted(raw);
    return "{\"thinking\":" + jsonQuoted(output.thinking) + ",\"content\":" + jsonQuoted(output.content) + ",\"tool_calls\":[" +
           calls + "],\"malformed\":[" + malformed + "]}";
}

}  // namespace

std::string probeParse(const std::string &prefix, const std::vector<std::string> &chunks) {
    const std::string whole = toJson(parse(prefix, chunks, false));
    // However the output is cut, the result must be the same; where it is not, say so instead of hiding it.
    return whole == toJson(parse(prefix, chunks, true)) ? whole : "{\"error\":\"the result depends on the chunks\"}";
}

}  // namespace facet
