// The head of an HTTP/1 request, read strictly: anything two parsers could understand differently (duplicate lengths,
// folded lines, control characters) is refused, so that nothing can hide a request inside another one's body.
//
//     FACET_TRY(head, parseRequestHead(text));   // text ends with the empty line
//     head.header("host");                       // names are lower case
#pragma once

#include "facet/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet::host {

constexpr std::size_t kMaxHeadBytes = 32 * 1024;
constexpr std::size_t kMaxHeaders = 100;
constexpr std::size_t kMaxTarget = 2048;

struct RequestHead {
    std::string method;
    std::string target; // as sent, "/v1/models?x=1"
    bool http10 = false;
    std::vector<std::pair<std::string, std::string>> headers; // names in lower case, values trimmed
    std::optional<std::uint64_t> contentLength;
    bool chunked = false;
    bool keepAlive = true; // as the peer asks for

    const std::string *header(std::string_view name) const; // the first of that name
    std::size_t count(std::string_view name) const;
    std::string path() const; // target without the query

    // The head again, with only what the HTTP library needs to read the body; `id` names the connection in it.
    std::string forLibrary(std::uint64_t id) const;
};

constexpr const char *kConnectionHeader = "X-Facet-Connection";

// Errors: InvalidArgument (400), LimitExceeded (431).
Result<RequestHead> parseRequestHead(std::string_view text);

} // namespace facet::host
