// Facet's inference engine. The one header most callers need.
//
//     auto engine = facet::Engine::load({.path = "gemma-4-E2B-it"});
//     if (!engine) return report(engine.error());
//     facet::Request request;
//     request.messages.push_back({.role = facet::Role::User, .parts = {{.text = "Hello"}}});
//     auto answer = (*engine)->generate(request, [](const facet::Event &e) { std::cout << e.text; });
//
// Threads: one engine thread owns the model and the caches; submit() and cancel() may be called from any thread;
// events are delivered on the engine thread, in order, and must not block for long.
#pragma once

#include "facet/answer.h"
#include "facet/chat.h"
#include "facet/inputs.h"
#include "facet/model_info.h"
#include "facet/result.h"
#include "facet/tuning.h"
#include "facet/version.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace facet {

// A flag shared between whoever may stop an operation and the operation, looked at between layers.
class CancelToken {
public:
    CancelToken() : m_flag(std::make_shared<std::atomic<bool>>(false)) {}
    void cancel() const noexcept { m_flag->store(true, std::memory_order_relaxed); }
    bool cancelled() const noexcept { return m_flag->load(std::memory_order_relaxed); }
    const std::atomic<bool> *flag() const noexcept { return m_flag.get(); }

private:
    std::shared_ptr<std::atomic<bool>> m_flag;
};

enum class Phase : std::uint8_t {
    Loading,         // done/total bytes
    Waiting,         // done = requests ahead in the queue
    ReadingPicture,  // done/total pictures (and film frames)
    ReadingSound,    // done/total sounds
    ReadingPrompt,   // done/total tokens
    Thinking,        // done = tokens so far
    Writing,         // done = tokens so far
};
const char *phaseName(Phase phase) noexcept;  // "reading_prompt"

using ProgressFn = std::function<void(Phase phase, std::uint64_t done, std::uint64_t total)>;

enum class InstructionSet : std::uint8_t { Auto, Scalar, Avx2, Avx2Vnni, Avx512, Avx512Vnni };

// A LoRA adapter folder (PEFT layout) and the factor its update is multiplied by.
struct AdapterOption {
    std::string path;
    float scale = 1.0F;
};

struct LoadOptions {
    std::string path;                               // model folder or .gguf file
    std::string mmproj = {};                             // GGUF with the towers; empty: the one beside the model, if any
    std::string drafter = {};                            // MTP drafter, folder or .gguf; empty: none
    std::vector<AdapterOption> adapters = {};            // loaded beside the weights; a request may choose others' scales
    std::string cacheFolder = {};                        // soft tokens and conversation states on disk; empty: memory only
    WeightType weights = WeightType::AsStored;
    int contextLength = 0;                          // tokens; 0: the model's own, at most 8192
    int threads = 0;                                // 0: as tuned, or all cores
    KvType kv = KvType::Auto;
    Packing packing = Packing::Auto;
    InstructionSet isa = InstructionSet::Auto;      // Auto: FACET_ISA if set, else the best of this machine
    std::uint64_t memoryLimitBytes = 0;             // for everything; 0: what the machine has available
    std::uint64_t cacheFolderBytes = 0;             // what cacheFolder may grow to; 0: 4 GB
    int parallel = 0;                               // requests answered at once in one batch; 0: 4
    bool referencePrecision = false;                // float32 activations and cache everywhere (probe, tests)
    // Where measured choices of threads and cache type lie (facet/tuning.h); empty: none are used or measured. They change
    // nothing that is given above: with threads and a kv type of the caller's nothing is measured at all.
    std::string tuningFolder = {};
    TuneMode tune = TuneMode::Auto;
    int tuneAfterMs = 5000;                         // idle time before the measuring begins
};

// inspectModel() for exactly this load: files beside the model, types, limit; its context length is among the estimates
// of ModelInfo::memory. Reads headers only. Errors: as inspectModel(), and those that the load would have before it reads
// weights (InvalidArgument), but for OutOfMemory: ModelInfo::notes says that it does not fit.
Result<ModelInfo> inspectLoad(const LoadOptions &options);

struct SamplingOptions {
    float temperature = 1.0F;         // 0: greedy
    int topK = 64;                    // 0: off
    float topP = 0.95F;               // 1: off
    float minP = 0.0F;                // 0: off
    float repetitionPenalty = 1.0F;   // 1: off
    float frequencyPenalty = 0.0F;
    float presencePenalty = 0.0F;
    std::optional<std::uint64_t> seed;
};

enum class ToolChoice : std::uint8_t { Auto, None, Required };

// What the answer (after its thought) must match. `text` is the JSON Schema or the grammar.
struct OutputConstraint {
    enum class Kind : std::uint8_t { None, JsonObject, JsonSchema, Grammar };
    Kind kind = Kind::None;
    std::string text;
};

// An adapter of the load, by the name of its folder, with another scale for one request; 0 switches it off.
struct AdapterChoice {
    std::string name;
    float scale = 1.0F;
};

struct Request {
    std::vector<Message> messages;
    std::optional<std::string> rawPrompt = {};   // instead of messages: continued as it is (base models), bos put before it
    OutputConstraint constraint = {};
    std::vector<std::pair<std::int32_t, float>> logitBias = {};  // added before sampling
    int topLogprobs = -1;                   // -1: none; 0: of the chosen token only; at most 20 others
    std::vector<AdapterChoice> adapters = {};    // those not named keep the scale of the load
    std::vector<ToolDeclaration> tools;
    ToolChoice toolChoice = ToolChoice::Auto;
    bool thinking = false;
    SamplingOptions sampling;
    std::vector<std::string> stop;    // the answer ends before any of these
    int maxTokens = 0;                // 0: until the context is full
    bool background = false;          // gives way: reads and encodes only while no other request does anything
};

enum class FinishReason : std::uint8_t { Stop, Length, ToolCalls, Cancelled };
const char *finishReasonName(FinishReason reason) noexcept;  // OpenAI's spelling; "cancelled" for Cancelled

struct Usage {
    int promptTokens = 0;
    int cachedTokens = 0;       // of the prompt: taken from the cache, not computed
    int completionTokens = 0;
    int reasoningTokens = 0;
    int draftedTokens = 0;      // proposed by a drafter or by prompt lookup, and how many of them stood
    int acceptedTokens = 0;
    double encodeMs = 0;        // pictures and sounds
    double prefillMs = 0;
    double decodeMs = 0;
};

// Natural logarithms of the probabilities at temperature 1, before any truncation.
struct TokenLogprob {
    std::int32_t id = 0;
    std::string bytes;   // of the piece; not always whole UTF-8
    float logprob = 0;
    std::vector<TokenLogprob> top;  // the most probable ones, falling; empty inside `top`
};

struct Answer {
    std::string thinking;
    std::string content;
    std::vector<ToolCall> toolCalls;
    std::vector<std::string> malformed;  // raw text of calls that could not be read
    std::vector<TokenLogprob> logprobs;  // of the content's tokens, when asked for
    FinishReason finish = FinishReason::Stop;
    bool contextFull = false;            // with Length: the context has no room left; nothing was dropped from it
    Usage usage;
};

using RequestId = std::uint64_t;

struct Event {
    enum class Kind : std::uint8_t { Progress, Thought, Text, ToolCall, Malformed, Done, Failed };
    RequestId request = 0;
    std::uint64_t seq = 0;     // grows by one within a request
    Kind kind = Kind::Progress;
    Phase phase = Phase::Waiting;             // Progress
    std::uint64_t done = 0, total = 0;        // Progress
    std::string text;                         // Thought, Text (a piece); Malformed (raw text)
    ToolCall call;                            // ToolCall
    std::vector<TokenLogprob> logprobs;       // Text: of the tokens since the last piece, when asked for
    Answer answer;                            // Done: everything, with usage
    std::optional<Error> error;               // Failed
};
using EventSink = std::function<void(const Event &)>;

struct PromptInfo {
    std::string text;               // rendered template, placeholders not expanded
    std::vector<std::int32_t> ids;  // expanded
};

// What the engine holds, in bytes. Caches go, least recently used first, when `limit` would be passed.
struct MemoryUse {
    std::uint64_t limit = 0;          // of all that follows; 0: unknown
    std::uint64_t weights = 0;
    std::uint64_t working = 0;        // activations, vocabulary, program
    std::uint64_t conversations = 0;  // keys and values
    std::uint64_t snapshots = 0;      // ways back to earlier turns
    std::uint64_t softTokens = 0;     // of pictures and sounds
    int conversationCount = 0;
    int running = 0, waiting = 0;     // requests
};

class Engine {
public:
    static Result<std::unique_ptr<Engine>> load(const LoadOptions &options, const ProgressFn &progress = {},
                                                const CancelToken &cancel = {});
    ~Engine();  // cancels what runs, joins every thread
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    const ModelInfo &info() const;

    // Queues a request. Exactly one Done or Failed event ends it (also after cancel(): Done with Cancelled).
    RequestId submit(Request request, EventSink sink);
    void cancel(RequestId id);

    // Reads pictures, sounds and films before they are asked about, whenever no request is waiting; what is read is
    // kept for the requests that show the same media. Ends like a request, with an empty Answer; cancel() ends it too.
    RequestId encodeAhead(std::vector<Part> media, EventSink sink = {});

    MemoryUse memoryUse() const;

    // submit() and wait. The sink may be empty.
    Result<Answer> generate(Request request, const EventSink &sink = {}, const CancelToken &cancel = {});

    // The prompt that a request becomes. Errors: InvalidArgument, MediaUnsupported, ContextExceeded.
    Result<PromptInfo> prompt(const Request &request) const;
    // matchControl: markers in the text become control tokens.
    std::vector<std::int32_t> tokenize(const std::string &text, bool matchControl) const;
    std::string detokenize(const std::vector<std::int32_t> &ids) const;

private:
    struct Impl;
    explicit Engine(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
