#include "host/multipart.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace facet::host {

namespace {

constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxPartHead = 8192; // bytes
constexpr std::size_t kMaxBoundary = 70;   // RFC 2046

Error invalid(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The value of `key` among "; key=value" or "; key=\"quoted \\\" value\"" parameters; empty when absent.
std::string parameter(std::string_view header, std::string_view key) {
    std::size_t at = header.find(';');
    while (at != std::string_view::npos) {
        const std::size_t equals = header.find('=', at);
        if (equals == std::string_view::npos) return {};
        const std::string name = lower(trimmed(header.substr(at + 1, equals - at - 1)));
        std::string value;
        std::size_t i = equals + 1;
        if (i < header.size() && header[i] == '"') {
            for (++i; i < header.size() && header[i] != '"'; ++i) {
                if (header[i] == '\\' && i + 1 < header.size()) ++i;
                value += header[i];
            }
            at = header.find(';', i);
        } else {
            at = header.find(';', i);
            value = trimmed(header.substr(i, at == std::string_view::npos ? at : at - i));
        }
        if (name == key) return value;
    }
    return {};
}

Result<FormPart> parsePartHead(std::string_view head) {
    FormPart part;
    bool named = false;
    while (!head.empty()) {
        const std::size_t end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return invalid("A part of the form has a header line without a colon.");
        if (lower(trimmed(line.substr(0, colon))) != "content-disposition") continue;
        const std::string_view value = line.substr(colon + 1);
        part.name = parameter(value, "name");
        part.fileName = parameter(value, "filename");
        named = !part.name.empty();
    }
    if (!named) return invalid("A part of the form has no name.");
    return part;
}

} // namespace

const FormPart *Form::find(std::string_view name) const {
    const auto found =
        std::find_if(parts.begin(), parts.end(), [name](const FormPart &part) { return part.name == name; });
    return found == parts.end() ? nullptr : &*found;
}

Result<Form> parseMultipart(std::string_view contentType, std::string_view body) {
    constexpr std::string_view kType = "multipart/form-data";
    if (lower(trimmed(contentType.substr(0, contentType.find(';')))) != kType) {
        return invalid("The request must be sent as multipart/form-data.");
    }
    const std::string boundary = parameter(contentType, "boundary");
    if (boundary.empty() || boundary.size() > kMaxBoundary)
        return invalid("The form's boundary is missing or too long.");

    const std::string first = "--" + boundary;
    const std::string between = "\r\n" + first;
    std::size_t at = body.find(first);
    if (at != 0 && (at == std::string_view::npos || at < 2 || body.substr(at - 2, 2) != "\r\n")) {
        return invalid("The form's boundary does not occur in the body.");
    }
    at += first.size();
    Form form;
    for (;;) {
        if (body.substr(at, 2) == "--") return form;
        while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at; // padding RFC 2046 allows
        if (body.substr(at, 2) != "\r\n") return invalid("The form is damaged after a boundary.");
        at += 2;
        const std::size_t headEnd = body.substr(0, std::min(body.size(), at + kMaxPartHead)).find("\r\n\r\n", at);
        if (headEnd == std::string_view::npos) return invalid("The head of a part of the form is missing or too long.");
        if (form.parts.size() == kMaxParts) {
            return Error{ErrorCode::LimitExceeded, "The form has more than " + std::to_string(kMaxParts) + " parts."};
        }
        FACET_TRY(part, parsePartHead(body.substr(at, headEnd - at)));
        const std::size_t begin = headEnd + 4;
        const std::size_t end = body.find(between, begin);
        if (end == std::string_view::npos) return invalid("The form is cut short.");
        part.content = body.substr(begin, end - begin);
        form.parts.push_back(std::move(part));
        at = end + between.size();
    }
}

} // namespace facet::host
