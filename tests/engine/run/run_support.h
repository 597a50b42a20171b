// The demo model and the tiny checkpoints, loaded once for all cases of this program.
#pragma once

#include "facet/engine.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace facet::test {

inline std::string environment(const char *name) {
    const char *value = std::getenv(name);
    return value ? value : "";
}
inline std::string demoModelPath() { return environment("FACET_RESOURCES") + "/demo-model"; }
inline std::string checkpointPath(const std::string &name) {
    return environment("FACET_FIXTURES") + "/checkpoints/" + name;
}

inline std::unique_ptr<Engine> loadEngine(const std::string &path, int contextLength = 0) {
    LoadOptions options;
    options.path = path;
    options.contextLength = contextLength;
    options.threads = 2;
    auto engine = Engine::load(options);
    INFO((engine ? std::string() : engine.error().describe()));
    REQUIRE(engine);
    return std::move(*engine);
}

inline Request ask(const std::string &text) {
    Request request;
    Message message;
    message.parts.push_back({PartKind::Text, text, nullptr, nullptr, nullptr});
    request.messages.push_back(message);
    request.sampling.temperature = 0;
    return request;
}

// A picture of coloured noise, `columns` x `rows` patches.
inline std::shared_ptr<ImageInput> noisePicture(int columns, int rows, unsigned seed) {
    auto image = std::make_shared<ImageInput>();
    image->columns = columns;
    image->rows = rows;
    image->sourceWidth = columns * 16;
    image->sourceHeight = rows * 16;
    image->patches.resize(static_cast<std::size_t>(columns) * rows * 16 * 16 * 3);
    for (auto &byte : image->patches) byte = static_cast<std::uint8_t>((seed = seed * 1664525U + 1013904223U) >> 24U);
    image->contentHash = "noise" + std::to_string(seed);
    return image;
}

}  // namespace facet::test
