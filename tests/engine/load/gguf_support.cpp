#include "gguf_support.h"

#include <bit>

namespace facet::test {
namespace {

template <typename T>
std::string little(T value) {
    std::string out;
    for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
    return out;
}

std::string counted(std::string_view text) { return little<std::uint64_t>(text.size()) + std::string(text); }
std::string bits(float value) { return little(std::bit_cast<std::uint32_t>(value)); }
std::string array(std::uint32_t type, std::size_t count, const std::string &elements) {
    return little(type) + little<std::uint64_t>(count) + elements;
}

} // namespace

GgufText &GgufText::pair(const std::string &key, std::uint32_t type, const std::string &bytes) {
    ++m_keys;
    m_pairs += counted(key) + little(type) + bytes;
    return *this;
}
GgufText &GgufText::u32(const std::string &key, std::uint32_t value) { return pair(key, 4, little(value)); }
GgufText &GgufText::u16(const std::string &key, std::uint16_t value) { return pair(key, 2, little(value)); }
GgufText &GgufText::f32(const std::string &key, float value) { return pair(key, 6, bits(value)); }
GgufText &GgufText::boolean(const std::string &key, bool value) { return pair(key, 7, std::string(1, value ? 1 : 0)); }
GgufText &GgufText::text(const std::string &key, std::string_view value) { return pair(key, 8, counted(value)); }
GgufText &GgufText::texts(const std::string &key, const std::vector<std::string> &values) {
    std::string elements;
    for (const auto &value : values) elements += counted(value);
    return pair(key, 9, array(8, values.size(), elements));
}
GgufText &GgufText::u32s(const std::string &key, const std::vector<std::uint32_t> &values) {
    std::string elements;
    for (const auto value : values) elements += little(value);
    return pair(key, 9, array(5, values.size(), elements));
}
GgufText &GgufText::f32s(const std::string &key, const std::vector<float> &values) {
    std::string elements;
    for (const auto value : values) elements += bits(value);
    return pair(key, 9, array(6, values.size(), elements));
}
GgufText &GgufText::bools(const std::string &key, const std::vector<bool> &values) {
    std::string elements;
    for (const bool value : values) elements += static_cast<char>(value ? 1 : 0);
    return pair(key, 9, array(7, values.size(), elements));
}
GgufText &GgufText::tensor(const std::string &name, const std::vector<std::uint64_t> &dimensions,
                           const std::vector<float> &values) {
    std::string data;
    for (const float value : values) data += bits(value);
    return tensor(name, dimensions, 0, std::move(data));
}
GgufText &GgufText::tensor(const std::string &name, const std::vector<std::uint64_t> &dimensions, std::uint32_t type,
                           std::string data) {
    m_tensors.push_back({name, std::move(data), dimensions, type});
    return *this;
}
GgufText &GgufText::alignment(std::uint32_t bytes) {
    m_alignment = bytes;
    return u32("general.alignment", bytes);
}

std::string GgufText::finish(std::uint32_t version) const {
    std::string out = "GGUF" + little(version) + little<std::uint64_t>(m_tensors.size()) + little(m_keys) + m_pairs;
    std::string data;
    const auto pad = [this](std::string &text) {
        while (text.size() % m_alignment != 0) text += '\0';
    };
    for (const Tensor &tensor : m_tensors) {
        pad(data);
        out += counted(tensor.name) + little<std::uint32_t>(static_cast<std::uint32_t>(tensor.dimensions.size()));
        for (const auto size : tensor.dimensions) out += little(size);
        out += little(tensor.type) + little<std::uint64_t>(data.size());
        data += tensor.data;
    }
    if (!m_tensors.empty()) pad(out);
    return out + data;
}

Result<GgufFile> parseGguf(const std::string &text) {
    const auto owner = std::make_shared<std::string>(text);
    return GgufFile::parse(MappedFile::ofMemory(std::as_bytes(std::span<const char>(*owner)), owner, "small.gguf"));
}

GgufText smallGemma3() {
    constexpr std::uint64_t kWidth = 8, kInner = 16, kPieces = 16, kHeadDim = 4;
    GgufText out;
    out.text("general.architecture", "gemma3").u32("gemma3.block_count", 2).u32("gemma3.context_length", 64);
    out.u32("gemma3.embedding_length", kWidth).u32("gemma3.feed_forward_length", kInner);
    out.u32("gemma3.attention.head_count", 2).u32("gemma3.attention.head_count_kv", 1);
    out.u32("gemma3.attention.key_length", kHeadDim).u32("gemma3.attention.value_length", kHeadDim);
    out.u32("gemma3.attention.sliding_window", 8).bools("gemma3.attention.sliding_window_pattern", {true, false});
    out.f32("gemma3.attention.layer_norm_rms_epsilon", 1e-6F).f32("gemma3.rope.freq_base", 1e6F);
    out.text("tokenizer.ggml.model", "llama");
    out.texts("tokenizer.ggml.tokens", {"<pad>", "<eos>", "<bos>", "<unk>", "<end_of_turn>", "<0x41>", "a", "b", "c",
                                        "ab", "bc", "abc", "\xE2\x96\x81", "\n", "\n\n", "\xE2\x96\x81" "a"});
    out.f32s("tokenizer.ggml.scores", {0, 0, 0, 0, 0, 0, -9, -9, -9, -2, -1, -3, -9, -9, -1000, -4});
    out.u32s("tokenizer.ggml.token_type", {3, 3, 3, 2, 3, 6, 1, 1, 1, 1, 1, 1, 1, 4, 4, 1});
    out.u32("tokenizer.ggml.bos_token_id", 2).u32("tokenizer.ggml.eos_token_id", 1);
    const auto values = [](std::uint64_t count) {
        std::vector<float> list(count);
        for (std::size_t i = 0; i < count; ++i) list[i] = static_cast<float>(static_cast<int>(i * 7 % 13) - 6) / 16;
        return list;
    };
    const auto add = [&](const std::string &name, std::uint64_t columns, std::uint64_t rows) {
        out.tensor(name, rows > 0 ? std::vector{columns, rows} : std::vector{columns},
                   values(columns * std::max<std::uint64_t>(rows, 1)));
    };
    add("token_embd.weight", kWidth, kPieces);
    add("output_norm.weight", kWidth, 0);
    for (const std::string at : {"blk.0.", "blk.1."}) {
        for (const char *norm : {"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"})
            add(at + norm + ".weight", kWidth, 0);
        for (const char *norm : {"attn_q_norm", "attn_k_norm"}) add(at + norm + ".weight", kHeadDim, 0);
        add(at + "attn_q.weight", kWidth, 2 * kHeadDim);
        add(at + "attn_k.weight", kWidth, kHeadDim);
        add(at + "attn_v.weight", kWidth, kHeadDim);
        add(at + "attn_output.weight", 2 * kHeadDim, kWidth);
        add(at + "ffn_gate.weight", kWidth, kInner);
        add(at + "ffn_up.weight", kWidth, kInner);
        add(at + "ffn_down.weight", kInner, kWidth);
    }
    return out;
}

} // namespace facet::test
