#include "kernels/profile.h"

#include "kernels/ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace facet;

namespace {

const Profile::Row *find(const Profile &profile, const std::string &part, const std::string &operation, const std::string &type = {}) {
    const auto rows = profile.rows();
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const Profile::Row &row) {
        return part == row.part && operation == row.operation && (type.empty() || type == row.type);
    });
    return at == rows.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("profile: scopes belong to their part, and time counts once") {
    Profile profile;
    {
        const ProfilePart pass(&profile, "pass");
        for (int i = 0; i < 3; ++i) {
            const ProfilePart part(&profile, "layer");
            ProfileScope outer(&profile, "outer");
            outer.work("Q4_0", 10, 20);
            const ProfileScope inner(&profile, "inner");
        }
    }
    REQUIRE(profile.rows().size() == 4);
    const Profile::Row *outer = find(profile, "layer", "outer"), *inner = find(profile, "layer", "inner");
    REQUIRE(outer != nullptr);
    REQUIRE(inner != nullptr);
    CHECK(find(profile, "layer", "other") != nullptr);
    CHECK(find(profile, "pass", "other")->calls == 1);
    CHECK(outer->calls == 3);
    CHECK(inner->calls == 3);
    CHECK(std::string(outer->type) == "Q4_0");
    CHECK(outer->bytes == 30);
    CHECK(outer->operations == 60);
    for (const Profile::Row &row : profile.rows()) CHECK(row.seconds >= 0);
    profile.clear();
    CHECK(profile.rows().empty());
}

TEST_CASE("profile: without one a scope is nothing") {
    ProfileScope scope(nullptr, "nothing");
    CHECK_FALSE(scope.measures());
    scope.work("F32", 1, 1);
}

TEST_CASE("profile: several types of one scope share its time by their operations") {
    Profile profile;
    {
        ProfileScope scope(&profile, "matmul");
        scope.work("Q4_K", 1, 300);
        scope.work("Q6_K", 1, 100);
        scope.work("Q4_K", 1, 0);
    }
    const Profile::Row *first = find(profile, "", "matmul", "Q4_K"), *second = find(profile, "", "matmul", "Q6_K");
    REQUIRE(first != nullptr);
    REQUIRE(second != nullptr);
    CHECK(first->bytes == 2);
    CHECK(first->seconds == doctest::Approx(3 * second->seconds));
}

TEST_CASE("profile: more rows than there is room for join the last") {
    std::vector<std::string> names;
    for (int i = 0; i < 400; ++i) names.push_back("operation " + std::to_string(i));
    Profile profile;
    for (const std::string &name : names) ProfileScope(&profile, name.c_str()).work("F32", 1, 0);
    double bytes = 0;
    for (const Profile::Row &row : profile.rows()) bytes += row.bytes;
    CHECK(profile.rows().size() < names.size());
    CHECK(bytes == 400);
}

TEST_CASE("profile: a linear layer gives its work, and the same results as without") {
    const std::int64_t rows = 96, cols = 64, tokens = 3;
    std::vector<float> weights(static_cast<std::size_t>(rows * cols)), x(static_cast<std::size_t>(tokens * cols));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 13) - 6.0F;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3.0F;
    Matrix w;
    w.rows = rows;
    w.cols = cols;
    w.data = std::as_bytes(std::span<const float>(weights)).data();
    for (const int threads : {1, 2}) {
        WorkerPool pool(threads);
        Exec exec;
        exec.kernels = &kernelsFor(InstructionSet::Auto);
        exec.pool = &pool;
        std::vector<float> plain(static_cast<std::size_t>(tokens * rows)), measured(plain.size());
        linear(exec, w, x.data(), tokens, plain.data());
        Profile profile;
        exec.profile = &profile;
        pool.watch(&profile);
        linear(exec, w, x.data(), tokens, measured.data());
        pool.watch(nullptr);
        CHECK(plain == measured);
        const Profile::Row *row = find(profile, "", "matmul", "F32");
        REQUIRE(row != nullptr);
        CHECK(row->bytes == static_cast<double>(rows * cols * 4));
        CHECK(row->operations == static_cast<double>(2 * rows * cols * tokens));
        CHECK(row->waitSeconds >= 0);
        CHECK(row->waitSeconds <= row->seconds);
    }
}
