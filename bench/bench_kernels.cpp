// Speed of the kernels: matrix products per type and number of tokens, attention, the barrier of the pool.
//
//     FACET_ISA=avx2 bench_kernels --benchmark_filter=linear
//
// Arguments are named in the output; "bytes" counts weights (or keys and values) read, "items" multiply-adds. "of_limit" is
// the share of the roofline: the time that streaming those bytes or doing those products takes at least on this machine,
// whichever is longer, over the time that was needed. The limits are measured when the program starts (its context).
#include "facet/machine.h"
#include "kernels/ops.h"
#include "kernels/quant_blocks.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace facet;

std::vector<float> randomValues(std::int64_t n) {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float &x : values) x = normal(engine);
    return values;
}

const Roofline &limits(int threads) {
    static std::map<int, Roofline> measured;  // one thread asks
    const auto [at, isNew] = measured.try_emplace(threads);
    if (isNew) at->second = measureRoofline(threads);
    return at->second;
}

// gigaoperations: what the machine can do of the kind that is used.
void setWork(benchmark::State &state, int threads, double bytes, double multiplyAdds, double gigaoperations) {
    const auto iterations = static_cast<double>(state.iterations());
    state.SetBytesProcessed(static_cast<std::int64_t>(iterations * bytes));
    state.SetItemsProcessed(static_cast<std::int64_t>(iterations * multiplyAdds));
    const double least = std::max(bytes / (1e9 * limits(threads).streaming()), 2 * multiplyAdds / (1e9 * gigaoperations));
    state.counters["of_limit"] = benchmark::Counter(least * iterations, benchmark::Counter::kIsRate);
}

// args: type, tokens, threads. Few tokens: a matrix that no cache holds.
void linearProduct(benchmark::State &state) {
    const auto type = static_cast<TensorType>(state.range(0));
    const std::int64_t tokens = state.range(1);
    const int threads = static_cast<int>(state.range(2));
    const std::int64_t cols = 1536;
    const std::int64_t stride = rowBytes(type, cols);
    const std::int64_t rows = tokens <= 8 ? (std::int64_t{96} << 20) / stride / 16 * 16 : 8192;
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows * stride));
    const std::vector<float> row = randomValues(cols);
    // Types without a quantiser: zeros take as long.
    quantiseRowToBlocks(type, row.data(), cols, bytes.data());
    for (std::int64_t r = 1; r < rows; ++r) std::copy_n(bytes.data(), stride, bytes.data() + r * stride);
    Matrix w;
    w.type = type;
    w.rows = rows;
    w.cols = cols;
    w.data = bytes.data();
    const std::vector<float> x = randomValues(tokens * cols);
    std::vector<float> y(static_cast<std::size_t>(tokens * rows));
    WorkerPool pool(threads);
    const Exec exec{&kernelsFor(InstructionSet::Auto), &pool, false, nullptr};
    for (auto _ : state) {
        linear(exec, w, x.data(), tokens, y.data());
        benchmark::DoNotOptimize(y.data());
    }
    const Roofline &most = limits(threads);
    setWork(state, threads, static_cast<double>(rows * stride), static_cast<double>(rows * cols * tokens),
            isFloatType(type) || most.integers() == 0 ? std::max(most.fp32, most.bf16) : most.integers());
    state.SetLabel(std::string(exec.kernels->name) + " " + tensorTypeName(type));
}
BENCHMARK(linearProduct)
    ->ArgNames({"type", "tokens", "threads"})
    ->ArgsProduct({{static_cast<int>(TensorType::F32), static_cast<int>(TensorType::BF16), static_cast<int>(TensorType::Q8_0),
                    static_cast<int>(TensorType::Q4_0), static_cast<int>(TensorType::Q4_1), static_cast<int>(TensorType::Q5_0),
                    static_cast<int>(TensorType::Q4_K), static_cast<int>(TensorType::Q5_K), static_cast<int>(TensorType::Q6_K),
                    static_cast<int>(TensorType::IQ4_XS), static_cast<int>(TensorType::IQ3_S)},
                   {1, 4, 8, 64, 256},
                   {1, 2}})
    ->UseRealTime();

// args: tokens, keys, heads, kv heads, head dimension, cache type
void attention(benchmark::State &state) {
    const std::int64_t tokens = state.range(0);
    const std::int64_t keys = state.range(1);
    const int heads = static_cast<int>(state.range(2));
    const int kvHeads = static_cast<int>(state.range(3));
    const int dim = static_cast<int>(state.range(4));
    const auto type = static_cast<CacheType>(state.range(5));
    WorkerPool pool(1);
    const Exec exec{&kernelsFor(InstructionSet::Auto), &pool, false, nullptr};
    const std::int64_t size = keys * kvHeads * dim;
    const std::vector<float> values = randomValues(size);
    std::vector<std::byte> cache(static_cast<std::size_t>(size) * 4);
    exec.kernels->toCache(type, values.data(), size, cache.data());
    const std::vector<float> q = randomValues(tokens * heads * dim);
    std::vector<float> out(q.size());
    const std::vector<std::int64_t> from(static_cast<std::size_t>(tokens), 0);
    const std::vector<std::int64_t> to(static_cast<std::size_t>(tokens), keys);
    const KvView kv{type, cache.data(), cache.data(), keys, kvHeads, dim};
    for (auto _ : state) {
        attend(exec, kv, q.data(), tokens, heads, from, to, out.data());
        benchmark::DoNotOptimize(out.data());
    }
    setWork(state, 1, static_cast<double>(size * (type == CacheType::F16 ? 4 : 8)),
            static_cast<double>(tokens * heads * keys * dim * 2), limits(1).fp32);
}
BENCHMARK(attention)
    ->ArgNames({"tokens", "keys", "heads", "kv", "dim", "f16"})
    ->Args({1, 4096, 8, 1, 256, 1})
    ->Args({1, 4096, 8, 4, 256, 1})
    ->Args({256, 2048, 8, 1, 256, 1})
    ->Args({2048, 2048, 2, 2, 72, 0})
    ->UseRealTime();

void poolBarrier(benchmark::State &state) {
    WorkerPool pool(static_cast<int>(state.range(0)));
    for (auto _ : state) pool.parallelFor(64, 1, [](std::int64_t, std::int64_t, int) {});
}
BENCHMARK(poolBarrier)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

void activation(benchmark::State &state) {
    const Kernels &k = kernelsFor(InstructionSet::Auto);
    const std::vector<float> x = randomValues(12288);
    std::vector<float> out(x.size());
    for (auto _ : state) {
        k.geluMul(x.data(), x.data(), static_cast<std::int64_t>(x.size()), out.data());
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}
BENCHMARK(activation);

}  // namespace

int main(int argc, char **argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    for (const int threads : {1, 2}) {
        const Roofline &most = limits(threads);
        benchmark::AddCustomContext("limits with " + std::to_string(threads) + " threads",
                                    std::to_string(most.streaming()) + " GB/s, " + std::to_string(most.integers()) + " GOP/s, " +
                                        std::to_string(most.fp32) + " GFLOP/s");
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
