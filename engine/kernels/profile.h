// Where the time of passes goes: per part of the model and kind of operation, with the bytes and operations that belong
// to it. A pass is measured by who puts a Profile into its Exec; without one a scope costs a comparison.
//
//     Profile profile;
//     exec.profile = &profile;
//     exec.pool->watch(&profile);           // also: how long threads waited for each other
//     model.forward(exec, segments);
//     for (const Profile::Row &row : profile.rows()) ...
//
// One thread (the one that runs the pass) uses a Profile; the pool hands in what its workers measured.
#pragma once

#include "kernels/tensor.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace facet {

class ProfileScope;

class Profile {
public:
    using Clock = std::chrono::steady_clock;

    struct Row {
        const char *part = "";       // of the model: "attention", "feed-forward", "head", ..
        const char *operation = "";  // "matmul", "norm", ..; "other": what lies between the operations of the part
        const char *type = "";       // stored type of the weights or of the cache; may be empty
        std::uint64_t calls = 0;
        double seconds = 0;          // without scopes inside
        double waitSeconds = 0;      // of it: mean time that a thread had nothing to do
        double bytes = 0;            // weights, or keys and values, read at least once
        double operations = 0;       // 2 x multiply-adds
    };

    // In the order of their first use.
    std::span<const Row> rows() const noexcept { return {m_rows.data(), m_count}; }
    void clear() noexcept { m_count = 0; }
    // From the pool: time that the threads lost in a parallelFor, mean over the threads.
    void addWait(double seconds) noexcept { m_wait += seconds; }

private:
    friend class ProfileScope;
    static constexpr std::size_t kMaxRows = 256;  // far above what models have; what comes later joins the last row
    Row &row(const char *part, const char *operation, const char *type) noexcept;

    std::array<Row, kMaxRows> m_rows;
    std::size_t m_count = 0;
    double m_wait = 0;
    ProfileScope *m_open = nullptr;  // innermost
};

// Measures from here to the end of the block. Names must be literals.
class ProfileScope {
public:
    enum class Kind : std::uint8_t { Operation, Part };
    ProfileScope(Profile *profile, const char *name, Kind kind = Kind::Operation) noexcept : m_profile(profile) {
        if (m_profile != nullptr) begin(name, kind);
    }
    ~ProfileScope() {
        if (m_profile != nullptr) end();
    }
    ProfileScope(const ProfileScope &) = delete;
    ProfileScope &operator=(const ProfileScope &) = delete;

    bool measures() const noexcept { return m_profile != nullptr; }
    // What the scope does, by type; the time of a scope with several types is shared by their operations.
    void work(const char *type, double bytes, double operations) noexcept;
    void matmul(const Matrix &w, std::int64_t tokens) noexcept {
        if (m_profile == nullptr) return;
        const auto values = static_cast<double>(w.rows) * static_cast<double>(w.cols);
        work(tensorTypeName(w.type), static_cast<double>(rowBytes(w.type, w.cols)) * static_cast<double>(w.rows),
             2 * values * static_cast<double>(tokens));
    }

private:
    struct Work {
        const char *type;
        double bytes, operations;
    };
    void begin(const char *name, Kind kind) noexcept;
    void end() noexcept;

    Profile *m_profile;
    ProfileScope *m_outer = nullptr;
    const char *m_part = "";
    const char *m_operation = "";
    Profile::Clock::time_point m_start;
    double m_waitAtStart = 0;
    double m_inner = 0, m_innerWait = 0;  // of scopes inside
    std::array<Work, 4> m_work{};
    std::size_t m_works = 0;
};

// The operations inside belong to this part of the model.
class ProfilePart : public ProfileScope {
public:
    ProfilePart(Profile *profile, const char *name) noexcept : ProfileScope(profile, name, Kind::Part) {}
};

}  // namespace facet
