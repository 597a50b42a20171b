#include "host/request_guard.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace facet;
using namespace facet::host;

namespace {

int status(const std::string &headers, bool needsKey = true) {
    const auto head = parseRequestHead("GET / HTTP/1.1\r\n" + headers + "\r\n");
    REQUIRE(head);
    const RequestGuard guard("secret");
    const auto refused = guard.check(*head, needsKey);
    return refused ? refused->status : 200;
}

} // namespace

TEST_CASE("hosts of this computer only") {
    for (const char *host : {"127.0.0.1", "127.0.0.1:80", "localhost", "LOCALHOST:65535", "[::1]", "[::1]:1"}) {
        CAPTURE(host);
        CHECK(RequestGuard::isLocalHost(host));
    }
    for (const char *host :
         {"", "example.com", "localhost.example.com", "127.0.0.1.example.com", "127.0.0.2", "localhost:", "localhost:x",
          "localhost:99999", "localhost:80:80", "[::1", "::1", "[::1]x", "[::2]", "127.0.0.1@evil", "0.0.0.0"}) {
        CAPTURE(host);
        CHECK_FALSE(RequestGuard::isLocalHost(host));
    }
}

TEST_CASE("origins of this computer only") {
    CHECK(RequestGuard::isLocalOrigin("http://localhost:3000"));
    CHECK(RequestGuard::isLocalOrigin("https://127.0.0.1"));
    for (const char *origin : {"null", "", "https://example.com", "http://localhost.example.com", "file://",
                               "http://localhost/x", "chrome-extension://abc"}) {
        CAPTURE(origin);
        CHECK_FALSE(RequestGuard::isLocalOrigin(origin));
    }
}

TEST_CASE("the guard wants a local host, no foreign origin and the key") {
    const std::string host = "Host: localhost:1\r\n";
    CHECK(status(host + "Authorization: Bearer secret\r\n") == 200);
    CHECK(status(host + "authorization: bearer secret\r\n") == 200);
    CHECK(status(host + "X-Api-Key: secret\r\n") == 200);
    CHECK(status(host, false) == 200);
    CHECK(status(host) == 401);
    CHECK(status(host + "Authorization: Bearer Secret\r\n") == 401);
    CHECK(status(host + "Authorization: Bearer secret2\r\n") == 401);
    CHECK(status(host + "Authorization: Bearer secre\r\n") == 401);
    CHECK(status(host + "Authorization: Bearer \r\n") == 401);
    CHECK(status(host + "Authorization: Basic secret\r\n") == 401);
    CHECK(status(host + "X-Api-Key:\r\n") == 401);
    CHECK(status("Authorization: Bearer secret\r\n") == 403);
    CHECK(status("Host: evil.example\r\nAuthorization: Bearer secret\r\n") == 403);
    CHECK(status(host + "Origin: https://evil.example\r\nAuthorization: Bearer secret\r\n") == 403);
    CHECK(status(host + "Origin: http://localhost\r\nOrigin: null\r\nAuthorization: Bearer secret\r\n") == 403);
    CHECK(status(host + "Origin: http://localhost:5173\r\nAuthorization: Bearer secret\r\n") == 200);
}

TEST_CASE("secrets compare whole") {
    CHECK(sameSecret("abc", "abc"));
    CHECK_FALSE(sameSecret("abcabc", "abc"));
    CHECK_FALSE(sameSecret("", "abc"));
    CHECK_FALSE(sameSecret("", ""));
    CHECK_FALSE(sameSecret("abc", ""));
}

TEST_CASE("random keys differ") {
    std::set<std::string> keys;
    for (int i = 0; i < 50; ++i) keys.insert(randomHex(16));
    CHECK(keys.size() == 50);
    CHECK(keys.begin()->size() == 32);
}

TEST_CASE("the budget of bodies is shared and given back") {
    BodyBudget budget(100);
    {
        BodyBudget::Lease a(budget);
        BodyBudget::Lease b(budget);
        CHECK(a.grow(60));
        CHECK_FALSE(b.grow(41));
        CHECK(b.grow(40));
        CHECK_FALSE(a.grow(1));
    }
    BodyBudget::Lease c(budget);
    CHECK(c.grow(100));
}
