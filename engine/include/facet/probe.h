// The engine's numbers for comparison with the reference: named intermediate tensors of every stage (used by
// `facet-cli probe` and the golden tests; not needed by products). See shared contract in app/cli/probe.md.
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace facet {

struct ProbeTensor {
    std::vector<std::int64_t> shape;
    std::vector<float> floats;          // one of the two is filled
    std::vector<std::int32_t> integers;
};
using ProbeTensors = std::map<std::string, ProbeTensor>;

// One medium for each placeholder of a prompt, in order.
struct ProbeMedium {
    std::shared_ptr<const ImageInput> image;
    std::shared_ptr<const AudioInput> audio;
    std::shared_ptr<const VideoInput> video;
};

struct ProbeRound {
    std::vector<std::int32_t> drafted, emitted;
    int accepted = 0;
};

// What keeping keys and values as `type` changes, over the positions of a text, against float32 ones.
struct KvLoss {
    KvType type = KvType::F32;
    std::int64_t positions = 0;
    double meanLogitDifference = 0;    // mean absolute, over the vocabulary
    double divergence = 0;             // Kullback-Leibler, nats, mean
    double sameBest = 1;               // share of positions with the same most probable token
    double perplexity = 0;             // of the text
    std::uint64_t bytes = 0;           // of the cache
    std::vector<std::int32_t> best = {};  // most probable token of each position
};

class ProbeModel {
public:
    // referencePrecision as in LoadOptions (true: float32 path; false: product arithmetic).
    static Result<std::unique_ptr<ProbeModel>> load(const LoadOptions &options);
    ~ProbeModel();
    const ModelInfo &info() const;

    // Text: every tensor of text_model.h's Tap at the positions `rows`, "logits" and "final_norm" at `rows`,
    // "input_ids", and "greedy_ids" when greedyCount > 0 (decoded with the cache, no stop, nothing suppressed).
    Result<ProbeTensors> text(const std::vector<std::int32_t> &ids, const std::vector<std::int32_t> &rows, int greedyCount);
    // Whole model: placeholders in `prompt` expanded. Gives "input_ids", "mm_token_type_ids" (0 text, 1 image, 2 video,
    // 3 audio as the reference numbers them), "inputs_embeds" [T, H], "logits" at `rows` (empty: the last),
    // "mask.sliding" / "mask.full" [T, T] 0/1 when wantMasks, "greedy_ids", "greedy_logits_last" [V].
    Result<ProbeTensors> multimodal(const std::string &prompt, const std::vector<ProbeMedium> &media,
                                    const std::vector<std::int32_t> &rows, int greedyCount, bool wantMasks);
    Result<ProbeTensors> vision(const ImageInput &image);
    Result<ProbeTensors> audio(const AudioInput &audio);
    // Needs LoadOptions::drafter. One round of `steps` guesses from `next` behind the prompt, every stage of it (probe.md).
    Result<ProbeTensors> drafterSteps(const std::vector<std::int32_t> &ids, std::int32_t next, int steps);
    // Greedy decoding with `draftLength` guesses every round, until `count` tokens are there; the last round may give more.
    Result<std::vector<ProbeRound>> drafterRounds(const std::vector<std::int32_t> &ids, int draftLength, int count,
                                                  std::int32_t &first);
    // F32 first, then each type that the model's heads allow. Error: InvalidArgument (fewer than two ids).
    Result<std::vector<KvLoss>> kvLoss(const std::vector<std::int32_t> &ids);
    std::vector<std::int32_t> tokenize(const std::string &text, bool matchControl) const;
    std::string detokenize(const std::vector<std::int32_t> &ids, bool skipSpecial) const;

private:
    struct Impl;
    explicit ProbeModel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

// What survives the sampling steps, by falling probability (no model).
struct ProbeCandidate {
    std::int32_t id = 0;
    float probability = 0;
};
std::vector<ProbeCandidate> probeSampling(const std::vector<float> &logits, const std::vector<std::int32_t> &history,
                                          const SamplingOptions &options);
// Renders a chat with a template text; variables is a JSON object (messages, tools, ...). For fixtures.
Result<std::string> probeChat(const std::string &templateText, const std::string &variablesJson);
// Parses model output fed in chunks, markers in the text counting as tokens: {"thinking", "content", "tool_calls",
// "malformed"} as JSON; `prefix` is the prompt before it.
std::string probeParse(const std::string &prefix, const std::vector<std::string> &chunks);

// float32 values of stored blocks of a type ("Q4_K"). Error: InvalidArgument (unknown type, broken block).
Result<std::vector<float>> probeBlocks(const std::string &typeName, const std::vector<std::uint8_t> &blocks,
                                       InstructionSet isa);
// [tokens, rows] = x [tokens, cols] times stored rows of a type; with float32 inputs (reference) or by the product's
// kernels. Errors as above.
Result<std::vector<float>> probeProduct(const std::string &typeName, const std::vector<std::uint8_t> &rows,
                                        const std::vector<float> &x, std::int64_t tokens, bool reference, InstructionSet isa);

}  // namespace facet
