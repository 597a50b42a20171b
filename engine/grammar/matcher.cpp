#include "grammar/matcher.h"

#include <algorithm>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::uint32_t kMaxDepth = 400;     // of a stack: how deep an answer may nest
constexpr std::size_t kMaxReadings = 4096;   // stacks of one state
constexpr std::size_t kMaxWork = 65'536;     // frames looked at in one step

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
    h ^= v + 0x9E3779B97F4A7C15ULL + (h << 6U) + (h >> 2U);
    return h * 0xD6E8FEB86659FD93ULL;
}

}  // namespace

std::size_t Matcher::FrameHash::operator()(const Frame &f) const noexcept {
    std::uint64_t h = mix(f.position, f.below);
    h = mix(h, (std::uint64_t{f.least} << 32U) | f.most);
    return static_cast<std::size_t>(mix(h, f.resumes ? 1 : 0));
}

Matcher::Matcher(std::shared_ptr<const Grammar> grammar)
    : m_grammar(std::move(grammar)), m_classes(m_grammar->classByte.size()) {
    clear();
    expand(m_grammar->start, kBottom);
    drain();
    m_start = finishSet();
}

void Matcher::clear() {
    m_frames.assign(1, Frame{kUnknown});
    m_depths.assign(1, 0);
    m_frameIds.clear();
    m_sets.assign(1, {});
    m_ends.assign(1, false);
    m_setIds.clear();
    m_table.assign(m_classes, kDead);  // from the dead state everything is dead
    m_setNodes = 0;
    m_horizons.clear();
    m_narrowed.clear();
}

Matcher::Node Matcher::intern(const Frame &frame) {
    const auto [place, added] = m_frameIds.emplace(frame, static_cast<Node>(m_frames.size()));
    if (added) {
        m_frames.push_back(frame);
        m_depths.push_back(m_depths[frame.below] + 1);
    }
    return place->second;
}

Matcher::State Matcher::internSet(std::vector<Node> nodes) {
    if (nodes.empty()) return kDead;
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    std::uint64_t hash = nodes.size();
    for (const Node node : nodes) hash = mix(hash, node);
    std::vector<State> &same = m_setIds[hash];
    for (const State state : same)
        if (m_sets[state] == nodes) return state;
    const auto state = static_cast<State>(m_sets.size());
    same.push_back(state);
    m_ends.push_back(nodes.front() == kBottom);
    m_setNodes += nodes.size();
    m_sets.push_back(std::move(nodes));
    m_table.resize(m_table.size() + m_classes, kUnknown);
    return state;
}

// Puts a place where reading may go on onto the list; drain() follows it to bytes and tokens.
void Matcher::expand(std::uint32_t position, Node below) { m_pending.push_back({position, below}); }

void Matcher::enterRepeat(std::uint32_t position, std::uint32_t least, std::uint32_t most, Node below) {
    const Grammar::Position &p = m_grammar->positions[position];
    if (least == 0) expand(p.next, below);
    if (most == 0) return;
    const std::uint32_t left = most == kUnbounded ? kUnbounded : most - 1;
    expand(p.operand, intern({position, below, least == 0 ? 0 : least - 1, left, true}));
}

void Matcher::drain() {
    m_seen.clear();
    std::size_t work = 0;
    while (!m_pending.empty()) {
        const Frame at = m_pending.back();
        m_pending.pop_back();
        if (++work > kMaxWork || m_found.size() > kMaxReadings) {
            m_overflowed = true;
            m_pending.clear();
            return;
        }
        const Grammar::Position &p = m_grammar->positions[at.position];
        // Bytes and tokens become frames, which are unique already.
        if (p.op == Grammar::Op::Bytes || p.op == Grammar::Op::Token) {
            m_found.push_back(intern(at));
            continue;
        }
        if (!m_seen.emplace(at, true).second) continue;
        switch (p.op) {
        case Grammar::Op::Choice:
            for (std::uint32_t i = 0; i < p.next; ++i) expand(m_grammar->branches[p.operand + i], at.below);
            break;
        case Grammar::Op::Call:
            // A call at the end of a rule needs no frame of its own: lists of any length stay flat.
            if (m_grammar->positions[p.next].op == Grammar::Op::Return) expand(p.operand, at.below);
            else if (m_depths[at.below] < kMaxDepth) expand(p.operand, intern({p.next, at.below}));
            break;
        case Grammar::Op::Repeat:
            if (m_depths[at.below] < kMaxDepth) enterRepeat(at.position, p.least, p.most, at.below);
            break;
        case Grammar::Op::Return: {
            if (at.below == kBottom) {
                m_found.push_back(kBottom);
                break;
            }
            const Frame frame = m_frames[at.below];
            if (frame.resumes) enterRepeat(frame.position, frame.least, frame.most, frame.below);
            else expand(frame.position, frame.below);
            break;
        }
        default: break;
        }
    }
}

Matcher::State Matcher::finishSet() { return internSet(std::exchange(m_found, {})); }

Matcher::State Matcher::compute(State state, std::uint8_t byteClass) {
    const unsigned char byte = m_grammar->classByte[byteClass];
    for (std::size_t i = 0; i < m_sets[state].size(); ++i) {
        const Node node = m_sets[state][i];
        if (node == kBottom) continue;
        const Frame &frame = m_frames[node];
        const Grammar::Position &p = m_grammar->positions[frame.position];
        if (p.op == Grammar::Op::Bytes && m_grammar->sets[p.operand][byte]) expand(p.next, frame.below);
    }
    drain();
    const State next = finishSet();
    m_table[state * m_classes + byteClass] = next;
    return next;
}

Matcher::State Matcher::stepToken(State state, std::int32_t token) {
    for (const Node node : m_sets[state]) {
        if (node == kBottom) continue;
        const Frame &frame = m_frames[node];
        const Grammar::Position &p = m_grammar->positions[frame.position];
        if (p.op == Grammar::Op::Token && m_grammar->tokens[p.operand] == token) expand(p.next, frame.below);
    }
    drain();
    return finishSet();
}

std::vector<std::int32_t> Matcher::nextTokens(State state) const {
    std::vector<std::int32_t> tokens;
    for (const Node node : m_sets[state]) {
        if (node == kBottom) continue;
        const Grammar::Position &p = m_grammar->positions[m_frames[node].position];
        if (p.op == Grammar::Op::Token) tokens.push_back(m_grammar->tokens[p.operand]);
    }
    return tokens;
}

Matcher::Node Matcher::narrowed(Node node, std::uint32_t width) {
    // Bottom up along the stack, which may be deep.
    std::vector<Node> path;
    Node at = node;
    Node result = kBottom;
    while (at != kBottom) {
        const auto known = m_narrowed.find(at);
        if (known != m_narrowed.end()) {
            result = known->second;
            break;
        }
        path.push_back(at);
        at = m_frames[at].below;
    }
    for (std::size_t i = path.size(); i-- > 0;) {
        Frame frame = m_frames[path[i]];
        frame.below = result;
        frame.least = std::min(frame.least, width);
        if (frame.resumes) frame.most = std::min(frame.most, width);
        result = intern(frame);
        m_narrowed.emplace(path[i], result);
    }
    return result;
}

Matcher::State Matcher::horizon(State state, std::uint32_t width) {
    if (width != m_horizonWidth) {
        m_horizons.clear();
        m_narrowed.clear();
        m_horizonWidth = width;
    }
    const auto known = m_horizons.find(state);
    if (known != m_horizons.end()) return known->second;
    std::vector<Node> nodes = m_sets[state];
    for (Node &node : nodes) node = narrowed(node, width);
    const State near = internSet(std::move(nodes));
    m_horizons.emplace(state, near);
    return near;
}

std::size_t Matcher::memoryBytes() const noexcept {
    return m_table.size() * sizeof(std::uint32_t) + m_frames.size() * (3 * sizeof(Frame)) + m_setNodes * sizeof(Node) +
           m_sets.size() * 96 + (m_horizons.size() + m_narrowed.size()) * 32;
}

Matcher::Node Matcher::copyFrom(const std::vector<Frame> &frames, Node node, std::unordered_map<Node, Node> &known) {
    std::vector<Node> path;
    while (node != kBottom && !known.contains(node)) {
        path.push_back(node);
        node = frames[node].below;
    }
    Node result = node == kBottom ? kBottom : known.at(node);
    for (std::size_t i = path.size(); i-- > 0;) {
        Frame frame = frames[path[i]];
        frame.below = result;
        result = intern(frame);
        known.emplace(path[i], result);
    }
    return result;
}

void Matcher::compact(std::span<State> live) {
    std::vector<std::vector<Node>> keep;
    for (const State state : live) keep.push_back(m_sets[state]);
    keep.push_back(m_sets[m_start]);
    const std::vector<Frame> frames = std::exchange(m_frames, {});
    clear();
    std::unordered_map<Node, Node> known;
    for (std::vector<Node> &nodes : keep)
        for (Node &node : nodes) node = copyFrom(frames, node, known);
    m_start = internSet(std::move(keep.back()));
    for (std::size_t i = 0; i < live.size(); ++i) live[i] = internSet(std::move(keep[i]));
}

bool matches(const std::shared_ptr<const Grammar> &grammar, std::string_view text) {
    Matcher matcher(grammar);
    Matcher::State state = matcher.start();
    for (const char c : text) state = matcher.step(state, static_cast<unsigned char>(c));
    return matcher.mayEnd(state);
}

}  // namespace facet::grammar
