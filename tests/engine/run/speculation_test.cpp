// Guessing ahead: where guesses come from, how many are sent, and that nothing but the time depends on them.
#include "run_support.h"

#include "run/active_answer.h"
#include "run/answer_tools.h"
#include "run/speculation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace facet;
using namespace facet::test;

namespace {

std::unique_ptr<LoadedModel> load(const std::string &name, const std::string &drafter = {}) {
    LoadOptions options;
    options.path = checkpointPath(name);
    options.threads = 2;
    options.contextLength = 512;
    if (!drafter.empty()) options.drafter = checkpointPath(drafter);
    auto model = LoadedModel::load(options, {}, {});
    INFO((model ? std::string() : model.error().describe()));
    REQUIRE(model);
    return std::move(*model);
}

// Says what it is told, and writes down what it sees.
class Scripted final : public TokenProposer {
public:
    using Script = std::function<std::vector<std::int32_t>(std::span<const std::int32_t>)>;
    Scripted(Script script, std::vector<std::int32_t> &seen) : m_script(std::move(script)), m_seen(seen) {}
    std::vector<std::int32_t> propose(const ProposeInput &input) override {
        m_seen.assign(input.ids.begin(), input.ids.end());
        return m_script(input.ids);
    }
    void verified(std::size_t, std::size_t) override {}

private:
    Script m_script;
    std::vector<std::int32_t> &m_seen;
};

struct Run {
    std::vector<std::int32_t> ids; // prompt and answer, without the last one
    Answer answer;
};

// One answer to the end, as the engine's rounds do it.
Run decode(const LoadedModel &model, const Request &request, const std::vector<std::int32_t> &promptIds,
           std::unique_ptr<TokenProposer> proposer) {
    auto cache = KvCache::create(model.checkpoint.config.text, model.cacheType, model.contextLength, model.maxBlock);
    REQUIRE(cache);
    SessionState session;
    session.cache.emplace(std::move(*cache));
    BuiltPrompt prompt;
    prompt.ids = promptIds;
    Segment segment;
    segment.cache = &*session.cache;
    segment.ids = promptIds;
    segment.logitRows = {static_cast<std::int64_t>(promptIds.size()) - 1};
    auto read = model.text.forward(model.exec, std::span(&segment, 1));
    REQUIRE(read);
    session.ids = promptIds;
    AnswerTools tools;
    tools.proposer = std::move(proposer);
    ActiveAnswer answer(model, request, prompt, session, std::move(tools), [](const Event &) {});
    answer.take(read->logits, read->hidden);
    while (!answer.ended()) {
        Segment rows = answer.nextSegment(model.exec);
        auto output = model.text.forward(model.exec, std::span(&rows, 1));
        REQUIRE(output);
        answer.take(output->logits, output->hidden);
        CHECK(session.cache->length() == static_cast<std::int64_t>(session.ids.size()));
    }
    return {session.ids, answer.finish()};
}

std::vector<std::int32_t> someIds(int count, std::int32_t vocabulary, unsigned seed) {
    std::vector<std::int32_t> ids = {2};
    for (int i = 1; i < count; ++i) {
        seed = seed * 1664525U + 1013904223U;
        ids.push_back(static_cast<std::int32_t>((seed >> 8U) % static_cast<unsigned>(vocabulary)));
    }
    return ids;
}

Request sampled(float temperature, std::uint64_t seed, int maxTokens) {
    Request request;
    request.sampling.temperature = temperature;
    request.sampling.seed = seed;
    request.sampling.repetitionPenalty = temperature > 0 ? 1.1F : 1.0F;
    request.maxTokens = maxTokens;
    return request;
}

} // namespace

TEST_CASE("what stood before is found with its longest agreement") {
    PromptLookup lookup;
    std::vector<std::int32_t> ids = {1, 2, 3, 4, 5, 9, 2, 3, 4, 6, 7, 8};
    CHECK(lookup.find(ids).length == 0);
    for (const std::int32_t id : {5, 3, 1, 2, 3, 4}) ids.push_back(id);
    const auto match = lookup.find(ids);
    CHECK(match.length == 4);
    CHECK(match.position == 4); // behind 1 2 3 4, not behind the later 2 3 4
    ids.push_back(5);
    CHECK(lookup.find(ids).position == 5);
    CHECK(PromptLookup().find({}).length == 0);
    const std::vector<std::int32_t> same(50, 7);
    CHECK(PromptLookup().find(same).position < 50);
}

TEST_CASE("as many guesses as pay") {
    DraftLength good({.most = 8, .firstAcceptance = 0.6});
    CHECK(good.next(10, 0.5, 0.5) >= 2);
    for (int i = 0; i < 20; ++i) good.verified(8, 8);
    CHECK(good.next(10, 0.5, 0.5) == 8);
    CHECK(good.acceptance() > 0.9);
    // Rows that cost as much as passes cannot pay, whatever stands.
    int tries = 0;
    for (int i = 0; i < 200; ++i) tries += good.next(10, 10, 0) > 0 ? 1 : 0;
    CHECK(tries < 12);
    DraftLength bad({.most = 8, .firstAcceptance = 0.6});
    for (int i = 0; i < 20; ++i) bad.verified(3, 0);
    CHECK(bad.acceptance() < 0.2);
    CHECK(bad.next(10, 3, 2) == 0);
    // It looks again from time to time and finds its way back.
    bool tried = false;
    for (int i = 0; i < 70; ++i) tried = tried || bad.next(10, 3, 2) > 0;
    CHECK(tried);
    for (int i = 0; i < 30; ++i) bad.verified(1, 1);
    CHECK(bad.next(10, 1, 1) > 1);
    PassCosts costs;
    costs.took(5, 30); // nothing to compare with yet
    costs.took(1, 10);
    CHECK(costs.single() == 10);
    costs.took(5, 14);
    CHECK(costs.further() == doctest::Approx(1));
}

TEST_CASE("greedy and seeded answers are the same with any guesses, beyond the sliding window too") {
    for (const char *name : {"tiny-e2b", "tiny-31b", "tiny-26b-a4b"}) {
        const auto model = load(name);
        const std::int32_t vocabulary = model->checkpoint.config.text.vocabularySize;
        const auto prompt = someIds(40, vocabulary, 5);
        for (const float temperature : {0.0F, 0.9F}) {
            INFO(name, " temperature ", temperature);
            const Request request = sampled(temperature, 11, 90);
            const Run plain = decode(*model, request, prompt, nullptr);
            std::vector<std::int32_t> truth = plain.ids;
            std::vector<std::int32_t> seen;
            // Right, then wrong from some place on, then of changing length.
            const auto script = [&](std::span<const std::int32_t> ids) {
                std::vector<std::int32_t> guesses;
                for (std::size_t i = 0; i < 1 + ids.size() % 6; ++i) {
                    const std::size_t at = ids.size() + i;
                    const bool wrong = at >= truth.size() || (at * 2654435761U >> 7U) % 4 == 0;
                    guesses.push_back(wrong ? static_cast<std::int32_t>(at % 2000) : truth[at]);
                }
                return guesses;
            };
            const Run guessed = decode(*model, request, prompt, std::make_unique<Scripted>(script, seen));
            CHECK(guessed.ids.size() == plain.ids.size());
            CHECK(guessed.ids == plain.ids);
            CHECK(guessed.answer.content == plain.answer.content);
            CHECK(guessed.answer.usage.completionTokens == plain.answer.usage.completionTokens);
            if (plain.ids.size() > 60) {
                CHECK(guessed.answer.usage.acceptedTokens > 0);
                CHECK(guessed.answer.usage.draftedTokens > guessed.answer.usage.acceptedTokens);
            }
        }
    }
}

TEST_CASE("the drafter and the prompt's words change nothing but the number of passes") {
    const auto model = load("tiny-e2b", "tiny-e2b-assistant");
    REQUIRE(model->drafter);
    // The reference's own case, for which this drafter was fitted.
    const std::vector<std::int32_t> prompt = {2,    1277, 1532, 610,  528,  1561, 530,  543,  1559, 1538, 516,
                                              1536, 1582, 1026, 560,  1547, 1540, 520,  633,  517,  884,  1594,
                                              1552, 824,  1550, 1557, 641,  1545, 505,  579,  517,  506,  1537,
                                              1547, 508,  521,  541,  696,  611,  585,  1681, 624,  526,  1180,
                                              1019, 1463, 517,  1461, 533,  502,  887,  1099, 752};
    for (const float temperature : {0.0F, 0.7F}) {
        const Request request = sampled(temperature, 3, 60);
        const Run plain = decode(*model, request, prompt, nullptr);
        const Run drafted = decode(*model, request, prompt, makeProposer(*model));
        CHECK(drafted.ids == plain.ids);
        CHECK(drafted.answer.usage.draftedTokens > 0);
        CHECK(drafted.answer.usage.acceptedTokens <= drafted.answer.usage.draftedTokens);
    }
    // A text that repeats itself.
    std::vector<std::int32_t> repeated;
    for (int i = 0; i < 6; ++i) repeated.insert(repeated.end(), prompt.begin(), prompt.begin() + 20);
    const Request request = sampled(0, 3, 60);
    CHECK(decode(*model, request, repeated, makeProposer(*model)).ids == decode(*model, request, repeated, nullptr).ids);
}

namespace {

// Draws its guess as a drafter does, from a distribution that is not the model's.
class Drawing final : public TokenProposer {
public:
    Drawing(std::vector<float> logits, std::vector<std::int32_t> &seen) : m_logits(std::move(logits)), m_seen(seen) {}
    std::vector<std::int32_t> propose(const ProposeInput &input) override {
        m_seen.assign(input.ids.begin(), input.ids.end());
        return {input.chooser.guess({}, m_logits, {})};
    }
    void verified(std::size_t, std::size_t) override {}

private:
    std::vector<float> m_logits;
    std::vector<std::int32_t> &m_seen;
};

// Chi-square against what the sampler's steps leave of the model's own logits, with a guess in the way: one that is
// fixed, and one that is drawn with the sampler's own noise. A choice that leaned towards the guess, or the same noise at
// two places, would show.
void checkDistribution(bool drawn) {
    const auto model = load("tiny-e2b");
    const TextConfig &text = model->checkpoint.config.text;
    auto made = KvCache::create(text, model->cacheType, model->contextLength, model->maxBlock);
    REQUIRE(made);
    SessionState session;
    session.cache.emplace(std::move(*made));
    BuiltPrompt prompt;
    prompt.ids = someIds(24, text.vocabularySize, 9);
    const std::int32_t first = 777; // what the prompt is made to give
    Segment segment;
    segment.cache = &*session.cache;
    segment.ids = prompt.ids;
    REQUIRE(model->text.forward(model->exec, std::span(&segment, 1)));
    const auto promptLength = session.cache->length();

    Request request = sampled(2.0F, 0, 8);
    request.sampling.topK = 6;
    // The distributions that are right: behind `first`, and behind `first` and the guess.
    Segment probe;
    probe.cache = &*session.cache;
    probe.ids = {first};
    probe.logitRows = {0};
    auto output = model->text.forward(model->exec, std::span(&probe, 1));
    REQUIRE(output);
    std::vector<float> distorted(output->logits.begin(), output->logits.end());
    for (float &logit : distorted) logit *= 0.4F; // the same tokens survive, with other probabilities
    const std::vector<std::int32_t> history1 = {first};
    const auto right1 = candidates(output->logits, history1, request.sampling, model->suppressed);
    REQUIRE(right1.size() >= 4);
    const std::int32_t guess = right1[1].id;
    probe.ids = {guess};
    output = model->text.forward(model->exec, std::span(&probe, 1));
    REQUIRE(output);
    const std::vector<std::int32_t> history2 = {first, guess};
    const auto right2 = candidates(output->logits, history2, request.sampling, model->suppressed);

    std::map<std::int32_t, int> counts1, counts2;
    int stood = 0, behindGuess = 0;
    constexpr int kRuns = 500;
    for (int run = 1; run <= kRuns; ++run) {
        REQUIRE(session.cache->truncate(promptLength));
        session.ids = prompt.ids;
        request.sampling.seed = static_cast<std::uint64_t>(run) * 7919;
        std::vector<std::int32_t> seen;
        AnswerTools tools;
        if (drawn) tools.proposer = std::make_unique<Drawing>(distorted, seen);
        else
            tools.proposer = std::make_unique<Scripted>(
                [guess](std::span<const std::int32_t>) { return std::vector<std::int32_t>{guess}; }, seen);
        ActiveAnswer answer(*model, request, prompt, session, std::move(tools), [](const Event &) {});
        std::vector<float> certain(static_cast<std::size_t>(text.vocabularySize), -1000.0F);
        certain[static_cast<std::size_t>(first)] = 1000.0F;
        const std::vector<float> hidden(static_cast<std::size_t>(text.hiddenSize));
        answer.take(certain, hidden);
        if (answer.ended()) continue;
        Segment rows = answer.nextSegment(model->exec);
        REQUIRE(rows.ids.size() == 2);
        const std::int32_t sent = rows.ids[1];
        if (!drawn) REQUIRE(sent == guess);
        auto both = model->text.forward(model->exec, std::span(&rows, 1));
        REQUIRE(both);
        answer.take(both->logits, both->hidden);
        if (!answer.ended()) answer.nextSegment(model->exec); // shows what was chosen
        const std::size_t at = prompt.ids.size() + 1;
        REQUIRE(seen.size() > at);
        ++counts1[seen[at]];
        if (seen[at] != sent) continue;
        ++stood;
        REQUIRE(seen.size() == at + 2);
        // Behind the one token whose distribution is known.
        if (sent == guess) ++counts2[seen[at + 1]], ++behindGuess;
    }
    const auto chiSquare = [](const std::vector<Candidate> &right, const std::map<std::int32_t, int> &counts, int total) {
        double sum = 0;
        int known = 0;
        for (const Candidate &candidate : right) {
            const auto found = counts.find(candidate.id);
            const int count = found == counts.end() ? 0 : found->second;
            const double expected = static_cast<double>(candidate.probability) * total;
            sum += (count - expected) * (count - expected) / std::max(expected, 1.0);
            known += count;
        }
        CHECK(known == total); // nothing that the steps removed
        return sum;
    };
    // 5 degrees of freedom: beyond 25.7 once in ten thousand.
    CHECK(chiSquare(right1, counts1, kRuns) < 25.7);
    CHECK(stood > 30);
    CHECK(stood < kRuns - 30);
    CHECK(behindGuess > 20);
    CHECK(chiSquare(right2, counts2, behindGuess) < 25.7);
    MESSAGE((drawn ? "drawn" : "fixed"), " guesses that stood: ", stood, " of ", kRuns);
}

} // namespace

TEST_CASE("sampled tokens come from the model's distribution, whether guessed or not") {
    checkDistribution(false);
    checkDistribution(true);
}


TEST_CASE("adapters of a load: requests choose, caches are kept apart, figures are reported") {
    LoadOptions options;
    options.path = checkpointPath("tiny-e2b");
    options.adapters = {{checkpointPath("tiny-e2b-lora"), 1.0F}};
    options.drafter = checkpointPath("tiny-e2b-assistant");
    options.threads = 2;
    auto engine = Engine::load(options);
    INFO((engine ? std::string() : engine.error().describe()));
    REQUIRE(engine);
    const auto plain = loadEngine(checkpointPath("tiny-e2b"));
    Request request = ask("The capital of France is");
    request.maxTokens = 12;
    const auto with = (*engine)->generate(request);
    request.adapters = {{"tiny-e2b-lora", 0.0F}};
    const auto without = (*engine)->generate(request);
    REQUIRE(with);
    REQUIRE(without);
    CHECK(with->content != without->content);
    CHECK(without->usage.cachedTokens == 0); // nothing of the other adapter's cache
    request.adapters = {};
    CHECK((*engine)->generate(request)->content == with->content);
    CHECK(plain->generate(request)->content == without->content);
    request.adapters = {{"nobody", 1.0F}};
    const auto refused = (*engine)->generate(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::InvalidArgument);
    options.drafter = checkpointPath("tiny-31b");
    CHECK_FALSE(Engine::load(options));
}

// The mask of an answer that has to repeat what it read, but for an edit.
class Repeats final : public TokenMask {
public:
    explicit Repeats(std::vector<std::int32_t> ids) : m_ids(std::move(ids)) {}
    void apply(std::span<float> logits) override {
        for (std::size_t i = 0; i < logits.size(); ++i)
            if (static_cast<std::int32_t>(i) != m_ids[m_at]) logits[i] = -std::numeric_limits<float>::infinity();
    }
    void accept(std::int32_t) override { m_at = std::min(m_at + 1, m_ids.size() - 1); }
    bool mayEnd() const override { return false; }

private:
    std::vector<std::int32_t> m_ids;
    std::size_t m_at = 0;
};

TEST_CASE("without a drafter edits and transcripts are guessed from the prompt") {
    const auto model = load("tiny-e2b");
    REQUIRE_FALSE(model->drafter);
    const std::int32_t vocabulary = model->checkpoint.config.text.vocabularySize;
    const auto prompt = someIds(80, vocabulary, 21);
    std::vector<std::int32_t> edited(prompt.begin() + 5, prompt.begin() + 75);
    edited[30] = (edited[30] + 1) % vocabulary;
    for (std::int32_t &id : edited) // what may not be said ends the comparison
        if (std::find(model->suppressed.begin(), model->suppressed.end(), id) != model->suppressed.end()) id = 700;
    for (const float temperature : {0.0F, 1.0F}) {
        Request request = sampled(temperature, 5, static_cast<int>(edited.size()));
        BuiltPrompt built;
        built.ids = prompt;
        auto tools = makeAnswerTools(*model, request, built); // as every request gets them
        REQUIRE(tools);
        REQUIRE(tools->proposer);
        auto cache = KvCache::create(model->checkpoint.config.text, model->cacheType, model->contextLength, model->maxBlock);
        REQUIRE(cache);
        SessionState session;
        session.cache.emplace(std::move(*cache));
        session.ids = prompt;
        Segment segment;
        segment.cache = &*session.cache;
        segment.ids = prompt;
        segment.logitRows = {static_cast<std::int64_t>(prompt.size()) - 1};
        auto read = model->text.forward(model->exec, std::span(&segment, 1));
        REQUIRE(read);
        tools->mask = std::make_unique<Repeats>(edited);
        ActiveAnswer answer(*model, request, built, session, std::move(*tools), [](const Event &) {});
        answer.take(read->logits, read->hidden);
        int passes = 0;
        for (; !answer.ended(); ++passes) {
            Segment rows = answer.nextSegment(model->exec);
            auto output = model->text.forward(model->exec, std::span(&rows, 1));
            REQUIRE(output);
            answer.take(output->logits, output->hidden);
        }
        const Usage usage = answer.finish().usage;
        CHECK(usage.acceptedTokens > 0);
        CHECK(passes + usage.acceptedTokens + 1 == static_cast<int>(edited.size()));
        CHECK(std::equal(session.ids.begin() + static_cast<std::ptrdiff_t>(prompt.size()), session.ids.end(), edited.begin()));
    }
}
