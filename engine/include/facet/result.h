// Result<T>: a value or an Error. Nothing in Facet throws across a module border and nothing aborts on input;
// whoever can fail returns a Result and whoever calls must look at it ([[nodiscard]]).
//
//     Result<MappedFile> file = MappedFile::open(path);
//     if (!file) return file.error();              // an Error converts to any Result
//     use(file->bytes());
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace facet {

// What kind of failure it is. Tests and the window switch on it; people read Error::message.
enum class ErrorCode : std::uint8_t {
    Internal,          // a broken promise in our own code
    InvalidArgument,   // a request or an option that cannot be meant so
    FileNotFound,      // no such file or folder
    FileUnreadable,    // it exists but reading it failed
    FileWriteFailed,   // writing failed for another reason than a full disk
    DiskFull,          // no room left where the result was to be written
    ModelFileCorrupt,  // a model file contradicts itself or is cut short
    ModelUnsupported,  // well-formed, but not something this engine runs
    OutOfMemory,       // does not fit the memory of this machine or the limit set by the user
    MediaUnreadable,   // a picture, sound or film that cannot be decoded
    MediaUnsupported,  // a medium that this model or build cannot take
    LimitExceeded,     // larger, longer or deeper than a stated limit
    ContextExceeded,   // prompt and answer do not fit the context
    Cancelled,         // the user asked to stop
    NetworkFailed,     // a peer could not be reached or broke off
    BadResponse,       // a peer answered something that is not the protocol
    Unauthorised,      // a missing or wrong key
    Busy,              // the queue is full
};

// Name of a code for logs and JSON ("model_file_corrupt").
const char *errorCodeName(ErrorCode code) noexcept;

struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::Internal;
    std::string message;                  // one sentence for people: what happened and what they can do
    std::string detail = {};              // for the report: tensor, key, expected and found figures
    std::string file = {};                // the file concerned, if any
    std::optional<std::uint64_t> offset = {};  // byte in that file, if known

    // "message (file, byte N: detail)": what the terminal program prints.
    std::string describe() const;
};

// Success without a value, for Result<void>-like functions: Status f() { ...; return ok(); }
struct Ok {};
constexpr Ok ok() noexcept { return {}; }

template <typename T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : m_state(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : m_state(std::in_place_index<1>, std::move(error)) {}

    bool hasValue() const noexcept { return m_state.index() == 0; }
    explicit operator bool() const noexcept { return hasValue(); }

    T &value() & { return std::get<0>(m_state); }
    const T &value() const & { return std::get<0>(m_state); }
    T &&value() && { return std::get<0>(std::move(m_state)); }
    T &operator*() & { return std::get<0>(m_state); }
    const T &operator*() const & { return std::get<0>(m_state); }
    T &&operator*() && { return std::get<0>(std::move(m_state)); }
    T *operator->() { return &std::get<0>(m_state); }
    const T *operator->() const { return &std::get<0>(m_state); }

    Error &error() & { return std::get<1>(m_state); }
    const Error &error() const & { return std::get<1>(m_state); }
    Error &&error() && { return std::get<1>(std::move(m_state)); }

    T valueOr(T fallback) const & { return hasValue() ? std::get<0>(m_state) : std::move(fallback); }

private:
    std::variant<T, Error> m_state;
};

using Status = Result<Ok>;

}  // namespace facet

// Evaluates a Result; on failure returns its Error from the enclosing function, otherwise declares `name` with the value.
#define FACET_TRY(name, expression)                    \
    auto name##Result = (expression);                  \
    if (!name##Result) {                               \
        return std::move(name##Result).error();        \
    }                                                  \
    auto name = std::move(name##Result).value()
// The same for a Status (or when the value does not matter).
#define FACET_CHECK(expression)                        \
    if (auto facetStatus = (expression); !facetStatus) \
    return std::move(facetStatus).error()
