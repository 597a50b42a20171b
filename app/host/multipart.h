// Reads multipart/form-data (RFC 7578) from a body in memory, for uploads of recordings.
//
//     FACET_TRY(form, parseMultipart(call.contentType, call.body));
//     const FormPart *file = form.find("file");
#pragma once

#include "facet/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace facet::host {

struct FormPart {
    std::string name;
    std::string fileName;     // empty: not a file
    std::string_view content; // into the body
};

struct Form {
    std::vector<FormPart> parts;                       // in order
    const FormPart *find(std::string_view name) const; // the first of that name
};

// The parts point into `body`, which must outlive them. Error: InvalidArgument, LimitExceeded.
Result<Form> parseMultipart(std::string_view contentType, std::string_view body);

} // namespace facet::host
