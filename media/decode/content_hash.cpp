#include "content_hash.h"

#include "facet/media/decode.h"
#include "input_stream.h"

#include <array>
#include <fstream>
#include <memory>
#include <openssl/evp.h>

namespace facet::media {

namespace {

class Sha256 {
public:
    Sha256() : m_context(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        if (m_context) EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr);
    }
    void add(const void *data, std::size_t size) {
        if (m_context) EVP_DigestUpdate(m_context.get(), data, size);
    }
    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        if (!m_context || EVP_DigestFinal_ex(m_context.get(), digest.data(), &length) != 1) return {};
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            text += "0123456789abcdef"[digest[i] >> 4];
            text += "0123456789abcdef"[digest[i] & 15];
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> m_context;
};

} // namespace

std::string sha256Hex(std::span<const std::uint8_t> bytes) {
    Sha256 hash;
    hash.add(bytes.data(), bytes.size());
    return hash.hex();
}

std::string sha256Hex(std::string_view text) {
    Sha256 hash;
    hash.add(text.data(), text.size());
    return hash.hex();
}

Result<std::string> contentHashOf(const Source &source, const CancelToken &cancel) {
    if (!source.bytes.empty() || source.path.empty()) return sha256Hex(std::span<const std::uint8_t>(source.bytes));
    FACET_TRY(size, sizeOf(source)); // refuses what is not a regular file
    std::ifstream file(source.path, std::ios::binary);
    std::vector<char> block(1 << 20);
    Sha256 hash;
    std::uint64_t done = 0;
    while (done < size && file) {
        if (cancel.cancelled())
            return Error{
                .code = ErrorCode::Cancelled, .message = "Reading the file was cancelled.", .file = source.path};
        file.read(block.data(), static_cast<std::streamsize>(block.size()));
        hash.add(block.data(), static_cast<std::size_t>(file.gcount()));
        done += static_cast<std::uint64_t>(file.gcount());
    }
    if (done < size)
        return Error{.code = ErrorCode::FileUnreadable,
                     .message = "The file cannot be read.",
                     .file = source.path,
                     .offset = done};
    return hash.hex();
}

} // namespace facet::media
