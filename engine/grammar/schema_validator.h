// Does a JSON value satisfy a schema? Used for enumerations, for the arguments of tool calls and by tests. Knows more
// keywords than the grammar: also not, if/then/else, contains, dependent...
#pragma once

#include "grammar/schema_document.h"

#include <optional>
#include <string>

namespace facet::grammar {

// Nothing if it does; else a sentence that names the place in the value and in the schema.
// Errors: InvalidArgument for a schema that cannot be judged (naming the keyword's path).
Result<std::optional<std::string>> violation(const SchemaDocument &document, const SchemaRef &schema, const Json &value);

// The same from texts. Errors also for texts that are no JSON.
Result<std::optional<std::string>> violationOf(std::string_view schemaText, std::string_view valueText);

}  // namespace facet::grammar
