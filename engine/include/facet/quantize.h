// Makes smaller model files: a folder of safetensors or a GGUF file in, a GGUF file with quantised weights out.
//
//     facet::QuantizeOptions options{.input = "gemma-4-E2B-it", .output = "e2b-q4.gguf"};
//     auto report = facet::quantizeModel(options, [](std::uint64_t done, std::uint64_t total) { ... });
//
// The file is written beside its final name and renamed when it is complete; nothing is left behind on failure.
#pragma once

#include "facet/engine.h"
#include "facet/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

// The plain types store every matrix in one type. The K types keep the token embedding, which is also the output head,
// in Q6_K; the mixes (_M) give half of the attn_v and ffn_down matrices more bits. Norms and routers stay float32.
enum class QuantizeType : std::uint8_t { Q8_0, Q4_0, Q4_K, Q5_K, Q6_K, Q4_K_M, Q5_K_M };
const char *quantizeTypeName(QuantizeType type) noexcept; // "q4_k_m"
std::optional<QuantizeType> quantizeTypeOf(std::string_view name) noexcept;

struct QuantizeOptions {
    std::string input;       // model folder or .gguf file (a model's or a projector's)
    std::string output;      // .gguf file of the text model; empty: only `mmproj` is written
    std::string mmproj = {}; // .gguf file for the parts that see and hear (folders only; always Q8_0); empty: none
    QuantizeType type = QuantizeType::Q4_K_M;
    int threads = 0;         // 0: all cores
    bool overwrite = false;  // replace files that exist
};

struct QuantizeReport {
    std::uint64_t inputBytes = 0, outputBytes = 0, mmprojBytes = 0;
    int tensors = 0;                // written, both files together
    std::vector<std::string> notes; // what differs from the plan, one sentence each
};

// Bytes of weights read so far, on the calling thread.
using QuantizeProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Errors: those of opening a model; InvalidArgument (a file exists and may not be replaced, output and input are the same,
// no towers for mmproj); ModelUnsupported (families other than Gemma 4 as a folder); DiskFull, FileWriteFailed; Cancelled.
Result<QuantizeReport> quantizeModel(const QuantizeOptions &options, const QuantizeProgress &progress = {},
                                     const CancelToken &cancel = {});

// The type of every tensor chosen by measurement, so that the file has at most `targetBytes`. The model reads a text:
// what goes into each matrix says which of its columns matter, and quantising parts of the model shows what its answers
// lose by that. Types are then those that lose least for the bytes.
struct AutoQuantizeOptions {
    QuantizeOptions files;         // files.type means nothing
    std::uint64_t targetBytes = 0; // of files.output
    std::string text = {};         // to measure on; empty: a built-in one
    bool planOnly = false;         // nothing is written; files.output may be empty
};

struct TensorChoice {
    std::string name, kind, type; // "blk.3.ffn_down.weight", "ffn_down", "Q4_K"
    std::uint64_t values = 0, bytes = 0;
    double error = 0; // of its outputs on the text: mean square of the error over that of the outputs
    double loss = 0;  // its share of AutoQuantizeReport::loss
};

struct AutoQuantizeReport {
    QuantizeReport files;
    std::vector<TensorChoice> tensors; // whose type was chosen, in the order of the file
    std::uint64_t bytes = 0, smallestBytes = 0, largestBytes = 0; // of the file: planned, and what could be had
    double bitsPerWeight = 0;          // of all that the file holds
    double loss = 0;                   // expected divergence of the answers from the input's, nats a token
    std::optional<double> measuredLoss; // the same of the file that was written, on the text
    std::int64_t tokens = 0;           // of the text, as far as it was read
};

// `stage` is a short text for people ("measuring", "writing").
using AutoQuantizeProgress = std::function<void(const char *stage, std::uint64_t done, std::uint64_t total)>;

// Errors: as quantizeModel(); InvalidArgument (no file is that small: the sentence names the smallest; a text of less than
// two tokens; drafters and projectors, which read no text).
Result<AutoQuantizeReport> autoQuantizeModel(const AutoQuantizeOptions &options, const AutoQuantizeProgress &progress = {},
                                             const CancelToken &cancel = {});

} // namespace facet
