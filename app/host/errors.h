// How a failure looks to an HTTP client: one table from ErrorCode to status and OpenAI error type, and the JSON body.
//
//     return errorReply(apiError(result.error()));                            //
//     {"error":{"message","type","param","code"}} return errorReply(apiError(fieldError("n", "'n' must be 1."), true));
//     // names the field in "param"
#pragma once

#include "facet/result.h"

#include <string>

namespace facet::host {

struct ApiError {
    int status = 500;
    std::string type = "server_error";
    std::string code = "internal";
    std::string message;
    std::string param;         // field of the request, empty: null
    int retryAfterSeconds = 0; // 0: no Retry-After

    std::string json() const; // {"error":{...}}
};

struct ErrorClass {
    int status;
    const char *type;
};
ErrorClass errorClass(ErrorCode code) noexcept;

// An Error about a field of a request: InvalidArgument whose detail is the field's path ("messages[0].content").
Error fieldError(std::string field, std::string message, ErrorCode code = ErrorCode::InvalidArgument);

// detailIsField: the error was made by fieldError (or may have been): its detail becomes "param".
ApiError apiError(const Error &error, bool detailIsField = false);

ApiError notFound();                     // 404: no such route
ApiError forbidden(std::string message); // 403: wrong Host or Origin
ApiError modelMissing();                 // 503: no model is loaded
ApiError modelLoading();                 // 503: a model is being loaded

} // namespace facet::host
