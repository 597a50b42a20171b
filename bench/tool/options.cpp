#include "tool/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <string_view>

namespace facet::bench {

namespace {

constexpr int kMostTokens = 1 << 20;
constexpr int kMostThreads = 256;
constexpr int kMostRepetitions = 1000;

Error wrong(std::string_view flag, std::string_view value, const std::string &wanted) {
    return {ErrorCode::InvalidArgument, "The option " + std::string(flag) + " wants " + wanted + ", not \"" + std::string(value) + "\"."};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

template <typename T>
bool number(std::string_view text, T &value) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

Status integers(std::string_view flag, std::string_view text, int least, int most, std::vector<int> &out) {
    out.clear();
    for (const std::string_view part : split(text, ',')) {
        int value = 0;
        if (!number(part, value) || value < least || value > most)
            return wrong(flag, part, "whole numbers from " + std::to_string(least) + " to " + std::to_string(most));
        out.push_back(value);
    }
    return ok();
}

Status kvTypes(std::string_view flag, std::string_view text, std::vector<KvType> &out) {
    out.clear();
    for (const std::string_view part : split(text, ',')) {
        const auto type = kvTypeNamed(part);
        if (!type || *type == KvType::Auto) return wrong(flag, part, "f16, f32, q8_0, q4_0 or q4_r");
        out.push_back(*type);
    }
    return ok();
}

// "a<separator>b" of positive numbers.
bool couple(std::string_view text, char separator, int most, int &a, int &b) {
    const auto parts = split(text, separator);
    return parts.size() == 2 && number(parts[0], a) && number(parts[1], b) && a > 0 && b > 0 && a <= most && b <= most;
}

class Parser {
public:
    Result<BenchOptions> run(int argc, const char *const *argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string_view flag = argv[i];
            if (takesNothing(flag)) continue;
            if (i + 1 >= argc) return wrong(flag, "", "a value, or is unknown (--help lists all options)");
            FACET_CHECK(take(flag, argv[++i]));
        }
        return finish();
    }

private:
    bool takesNothing(std::string_view flag) {
        const std::pair<std::string_view, bool *> switches[] = {
            {"--load", &m_options.load}, {"--profile", &m_options.profile}, {"--roofline", &m_options.rooflineOnly},
            {"--progress", &m_options.progress}, {"-h", &m_options.help}, {"--help", &m_options.help},
            {"--load-child", &m_options.loadChild}};
        for (const auto &[name, target] : switches) {
            if (flag != name) continue;
            *target = true;
            return true;
        }
        if (flag == "--no-roofline") m_options.roofline = false;
        return flag == "--no-roofline" || flag == "--no-warmup";
    }

    Status take(std::string_view flag, std::string_view value) {
        const auto is = [flag](std::string_view shortName, std::string_view longName) { return flag == shortName || flag == longName; };
        if (is("-m", "--model")) {
            for (const std::string_view path : split(value, ',')) m_options.models.emplace_back(path);
            return ok();
        }
        if (flag == "--mmproj") return text(value, m_options.mmproj);
        if (flag == "--drafter") return text(value, m_options.drafter);
        if (is("-t", "--threads")) return integers(flag, value, 1, kMostThreads, m_options.threads);
        if (is("-p", "--n-prompt")) return (m_textAsked = true), integers(flag, value, 0, kMostTokens, m_options.prompts);
        if (is("-n", "--n-gen")) return (m_textAsked = true), integers(flag, value, 0, kMostTokens, m_options.generations);
        if (is("-d", "--n-depth")) return integers(flag, value, 0, kMostTokens, m_options.depths);
        if (flag == "-pg") return promptGeneration(flag, value);
        if (is("-r", "--repetitions")) return one(flag, value, 1, kMostRepetitions, m_options.repetitions);
        if (is("-ctk", "--cache-type-k")) return kvTypes(flag, value, m_keys);
        if (is("-ctv", "--cache-type-v")) return kvTypes(flag, value, m_values);
        if (flag == "--verify") return integers(flag, value, 1, 256, m_options.verifyRows);
        if (flag == "--parallel") return integers(flag, value, 1, 64, m_options.parallel);
        if (flag == "--image") return pictures(flag, value);
        if (flag == "--budget") return one(flag, value, 1, 1 << 16, m_options.budget);
        if (flag == "--audio") return sounds(flag, value);
        if (flag == "--weights") return weights(flag, value);
        if (flag == "--pack") return packing(flag, value);
        if (is("-o", "--output")) return output(flag, value);
        // llama-bench's, without a meaning here: so that one command line serves both.
        for (const std::string_view known : {"-fa", "--flash-attn", "-ngl", "--n-gpu-layers", "-b", "--batch-size", "-ub", "--ubatch-size", "-mmp", "--mmap"})
            if (flag == known) return ok();
        return wrong(flag, value, "nothing: it is unknown (--help lists all options)");
    }

    static Status text(std::string_view value, std::string &out) {
        out = value;
        return ok();
    }

    static Status one(std::string_view flag, std::string_view value, int least, int most, int &out) {
        std::vector<int> values;
        FACET_CHECK(integers(flag, value, least, most, values));
        if (values.size() != 1) return wrong(flag, value, "one number");
        out = values.front();
        return ok();
    }

    Status promptGeneration(std::string_view flag, std::string_view value) {
        int prompt = 0, generation = 0;
        if (!couple(value, ',', kMostTokens, prompt, generation)) return wrong(flag, value, "PROMPT,GENERATED in tokens");
        m_textAsked = true;
        m_options.promptGenerations.emplace_back(prompt, generation);
        return ok();
    }

    Status pictures(std::string_view flag, std::string_view value) {
        for (const std::string_view part : split(value, ',')) {
            PictureOption picture;
            if (!couple(part, 'x', 16384, picture.width, picture.height)) return wrong(flag, part, "WIDTHxHEIGHT in pixels");
            m_options.pictures.push_back(picture);
        }
        return ok();
    }

    Status sounds(std::string_view flag, std::string_view value) {
        for (const std::string_view part : split(value, ',')) {
            double seconds = 0;
            if (!number(part, seconds) || !(seconds >= 0.1 && seconds <= 3600)) return wrong(flag, part, "seconds from 0.1 to 3600");
            m_options.sounds.push_back(seconds);
        }
        return ok();
    }

    Status weights(std::string_view flag, std::string_view value) {
        if (value == "as-stored") m_options.weights = WeightType::AsStored;
        else if (value == "q8_0") m_options.weights = WeightType::Q8_0;
        else if (value == "q4_0") m_options.weights = WeightType::Q4_0;
        else return wrong(flag, value, "as-stored, q8_0 or q4_0");
        return ok();
    }

    Status packing(std::string_view flag, std::string_view value) {
        const auto named = packingNamed(value);
        if (!named) return wrong(flag, value, "auto, on or off");
        m_options.packing = *named;
        return ok();
    }

    Status output(std::string_view flag, std::string_view value) {
        if (value == "md") m_options.output = OutputFormat::Markdown;
        else if (value == "json") m_options.output = OutputFormat::Json;
        else if (value == "jsonl") m_options.output = OutputFormat::JsonLines;
        else if (value == "csv") m_options.output = OutputFormat::Csv;
        else return wrong(flag, value, "md, json, jsonl or csv");
        return ok();
    }

    Result<BenchOptions> finish() {
        if (m_options.help || m_options.rooflineOnly) return std::move(m_options);
        if (m_options.models.empty()) return wrong("-m", "", "a model: a folder or a .gguf file");
        if (m_keys.empty()) m_keys = m_values;
        if (m_values.empty()) m_values = m_keys;
        if (m_keys != m_values)
            return Error{ErrorCode::InvalidArgument, "Keys and values are kept in one type here: give -ctk and -ctv the same list."};
        if (!m_keys.empty()) m_options.kv = m_keys;
        const bool other = m_options.load || !m_options.pictures.empty() || !m_options.sounds.empty() ||
                           !m_options.verifyRows.empty() || !m_options.parallel.empty() || !m_options.drafter.empty();
        if (!m_textAsked && !other) {
            m_options.prompts = {512};
            m_options.generations = {128};
        }
        std::erase(m_options.prompts, 0);
        std::erase(m_options.generations, 0);
        return std::move(m_options);
    }

    BenchOptions m_options;
    std::vector<KvType> m_keys, m_values;
    bool m_textAsked = false;
};

}  // namespace

int BenchOptions::contextLength() const noexcept {
    constexpr int kDraftPosition = 64;
    int longest = kDraftPosition;
    for (const int each : prompts) longest = std::max(longest, each);
    for (const int each : generations) longest = std::max(longest, each);
    for (const auto &[prompt, generation] : promptGenerations) longest = std::max(longest, prompt + generation);
    for (const int each : verifyRows) longest = std::max(longest, each);
    const int depth = depths.empty() ? 0 : *std::max_element(depths.begin(), depths.end());
    return depth + longest + 8;
}

const char *usage() noexcept {
    return R"(facet-bench: how fast this build runs a model here, and what part of the machine's limit that is

  facet-bench -m MODEL [-t 2] [-p 128,512] [-n 64] [-d 0,4096] [-r 5] [-o md]
  facet-bench -m MODEL -p 512 -n 32 --profile          where the time goes
  facet-bench -m MODEL --image 960x672 --audio 10      encoders (a GGUF model's towers: --mmproj FILE)
  facet-bench -m MODEL -p 0 -n 16 --verify 1,2,4,8     one pass over several drafted tokens
  facet-bench --roofline                               only the machine's limits

llama-bench's flags
  -m, --model PATH[,PATH]     folder or .gguf file; may be repeated
  -t, --threads N[,N]         default: all cores
  -p, --n-prompt N[,N]        prompts to read, in tokens (512; 0: none)
  -n, --n-gen N[,N]           tokens to write, one by one (128; 0: none)
  -pg P,N                     both behind each other; may be repeated
  -d, --n-depth N[,N]         tokens that are in the cache before (0)
  -ctk, -ctv TYPE[,TYPE]      f16, f32, q8_0, q4_0, q4_r; keys and values alike (f16)
  -r, --repetitions N         samples of each test (5)
  -o, --output FORMAT         md, json, jsonl, csv
  -fa -ngl -b -ub -mmp X      are accepted and mean nothing here; so does --no-warmup

Others
  --verify N[,N]              rows in one pass at each depth, each with its logits
  --parallel N[,N]            conversations that write one token each in one pass
  --drafter PATH              MTP drafter: time of one draft step
  --image WxH[,WxH]           encode a picture of that many pixels; --budget N: soft tokens it may become (280)
  --audio SECONDS[,SECONDS]   encode a sound of that length
  --mmproj PATH               towers of a GGUF model
  --load                      start to ready, to the first token, and peak memory, in a process of its own
  --weights TYPE              as-stored, q8_0, q4_0: quantise while loading
  --pack auto|on|off          a faster layout of the weights, made while loading (auto: where there is memory enough)
  --profile                   one more run of each test with clocks inside
  --no-roofline               do not measure the machine's limits first
  --progress                  tell on standard error what is being measured
)";
}

Result<BenchOptions> parseOptions(int argc, const char *const *argv) { return Parser().run(argc, argv); }

}  // namespace facet::bench
