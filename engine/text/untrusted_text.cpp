#include "text/untrusted_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace facet {

namespace {

// U+10FFF1, U+10FFF2 and U+10FFF3, at the end of the last private-use plane: icon fonts use the first one.
constexpr std::string_view kPrivate = "\xF4\x8F\xBF";
constexpr char kOpen = '\xB1', kClose = '\xB2', kGuard = '\xB3';
constexpr std::size_t kLength = 4;

bool isPrivateAt(std::string_view text, std::size_t at) {
    return at + kLength <= text.size() && text.compare(at, 3, kPrivate) == 0 && text[at + 3] >= kOpen && text[at + 3] <= kGuard;
}

void put(std::string &out, char which) {
    out.append(kPrivate).push_back(which);
}

void putGuarded(std::string &out, std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        while (isPrivateAt(text, at)) at += kLength;
        if (at >= text.size()) break;
        out.push_back(text[at]);
        if (text[at] == '<') put(out, kGuard);
    }
}

// Adds a span, joining it to the last where they touch or overlap.
void add(std::vector<ByteSpan> &spans, ByteSpan span) {
    if (span.begin >= span.end) return;
    if (!spans.empty() && span.begin <= spans.back().end)
        spans.back().end = std::max(spans.back().end, span.end);
    else
        spans.push_back(span);
}

}  // namespace

std::string guarded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    putGuarded(out, text);
    return out;
}

std::string enclosed(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2 * kLength);
    put(out, kOpen);
    putGuarded(out, text);
    if (out.size() == kLength) return {};
    put(out, kClose);
    return out;
}

nlohmann::ordered_json enclosedJson(const nlohmann::ordered_json &value, bool schema) {
    using Json = nlohmann::ordered_json;
    if (value.is_string()) return enclosed(value.get_ref<const std::string &>());
    if (value.is_array()) {
        Json out = Json::array();
        for (const Json &item : value) out.push_back(enclosedJson(item, schema));
        return out;
    }
    if (!value.is_object()) return value;
    Json out = Json::object();
    for (const auto &[key, item] : value.items()) {
        Json &place = out[guarded(key)];
        if (schema && key == "type" && item.is_string()) {
            place = guarded(item.get_ref<const std::string &>());
        } else if (schema && key == "type" && item.is_array()) {
            place = Json::array();
            for (const Json &type : item)
                place.push_back(type.is_string() ? Json(guarded(type.get_ref<const std::string &>())) : enclosedJson(type, true));
        } else {
            place = enclosedJson(item, schema);
        }
    }
    return out;
}

RenderedChat released(std::string_view rendered) {
    RenderedChat out;
    out.text.reserve(rendered.size());
    std::vector<ByteSpan> guards, all;  // around every "<" of an untrusted text; the enclosed texts and the rest of them
    std::size_t begin = std::string::npos, at = 0;
    bool paired = true;
    while (at < rendered.size()) {
        const std::size_t next = std::min(rendered.find(kPrivate, at), rendered.size());
        out.text.append(rendered, at, next - at);
        at = next;
        if (at == rendered.size()) break;
        if (!isPrivateAt(rendered, at)) {
            out.text.push_back(rendered[at++]);
            continue;
        }
        const char which = rendered[at + 3];
        at += kLength;
        const std::size_t here = out.text.size();
        if (which == kOpen) {
            paired = paired && begin == std::string::npos;
            begin = here;
        } else if (which == kClose) {
            paired = paired && begin != std::string::npos;
            if (begin != std::string::npos) add(all, {begin, here});
            begin = std::string::npos;
        } else if (here > 0) {
            add(guards, {here - 1, here + 1});
            if (begin == std::string::npos) add(all, {here - 1, here + 1});
        }
    }
    // A template that cuts texts apart may lose one end of a pair: then the guards alone keep markers from matching.
    out.plain = paired && begin == std::string::npos ? std::move(all) : std::move(guards);
    for (ByteSpan &span : out.plain) span.end = std::min(span.end, out.text.size());
    return out;
}

}  // namespace facet
