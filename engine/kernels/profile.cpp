#include "kernels/profile.h"

#include <algorithm>
#include <cstring>

namespace facet {

Profile::Row &Profile::row(const char *part, const char *operation, const char *type) noexcept {
    const auto same = [](const char *a, const char *b) { return a == b || std::strcmp(a, b) == 0; };
    for (std::size_t i = 0; i < m_count; ++i) {
        Row &row = m_rows[i];
        if (same(row.operation, operation) && same(row.part, part) && same(row.type, type)) return row;
    }
    if (m_count == kMaxRows) return m_rows.back();
    m_rows[m_count] = {.part = part, .operation = operation, .type = type};
    return m_rows[m_count++];
}

void ProfileScope::begin(const char *name, Kind kind) noexcept {
    m_outer = m_profile->m_open;
    m_part = kind == Kind::Part ? name : (m_outer != nullptr ? m_outer->m_part : "");
    m_operation = kind == Kind::Part ? "other" : name;
    m_profile->m_open = this;
    m_waitAtStart = m_profile->m_wait;
    m_start = Profile::Clock::now();
}

void ProfileScope::work(const char *type, double bytes, double operations) noexcept {
    if (m_profile == nullptr) return;
    const auto known = std::find_if(m_work.begin(), m_work.begin() + m_works,
                                    [type](const Work &work) { return std::strcmp(work.type, type) == 0; });
    const std::size_t at = std::min(static_cast<std::size_t>(known - m_work.begin()), m_work.size() - 1);
    if (at == m_works) {
        m_work[m_works++] = {type, bytes, operations};
    } else {
        m_work[at].bytes += bytes;
        m_work[at].operations += operations;
    }
}

void ProfileScope::end() noexcept {
    const double whole = std::chrono::duration<double>(Profile::Clock::now() - m_start).count();
    const double wholeWait = m_profile->m_wait - m_waitAtStart;
    const double own = whole - m_inner, ownWait = wholeWait - m_innerWait;
    m_profile->m_open = m_outer;
    if (m_outer != nullptr) {
        m_outer->m_inner += whole;
        m_outer->m_innerWait += wholeWait;
    }
    if (m_works == 0) m_work[m_works++] = {"", 0, 0};
    double operations = 0;
    for (std::size_t i = 0; i < m_works; ++i) operations += m_work[i].operations;
    for (std::size_t i = 0; i < m_works; ++i) {
        const double share = operations > 0 ? m_work[i].operations / operations : 1.0 / static_cast<double>(m_works);
        Profile::Row &row = m_profile->row(m_part, m_operation, m_work[i].type);
        ++row.calls;
        row.seconds += own * share;
        row.waitSeconds += ownWait * share;
        row.bytes += m_work[i].bytes;
        row.operations += m_work[i].operations;
    }
}

}  // namespace facet
