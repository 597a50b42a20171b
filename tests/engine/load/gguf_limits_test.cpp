// Lying GGUF headers are refused within 64 MB and two seconds of computing, tried in a child that is given no more.
#include "gguf_support.h"
#include "load_support.h"

#include "load/gguf_checkpoint.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

std::uint64_t addressSpaceBytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    file >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// In a child: 0 refused with a sentence, 1 taken, 2 refused without one.
int verdict(const std::string &path) {
    const auto checkpoint = openCheckpoint(path);
    if (checkpoint) return 1;
    return checkpoint.error().describe().empty() ? 2 : 0;
}

// The exit code; 128 + signal when it was ended.
int inChild(const std::string &path) {
    const std::uint64_t now = addressSpaceBytes();
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit memory{now + (64U << 20U), now + (64U << 20U)}, seconds{2, 2};
        if (::setrlimit(RLIMIT_AS, &memory) != 0 || ::setrlimit(RLIMIT_CPU, &seconds) != 0) ::_exit(99);
        ::_exit(verdict(path));
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
}

} // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("no number of a header makes loading take memory or time") {
    const TemporaryFolder folder;
    const std::string good = smallGemma3().finish();
    const auto parsed = parseGguf(good);
    REQUIRE(parsed);
    // Every byte of the header as the begin of a number that lies: whatever field it hits, counts of tensors, keys,
    // elements and letters, dimensions, offsets and types among them.
    int tried = 0, taken = 0;
    for (std::size_t at = 8; at + 8 <= parsed->headerBytes(); at += at < 400 ? 4 : 12) {
        for (const std::uint64_t lie : {UINT64_MAX, std::uint64_t{1} << 62U, std::uint64_t{1} << 31U, std::uint64_t{3'000'000}}) {
            if ((at / 4 + lie) % 3 != 0 && at > 64) continue; // a third of them is enough
            std::string bad = good;
            const std::string digits = number(lie, lie > UINT32_MAX ? 8 : 4);
            bad.replace(at, digits.size(), digits);
            INFO("byte ", at, ", ", lie);
            const int code = inChild(folder.write("lying.gguf", bad));
            CHECK((code == 0 || code == 1));
            ++tried;
            taken += code == 1 ? 1 : 0;
        }
    }
    CHECK(tried > 100);
    CHECK(taken < tried / 2); // letters of texts and values that nobody checks
    // Arrays and texts that claim more than the file has, and a file that ends inside its data.
    for (const std::uint32_t type : {0U, 4U, 6U, 8U, 9U, 10U, 12U}) {
        for (const std::uint64_t count : {std::uint64_t{2'000'000}, std::uint64_t{1} << 40U, UINT64_MAX}) {
            GgufText text = smallGemma3();
            text.pair("list", 9, number(type, 4) + number(count, 8));
            CHECK(inChild(folder.write("array.gguf", text.finish())) == 0);
        }
    }
    for (std::size_t size : {std::size_t{0}, std::size_t{20}, good.size() / 2, good.size() - 1})
        CHECK(inChild(folder.write("cut.gguf", good.substr(0, size))) == 0);
}
#endif
