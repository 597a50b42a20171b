// Values of the template interpreter: JSON plus undefined, namespaces, macros and the loop variable, with Python's rules
// for truth, equality and printing, since the templates are written for Python. Containers are shared and never change,
// so that handing values around costs nothing; only namespaces are changed, by {% set ns.name = .. %}.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace facet::jinja {

struct Statement;
class Value;
using Values = std::vector<Value>;

struct Undefined {};
struct None {};

struct List {
    Values items;
    int depth = 1;  // nested containers, this one included
};

class Dict {
public:
    const Value *find(std::string_view key) const;
    void set(const std::string &key, Value value);  // in the order of first insertion
    const std::vector<std::pair<std::string, Value>> &items() const noexcept { return m_items; }
    int depth = 1;

private:
    std::vector<std::pair<std::string, Value>> m_items;
    std::unordered_map<std::string, std::size_t> m_index;
};

struct Namespace {
    Dict values;
};

// State of the innermost `for`, as the variable `loop`.
struct Loop {
    std::size_t index0 = 0;
    std::shared_ptr<const List> items;
};

// Functions that are always there.
enum class Builtin : std::uint8_t { Range, Namespace, Dict, RaiseException };

class Value {
public:
    using Data = std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                              std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                              std::shared_ptr<Loop>, const Statement *, Builtin>;

    Value() = default;
    Value(None none) : m_data(none) {}
    Value(bool value) : m_data(value) {}
    Value(std::int64_t value) : m_data(value) {}
    Value(double value) : m_data(value) {}
    Value(std::string text) : m_data(std::make_shared<const std::string>(std::move(text))) {}
    Value(const char *) = delete;  // would become a bool
    Value(std::shared_ptr<const List> list) : m_data(std::move(list)) {}
    Value(std::shared_ptr<const Dict> dict) : m_data(std::move(dict)) {}
    Value(std::shared_ptr<Namespace> names) : m_data(std::move(names)) {}
    Value(std::shared_ptr<Loop> loop) : m_data(std::move(loop)) {}
    Value(const Statement *macro) : m_data(macro) {}
    Value(Builtin builtin) : m_data(builtin) {}

    bool isUndefined() const noexcept { return is<Undefined>(); }
    bool isNone() const noexcept { return is<None>(); }
    bool isBool() const noexcept { return is<bool>(); }
    bool isInteger() const noexcept { return is<std::int64_t>(); }
    bool isFloat() const noexcept { return is<double>(); }
    bool isNumber() const noexcept { return isBool() || isInteger() || isFloat(); }
    // Null if it is something else.
    const std::string *text() const noexcept { return pointer<std::shared_ptr<const std::string>>(); }
    const List *list() const noexcept { return pointer<std::shared_ptr<const List>>(); }
    const Dict *dict() const noexcept { return pointer<std::shared_ptr<const Dict>>(); }
    Namespace *names() const noexcept { return pointer<std::shared_ptr<Namespace>>(); }
    const Loop *loop() const noexcept { return pointer<std::shared_ptr<Loop>>(); }
    const Data &data() const noexcept { return m_data; }

    double number() const noexcept;            // of a number, else 0
    std::int64_t integer() const noexcept;     // of a bool or an integer, else 0
    bool truthy() const noexcept;
    int depth() const noexcept;                // nested containers
    const char *typeName() const noexcept;     // for messages: "a text", "a list"

private:
    template <typename T>
    bool is() const noexcept { return std::holds_alternative<T>(m_data); }
    template <typename P>
    typename P::element_type *pointer() const noexcept {
        const P *p = std::get_if<P>(&m_data);
        return p ? p->get() : nullptr;
    }
    Data m_data;
};

// Python's ==; 1 == 1.0 == true.
bool equals(const Value &a, const Value &b);
// -1, 0, 1 of two numbers or two texts; ok is false for anything else.
int compare(const Value &a, const Value &b, bool &ok);
std::string toText(const Value &value);            // str(): None, True, 2.5, ['a', 1]
std::string numberText(double value);              // repr() of a Python float
// `depth` levels of containers at most; ok is set to false beyond.
Value fromJson(const nlohmann::ordered_json &json, int depth, bool &ok);

}  // namespace facet::jinja
