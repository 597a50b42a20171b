// Every kind of case that this version runs, by the table of probe.md: the first row that fits decides.
#include "facet/media/decode.h"
#include "facet/probe.h"
#include "flags.h"
#include "probe_case.h"

#include <algorithm>
#include <cmath>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr float kByteScale = 1.0F / 255.0F;

OutTensor outTensor(ProbeTensor tensor) {
    OutTensor out;
    out.shape = std::move(tensor.shape);
    if (!tensor.integers.empty())
        out.data = std::move(tensor.integers);
    else
        out.data = std::move(tensor.floats);
    return out;
}

OutTensors outTensors(ProbeTensors tensors) {
    OutTensors out;
    for (auto &[name, tensor] : tensors) out[name] = outTensor(std::move(tensor));
    return out;
}

template <typename T>
OutTensor flat(std::vector<T> values, std::vector<std::int64_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
    return {std::move(shape), std::move(values)};
}

Result<OutTensors> sampling(const ProbeCase &probe) {
    OutTensors out;
    for (const Json &entry : probe.json().at("cases")) {
        const auto name = [&entry](const char *key) { return entry.value(key, std::string()); };
        if (!entry.is_object() || name("logits").empty()) continue;
        FACET_TRY(logits, probe.goldenFloats(name("logits")));
        SamplingOptions options{.temperature = 1, .topK = 0, .topP = 1, .minP = 0, .repetitionPenalty = 1};
        const Json config = entry.value("config", Json::object());
        options.temperature = config.value("temperature", 1.0F);
        options.topK = config.value("top_k", 0);
        options.topP = config.value("top_p", 1.0F);
        options.minP = config.value("min_p", 0.0F);
        options.repetitionPenalty = config.value("repetition_penalty", 1.0F);
        const auto history = entry.value("history", std::vector<std::int32_t>());
        std::vector<ProbeCandidate> kept = probeSampling(logits, history, options);
        constexpr std::size_t kMany = 600, kListed = 64;
        if (kept.size() > kMany) kept.resize(kListed);
        std::vector<float> probabilities;
        std::vector<std::int32_t> ids;
        for (const ProbeCandidate &c : kept) {
            probabilities.push_back(c.probability);
            ids.push_back(c.id);
        }
        out[name("probs")] = flat(std::move(probabilities));
        out[name("ids")] = flat(std::move(ids));
    }
    return out;
}

Result<OutTensors> audioConstants(const ProbeCase &probe) {
    const int bins = probe.has("mel_bins") ? probe.json().value("mel_bins", 128) : 128;
    std::vector<float> filters = media::melFilters(bins);
    const auto rows = static_cast<std::int64_t>(filters.size()) / std::max(bins, 1);
    OutTensors out;
    out["mel_filters"] = flat(std::move(filters), {rows, bins});
    out["window"] = flat(media::hannWindow());
    return out;
}

Result<OutTensors> audioFrontEnd(const ProbeCase &probe) {
    FACET_TRY(samples, probe.ownSamples());
    FACET_TRY(input, media::prepareAudio(samples, AudioInfo{}));
    // The reference pads to a multiple of 128 samples and keeps the frames of the padding as zeros (audio.md section
    // 2).
    constexpr std::int64_t kPadding = 128, kHop = 160, kFrame = 321;
    const auto padded = (static_cast<std::int64_t>(samples.size()) + kPadding - 1) / kPadding * kPadding;
    const std::int64_t frames = std::max<std::int64_t>((padded + kHop - kFrame) / kHop + 1, input.frames);
    std::vector<std::int32_t> mask(static_cast<std::size_t>(frames), 0);
    std::fill_n(mask.begin(), input.frames, 1);
    std::vector<float> mel = input.mel;
    mel.resize(static_cast<std::size_t>(frames * input.melBins), 0.0F);
    OutTensors out;
    out["mask"] = flat(std::move(mask));
    FACET_TRY(rows, probe.selection("mel_rows.index"));
    if (rows.empty()) {
        out["mel"] = flat(std::move(mel), {frames, input.melBins});
        return out;
    }
    std::vector<float> values;
    for (const std::int32_t row : rows) {
        if (row < 0 || row >= frames)
            return Error{.code = ErrorCode::InvalidArgument,
                         .message = "A row of mel_rows.index lies outside the sound."};
        const auto begin = mel.begin() + static_cast<std::ptrdiff_t>(row) * input.melBins;
        values.insert(values.end(), begin, begin + input.melBins);
    }
    out["mel_rows.value"] = flat(std::move(values), {static_cast<std::int64_t>(rows.size()), input.melBins});
    return out;
}

Status preparePicture(const ProbeCase &probe, const media::Picture &picture, int budget, OutTensors &out) {
    const VisionInfo vision;
    const std::string tail = "_" + std::to_string(budget);
    FACET_TRY(size, media::targetSize(picture.width, picture.height, budget, vision));
    FACET_TRY(input, media::prepareImage(picture, budget, vision));
    out["resized" + tail] = flat(media::resize(picture, size.width, size.height).rgb, {size.height, size.width, 3});
    const std::int64_t padded = std::int64_t{9} * budget;
    std::vector<std::int32_t> positions(static_cast<std::size_t>(2 * padded), -1);
    for (int n = 0; n < input.rows * input.columns; ++n) {
        positions[static_cast<std::size_t>(2 * n)] = n % input.columns;
        positions[static_cast<std::size_t>(2 * n + 1)] = n / input.columns;
    }
    out["position_ids" + tail] = flat(std::move(positions), {padded, 2});
    FACET_TRY(rows, probe.selection("pixel_rows" + tail + ".index"));
    const auto width = static_cast<std::size_t>(input.patchSize * input.patchSize * 3);
    std::vector<float> values;
    for (const std::int32_t row : rows) {
        for (std::size_t i = 0; i < width; ++i) {
            const std::size_t at = static_cast<std::size_t>(row) * width + i;
            values.push_back(row >= 0 && at < input.patches.size() ? static_cast<float>(input.patches[at]) * kByteScale
                                                                   : 0.0F);
        }
    }
    if (!rows.empty()) {
        out["pixel_rows" + tail + ".value"] =
            flat(std::move(values), {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(width)});
    }
    return ok();
}

Result<OutTensors> picturePreprocessing(const ProbeCase &probe) {
    FACET_TRY(file, probe.text("decoded_rgb"));
    FACET_TRY(picture, media::decodePicture(media::Source::file(probe.mediaPath(file))));
    OutTensors out;
    for (const auto &entry : probe.json().at("budgets").items()) {
        const int budget = static_cast<int>(std::strtol(entry.key().c_str(), nullptr, 10));
        const std::string tail = "_" + entry.key();
        const bool listed = !probe.listsTensors() || probe.wanted("resized" + tail) ||
                            probe.wanted("position_ids" + tail) || probe.wanted("pixel_rows" + tail + ".value");
        if (listed) FACET_CHECK(preparePicture(probe, picture, budget, out));
    }
    return out;
}

Result<Json> filmFacts(const ProbeCase &probe) {
    FACET_TRY(file, probe.text("file"));
    FACET_TRY(frames, probe.integer("num_frames"));
    const int budget = probe.json().value("budget_per_frame", 70);
    FACET_TRY(film, media::decodeFilm(media::Source::file(probe.mediaPath(file)), frames));
    const VisionInfo vision;
    FACET_TRY(size, media::targetSize(film.frames.front().width, film.frames.front().height, budget, vision));
    Json stamps = Json::array(), seconds = Json::array();
    for (const std::int64_t index : film.indices) {
        const double at = static_cast<double>(index) / film.framesPerSecond;
        seconds.push_back(at);
        stamps.push_back(media::timeStamp(at));
    }
    return Json{{"total_num_frames", film.totalFrames},
                {"fps", film.framesPerSecond},
                {"frame_indices", film.indices},
                {"timestamps_s", std::move(seconds)},
                {"timestamp_text", std::move(stamps)},
                {"source_hw", {film.frames.front().height, film.frames.front().width}},
                {"target_hw", {size.height, size.width}},
                {"patches_per_frame", size.height * size.width / (vision.patchSize * vision.patchSize)},
                {"soft_tokens_per_frame", size.softTokens(vision)}};
}

Result<OutTensors> filmFrames(const ProbeCase &probe) {
    FACET_TRY(pixels, probe.goldenFloats("frames_rgb"));
    const std::vector<std::int64_t> &shape = probe.golden()->shape("frames_rgb");
    if (shape.size() != 4 || shape[3] != 3 || shape[1] <= 0 || shape[2] <= 0) {
        return Error{.code = ErrorCode::InvalidArgument, .message = "frames_rgb must be [frames, height, width, 3]."};
    }
    const std::optional<std::vector<std::int64_t>> wanted = probe.wanted("resized");
    const std::int64_t count = wanted && !wanted->empty() ? std::min(wanted->front(), shape[0]) : shape[0];
    const int budget = probe.json().value("budget_per_frame", 70);
    std::vector<std::uint8_t> resized;
    media::PictureSize size;
    for (std::int64_t i = 0; i < count; ++i) {
        media::Picture picture{.width = static_cast<int>(shape[2]), .height = static_cast<int>(shape[1])};
        const std::int64_t bytes = shape[1] * shape[2] * 3;
        for (std::int64_t k = 0; k < bytes; ++k)
            picture.rgb.push_back(static_cast<std::uint8_t>(pixels[static_cast<std::size_t>(i * bytes + k)]));
        FACET_TRY(target, media::targetSize(picture.width, picture.height, budget, VisionInfo{}));
        size = target;
        const media::Picture small = media::resize(picture, size.width, size.height);
        resized.insert(resized.end(), small.rgb.begin(), small.rgb.end());
    }
    OutTensors out;
    out["resized"] = flat(std::move(resized), {count, size.height, size.width, 3});
    return out;
}

Result<OutTensors> visionTower(const ProbeCase &probe, ProbeModel &model) {
    FACET_TRY(file, probe.text("image"));
    FACET_TRY(budget, probe.integer("budget"));
    FACET_TRY(picture, probe.picture(file));
    FACET_TRY(input, media::prepareImage(picture, budget, model.info().vision));
    FACET_TRY(tensors, model.vision(input));
    FACET_TRY(rows, probe.selection("patch_index"));
    return probe.shaped(outTensors(std::move(tensors)), rows);
}

Result<OutTensors> audioTower(const ProbeCase &probe, ProbeModel &model) {
    FACET_TRY(file, probe.text("audio"));
    FACET_TRY(samples, probe.samples(file));
    FACET_TRY(input, media::prepareAudio(samples, model.info().audio));
    FACET_TRY(tensors, model.audio(input));
    OutTensors out = outTensors(std::move(tensors));
    const std::optional<std::vector<std::int64_t>> mask = probe.wanted("frame_mask");
    const auto soft = out.find("soft_tokens");
    if (mask && mask->size() == 1 && mask->front() >= 0 && mask->front() < (1 << 20) && soft != out.end()) {
        std::vector<std::int32_t> valid(static_cast<std::size_t>(mask->front()), 0);
        std::fill_n(valid.begin(), std::min(mask->front(), soft->second.shape.front()), 1);
        out["frame_mask"] = flat(std::move(valid));
    }
    FACET_TRY(rows, probe.selection("frame_index"));
    return probe.shaped(std::move(out), rows);
}

// One medium of "parts" for every placeholder, in order.
Result<std::vector<ProbeMedium>> mediaOf(const ProbeCase &probe, const ModelInfo &info) {
    const int budget = probe.json().contains("budget") && probe.json().at("budget").is_number_integer()
                           ? probe.json().at("budget").get<int>()
                           : info.vision.defaultBudget;
    std::vector<ProbeMedium> media;
    for (const Json &part : probe.json().at("parts")) {
        ProbeMedium medium;
        if (part.contains("image")) {
            FACET_TRY(picture, probe.picture(part.at("image").get<std::string>()));
            FACET_TRY(input, media::prepareImage(picture, budget, info.vision));
            medium.image = std::make_shared<const ImageInput>(std::move(input));
        } else if (part.contains("audio")) {
            FACET_TRY(samples, probe.samples(part.at("audio").get<std::string>()));
            FACET_TRY(input, media::prepareAudio(samples, info.audio));
            medium.audio = std::make_shared<const AudioInput>(std::move(input));
        } else if (part.contains("video")) {
            FACET_TRY(frames, probe.integer("num_frames"));
            FACET_TRY(film, probe.film(part.at("video").get<std::string>(), frames, info.vision));
            medium.video = film;
        } else {
            continue;
        }
        media.push_back(std::move(medium));
    }
    return media;
}

int greedyCount(const ProbeCase &probe) {
    const auto shape = probe.wanted("greedy_ids");
    if (shape && shape->size() == 1 && shape->front() > 0 && shape->front() < 100000)
        return static_cast<int>(shape->front());
    const Json &json = probe.json();
    if (json.contains("greedy") && json.at("greedy").is_object() && json.at("greedy").contains("ids"))
        return static_cast<int>(json.at("greedy").at("ids").size());
    return 0;
}

Result<OutTensors> wholeModel(const ProbeCase &probe, ProbeModel &model) {
    FACET_TRY(prompt, probe.text("prompt"));
    FACET_TRY(media, mediaOf(probe, model.info()));
    FACET_TRY(rows, probe.selection("logits.positions"));
    const bool masks = probe.wanted("mask.full_attention") || probe.wanted("mask.sliding_attention");
    FACET_TRY(tensors, model.multimodal(prompt, media, rows, greedyCount(probe), masks));
    OutTensors out = outTensors(std::move(tensors));
    // The reference's names of the two kinds of layers.
    for (const auto &[ours, theirs] :
         {std::pair{"mask.full", "mask.full_attention"}, std::pair{"mask.sliding", "mask.sliding_attention"}}) {
        if (const auto found = out.find(ours); found != out.end()) out[theirs] = found->second;
    }
    FACET_TRY(positions, probe.selection("inputs_embeds.positions"));
    return probe.shaped(std::move(out), positions);
}

// Several prompts of one model (with its adapters): of each the tensor named by "logits", at its "rows".
Result<OutTensors> logitsOfCases(const ProbeCase &probe, ProbeModel &model) {
    OutTensors out;
    for (const Json &entry : probe.json().at("cases")) {
        const auto ids = entry.at("input_ids").get<std::vector<std::int32_t>>();
        const auto rows = entry.at("rows").get<std::vector<std::int32_t>>();
        FACET_TRY(tensors, model.text(ids, rows, 0));
        out[entry.at("logits").get<std::string>()] = outTensor(std::move(tensors["logits"]));
    }
    return out;
}

Result<OutTensors> textModel(const ProbeCase &probe, ProbeModel &model) {
    std::vector<std::int32_t> ids;
    if (probe.has("text")) {
        FACET_TRY(text, probe.text("text"));
        ids = model.tokenize(text, true);
    } else {
        FACET_TRY(given, probe.selection("input_ids"));
        ids = std::move(given);
    }
    FACET_TRY(rows, probe.selection("rows"));
    FACET_TRY(tensors, model.text(ids, rows, greedyCount(probe)));
    return probe.shaped(outTensors(std::move(tensors)), {});
}

Result<OutTensors> drafterStep(const ProbeCase &probe, ProbeModel &model) {
    constexpr std::size_t kMostSteps = 64;
    FACET_TRY(ids, probe.selection("input_ids"));
    FACET_TRY(next, probe.integer("next_token"));
    const auto steps = std::min(probe.json().at("drafted").size(), kMostSteps);
    FACET_TRY(tensors, model.drafterSteps(ids, next, static_cast<int>(steps)));
    return outTensors(std::move(tensors));
}

Result<Json> drafterTrace(const ProbeCase &probe, ProbeModel &model) {
    FACET_TRY(ids, probe.selection("input_ids"));
    FACET_TRY(length, probe.integer("draft_length"));
    const std::size_t count = probe.json().at("emitted").size();
    std::int32_t first = 0;
    FACET_TRY(rounds, model.drafterRounds(ids, length, static_cast<int>(std::min<std::size_t>(count, 100'000)), first));
    std::vector<std::int32_t> emitted = {first};
    Json list = Json::array();
    for (const ProbeRound &round : rounds) {
        emitted.insert(emitted.end(), round.emitted.begin(), round.emitted.end());
        list.push_back(Json{{"drafted", round.drafted}, {"accepted", round.accepted}, {"emitted", round.emitted}});
    }
    emitted.resize(std::min(emitted.size(), count));
    return Json{{"emitted", std::move(emitted)}, {"rounds", std::move(list)}};
}

Result<std::unique_ptr<ProbeModel>> loadFor(const ProbeArguments &arguments, LoadOptions load) {
    if (arguments.model.empty())
        return Error{.code = ErrorCode::InvalidArgument, .message = "This case needs a model: name it with --model."};
    load.referencePrecision = !arguments.quantised;
    load.drafter = arguments.drafter;
    if (!arguments.lora.empty()) load.adapters = {{arguments.lora, 1.0F}};
    return ProbeModel::load(load);
}

Result<OutTensors> withModel(const ProbeCase &probe, const ProbeArguments &arguments, const LoadOptions &load,
                             Result<OutTensors> (*run)(const ProbeCase &, ProbeModel &)) {
    FACET_TRY(model, loadFor(arguments, load));
    return run(probe, *model);
}

Result<std::vector<std::uint8_t>> goldenBytes(const ProbeCase &probe, const std::string &name) {
    FACET_TRY(values, probe.golden()->integers(name));
    std::vector<std::uint8_t> bytes;
    bytes.reserve(values.size());
    for (const std::int32_t value : values) bytes.push_back(static_cast<std::uint8_t>(value));
    return bytes;
}

// Every block type of "types" whose blocks the golden file holds.
Result<OutTensors> kernelProducts(const ProbeCase &probe, const LoadOptions &load) {
    if (probe.golden() == nullptr || !probe.has("types") || !probe.json().at("types").is_object()) {
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "This case needs its stored blocks: name the file with --golden."};
    }
    OutTensors out;
    for (const auto &type : probe.json().at("types").items()) {
        const std::string &name = type.key();
        if (probe.goldenHas(name + ".blocks")) {
            FACET_TRY(blocks, goldenBytes(probe, name + ".blocks"));
            FACET_TRY(values, probeBlocks(name, blocks, load.isa));
            out[name + ".values"] = flat(std::move(values));
        }
        const std::string rowsName = "matvec." + name + ".rows";
        if (!probe.goldenHas(rowsName)) continue;
        FACET_TRY(x, probe.goldenFloats("matvec.x"));
        FACET_TRY(rows, goldenBytes(probe, rowsName));
        const std::vector<std::int64_t> &shape = probe.golden()->shape("matvec.x");
        const std::int64_t tokens = shape.size() == 2 ? shape.front() : 1;
        FACET_TRY(y, probeProduct(name, rows, x, tokens, load.referencePrecision, load.isa));
        const auto count = static_cast<std::int64_t>(y.size());
        out["matvec." + name + ".y"] = flat(std::move(y), {tokens, count / tokens});
    }
    return out;
}

Result<OutTensors> runKind(const ProbeCase &probe, const ProbeArguments &arguments, const LoadOptions &load) {
    if (probe.has("matvec")) return kernelProducts(probe, load);
    if (probe.has("gguf") || probe.has("adapter")) return withModel(probe, arguments, load, logitsOfCases);
    if (probe.has("order") && probe.has("cases") && probe.json().at("cases").is_array()) return sampling(probe);
    if (probe.has("drafter")) return withModel(probe, arguments, load, drafterStep);
    if (probe.has("mel_filters")) return audioConstants(probe);
    if (probe.has("samples_16k")) return audioFrontEnd(probe);
    if (probe.has("budgets") && probe.json().at("budgets").is_object()) return picturePreprocessing(probe);
    if (probe.has("num_frames") && probe.has("file") && !probe.has("parts")) return filmFrames(probe);
    if (probe.has("image") && probe.has("checkpoint")) return withModel(probe, arguments, load, visionTower);
    if (probe.has("audio") && probe.has("checkpoint")) return withModel(probe, arguments, load, audioTower);
    if (probe.has("parts") && probe.json().at("parts").is_array() && probe.has("checkpoint"))
        return withModel(probe, arguments, load, wholeModel);
    if (probe.has("rows") && probe.has("checkpoint")) return withModel(probe, arguments, load, textModel);
    return Error{
        .code = ErrorCode::InvalidArgument, .message = "The case is of no known kind.", .file = arguments.caseFile};
}

} // namespace

Status runProbeCase(const ProbeArguments &arguments, const LoadOptions &load) {
    FACET_TRY(probe, ProbeCase::read(arguments));
    try {
        const bool film = probe.has("num_frames") && probe.has("file") && !probe.has("parts");
        if (film && arguments.out.ends_with(".json")) {
            FACET_TRY(facts, filmFacts(probe));
            return writeFile(arguments.out, facts.dump(1) + "\n");
        }
        if (probe.has("drafter") && probe.has("rounds")) {
            FACET_TRY(model, loadFor(arguments, load));
            FACET_TRY(rounds, drafterTrace(probe, *model));
            return writeFile(arguments.out, rounds.dump(1) + "\n");
        }
        FACET_TRY(tensors, runKind(probe, arguments, load));
        FACET_TRY(listed, probe.shaped(std::move(tensors), {}));
        return writeFile(arguments.out, encodeSafetensors(listed));
    } catch (const nlohmann::json::exception &e) { // a key of another type than the contract says
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "The case does not follow the contract.",
                     .detail = e.what(),
                     .file = arguments.caseFile};
    }
}

} // namespace facet::cli
