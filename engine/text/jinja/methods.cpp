// Methods of texts and mappings: value.NAME(..).
#include "text/jinja/library.h"
#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <limits>

namespace facet::jinja {

namespace {

using Method = Value (*)(Runtime &, const std::string &, const Arguments &);

const std::string *textArgument(const Arguments &a, std::size_t index, std::string_view name) {
    const Value *value = a.get(index, name);
    return value ? value->text() : nullptr;
}

bool holdsChar(std::string_view set, std::string_view character) {
    for (std::size_t at = 0; at < set.size();) {
        const std::size_t length = utf8::read(set, at).length;
        if (set.substr(at, length) == character) return true;
        at += length;
    }
    return false;
}

// strip(), or strip(characters).
Value stripped(Runtime &r, std::string_view text, const Arguments &a, bool front, bool back) {
    const std::string *set = textArgument(a, 0, "chars");
    if (!set) {
        if (front) text = utf8::trimStart(text);
        if (back) text = utf8::trimEnd(text);
        return r.text(std::string(text));
    }
    if (!r.spend(set->size())) return {};
    while (front && !text.empty()) {
        const std::size_t length = utf8::read(text, 0).length;
        if (!holdsChar(*set, text.substr(0, length))) break;
        text.remove_prefix(length);
    }
    while (back && !text.empty()) {
        std::size_t at = text.size() - 1;
        while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
        if (!holdsChar(*set, text.substr(at))) break;
        text = text.substr(0, at);
    }
    return r.text(std::string(text));
}
Value strip(Runtime &r, const std::string &t, const Arguments &a) { return stripped(r, t, a, true, true); }
Value lstrip(Runtime &r, const std::string &t, const Arguments &a) { return stripped(r, t, a, true, false); }
Value rstrip(Runtime &r, const std::string &t, const Arguments &a) { return stripped(r, t, a, false, true); }

Value upperText(Runtime &r, const std::string &t, const Arguments &) { return r.text(utf8::upper(t)); }
Value lowerText(Runtime &r, const std::string &t, const Arguments &) { return r.text(utf8::lower(t)); }

// Every word, or only the first character, with a capital letter; the rest small.
std::string capitalised(const std::string &text, bool everyWord) {
    std::string out;
    bool first = true;
    for (std::size_t at = 0; at < text.size();) {
        const utf8::Char c = utf8::read(text, at);
        if (c.state == utf8::Char::State::Valid)
            utf8::append(out, first ? utf8::upper(c.code) : utf8::lower(c.code));
        else
            out.append(text, at, c.length);
        first = everyWord && utf8::upper(c.code) == utf8::lower(c.code);
        at += c.length;
    }
    return out;
}
Value title(Runtime &r, const std::string &t, const Arguments &) { return r.text(capitalised(t, true)); }
Value capitalize(Runtime &r, const std::string &t, const Arguments &) { return r.text(capitalised(t, false)); }

std::int64_t limitOf(const Arguments &a, std::size_t index, std::string_view name) {
    const Value *value = a.get(index, name);
    const std::int64_t limit = value && value->isInteger() ? value->integer() : -1;
    return limit < 0 ? std::numeric_limits<std::int64_t>::max() : limit;
}

Value splitAtSpaces(Runtime &r, std::string_view rest, std::int64_t limit) {
    Values out;
    for (rest = utf8::trimStart(rest); !rest.empty(); rest = utf8::trimStart(rest)) {
        std::size_t end = 0;
        while (end < rest.size()) {
            const utf8::Char c = utf8::read(rest, end);
            if (c.state == utf8::Char::State::Valid && utf8::isSpace(c.code)) break;
            end += c.length;
        }
        if (static_cast<std::int64_t>(out.size()) == limit) end = rest.size();
        out.push_back(r.text(std::string(rest.substr(0, end))));
        rest.remove_prefix(end);
        if (r.failed()) return {};
    }
    return r.list(std::move(out));
}

Value split(Runtime &r, const std::string &text, const Arguments &a) {
    const std::string *separator = textArgument(a, 0, "sep");
    const std::int64_t limit = limitOf(a, 1, "maxsplit");
    if (!separator) return splitAtSpaces(r, text, limit);
    if (separator->empty()) return r.mismatch("split() has an empty separator");
    if (!r.spend(text.size() / 32)) return {};
    Values out;
    std::size_t from = 0;
    for (std::size_t at = text.find(*separator); at != std::string::npos && static_cast<std::int64_t>(out.size()) < limit;
         at = text.find(*separator, from)) {
        out.push_back(r.text(text.substr(from, at - from)));
        if (!r.spend(1)) return {};
        from = at + separator->size();
    }
    out.push_back(r.text(text.substr(from)));
    return r.list(std::move(out));
}

Value splitlines(Runtime &r, const std::string &text, const Arguments &) {
    Values out;
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = std::min(text.find_first_of("\r\n", from), text.size());
        out.push_back(r.text(text.substr(from, end - from)));
        if (!r.spend(1)) return {};
        from = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    }
    return r.list(std::move(out));
}

// startswith and endswith take a text or a list of them.
Value edge(Runtime &r, const std::string &text, const Arguments &a, bool front) {
    const Value *wanted = a.get(0, "prefix");
    const auto matches = [&](const Value &value) {
        return value.text() && (front ? text.starts_with(*value.text()) : text.ends_with(*value.text()));
    };
    if (wanted && wanted->text()) return matches(*wanted);
    if (wanted && wanted->list()) return std::any_of(wanted->list()->items.begin(), wanted->list()->items.end(), matches);
    return r.mismatch("startswith() and endswith() take a text");
}
Value startswith(Runtime &r, const std::string &t, const Arguments &a) { return edge(r, t, a, true); }
Value endswith(Runtime &r, const std::string &t, const Arguments &a) { return edge(r, t, a, false); }

Value replace(Runtime &r, const std::string &text, const Arguments &a) {
    const std::string *from = textArgument(a, 0, "old"), *to = textArgument(a, 1, "new");
    if (!from || !to || from->empty()) return r.mismatch("replace() takes two texts, the first not empty");
    const std::int64_t limit = limitOf(a, 2, "count");
    if (!r.spend(text.size() / 32)) return {};
    std::string out;
    std::size_t copied = 0;
    std::int64_t count = 0;
    for (std::size_t at = text.find(*from); at != std::string::npos && count < limit; at = text.find(*from, copied), ++count) {
        out.append(text, copied, at - copied).append(*to);
        copied = at + from->size();
        if (out.size() > Runtime::kMaxText) break;
    }
    return r.text(out.append(text, copied));
}

Value find(Runtime &r, const std::string &text, const Arguments &a) {
    const std::string *wanted = textArgument(a, 0, "sub");
    if (!wanted) return r.mismatch("find() takes a text");
    const std::size_t at = text.find(*wanted);
    if (at == std::string::npos) return std::int64_t{-1};
    return static_cast<std::int64_t>(utf8::countChars(std::string_view(text).substr(0, at)));
}

Value count(Runtime &r, const std::string &text, const Arguments &a) {
    const std::string *wanted = textArgument(a, 0, "sub");
    if (!wanted || wanted->empty()) return r.mismatch("count() takes a text");
    std::int64_t found = 0;
    for (std::size_t at = text.find(*wanted); at != std::string::npos; at = text.find(*wanted, at + wanted->size())) ++found;
    return found;
}

Value join(Runtime &r, const std::string &text, const Arguments &a) {
    return findFilter("join")(r, a.positional.empty() ? Value() : a.positional[0], {{Value(text)}, {}});
}

Value withoutEdge(Runtime &r, const std::string &text, const Arguments &a, bool front) {
    const std::string *edge = textArgument(a, 0, front ? "prefix" : "suffix");
    if (!edge) return r.mismatch("removeprefix() and removesuffix() take a text");
    if (front && text.starts_with(*edge)) return r.text(text.substr(edge->size()));
    if (!front && text.ends_with(*edge)) return r.text(text.substr(0, text.size() - edge->size()));
    return r.text(text);
}
Value removeprefix(Runtime &r, const std::string &t, const Arguments &a) { return withoutEdge(r, t, a, true); }
Value removesuffix(Runtime &r, const std::string &t, const Arguments &a) { return withoutEdge(r, t, a, false); }

struct Entry {
    std::string_view name;
    Method method;
};
constexpr std::array<Entry, 17> kMethods{{
    {"strip", strip}, {"lstrip", lstrip}, {"rstrip", rstrip}, {"upper", upperText}, {"lower", lowerText}, {"title", title},
    {"capitalize", capitalize}, {"split", split}, {"splitlines", splitlines}, {"startswith", startswith}, {"endswith", endswith},
    {"replace", replace}, {"find", find}, {"count", count}, {"join", join}, {"removeprefix", removeprefix},
    {"removesuffix", removesuffix},
}};

}  // namespace

Value callMethod(Runtime &runtime, const Value &value, const std::string &name, const Arguments &arguments) {
    if (value.text()) {
        const auto found = std::find_if(kMethods.begin(), kMethods.end(), [&name](const Entry &e) { return e.name == name; });
        if (found != kMethods.end()) return found->method(runtime, *value.text(), arguments);
    }
    if (const Dict *dict = value.dict() ? value.dict() : value.names() ? &value.names()->values : nullptr) {
        if (name == "get") {
            const Value *key = arguments.get(0, "key"), *otherwise = arguments.get(1, "default");
            const Value *found = key && key->text() ? dict->find(*key->text()) : nullptr;
            return found ? *found : otherwise ? *otherwise : Value(None{});
        }
        if (name == "items") return findFilter("items")(runtime, value, {});
        if (name == "keys") return Value(iterate(runtime, value));
        if (name == "values") {
            Values out;
            for (const auto &[key, item] : dict->items()) out.push_back(item);
            return runtime.list(std::move(out));
        }
    }
    // A method of nothing is the conversation's fault (a message lacks a part), any other that of the template.
    const ErrorCode code = value.isUndefined() || value.isNone() ? ErrorCode::InvalidArgument : ErrorCode::ModelUnsupported;
    return runtime.fail(code, "the method \"" + name.substr(0, 40) + "\" of " + value.typeName() + " is not supported");
}

}  // namespace facet::jinja
