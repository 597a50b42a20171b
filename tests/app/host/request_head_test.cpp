#include "host/request_head.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

namespace {

Result<RequestHead> parse(const std::string &lines) { return parseRequestHead(lines + "\r\n"); }

} // namespace

TEST_CASE("a plain head") {
    const auto head = parse("POST /v1/x?a=b HTTP/1.1\r\nHost: localhost:1\r\nContent-Length:  12 \r\nX-Thing: a b\r\n");
    REQUIRE(head);
    CHECK(head->method == "POST");
    CHECK(head->path() == "/v1/x");
    CHECK(*head->header("host") == "localhost:1");
    CHECK(*head->header("x-thing") == "a b");
    CHECK(head->contentLength == 12);
    CHECK(head->keepAlive);
    const std::string text = head->forLibrary(5);
    CHECK(text.find("Content-Length: 12\r\n") != std::string::npos);
    CHECK(text.find("X-Facet-Connection: 5\r\n") != std::string::npos);
    CHECK(text.find("X-Thing") == std::string::npos);
    CHECK(text.substr(text.size() - 4) == "\r\n\r\n");
}

TEST_CASE("keep-alive as asked for") {
    CHECK_FALSE(parse("GET / HTTP/1.1\r\nConnection: Close\r\n")->keepAlive);
    CHECK_FALSE(parse("GET / HTTP/1.0\r\n")->keepAlive);
    CHECK(parse("GET / HTTP/1.1\r\n")->keepAlive);
}

TEST_CASE("everything ambiguous or malformed is refused") {
    for (const char *lines : {
             "",
             "GET\r\n",
             "GET /\r\n",
             "GET / HTTP/2.0\r\n",
             "GET / HTTP/1.1 x\r\n",
             "BREW / HTTP/1.1\r\n",
             "get / HTTP/1.1\r\n",
             "GET x HTTP/1.1\r\n",
             "GET http://a/ HTTP/1.1\r\n",
             "GET /\x01 HTTP/1.1\r\n",
             "GET /\xC3\xA4 HTTP/1.1\r\n",
             "GET / HTTP/1.1\r\nno colon\r\n",
             "GET / HTTP/1.1\r\n: empty\r\n",
             "GET / HTTP/1.1\r\nA : space\r\n",
             "GET / HTTP/1.1\r\nA: b\r\n folded\r\n",
             "GET / HTTP/1.1\r\nA: b\nC: d\r\n",
             "GET / HTTP/1.1\r\nA: b\x7F\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n",
             "POST / HTTP/1.1\r\nContent-Length: -1\r\n",
             "POST / HTTP/1.1\r\nContent-Length: +1\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n",
             "POST / HTTP/1.1\r\nContent-Length:\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n",
             "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
             "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n",
             "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
             "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n",
             "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
         }) {
        CAPTURE(lines);
        CHECK_FALSE(parse(lines));
    }
    CHECK_FALSE(parseRequestHead("GET / HTTP/1.1\r\nA: b\r\n")); // no empty line
    CHECK_FALSE(parseRequestHead(std::string("GET / HTTP/1.1\r\nA: \0b\r\n\r\n", 26)));
}

TEST_CASE("sizes are limited") {
    CHECK(parse("GET /" + std::string(kMaxTarget, 'a') + " HTTP/1.1\r\n").error().code == ErrorCode::LimitExceeded);
    std::string lines = "GET / HTTP/1.1\r\n";
    for (std::size_t i = 0; i <= kMaxHeaders; ++i) lines += "A: b\r\n";
    CHECK(parse(lines).error().code == ErrorCode::LimitExceeded);
}
