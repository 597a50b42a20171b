#include "text/chat_format.h"

#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace facet;
using nlohmann::ordered_json;

namespace {

std::string readFile(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
std::string fixtures() { return std::getenv("FACET_FIXTURES"); }

// The result, or "code: message".
std::string render(const std::string &source, const ordered_json &variables = ordered_json::object()) {
    const auto out = probeChat(source, variables.dump());
    return out ? *out : std::string(errorCodeName(out.error().code)) + ": " + out.error().message;
}

}  // namespace

TEST_CASE("every golden chat is rendered byte by byte as by the reference") {
    std::ifstream file(fixtures() + "/golden/chat.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        const auto c = ordered_json::parse(line);
        CAPTURE(c["name"].get<std::string>());
        CAPTURE(c["template"].get<std::string>());
        const std::string source = readFile(fixtures() + "/golden/templates/chat_template." + c["template"].get<std::string>() + ".jinja");
        ordered_json variables;
        for (const char *name : {"messages", "tools", "add_generation_prompt", "enable_thinking"}) variables[name] = c[name];
        CHECK(render(source, variables) == c["rendered"].get<std::string>());
    }
    CHECK(lines > 100);
}

TEST_CASE("the template of the demonstration model runs") {
    const std::string source = readFile(std::string(std::getenv("FACET_RESOURCES")) + "/demo-model/chat_template.jinja");
    CHECK(render(source, {{"messages", {{{"role", "user"}, {"content", "Hi"}}}}, {"add_generation_prompt", true}}) ==
          "<bos><|turn>user\nHi<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
}
