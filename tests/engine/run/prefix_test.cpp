#include "run/session.h"

#include <doctest/doctest.h>

using namespace facet;

namespace {

SoftSpan span(std::int64_t first, std::int64_t count, std::string key) {
    return {SoftSpan::Kind::Image, first, count, nullptr, nullptr, std::move(key)};
}

}  // namespace

TEST_CASE("the common prefix ends where the ids differ and never takes the whole prompt") {
    SessionState session;
    session.ids = {2, 5, 6, 7, 8};
    BuiltPrompt prompt;
    prompt.ids = {2, 5, 6, 9, 8};
    CHECK(commonPrefix(session, prompt) == 3);
    prompt.ids = {2, 5, 6, 7, 8};
    CHECK(commonPrefix(session, prompt) == 4);
    prompt.ids = {2, 5};
    CHECK(commonPrefix(session, prompt) == 1);
    prompt.ids = {3};
    CHECK(commonPrefix(session, prompt) == 0);
}

TEST_CASE("a picture is reused only if it is the same one, and only as a whole") {
    SessionState session;
    session.ids = {2, 10, 11, 11, 11, 12, 5, 6};
    session.spans = {span(2, 3, "cat")};
    BuiltPrompt prompt;
    prompt.ids = {2, 10, 11, 11, 11, 12, 7};
    prompt.spans = {span(2, 3, "cat")};
    CHECK(commonPrefix(session, prompt) == 6);
    prompt.spans = {span(2, 3, "dog")};
    CHECK(commonPrefix(session, prompt) == 2);
    prompt.spans = {span(2, 3, "")};  // contents unknown: never equal
    CHECK(commonPrefix(session, prompt) == 2);
    session.ids.resize(4);  // the cache ends inside the picture
    prompt.spans = {span(2, 3, "cat")};
    CHECK(commonPrefix(session, prompt) == 2);
}
