// Filters, tests and methods of the template language. They get a Runtime, which counts what they cost and takes errors.
#pragma once

#include "facet/result.h"
#include "text/jinja/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet::jinja {

struct Arguments {
    Values positional;
    std::vector<std::pair<std::string, Value>> named;
    // By place or by keyword; null if it was not given.
    const Value *get(std::size_t index, std::string_view name) const;
};

// Limits of one rendering, and its first error. After an error everything is undefined and loops end.
class Runtime {
public:
    static constexpr std::size_t kMaxSteps = 50'000'000;          // evaluated nodes and produced items
    static constexpr std::size_t kMaxBytes = std::size_t{1} << 30U;  // all texts built on the way
    static constexpr std::size_t kMaxText = std::size_t{64} << 20U;  // one text, and the output
    static constexpr int kMaxDepth = 100;                          // nested containers

    bool failed() const noexcept { return m_error.has_value(); }
    const std::optional<Error> &error() const noexcept { return m_error; }
    void setLine(int line) noexcept { m_line = line; }
    Value fail(ErrorCode code, const std::string &what);
    // The conversation does not suit the template: wrong types and the like.
    Value mismatch(const std::string &what) { return fail(ErrorCode::InvalidArgument, what); }
    bool spend(std::size_t steps);
    Value text(std::string text);
    Value list(Values items);
    Value dict(std::shared_ptr<Dict> dict);

private:
    std::optional<Error> m_error;
    int m_line = 0;
    std::size_t m_steps = 0, m_bytes = 0;
};

using FilterFunction = Value (*)(Runtime &, const Value &, const Arguments &);
using TestFunction = bool (*)(Runtime &, const Value &, const Arguments &);

FilterFunction findFilter(std::string_view name);  // null: unknown
TestFunction findTest(std::string_view name);
// value.name(arguments); an unknown method is an error in the runtime.
Value callMethod(Runtime &runtime, const Value &value, const std::string &name, const Arguments &arguments);

// What `for` walks over: items of a list, keys of a mapping, characters of a text, nothing of undefined.
std::shared_ptr<const List> iterate(Runtime &runtime, const Value &value);
// value[key]; undefined if there is no such thing.
Value itemOf(const Value &value, const Value &key);
Value memberOf(const Value &value, std::string_view name);
bool contains(Runtime &runtime, const Value &container, const Value &item);

}  // namespace facet::jinja
