// The header of a GGUF file, checked: "GGUF", version, counts, key/value pairs, tensor table, aligned data.
#include "load/gguf.h"

#include "load/byte_reader.h"

#include <algorithm>
#include <array>

namespace facet {
namespace {

constexpr std::uint64_t kMaxKeys = 16'384;
constexpr std::uint64_t kMaxTensors = 65'536;
constexpr std::uint64_t kMaxNameBytes = 256;
constexpr std::uint64_t kMaxStringBytes = 8'000'000;
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 22U; // of one array: the longest vocabulary
constexpr std::uint64_t kMaxHeaderBytes = 48'000'000;           // real ones take up to 20 MB
constexpr int kMaxArrayDepth = 3;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kMaxDimension = std::uint64_t{1} << 40U;
constexpr std::int64_t kMaxAlignment = 1 << 20;
constexpr std::int64_t kDefaultAlignment = 32;

constexpr std::uint64_t widthOf(GgufType type) {
    switch (type) {
    case GgufType::U8:
    case GgufType::I8:
    case GgufType::Bool: return 1;
    case GgufType::U16:
    case GgufType::I16: return 2;
    case GgufType::U32:
    case GgufType::I32:
    case GgufType::F32: return 4;
    case GgufType::U64:
    case GgufType::I64:
    case GgufType::F64: return 8;
    default: return 0;
    }
}

// Types of tensors that may stand in a file although nothing computes with them, with the size of a block.
struct ListedType {
    std::uint32_t number;
    const char *name;
    std::int64_t values, bytes;
};
constexpr std::array<ListedType, 7> kListedTypes = {{
    {24, "I8", 1, 1},
    {25, "I16", 1, 2},
    {26, "I32", 1, 4},
    {27, "I64", 1, 8},
    {28, "F64", 1, 8},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
}};

bool plainName(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

} // namespace

class GgufParser {
public:
    explicit GgufParser(MappedFile file) : m_reader(file.bytes()) { m_out.m_file = std::move(file); }
    Result<GgufFile> parse();

private:
    Error corrupt(std::string detail, std::uint64_t offset) const {
        return {ErrorCode::ModelFileCorrupt, "The model file is damaged; download it again.", std::move(detail),
                m_out.path(), offset};
    }
    Error corrupt(std::string detail) const { return corrupt(std::move(detail), m_reader.offset()); }
    Error ends(const std::string &where) const {
        return {ErrorCode::ModelFileCorrupt, "The model file ends too early; finish the download or get it again.",
                where, m_out.path(), m_out.bytes().size()};
    }
    Error tooMuch(std::string detail) const {
        return {ErrorCode::LimitExceeded, "The model file states more than any real one has; it is probably damaged.",
                std::move(detail), m_out.path(), m_reader.offset()};
    }
    Error unsupported(std::string message, std::string detail, std::uint64_t offset) const {
        return {ErrorCode::ModelUnsupported, std::move(message), std::move(detail), m_out.path(), offset};
    }

    Status readStart();
    Result<std::string_view> readName(const std::string &what);
    Status readPair(std::uint64_t number);
    Status readValue(const std::string &where, GgufType type, GgufValue &value);
    Status readArray(const std::string &where, int depth, GgufValue *value);
    Status skipElements(const std::string &where, GgufType type, std::uint64_t count, int depth);
    Status readAlignment();
    Status readTensor(std::uint64_t number);
    Status placeTensors();

    ByteReader m_reader;
    GgufFile m_out;
    std::uint64_t m_keyCount = 0, m_tensorCount = 0;
    std::uint64_t m_alignment = kDefaultAlignment;
};

Status GgufParser::readStart() {
    const auto magic = m_reader.take(4);
    if (!magic) return ends("it has " + std::to_string(m_out.bytes().size()) + " bytes, not even its first 4");
    const std::string_view text(reinterpret_cast<const char *>(magic->data()), 4);
    if (text == "ggml" || text == "lmgg" || text == "ggmf" || text == "fmgg" || text == "ggjt" || text == "tjgg" ||
        text == "ggla" || text == "algg") {
        return unsupported("The model file is of a kind older than GGUF; get the model as a newer GGUF file.",
                           "it begins with \"" + std::string(text) + "\"", 0);
    }
    if (text != "GGUF") {
        return corrupt("it begins with \"" + printable(text) + "\" instead of \"GGUF\"", 0);
    }
    const auto version = m_reader.u32();
    if (!version) return ends("version");
    if (*version != 0 && (*version & 0xFFFFU) == 0) {
        return unsupported("The model file was written for big-endian computers; get the usual little-endian one.",
                           "version " + std::to_string(*version), 4);
    }
    if (*version == 1) {
        return unsupported("The model file is GGUF version 1, which this version does not read; get a newer file.",
                           "version 1", 4);
    }
    if (*version != 2 && *version != 3) {
        return unsupported("The model file is of a GGUF version that this version of Facet does not know.",
                           "version " + std::to_string(*version) + ", known are 2 and 3", 4);
    }
    const auto tensors = m_reader.u64();
    if (!tensors) return ends("tensor count");
    if (*tensors > kMaxTensors)
        return tooMuch("tensor count " + std::to_string(*tensors) + ", limit " + std::to_string(kMaxTensors));
    const auto keys = m_reader.u64();
    if (!keys) return ends("key count");
    if (*keys > kMaxKeys) return tooMuch("key count " + std::to_string(*keys) + ", limit " + std::to_string(kMaxKeys));
    m_tensorCount = *tensors;
    m_keyCount = *keys;
    return ok();
}

Result<std::string_view> GgufParser::readName(const std::string &what) {
    const std::uint64_t at = m_reader.offset();
    const auto length = m_reader.u64();
    if (!length) return ends(what + ": length of its name");
    if (*length == 0) return corrupt(what + " has no name", at);
    if (*length > kMaxNameBytes)
        return corrupt(what + ": its name has " + std::to_string(*length) + " bytes, limit 256", at);
    const auto bytes = m_reader.take(*length);
    if (!bytes) return ends(what + ": its name");
    const std::string_view name(reinterpret_cast<const char *>(bytes->data()), bytes->size());
    if (!plainName(name))
        return corrupt(what + ": its name \"" + printable(name) + "\" has characters that no name has", at);
    return name;
}

Status GgufParser::skipElements(const std::string &where, GgufType type, std::uint64_t count, int depth) {
    if (type == GgufType::String) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t at = m_reader.offset();
            const auto length = m_reader.u64();
            if (!length) return ends(where + ": element " + std::to_string(i));
            if (*length > kMaxStringBytes)
                return corrupt(where + ": element " + std::to_string(i) + " has " + std::to_string(*length) +
                                   " characters",
                               at);
            if (!m_reader.take(*length)) return ends(where + ": element " + std::to_string(i));
        }
        return ok();
    }
    if (type == GgufType::Array) {
        for (std::uint64_t i = 0; i < count; ++i) FACET_CHECK(readArray(where, depth + 1, nullptr));
        return ok();
    }
    const std::uint64_t at = m_reader.offset();
    const auto bytes = m_reader.take(count * widthOf(type)); // both are far below 2^32
    if (!bytes) return ends(where + ": " + std::to_string(count) + " elements");
    if (type != GgufType::Bool) return ok();
    const auto bad = std::find_if(bytes->begin(), bytes->end(), [](std::byte b) { return b > std::byte{1}; });
    if (bad == bytes->end()) return ok();
    return corrupt(where + ": element " + std::to_string(bad - bytes->begin()) + " is no truth value",
                   at + static_cast<std::uint64_t>(bad - bytes->begin()));
}

Status GgufParser::readArray(const std::string &where, int depth, GgufValue *value) {
    if (depth > kMaxArrayDepth) return corrupt(where + ": arrays in arrays more than 3 deep");
    const std::uint64_t at = m_reader.offset();
    const auto type = m_reader.u32();
    if (!type) return ends(where + ": type of the elements");
    if (*type > static_cast<std::uint32_t>(GgufType::F64))
        return corrupt(where + ": elements of unknown type " + std::to_string(*type), at);
    const auto count = m_reader.u64();
    if (!count) return ends(where + ": number of elements");
    if (*count > kMaxElements) {
        return tooMuch(where + ": " + std::to_string(*count) + " elements, limit " + std::to_string(kMaxElements));
    }
    const std::uint64_t begin = m_reader.offset();
    FACET_CHECK(skipElements(where, static_cast<GgufType>(*type), *count, depth));
    if (!value) return ok();
    value->element = static_cast<GgufType>(*type);
    value->count = *count;
    value->bytes = m_out.bytes().subspan(begin, m_reader.offset() - begin);
    value->offset = begin;
    return ok();
}

Status GgufParser::readValue(const std::string &where, GgufType type, GgufValue &value) {
    value.type = type;
    if (type == GgufType::Array) return readArray(where, 1, &value);
    const std::uint64_t at = m_reader.offset();
    std::uint64_t length = widthOf(type);
    if (type == GgufType::String) {
        const auto stated = m_reader.u64();
        if (!stated) return ends(where + ": length");
        if (*stated > kMaxStringBytes)
            return corrupt(where + ": a text of " + std::to_string(*stated) + " bytes", at);
        length = *stated;
    }
    value.offset = m_reader.offset();
    const auto bytes = m_reader.take(length);
    if (!bytes) return ends(where + ": " + ggufTypeName(type) + " of " + std::to_string(length) + " bytes");
    value.bytes = *bytes;
    if (type == GgufType::Bool && (*bytes)[0] > std::byte{1}) return corrupt(where + " is no truth value", at);
    return ok();
}

Status GgufParser::readPair(std::uint64_t number) {
    const std::uint64_t at = m_reader.offset();
    FACET_TRY(key, readName("key " + std::to_string(number)));
    const std::string where = "key " + std::string(key);
    const std::uint64_t typeAt = m_reader.offset();
    const auto type = m_reader.u32();
    if (!type) return ends(where + ": type");
    if (*type > static_cast<std::uint32_t>(GgufType::F64))
        return corrupt(where + ": unknown type " + std::to_string(*type), typeAt);
    GgufValue value;
    FACET_CHECK(readValue(where, static_cast<GgufType>(*type), value));
    if (m_reader.offset() > kMaxHeaderBytes) {
        return tooMuch(where + ": the header is longer than " + std::to_string(kMaxHeaderBytes) + " bytes");
    }
    if (!m_out.m_values.emplace(key, value).second) return corrupt(where + " occurs twice", at);
    m_out.m_keys.push_back(key);
    return ok();
}

Status GgufParser::readAlignment() {
    const GgufValue *value = m_out.find("general.alignment");
    if (!value) return ok();
    const auto alignment = value->integer();
    if (!alignment || *alignment < 8 || *alignment > kMaxAlignment || (*alignment & (*alignment - 1)) != 0) {
        return corrupt("key general.alignment: " + (alignment ? std::to_string(*alignment) : "no whole number") +
                           ", it must be a power of two from 8 to 1048576",
                       value->offset);
    }
    m_alignment = static_cast<std::uint64_t>(*alignment);
    return ok();
}

Status GgufParser::readTensor(std::uint64_t number) {
    const std::uint64_t at = m_reader.offset();
    FACET_TRY(name, readName("tensor " + std::to_string(number)));
    const std::string where = "tensor " + std::string(name);
    GgufTensor tensor;
    TensorInfo &info = tensor.info;
    info.name = name;
    const auto dimensions = m_reader.u32();
    if (!dimensions) return ends(where + ": number of dimensions");
    if (*dimensions < 1 || *dimensions > kMaxDimensions)
        return corrupt(where + ": " + std::to_string(*dimensions) + " dimensions, there can be 1 to 4", at);
    std::optional<std::uint64_t> values = 1;
    for (std::uint32_t i = 0; i < *dimensions; ++i) {
        const std::uint64_t sizeAt = m_reader.offset();
        const auto size = m_reader.u64();
        if (!size) return ends(where + ": dimension " + std::to_string(i));
        values = *size == 0 || *size > kMaxDimension ? std::nullopt : checkedMul(*values, *size);
        if (!values)
            return corrupt(where + ": impossible dimension " + std::to_string(i) + " of " + std::to_string(*size),
                           sizeAt);
        info.shape.insert(info.shape.begin(), static_cast<std::int64_t>(*size)); // the file lists the fastest first
    }
    const std::uint64_t typeAt = m_reader.offset();
    const auto type = m_reader.u32();
    if (!type) return ends(where + ": type");
    BlockShape block;
    info.usable = isTensorType(*type);
    if (info.usable) {
        info.type = static_cast<TensorType>(*type);
        block = blockShape(info.type);
        info.typeName = tensorTypeName(info.type);
    } else {
        const auto listed = std::find_if(kListedTypes.begin(), kListedTypes.end(),
                                         [&](const ListedType &t) { return t.number == *type; });
        if (listed == kListedTypes.end())
            return corrupt(where + ": unknown type " + std::to_string(*type), typeAt);
        info.typeName = listed->name;
        block = {listed->values, listed->bytes};
    }
    if (info.shape.back() % block.values != 0) {
        return corrupt(where + ": rows of " + std::to_string(info.shape.back()) + " values cannot be cut into " +
                           info.typeName + " blocks of " + std::to_string(block.values),
                       at);
    }
    const auto bytes = checkedMul(*values / static_cast<std::uint64_t>(block.values),
                                  static_cast<std::uint64_t>(block.bytes));
    if (!bytes) return corrupt(where + ": larger than any file", at);
    info.bytes = *bytes;
    const std::uint64_t offsetAt = m_reader.offset();
    const auto offset = m_reader.u64();
    if (!offset) return ends(where + ": offset");
    if (*offset % m_alignment != 0) {
        return corrupt(where + ": offset " + std::to_string(*offset) + " is no multiple of the alignment " +
                           std::to_string(m_alignment),
                       offsetAt);
    }
    tensor.begin = *offset;
    if (m_out.m_index.contains(name)) return corrupt(where + " occurs twice", at);
    m_out.m_index.emplace(name, m_out.m_tensors.size());
    m_out.m_tensors.push_back(std::move(tensor));
    return ok();
}

// Offsets count from the first aligned byte behind the header.
Status GgufParser::placeTensors() {
    const std::uint64_t dataBegin = (m_reader.offset() + m_alignment - 1) / m_alignment * m_alignment;
    m_out.m_headerBytes = std::min<std::uint64_t>(dataBegin, m_out.bytes().size());
    auto &tensors = m_out.m_tensors;
    std::sort(tensors.begin(), tensors.end(), [](const GgufTensor &a, const GgufTensor &b) {
        return a.begin != b.begin ? a.begin < b.begin : a.info.bytes < b.info.bytes;
    });
    std::uint64_t free = dataBegin;
    const GgufTensor *before = nullptr;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        GgufTensor &tensor = tensors[i];
        const std::string where = "tensor " + tensor.info.name;
        const auto begin = checkedAdd(dataBegin, tensor.begin);
        const auto end = begin ? checkedAdd(*begin, tensor.info.bytes) : std::nullopt;
        if (!end || *end > m_out.bytes().size()) {
            return ends(where + ": offset " + std::to_string(tensor.begin) + " + " +
                        std::to_string(tensor.info.bytes) + " bytes of data lie beyond the " +
                        std::to_string(m_out.bytes().size()) + " bytes of the file");
        }
        if (*begin < free) {
            return corrupt(where + ": its data overlaps that of tensor " +
                               (before ? before->info.name : std::string("?")),
                           *begin);
        }
        tensor.begin = *begin;
        free = *end;
        before = &tensor;
        m_out.m_index.find(tensor.info.name)->second = i;
    }
    return ok();
}

Result<GgufFile> GgufParser::parse() {
    FACET_CHECK(readStart());
    for (std::uint64_t i = 0; i < m_keyCount; ++i) FACET_CHECK(readPair(i));
    FACET_CHECK(readAlignment());
    for (std::uint64_t i = 0; i < m_tensorCount; ++i) FACET_CHECK(readTensor(i));
    FACET_CHECK(placeTensors());
    return std::move(m_out);
}

Result<GgufFile> GgufFile::open(const std::string &path) {
    FACET_TRY(file, MappedFile::open(path));
    return parse(std::move(file));
}

Result<GgufFile> GgufFile::parse(MappedFile file) { return GgufParser(std::move(file)).parse(); }

const GgufValue *GgufFile::find(std::string_view key) const {
    const auto found = m_values.find(key);
    return found == m_values.end() ? nullptr : &found->second;
}

std::string_view GgufFile::text(std::string_view key) const {
    const GgufValue *value = find(key);
    return value ? value->text().value_or(std::string_view()) : std::string_view();
}

const GgufTensor *GgufFile::tensor(std::string_view name) const {
    const auto found = m_index.find(name);
    return found == m_index.end() ? nullptr : &m_tensors[found->second];
}

} // namespace facet
