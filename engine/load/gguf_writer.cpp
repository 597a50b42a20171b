#include "load/gguf_writer.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kAlignment = 32; // the default of readers; stating it is not needed

template <typename T>
void append(std::string &out, T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof value);
    out.append(raw, sizeof raw);
}

void appendText(std::string &out, std::string_view text) {
    append(out, static_cast<std::uint64_t>(text.size()));
    out.append(text);
}

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct CloseFile {
    void operator()(std::FILE *file) const noexcept { std::fclose(file); }
};

} // namespace

void GgufMetadata::begin(std::string_view key, GgufType type) {
    appendText(m_bytes, key);
    append(m_bytes, static_cast<std::uint32_t>(type));
    ++m_count;
}

void GgufMetadata::beginArray(std::string_view key, GgufType element, std::uint64_t count) {
    begin(key, GgufType::Array);
    append(m_bytes, static_cast<std::uint32_t>(element));
    append(m_bytes, count);
}

void GgufMetadata::text(std::string_view key, std::string_view value) {
    begin(key, GgufType::String);
    appendText(m_bytes, value);
}
void GgufMetadata::u32(std::string_view key, std::uint32_t value) {
    begin(key, GgufType::U32);
    m_numbers.insert_or_assign(std::string(key), m_bytes.size());
    append(m_bytes, value);
}
void GgufMetadata::replace(std::string_view key, std::uint32_t value) {
    const auto found = m_numbers.find(key);
    if (found != m_numbers.end()) std::memcpy(m_bytes.data() + found->second, &value, sizeof value);
}
void GgufMetadata::i32(std::string_view key, std::int32_t value) {
    begin(key, GgufType::I32);
    append(m_bytes, value);
}
void GgufMetadata::f32(std::string_view key, float value) {
    begin(key, GgufType::F32);
    append(m_bytes, value);
}
void GgufMetadata::boolean(std::string_view key, bool value) {
    begin(key, GgufType::Bool);
    append(m_bytes, static_cast<std::uint8_t>(value ? 1 : 0));
}
void GgufMetadata::texts(std::string_view key, const std::vector<std::string> &values) {
    beginArray(key, GgufType::String, values.size());
    for (const std::string &value : values) appendText(m_bytes, value);
}
void GgufMetadata::i32s(std::string_view key, const std::vector<std::int32_t> &values) {
    beginArray(key, GgufType::I32, values.size());
    for (const std::int32_t value : values) append(m_bytes, value);
}
void GgufMetadata::f32s(std::string_view key, const std::vector<float> &values) {
    beginArray(key, GgufType::F32, values.size());
    for (const float value : values) append(m_bytes, value);
}
void GgufMetadata::booleans(std::string_view key, const std::vector<bool> &values) {
    beginArray(key, GgufType::Bool, values.size());
    for (const bool value : values) append(m_bytes, static_cast<std::uint8_t>(value ? 1 : 0));
}

void GgufMetadata::copy(std::string_view key, const GgufValue &value) {
    const auto *raw = reinterpret_cast<const char *>(value.bytes.data());
    if (value.type == GgufType::Array) beginArray(key, value.element, value.count);
    else begin(key, value.type);
    if (value.type == GgufType::String) append(m_bytes, static_cast<std::uint64_t>(value.bytes.size()));
    m_bytes.append(raw, value.bytes.size());
}

std::uint64_t GgufOutput::bytes() const {
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
    return static_cast<std::uint64_t>(rows * rowBytes(type, shape.empty() ? 1 : shape.back()));
}

std::uint64_t ggufFileBytes(const GgufMetadata &metadata, const std::vector<GgufOutput> &tensors) {
    constexpr std::uint64_t kFixed = 4 + 4 + 8 + 8;          // magic, version, two counts
    constexpr std::uint64_t kOfTensor = 8 + 4 + 4 + 8;       // length of the name, dimensions, type, offset
    std::uint64_t head = kFixed + metadata.bytes().size(), data = 0;
    for (const GgufOutput &tensor : tensors) {
        head += kOfTensor + tensor.name.size() + 8 * tensor.shape.size();
        data += aligned(tensor.bytes());
    }
    return aligned(head) + data;
}

struct GgufWriter::State {
    std::string path, partial;
    std::unique_ptr<std::FILE, CloseFile> file;
    std::vector<std::uint64_t> sizes; // of the tensors
    std::size_t tensor = 0;           // that is being written
    std::uint64_t inTensor = 0;       // bytes of it
    std::uint64_t position = 0;       // of the file
    bool finished = false;

    ~State() {
        file.reset();
        std::error_code ignored;
        if (!finished) fs::remove(partial, ignored);
    }

    Error failed(int number) const {
        const bool full = number == ENOSPC;
        return {full ? ErrorCode::DiskFull : ErrorCode::FileWriteFailed,
                full ? "There is no room left to write the model; free some space or choose another disk."
                     : "The model file cannot be written; check the folder and its permissions.",
                std::strerror(number), path};
    }
    Status put(const void *data, std::size_t bytes) {
        errno = 0;
        if (bytes != 0 && std::fwrite(data, 1, bytes, file.get()) != bytes) return failed(errno);
        position += bytes;
        return ok();
    }
    Status pad() {
        constexpr char zeros[kAlignment] = {};
        return put(zeros, static_cast<std::size_t>(aligned(position) - position));
    }
};

GgufWriter::GgufWriter(std::unique_ptr<State> state) : m_state(std::move(state)) {}
GgufWriter::GgufWriter(GgufWriter &&) noexcept = default;
GgufWriter &GgufWriter::operator=(GgufWriter &&) noexcept = default;
GgufWriter::~GgufWriter() = default;

Result<GgufWriter> GgufWriter::create(const std::string &path, bool overwrite, const GgufMetadata &metadata,
                                      const std::vector<GgufOutput> &tensors) {
    std::error_code ignored;
    if (!overwrite && fs::exists(path, ignored)) {
        return Error{ErrorCode::InvalidArgument,
                     "There is a file of this name already; choose another name or allow to replace it.",
                     {},
                     path};
    }
    std::string head = "GGUF";
    append(head, std::uint32_t{3});
    append(head, static_cast<std::uint64_t>(tensors.size()));
    append(head, metadata.count());
    head += metadata.bytes();
    std::uint64_t offset = 0;
    auto state = std::make_unique<State>();
    for (const GgufOutput &tensor : tensors) {
        appendText(head, tensor.name);
        append(head, static_cast<std::uint32_t>(tensor.shape.size()));
        for (auto side = tensor.shape.rbegin(); side != tensor.shape.rend(); ++side)
            append(head, static_cast<std::uint64_t>(*side));
        append(head, static_cast<std::uint32_t>(tensor.type));
        append(head, offset);
        state->sizes.push_back(tensor.bytes());
        offset += aligned(state->sizes.back());
    }
    state->path = path;
    state->partial = path + ".partial";
    errno = 0;
    state->file.reset(std::fopen(state->partial.c_str(), "wb"));
    if (!state->file) return state->failed(errno);
    FACET_CHECK(state->put(head.data(), head.size()));
    FACET_CHECK(state->pad());
    return GgufWriter(std::move(state));
}

Status GgufWriter::write(std::span<const std::byte> bytes) {
    State &s = *m_state;
    while (!bytes.empty()) {
        if (s.tensor == s.sizes.size())
            return Error{ErrorCode::Internal, "More data than the tensors of the file take.", {}, s.path};
        const std::uint64_t rest = s.sizes[s.tensor] - s.inTensor;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(rest, bytes.size()));
        FACET_CHECK(s.put(bytes.data(), count));
        bytes = bytes.subspan(count);
        s.inTensor += count;
        if (s.inTensor == s.sizes[s.tensor]) {
            FACET_CHECK(s.pad());
            ++s.tensor;
            s.inTensor = 0;
        }
    }
    return ok();
}

Result<std::uint64_t> GgufWriter::finish() {
    State &s = *m_state;
    if (s.tensor != s.sizes.size())
        return Error{ErrorCode::Internal, "The tensors of the file are not complete.", {}, s.path};
    errno = 0;
    bool good = std::fflush(s.file.get()) == 0;
#if !defined(_WIN32)
    good = good && ::fsync(::fileno(s.file.get())) == 0;
#endif
    if (!good) return s.failed(errno);
    if (std::fclose(s.file.release()) != 0) return s.failed(errno);
    std::error_code problem;
    fs::rename(s.partial, s.path, problem);
    if (problem) return s.failed(problem.value());
    s.finished = true;
    return s.position;
}

} // namespace facet
