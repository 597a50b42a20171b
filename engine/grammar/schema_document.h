// A JSON Schema as it was given: parsed within limits, its references resolved, its keywords known.
#pragma once

#include "facet/result.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace facet::grammar {

using Json = nlohmann::ordered_json;  // the order of properties is the order of the answer

// A schema inside a document, and where it stands: "#/properties/a".
struct SchemaRef {
    const Json *schema = nullptr;
    std::string path;
};

// JSON text within limits (1 MiB, 100 levels, 10000 members). Errors: InvalidArgument with the byte, LimitExceeded.
Result<Json> parseJsonText(std::string_view text, const std::string &what);

// "#/properties/a" and "b/c" -> "#/properties/a/b~1c".
std::string pathBelow(const std::string &path, std::string_view key);
std::string pathBelow(const std::string &path, std::size_t index);

enum class Keyword : std::uint8_t { Supported, Annotation, Unsupported, Unknown };
Keyword keywordOf(std::string_view name);

class SchemaDocument {
public:
    // Errors: InvalidArgument, LimitExceeded.
    static Result<std::shared_ptr<const SchemaDocument>> parse(std::string_view text);
    static Result<std::shared_ptr<const SchemaDocument>> fromJson(Json root);

    SchemaRef root() const { return {&m_root, "#"}; }
    // What "$ref" at `path` means. Errors: InvalidArgument naming the path: nothing there, or another document.
    Result<SchemaRef> resolve(const std::string &ref, const std::string &path) const;

private:
    Result<SchemaRef> pointer(std::string_view pointer, const std::string &path, const std::string &ref) const;
    void collectAnchors(const Json &node, const std::string &path);

    Json m_root;
    std::string m_id;
    std::unordered_map<std::string, SchemaRef> m_anchors;
};

Error unsupportedKeyword(const std::string &path, const std::string &why = {});
Error wrongKeyword(const std::string &path, const std::string &must);

}  // namespace facet::grammar
