#include "host/errors.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace facet::host {

ErrorClass errorClass(ErrorCode code) noexcept {
    constexpr const char *kRequest = "invalid_request_error";
    constexpr const char *kServer = "server_error";
    switch (code) {
    case ErrorCode::Internal: return {500, kServer};
    case ErrorCode::InvalidArgument: return {400, kRequest};
    case ErrorCode::FileNotFound: return {404, "not_found_error"};
    case ErrorCode::FileUnreadable: return {400, kRequest};
    case ErrorCode::FileWriteFailed: return {500, kServer};
    case ErrorCode::DiskFull: return {500, kServer};
    case ErrorCode::ModelFileCorrupt: return {400, kRequest};
    case ErrorCode::ModelUnsupported: return {400, kRequest};
    case ErrorCode::OutOfMemory: return {503, "overloaded_error"};
    case ErrorCode::MediaUnreadable: return {400, kRequest};
    case ErrorCode::MediaUnsupported: return {400, kRequest};
    case ErrorCode::LimitExceeded: return {413, kRequest};
    case ErrorCode::ContextExceeded: return {400, kRequest};
    case ErrorCode::Cancelled: return {503, kServer};
    case ErrorCode::NetworkFailed: return {500, kServer};
    case ErrorCode::BadResponse: return {500, kServer};
    case ErrorCode::Unauthorised: return {401, "authentication_error"};
    case ErrorCode::Busy: return {429, "overloaded_error"};
    }
    return {500, kServer};
}

std::string ApiError::json() const {
    const nlohmann::json body = {{"error",
                                  {{"message", message},
                                   {"type", type},
                                   {"param", param.empty() ? nlohmann::json(nullptr) : nlohmann::json(param)},
                                   {"code", code}}}};
    return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Error fieldError(std::string field, std::string message, ErrorCode code) {
    return {.code = code, .message = std::move(message), .detail = std::move(field)};
}

ApiError apiError(const Error &error, bool detailIsField) {
    const ErrorClass kind = errorClass(error.code);
    ApiError api;
    api.status = kind.status;
    api.type = kind.type;
    // OpenAI's own name, which clients look for to shorten a conversation.
    api.code = error.code == ErrorCode::ContextExceeded ? "context_length_exceeded" : errorCodeName(error.code);
    if (detailIsField) {
        api.message = error.message;
        api.param = error.detail;
    } else {
        api.message = error.describe();
    }
    if (error.code == ErrorCode::Busy) api.retryAfterSeconds = 5;
    return api;
}

ApiError notFound() {
    return {.status = 404,
            .type = "not_found_error",
            .code = "not_found",
            .message = "There is nothing at this address; the routes are listed in Facet's protocol description."};
}

ApiError forbidden(std::string message) {
    return {.status = 403, .type = "authentication_error", .code = "forbidden", .message = std::move(message)};
}

ApiError modelMissing() {
    return {.status = 503,
            .type = "server_error",
            .code = "no_model",
            .message = "No model is loaded; load one in Facet or start the server with --model."};
}

ApiError modelLoading() {
    return {.status = 503,
            .type = "server_error",
            .code = "loading",
            .message = "The model is still being loaded; try again in a moment.",
            .retryAfterSeconds = 2};
}

} // namespace facet::host
