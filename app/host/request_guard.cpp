#include "host/request_guard.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <random>

namespace facet::host {

namespace {

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

} // namespace

bool sameSecret(std::string_view given, std::string_view expected) noexcept {
    // Runs over what was given: its length is no secret, the expected one's is.
    unsigned difference = given.size() == expected.size() ? 0U : 1U;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const char other = expected.empty() ? '\0' : expected[i % expected.size()];
        difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(other));
    }
    return difference == 0 && !expected.empty();
}

std::string randomHex(std::size_t count) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::random_device device; // the kernel's generator on Linux
    std::uniform_int_distribution<int> digit(0, 15);
    std::string out;
    for (std::size_t i = 0; i < 2 * count; ++i) out += kDigits[static_cast<std::size_t>(digit(device))];
    return out;
}

bool RequestGuard::isLocalHost(std::string_view host) {
    const std::size_t nameEnd = host.starts_with('[') ? host.find(']') : host.find(':');
    const bool bracket = host.starts_with('[') && nameEnd != std::string_view::npos;
    const std::string_view name = bracket ? host.substr(0, nameEnd + 1) : host.substr(0, nameEnd);
    std::string_view rest = host.substr(name.size());
    if (!rest.empty()) {
        unsigned port = 0;
        rest.remove_prefix(1);
        const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
        if (host[name.size()] != ':' || failed != std::errc() || end != rest.data() + rest.size() || port > 65535)
            return false;
    }
    return name == "127.0.0.1" || name == "[::1]" || equalsIgnoringCase(name, "localhost");
}

bool RequestGuard::isLocalOrigin(std::string_view origin) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (origin.starts_with(scheme)) return isLocalHost(origin.substr(scheme.size()));
    }
    return false;
}

bool RequestGuard::hasKey(const RequestHead &head) const {
    if (const std::string *key = head.header("x-api-key"); key && sameSecret(*key, m_key)) return true;
    const std::string *authorization = head.header("authorization");
    constexpr std::string_view kScheme = "Bearer ";
    if (!authorization || authorization->size() < kScheme.size()) return false;
    const std::string_view text = *authorization;
    return equalsIgnoringCase(text.substr(0, kScheme.size()), kScheme) &&
           sameSecret(text.substr(kScheme.size()), m_key);
}

std::optional<ApiError> RequestGuard::check(const RequestHead &head, bool needsKey) const {
    const std::string *host = head.header("host");
    if (!host || !isLocalHost(*host))
        return forbidden("The Host header must name this computer (127.0.0.1 or localhost).");
    for (const auto &[name, value] : head.headers) {
        if (name == "origin" && !isLocalOrigin(value)) return forbidden("Web pages of other sites may not use Facet.");
    }
    if (needsKey && !hasKey(head)) {
        return apiError(
            {ErrorCode::Unauthorised, "The key is missing or wrong; send it as 'Authorization: Bearer KEY'."});
    }
    return std::nullopt;
}

bool BodyBudget::Lease::grow(std::size_t bytes) {
    if (m_budget.m_used.fetch_add(bytes) + bytes > m_budget.m_limit) {
        m_budget.m_used -= bytes;
        return false;
    }
    m_held += bytes;
    return true;
}

} // namespace facet::host
