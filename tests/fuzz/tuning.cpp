// Any bytes as a file of measured choices: refused, or choices within their limits that are written back alike. The input
// is taken as it is, and with its checksum made right where it is one object.
#include "load/tuning_file.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace facet;

const TuningIdentity kIdentity{"A processor", "avx2", "abc;weights 0", 8};

void tryText(const std::string &text) {
    const auto tuning = parseTuning(text, kIdentity);
    if (!tuning) return;
    if (tuning->readThreads < 1 || tuning->readThreads > 1024 || tuning->writeThreads < 1 || tuning->writeThreads > 1024) std::abort();
    if (tuning->kv == KvType::Auto || tuning->kv == KvType::F32) std::abort();
    if (!parseTuning(tuningText(*tuning, kIdentity), kIdentity)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    tryText(text);
    if (size > 65'536) return 0;
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return 0;
    json.erase("checksum");
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // as the writer does
    for (const char c : json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace))
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    json["checksum"] = digits;
    tryText(json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    return 0;
}
