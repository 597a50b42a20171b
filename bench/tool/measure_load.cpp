// Start to ready, measured from outside: the program starts itself once for every sample.
#include "tool/measure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace facet::bench {

namespace {

// Every sample finds the files in the page cache.
void readAll(const std::string &path) {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(path, error)) {
        for (const auto &entry : std::filesystem::directory_iterator(path, error)) files.push_back(entry.path());
    } else {
        files.emplace_back(path);
    }
    std::vector<char> block(std::size_t{1} << 22U);
    for (const auto &file : files) {
        std::ifstream stream(file, std::ios::binary);
        while (stream.read(block.data(), static_cast<std::streamsize>(block.size()))) {}
    }
}

std::uint64_t figure(const std::string &line, const std::string &key) {
    const std::size_t at = line.find(key + "=");
    return at == std::string::npos ? 0 : std::strtoull(line.c_str() + at + key.size() + 1, nullptr, 10);
}

}  // namespace

Result<TestResult> measureLoad(const BenchOptions &options, const std::string &path, int threads, const std::string &program) {
    std::vector<std::string> arguments{program, "--load-child", "-m", path, "-t", std::to_string(threads)};
    if (!options.mmproj.empty()) arguments.insert(arguments.end(), {"--mmproj", options.mmproj});
    if (!options.drafter.empty()) arguments.insert(arguments.end(), {"--drafter", options.drafter});
    if (options.weights != WeightType::AsStored)
        arguments.insert(arguments.end(), {"--weights", options.weights == WeightType::Q8_0 ? "q8_0" : "q4_0"});
    arguments.insert(arguments.end(), {"--pack", packingName(options.packing)});
    readAll(path);
    TestResult result;
    result.spec.kind = TestSpec::Kind::Load;
    for (int i = 0; i < options.repetitions; ++i) {
        FACET_TRY(lines, runChild(arguments));
        const auto line = [&lines](const char *word) {
            return std::find_if(lines.begin(), lines.end(), [word](const TimedLine &each) { return each.text.starts_with(word); });
        };
        const auto ready = line("ready"), token = line("token"), memory = line("memory");
        if (ready == lines.end() || token == lines.end() || memory == lines.end())
            return Error{ErrorCode::Internal, "The measured program did not say when it was ready."};
        result.seconds.push_back(ready->seconds);
        result.firstTokenSeconds.push_back(token->seconds);
        result.memory = {std::max(result.memory.peakResident, figure(memory->text, "peak")), figure(memory->text, "anonymous"),
                         figure(memory->text, "mapped")};
    }
    return result;
}

Status loadAndAnswer(const BenchOptions &options) {
    LoadOptions wanted;
    wanted.path = options.models.front();
    wanted.mmproj = options.mmproj;
    wanted.drafter = options.drafter;
    wanted.weights = options.weights;
    wanted.packing = options.packing;
    wanted.contextLength = 4096;
    wanted.threads = options.threads.empty() ? 0 : options.threads.front();
    FACET_TRY(engine, Engine::load(wanted));
    std::puts("ready");
    std::fflush(stdout);
    Request request;
    request.rawPrompt = "a";
    request.maxTokens = 1;
    request.sampling.temperature = 0;
    FACET_CHECK(engine->generate(std::move(request)));
    std::puts("token");
    const MemoryFigures memory = memoryFigures();
    std::printf("memory peak=%llu anonymous=%llu mapped=%llu\n", static_cast<unsigned long long>(memory.peakResident),
                static_cast<unsigned long long>(memory.anonymous), static_cast<unsigned long long>(memory.mapped));
    std::fflush(stdout);
    return ok();
}

}  // namespace facet::bench
