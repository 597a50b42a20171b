// The instructions that Facet gives when the user names a task instead of writing one: the demo model knows its own
// short sentences, full models get the wording recommended with them (audio.md section 5, vision.md section 7).
#pragma once

#include "facet/model_info.h"

#include <string>
#include <string_view>

namespace facet::tasks {

std::string readTextPrompt(const ModelInfo &model);
// `what`: one class or several, separated by commas; empty: everything.
std::string detectPrompt(const ModelInfo &model, std::string_view what);
std::string describePrompt(const ModelInfo &model);
// `language`: a name or a two-letter code; empty: the recording's own.
std::string transcribePrompt(const ModelInfo &model, std::string_view language);

// Soft tokens a picture is worth for a task when the user does not say: small print and small objects need many.
int readTextBudget(const ModelInfo &model);
int detectBudget(const ModelInfo &model);

} // namespace facet::tasks
