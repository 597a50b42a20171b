// Models split into several files: "name-00001-of-00003.gguf", each with split.no (from 0) and split.count.
#include "load/gguf.h"

#include <cstdio>
#include <filesystem>
#include <regex>
#include <unordered_set>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxParts = 1000;

Error wrongPart(const GgufFile &file, const std::string &detail) {
    return {ErrorCode::ModelFileCorrupt,
            "The parts of this model do not belong together; download all of them again.", detail, file.path()};
}

std::int64_t number(const GgufFile &file, const char *key, std::int64_t absent) {
    const GgufValue *value = file.find(key);
    return value ? value->integer().value_or(-1) : absent;
}

// "stem-00001-of-00003.gguf": the stem, the part (from 1) and the count.
struct PartName {
    std::string stem;
    int part = 0, count = 0;
};
std::optional<PartName> partName(const std::string &fileName) {
    static const std::regex pattern(R"(^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$)");
    std::smatch match;
    if (!std::regex_match(fileName, match, pattern)) return std::nullopt;
    return PartName{match[1], std::stoi(match[2]), std::stoi(match[3])};
}

std::string nameOfPart(const PartName &name, int part) {
    char tail[40];
    std::snprintf(tail, sizeof tail, "-%05d-of-%05d.gguf", part, name.count);
    return name.stem + tail;
}

Status checkNoTensorTwice(const GgufModelFiles &model) {
    std::unordered_set<std::string_view> names;
    for (const GgufFile &file : model.files) {
        for (const GgufTensor &tensor : file.tensors()) {
            if (!names.insert(tensor.info.name).second)
                return wrongPart(file, "tensor " + tensor.info.name + " occurs in two parts");
        }
    }
    const std::int64_t total = number(model.main(), "split.tensors.count", -1);
    if (total >= 0 && static_cast<std::size_t>(total) != names.size()) {
        return wrongPart(model.main(), "key split.tensors.count: " + std::to_string(total) + ", the parts have " +
                                           std::to_string(names.size()) + " tensors");
    }
    return ok();
}

} // namespace

Result<GgufModelFiles> openGgufModel(const std::string &path) {
    FACET_TRY(first, GgufFile::open(path));
    GgufModelFiles model;
    const std::int64_t count = number(first, "split.count", 1);
    if (count == 0 || count == 1) {
        model.fileBytes = first.bytes().size();
        model.files.push_back(std::move(first));
        return model;
    }
    if (count < 0 || count > kMaxParts)
        return wrongPart(first, "key split.count: not a number from 1 to " + std::to_string(kMaxParts));
    const fs::path given(path);
    const auto name = partName(given.filename().string());
    if (!name || name->count != count) {
        return wrongPart(first, "key split.count: " + std::to_string(count) +
                                    ", so the name must end in -00001-of-" + nameOfPart({"", 1, int(count)}, 1).substr(10));
    }
    for (int part = 1; part <= name->count; ++part) {
        const std::string partPath = (given.parent_path() / nameOfPart(*name, part)).string();
        auto file = GgufFile::open(partPath);
        if (!file) {
            if (file.error().code == ErrorCode::FileNotFound) {
                return Error{ErrorCode::FileNotFound,
                             "A part of this model is missing; finish the download, all parts belong in one folder.",
                             "part " + std::to_string(part) + " of " + std::to_string(name->count), partPath};
            }
            return file.error();
        }
        const std::int64_t no = number(*file, "split.no", -1);
        if (no != part - 1 || number(*file, "split.count", -1) != count) {
            return wrongPart(*file, "key split.no: " + std::to_string(no) + " instead of " + std::to_string(part - 1) +
                                        ", or another split.count than " + std::to_string(count));
        }
        model.fileBytes += file->bytes().size();
        model.files.push_back(std::move(file).value());
    }
    FACET_CHECK(checkNoTensorTwice(model));
    return model;
}

} // namespace facet
