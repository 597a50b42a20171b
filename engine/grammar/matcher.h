// Walks a grammar byte by byte. A state is a set of stacks (where each possible reading goes on); states are numbered
// and their transitions kept, so that what was computed once is a table look-up afterwards.
//
//     Matcher matcher(grammar);
//     Matcher::State s = matcher.start();
//     for (char c : text) s = matcher.step(s, c);
//     bool whole = matcher.mayEnd(s);
//
// Not thread-safe: each constraint owns one.
#pragma once

#include "grammar/grammar.h"

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace facet::grammar {

class Matcher {
public:
    using State = std::uint32_t;
    static constexpr State kDead = 0;

    explicit Matcher(std::shared_ptr<const Grammar> grammar);

    State start() const noexcept { return m_start; }
    State step(State state, unsigned char byte) {
        const std::uint32_t known = m_table[state * m_classes + m_grammar->classOf[byte]];
        return known != kUnknown ? known : compute(state, m_grammar->classOf[byte]);
    }
    State stepToken(State state, std::int32_t token);
    bool mayEnd(State state) const { return m_ends[state]; }
    // Nothing may follow.
    bool mustEnd(State state) const { return m_ends[state] && m_sets[state].size() == 1; }
    // Tokens that may come next as tokens, not as bytes.
    std::vector<std::int32_t> nextTokens(State state) const;

    // A state that no text of at most `width` bytes tells from this one: counters far from their limits become equal.
    State horizon(State state, std::uint32_t width);

    // True after readings were dropped because there were too many at once.
    bool overflowed() const noexcept { return m_overflowed; }
    std::size_t memoryBytes() const noexcept;
    // Forgets everything but these states and renumbers them.
    void compact(std::span<State> live);

private:
    using Node = std::uint32_t;
    static constexpr std::uint32_t kUnknown = 0xFFFFFFFF;
    static constexpr Node kBottom = 0;  // below the first rule: the text may end

    // What a stack has on top and what is below. Hash-consed, so equal stacks are equal numbers.
    struct Frame {
        std::uint32_t position = 0;
        Node below = kBottom;
        std::uint32_t least = 0, most = 0;  // rounds still needed and allowed, when resuming a Repeat
        bool resumes = false;
        bool operator==(const Frame &) const = default;
    };
    struct FrameHash {
        std::size_t operator()(const Frame &f) const noexcept;
    };

    Node intern(const Frame &frame);
    State internSet(std::vector<Node> nodes);
    State compute(State state, std::uint8_t byteClass);
    void expand(std::uint32_t position, Node below);
    void enterRepeat(std::uint32_t position, std::uint32_t least, std::uint32_t most, Node below);
    void drain();
    State finishSet();
    Node narrowed(Node node, std::uint32_t width);
    void clear();
    Node copyFrom(const std::vector<Frame> &frames, Node node, std::unordered_map<Node, Node> &known);

    std::shared_ptr<const Grammar> m_grammar;
    std::size_t m_classes;
    std::vector<Frame> m_frames;
    std::vector<std::uint32_t> m_depths;  // of frames
    std::unordered_map<Frame, Node, FrameHash> m_frameIds;
    std::vector<std::vector<Node>> m_sets;  // by state: frames at Bytes or Token, kBottom for the end; sorted
    std::vector<bool> m_ends;
    std::unordered_map<std::uint64_t, std::vector<State>> m_setIds;
    std::vector<std::uint32_t> m_table;
    std::size_t m_setNodes = 0;
    State m_start = kDead;
    bool m_overflowed = false;
    // Work of one step.
    std::vector<Frame> m_pending;
    std::unordered_map<Frame, bool, FrameHash> m_seen;
    std::vector<Node> m_found;
    std::uint32_t m_horizonWidth = 0;
    std::unordered_map<State, State> m_horizons;
    std::unordered_map<Node, Node> m_narrowed;
};

// Does the whole text match?
bool matches(const std::shared_ptr<const Grammar> &grammar, std::string_view text);

}  // namespace facet::grammar
