// A JSON Schema -> the grammar of the texts that satisfy it. What the grammar accepts is valid; valid values are
// accepted when their properties come in the schema's order, further ones at the end.
#pragma once

#include "grammar/grammar.h"
#include "grammar/schema_document.h"
#include "grammar/value_writer.h"

#include <memory>
#include <string_view>

namespace facet::grammar {

struct SchemaOptions {
    // Objects that name properties and say nothing about further ones have none: right for answers, not for judging.
    bool closeObjects = true;
    bool sortedKeys = false;  // by name ignoring case, as the chat template writes arguments
};

// The rule of the texts. Errors: InvalidArgument naming the path of what is wrong or not supported, LimitExceeded.
Result<RuleId> addSchema(GrammarBuilder &builder, ValueWriter &writer, const SchemaDocument &document,
                         const SchemaOptions &options);
Result<std::shared_ptr<const Grammar>> grammarFromSchema(std::string_view schemaText, const SchemaOptions &options = {});
// Any JSON object.
Result<std::shared_ptr<const Grammar>> grammarOfJsonObject();

}  // namespace facet::grammar
