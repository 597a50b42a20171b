// The files of the cache folder: a head that says what it is, a payload, checksums over both. Written beside the final
// name and renamed, so that a file is whole or not there; a cut, foreign or changed one is refused.
//
//     8 bytes "FacetCch", u32 version, u32 kind, u64 head bytes, u64 payload bytes, u64 checksum of all that and the head,
//     head, payload, u64 checksum of the payload; little endian
#pragma once

#include "facet/result.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace facet {

enum class CacheFileKind : std::uint32_t { Encoded = 1, Conversation = 2 };

// 64 bits over a stream of bytes, whatever pieces they come in. Against accidents, not against forgers.
class Checksum {
public:
    void add(std::span<const std::byte> bytes) noexcept;
    std::uint64_t value() const noexcept;

private:
    void word(std::uint64_t value) noexcept;
    std::uint64_t m_state = 0x9E3779B97F4A7C15U, m_count = 0, m_partial = 0;
    unsigned m_partialBytes = 0;
};

class CacheFileWriter {
public:
    // Errors: FileWriteFailed.
    static Result<CacheFileWriter> create(const std::string &path, CacheFileKind kind, std::span<const std::byte> head,
                                          std::uint64_t payloadBytes);
    CacheFileWriter(CacheFileWriter &&) noexcept = default;
    CacheFileWriter &operator=(CacheFileWriter &&) = delete;
    ~CacheFileWriter();  // takes away what was not committed

    bool write(std::span<const std::byte> bytes);
    Status commit();  // after exactly payloadBytes

private:
    CacheFileWriter(std::string path, std::uint64_t payloadBytes) : m_path(std::move(path)), m_left(payloadBytes) {}
    std::string temporary() const { return m_path + ".part"; }

    std::string m_path;
    std::uint64_t m_left;
    std::ofstream m_file;
    Checksum m_checksum;
};

class CacheFileReader {
public:
    // Errors: FileNotFound, FileUnreadable (foreign, another version, cut short, damaged: the sentence says which).
    static Result<CacheFileReader> open(const std::string &path, CacheFileKind kind);
    static Result<CacheFileReader> open(std::unique_ptr<std::istream> file, CacheFileKind kind, const std::string &name);

    std::span<const std::byte> head() const { return m_head; }
    std::uint64_t payloadBytes() const { return m_payloadBytes; }
    bool read(std::span<std::byte> into);
    // After the whole payload: nothing was changed.
    bool intact();

private:
    std::unique_ptr<std::istream> m_file;
    std::vector<std::byte> m_head;
    std::uint64_t m_payloadBytes = 0, m_left = 0;
    Checksum m_checksum;
};

// Fields of heads.
class HeadWriter {
public:
    void u32(std::uint32_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void text(const std::string &value);
    std::span<const std::byte> bytes() const { return m_bytes; }

private:
    void number(std::uint64_t value, int bytes);
    std::vector<std::byte> m_bytes;
};

}  // namespace facet
