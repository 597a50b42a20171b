#include "run/active_answer.h"
#include "run_support.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

std::unique_ptr<LoadedModel> loadModel() {
    LoadOptions options;
    options.path = demoModelPath();
    options.threads = 2;
    auto model = LoadedModel::load(options, {}, {});
    REQUIRE(model);
    return std::move(*model);
}

// Allows one id only, for ever.
class OnlyOne final : public TokenMask {
public:
    OnlyOne(std::int32_t id, std::size_t length) : m_id(id), m_length(length) {}
    void apply(std::span<float> logits) override {
        for (std::size_t i = 0; i < logits.size(); ++i)
            if (static_cast<std::int32_t>(i) != m_id) logits[i] = -std::numeric_limits<float>::infinity();
    }
    void accept(std::int32_t id) override {
        CHECK(id == m_id);
        ++m_seen;
    }
    bool mayEnd() const override { return m_seen >= m_length; }

private:
    std::int32_t m_id;
    std::size_t m_length, m_seen = 0;
};

// Knows the answer beforehand, and lies at every fourth token.
class Oracle final : public TokenProposer {
public:
    Oracle(std::vector<std::int32_t> answer, std::size_t promptLength, std::size_t vocabulary)
        : m_answer(std::move(answer)), m_promptLength(promptLength), m_vocabulary(vocabulary) {}
    std::vector<std::int32_t> propose(const ProposeInput &input) override {
        CHECK(static_cast<std::size_t>(input.cache.length()) + 1 == input.ids.size());
        CHECK_FALSE(input.hidden.empty());
        std::vector<std::int32_t> out;
        for (std::size_t at = input.ids.size() - m_promptLength; at < m_answer.size() && out.size() < 5; ++at)
            out.push_back(at % 4 == 3 ? static_cast<std::int32_t>((static_cast<std::size_t>(m_answer[at]) + 1) % m_vocabulary)
                                      : m_answer[at]);
        return out;
    }
    void verified(std::size_t sent, std::size_t stood) override { CHECK(stood <= sent); }

private:
    std::vector<std::int32_t> m_answer;
    std::size_t m_promptLength, m_vocabulary;
};

struct Run {
    Answer answer;
    std::vector<std::int32_t> ids;  // of the cache
    int passes = 0;
};

Run decodeWith(const LoadedModel &model, const Request &request, AnswerTools tools) {
    const auto prompt = buildPrompt(model, request);
    REQUIRE(prompt);
    SessionState session;
    auto cache = KvCache::create(model.checkpoint.config.text, model.cacheType, model.contextLength, model.maxBlock);
    REQUIRE(cache);
    session.cache.emplace(std::move(*cache));
    Segment segment;
    segment.cache = &*session.cache;
    segment.ids = prompt->ids;
    segment.logitRows = {static_cast<std::int64_t>(prompt->ids.size()) - 1};
    auto read = model.text.forward(model.exec, std::span(&segment, 1));
    REQUIRE(read);
    session.ids = prompt->ids;
    ActiveAnswer active(model, request, *prompt, session, std::move(tools), [](Event) {});
    active.take(read->logits, read->hidden);
    Run run;
    while (!active.ended()) {
        Segment rows = active.nextSegment(model.exec);
        auto output = model.text.forward(model.exec, std::span(&rows, 1));
        REQUIRE(output);
        active.take(output->logits, output->hidden);
        CHECK(session.cache->length() == static_cast<std::int64_t>(session.ids.size()));
        ++run.passes;
    }
    run.answer = active.finish();
    run.ids = session.ids;
    return run;
}

}  // namespace

TEST_CASE("log probabilities: the chosen one among the best, all together one") {
    const auto model = loadModel();
    std::vector<float> logits(static_cast<std::size_t>(model->tokenizer.size()), 0.0F);
    logits[5] = 3.0F;
    logits[9] = std::numeric_limits<float>::quiet_NaN();
    logits[11] = -std::numeric_limits<float>::infinity();
    const TokenLogprob chosen = tokenLogprob(model->tokenizer, logits, 5, 2);
    const double rest = static_cast<double>(logits.size()) - 3.0;
    CHECK(chosen.logprob == doctest::Approx(3.0 - std::log(std::exp(3.0) + rest)));
    REQUIRE(chosen.top.size() == 2);
    CHECK(chosen.top[0].id == 5);
    CHECK(chosen.top[1].id == 0);  // the lowest among equals
    CHECK(std::isfinite(tokenLogprob(model->tokenizer, logits, 11, 0).logprob));
    CHECK(std::isfinite(tokenLogprob(model->tokenizer, logits, 9, 0).logprob));
}

TEST_CASE("log probabilities come with the text, streamed and whole, and spell it") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("Who are you?");
    request.topLogprobs = 3;
    std::vector<TokenLogprob> streamed;
    const auto answer = engine->generate(request, [&](const Event &e) {
        if (e.kind == Event::Kind::Text) {
            CHECK_FALSE(e.logprobs.empty());
            streamed.insert(streamed.end(), e.logprobs.begin(), e.logprobs.end());
        }
    });
    REQUIRE(answer);
    REQUIRE(streamed.size() == answer->logprobs.size());
    std::string spelled;
    for (std::size_t i = 0; i < streamed.size(); ++i) {
        const TokenLogprob &token = answer->logprobs[i];
        CHECK(token.id == streamed[i].id);
        CHECK(token.logprob <= 0);
        REQUIRE(token.top.size() == 3);
        CHECK(token.top[0].id == token.id);  // greedy
        CHECK(token.top[0].logprob >= token.top[1].logprob);
        spelled += token.bytes;
    }
    CHECK(spelled.find(answer->content) != std::string::npos);
    request.topLogprobs = 21;
    CHECK_FALSE(engine->generate(request));
}

TEST_CASE("a logit bias forbids and forces tokens") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("Who are you?");
    request.topLogprobs = 0;
    const auto plain = engine->generate(request);
    REQUIRE(plain);
    REQUIRE_FALSE(plain->logprobs.empty());
    const std::int32_t first = plain->logprobs.front().id;
    request.logitBias = {{first, -100.0F}};
    const auto without = engine->generate(request);
    REQUIRE(without);
    for (const TokenLogprob &token : without->logprobs) CHECK(token.id != first);

    request.logitBias = {{first, 100.0F}};
    request.maxTokens = 4;
    const auto forced = engine->generate(request);
    REQUIRE(forced);
    for (const TokenLogprob &token : forced->logprobs) CHECK(token.id == first);
    CHECK(forced->usage.completionTokens == 4);

    request.logitBias = {{-1, 1.0F}};
    CHECK_FALSE(engine->generate(request));
    request.logitBias = {{first, 1000.0F}};
    CHECK_FALSE(engine->generate(request));
}

TEST_CASE("a raw prompt is continued as it is") {
    const auto engine = loadEngine(demoModelPath());
    Request request;
    request.rawPrompt = "Hello";
    request.sampling.temperature = 0;
    request.maxTokens = 5;
    const auto prompt = engine->prompt(request);
    REQUIRE(prompt);
    CHECK(prompt->ids.front() == engine->tokenize("<bos>", true).front());
    CHECK(engine->detokenize({prompt->ids.begin() + 1, prompt->ids.end()}) == "Hello");
    const auto answer = engine->generate(request);
    REQUIRE(answer);
    CHECK(answer->usage.promptTokens == static_cast<int>(prompt->ids.size()));
    request.messages = ask("x").messages;
    CHECK_FALSE(engine->generate(request));
}

TEST_CASE("a mask decides what may follow and when the answer may end") {
    const auto model = loadModel();
    Request request = ask("Who are you?");
    request.maxTokens = 6;
    const std::int32_t id = model->tokenizer.encode("a", false).front();
    AnswerTools tools;
    tools.mask = std::make_unique<OnlyOne>(id, 3);
    const Run run = decodeWith(*model, request, std::move(tools));
    CHECK(run.answer.usage.completionTokens == 6);
    CHECK(run.answer.finish == FinishReason::Length);
    CHECK(std::count(run.ids.end() - 5, run.ids.end(), id) == 5);
}

TEST_CASE("guesses change the number of passes, never the answer") {
    const auto model = loadModel();
    for (const float temperature : {0.0F, 1.2F}) {
        Request request = ask("What can you do?");
        request.sampling.temperature = temperature;
        request.sampling.seed = 11;
        request.maxTokens = 40;
        const Run plain = decodeWith(*model, request, {});
        const auto prompt = buildPrompt(*model, request);
        REQUIRE(prompt);
        AnswerTools tools;
        tools.proposer = std::make_unique<Oracle>(
            std::vector<std::int32_t>(plain.ids.begin() + static_cast<std::ptrdiff_t>(prompt->ids.size()), plain.ids.end()),
            prompt->ids.size(), static_cast<std::size_t>(model->tokenizer.size()));
        const Run guessed = decodeWith(*model, request, std::move(tools));
        CHECK(guessed.answer.content == plain.answer.content);
        CHECK(guessed.answer.usage.completionTokens == plain.answer.usage.completionTokens);
        CHECK(guessed.ids == plain.ids);
        CHECK(guessed.passes < plain.passes);
        CHECK(guessed.answer.usage.acceptedTokens > 0);
        CHECK(guessed.answer.usage.acceptedTokens < guessed.answer.usage.draftedTokens);
    }
}
