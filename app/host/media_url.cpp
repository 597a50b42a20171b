#include "host/media_url.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

namespace facet::host {

namespace {

constexpr std::uint8_t kNotBase64 = 0xFF;

constexpr std::array<std::uint8_t, 256> makeBase64Table() {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNotBase64);
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}
constexpr std::array<std::uint8_t, 256> kBase64 = makeBase64Table();

Error invalid(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

bool startsWithIgnoringCase(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
               return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
           });
}

Result<media::Source> fromDataUrl(std::string_view url) {
    const std::size_t comma = url.find(',');
    if (comma == std::string_view::npos || comma > 256)
        return invalid("The data: URL has no comma after its media type.");
    const std::string_view head = url.substr(0, comma);
    constexpr std::string_view kMark = ";base64";
    if (head.size() < kMark.size() || !startsWithIgnoringCase(head.substr(head.size() - kMark.size()), kMark)) {
        return invalid("The data: URL must be base64 (data:image/png;base64,...).");
    }
    FACET_TRY(bytes, decodeBase64(url.substr(comma + 1)));
    if (bytes.empty()) return invalid("The data: URL is empty.");
    return media::Source::memory(std::move(bytes), "data: URL");
}

Result<std::string> percentDecoded(std::string_view text) {
    std::string out;
    const auto digit = [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return std::isdigit(u) ? c - '0' : std::isxdigit(u) ? std::tolower(u) - 'a' + 10 : -1;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return invalid("The file: URL has a broken % escape.");
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return invalid("The file: URL names no file.");
        out += c;
    }
    return out;
}

Result<media::Source> fromFileUrl(std::string_view url) {
    std::string_view rest = url.substr(std::string_view("file:").size());
    if (rest.substr(0, 2) == "//") {
        rest.remove_prefix(2);
        const std::size_t slash = rest.find('/');
        const std::string_view host = rest.substr(0, slash);
        if (slash == std::string_view::npos || (!host.empty() && host != "localhost")) {
            return invalid("The file: URL names another computer; only files of this one can be read.");
        }
        rest.remove_prefix(slash);
    }
    FACET_TRY(path, percentDecoded(rest));
    if (path.empty() || path.front() != '/') return invalid("The file: URL must hold an absolute path.");
    std::error_code failed;
    const std::filesystem::file_status status = std::filesystem::status(path, failed);
    if (status.type() == std::filesystem::file_type::not_found) {
        return Error{.code = ErrorCode::FileNotFound, .message = "The file does not exist.", .file = path};
    }
    if (status.type() != std::filesystem::file_type::regular) {
        return Error{.code = ErrorCode::FileUnreadable, .message = "Only ordinary files can be read.", .file = path};
    }
    return media::Source::file(std::move(path));
}

} // namespace

Result<std::vector<std::uint8_t>> decodeBase64(std::string_view text) {
    const auto broken = [] { return invalid("The base64 data is damaged or incomplete."); };
    if (text.size() % 4 != 0) return broken();
    std::size_t padding = 0;
    while (padding < 2 && !text.empty() && text.back() == '=') {
        text.remove_suffix(1);
        ++padding;
    }
    std::vector<std::uint8_t> out;
    out.reserve((text.size() + padding) / 4 * 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::uint8_t value = kBase64[static_cast<unsigned char>(c)];
        if (value == kNotBase64) return broken();
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<std::uint8_t>(bits >> count));
            bits &= (1U << count) - 1;
        }
    }
    if (bits != 0 || (padding > 0 && text.size() % 4 == 0)) return broken(); // bits behind the last byte must be zero
    return out;
}

Result<media::Source> mediaFromUrl(std::string_view url, bool allowFiles) {
    if (startsWithIgnoringCase(url, "data:")) return fromDataUrl(url);
    if (startsWithIgnoringCase(url, "file:")) {
        if (allowFiles) return fromFileUrl(url);
        return invalid("file: URLs are only taken from Facet's own window; send the data itself as a data: URL.");
    }
    if (startsWithIgnoringCase(url, "http:") || startsWithIgnoringCase(url, "https:")) {
        return invalid("Facet does not fetch addresses from the network; send the data itself as a data: URL.");
    }
    return invalid("The URL must begin with data: and hold the medium in base64.");
}

Result<media::Source> mediaFromData(std::string_view data) {
    if (startsWithIgnoringCase(data, "data:")) return fromDataUrl(data);
    FACET_TRY(bytes, decodeBase64(data));
    if (bytes.empty()) return invalid("The data is empty.");
    return media::Source::memory(std::move(bytes), "base64 data");
}

} // namespace facet::host
