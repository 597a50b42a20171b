#include "host/multipart.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

namespace {
const std::string kType = "multipart/form-data; boundary=XX";
}

TEST_CASE("parts with their names and bytes") {
    const std::string body = "--XX\r\nContent-Disposition: form-data; name=\"file\"; "
                             "filename=\"a;\\\"b.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
                             "\r\n--X\r\nbytes\r\n"
                             "--XX\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--XX--\r\n";
    const auto form = parseMultipart("Multipart/Form-Data; charset=x; boundary=\"XX\"", body);
    REQUIRE(form);
    REQUIRE(form->parts.size() == 2);
    CHECK(form->find("file")->fileName == "a;\"b.wav");
    CHECK(form->find("file")->content == "\r\n--X\r\nbytes");
    CHECK(form->find("model")->content == "m");
    CHECK(form->find("other") == nullptr);
}

TEST_CASE("an empty value and a preamble are fine") {
    const auto form =
        parseMultipart(kType, "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--XX--");
    REQUIRE(form);
    CHECK(form->find("a")->content.empty());
}

TEST_CASE("what is no form is refused") {
    CHECK_FALSE(parseMultipart("application/json", "{}"));
    CHECK_FALSE(parseMultipart("multipart/form-data", "--XX--"));
    CHECK_FALSE(parseMultipart("multipart/form-data; boundary=" + std::string(71, 'x'), ""));
    for (const char *body :
         {"", "--XX", "--XXjunk", "no boundary", "x--XX\r\n", "--XX\r\n", "--XX\r\n\r\n",
          "--XX\r\nno colon\r\n\r\nv\r\n--XX--", "--XX\r\nContent-Disposition: form-data\r\n\r\nv\r\n--XX--",
          "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut short"}) {
        CAPTURE(body);
        CHECK_FALSE(parseMultipart(kType, body));
    }
}

TEST_CASE("the number of parts and the size of their heads are limited") {
    std::string body;
    for (int i = 0; i < 65; ++i) body += "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n";
    const auto form = parseMultipart(kType, body + "--XX--");
    REQUIRE_FALSE(form);
    CHECK(form.error().code == ErrorCode::LimitExceeded);
    CHECK_FALSE(parseMultipart(kType, "--XX\r\nX: " + std::string(10'000, 'x') +
                                          "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--XX--"));
}
