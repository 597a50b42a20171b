// The demo model's accuracy table, reproduced by our engine on fresh samples (seeds never trained on; "unseen": fonts
// and voices never trained on as well) and held against the reference implementation's answers on the same samples.
#include "demo_support.h"

#include <cstdio>
#include <map>
#include <sstream>

using namespace facet;
using namespace facet::demo;

namespace {

// One cell of the table. Which counts are used depends on the task.
struct Score {
    int samples = 0, exact = 0;
    int lines = 0, linesExact = 0, characters = 0, characterErrors = 0; // reading
    int boxes = 0, hits = 0, answered = 0;                              // detecting, finding, pointing
    int words = 0, wordErrors = 0;                                      // hearing
};

template <typename Items> int editDistance(const Items &a, const Items &b) {
    std::vector<int> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const int substituted = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row.back();
}

std::vector<std::string> split(const std::string &text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

std::vector<std::string> spokenWords(std::string text) {
    for (char &c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    const auto isEnd = [](char c) { return c == '.' || c == '?'; };
    while (!text.empty() && isEnd(text.back())) text.pop_back();
    return split(text, ' ');
}

void scoreReading(const std::string &got, const std::string &want, Score &score) {
    const auto wanted = split(want, '\n'), read = split(got, '\n');
    for (std::size_t i = 0; i < wanted.size(); ++i) score.linesExact += i < read.size() && read[i] == wanted[i];
    score.lines += static_cast<int>(wanted.size());
    score.characters += static_cast<int>(want.size());
    score.characterErrors += editDistance(want, got);
}

// Every true box takes the best answer that is still free, as the recipe's own measurement does.
void scoreBoxes(const std::string &got, const Json &truth, Score &score) {
    std::vector<Detection> ours = parseDetections(got, 1000, 1000);
    const std::vector<Detection> wanted = parseDetections(truth.dump(), 1000, 1000);
    score.boxes += static_cast<int>(wanted.size());
    score.answered += static_cast<int>(ours.size());
    for (const Detection &box : wanted) {
        const auto best = std::max_element(ours.begin(), ours.end(), [&box](const Detection &a, const Detection &b) {
            return overlap(box, a) < overlap(box, b);
        });
        if (best == ours.end() || overlap(box, *best) < 0.5) continue;
        score.hits += best->label == box.label;
        ours.erase(best);
    }
}

void scorePoints(const std::string &got, const Json &truth, Score &score) {
    const std::vector<Detection> ours = parseDetections(got, 1000, 1000);
    for (const Detection &box : parseDetections(truth.dump(), 1000, 1000)) {
        ++score.boxes;
        score.hits += std::any_of(ours.begin(), ours.end(), [&box](const Detection &p) {
            return p.kind == Detection::Kind::Point && p.label == box.label && p.x1 >= box.x1 && p.x1 <= box.x2 &&
                   p.y1 >= box.y1 && p.y1 <= box.y2;
        });
    }
}

struct Output {
    std::string content;
    Json calls;
};
Output parsed(const std::string &raw) {
    const Json p = Json::parse(probeParse("<|turn>model\n", {raw}));
    return {p.at("content").get<std::string>(), callsOf(p)};
}

void addTo(Score &score, const Json &sample, const Output &got) {
    const Output want = parsed(sample.at("truth").get<std::string>());
    const std::string task = sample.at("task").get<std::string>();
    ++score.samples;
    score.exact += got.content == want.content && got.calls == want.calls;
    if (task == "ocr") scoreReading(got.content, want.content, score);
    if (task == "detect" || task == "find") scoreBoxes(got.content, sample.at("truth_boxes"), score);
    if (task == "point") scorePoints(got.content, sample.at("truth_boxes"), score);
    if (task == "speech") {
        const auto wanted = spokenWords(want.content);
        score.words += static_cast<int>(wanted.size());
        score.wordErrors += editDistance(wanted, spokenWords(got.content));
    }
}

std::string percent(int part, int whole) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f%%", whole > 0 ? 100.0 * part / whole : 0.0);
    return text;
}

std::string describe(const Score &s) {
    std::string text = percent(s.exact, s.samples) + " exact";
    if (s.lines > 0)
        text += ", lines " + percent(s.linesExact, s.lines) + ", character errors " +
                percent(s.characterErrors, s.characters);
    if (s.boxes > 0) text += ", right " + std::to_string(s.hits) + "/" + std::to_string(s.boxes);
    if (s.answered > 0) text += ", precision " + percent(s.hits, s.answered);
    if (s.words > 0) text += ", word errors " + percent(s.wordErrors, s.words);
    return text;
}

// A sample that rounding decides may fall either way; the rest must be equal, so the sums can differ by that little.
void checkAgree(const Score &ours, const Score &reference) {
    CHECK(std::abs(ours.exact - reference.exact) <= 1);
    CHECK(std::abs(ours.linesExact - reference.linesExact) <= 1);
    CHECK(std::abs(ours.characterErrors - reference.characterErrors) <= 2 + reference.characters / 100);
    CHECK(std::abs(ours.hits - reference.hits) <= 1 + reference.boxes / 20);
    CHECK(std::abs(ours.answered - reference.answered) <= 1 + reference.answered / 20);
    CHECK(std::abs(ours.wordErrors - reference.wordErrors) <= 1);
}

// What a task is about, in percent: letters, boxes or points, words, whole answers.
double points(const Score &s) {
    if (s.characters > 0) return 100.0 * (1 - static_cast<double>(s.characterErrors) / s.characters);
    if (s.boxes > 0) return 100.0 * s.hits / s.boxes;
    if (s.words > 0) return 100.0 * (1 - static_cast<double>(s.wordErrors) / s.words);
    return s.samples > 0 ? 100.0 * s.exact / s.samples : 0;
}

// What no later training may fall below, in points(): most of what it was when this was written, as a task has few samples.
double leastPoints(const std::string &task, bool known) {
    const std::map<std::string, std::pair<double, double>> least = {
        {"ocr", {98, 93}},    {"detect", {95, 95}}, {"find", {70, 80}}, {"point", {80, 75}}, {"count", {87, 87}}, {"describe", {90, 87}},
        {"speech", {98, 97}}, {"talk", {75, 87}},   {"tool", {95, 95}}, {"tool_answer", {87, 87}}, {"tool_picture", {75, 87}}};
    const auto &both = least.at(task);
    return known ? both.first : both.second;
}

// Over all tasks, each weighing as much as it has samples: the reference's figure (bf16 weights) minus ours.
double lossOfWeights(WeightType weights, const std::string &part) {
    const auto engine = loadDemoModel(weights);
    const std::string folder = environment("FACET_FIXTURES") + "/demo-accuracy/" + part;
    std::map<std::string, std::pair<Score, Score>> table; // ours, the reference's
    for (const Json &sample : readSamples(folder + "/samples.jsonl")) {
        const std::string id = sample.at("id").get<std::string>();
        CAPTURE(id);
        const Result<Answer> answer = engine->generate(requestOf(sample, folder, *engine, 260));
        REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
        auto &[mine, theirs] = table[sample.at("task").get<std::string>()];
        addTo(mine, sample, {answer->content, callsOf(*answer)});
        addTo(theirs, sample, parsed(sample.at("reference").get<std::string>()));
    }
    double loss = 0;
    int samples = 0;
    for (const auto &[task, scores] : table) {
        loss += (points(scores.second) - points(scores.first)) * scores.first.samples;
        samples += scores.first.samples;
        MESSAGE(part << " " << task << ": " << points(scores.first) << " points of 100, the reference "
                     << points(scores.second));
    }
    return loss / samples;
}

void compare(Engine &engine, const std::string &part) {
    const std::string folder = environment("FACET_FIXTURES") + "/demo-accuracy/" + part;
    std::map<std::string, std::pair<Score, Score>> table; // ours, the reference's
    int decided = 0;
    for (const Json &sample : readSamples(folder + "/samples.jsonl")) {
        const std::string id = sample.at("id").get<std::string>();
        CAPTURE(id);
        const Result<Answer> answer =
            engine.generate(requestOf(sample, folder, engine, 260));
        REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
        const Output ours{answer->content, callsOf(*answer)};
        const Output reference = parsed(sample.at("reference").get<std::string>());
        if (sample.at("smallest_margin").get<double>() >= kDecidedMargin) {
            ++decided;
            CHECK(ours.content == reference.content);
            CHECK(ours.calls == reference.calls);
        }
        auto &[mine, theirs] = table[sample.at("task").get<std::string>()];
        addTo(mine, sample, ours);
        addTo(theirs, sample, reference);
    }
    CHECK(decided >= 30);
    CHECK(table.size() == 11);
    for (const auto &[task, scores] : table) {
        CAPTURE(task);
        MESSAGE(part << " " << task << " (" << scores.first.samples << "): " << describe(scores.first)
                     << " | reference " << describe(scores.second));
        checkAgree(scores.first, scores.second);
        CHECK(points(scores.first) >= leastPoints(task, part == "known"));
    }
}

} // namespace

TEST_CASE("the accuracy table: fonts and voices of the training") {
    const auto engine = loadDemoModel();
    compare(*engine, "known");
}

TEST_CASE("the accuracy table: fonts and voices never trained on") {
    const auto engine = loadDemoModel();
    compare(*engine, "unseen");
}

TEST_CASE("weights that our engine quantises: Q8_0 loses at most one point, Q4_0 stays usable") {
    const double q8 = lossOfWeights(WeightType::Q8_0, "known"), q4 = lossOfWeights(WeightType::Q4_0, "known");
    MESSAGE("loss in points of 100: Q8_0 " << q8 << ", Q4_0 " << q4);
    CHECK(q8 <= 1);
    CHECK(q4 <= 10);
}
