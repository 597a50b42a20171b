#include "text/jinja/json_writer.h"
#include "text/jinja/library.h"
#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace facet::jinja {

namespace {

bool flag(const Arguments &a, std::size_t index, std::string_view name, bool otherwise = false) {
    const Value *value = a.get(index, name);
    return value ? value->truthy() : otherwise;
}

// The text a filter works on: anything prints itself, as in the reference.
std::string textOf(const Value &value) {
    return value.text() ? *value.text() : toText(value);
}

// item.a.b or item.0
Value attributeOf(const Value &item, const Value &path) {
    if (!path.text()) return itemOf(item, path);
    Value out = item;
    std::string_view rest = *path.text();
    while (true) {
        const std::size_t dot = rest.find('.');
        const std::string name(rest.substr(0, dot));
        std::int64_t index = 0;
        const auto number = std::from_chars(name.data(), name.data() + name.size(), index);
        out = number.ec == std::errc() && number.ptr == name.data() + name.size() ? itemOf(out, Value(index)) : memberOf(out, name);
        if (dot == std::string_view::npos) return out;
        rest.remove_prefix(dot + 1);
    }
}

// Sorts by a key made of each item; texts without regard to case unless told otherwise.
template <typename Key>
Value sorted(Runtime &r, Values items, bool caseSensitive, bool reverse, Key key) {
    if (!r.spend(items.size() * 8)) return {};
    std::vector<std::pair<Value, Value>> keyed;
    for (Value &item : items) {
        Value k = key(item);
        if (k.text() && !caseSensitive) k = Value(utf8::lower(*k.text()));
        keyed.emplace_back(std::move(k), std::move(item));
    }
    // Checked first: std::stable_sort needs an order that holds for every pair.
    for (std::size_t i = 1; i < keyed.size(); ++i) {
        bool ok = true;
        compare(keyed[0].first, keyed[i].first, ok);
        if (!ok) return r.mismatch("values of different kinds have no order");
    }
    std::stable_sort(keyed.begin(), keyed.end(), [reverse](const auto &a, const auto &b) {
        bool ok = true;
        return reverse ? compare(b.first, a.first, ok) < 0 : compare(a.first, b.first, ok) < 0;
    });
    Values out;
    for (auto &[k, item] : keyed) out.push_back(std::move(item));
    return r.list(std::move(out));
}

Value pairs(Runtime &r, const Dict &dict) {
    Values out;
    for (const auto &[key, item] : dict.items()) out.push_back(r.list({Value(key), item}));
    return r.list(std::move(out));
}

Value filterDefault(Runtime &, const Value &v, const Arguments &a) {
    if (!v.isUndefined() && !(flag(a, 1, "boolean") && !v.truthy())) return v;
    const Value *otherwise = a.get(0, "default_value");
    return otherwise ? *otherwise : Value(std::string());
}

Value filterDictsort(Runtime &r, const Value &v, const Arguments &a) {
    if (v.isUndefined()) return r.list({});
    if (!v.dict()) return r.mismatch(std::string("dictsort does not take ") + v.typeName());
    const Value *by = a.get(1, "by");
    const std::int64_t place = by && by->text() && *by->text() == "value" ? 1 : 0;
    const Value items = pairs(r, *v.dict());
    if (r.failed()) return {};
    return sorted(r, items.list()->items, flag(a, 0, "case_sensitive"), flag(a, 2, "reverse"),
                  [place](const Value &item) { return itemOf(item, Value(place)); });
}

Value filterLength(Runtime &r, const Value &v, const Arguments &) {
    const auto whole = [](std::size_t n) { return Value(static_cast<std::int64_t>(n)); };
    if (v.text()) {
        r.spend(v.text()->size() / 32);
        return whole(utf8::countChars(*v.text()));
    }
    if (v.list()) return whole(v.list()->items.size());
    if (v.dict()) return whole(v.dict()->items().size());
    return v.isUndefined() ? whole(0) : r.mismatch(std::string(v.typeName()) + " has no length");
}

Value filterList(Runtime &r, const Value &v, const Arguments &) {
    return Value(iterate(r, v));
}

Value filterItems(Runtime &r, const Value &v, const Arguments &) {
    if (v.isUndefined()) return r.list({});
    return v.dict() ? pairs(r, *v.dict()) : r.mismatch(std::string("items does not take ") + v.typeName());
}

Value filterMap(Runtime &r, const Value &v, const Arguments &a) {
    const auto items = iterate(r, v);
    Values out;
    if (const Value *attribute = a.get(a.positional.size(), "attribute")) {
        const Value *otherwise = a.get(a.positional.size(), "default");
        for (const Value &item : items->items) {
            Value found = attributeOf(item, *attribute);
            out.push_back(found.isUndefined() && otherwise ? *otherwise : std::move(found));
        }
        return r.list(std::move(out));
    }
    const std::string *name = a.positional.empty() ? nullptr : a.positional[0].text();
    const FilterFunction filter = name ? findFilter(*name) : nullptr;
    if (!filter) return r.fail(ErrorCode::ModelUnsupported, "map is used with an unknown filter");
    Arguments rest = a;
    rest.positional.erase(rest.positional.begin());
    for (const Value &item : items->items) {
        out.push_back(filter(r, item, rest));
        if (r.failed()) return {};
    }
    return r.list(std::move(out));
}

// select, reject, selectattr, rejectattr.
Value chosen(Runtime &r, const Value &v, const Arguments &a, bool byAttribute, bool wanted) {
    Arguments rest = a;
    Value attribute;
    if (byAttribute) {
        if (rest.positional.empty()) return r.mismatch("selectattr needs the name of an attribute");
        attribute = rest.positional[0];
        rest.positional.erase(rest.positional.begin());
    }
    TestFunction test = nullptr;
    if (!rest.positional.empty()) {
        const std::string *name = rest.positional[0].text();
        test = name ? findTest(*name) : nullptr;
        if (!test) return r.fail(ErrorCode::ModelUnsupported, "select is used with an unknown test");
        rest.positional.erase(rest.positional.begin());
    }
    Values out;
    for (const Value &item : iterate(r, v)->items) {
        const Value subject = byAttribute ? attributeOf(item, attribute) : item;
        if ((test ? test(r, subject, rest) : subject.truthy()) == wanted) out.push_back(item);
        if (r.failed()) return {};
    }
    return r.list(std::move(out));
}
Value filterSelect(Runtime &r, const Value &v, const Arguments &a) { return chosen(r, v, a, false, true); }
Value filterReject(Runtime &r, const Value &v, const Arguments &a) { return chosen(r, v, a, false, false); }
Value filterSelectattr(Runtime &r, const Value &v, const Arguments &a) { return chosen(r, v, a, true, true); }
Value filterRejectattr(Runtime &r, const Value &v, const Arguments &a) { return chosen(r, v, a, true, false); }

Value filterJoin(Runtime &r, const Value &v, const Arguments &a) {
    const Value *between = a.get(0, "d"), *attribute = a.get(1, "attribute");
    const std::string glue = between ? textOf(*between) : std::string();
    std::string out;
    bool first = true;
    for (const Value &item : iterate(r, v)->items) {
        if (!std::exchange(first, false)) out += glue;
        out += textOf(attribute ? attributeOf(item, *attribute) : item);
        if (out.size() > Runtime::kMaxText) break;
    }
    return r.text(std::move(out));
}

Value filterFirst(Runtime &r, const Value &v, const Arguments &) {
    const auto items = iterate(r, v);
    return items->items.empty() ? Value() : items->items.front();
}
Value filterLast(Runtime &r, const Value &v, const Arguments &) {
    const auto items = iterate(r, v);
    return items->items.empty() ? Value() : items->items.back();
}
Value filterReverse(Runtime &r, const Value &v, const Arguments &) {
    Values items = iterate(r, v)->items;
    std::reverse(items.begin(), items.end());
    if (!v.text()) return r.list(std::move(items));
    std::string out;
    for (const Value &item : items) out += *item.text();
    return r.text(std::move(out));
}
Value filterUnique(Runtime &r, const Value &v, const Arguments &) {
    Values out;
    for (const Value &item : iterate(r, v)->items) {
        if (!r.spend(out.size() + 1)) return {};
        if (std::none_of(out.begin(), out.end(), [&item](const Value &known) { return equals(known, item); })) out.push_back(item);
    }
    return r.list(std::move(out));
}
Value filterSort(Runtime &r, const Value &v, const Arguments &a) {
    const Value *attribute = a.get(2, "attribute");
    return sorted(r, iterate(r, v)->items, flag(a, 1, "case_sensitive"), flag(a, 0, "reverse"),
                  [attribute](const Value &item) { return attribute ? attributeOf(item, *attribute) : item; });
}

Value filterString(Runtime &r, const Value &v, const Arguments &) { return r.text(textOf(v)); }
Value filterSafe(Runtime &, const Value &v, const Arguments &) { return v; }
Value filterUpper(Runtime &r, const Value &v, const Arguments &) { return r.text(utf8::upper(textOf(v))); }
Value filterLower(Runtime &r, const Value &v, const Arguments &) { return r.text(utf8::lower(textOf(v))); }
// Filters that are methods of texts as well.
Value filterTrim(Runtime &r, const Value &v, const Arguments &a) { return callMethod(r, Value(textOf(v)), "strip", a); }
Value filterCapitalize(Runtime &r, const Value &v, const Arguments &a) { return callMethod(r, Value(textOf(v)), "capitalize", a); }
Value filterTitle(Runtime &r, const Value &v, const Arguments &a) { return callMethod(r, Value(textOf(v)), "title", a); }
Value filterReplace(Runtime &r, const Value &v, const Arguments &a) { return callMethod(r, Value(textOf(v)), "replace", a); }

Value filterInt(Runtime &, const Value &v, const Arguments &a) {
    const Value *otherwise = a.get(0, "default");
    if (v.isNumber() && std::abs(v.number()) < 9.2e18) return v.isFloat() ? static_cast<std::int64_t>(v.number()) : v.integer();
    if (v.text()) {
        const std::string_view text = utf8::trim(*v.text());
        std::int64_t number = 0;
        const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
        if (result.ec == std::errc() && result.ptr == text.data() + text.size()) return number;
    }
    return otherwise ? *otherwise : Value(std::int64_t{0});
}
Value filterFloat(Runtime &, const Value &v, const Arguments &a) {
    const Value *otherwise = a.get(0, "default");
    if (v.isNumber()) return v.number();
    if (v.text()) {
        const std::string_view text = utf8::trim(*v.text());
        double number = 0;
        const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
        if (result.ec == std::errc() && result.ptr == text.data() + text.size()) return number;
    }
    return otherwise ? *otherwise : Value(0.0);
}
Value filterAbs(Runtime &r, const Value &v, const Arguments &) {
    if (v.isFloat()) return std::abs(v.number());
    if (v.isNumber() && v.integer() != INT64_MIN) return std::abs(v.integer());
    return r.mismatch(std::string("abs does not take ") + v.typeName());
}

Value filterTojson(Runtime &r, const Value &v, const Arguments &a) {
    const Value *indent = a.get(0, "indent");
    const int width = indent && indent->isInteger() ? static_cast<int>(std::clamp<std::int64_t>(indent->integer(), 0, 32)) : -1;
    if (v.isUndefined()) return r.mismatch("tojson does not take undefined");
    return r.text(writeJson(v, width));
}

Value filterIndent(Runtime &r, const Value &v, const Arguments &a) {
    const Value *width = a.get(0, "width");
    const std::size_t blanks = width && width->isInteger() ? static_cast<std::size_t>(std::clamp<std::int64_t>(width->integer(), 0, 64)) : 4;
    const std::string text = textOf(v), indent(blanks, ' ');
    const bool blankLines = flag(a, 2, "blank");
    std::string out = flag(a, 1, "first") ? indent : std::string();
    for (std::size_t i = 0; i < text.size() && out.size() <= Runtime::kMaxText; ++i) {
        out += text[i];
        if (text[i] == '\n' && i + 1 < text.size() && (blankLines || text[i + 1] != '\n')) out += indent;
    }
    return r.text(std::move(out));
}

struct Entry {
    std::string_view name;
    FilterFunction function;
};
constexpr std::array<Entry, 31> kFilters{{
    {"abs", filterAbs}, {"capitalize", filterCapitalize}, {"count", filterLength}, {"d", filterDefault},
    {"default", filterDefault}, {"dictsort", filterDictsort}, {"first", filterFirst}, {"float", filterFloat},
    {"indent", filterIndent}, {"int", filterInt}, {"items", filterItems}, {"join", filterJoin}, {"last", filterLast},
    {"length", filterLength}, {"list", filterList}, {"lower", filterLower}, {"map", filterMap}, {"reject", filterReject},
    {"rejectattr", filterRejectattr}, {"replace", filterReplace}, {"reverse", filterReverse}, {"safe", filterSafe},
    {"select", filterSelect}, {"selectattr", filterSelectattr}, {"sort", filterSort}, {"string", filterString},
    {"title", filterTitle}, {"tojson", filterTojson}, {"trim", filterTrim}, {"unique", filterUnique}, {"upper", filterUpper},
}};

}  // namespace

FilterFunction findFilter(std::string_view name) {
    const auto found = std::find_if(kFilters.begin(), kFilters.end(), [name](const Entry &e) { return e.name == name; });
    return found == kFilters.end() ? nullptr : found->function;
}

}  // namespace facet::jinja
