// The tests of the template language: `value is NAME`.
#include "text/jinja/library.h"
#include "text/unicode.h"

#include <algorithm>
#include <array>

namespace facet::jinja {

namespace {

const Value &argument(Runtime &r, const Arguments &a) {
    static const Value kNothing;
    if (!a.positional.empty()) return a.positional[0];
    r.mismatch("a test lacks the value to compare with");
    return kNothing;
}

bool ordered(Runtime &r, const Value &v, const Arguments &a, bool (*holds)(int)) {
    bool ok = true;
    const int order = compare(v, argument(r, a), ok);
    if (!ok) r.mismatch("values of different kinds have no order");
    return ok && holds(order);
}

bool isDefined(Runtime &, const Value &v, const Arguments &) { return !v.isUndefined(); }
bool isUndefined(Runtime &, const Value &v, const Arguments &) { return v.isUndefined(); }
bool isNone(Runtime &, const Value &v, const Arguments &) { return v.isNone(); }
bool isBoolean(Runtime &, const Value &v, const Arguments &) { return v.isBool(); }
bool isTrue(Runtime &, const Value &v, const Arguments &) { return v.isBool() && v.truthy(); }
bool isFalse(Runtime &, const Value &v, const Arguments &) { return v.isBool() && !v.truthy(); }
bool isInteger(Runtime &, const Value &v, const Arguments &) { return v.isInteger(); }
bool isFloat(Runtime &, const Value &v, const Arguments &) { return v.isFloat(); }
bool isNumber(Runtime &, const Value &v, const Arguments &) { return v.isNumber(); }
bool isString(Runtime &, const Value &v, const Arguments &) { return v.text() != nullptr; }
bool isMapping(Runtime &, const Value &v, const Arguments &) { return v.dict() != nullptr; }
// Python's view: whatever has a length and items, and undefined does.
bool isSequence(Runtime &, const Value &v, const Arguments &) { return v.text() || v.list() || v.dict() || v.isUndefined(); }
bool isCallable(Runtime &, const Value &v, const Arguments &) {
    return std::holds_alternative<const Statement *>(v.data()) || std::holds_alternative<Builtin>(v.data());
}
bool isEven(Runtime &, const Value &v, const Arguments &) { return v.isInteger() && v.integer() % 2 == 0; }
bool isOdd(Runtime &, const Value &v, const Arguments &) { return v.isInteger() && v.integer() % 2 != 0; }
bool isDivisible(Runtime &r, const Value &v, const Arguments &a) {
    const std::int64_t by = argument(r, a).integer();
    return v.isInteger() && by != 0 && by != -1 ? v.integer() % by == 0 : by == -1;
}
bool isEqual(Runtime &r, const Value &v, const Arguments &a) { return equals(v, argument(r, a)); }
bool isUnequal(Runtime &r, const Value &v, const Arguments &a) { return !equals(v, argument(r, a)); }
bool isLess(Runtime &r, const Value &v, const Arguments &a) { return ordered(r, v, a, [](int o) { return o < 0; }); }
bool isAtMost(Runtime &r, const Value &v, const Arguments &a) { return ordered(r, v, a, [](int o) { return o <= 0; }); }
bool isGreater(Runtime &r, const Value &v, const Arguments &a) { return ordered(r, v, a, [](int o) { return o > 0; }); }
bool isAtLeast(Runtime &r, const Value &v, const Arguments &a) { return ordered(r, v, a, [](int o) { return o >= 0; }); }
bool isIn(Runtime &r, const Value &v, const Arguments &a) { return contains(r, argument(r, a), v); }
bool isUpper(Runtime &, const Value &v, const Arguments &) {
    return v.text() && utf8::upper(*v.text()) == *v.text() && utf8::lower(*v.text()) != *v.text();
}
bool isLower(Runtime &, const Value &v, const Arguments &) {
    return v.text() && utf8::lower(*v.text()) == *v.text() && utf8::upper(*v.text()) != *v.text();
}

struct Entry {
    std::string_view name;
    TestFunction function;
};
constexpr std::array<Entry, 31> kTests{{
    {"defined", isDefined}, {"undefined", isUndefined}, {"none", isNone}, {"boolean", isBoolean}, {"true", isTrue},
    {"false", isFalse}, {"integer", isInteger}, {"float", isFloat}, {"number", isNumber}, {"string", isString},
    {"mapping", isMapping}, {"sequence", isSequence}, {"iterable", isSequence}, {"callable", isCallable}, {"even", isEven},
    {"odd", isOdd}, {"divisibleby", isDivisible}, {"eq", isEqual}, {"equalto", isEqual}, {"sameas", isEqual},
    {"ne", isUnequal}, {"lt", isLess}, {"lessthan", isLess}, {"le", isAtMost}, {"gt", isGreater}, {"greaterthan", isGreater},
    {"ge", isAtLeast}, {"in", isIn}, {"upper", isUpper}, {"lower", isLower}, {"==", isEqual},
}};

}  // namespace

TestFunction findTest(std::string_view name) {
    const auto found = std::find_if(kTests.begin(), kTests.end(), [name](const Entry &e) { return e.name == name; });
    return found == kTests.end() ? nullptr : found->function;
}

}  // namespace facet::jinja
