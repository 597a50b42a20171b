// Which mappings the handler of facet/file_guard.h answers for, and which of them have lost pages.
#pragma once

#include <atomic>
#include <cstddef>

namespace facet {

// One mapping's place in the guard's table, for as long as the mapping lives: made behind mmap, gone before munmap.
// When the table is full the mapping simply is not guarded.
class GuardedMapping {
public:
    GuardedMapping(void *begin, std::size_t bytes) noexcept;
    ~GuardedMapping();
    GuardedMapping(const GuardedMapping &) = delete;
    GuardedMapping &operator=(const GuardedMapping &) = delete;

    // Whether some page of it could not be read and was replaced by zeros. Stays true.
    bool lost() const noexcept;

private:
    struct Place;
    friend struct GuardTable;
    Place *m_place = nullptr;
};

} // namespace facet
