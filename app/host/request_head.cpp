#include "host/request_head.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace facet::host {

namespace {

Error invalid(const char *message) { return {ErrorCode::InvalidArgument, message}; }

bool isTokenCharacter(char c) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return std::isalnum(static_cast<unsigned char>(c)) || kMarks.find(c) != std::string_view::npos;
}

bool isToken(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), isTokenCharacter); }

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

Status parseRequestLine(std::string_view line, RequestHead &head) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos) return invalid("The request line is not HTTP.");
    head.method = line.substr(0, first);
    head.target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    if (std::find(kMethods.begin(), kMethods.end(), head.method) == kMethods.end())
        return invalid("The method is not known.");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return invalid("Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    head.http10 = version == "HTTP/1.0";
    if (head.target.size() > kMaxTarget)
        return Error{ErrorCode::LimitExceeded, "The address of the request is too long."};
    const auto visible = [](char c) { return c > 0x20 && c < 0x7F; };
    if (head.target.empty() || head.target.front() != '/' ||
        !std::all_of(head.target.begin(), head.target.end(), visible)) {
        return invalid("The address of the request must begin with a slash and hold no spaces.");
    }
    return ok();
}

Status parseHeaderLine(std::string_view line, RequestHead &head) {
    if (head.headers.size() == kMaxHeaders)
        return Error{ErrorCode::LimitExceeded, "The request has too many header lines."};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !isToken(line.substr(0, colon)))
        return invalid("A header line is malformed.");
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    const auto control = [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7F; };
    if (std::any_of(value.begin(), value.end(), control)) return invalid("A header line holds a control character.");
    head.headers.emplace_back(lower(line.substr(0, colon)), std::string(value));
    return ok();
}

// How long the body is: exactly one way to say it.
Status parseFraming(RequestHead &head) {
    if (head.count("content-length") > 1 || head.count("transfer-encoding") > 1 || head.count("host") > 1) {
        return invalid("Host, Content-Length and Transfer-Encoding may be given once only.");
    }
    if (const std::string *encoding = head.header("transfer-encoding")) {
        if (lower(*encoding) != "chunked" || head.http10)
            return invalid("The only transfer encoding taken is chunked.");
        if (head.header("content-length"))
            return invalid("A request has either a Content-Length or a Transfer-Encoding.");
        head.chunked = true;
    }
    if (const std::string *length = head.header("content-length")) {
        std::uint64_t value = 0;
        const auto [end, failed] = std::from_chars(length->data(), length->data() + length->size(), value);
        if (failed != std::errc() || end != length->data() + length->size())
            return invalid("The Content-Length is not a number.");
        head.contentLength = value;
    }
    if (const std::string *encoding = head.header("content-encoding"); encoding && lower(*encoding) != "identity") {
        return invalid("Compressed request bodies are not taken; send the body as it is.");
    }
    return ok();
}

} // namespace

const std::string *RequestHead::header(std::string_view name) const {
    for (const auto &[key, value] : headers) {
        if (key == name) return &value;
    }
    return nullptr;
}

std::size_t RequestHead::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(headers.begin(), headers.end(), [name](const auto &entry) { return entry.first == name; }));
}

std::string RequestHead::path() const { return target.substr(0, target.find_first_of("?#")); }

std::string RequestHead::forLibrary(std::uint64_t id) const {
    // Paths are matched as sent, so an escape never names a route and the library has nothing to decode.
    std::string plain = path();
    std::replace(plain.begin(), plain.end(), '%', '_');
    std::string text = method + " " + plain + (http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    text += std::string(kConnectionHeader) + ": " + std::to_string(id) + "\r\n";
    if (chunked) {
        text += "Transfer-Encoding: chunked\r\n";
    } else {
        text += "Content-Length: " + std::to_string(contentLength.value_or(0)) + "\r\n";
    }
    if (!keepAlive) text += "Connection: close\r\n";
    if (const std::string *expect = header("expect"); expect && lower(*expect) == "100-continue") {
        text += "Expect: 100-continue\r\n";
    }
    return text + "\r\n";
}

Result<RequestHead> parseRequestHead(std::string_view text) {
    RequestHead head;
    bool first = true;
    while (true) {
        const std::size_t end = text.find("\r\n");
        if (end == std::string_view::npos) return invalid("The head of the request is cut short.");
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 2);
        if (line.empty()) break;
        FACET_CHECK(first ? parseRequestLine(line, head) : parseHeaderLine(line, head));
        first = false;
    }
    if (first) return invalid("The request line is missing.");
    FACET_CHECK(parseFraming(head));
    const std::string *connection = head.header("connection");
    const std::string wish = connection ? lower(*connection) : "";
    head.keepAlive = head.http10 ? false : wish.find("close") == std::string::npos;
    return head;
}

} // namespace facet::host
