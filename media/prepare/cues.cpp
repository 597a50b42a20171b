// From a chunk's text to subtitles. The model gives no times: sentences are laid over the speech regions in proportion
// to their length (audio.md section 8, point 6), so a cue's times are exact only at the borders of the chunk.
#include "facet/media/transcript.h"
#include "words.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace facet::media {

namespace {

constexpr double kSampleRate = 16000;
constexpr std::size_t kLineCharacters = 42;
constexpr std::size_t kLines = 2;
constexpr double kShortest = 1, kLongest = 7;  // seconds
constexpr double kSnap = 0.4;                  // seconds of speech that a border may move to reach a silence
constexpr double kParagraphPause = 2;          // seconds

bool endsSentence(char32_t c) {
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0x0964 || c == 0x061F;
}

// A stretch of text that is not broken over lines, and whether a space stood before it.
struct Token {
    std::string text;
    std::size_t characters = 0;
    bool spaceBefore = false;
    bool endsSentence = false;
};

// Words at spaces; characters of scripts without spaces one by one; longer words than a line in pieces.
std::vector<Token> tokensOf(std::string_view text) {
    std::vector<Token> tokens;
    bool open = false, space = false;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = decodeAt(text, at);
        if (isSpace(c.value) || c.value < 0x20 || c.value == 0x7F) {
            open = false;
            space = !tokens.empty();
        } else {
            const bool single = isUnspaced(c.value);
            // Punctuation sticks to the character before it.
            const bool breakable = single || (open && tokens.back().characters >= kLineCharacters);
            if (!open || breakable) tokens.push_back({{}, 0, space, false});
            Token &token = tokens.back();
            token.text.append(text.substr(at, c.bytes));
            ++token.characters;
            const bool closing = token.endsSentence && (c.value == '"' || c.value == ')' || c.value == '\'' || c.value == 0x201D);
            token.endsSentence = closing || endsSentence(c.value);
            open = true;
            space = false;
        }
        at += c.bytes;
    }
    return tokens;
}

// The text of one cue in the making.
struct Piece {
    std::string text;
    std::size_t characters = 0;      // of the text, line breaks counted as spaces
    std::size_t lineCharacters = 0;  // of the last line
    std::size_t lines = 0;

    bool add(const Token &token) {
        const std::size_t gap = token.spaceBefore && lines > 0 ? 1 : 0;
        if (lines > 0 && lineCharacters + gap + token.characters <= kLineCharacters) {
            text += gap ? " " : "";
            lineCharacters += gap + token.characters;
        } else if (lines < kLines) {
            text += lines > 0 ? "\n" : "";
            lineCharacters = token.characters;
            ++lines;
        } else {
            return false;
        }
        text += token.text;
        characters += gap + token.characters;
        return true;
    }
};

// Speech time (silences cut out) to absolute time.
class SpeechClock {
public:
    explicit SpeechClock(const AudioChunk &chunk) {
        for (const auto &[begin, end] : chunk.speech) {
            if (end > begin) add(static_cast<double>(begin) / kSampleRate, static_cast<double>(end) / kSampleRate);
        }
        m_chunkBegin = static_cast<double>(chunk.beginSample) / kSampleRate;
        m_chunkEnd = static_cast<double>(chunk.endSample) / kSampleRate;
        if (m_regions.empty() && m_chunkEnd > m_chunkBegin) add(m_chunkBegin, m_chunkEnd);
    }
    double total() const noexcept { return m_total; }
    double chunkBegin() const noexcept { return m_chunkBegin; }
    double chunkEnd() const noexcept { return m_chunkEnd; }

    // A border between regions if one is near, else the time itself.
    double snapped(double speech) const noexcept {
        for (const Region &r : m_regions) {
            if (std::fabs(r.speechBegin - speech) < kSnap) return r.speechBegin;
        }
        return speech;
    }
    // A cue that begins there; one that ends there (at a border: before the silence).
    double beginAt(double speech) const noexcept {
        for (auto r = m_regions.rbegin(); r != m_regions.rend(); ++r) {
            if (speech >= r->speechBegin) return std::min(r->begin + speech - r->speechBegin, r->end);
        }
        return m_chunkBegin;
    }
    double endAt(double speech) const noexcept {
        for (const Region &r : m_regions) {
            if (speech <= r.speechBegin + (r.end - r.begin)) return r.begin + std::max(0.0, speech - r.speechBegin);
        }
        return m_regions.empty() ? m_chunkEnd : m_regions.back().end;
    }

private:
    struct Region {
        double begin, end, speechBegin;
    };
    void add(double begin, double end) {
        m_regions.push_back({begin, end, m_total});
        m_total += end - begin;
    }

    std::vector<Region> m_regions;
    double m_total = 0, m_chunkBegin = 0, m_chunkEnd = 0;
};

// Sentences start pieces of their own unless they would be shown for less than a second.
std::vector<Piece> piecesOf(const std::vector<Token> &tokens, double secondsPerCharacter) {
    std::vector<Piece> pieces;
    bool sentenceOver = true;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto seconds = [&](const Piece &p) { return static_cast<double>(p.characters) * secondsPerCharacter; };
        bool fresh = pieces.empty();
        if (!fresh && sentenceOver) {
            std::size_t sentence = 0;
            for (std::size_t j = i; j < tokens.size(); ++j) {
                sentence += tokens[j].characters + 1;
                if (tokens[j].endsSentence) break;
            }
            const bool thisIsLong = seconds(pieces.back()) >= kShortest;
            const bool nextIsLong = static_cast<double>(sentence) * secondsPerCharacter >= kShortest;
            fresh = thisIsLong && nextIsLong;
        }
        if (!fresh && pieces.back().lines > 0) {
            const double grown = static_cast<double>(pieces.back().characters + 1 + tokens[i].characters) * secondsPerCharacter;
            fresh = grown > kLongest || !pieces.back().add(tokens[i]);
        }
        if (fresh) {
            pieces.emplace_back();
            pieces.back().add(tokens[i]);
        }
        sentenceOver = tokens[i].endsSentence;
    }
    return pieces;
}

// At least a second each where the chunk has room: pushes ends forward, then everything back from the chunk's end.
void giveTime(std::vector<Cue> &cues, const SpeechClock &clock) {
    const double room = clock.chunkEnd() - cues.front().begin;
    const double least = std::min(kShortest, room / static_cast<double>(cues.size()));
    double free = clock.chunkBegin();
    for (Cue &cue : cues) {
        cue.begin = std::max(cue.begin, free);
        cue.end = std::max(cue.end, cue.begin + least);
        free = cue.end;
    }
    double bound = clock.chunkEnd();
    for (auto cue = cues.rbegin(); cue != cues.rend(); ++cue) {
        cue->end = std::min(cue->end, bound);
        cue->begin = std::min(cue->begin, cue->end - least);
        bound = cue->begin;
    }
    for (Cue &cue : cues) cue.end = std::min(cue.end, cue.begin + kLongest);
}

std::string clockText(double seconds, char decimalMark) {
    const std::int64_t ms = std::llround(std::clamp(std::isfinite(seconds) ? seconds : 0.0, 0.0, 1e9) * 1000);
    char text[48];
    std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld%c%03lld", static_cast<long long>(ms / 3600000),
                  static_cast<long long>(ms / 60000 % 60), static_cast<long long>(ms / 1000 % 60), decimalMark,
                  static_cast<long long>(ms % 1000));
    return text;
}

// An empty line would end the cue.
std::string withoutEmptyLines(const std::string &text) {
    std::string out;
    for (const char c : text) {
        if (c == '\r' || (c == '\n' && (out.empty() || out.back() == '\n'))) continue;
        out += c;
    }
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

}  // namespace

std::vector<Cue> cuesFor(const AudioChunk &chunk, std::string_view text) {
    std::vector<Cue> cues;
    const SpeechClock clock(chunk);
    const std::vector<Token> tokens = tokensOf(text);
    std::size_t characters = 0;
    for (const Token &token : tokens) characters += token.characters + (token.spaceBefore ? 1 : 0);
    if (tokens.empty() || !(clock.total() > 0)) return cues;

    const double perCharacter = clock.total() / static_cast<double>(characters);
    const std::vector<Piece> pieces = piecesOf(tokens, perCharacter);
    std::size_t total = 0;
    for (const Piece &piece : pieces) total += piece.characters;
    std::size_t done = 0;
    double begin = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        done += pieces[i].characters;
        double end = clock.total() * static_cast<double>(done) / static_cast<double>(total);
        if (const double near = clock.snapped(end); i + 1 < pieces.size() && near > begin) end = near;
        if (i + 1 == pieces.size()) end = clock.total();
        cues.push_back({clock.beginAt(begin), clock.endAt(end), pieces[i].text});
        begin = end;
    }
    giveTime(cues, clock);
    return cues;
}

std::string toSrt(std::span<const Cue> cues) {
    std::string out;
    std::size_t number = 0;
    for (const Cue &cue : cues) {
        out += std::to_string(++number) + "\n" + clockText(cue.begin, ',') + " --> " + clockText(cue.end, ',') + "\n" +
               withoutEmptyLines(cue.text) + "\n\n";
    }
    return out;
}

std::string toVtt(std::span<const Cue> cues) {
    std::string out = "WEBVTT\n\n";
    for (const Cue &cue : cues) {
        out += clockText(cue.begin, '.') + " --> " + clockText(cue.end, '.') + "\n";
        for (const char c : withoutEmptyLines(cue.text)) {
            switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            default: out += c;
            }
        }
        out += "\n\n";
    }
    return out;
}

std::string toTxt(std::span<const Cue> cues) {
    std::string out;
    double lastEnd = 0;
    for (const Cue &cue : cues) {
        std::string text = withoutEmptyLines(cue.text);
        // A line break inside a cue stands for a space, except between characters of scripts without spaces.
        for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
            const bool unspaced = at + 1 < text.size() && isUnspaced(decodeAt(text, at + 1).value);
            text.replace(at, 1, unspaced ? "" : " ");
        }
        if (text.empty()) continue;
        if (!out.empty()) out += cue.begin - lastEnd >= kParagraphPause ? "\n" : isUnspaced(decodeAt(text, 0).value) ? "" : " ";
        out += text;
        lastEnd = cue.end;
    }
    return out.empty() ? out : out + "\n";
}

}  // namespace facet::media
