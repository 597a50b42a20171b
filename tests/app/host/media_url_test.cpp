#include "host/media_url.h"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace facet;
using namespace facet::host;

namespace {

std::string decoded(std::string_view text) {
    const auto bytes = decodeBase64(text);
    return bytes ? std::string(bytes->begin(), bytes->end()) : std::string("refused");
}

} // namespace

TEST_CASE("base64 by RFC 4648") {
    CHECK(decoded("") == "");
    CHECK(decoded("Zg==") == "f");
    CHECK(decoded("Zm8=") == "fo");
    CHECK(decoded("Zm9v") == "foo");
    CHECK(decoded("Zm9vYmFy") == "foobar");
    CHECK(decoded("+/+/") == std::string("\xfb\xff\xbf"));
}

TEST_CASE("base64 is strict") {
    for (const char *text : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "====", "Zm9v\n", "Zm 9v", "Zm-v", "Zm_v",
                             "Zh==", "Zm9=", "=Zg=", "Z===", "Zm9vZg==Zm9v"}) {
        CAPTURE(text);
        CHECK(decoded(text) == "refused");
    }
}

TEST_CASE("data URLs") {
    const auto source = mediaFromUrl("data:image/png;base64,Zm9v", false);
    REQUIRE(source);
    CHECK(std::string(source->bytes.begin(), source->bytes.end()) == "foo");
    CHECK(mediaFromUrl("DATA:;BASE64,Zm9v", false));
    for (const char *url :
         {"data:image/png,Zm9v", "data:image/png;base64", "data:;base64,", "data:;base64,###", "data:"}) {
        CAPTURE(url);
        CHECK_FALSE(mediaFromUrl(url, true));
    }
    CHECK(mediaFromData("Zm9v"));
    CHECK(mediaFromData("data:audio/wav;base64,Zm9v"));
    CHECK_FALSE(mediaFromData(""));
}

TEST_CASE("addresses in the network are refused with a sentence") {
    const auto source = mediaFromUrl("https://example.com/cat.png", true);
    REQUIRE_FALSE(source);
    CHECK(source.error().code == ErrorCode::InvalidArgument);
    CHECK(source.error().message.find("data: URL") != std::string::npos);
    CHECK_FALSE(mediaFromUrl("ftp://x/y", true));
    CHECK_FALSE(mediaFromUrl("/etc/hostname", true));
    CHECK_FALSE(mediaFromUrl("", true));
}

TEST_CASE("file URLs: only where allowed, only ordinary files") {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("facet media url " + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    const std::filesystem::path file = folder / "a%b.txt";
    std::ofstream(file) << "hello";
    const std::string url = "file://" + folder.parent_path().string() + "/facet%20media%20url%20" +
                            std::to_string(::getpid()) + "/a%25b.txt";

    CHECK_FALSE(mediaFromUrl(url, false));
    const auto source = mediaFromUrl(url, true);
    REQUIRE(source);
    CHECK(source->path == file.string());
    CHECK(mediaFromUrl("file://localhost" + url.substr(7), true));
    CHECK(mediaFromUrl("file:" + url.substr(7), true));

    const auto missing = mediaFromUrl("file://" + (folder / "none").string(), true);
    REQUIRE_FALSE(missing);
    CHECK_FALSE(mediaFromUrl("file://" + folder.string(), true)); // a folder (and a broken escape free path)
    CHECK_FALSE(mediaFromUrl("file:///dev/null", true));
    CHECK_FALSE(mediaFromUrl("file://elsewhere/etc/hostname", true));
    CHECK_FALSE(mediaFromUrl("file:relative", true));
    CHECK_FALSE(mediaFromUrl("file:///tmp/%zz", true));
    CHECK_FALSE(mediaFromUrl("file:///tmp/%00", true));
    const std::string fifo = (folder / "fifo").string();
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const std::string fifoUrl = url.substr(0, url.rfind('/')) + "/fifo";
    const auto pipe = mediaFromUrl(fifoUrl, true); // must not block
    REQUIRE_FALSE(pipe);
    CHECK(pipe.error().code == ErrorCode::FileUnreadable);
    std::filesystem::remove_all(folder);
}
