#include "facet/answer.h"

#include "text/json_string.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

namespace facet {

namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxDetections = 10000;
constexpr std::string_view kSpace = " \t\r\n";

// A JSON value as far as boxes need it. `whole` is false where the text ended inside it.
struct Json {
    enum class Kind : std::uint8_t { Other, Number, Text, Array, Object };
    Kind kind = Kind::Other;
    bool whole = true;
    double number = 0;
    std::string text;
    std::vector<Json> items;            // Array; Object: values
    std::vector<std::string> keys;      // Object

    const Json *find(std::string_view key) const {
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (keys[i] == key) return &items[i];
        return nullptr;
    }
};

// Reads values that may be cut off; counts characters so that hostile text costs linear time overall.
class Reader {
public:
    explicit Reader(std::string_view text) : m_text(text), m_budget(text.size() * 8 + 4096) {}

    bool exhausted() const { return m_spent > m_budget; }

    ScanState value(std::size_t &at, Json &out, int depth) {
        const std::size_t begin = at;
        const ScanState state = read(at, out, depth);
        if (depth == 0) m_spent += at - begin + 1;
        return state;
    }

private:
    void skip(std::size_t &at) const {
        while (at < m_text.size() && kSpace.find(m_text[at]) != std::string_view::npos) ++at;
    }

    ScanState read(std::size_t &at, Json &out, int depth) {
        skip(at);
        if (at >= m_text.size()) return ScanState::CutOff;
        const char c = m_text[at];
        if (c == '{' || c == '[') return depth < kMaxDepth ? container(at, out, depth, c == '{') : ScanState::Wrong;
        if (c == '"') {
            out.kind = Json::Kind::Text;
            return scanJsonString(m_text, at, out.text);
        }
        for (const std::string_view word : {"true", "false", "null"}) {
            if (m_text.substr(at, word.size()) == word) {
                at += word.size();
                return ScanState::Whole;
            }
            if (word.starts_with(m_text.substr(at))) return ScanState::CutOff;
        }
        const std::size_t length = jsonNumberLength(m_text, at);
        if (length == 0) return m_text.substr(at) == "-" ? ScanState::CutOff : ScanState::Wrong;
        out.kind = Json::Kind::Number;
        out.text = m_text.substr(at, length);
        out.number = std::strtod(out.text.c_str(), nullptr);
        at += length;
        return at < m_text.size() ? ScanState::Whole : ScanState::CutOff;  // more digits may come
    }

    ScanState container(std::size_t &at, Json &out, int depth, bool object) {
        out.kind = object ? Json::Kind::Object : Json::Kind::Array;
        const char close = object ? '}' : ']';
        ++at;
        skip(at);
        if (at < m_text.size() && m_text[at] == close) return ++at, ScanState::Whole;
        const auto cutOff = [&out] {
            out.whole = false;
            return ScanState::CutOff;
        };
        while (true) {
            std::string key;
            if (object) {
                skip(at);
                if (at >= m_text.size()) return cutOff();
                if (m_text[at] != '"') return ScanState::Wrong;
                if (const ScanState s = scanJsonString(m_text, at, key); s != ScanState::Whole)
                    return s == ScanState::CutOff ? cutOff() : s;
                skip(at);
                if (at >= m_text.size()) return cutOff();
                if (m_text[at++] != ':') return ScanState::Wrong;
            }
            Json item;
            const ScanState state = read(at, item, depth + 1);
            if (state == ScanState::Wrong) return state;
            const bool container = item.kind == Json::Kind::Array || item.kind == Json::Kind::Object;
            // Of what was cut off only containers are kept: they may hold whole objects.
            if (state == ScanState::Whole || container) {
                item.whole = item.whole && state == ScanState::Whole;
                if (object) out.keys.push_back(std::move(key));
                out.items.push_back(std::move(item));
            }
            if (state == ScanState::CutOff) return cutOff();
            skip(at);
            if (at >= m_text.size()) return cutOff();
            const char next = m_text[at++];
            if (next == close) return ScanState::Whole;
            if (next != ',') return ScanState::Wrong;
        }
    }

    std::string_view m_text;
    std::size_t m_budget, m_spent = 0;
};

std::optional<double> numberOf(const Json &json) {
    if (json.kind == Json::Kind::Number && std::isfinite(json.number)) return json.number;
    if (json.kind != Json::Kind::Text || json.text.empty()) return std::nullopt;
    char *end = nullptr;
    const double value = std::strtod(json.text.c_str(), &end);
    if (end != json.text.c_str() + json.text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

// Exactly n numbers, on the 0..1000 grid (values that can only be fractions of the picture are scaled), clamped.
std::optional<std::vector<double>> gridNumbers(const Json &json, std::size_t n) {
    if (json.kind != Json::Kind::Array || !json.whole || json.items.size() != n) return std::nullopt;
    std::vector<double> values;
    for (const Json &item : json.items) {
        const auto value = numberOf(item);
        if (!value) return std::nullopt;
        values.push_back(*value);
    }
    const bool small = std::all_of(values.begin(), values.end(), [](double v) { return v >= 0.0 && v <= 1.0; });
    const bool broken = std::any_of(values.begin(), values.end(), [](double v) { return v != std::floor(v); });
    for (double &v : values) v = std::clamp(small && broken ? v * 1000.0 : v, 0.0, 1000.0);
    return values;
}

class Collector {
public:
    Collector(int width, int height) : m_width(width), m_height(height) {}
    std::vector<Detection> take() { return std::move(m_found); }
    bool empty() const { return m_found.empty(); }

    // `plain`: bare lists of four numbers count as boxes here.
    void walk(const Json &json, bool plain) {
        if (json.kind == Json::Kind::Array) {
            if (plain && box(json, {}, true)) return;
            for (const Json &item : json.items) walk(item, plain && item.kind == Json::Kind::Array);
        } else if (json.kind == Json::Kind::Object) {
            if (json.whole && object(json)) return;
            for (const Json &item : json.items) walk(item, false);
        }
    }

private:
    static std::string labelOf(const Json &json) {
        for (const char *key : {"label", "text", "name"}) {
            const Json *label = json.find(key);
            if (label && (label->kind == Json::Kind::Text || label->kind == Json::Kind::Number)) return label->text;
        }
        return {};
    }

    bool object(const Json &json) {
        const std::string label = labelOf(json);
        if (const Json *list = json.find("box_2d")) return boxes(*list, label, true);
        for (const char *key : {"bbox_2d", "bbox"})  // other families: x first
            if (const Json *list = json.find(key)) return boxes(*list, label, false);
        if (const Json *point = json.find("point")) {
            if (const auto v = gridNumbers(*point, 2)) add(Detection::Kind::Point, label, (*v)[0], (*v)[1], (*v)[0], (*v)[1]);
            return true;
        }
        return false;
    }

    bool boxes(const Json &list, const std::string &label, bool yFirst) {
        if (box(list, label, yFirst)) return true;
        if (list.kind == Json::Kind::Array)  // several boxes under one label
            for (const Json &item : list.items) box(item, label, yFirst);
        return true;
    }

    bool box(const Json &list, const std::string &label, bool yFirst) {
        const auto v = gridNumbers(list, 4);
        if (!v) return false;
        const double a = (*v)[0], b = (*v)[1], c = (*v)[2], d = (*v)[3];
        const double y1 = yFirst ? a : b, x1 = yFirst ? b : a, y2 = yFirst ? c : d, x2 = yFirst ? d : c;
        if (y1 != y2 && x1 != x2)
            add(Detection::Kind::Box, label, std::min(y1, y2), std::min(x1, x2), std::max(y1, y2), std::max(x1, x2));
        return true;
    }

    void add(Detection::Kind kind, const std::string &label, double y1, double x1, double y2, double x2) {
        if (m_found.size() >= kMaxDetections) return;
        Detection d{kind, label, y1, x1, y2, x2, {}};
        d.pixels = {x1 / 1000.0 * m_width, y1 / 1000.0 * m_height, x2 / 1000.0 * m_width, y2 / 1000.0 * m_height};
        m_found.push_back(std::move(d));
    }

    int m_width, m_height;
    std::vector<Detection> m_found;
};

// "[" followed by "{", "[", a digit or "]"; or "{" followed by a quote.
bool plausibleStart(std::string_view text, std::size_t at) {
    if (text[at] != '[' && text[at] != '{') return false;
    const std::size_t next = text.find_first_not_of(kSpace, at + 1);
    if (next == std::string_view::npos) return true;
    const char c = text[next];
    if (text[at] == '{') return c == '"';
    return c == '{' || c == '[' || c == ']' || c == '-' || (c >= '0' && c <= '9');
}

}  // namespace

std::vector<Detection> parseDetections(std::string_view answer, int imageWidth, int imageHeight) {
    constexpr std::string_view kThoughtEnd = "<channel|>";
    if (const std::size_t thought = answer.rfind(kThoughtEnd); thought != std::string_view::npos)
        answer.remove_prefix(thought + kThoughtEnd.size());
    Collector collector(imageWidth, imageHeight);
    Reader reader(answer);
    for (std::size_t at = answer.find_first_of("[{"); at != std::string_view::npos && !reader.exhausted();
         at = answer.find_first_of("[{", at)) {
        if (!plausibleStart(answer, at)) {
            ++at;
            continue;
        }
        Json json;
        std::size_t end = at;
        const ScanState state = reader.value(end, json, 0);
        if (state == ScanState::Wrong) {
            ++at;
            continue;
        }
        json.whole = json.whole && state == ScanState::Whole;
        collector.walk(json, collector.empty());
        if (state == ScanState::CutOff) break;
        at = end;
    }
    return collector.take();
}

}  // namespace facet
