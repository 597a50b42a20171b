#include "text/jinja/lexer.h"
#include "text/jinja/library.h"
#include "text/unicode.h"

#include <algorithm>

namespace facet::jinja {

const Value *Arguments::get(std::size_t index, std::string_view name) const {
    if (index < positional.size()) return &positional[index];
    const auto found = std::find_if(named.begin(), named.end(), [name](const auto &entry) { return entry.first == name; });
    return found == named.end() ? nullptr : &found->second;
}

Value Runtime::fail(ErrorCode code, const std::string &what) {
    if (!m_error) m_error = templateError(code, m_line, what);
    return {};
}

bool Runtime::spend(std::size_t steps) {
    if (m_error) return false;
    m_steps += steps;
    if (m_steps <= kMaxSteps) return true;
    fail(ErrorCode::LimitExceeded, "it takes more than 50000000 steps for this conversation");
    return false;
}

Value Runtime::text(std::string text) {
    m_bytes += text.size();
    if (text.size() > kMaxText || m_bytes > kMaxBytes) return fail(ErrorCode::LimitExceeded, "its texts become too long");
    return text;
}

Value Runtime::list(Values items) {
    auto out = std::make_shared<List>();
    for (const Value &item : items) {
        out->depth = std::max(out->depth, item.depth() + 1);
        if (item.names()) return fail(ErrorCode::ModelUnsupported, "a namespace inside a list is not supported");
    }
    if (out->depth > kMaxDepth) return fail(ErrorCode::LimitExceeded, "its lists are nested more than 100 deep");
    if (!spend(items.size())) return {};
    out->items = std::move(items);
    return std::shared_ptr<const List>(std::move(out));
}

Value Runtime::dict(std::shared_ptr<Dict> dict) {
    for (const auto &[key, item] : dict->items())
        if (item.names()) return fail(ErrorCode::ModelUnsupported, "a namespace inside a mapping is not supported");
    if (dict->depth > kMaxDepth) return fail(ErrorCode::LimitExceeded, "its mappings are nested more than 100 deep");
    if (!spend(dict->items().size())) return {};
    return std::shared_ptr<const Dict>(std::move(dict));
}

std::shared_ptr<const List> iterate(Runtime &runtime, const Value &value) {
    if (const auto *list = std::get_if<std::shared_ptr<const List>>(&value.data())) return *list;
    auto out = std::make_shared<List>();
    if (value.dict()) {
        for (const auto &[key, item] : value.dict()->items()) out->items.emplace_back(key);
    } else if (value.text()) {
        const std::string &text = *value.text();
        if (!runtime.spend(text.size())) return out;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = utf8::read(text, at).length;
            out->items.emplace_back(text.substr(at, length));
            at += length;
        }
    } else if (!value.isUndefined()) {
        runtime.mismatch(std::string("it walks over ") + value.typeName());
    }
    runtime.spend(out->items.size());
    return out;
}

Value memberOf(const Value &value, std::string_view name) {
    if (const Dict *dict = value.dict() ? value.dict() : value.names() ? &value.names()->values : nullptr) {
        const Value *found = dict->find(name);
        return found ? *found : Value();
    }
    const Loop *loop = value.loop();
    if (!loop) return {};
    const std::size_t index = loop->index0, size = loop->items->items.size();
    const auto whole = [](std::size_t number) { return Value(static_cast<std::int64_t>(number)); };
    if (name == "index0") return whole(index);
    if (name == "index") return whole(index + 1);
    if (name == "first") return index == 0;
    if (name == "last") return index + 1 == size;
    if (name == "length") return whole(size);
    if (name == "revindex") return whole(size - index);
    if (name == "revindex0") return whole(size - index - 1);
    if (name == "previtem" && index > 0) return loop->items->items[index - 1];
    if (name == "nextitem" && index + 1 < size) return loop->items->items[index + 1];
    return {};
}

Value itemOf(const Value &value, const Value &key) {
    if (key.text()) return memberOf(value, *key.text());
    if (!key.isInteger() && !key.isBool()) return {};
    std::int64_t index = key.integer();
    if (const List *list = value.list()) {
        const auto size = static_cast<std::int64_t>(list->items.size());
        if (index < 0) index += size;
        return index >= 0 && index < size ? list->items[static_cast<std::size_t>(index)] : Value();
    }
    if (!value.text()) return {};
    const std::string &text = *value.text();
    if (index < 0) index += static_cast<std::int64_t>(utf8::countChars(text));
    if (index < 0) return {};
    for (std::size_t at = 0; at < text.size(); --index) {
        const std::size_t length = utf8::read(text, at).length;
        if (index == 0) return text.substr(at, length);
        at += length;
    }
    return {};
}

bool contains(Runtime &runtime, const Value &container, const Value &item) {
    if (const List *list = container.list()) {
        runtime.spend(list->items.size());
        return std::any_of(list->items.begin(), list->items.end(), [&item](const Value &each) { return equals(each, item); });
    }
    if (container.dict()) return item.text() && container.dict()->find(*item.text());
    if (container.text()) {
        runtime.spend(container.text()->size() / 64);
        if (item.text()) return container.text()->find(*item.text()) != std::string::npos;
    }
    if (!container.isUndefined())
        runtime.mismatch(std::string("it looks for ") + item.typeName() + " in " + container.typeName());
    return false;
}

}  // namespace facet::jinja
