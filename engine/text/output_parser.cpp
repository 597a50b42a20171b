#include "facet/output_parser.h"

#include "text/tool_arguments.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace facet {

namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::string_view kThoughtWord = "thought";
constexpr std::string_view kQuote = "<|\"|>";

// Markers that count when they stand in text (text.md section 5: those with a bar, and the end of sequence).
constexpr std::array<std::string_view, 20> kMarkers = {
    "<|tool>",  "<tool|>",  "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>",
    "<|think|>", "<|channel>", "<channel|>", "<|turn>",     "<turn|>",          "<|image>",         "<|audio>",
    "<|image|>", "<|audio|>", "<image|>",    "<audio|>",    "<|video|>",        "<eos>"};

std::string newCallId() {
    static constexpr char kHex[] = "0123456789abcdef";
    std::random_device random;
    std::string id = "call_";
    for (int i = 0; i < 3; ++i)
        for (std::uint32_t bits = random(), j = 0; j < 8; ++j, bits >>= 4U) id += kHex[bits & 15U];
    return id;
}

std::string replaceQuotes(const std::string &raw, std::string_view by) {
    std::string out;
    for (const char c : raw) {
        if (c == kQuoteToken) out += by;
        else out += c;
    }
    return out;
}

// A text of which both ends are trimmed while it streams: white space waits until something follows it.
class Trimmed {
public:
    // What may be shown now.
    std::string push(std::string_view text) {
        if (!m_started) {
            const std::size_t first = text.find_first_not_of(kSpace);
            if (first == std::string_view::npos) return {};
            text.remove_prefix(first);
            m_started = true;
        }
        const std::size_t last = text.find_last_not_of(kSpace);
        if (last == std::string_view::npos) {
            m_waiting += text;
            return {};
        }
        std::string out = std::exchange(m_waiting, std::string(text.substr(last + 1)));
        out += text.substr(0, last + 1);
        return out;
    }

private:
    bool m_started = false;
    std::string m_waiting;
};

}  // namespace

struct OutputParser::Impl {
    enum class State : std::uint8_t { Answer, ThoughtName, Thought, Call, Ended };

    State state = State::Answer;
    std::string held;         // text that may be the start of a marker
    std::string thoughtName;  // what came behind <|channel> so far
    std::string call;         // raw text of the open call, kQuoteToken for its quotes
    Trimmed answer, thought;
    bool thoughtShown = false;  // the running thought has shown something
    ParsedOutput result;
    std::vector<OutputEvent> events;

    void emit(OutputEvent::Kind kind, std::string text) {
        if (text.empty()) return;
        (kind == OutputEvent::Kind::Text ? result.content : result.thinking) += text;
        if (!events.empty() && events.back().kind == kind) events.back().text += text;
        else events.push_back({kind, std::move(text), {}});
    }

    void thoughtText(std::string_view text) {
        std::string shown = thought.push(text);
        if (shown.empty()) return;
        if (!std::exchange(thoughtShown, true) && !result.thinking.empty()) shown.insert(0, "\n\n");
        emit(OutputEvent::Kind::Thought, std::move(shown));
    }

    void beginThought(bool nameFollows) {
        thought = {};
        thoughtShown = false;
        thoughtName.clear();
        state = nameFollows ? State::ThoughtName : State::Thought;
    }

    void text(std::string_view piece) {
        if (piece.empty()) return;
        switch (state) {
        case State::Answer: emit(OutputEvent::Kind::Text, answer.push(piece)); return;
        case State::Thought: thoughtText(piece); return;
        case State::ThoughtName: {
            thoughtName += piece;
            const std::size_t n = std::min(thoughtName.size(), kThoughtWord.size());
            const bool same = thoughtName.compare(0, n, kThoughtWord, 0, n) == 0;
            if (same && thoughtName.size() < kThoughtWord.size()) return;
            const std::string rest = same ? thoughtName.substr(kThoughtWord.size()) : thoughtName;
            state = State::Thought;
            thoughtText(rest);
            return;
        }
        case State::Call:
            for (const char c : piece)
                if (c != kQuoteToken) call += c;
            return;
        case State::Ended: return;
        }
    }

    void closeCall(bool whole) {
        state = State::Answer;
        const std::string raw = std::exchange(call, {});
        if (auto parsed = whole ? parseCall(raw) : std::nullopt) {
            ToolCall made{newCallId(), std::move(parsed->name), std::move(parsed->argumentsJson)};
            result.toolCalls.push_back(made);
            events.push_back({OutputEvent::Kind::ToolCall, {}, std::move(made)});
            return;
        }
        result.malformed.push_back(replaceQuotes(raw, kQuote));
        events.push_back({OutputEvent::Kind::Malformed, replaceQuotes(raw, "\""), {}});
    }

    void marker(std::string_view name) {
        if (state == State::Ended) return;
        const bool ends = name == "<turn|>" || name == "<eos>" || name == "<|tool_response>";
        if (state == State::Call) {
            if (name == "<tool_call|>") closeCall(true);
            else if (ends || name == "<|tool_call>") closeCall(false);
            else if (name == kQuote) call += kQuoteToken;
            else text(name);
            if (ends) state = State::Ended;
            if (name == "<|tool_call>") state = State::Call;
            return;
        }
        if (ends) state = State::Ended;
        else if (name == "<|channel>") beginThought(true);
        else if (name == "<channel|>") state = State::Answer;
        else if (name == "<|tool_call>") state = State::Call;
        // every other one is swallowed
    }

    // Text in which markers count: cuts them out and keeps a tail that may become one.
    void markedText(std::string_view piece) {
        held += piece;
        std::size_t done = 0, keep = 0;  // up to where it was passed on; where the tail that may be a marker begins
        for (std::size_t at = 0; at < held.size(); keep = at) {
            if (held[at] != '<') {
                ++at;
                continue;
            }
            const std::string_view rest = std::string_view(held).substr(at);
            const auto whole = std::find_if(kMarkers.begin(), kMarkers.end(), [rest](std::string_view m) { return rest.starts_with(m); });
            if (whole != kMarkers.end()) {
                text(std::string_view(held).substr(done, at - done));
                marker(*whole);
                at += whole->size();
                done = at;
                continue;
            }
            const bool maybe = std::any_of(kMarkers.begin(), kMarkers.end(), [rest](std::string_view m) { return m.starts_with(rest); });
            if (maybe) break;  // keep stays before it
            ++at;
        }
        text(std::string_view(held).substr(done, keep - done));
        held.erase(0, keep);
    }
};

OutputParser::OutputParser(bool startInThought) : m_impl(std::make_unique<Impl>()) {
    if (startInThought) m_impl->beginThought(false);
}
OutputParser::~OutputParser() = default;
OutputParser::OutputParser(OutputParser &&) noexcept = default;
OutputParser &OutputParser::operator=(OutputParser &&) noexcept = default;

std::vector<OutputEvent> OutputParser::pushText(std::string_view text, bool markersInText) {
    if (markersInText) m_impl->markedText(text);
    else m_impl->text(text);
    return std::exchange(m_impl->events, {});
}

std::vector<OutputEvent> OutputParser::pushMarker(std::string_view marker) {
    m_impl->marker(marker);
    return std::exchange(m_impl->events, {});
}

std::vector<OutputEvent> OutputParser::finish() {
    m_impl->text(std::exchange(m_impl->held, {}));
    if (m_impl->state == Impl::State::Call) m_impl->closeCall(false);
    m_impl->state = Impl::State::Ended;
    return std::exchange(m_impl->events, {});
}

bool OutputParser::ended() const noexcept { return m_impl->state == Impl::State::Ended; }
bool OutputParser::inThought() const noexcept {
    return m_impl->state == Impl::State::Thought || m_impl->state == Impl::State::ThoughtName;
}
const ParsedOutput &OutputParser::result() const noexcept { return m_impl->result; }

bool OutputParser::promptOpensThought(std::string_view prompt) {
    // Only the model's own turn counts; a tool's answer in it is closed by its marker.
    const std::size_t turn = prompt.rfind("<|turn>model\n");
    const std::string_view own = turn == std::string_view::npos ? prompt : prompt.substr(turn);
    const std::size_t open = own.rfind("<|channel>");
    if (open == std::string_view::npos) return false;
    const std::string_view behind = own.substr(open);
    return behind.find("<channel|>") == std::string_view::npos && behind.find("<tool_response|>") == std::string_view::npos;
}

}  // namespace facet
