// The probe's view of stored weight types: blocks to float32 and matrix products, without a model.
#include "facet/probe.h"

#include "kernels/ops.h"

namespace facet {

namespace {

// Error: InvalidArgument for a name that is no type or bytes that are no whole rows of `cols` values.
Result<Matrix> storedRows(const std::string &typeName, const std::vector<std::uint8_t> &bytes, std::int64_t cols) {
    for (std::uint32_t number = 0; number < 256; ++number) {
        const auto type = static_cast<TensorType>(number);
        if (!isTensorType(number) || typeName != tensorTypeName(type)) continue;
        if (cols == 0) cols = blockShape(type).values;
        const std::int64_t stride = cols > 0 ? rowBytes(type, cols) : 0;
        if (stride == 0 || static_cast<std::int64_t>(bytes.size()) % stride != 0)
            return Error{ErrorCode::InvalidArgument, "The stored blocks are no whole rows.",
                         typeName + ": " + std::to_string(bytes.size()) + " bytes, rows of " + std::to_string(cols) + " values"};
        Matrix w;
        w.type = type;
        w.rows = static_cast<std::int64_t>(bytes.size()) / stride;
        w.cols = cols;
        w.data = reinterpret_cast<const std::byte *>(bytes.data());
        w.name = typeName;
        return w;
    }
    return Error{ErrorCode::InvalidArgument, "There is no tensor type of this name.", typeName};
}

}  // namespace

Result<std::vector<float>> probeBlocks(const std::string &typeName, const std::vector<std::uint8_t> &blocks,
                                       InstructionSet isa) {
    FACET_TRY(w, storedRows(typeName, blocks, 0));
    std::vector<float> values(static_cast<std::size_t>(w.rows * w.cols));
    kernelsFor(isa).dequantise(w.type, w.data, w.rows * w.cols, values.data());
    return values;
}

Result<std::vector<float>> probeProduct(const std::string &typeName, const std::vector<std::uint8_t> &rows, const std::vector<float> &x,
                                        std::int64_t tokens, bool reference, InstructionSet isa) {
    const auto size = static_cast<std::int64_t>(x.size());
    if (tokens <= 0 || size == 0 || size % tokens != 0)
        return Error{ErrorCode::InvalidArgument, "The inputs of the product are no whole rows.", typeName};
    FACET_TRY(w, storedRows(typeName, rows, size / tokens));
    WorkerPool pool(1);
    std::vector<float> y(static_cast<std::size_t>(tokens * w.rows));
    linear(Exec{&kernelsFor(isa), &pool, reference, nullptr}, w, x.data(), tokens, y.data());
    return y;
}

}  // namespace facet
