#include "load/tuning_file.h"

#include "facet/machine.h"
#include "kernels/kernels.h"
#include "load/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <unistd.h>

namespace facet {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr const char *kFormat = "facet-tuning";
constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 10U;
constexpr std::size_t kMaxList = 64;
constexpr std::size_t kMaxSentence = 1000;
constexpr int kMaxThreads = 1024;

std::string hashOf(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return digits;
}

// Bytes of a processor's name that are no UTF-8 become a mark: nothing throws.
std::string line(const Json &json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

Error unusable(const char *why) {
    return {ErrorCode::FileUnreadable,
            std::string("What was measured for this model on this machine cannot be used (") + why +
                "); the usual settings are taken until it is measured again."};
}

// Reads fields and remembers whether all of them were there and within their limits.
class Fields {
public:
    explicit Fields(const Json &object) : m_object(object) { m_good = object.is_object(); }

    std::string text(const char *name) {
        const Json *value = find(name);
        if (value == nullptr || !value->is_string() || value->get_ref<const std::string &>().size() > kMaxSentence) return bad();
        return value->get<std::string>();
    }
    std::int64_t integer(const char *name, std::int64_t least, std::int64_t most) {
        const Json *value = find(name);
        if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() > static_cast<std::uint64_t>(most) ||
            static_cast<std::int64_t>(value->get<std::uint64_t>()) < least) {
            m_good = false;
            return least;
        }
        return static_cast<std::int64_t>(value->get<std::uint64_t>());
    }
    double number(const char *name, double most) {
        const Json *value = find(name);
        const double number = value != nullptr && value->is_number() ? value->get<double>() : -1;
        if (std::isfinite(number) && number >= 0 && number <= most) return number;
        m_good = false;
        return 0;
    }
    KvType kv(const char *name) {
        const auto type = kvTypeNamed(text(name));
        if (type && *type != KvType::Auto && *type != KvType::F32) return *type;
        m_good = false;
        return KvType::F16;
    }
    const Json &list(const char *name) {
        static const Json empty = Json::array();
        const Json *value = find(name);
        if (value != nullptr && value->is_array() && value->size() <= kMaxList) return *value;
        m_good = false;
        return empty;
    }
    bool good() const noexcept { return m_good; }

private:
    const Json *find(const char *name) {
        if (!m_object.is_object()) return nullptr;
        const auto at = m_object.find(name);
        return at == m_object.end() ? nullptr : &*at;
    }
    std::string bad() {
        m_good = false;
        return {};
    }
    const Json &m_object;
    bool m_good = true;
};

constexpr double kMaxRate = 1e12;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 50U;

Json figuresJson(const TuningFigures &figures) {
    Json threads = Json::array(), caches = Json::array();
    for (const auto &each : figures.threads)
        threads.push_back({{"threads", each.threads}, {"read", each.readRate}, {"write", each.writeRate}});
    for (const auto &each : figures.caches) {
        caches.push_back({{"kv", kvTypeName(each.type)}, {"divergence", each.divergence}, {"same_best", each.sameBest},
                          {"write", each.writeRate}, {"bytes", each.bytes}});
    }
    return {{"threads", std::move(threads)}, {"caches", std::move(caches)}, {"positions", figures.positions},
            {"depth", figures.depth}};
}

bool readFigures(const Json &json, TuningFigures &figures) {
    Fields fields(json);
    bool good = true;
    for (const Json &each : fields.list("threads")) {
        Fields entry(each);
        figures.threads.push_back({static_cast<int>(entry.integer("threads", 1, kMaxThreads)), entry.number("read", kMaxRate),
                                   entry.number("write", kMaxRate)});
        good = good && entry.good();
    }
    for (const Json &each : fields.list("caches")) {
        Fields entry(each);
        TuningFigures::Cache cache;
        cache.type = entry.kv("kv");
        cache.divergence = entry.number("divergence", kMaxRate);
        cache.sameBest = entry.number("same_best", 1);
        cache.writeRate = entry.number("write", kMaxRate);
        cache.bytes = static_cast<std::uint64_t>(entry.integer("bytes", 0, kMaxCount));
        figures.caches.push_back(cache);
        good = good && entry.good();
    }
    figures.positions = fields.integer("positions", 0, kMaxCount);
    figures.depth = fields.integer("depth", 0, kMaxCount);
    return good && fields.good();
}

Json reasonsJson(const std::vector<TuningReason> &reasons) {
    Json list = Json::array();
    for (const TuningReason &each : reasons)
        list.push_back({{"threads", each.about == TuningReason::About::Threads ? 1 : 0}, {"sentence", each.sentence}});
    return list;
}

Json identityJson(const TuningIdentity &identity) {
    return {{"processor", identity.processor}, {"cores", identity.cores}, {"kernels", identity.kernels},
            {"model", identity.model}};
}

} // namespace

TuningIdentity tuningIdentity(const Checkpoint &checkpoint, const LoadOptions &options) {
    TuningIdentity identity;
    identity.processor = processorName().substr(0, 200);
    identity.kernels = kernelsFor(options.isa).name;
    identity.cores = usableCores();
    identity.model = checkpoint.weights->fingerprint() + ";weights " + std::to_string(static_cast<int>(options.weights));
    return identity;
}

std::string tuningPath(const std::string &folder, const TuningIdentity &identity) {
    return folder + "/" + hashOf(line(identityJson(identity))) + ".json";
}

std::string tuningText(const Tuning &tuning, const TuningIdentity &identity) {
    Json json = {{"format", kFormat},
                 {"version", kVersion},
                 {"for", identityJson(identity)},
                 {"read_threads", tuning.readThreads},
                 {"write_threads", tuning.writeThreads},
                 {"kv", kvTypeName(tuning.kv)},
                 {"reasons", reasonsJson(tuning.reasons)},
                 {"figures", figuresJson(tuning.figures)}};
    json["checksum"] = hashOf(line(json));
    return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

Result<Tuning> parseTuning(std::string_view text, const TuningIdentity &identity) {
    if (text.size() > kMaxBytes) return unusable("it is too large");
    auto parsed = parseJsonObject(text, {.depth = 8, .values = 4096}, {});
    if (!parsed) return unusable("it is damaged");
    Json json = std::move(*parsed);
    Fields fields(json);
    if (fields.text("format") != kFormat) return unusable("it is no such file");
    if (fields.integer("version", 0, 1 << 20) != kVersion) return unusable("another version of the program wrote it");
    const std::string checksum = fields.text("checksum");
    json.erase("checksum");
    if (checksum != hashOf(line(json))) return unusable("it was changed");
    const auto whose = json.find("for");
    if (whose == json.end() || line(*whose) != line(identityJson(identity)))
        return unusable("it is of another machine or model");
    Tuning tuning;
    tuning.readThreads = static_cast<int>(fields.integer("read_threads", 1, kMaxThreads));
    tuning.writeThreads = static_cast<int>(fields.integer("write_threads", 1, kMaxThreads));
    tuning.kv = fields.kv("kv");
    for (const Json &each : fields.list("reasons")) {
        Fields entry(each);
        const bool threads = entry.integer("threads", 0, 1) == 1;
        tuning.reasons.push_back({threads ? TuningReason::About::Threads : TuningReason::About::Cache, entry.text("sentence")});
        if (!entry.good()) return unusable("its values make no sense");
    }
    const auto figures = json.find("figures");
    if (!fields.good() || figures == json.end() || !readFigures(*figures, tuning.figures)) return unusable("its values make no sense");
    return tuning;
}

Status writeTuning(const std::string &folder, const TuningIdentity &identity, const Tuning &tuning) {
    const std::string path = tuningPath(folder, identity), part = path + "." + std::to_string(::getpid()) + ".part";
    const auto refused = [&path](int number) {
        return Error{number == ENOSPC ? ErrorCode::DiskFull : ErrorCode::FileWriteFailed,
                     "What was measured could not be kept, so that it will be measured again.", {}, path};
    };
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return refused(error.value());
    errno = 0;
    {
        std::ofstream file(part, std::ios::binary | std::ios::trunc);
        file << tuningText(tuning, identity);
        file.close();
        if (!file) {
            const int number = errno;
            fs::remove(part, error);
            return refused(number);
        }
    }
    fs::rename(part, path, error);
    if (!error) return ok();
    const int number = error.value();
    fs::remove(part, error);
    return refused(number);
}

Result<Tuning> readTuning(const std::string &folder, const TuningIdentity &identity) {
    const std::string path = tuningPath(folder, identity);
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        return Error{ErrorCode::FileNotFound, "Nothing was measured for this model on this machine yet.", {}, path};
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
    auto tuning = parseTuning(text, identity);
    if (!tuning) tuning.error().file = path;
    return tuning;
}

bool mayTune(const LoadOptions &options) noexcept {
    const bool open = options.threads <= 0 || options.kv == KvType::Auto;
    return !options.tuningFolder.empty() && options.tune != TuneMode::Off && !options.referencePrecision && open;
}

} // namespace facet
