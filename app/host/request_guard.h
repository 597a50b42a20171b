// Who may talk to the host: decided from the head alone, before a byte of the body is read. Keeps web pages out (Host
// against DNS rebinding, Origin against cross-site requests) and strangers on the same machine (the key).
#pragma once

#include "facet/result.h"
#include "host/errors.h"
#include "host/request_head.h"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace facet::host {

// Compares in a time that does not depend on where the two differ.
bool sameSecret(std::string_view given, std::string_view expected) noexcept;

// `count` random bytes of the system as hexadecimal digits.
std::string randomHex(std::size_t count);

class RequestGuard {
public:
    explicit RequestGuard(std::string key) : m_key(std::move(key)) {}

    // Nothing: welcome. 403: wrong Host or Origin; 401: no or wrong key.
    std::optional<ApiError> check(const RequestHead &head, bool needsKey) const;

    static bool isLocalHost(std::string_view hostHeader); // "127.0.0.1:8090", "localhost", "[::1]:1"
    static bool isLocalOrigin(std::string_view origin);   // "http://localhost:3000"

private:
    bool hasKey(const RequestHead &head) const;
    std::string m_key;
};

// Bytes of request bodies in memory at once, over all connections.
class BodyBudget {
public:
    explicit BodyBudget(std::size_t limit) : m_limit(limit) {}

    class Lease {
    public:
        explicit Lease(BodyBudget &budget) : m_budget(budget) {}
        ~Lease() { m_budget.m_used -= m_held; }
        Lease(const Lease &) = delete;
        Lease &operator=(const Lease &) = delete;
        bool grow(std::size_t bytes); // false: no room

    private:
        BodyBudget &m_budget;
        std::size_t m_held = 0;
    };

private:
    const std::size_t m_limit;
    std::atomic<std::size_t> m_used{0};
};

} // namespace facet::host
