#include "text/jinja/value.h"

#include "text/jinja/syntax.h"
#include "text/unicode.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace facet::jinja {

namespace {

template <typename... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

// repr() of a Python text.
std::string quoted(const std::string &text) {
    const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
    std::string out(1, quote);
    for (const char c : text) {
        switch (c) {
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\\': out += "\\\\"; break;
        default:
            if (c == quote) out += '\\';
            out += c;
        }
    }
    return out + quote;
}

std::string represent(const Value &value) {
    return value.text() ? quoted(*value.text()) : value.isUndefined() ? "Undefined" : toText(value);
}

std::string listText(const List &list) {
    std::string out = "[";
    for (const Value &item : list.items) out += (out.size() > 1 ? ", " : "") + represent(item);
    return out + "]";
}

std::string dictText(const Dict &dict) {
    std::string out = "{";
    for (const auto &[key, item] : dict.items()) out += (out.size() > 1 ? ", " : "") + quoted(key) + ": " + represent(item);
    return out + "}";
}

}  // namespace

const Value *Dict::find(std::string_view key) const {
    // Small ones are searched: most messages and schemas have a handful of keys.
    if (m_items.size() <= 8) {
        const auto found = std::find_if(m_items.begin(), m_items.end(), [key](const auto &item) { return item.first == key; });
        return found == m_items.end() ? nullptr : &found->second;
    }
    const auto found = m_index.find(std::string(key));
    return found == m_index.end() ? nullptr : &m_items[found->second].second;
}

void Dict::set(const std::string &key, Value value) {
    depth = std::max(depth, value.depth() + 1);
    const auto [place, fresh] = m_index.emplace(key, m_items.size());
    if (fresh)
        m_items.emplace_back(key, std::move(value));
    else
        m_items[place->second].second = std::move(value);
}

double Value::number() const noexcept {
    if (const double *value = std::get_if<double>(&m_data)) return *value;
    return static_cast<double>(integer());
}

std::int64_t Value::integer() const noexcept {
    if (const bool *value = std::get_if<bool>(&m_data)) return *value ? 1 : 0;
    const std::int64_t *value = std::get_if<std::int64_t>(&m_data);
    return value ? *value : 0;
}

bool Value::truthy() const noexcept {
    if (isUndefined() || isNone()) return false;
    if (isNumber()) return number() != 0;
    if (text()) return !text()->empty();
    if (list()) return !list()->items.empty();
    if (dict()) return !dict()->items().empty();
    return true;
}

int Value::depth() const noexcept {
    return list() ? list()->depth : dict() ? dict()->depth : 0;
}

const char *Value::typeName() const noexcept {
    static constexpr const char *kNames[] = {"undefined", "none", "a truth value", "a number", "a number", "a text",
                                             "a list", "a mapping", "a namespace", "a loop", "a macro", "a function"};
    return kNames[m_data.index()];
}

bool equals(const Value &a, const Value &b) {
    if (a.isNumber() && b.isNumber())
        return a.isFloat() || b.isFloat() ? a.number() == b.number() : a.integer() == b.integer();
    if (a.data().index() != b.data().index()) return false;
    if (a.text()) return *a.text() == *b.text();
    if (a.list())
        return std::equal(a.list()->items.begin(), a.list()->items.end(), b.list()->items.begin(), b.list()->items.end(), equals);
    if (a.dict()) {
        if (a.dict()->items().size() != b.dict()->items().size()) return false;
        return std::all_of(a.dict()->items().begin(), a.dict()->items().end(), [&b](const auto &item) {
            const Value *other = b.dict()->find(item.first);
            return other && equals(item.second, *other);
        });
    }
    return a.isUndefined() || a.isNone() || (a.names() && a.names() == b.names());
}

int compare(const Value &a, const Value &b, bool &ok) {
    ok = true;
    const auto order = [](const auto &x, const auto &y) { return x < y ? -1 : y < x ? 1 : 0; };
    if (a.isNumber() && b.isNumber())
        return a.isFloat() || b.isFloat() ? order(a.number(), b.number()) : order(a.integer(), b.integer());
    if (a.text() && b.text()) return order(*a.text(), *b.text());  // UTF-8 sorts as its code points do
    ok = false;
    return 0;
}

std::string numberText(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    char buffer[64];
    const auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    std::string_view shortest(buffer, static_cast<std::size_t>(scientific.ptr - buffer));
    const std::size_t mark = shortest.find('e');
    int exponent = 0;
    const char *digits = shortest.data() + mark + 1;
    if (*digits == '+') ++digits;
    std::from_chars(digits, scientific.ptr, exponent);
    if (exponent < -4 || exponent >= 16) return std::string(shortest);  // 1e+16, 1.5e-05 as Python writes them
    const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
    std::string out(buffer, fixed.ptr);
    return out.find('.') == std::string::npos ? out + ".0" : out;
}

std::string toText(const Value &value) {
    return std::visit(Overloaded{
                          [](Undefined) { return std::string(); },
                          [](None) { return std::string("None"); },
                          [](bool flag) { return std::string(flag ? "True" : "False"); },
                          [](std::int64_t number) { return std::to_string(number); },
                          [](double number) { return numberText(number); },
                          [](const std::shared_ptr<const std::string> &text) { return *text; },
                          [](const std::shared_ptr<const List> &list) { return listText(*list); },
                          [](const std::shared_ptr<const Dict> &dict) { return dictText(*dict); },
                          [](const auto & /*names, loop, macro, function*/) { return std::string("<object>"); },
                      },
                      value.data());
}

Value fromJson(const nlohmann::ordered_json &json, int depth, bool &ok) {
    using Type = nlohmann::ordered_json::value_t;
    switch (json.type()) {
    case Type::boolean: return json.get<bool>();
    case Type::number_integer: return json.get<std::int64_t>();
    case Type::number_unsigned: {
        const auto number = json.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(INT64_MAX)) return static_cast<double>(number);
        return static_cast<std::int64_t>(number);
    }
    case Type::number_float: return json.get<double>();
    case Type::string: return json.get<std::string>();
    case Type::array:
    case Type::object: break;
    default: return None{};
    }
    if (depth <= 0) {
        ok = false;
        return {};
    }
    if (json.is_object()) {
        auto dict = std::make_shared<Dict>();
        for (const auto &[key, item] : json.items()) dict->set(key, fromJson(item, depth - 1, ok));
        return std::shared_ptr<const Dict>(std::move(dict));
    }
    auto list = std::make_shared<List>();
    list->items.reserve(json.size());
    for (const auto &item : json) {
        list->items.push_back(fromJson(item, depth - 1, ok));
        list->depth = std::max(list->depth, list->items.back().depth() + 1);
    }
    return std::shared_ptr<const List>(std::move(list));
}

}  // namespace facet::jinja
