#include "facet/result.h"

namespace facet {

const char *errorCodeName(ErrorCode code) noexcept {
    switch (code) {
    case ErrorCode::Internal: return "internal";
    case ErrorCode::InvalidArgument: return "invalid_argument";
    case ErrorCode::FileNotFound: return "file_not_found";
    case ErrorCode::FileUnreadable: return "file_unreadable";
    case ErrorCode::FileWriteFailed: return "file_write_failed";
    case ErrorCode::DiskFull: return "disk_full";
    case ErrorCode::ModelFileCorrupt: return "model_file_corrupt";
    case ErrorCode::ModelUnsupported: return "model_unsupported";
    case ErrorCode::OutOfMemory: return "out_of_memory";
    case ErrorCode::MediaUnreadable: return "media_unreadable";
    case ErrorCode::MediaUnsupported: return "media_unsupported";
    case ErrorCode::LimitExceeded: return "limit_exceeded";
    case ErrorCode::ContextExceeded: return "context_exceeded";
    case ErrorCode::Cancelled: return "cancelled";
    case ErrorCode::NetworkFailed: return "network_failed";
    case ErrorCode::BadResponse: return "bad_response";
    case ErrorCode::Unauthorised: return "unauthorised";
    case ErrorCode::Busy: return "busy";
    }
    return "internal";
}

std::string Error::describe() const {
    std::string where;
    const auto add = [&where](const std::string &part) {
        if (part.empty()) return;
        where += where.empty() ? "" : ", ";
        where += part;
    };
    add(file);
    if (offset) add("byte " + std::to_string(*offset));
    add(detail);
    return where.empty() ? message : message + " (" + where + ")";
}

}  // namespace facet
