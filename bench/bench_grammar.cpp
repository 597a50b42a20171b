// What constrained output costs a decode step, on a vocabulary as large as the released one (262 144 pieces).
//
//     bench_grammar
//
// Prints, in processor time and for each schema, the time to compile it and, over answers sampled under the mask, the mean, the median and the
// largest time of a mask that was seen first and of all masks, and of applying it to the logits.
#include "grammar/schema_grammar.h"
#include "grammar/token_constraint.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

using namespace facet::grammar;
// Time of this thread: other programs do not count.
double microseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}
double microsecondsSince(double start) { return microseconds() - start; }

// Words of several scripts with and without a space before, digits, runs of spaces, punctuation that belongs to JSON.
std::shared_ptr<const TokenVocabulary> largeVocabulary() {
    constexpr std::size_t kSize = 262'144;
    std::mt19937 random(42);
    std::unordered_set<std::string> seen;
    std::vector<std::string> pieces(106);  // control tokens
    const auto add = [&](std::string piece) {
        if (pieces.size() < kSize && seen.insert(piece).second) pieces.push_back(std::move(piece));
    };
    for (int b = 0; b < 256; ++b) add(std::string(1, static_cast<char>(b)));
    for (std::size_t n = 2; n <= 31; ++n) {
        add(std::string(n, ' '));
        add(std::string(n, '\n'));
        add(std::string(n, '\t'));
    }
    const std::vector<std::string> marks = {"{", "}", "[", "]", ":", ",", "\"", "\\", "\n", " ", ".", "-", "(", ")", "/", "'", ";", "=", "<", ">", "0", "1", "_"};
    for (const auto &a : marks)
        for (const auto &b : marks) {
            add(a + b);
            for (const auto &c : marks) add(a + b + c);
        }
    const std::vector<std::string> syllables = {"an", "er", "in", "on", "th", "st", "re", "ou", "al", "en", "ti", "es", "ic", "ar", "ur", "is", "om",
                                                "ion", "ing", "ent", "ate", "com", "pro", "é", "ä", "ö", "ñ"};
    while (pieces.size() < kSize) {
        std::string word;
        const int kind = static_cast<int>(random() % 10);
        if (kind < 6) {
            for (std::size_t n = 1 + random() % 4; n > 0; --n) word += syllables[random() % syllables.size()];
            if (random() % 3 == 0 && word[0] >= 'a') word[0] = static_cast<char>(word[0] - 32);
        } else {
            // Two- and three-byte scripts.
            const bool wide = kind < 8;
            for (std::size_t n = 1 + random() % 4; n > 0; --n) {
                if (wide) word += {static_cast<char>(0xD0 + random() % 2), static_cast<char>(0x80 + random() % 64)};
                else word += {static_cast<char>(0xE4 + random() % 5), static_cast<char>(0x80 + random() % 64), static_cast<char>(0x80 + random() % 64)};
            }
        }
        if (random() % 2 == 0) word = " " + word;
        if (random() % 40 == 0) word += marks[random() % marks.size()];
        add(std::move(word));
    }
    return TokenVocabulary::fromPieces(pieces);
}

void print(const char *name, std::vector<double> times) {
    if (times.empty()) return;
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const double t : times) sum += t;
    std::printf("  %-22s %6zu times, mean %8.1f us, median %8.1f us, most %8.1f us\n", name, times.size(), sum / static_cast<double>(times.size()),
                times[times.size() / 2], times.back());
}

void measure(const char *name, const char *schema, const std::shared_ptr<const TokenVocabulary> &vocabulary) {
    std::printf("%s\n", name);
    const auto start = microseconds();
    const auto grammar = grammarFromSchema(schema);
    if (!grammar) {
        std::printf("  %s\n", grammar.error().message.c_str());
        return;
    }
    std::printf("  compiled in %.1f us\n", microsecondsSince(start));
    std::mt19937 random(5);
    std::vector<double> all, first, apply;
    std::vector<float> logits(static_cast<std::size_t>(vocabulary->size()));
    for (int answer = 0; answer < 3; ++answer) {
        ConstraintOptions options;
        options.grammar = *grammar;
        options.vocabulary = vocabulary;
        options.stopIds = {1};
        TokenConstraint constraint(options);
        for (int step = 0; step < 120 && !constraint.finished(); ++step) {
            const std::size_t known = constraint.maskCount();
            const auto asked = microseconds();
            const TokenSet &mask = constraint.allowed();
            all.push_back(microsecondsSince(asked));
            if (constraint.maskCount() != known) first.push_back(all.back());
            std::fill(logits.begin(), logits.end(), 0.0F);
            const auto applied = microseconds();
            forbidOthers(mask, logits);
            apply.push_back(microsecondsSince(applied));
            std::vector<std::int32_t> allowed;
            for (std::int32_t id = 0; id < vocabulary->size(); ++id)
                if (has(mask, id) && id != 1) allowed.push_back(id);
            if (allowed.empty()) break;
            // Quotes end strings now and then, as a model would.
            std::int32_t id = allowed[random() % allowed.size()];
            for (const std::int32_t each : allowed)
                if (vocabulary->bytesOf(each) == "\"" && random() % 6 == 0) id = each;
            if (!constraint.accept(id)) break;
        }
    }
    print("mask, seen first", first);
    print("mask, all steps", all);
    print("applied to logits", apply);
}

}  // namespace

int main() {
    const auto start = microseconds();
    const auto vocabulary = largeVocabulary();
    std::printf("vocabulary of %d pieces, %zu nodes, made in %.0f ms\n", vocabulary->size(), vocabulary->nodes().size(), microsecondsSince(start) / 1000);
    measure("any JSON", R"({"type":"object"})", vocabulary);
    measure("record", R"({"type":"object","properties":{"title":{"type":"string"},"year":{"type":"integer","minimum":1900,"maximum":2100},
        "tags":{"type":"array","items":{"type":"string"}},"state":{"enum":["open","closed"]},"note":{"anyOf":[{"type":"string"},{"type":"null"}]}},
        "required":["title","year","tags","state","note"]})", vocabulary);
    measure("counted strings", R"({"type":"object","properties":{"a":{"type":"string","minLength":20,"maxLength":400},
        "b":{"type":"string","maxLength":60}},"required":["a","b"]})", vocabulary);
    measure("patterns", R"({"type":"object","properties":{"date":{"type":"string","pattern":"^\\d{4}-\\d\\d-\\d\\d$"},"slug":{"type":"string","pattern":"^[a-z]+(-[a-z]+)*$"},
        "words":{"type":"string","pattern":"^.{1,300}$"}},"required":["date","slug","words"]})", vocabulary);
}
