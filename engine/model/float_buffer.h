// Scratch floats that are written before they are read: no zeroing, room is kept between uses.
#pragma once

#include <cstdint>
#include <memory>

namespace facet {

class FloatBuffer {
public:
    // Content is lost when it grows. Throws std::bad_alloc.
    float *resize(std::int64_t count) {
        if (count > m_room) {
            m_values.reset();
            m_room = 0;
            m_values = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(count));
            m_room = count;
        }
        return m_values.get();
    }
    float *data() noexcept { return m_values.get(); }
    const float *data() const noexcept { return m_values.get(); }

private:
    std::unique_ptr<float[]> m_values;
    std::int64_t m_room = 0;
};

} // namespace facet
