// Files that are cut short while they are mapped, with and without the guard. What ends a program is tried in a child.
#include "load/mapped_file.h"
#include "load_support.h"

#include "facet/file_guard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

constexpr std::size_t kPage = 4096, kPages = 64;

std::string pagesOfLetters(const TemporaryFolder &folder, const std::string &name) {
    return folder.write(name, std::string(kPage * kPages, 'x'));
}

// Touches a page behind the end of a file that nobody registered.
void touchForeignMapping(const std::string &path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void *memory = ::mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED || ::truncate(path.c_str(), 0) != 0) ::_exit(99);
    ::_exit(*static_cast<const volatile char *>(memory) == 0 ? 98 : 97);
}

// How a child that does this ends.
template <typename Function>
int statusOf(Function function) {
    const pid_t child = ::fork();
    if (child == 0) {
        function();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}

} // namespace

// First of this file: the children install the guard over handlers of their own.
TEST_CASE("everything else that raises the signal is as it was without the guard") {
    const TemporaryFolder folder;
    const std::string path = pagesOfLetters(folder, "foreign");
    int status = statusOf([&] {
        ::signal(SIGBUS, SIG_DFL);
        guardMappedFiles();
        touchForeignMapping(path);
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGBUS);
    status = statusOf([] {
        ::signal(SIGBUS, SIG_DFL);
        guardMappedFiles();
        ::raise(SIGBUS);
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGBUS);
    pagesOfLetters(folder, "foreign");
    status = statusOf([&] {
        ::signal(SIGBUS, [](int) { ::_exit(7); });
        guardMappedFiles();
        touchForeignMapping(path);
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("what was cut off a mapped file reads as zeros, and the file counts as damaged") {
    REQUIRE(guardMappedFiles());
    REQUIRE(guardMappedFiles());
    const TemporaryFolder folder;
    const std::string path = pagesOfLetters(folder, "cut"), whole = pagesOfLetters(folder, "whole");
    auto file = MappedFile::open(path);
    const auto other = MappedFile::open(whole);
    REQUIRE(file);
    REQUIRE(other);
    std::filesystem::resize_file(path, 2 * kPage);
    // From several threads at once, as the workers of a pass do.
    std::vector<std::thread> threads;
    std::vector<std::size_t> zeros(4);
    for (std::size_t t = 0; t < zeros.size(); ++t) {
        threads.emplace_back([&, t] {
            const auto bytes = file->bytes();
            zeros[t] = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), std::byte{0}));
        });
    }
    for (std::thread &thread : threads) thread.join();
    for (const std::size_t count : zeros) CHECK(count == kPage * (kPages - 2));
    const Status status = file->stillIntact();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::ModelFileCorrupt);
    CHECK(status.error().describe().find(path) != std::string::npos);
    CHECK(other->stillIntact());
    CHECK(std::count(other->bytes().begin(), other->bytes().end(), std::byte{'x'}) == kPage * kPages);

    // Its old size and time do not bring it back.
    const auto time = std::filesystem::last_write_time(whole);
    std::filesystem::resize_file(path, kPage * kPages);
    std::filesystem::last_write_time(path, time);
    CHECK_FALSE(file->stillIntact());
    // A place in the table is used again by files that have lost nothing.
    file = MappedFile::open(path);
    REQUIRE(file);
    CHECK(file->stillIntact());
}
