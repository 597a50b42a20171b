// Below /x_facet: what only Facet's own window needs. Loading and unloading, models seen from their headers, costs of
// media.
#include "host/facet_routes.h"

#include "host/generation.h"
#include "host/media_url.h"
#include "host/services.h"
#include "host/sse_writer.h"

#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <utility>

namespace facet::host {

namespace {

constexpr std::int64_t kMaxContextWish = std::int64_t{1} << 24;
constexpr std::int64_t kMaxThreads = 1024;
constexpr std::int64_t kMaxMemory = std::int64_t{1} << 50;
constexpr std::size_t kMaxAdapters = 16;

Result<Json> bodyObject(const HttpCall &call) {
    if (call.body.empty()) return Json::object();
    FACET_TRY(body, parseJson(call.body));
    if (!body.is_object()) return fieldError("", "The request body must be a JSON object.");
    return body;
}

std::uint64_t memoryAt(const ModelInfo &info, int context) {
    const MemoryEstimate *best = nullptr;
    for (const MemoryEstimate &each : info.memory) {
        const bool closer = !best || (best->contextLength < context
                                          ? each.contextLength > best->contextLength
                                          : each.contextLength >= context && each.contextLength < best->contextLength);
        if (closer) best = &each;
    }
    return best ? best->totalBytes() : 0;
}

HttpReply modelState(Services &services) {
    const std::optional<ModelInfo> info = services.slot.info();
    if (!info) return jsonReply(200, jsonLine({{"loaded", false}}));
    Json body = {{"loaded", true}, {"info", modelInfoJson(*info)}};
    if (const std::optional<MemoryUse> use = services.slot.memoryUse()) {
        body["memory"] = {{"limit", use->limit},
                          {"weights", use->weights},
                          {"working", use->working},
                          {"conversations", use->conversations},
                          {"snapshots", use->snapshots},
                          {"soft_tokens", use->softTokens},
                          {"conversation_count", use->conversationCount},
                          {"running", use->running},
                          {"waiting", use->waiting}};
    }
    return jsonReply(200, jsonLine(body));
}

Result<WeightType> weightType(const JsonFields &fields) {
    FACET_TRY(name, fields.string("weights"));
    if (!name || *name == "as_stored") return WeightType::AsStored;
    if (*name == "q8_0") return WeightType::Q8_0;
    if (*name == "q4_0") return WeightType::Q4_0;
    return fields.wrong("weights", "be as_stored, q8_0 or q4_0.");
}

Result<KvType> kvType(const JsonFields &fields) {
    FACET_TRY(name, fields.string("kv"));
    if (!name) return KvType::Auto;
    if (const auto type = kvTypeNamed(*name)) return *type;
    return fields.wrong("kv", "be auto, f32, f16, q8_0, q4_0 or q4_r.");
}

Result<Packing> packing(const JsonFields &fields) {
    FACET_TRY(name, fields.string("packing"));
    if (!name) return Packing::Auto;
    if (const auto packing = packingNamed(*name)) return *packing;
    return fields.wrong("packing", "be auto, on or off.");
}

Result<TuneMode> tuneMode(const JsonFields &fields, TuneMode usual) {
    FACET_TRY(name, fields.string("tune"));
    if (!name) return usual;
    if (*name == "auto") return TuneMode::Auto;
    if (*name == "off") return TuneMode::Off;
    if (*name == "again") return TuneMode::Again;
    return fields.wrong("tune", "be auto, off or again.");
}

Result<std::string> modelPath(const JsonFields &fields) {
    FACET_TRY(path, fields.string("path"));
    if (!path || path->empty() || path->find('\0') != std::string::npos)
        return fields.wrong("path", "name a model folder.");
    return std::move(*path);
}

// A path beside the model's own: a projector, a drafter. Absent or "": none.
Result<std::string> partPath(const JsonFields &fields, const char *name) {
    FACET_TRY(path, fields.string(name));
    if (path && path->find('\0') != std::string::npos) return fields.wrong(name, "name a file or a folder.");
    return path.value_or(std::string());
}

// [{"path": FOLDER, "scale": 1}]
Result<std::vector<AdapterOption>> adapterList(const JsonFields &fields) {
    constexpr double kMaxScale = 1000;
    FACET_TRY(list, fields.array("adapters", kMaxAdapters));
    std::vector<AdapterOption> adapters;
    for (std::size_t i = 0; list && i < list->size(); ++i) {
        const std::string where = fields.pathOf("adapters") + "[" + std::to_string(i) + "]";
        if (!(*list)[i].is_object()) return fieldError(where, "'" + where + "' must be an object with a path.");
        const JsonFields entry((*list)[i], where);
        FACET_TRY(path, partPath(entry, "path"));
        FACET_TRY(scale, entry.number("scale", -kMaxScale, kMaxScale));
        if (path.empty()) return entry.wrong("path", "name an adapter's folder.");
        adapters.push_back({std::move(path), static_cast<float>(scale.value_or(1.0))});
    }
    return adapters;
}

Result<LoadOptions> loadOptions(const HttpCall &call, const Services &services) {
    FACET_TRY(body, bodyObject(call));
    const JsonFields fields(body, "");
    LoadOptions options;
    FACET_TRY(path, modelPath(fields));
    FACET_TRY(weights, weightType(fields));
    FACET_TRY(context, fields.integer("context", 0, kMaxContextWish));
    FACET_TRY(threads, fields.integer("threads", 0, kMaxThreads));
    FACET_TRY(memory, fields.integer("memory", 0, kMaxMemory));
    FACET_TRY(mmproj, partPath(fields, "mmproj"));
    FACET_TRY(drafter, partPath(fields, "drafter"));
    FACET_TRY(adapters, adapterList(fields));
    FACET_TRY(kv, kvType(fields));
    FACET_TRY(packed, packing(fields));
    FACET_TRY(tune, tuneMode(fields, services.tune));
    options.path = std::move(path);
    options.mmproj = std::move(mmproj);
    options.drafter = std::move(drafter);
    options.adapters = std::move(adapters);
    options.weights = weights;
    options.contextLength = static_cast<int>(context.value_or(0));
    options.threads = static_cast<int>(threads.value_or(0));
    options.kv = kv;
    options.packing = packed;
    options.tune = tune;
    options.tuningFolder = services.tuningFolder;
    options.memoryLimitBytes = static_cast<std::uint64_t>(memory.value_or(0));
    return options;
}

HttpReply inspect(HttpCall &call, Services &services) {
    const Result<LoadOptions> options = loadOptions(call, services);
    if (!options) return errorReply(apiError(options.error(), true));
    const Result<ModelInfo> info = services.slot.inspect(*options);
    if (!info) return errorReply(apiError(info.error()));
    Json answer = modelInfoJson(*info);
    answer["memory"] = Json::array();
    for (const MemoryEstimate &each : info->memory) {
        answer["memory"].push_back({{"context", each.contextLength},
                                    {"kv", kvTypeName(each.kv)},
                                    {"start_bytes", each.startBytes()},
                                    {"text_bytes", each.textBytes()},
                                    {"total_bytes", each.totalBytes()}});
    }
    answer["unsupported"] = info->unsupported;
    return jsonReply(200, jsonLine(answer));
}

// The load runs on a thread of its own; this one reports.
void streamLoad(SseWriter &writer, const LoadOptions &options, Services &services, const CancelToken &gone) {
    struct Progress {
        std::atomic<std::uint64_t> done{0}, total{0};
    };
    const auto progress = std::make_shared<Progress>();
    std::future<Result<ModelInfo>> loading = std::async(std::launch::async, [&] {
        return services.slot.load(
            options,
            [progress](Phase, std::uint64_t done, std::uint64_t total) {
                progress->total = total;
                progress->done = done;
            },
            gone);
    });
    constexpr std::chrono::milliseconds kReport{50};
    std::uint64_t reported = std::numeric_limits<std::uint64_t>::max();
    while (loading.wait_for(kReport) != std::future_status::ready) {
        const std::uint64_t done = progress->done;
        if (done != reported && progress->total > 0) {
            reported = done;
            writer.event(
                jsonLine({{"phase", phaseName(Phase::Loading)}, {"done", done}, {"total", progress->total.load()}}));
        }
        if (!writer.pingAfter(services.pingAfter)) gone.cancel();
    }
    const Result<ModelInfo> info = loading.get();
    if (info) {
        writer.event(jsonLine({{"loaded", true}, {"info", modelInfoJson(*info)}}));
    } else {
        writer.event(apiError(info.error()).json());
    }
    writer.done();
}

HttpReply load(HttpCall &call, Services &services) {
    Result<LoadOptions> options = loadOptions(call, services);
    if (!options) return errorReply(apiError(options.error(), true));
    options->cacheFolder = services.cacheFolder;
    HttpReply reply{.contentType = "text/event-stream"};
    reply.stream = [options = *options, gone = call.gone, &services](SseWriter &writer) {
        streamLoad(writer, options, services, gone);
    };
    return reply;
}

HttpReply unload(Services &services) {
    services.slot.unload();
    return jsonReply(200, jsonLine({{"loaded", false}}));
}

Result<MediumRef> costMedium(const JsonFields &fields, bool allowFiles) {
    MediumRef medium;
    FACET_TRY(kind, fields.string("kind"));
    FACET_TRY(url, fields.string("url"));
    FACET_TRY(budget, fields.integer("token_budget", 0, 100'000));
    FACET_TRY(frames, fields.integer("frames", 0, 10'000));
    if (kind == "image") {
        medium.kind = MediumKind::Image;
    } else if (kind == "audio") {
        medium.kind = MediumKind::Audio;
    } else if (kind == "video") {
        medium.kind = MediumKind::Video;
    } else if (kind) {
        return fields.wrong("kind", "be image, audio or video.");
    } else {
        medium.kind = MediumKind::Sniffed;
    }
    if (!url) return fields.wrong("url", "be a string.");
    Result<media::Source> source = mediaFromUrl(*url, allowFiles);
    if (!source) return fieldError("url", source.error().describe(), source.error().code);
    medium.source = std::move(source).value();
    medium.field = "url";
    medium.tokenBudget = static_cast<int>(budget.value_or(0));
    medium.frames = static_cast<int>(frames.value_or(0));
    return medium;
}

HttpReply cost(HttpCall &call, Services &services) {
    const Result<Json> body = bodyObject(call);
    if (!body) return errorReply(apiError(body.error()));
    const JsonFields fields(*body, "");
    const Result<MediumRef> medium = costMedium(fields, call.privateLink);
    if (!medium) return errorReply(apiError(medium.error(), true));
    const Result<std::optional<bool>> sound = fields.boolean("video_sound");
    if (!sound) return errorReply(apiError(sound.error(), true));
    ModelInfo usual; // before a model is loaded: what the released ones have
    usual.hasVision = usual.hasAudio = true;
    const Result<MediumCost> cost =
        mediumCost(*medium, sound->value_or(true), services.slot.info().value_or(usual), services.media);
    if (!cost)
        return errorReply(apiError(cost.error(), !cost.error().detail.empty() && cost.error().detail == medium->field));
    return jsonReply(200, jsonLine({{"tokens", cost->tokens},
                                    {"width", cost->width},
                                    {"height", cost->height},
                                    {"seconds", cost->seconds},
                                    {"frames", cost->frames}}));
}

// A medium that was attached but not sent yet: read now, so that the question about it need not wait.
HttpReply encode(HttpCall &call, Services &services) {
    const Result<Json> body = bodyObject(call);
    if (!body) return errorReply(apiError(body.error()));
    const JsonFields fields(*body, "");
    Result<MediumRef> medium = costMedium(fields, call.privateLink);
    if (!medium) return errorReply(apiError(medium.error(), true));
    const Result<std::optional<bool>> sound = fields.boolean("video_sound");
    if (!sound) return errorReply(apiError(sound.error(), true));
    call.body = {};
    auto entry = services.slot.enter(call.gone);
    if (const ApiError *refused = std::get_if<ApiError>(&entry)) return errorReply(*refused);
    EnginePort &engine = std::get<ModelSlot::Ticket>(entry).engine();
    ChatCall chat;
    chat.videoSound = sound->value_or(true);
    chat.request.messages.resize(1);
    chat.request.messages[0].parts.resize(1);
    chat.media.push_back(std::move(medium).value());
    if (const Status loaded = loadMedia(chat, engine.info(), services.media, call.gone); !loaded)
        return errorReply(apiError(loaded.error(), true));
    const Status encoded = runEncodeAhead(engine, std::move(chat.request.messages[0].parts), call.gone);
    if (!encoded) return errorReply(apiError(encoded.error()));
    return jsonReply(200, jsonLine({{"encoded", true}}));
}

} // namespace

Json modelInfoJson(const ModelInfo &info) {
    Json json = {{"path", info.path},
                 {"name", info.name},
                 {"architecture", info.architecture},
                 {"weight_type", info.weightType},
                 {"parameters", info.parameterCount},
                 {"file_bytes", info.fileBytes},
                 {"context", info.contextLength},
                 {"max_context", info.maxContext},
                 {"vision", nullptr},
                 {"audio", nullptr},
                 {"demo", info.demoModel},
                 {"unsupported", info.unsupported},
                 {"kv", kvTypeName(info.kv)},
                 {"threads", info.threads},
                 {"write_threads", info.writeThreads},
                 {"tuned", info.tuned},
                 {"available_bytes", info.availableBytes},
                 {"notes", info.notes},
                 {"memory_bytes", memoryAt(info, info.contextLength)}};
    if (info.hasVision) {
        json["vision"] = {{"budgets", info.vision.budgets},
                          {"default_budget", info.vision.defaultBudget},
                          {"patch_size", info.vision.patchSize},
                          {"pooling", info.vision.poolingKernel}};
    }
    if (info.hasAudio) {
        json["audio"] = {{"sample_rate", info.audio.sampleRate},
                         {"mel_bins", info.audio.melBins},
                         {"max_seconds", static_cast<double>(info.audio.maxSamples) / info.audio.sampleRate}};
    }
    return json;
}

void addFacetRoutes(std::vector<Route> &routes, Services &services, bool privateLink) {
    routes.push_back({.method = "GET", .path = "/x_facet/model", .handler = [&services](HttpCall &) {
                          return modelState(services);
                      }});
    const auto post = [&routes](const char *path, RouteHandler handler, std::size_t bodyLimit) {
        routes.push_back({.method = "POST", .path = path, .handler = std::move(handler), .bodyLimit = bodyLimit});
    };
    post(
        "/x_facet/inspect", [&services](HttpCall &call) { return inspect(call, services); }, kSmallBodyLimit);
    post(
        "/x_facet/load", [&services](HttpCall &call) { return load(call, services); }, kSmallBodyLimit);
    post(
        "/x_facet/unload", [&services](HttpCall &) { return unload(services); }, kSmallBodyLimit);
    post(
        "/x_facet/cost", [&services](HttpCall &call) { return cost(call, services); },
        privateLink ? kPrivateBodyLimit : kBodyLimit);
    post(
        "/x_facet/encode", [&services](HttpCall &call) { return encode(call, services); },
        privateLink ? kPrivateBodyLimit : kBodyLimit);
    if (privateLink) addFoundRoutes(routes, services);
}

} // namespace facet::host
