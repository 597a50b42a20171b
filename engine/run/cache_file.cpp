#include "run/cache_file.h"

#include "load/byte_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace facet {

namespace {

constexpr char kMagic[9] = "FacetCch";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kFixed = 8 + 4 + 4 + 8 + 8, kSum = 8;
constexpr std::uint64_t kMaxHead = 16U << 20U;

Error unreadable(const char *message, const std::string &file) {
    return {ErrorCode::FileUnreadable, message, {}, file};
}

std::vector<std::byte> fixedPart(CacheFileKind kind, std::uint64_t headBytes, std::uint64_t payloadBytes) {
    HeadWriter writer;
    writer.u32(kVersion);
    writer.u32(static_cast<std::uint32_t>(kind));
    writer.u64(headBytes);
    writer.u64(payloadBytes);
    std::vector<std::byte> out(8);
    std::memcpy(out.data(), kMagic, 8);
    out.insert(out.end(), writer.bytes().begin(), writer.bytes().end());
    return out;
}

bool put(std::ostream &file, std::span<const std::byte> bytes) {
    file.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file.good();
}

bool get(std::istream &file, std::span<std::byte> bytes) {
    file.read(reinterpret_cast<char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return file.good() && file.gcount() == static_cast<std::streamsize>(bytes.size());
}

std::vector<std::byte> sumBytes(std::uint64_t value) {
    HeadWriter writer;
    writer.u64(value);
    return {writer.bytes().begin(), writer.bytes().end()};
}

}  // namespace

void Checksum::word(std::uint64_t value) noexcept {
    m_state = std::rotl((m_state ^ value) * 0xBF58476D1CE4E5B9U, 29) * 0x94D049BB133111EBU + 0x2545F4914F6CDD1DU;
}

void Checksum::add(std::span<const std::byte> bytes) noexcept {
    m_count += bytes.size();
    std::size_t at = 0;
    const auto one = [&] {
        m_partial |= std::to_integer<std::uint64_t>(bytes[at++]) << (8U * m_partialBytes);
        if (++m_partialBytes < 8) return;
        word(m_partial);
        m_partial = 0;
        m_partialBytes = 0;
    };
    while (at < bytes.size() && m_partialBytes > 0) one();
    if constexpr (std::endian::native == std::endian::little) {
        for (; bytes.size() - at >= 8; at += 8) {
            std::uint64_t value = 0;
            std::memcpy(&value, bytes.data() + at, 8);
            word(value);
        }
    }
    while (at < bytes.size()) one();
}

std::uint64_t Checksum::value() const noexcept {
    Checksum end = *this;
    end.word(m_partial);
    end.word(m_count);
    return end.m_state ^ (end.m_state >> 31U);
}

void HeadWriter::number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) m_bytes.push_back(static_cast<std::byte>((value >> (8 * i)) & 255U));
}

void HeadWriter::text(const std::string &value) {
    u32(static_cast<std::uint32_t>(value.size()));
    for (const char c : value) m_bytes.push_back(static_cast<std::byte>(c));
}

Result<CacheFileWriter> CacheFileWriter::create(const std::string &path, CacheFileKind kind,
                                                std::span<const std::byte> head, std::uint64_t payloadBytes) {
    CacheFileWriter writer(path, payloadBytes);
    writer.m_file.open(writer.temporary(), std::ios::binary | std::ios::trunc);
    std::error_code ignored;
    // Conversations are nobody else's business.
    std::filesystem::permissions(writer.temporary(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
    const std::vector<std::byte> fixed = fixedPart(kind, head.size(), payloadBytes);
    Checksum sum;
    sum.add(fixed);
    sum.add(head);
    if (!writer.m_file.good() || !put(writer.m_file, fixed) || !put(writer.m_file, sumBytes(sum.value())) ||
        !put(writer.m_file, head))
        return Error{ErrorCode::FileWriteFailed, "A cache file could not be written.", {}, path};
    return writer;
}

CacheFileWriter::~CacheFileWriter() {
    if (!m_file.is_open()) return;
    m_file.close();
    std::error_code ignored;
    std::filesystem::remove(temporary(), ignored);
}

bool CacheFileWriter::write(std::span<const std::byte> bytes) {
    if (bytes.size() > m_left) return false;
    m_left -= bytes.size();
    m_checksum.add(bytes);
    return put(m_file, bytes);
}

Status CacheFileWriter::commit() {
    const Error failed{ErrorCode::FileWriteFailed, "A cache file could not be written.", {}, m_path};
    if (m_left != 0 || !put(m_file, sumBytes(m_checksum.value()))) return failed;
    m_file.flush();
    if (!m_file.good()) return failed;
    m_file.close();
    std::error_code error;
    std::filesystem::rename(temporary(), m_path, error);
    if (!error) return ok();
    std::filesystem::remove(temporary(), error);
    return failed;
}

Result<CacheFileReader> CacheFileReader::open(const std::string &path, CacheFileKind kind) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        return Error{ErrorCode::FileNotFound, "There is no such cache file.", {}, path};
    return open(std::make_unique<std::ifstream>(path, std::ios::binary), kind, path);
}

Result<CacheFileReader> CacheFileReader::open(std::unique_ptr<std::istream> file, CacheFileKind kind,
                                              const std::string &name) {
    file->seekg(0, std::ios::end);
    const std::streamoff end = file->tellg();
    file->seekg(0);
    if (!file->good() || end < 0) return unreadable("The cache file could not be read.", name);
    std::array<std::byte, kFixed + kSum> fixed{};
    if (static_cast<std::uint64_t>(end) < fixed.size() + kSum || !get(*file, fixed) ||
        std::memcmp(fixed.data(), kMagic, 8) != 0)
        return unreadable("This is not a cache file of Facet.", name);
    ByteReader reader(std::span<const std::byte>(fixed).subspan(8));
    const std::uint32_t version = *reader.u32(), stored = *reader.u32();
    const std::uint64_t headBytes = *reader.u64(), payloadBytes = *reader.u64(), sum = *reader.u64();
    if (version != kVersion) return unreadable("The cache file was written by another version of Facet.", name);
    if (stored != static_cast<std::uint32_t>(kind)) return unreadable("The cache file holds something else.", name);
    const std::uint64_t rest = static_cast<std::uint64_t>(end) - fixed.size() - kSum;
    if (headBytes > kMaxHead || headBytes > rest || payloadBytes != rest - headBytes)
        return unreadable("The cache file is cut short or longer than it says.", name);

    CacheFileReader out;
    out.m_head.resize(static_cast<std::size_t>(headBytes));
    Checksum checksum;
    checksum.add(std::span<const std::byte>(fixed).first(kFixed));
    if (!get(*file, out.m_head)) return unreadable("The cache file could not be read.", name);
    checksum.add(out.m_head);
    if (checksum.value() != sum) return unreadable("The cache file is damaged.", name);
    out.m_file = std::move(file);
    out.m_payloadBytes = out.m_left = payloadBytes;
    return out;
}

bool CacheFileReader::read(std::span<std::byte> into) {
    if (into.size() > m_left || !get(*m_file, into)) return false;
    m_left -= into.size();
    m_checksum.add(into);
    return true;
}

bool CacheFileReader::intact() {
    std::array<std::byte, kSum> stored{};
    if (m_left != 0 || !get(*m_file, stored)) return false;
    return *ByteReader(stored).u64() == m_checksum.value();
}

}  // namespace facet
