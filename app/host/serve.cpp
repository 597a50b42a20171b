#include "host/serve.h"

#include "host/http_server.h"
#include "host/json_reader.h"
#include "host/request_guard.h"
#include "host/services.h"
#include "host/stop_source.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace facet::host {

namespace {

constexpr std::size_t kMaxKey = 1024;

void say(const std::string &line) { std::fprintf(stderr, "facet-cli serve: %s\n", line.c_str()); }

// Byte by byte: nothing behind the line may be swallowed by a buffer.
std::optional<std::string> readKeyLine() {
    std::string key;
    char c = 0;
    while (::read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') {
            if (!key.empty() && key.back() == '\r') key.pop_back();
            return key.empty() ? std::nullopt : std::optional(key);
        }
        if (key.size() == kMaxKey) break;
        key += c;
    }
    return std::nullopt;
}

// Ends the process when an orderly end takes too long: whoever started it must never be left with a stray engine.
class Watchdog {
public:
    explicit Watchdog(std::chrono::seconds patience)
        : m_thread([this, patience] {
              std::unique_lock lock(m_mutex);
              if (m_wake.wait_for(lock, patience, [this] { return m_done; })) return;
              std::_Exit(1);
          }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(m_mutex);
            m_done = true;
        }
        m_wake.notify_all();
        m_thread.join();
    }
    Watchdog(const Watchdog &) = delete;
    Watchdog &operator=(const Watchdog &) = delete;

private:
    std::mutex m_mutex;
    std::condition_variable m_wake;
    bool m_done = false;
    std::thread m_thread;
};

void announce(const ServeOptions &options, const HttpServer &server, const std::string &key) {
    if (options.privateLink) {
        std::printf("%s\n", jsonLine({{"port", server.port()}, {"pid", ::getpid()}}).c_str());
        std::fflush(stdout);
        return;
    }
    say("listening on http://" + std::string(options.host == "::1" ? "[::1]" : "127.0.0.1") + ":" +
        std::to_string(server.port()) + "/v1");
    if (options.key.empty()) say("key: " + key);
}

} // namespace

int runServe(const ServeOptions &options) {
    std::string key = options.key;
    if (options.privateLink) {
        // A belt for the case that the pipe does not close (somebody inherited its other end).
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        std::optional<std::string> line = readKeyLine();
        if (!line) {
            say("the key is missing: with --private it is the first line of standard input");
            return 1;
        }
        key = std::move(*line);
    } else if (key.empty()) {
        key = randomHex(16);
    }

    StopSource stop(options.privateLink);
    const std::unique_ptr<EngineLoader> loader = makeEngineLoader();
    const std::unique_ptr<MediaLoader> media = makeMediaLoader();
    ModelSlot slot(*loader);
    const auto started = std::chrono::system_clock::now().time_since_epoch();
    Services services{.slot = slot,
                      .media = *media,
                      .transcribe = tasks::transcribe,
                      .findModels =
                          [] { return discoverModels(modelFoldersOfUser(), DiscoverScope::Everything); },
                      .cacheFolder = options.cacheFolder,
                      .tuningFolder = options.tuningFolder,
                      .tune = options.tune,
                      .started = std::chrono::duration_cast<std::chrono::seconds>(started).count()};
    auto server =
        HttpServer::start({.host = options.host, .port = options.port, .key = key, .privateLink = options.privateLink},
                          allRoutes(services, options.privateLink));
    if (!server) {
        say(server.error().describe());
        return 1;
    }
    announce(options, **server, key);

    bool failed = false;
    const CancelToken stopLoading;
    std::thread loading;
    if (!options.modelPath.empty()) {
        loading = std::thread([&] {
            const LoadOptions load{.path = options.modelPath,
                                   .drafter = options.drafter,
                                   .adapters = options.adapters,
                                   .cacheFolder = options.cacheFolder,
                                   .weights = options.weights,
                                   .contextLength = options.contextLength,
                                   .threads = options.threads,
                                   .kv = options.kv,
                                   .packing = options.packing,
                                   .memoryLimitBytes = options.memoryLimitBytes,
                                   .tuningFolder = options.tuningFolder,
                                   .tune = options.tune};
            const Result<ModelInfo> info = slot.load(load, {}, stopLoading);
            if (info) {
                for (const std::string &sentence : info->unsupported) say(sentence);
                for (const std::string &note : info->notes) say(note);
                return say("model ready: " + info->name);
            }
            if (info.error().code == ErrorCode::Cancelled) return;
            say(info.error().describe());
            // The window can offer another model; on the command line there is nobody to do so.
            failed = !options.privateLink;
            if (failed) stop.ask();
        });
    }
    stop.wait();

    const Watchdog watchdog(std::chrono::seconds(10));
    stopLoading.cancel();
    (*server)->stop();
    if (loading.joinable()) loading.join();
    slot.close();
    return failed ? 1 : 0;
}

} // namespace facet::host
