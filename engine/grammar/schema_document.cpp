#include "grammar/schema_document.h"

#include "facet/json_shape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxText = 1U << 20U;
constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxMembers = 10'000;  // of all objects: those that keep their order are searched from the front

constexpr std::array<std::string_view, 27> kSupported = {
    "type", "enum", "const", "properties", "required", "additionalProperties", "patternProperties", "propertyNames",
    "items", "prefixItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "$ref",
    "uniqueItems"};
constexpr std::array<std::string_view, 18> kAnnotations = {
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema",
    "$defs", "definitions", "$anchor", "format", "contentEncoding", "contentMediaType", "contentSchema", "$vocabulary", "$id"};
constexpr std::array<std::string_view, 16> kUnsupported = {
    "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "contains", "minContains",
    "maxContains", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
    "additionalItems"};

template <typename List> bool has(const List &list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

int hexValue(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percentDecoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0) {
            out += static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string pointerDecoded(std::string_view token) {
    std::string out;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
            out += token[++i] == '0' ? '~' : '/';
        } else {
            out += token[i];
        }
    }
    return out;
}

}  // namespace

Result<Json> parseJsonText(std::string_view text, const std::string &what) {
    if (text.size() > kMaxText) return Error{ErrorCode::LimitExceeded, what + " is longer than 1 MiB."};
    // Before the parser builds anything.
    const JsonShape::Excess excess = jsonShape(text, {.depth = kMaxDepth, .members = kMaxMembers}).excess;
    if (excess == JsonShape::Excess::Depth) return Error{ErrorCode::LimitExceeded, what + " is nested more than 100 levels deep."};
    if (excess == JsonShape::Excess::Members) return Error{ErrorCode::LimitExceeded, what + " has more than 10000 members."};
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const Json::parse_error &problem) {
        return Error{ErrorCode::InvalidArgument, what + " is no JSON (byte " + std::to_string(problem.byte) + ").", problem.what()};
    } catch (const Json::exception &problem) {
        return Error{ErrorCode::InvalidArgument, what + " is no JSON.", problem.what()};
    }
}

std::string pathBelow(const std::string &path, std::string_view key) {
    std::string out = path + "/";
    for (const char c : key) {
        if (c == '~') out += "~0";
        else if (c == '/') out += "~1";
        else out += c;
    }
    return out;
}
std::string pathBelow(const std::string &path, std::size_t index) { return path + "/" + std::to_string(index); }

Keyword keywordOf(std::string_view name) {
    if (has(kSupported, name)) return Keyword::Supported;
    if (has(kAnnotations, name)) return Keyword::Annotation;
    return has(kUnsupported, name) ? Keyword::Unsupported : Keyword::Unknown;
}

Error unsupportedKeyword(const std::string &path, const std::string &why) {
    return Error{ErrorCode::InvalidArgument,
                 "The schema uses something that constrained output does not support at " + path +
                     (why.empty() ? "." : ": " + why + ".")};
}

Error wrongKeyword(const std::string &path, const std::string &must) {
    return Error{ErrorCode::InvalidArgument, "The schema is wrong at " + path + ": it must " + must + "."};
}

Result<std::shared_ptr<const SchemaDocument>> SchemaDocument::parse(std::string_view text) {
    FACET_TRY(root, parseJsonText(text, "The schema"));
    return fromJson(std::move(root));
}

Result<std::shared_ptr<const SchemaDocument>> SchemaDocument::fromJson(Json root) {
    if (!root.is_object() && !root.is_boolean())
        return Error{ErrorCode::InvalidArgument, "The schema must be a JSON object, or true or false."};
    auto made = std::make_shared<SchemaDocument>();
    made->m_root = std::move(root);
    if (made->m_root.is_object()) {
        const auto id = made->m_root.find("$id");
        if (id != made->m_root.end() && id->is_string()) {
            made->m_id = id->get<std::string>();
            if (made->m_id.ends_with('#')) made->m_id.pop_back();
        }
    }
    made->collectAnchors(made->m_root, "#");
    return std::shared_ptr<const SchemaDocument>(std::move(made));
}

void SchemaDocument::collectAnchors(const Json &node, const std::string &path) {
    if (node.is_array()) {
        for (std::size_t i = 0; i < node.size(); ++i) collectAnchors(node[i], pathBelow(path, i));
        return;
    }
    if (!node.is_object()) return;
    for (const auto &[key, value] : node.items()) {
        if (key == "enum" || key == "const" || key == "default" || key == "examples") continue;
        if (key == "$anchor" && value.is_string()) m_anchors.emplace(value.get<std::string>(), SchemaRef{&node, path});
        else collectAnchors(value, pathBelow(path, key));
    }
}

Result<SchemaRef> SchemaDocument::resolve(const std::string &ref, const std::string &path) const {
    std::string_view fragment = ref;
    if (!m_id.empty() && fragment.starts_with(m_id) && (fragment.size() == m_id.size() || fragment[m_id.size()] == '#'))
        fragment.remove_prefix(m_id.size());
    if (fragment.empty()) return root();
    if (fragment.front() != '#')
        return unsupportedKeyword(path, "\"" + ref + "\" is another document, and only references within the schema are read");
    fragment.remove_prefix(1);
    const std::string decoded = percentDecoded(fragment);
    if (decoded.empty()) return root();
    if (decoded.front() == '/') return pointer(decoded, path, ref);
    const auto anchor = m_anchors.find(decoded);
    if (anchor == m_anchors.end()) return wrongKeyword(path, "lead to a place in the schema, but there is no " + ref);
    return anchor->second;
}

Result<SchemaRef> SchemaDocument::pointer(std::string_view pointer, const std::string &path, const std::string &ref) const {
    SchemaRef at = root();
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t slash = std::min(pointer.find('/'), pointer.size());
        const std::string key = pointerDecoded(pointer.substr(0, slash));
        pointer.remove_prefix(slash);
        const Json *next = nullptr;
        if (at.schema->is_object()) {
            const auto found = at.schema->find(key);
            if (found != at.schema->end()) next = &*found;
            // Below another $id, references would be meant relative to it.
            if (at.schema != &m_root && at.schema->contains("$id"))
                return unsupportedKeyword(pathBelow(at.path, "$id"), "only the outermost schema may have an $id");
        } else if (at.schema->is_array()) {
            std::size_t index = 0;
            const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), index);
            if (problem == std::errc() && end == key.data() + key.size() && index < at.schema->size()) next = &(*at.schema)[index];
        }
        if (!next) return wrongKeyword(path, "lead to a place in the schema, but there is no " + ref);
        at = {next, pathBelow(at.path, key)};
    }
    return at;
}

}  // namespace facet::grammar
