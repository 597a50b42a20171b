#include "facet/media/transcript.h"
#include "words.h"

#include <algorithm>
#include <unordered_map>

namespace facet::media {

namespace {

constexpr std::size_t kRepeats = 3;
constexpr std::size_t kGram = 4;            // words
constexpr std::size_t kGramCharacters = 10;  // of scripts without spaces
constexpr std::size_t kOverlapWords = 15;
constexpr std::size_t kOverlapCharacters = 40;
constexpr std::size_t kLongestWord = 60;     // characters; beyond, a word may be a loop itself ("hahahaha...")
constexpr std::size_t kLongestPeriod = 8;

bool mostlySingles(std::span<const Word> words) {
    const auto singles = std::count_if(words.begin(), words.end(), [](const Word &w) { return w.single; });
    return static_cast<std::size_t>(singles) * 2 > words.size();
}

bool isPeriodic(const std::string &word) {
    if (word.size() < kLongestWord) return false;
    for (std::size_t period = 1; period <= kLongestPeriod; ++period) {
        if (std::equal(word.begin() + static_cast<std::ptrdiff_t>(period), word.end(), word.begin())) return true;
    }
    return false;
}

}  // namespace

bool isRepeating(std::string_view text) {
    const std::vector<Word> words = splitWords(text);
    if (std::any_of(words.begin(), words.end(), [](const Word &w) { return isPeriodic(w.folded); })) return true;
    const std::size_t gram = mostlySingles(words) ? kGramCharacters : kGram;
    struct Seen {
        std::size_t count = 0;
        std::size_t end = 0;  // of the last one counted: overlapping ones are one ("no no no no no")
    };
    std::unordered_map<std::string, Seen> grams;
    for (std::size_t i = 0; i + gram <= words.size(); ++i) {
        std::string key;
        for (std::size_t j = 0; j < gram; ++j) key += words[i + j].folded + ' ';
        Seen &seen = grams[key];
        if (seen.count > 0 && i < seen.end) continue;
        seen.end = i + gram;
        if (++seen.count >= kRepeats) return true;
    }
    return false;
}

TextOverlap findOverlap(std::string_view previous, std::string_view next) {
    TextOverlap result{previous.size(), 0, false};
    const std::vector<Word> before = splitWords(previous);
    const std::vector<Word> after = splitWords(next);
    const bool singles = mostlySingles(after);
    const std::size_t reach = singles ? kOverlapCharacters : kOverlapWords;
    const std::size_t first = before.size() - std::min(before.size(), reach);
    const std::size_t last = std::min(after.size(), reach);
    std::size_t longest = 0, bestBefore = 0, bestAfter = 0;
    for (std::size_t i = first; i < before.size(); ++i) {
        for (std::size_t j = 0; j < last; ++j) {
            std::size_t run = 0;
            while (i + run < before.size() && j + run < last && before[i + run].folded == after[j + run].folded) ++run;
            // Of equal runs the one nearest to the seam: the latest in previous, the earliest in next.
            if (run == 0 || run < longest || (run == longest && i + run <= bestBefore)) continue;
            longest = run;
            bestBefore = i + run;
            bestAfter = j + run;
        }
    }
    // One word alone is an overlap only when it stands right at the seam and is no filler.
    const bool atSeam = longest == 1 && bestBefore == before.size() && bestAfter == 1 && after[0].folded.size() >= 4;
    if (longest < (singles ? 4U : 2U) && (singles || !atSeam)) return result;
    result.found = true;
    result.previousEnd = before[bestBefore - 1].end;
    result.nextBegin = after[bestAfter - 1].end;
    // Punctuation after the shared words comes from `next`; where that has none left, from `previous`.
    if (bestAfter == after.size() && bestBefore == before.size()) {
        result.previousEnd = previous.size();
        result.nextBegin = next.size();
    }
    return result;
}

std::string mergeOverlap(std::string_view previous, std::string_view next) {
    const TextOverlap overlap = findOverlap(previous, next);
    std::string merged(previous.substr(0, overlap.previousEnd));
    const std::string_view rest = next.substr(overlap.nextBegin);
    if (overlap.found || rest.empty()) return merged.append(rest);
    const bool spaced = merged.empty() || isSpace(static_cast<unsigned char>(merged.back())) || isSpace(decodeAt(rest, 0).value) ||
                        isUnspaced(decodeAt(rest, 0).value);
    if (!spaced) merged += ' ';
    return merged.append(rest);
}

}  // namespace facet::media
