// What a model is, without loading its weights: for `inspect`, for the model list and for preparing media.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

// How pictures must be prepared for this model (vision.md sections 1 and 2).
struct VisionInfo {
    int patchSize = 16;
    int poolingKernel = 3;      // patches per soft token and side
    int defaultBudget = 280;    // soft tokens
    std::vector<int> budgets = {70, 140, 280, 560, 1120};
    int positionTableSize = 10240;  // patches per axis at most
};

// How sound must be prepared (audio.md sections 1 and 2).
struct AudioInfo {
    int sampleRate = 16000;
    int melBins = 128;
    std::int64_t maxSamples = 480000;
};

// Element type of the KV cache. Auto: F16, or a smaller one where memory would not do (ModelInfo::notes says so); F32 with
// referencePrecision. Q8_0 and Q4_0 need heads of a multiple of 32 values.
enum class KvType : std::uint8_t { Auto, F32, F16, Q8_0, Q4_0, Q4_R };  // Q4_R: 4 bits, each head rotated first
const char *kvTypeName(KvType type) noexcept;  // "auto", "f32", "f16", "q8_0", "q4_0", "q4_r"
std::optional<KvType> kvTypeNamed(std::string_view name) noexcept;

// Whether matrices of the types Q4_0, Q8_0, Q4_K, Q5_K and Q6_K are put into a layout that this processor multiplies faster,
// in memory of their own, while they are loaded: no result changes. Auto: where all of the model needs at most half of the
// memory that the machine has available, since pages of a file can be taken back and such memory cannot. Off for the float32
// reference and for instruction sets that gain nothing.
enum class Packing : std::uint8_t { Auto, On, Off };
const char *packingName(Packing packing) noexcept;  // "auto", "on", "off"
std::optional<Packing> packingNamed(std::string_view name) noexcept;

// What a load makes resident. Pages of the model's file count where they are touched; the table of per-layer embeddings
// does not: single rows of it are read.
struct MemoryEstimate {
    int contextLength = 0;             // tokens
    KvType kv = KvType::F16;           // keys and values are kept as
    std::uint64_t programBytes = 0;    // code and libraries
    std::uint64_t vocabularyBytes = 0; // tokenizer, the file's header
    std::uint64_t weightBytes = 0;     // of text, vision and sound
    std::uint64_t mappedBytes = 0;     // of those: pages of the file, which the system can take back and read again
    std::uint64_t packedBytes = 0;     // of those: in memory of their own (Packing)
    std::uint64_t towerBytes = 0;      // of those: vision and sound, touched by the first picture or recording
    std::uint64_t kvBytes = 0;         // when the context is full
    std::uint64_t startKvBytes = 0;    // behind a short question
    std::uint64_t workBytes = 0;       // activations and buffers at their peak, of text
    std::uint64_t startWorkBytes = 0;  // of a short question
    std::uint64_t towerWorkBytes = 0;  // more than workBytes, for pictures and recordings

    // Text until the context is full; a short question; everything that the model can do.
    std::uint64_t textBytes() const { return programBytes + vocabularyBytes + weightBytes - towerBytes + kvBytes + workBytes; }
    std::uint64_t startBytes() const { return textBytes() - kvBytes + startKvBytes - workBytes + startWorkBytes; }
    std::uint64_t totalBytes() const { return textBytes() + towerBytes + towerWorkBytes; }
};

struct ModelInfo {
    std::string path;
    std::string name;            // folder or file name
    std::string architecture;    // "gemma4", ...
    std::string weightType;      // "BF16", "Q8_0", ...: what most of the matrices are
    std::uint64_t parameterCount = 0;
    std::uint64_t fileBytes = 0;
    int layers = 0, hiddenSize = 0, vocabularySize = 0;
    int slidingWindow = 0, sharedKvLayers = 0, experts = 0, activeExperts = 0;
    int maxContext = 0;          // max_position_embeddings
    int contextLength = 0;       // what this engine was loaded with (0: not loaded)
    bool hasVision = false, hasAudio = false;
    bool demoModel = false;      // the built-in one (says so in its own config metadata)
    bool baseModel = false;      // has no chat template: it continues text and does not answer (Request::rawPrompt)
    std::string mmproj;          // GGUF: the file its vision and audio parts come from, if any
    VisionInfo vision;
    AudioInfo audio;
    KvType kv = KvType::Auto;              // what keys and values are kept as (inspect: would be)
    int threads = 0, writeThreads = 0;     // that read and encode; that write (inspect: would)
    bool tuned = false;                    // threads and kv are choices that were measured here (facet/tuning.h)
    std::uint64_t availableBytes = 0;      // what all of it may take; 0: unknown
    std::vector<MemoryEstimate> memory;    // at several context lengths
    std::vector<std::string> notes;        // what was decided about memory and speed, one sentence each
    std::vector<std::string> unsupported;  // what this engine cannot do with it, one sentence each; empty: all fine
};

// How the matrices are kept in memory. AsStored leaves bf16 as bf16.
enum class WeightType : std::uint8_t { AsStored, Q8_0, Q4_0 };

// Reads configuration and tensor headers only. `path`: a folder or a .gguf file; `mmproj`: the file with a GGUF model's
// towers, empty: the one beside it that fits. Errors: FileNotFound, ModelFileCorrupt, ModelUnsupported.
Result<ModelInfo> inspectModel(const std::string &path, WeightType weights = WeightType::AsStored,
                               const std::string &mmproj = {});

}  // namespace facet
