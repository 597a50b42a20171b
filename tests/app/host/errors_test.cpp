#include "host/errors.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>

using namespace facet;
using namespace facet::host;

TEST_CASE("every error code has its status and type") {
    const std::map<ErrorCode, std::pair<int, std::string>> expected = {
        {ErrorCode::Internal, {500, "server_error"}},
        {ErrorCode::InvalidArgument, {400, "invalid_request_error"}},
        {ErrorCode::FileNotFound, {404, "not_found_error"}},
        {ErrorCode::FileUnreadable, {400, "invalid_request_error"}},
        {ErrorCode::FileWriteFailed, {500, "server_error"}},
        {ErrorCode::DiskFull, {500, "server_error"}},
        {ErrorCode::ModelFileCorrupt, {400, "invalid_request_error"}},
        {ErrorCode::ModelUnsupported, {400, "invalid_request_error"}},
        {ErrorCode::OutOfMemory, {503, "overloaded_error"}},
        {ErrorCode::MediaUnreadable, {400, "invalid_request_error"}},
        {ErrorCode::MediaUnsupported, {400, "invalid_request_error"}},
        {ErrorCode::LimitExceeded, {413, "invalid_request_error"}},
        {ErrorCode::ContextExceeded, {400, "invalid_request_error"}},
        {ErrorCode::Cancelled, {503, "server_error"}},
        {ErrorCode::NetworkFailed, {500, "server_error"}},
        {ErrorCode::BadResponse, {500, "server_error"}},
        {ErrorCode::Unauthorised, {401, "authentication_error"}},
        {ErrorCode::Busy, {429, "overloaded_error"}},
    };
    CHECK(expected.size() == static_cast<std::size_t>(ErrorCode::Busy) + 1);
    for (const auto &[code, wanted] : expected) {
        CAPTURE(errorCodeName(code));
        const ApiError error = apiError({code, "What happened."});
        CHECK(error.status == wanted.first);
        CHECK(error.type == wanted.second);
        const auto json = nlohmann::json::parse(error.json());
        CHECK(json["error"]["type"] == wanted.second);
        CHECK(json["error"]["message"] == "What happened.");
        CHECK(json["error"]["param"].is_null());
        CHECK(json["error"]["code"] ==
              (code == ErrorCode::ContextExceeded ? "context_length_exceeded" : errorCodeName(code)));
        CHECK((error.retryAfterSeconds > 0) == (code == ErrorCode::Busy));
    }
}

TEST_CASE("a field error names the field in param and not in the message") {
    const ApiError error = apiError(fieldError("messages[0].content", "Wrong."), true);
    const auto json = nlohmann::json::parse(error.json());
    CHECK(json["error"]["param"] == "messages[0].content");
    CHECK(json["error"]["message"] == "Wrong.");
}

TEST_CASE("other errors keep their place in the message, and broken UTF-8 cannot break the body") {
    const ApiError error =
        apiError({.code = ErrorCode::ModelFileCorrupt, .message = "Cut short.", .file = "a\xFF", .offset = 7});
    CHECK(nlohmann::json::accept(error.json()));
    CHECK(error.message.find("byte 7") != std::string::npos);
}
