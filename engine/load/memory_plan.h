// How much memory a model takes: the arithmetic behind estimateMemory(), shared with the code that allocates.
#pragma once

#include "kernels/kernels.h"
#include "load/config.h"
#include "load/weights.h"

#include <cstdint>
#include <string>

namespace facet {

// Positions for which a layer's cache has room: sliding layers hold the window and one pass, full layers everything.
// maxBlock: positions that one pass may add.
std::int64_t cacheCapacity(const TextConfig &config, const LayerConfig &layer, std::int64_t contextLength,
                           std::int64_t maxBlock);
// How keys and values of that type are kept. Auto: as F16.
CacheType cacheTypeOf(KvType kv) noexcept;
// Error: InvalidArgument for blocks of 32 values where heads are not whole blocks.
Status checkCacheType(const TextConfig &config, CacheType type);
// Keys and values of all producing layers when the context is full.
std::uint64_t cacheBytes(const TextConfig &config, CacheType type, std::int64_t contextLength, std::int64_t maxBlock);

// Whether quantising touches this tensor: the text model's linear layers and the embedding; not the towers, tables that
// are only looked up, routers, and rows that are no multiple of a block.
bool isQuantisable(const TensorInfo &tensor);
// The type such a tensor gets: the embedding is also the head and stays at 8 bits, where 4 would cost most.
WeightType quantisedType(const TensorInfo &tensor, WeightType wanted);
// What any tensor is once it is loaded.
TensorType loadedType(const TensorInfo &tensor, WeightType weights);
// The bytes of a matrix of the text decoder that can be packed (kernels/packed.h), in that layout; 0: it stays as it is.
std::uint64_t packedSize(const TensorInfo &tensor, WeightType weights);
// Tensors of the text model that exist in files but are never read (keys and values of layers that share them).
bool isIgnored(const TextConfig &config, const std::string &name);
// The per-layer embedding table, of which only rows are looked up.
bool isLookupTable(const std::string &name);

// Code and libraries of this program, as far as they are resident now, and its own small things. `root`: as below.
std::uint64_t programBytesUnder(const std::string &root);

// availableMemoryBytes() under another root than "/" (tests).
std::uint64_t availableMemoryUnder(const std::string &root);

} // namespace facet
