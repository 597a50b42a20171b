// The program as its users see it, on the built-in demo model.
#include "program.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>

using namespace facet::test;
using nlohmann::json;

namespace {

std::string sample(const std::string &name) {
    return std::string(std::getenv("FACET_FIXTURES")) + "/demo-model/" + name;
}
std::string medium(const std::string &name) { return std::string(std::getenv("FACET_FIXTURES")) + "/media/" + name; }

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// One sentence on standard error and nothing that looks like a crash.
void checkRefused(const ProgramResult &r, int exitCode) {
    CHECK(r.exitCode == exitCode);
    CHECK_FALSE(r.err.empty());
    CHECK_FALSE(contains(r.err, "terminate called"));
}

} // namespace

TEST_CASE("help and version") {
    const ProgramResult help = runProgram({"--help"});
    CHECK(help.exitCode == 0);
    CHECK(contains(help.out, "Examples:"));
    for (const char *verb : {"chat", "ocr", "detect", "transcribe", "describe", "inspect", "bench", "models", "serve", "tour", "probe"}) {
        CAPTURE(std::string(verb));
        CHECK(contains(help.out, verb));
        const ProgramResult own = runProgram({verb, "--help"});
        CHECK(own.exitCode == 0);
        CHECK(contains(own.out, "Example"));
    }
    const ProgramResult version = runProgram({"--version"});
    CHECK(version.exitCode == 0);
    CHECK(contains(version.out, "."));
}

TEST_CASE("wrong usage is exit code 2") {
    checkRefused(runProgram({}), 2);
    checkRefused(runProgram({"fly"}), 2);
    checkRefused(runProgram({"ocr"}), 2);
    checkRefused(runProgram({"chat", "hi", "--budget", "71"}), 2);
    checkRefused(runProgram({"chat", "hi", "--temperature", "hot"}), 2);
    checkRefused(runProgram({"detect", sample("10-detect.png"), "--format", "xml"}), 2);
    checkRefused(runProgram({"chat"}, ""), 2);
    checkRefused(runProgram({"probe", "--out", "x"}), 2);
}

TEST_CASE("model problems are exit code 3") {
    const TemporaryFolder folder;
    checkRefused(runProgram({"chat", "hi", "--model", "/nowhere"}), 3);
    checkRefused(runProgram({"inspect", folder.file("")}), 3);
    folder.write("config.json", "{");
    checkRefused(runProgram({"inspect", folder.file("")}), 3);
}

TEST_CASE("media problems are exit code 4") {
    checkRefused(runProgram({"ocr", "/nowhere.png"}), 4);
    checkRefused(runProgram({"ocr", medium("speech_en_16k.wav")}), 4);
    checkRefused(runProgram({"transcribe", medium("tiny.png")}), 4);
    checkRefused(runProgram({"transcribe", medium("silent.webm")}), 4);
    checkRefused(runProgram({"detect", medium("formats/bomb.png")}), 4);
}

TEST_CASE("chat answers, streams the text only, and takes the question from a pipe") {
    const ProgramResult asked = runProgram({"chat", "How are you?", "--temperature", "0"});
    CHECK(asked.exitCode == 0);
    CHECK(asked.out == "I am fine, thank you! What shall I read or listen to?\n");
    CHECK(asked.err.empty()); // no progress: standard error is no terminal
    const ProgramResult piped = runProgram({"chat"}, "How are you?\n");
    CHECK(piped.out == asked.out);
}

TEST_CASE("chat --json is one object") {
    const ProgramResult r = runProgram({"chat", "Can you read pictures?", "--think", "--json"});
    REQUIRE(r.exitCode == 0);
    const json answer = json::parse(r.out);
    CHECK(answer["thinking"] == "A simple question.");
    CHECK(contains(answer["content"].get<std::string>(), "small ones"));
    CHECK(answer["tool_calls"].empty());
    CHECK(answer["usage"]["prompt_tokens"].get<int>() > 10);
    CHECK(answer["usage"]["completion_tokens"].get<int>() > 10);
    CHECK(answer["finish_reason"] == "stop");
}

TEST_CASE("tools are called in --json and as lines") {
    const TemporaryFolder folder;
    const std::string tools = folder.write("tools.json", R"([{"type": "function", "function": {"name": "get_weather",
        "description": "Get the weather of a city", "parameters": {"type": "object",
        "properties": {"city": {"type": "string", "description": "City name"}}, "required": ["city"]}}}])");
    const ProgramResult r = runProgram({"chat", "What's the weather like in Tunis?", "--tools", tools, "--json"});
    REQUIRE(r.exitCode == 0);
    const json answer = json::parse(r.out);
    REQUIRE(answer["tool_calls"].size() == 1);
    CHECK(answer["tool_calls"][0]["name"] == "get_weather");
    CHECK(answer["tool_calls"][0]["arguments"]["city"] == "Tunis");
    CHECK(answer["finish_reason"] == "tool_calls");
    const ProgramResult plain = runProgram({"chat", "What's the weather like in Tunis?", "--tools", tools});
    CHECK(plain.out == "call get_weather {\"city\":\"Tunis\"}\n");
    checkRefused(runProgram({"chat", "x", "--tools", folder.write("bad.json", "{]")}), 2);
}

TEST_CASE("--messages with files beside it") {
    const TemporaryFolder folder;
    std::filesystem::copy_file(sample("33-speech.wav"), folder.file("s.wav"));
    const std::string file = folder.write(
        "m.json",
        R"([{"role": "user", "content": [{"type": "audio", "file": "s.wav"}, {"type": "text", "text": "What did I say?"}]}])");
    const ProgramResult r = runProgram({"chat", "--messages", file, "--temperature", "0"});
    CHECK(r.exitCode == 0);
    CHECK(r.out == "We will go to the market.\n");
}

TEST_CASE("answers keep the form of --json-schema and --grammar") {
    const TemporaryFolder folder;
    const std::string schema = R"({"type":"object","properties":{"z":{"type":"integer","minimum":3,"maximum":4},"a":{"enum":["x","y"]}},"required":["z","a"]})";
    for (const std::string &given : {schema, folder.write("schema.json", schema)}) {
        const ProgramResult r = runProgram({"chat", "Who are you?", "--json-schema", given});
        CHECK(r.exitCode == 0);
        const json value = json::parse(r.out, nullptr, false);
        REQUIRE(value.is_object());
        CHECK((value["z"] == 3 || value["z"] == 4));
        CHECK((value["a"] == "x" || value["a"] == "y"));
        CHECK(r.out.find("\"z\"") < r.out.find("\"a\""));
    }
    const ProgramResult r = runProgram({"chat", "Who are you?", "--grammar", folder.write("g.gbnf", "root ::= \"me\" | \"you\"\n")});
    CHECK(r.exitCode == 0);
    CHECK((r.out == "me\n" || r.out == "you\n"));
    const ProgramResult bad = runProgram({"chat", "x", "--json-schema", R"({"properties":{"a":{"if":{}}}})"});
    checkRefused(bad, 1);
    CHECK(contains(bad.err, "#/properties/a/if"));
}

TEST_CASE("ocr reads, several files get headings, --json is a list") {
    const ProgramResult one = runProgram({"ocr", sample("03-ocr.png")});
    CHECK(one.exitCode == 0);
    CHECK(contains(one.out, "$63.74\nbehind\n"));
    const ProgramResult two = runProgram({"ocr", sample("03-ocr.png"), sample("07-ocr.png"), "--json"});
    REQUIRE(two.exitCode == 0);
    const json list = json::parse(two.out);
    REQUIRE(list.size() == 2);
    CHECK(contains(list[1]["text"].get<std::string>(), "queen BEAR"));
    const ProgramResult mixed = runProgram({"ocr", sample("03-ocr.png"), sample("07-ocr.png")});
    CHECK(contains(mixed.out, "==> " + sample("03-ocr.png") + " <==\n"));
}

TEST_CASE("detect writes every format and the overlay") {
    const TemporaryFolder folder;
    const std::string scene = sample("16-detect.png"), overlay = folder.file("boxes.png");
    const ProgramResult r = runProgram({"detect", scene, "--overlay", overlay});
    REQUIRE(r.exitCode == 0);
    const json list = json::parse(r.out);
    REQUIRE(list.size() == 1);
    CHECK(list[0]["width"].get<int>() > 0);
    REQUIRE_FALSE(list[0]["objects"].empty());
    CHECK(list[0]["objects"][0].contains("box_2d"));
    CHECK(readFile(overlay).rfind("\x89PNG", 0) == 0);
    CHECK(readFile(overlay) != readFile(scene));
    CHECK(json::parse(runProgram({"detect", scene, "--format", "coco"}).out)["annotations"].size() ==
          list[0]["objects"].size());
    CHECK(runProgram({"detect", scene, "--format", "csv"}).out.rfind("file,kind,label", 0) == 0);
    const ProgramResult yolo = runProgram({"detect", scene, "--format", "yolo", "--output", folder.file("yolo")});
    CHECK(yolo.exitCode == 0);
    CHECK_FALSE(readFile(folder.file("yolo/classes.txt")).empty());
    CHECK_FALSE(readFile(folder.file("yolo/16-detect.txt")).empty());
    checkRefused(runProgram({"detect", scene, "--overlay", "/nowhere/at/all.png"}), 1);
}

TEST_CASE("transcribe gives text, subtitles and JSON, and names with any letters") {
    const TemporaryFolder folder;
    const std::string file = folder.file("Gespräch – 会話.wav");
    std::filesystem::copy_file(sample("33-speech.wav"), file);
    const ProgramResult text = runProgram({"transcribe", file});
    CHECK(text.exitCode == 0);
    CHECK(text.out == "We will go to the market.\n");
    const ProgramResult srt = runProgram({"transcribe", file, "--format", "srt"});
    CHECK(contains(srt.out, " --> "));
    CHECK(contains(srt.out, "We will go to the market."));
    CHECK(runProgram({"transcribe", file, "--format", "vtt"}).out.rfind("WEBVTT", 0) == 0);
    const json verbose = json::parse(runProgram({"transcribe", file, "--json"}).out);
    CHECK(verbose["text"] == "We will go to the market.");
    CHECK(verbose["segments"].size() == 1);
    const ProgramResult saved = runProgram({"transcribe", file, "--output", folder.file("t.txt")});
    CHECK(saved.exitCode == 0);
    CHECK(readFile(folder.file("t.txt")) == "We will go to the market.\n");
    CHECK_FALSE(std::filesystem::exists(folder.file("t.txt.journal")));
}

TEST_CASE("describe and inspect") {
    const ProgramResult described = runProgram({"describe", sample("24-count.png")});
    CHECK(described.exitCode == 0);
    CHECK(contains(described.out, "The picture shows"));
    const ProgramResult text = runProgram({"inspect"});
    CHECK(text.exitCode == 0);
    CHECK(contains(text.out, "demo"));
    const json info = json::parse(runProgram({"inspect", "--json"}).out);
    CHECK(info["layers"] == 6);
    CHECK(info["unsupported"].empty());
    CHECK(info["memory"].size() >= 2);
    CHECK(info["memory"][0]["total_bytes"].get<std::uint64_t>() > 1'000'000);
}

TEST_CASE("the tour does everything and says where it lies") {
    const TemporaryFolder folder;
    const ProgramResult r = runProgram({"tour", "--output", folder.file("tour")});
    REQUIRE(r.exitCode == 0);
    for (const char *part :
         {"1. Reads", "2. Boxes", "3. Writes down", "4. Calls a tool", "scene-boxes.png", "get_weather", "5. Learns",
          "modek ra"}) {
        CAPTURE(std::string(part));
        CHECK(contains(r.out, part));
    }
    CHECK(std::filesystem::file_size(folder.file("tour/scene-boxes.png")) > 100);
    CHECK(contains(r.out, "--model FOLDER")); // how to go on
    CHECK(contains(r.out, ".gguf"));
    CHECK(contains(r.out, "facet-cli models"));
}

TEST_CASE("Ctrl-C ends a transcription with 130") {
    const ProgramResult r = runProgram({"transcribe", medium("long.ogg")}, "", 700);
    CHECK((r.exitCode == 130 || r.exitCode == 0)); // a fast machine may be done by then
}

TEST_CASE("probe: a case without a model, a line kind, and what is not read yet") {
    const TemporaryFolder folder;
    const std::string golden = std::string(std::getenv("FACET_FIXTURES")) + "/golden";
    const ProgramResult constants =
        runProgram({"probe", "--case", golden + "/media/audio_frontend.json", "--out", folder.file("c.safetensors")});
    CHECK(constants.exitCode == 0);
    CHECK(contains(readFile(folder.file("c.safetensors")), "mel_filters"));
    const ProgramResult lines = runProgram(
        {"probe", "--jsonl", "detection", golden + "/media/detection_parse.jsonl", "--out", folder.file("d.jsonl")});
    CHECK(lines.exitCode == 0);
    CHECK(contains(readFile(folder.file("d.jsonl")), "px_xyxy"));
    checkRefused(runProgram({"probe", "--case", golden + "/tiny-e2b-assistant/mtp_step_short.json", "--model", "x",
                             "--out", folder.file("x")}),
                 1);
    checkRefused(runProgram({"probe", "--case", "/nowhere.json", "--out", folder.file("x")}), 1);
}
