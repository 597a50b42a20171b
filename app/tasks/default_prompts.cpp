#include "tasks/default_prompts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace facet::tasks {

namespace {

std::string trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return std::string(text);
}

// OpenAI's clients send two-letter codes, the model was trained on names.
std::string languageName(std::string_view language) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kNames{{
        {"en", "English"},    {"de", "German"},  {"fr", "French"},    {"es", "Spanish"},   {"it", "Italian"},
        {"pt", "Portuguese"}, {"nl", "Dutch"},   {"pl", "Polish"},    {"cs", "Czech"},     {"sv", "Swedish"},
        {"da", "Danish"},     {"fi", "Finnish"}, {"no", "Norwegian"}, {"tr", "Turkish"},   {"ru", "Russian"},
        {"uk", "Ukrainian"},  {"ar", "Arabic"},  {"he", "Hebrew"},    {"hi", "Hindi"},     {"ja", "Japanese"},
        {"ko", "Korean"},     {"zh", "Chinese"}, {"el", "Greek"},     {"hu", "Hungarian"},
    }};
    const std::string given = trimmed(language);
    std::string lower = given;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const auto &[code, name] : kNames) {
        if (lower == code) return std::string(name);
    }
    return given;
}

// The largest budget the model knows that is not above `wanted`.
int budgetUpTo(const ModelInfo &model, int wanted) {
    int best = model.vision.defaultBudget;
    for (const int budget : model.vision.budgets) {
        if (budget <= wanted && budget > best) best = budget;
    }
    return best;
}

} // namespace

std::string readTextPrompt(const ModelInfo &model) {
    if (model.demoModel) return "Read the text.";
    return "Read all text in the image, exactly as written, with its line breaks. Only output the text.";
}

std::string detectPrompt(const ModelInfo &model, std::string_view what) {
    const std::string wanted = trimmed(what);
    if (model.demoModel) return wanted.empty() ? "Detect all shapes." : "Find the " + wanted + ".";
    const std::string subject = wanted.empty()
                                    ? "Detect every object in the image."
                                    : "Detect every instance of the following classes in the image: " + wanted + ".";
    return subject + " Return a JSON array where each item is {\"box_2d\": [y_min, x_min, y_max, x_max], \"label\": "
                     "\"...\"} with "
                     "coordinates normalized to 0-1000. Return only the JSON.";
}

std::string describePrompt(const ModelInfo &model) {
    return model.demoModel ? "Describe the picture." : "Describe this image.";
}

std::string transcribePrompt(const ModelInfo &model, std::string_view language) {
    if (model.demoModel) return "Transcribe the audio.";
    const std::string name = languageName(language);
    const std::string head = name.empty()
                                 ? "Transcribe the following speech segment in its original language."
                                 : "Transcribe the following speech segment in " + name + " into " + name + " text.";
    return head + "\n\nFollow these specific instructions for formatting the answer:\n"
                  "* Only output the transcription, with no newlines.\n"
                  "* When transcribing numbers, write the digits, i.e. write 1.7 and not one point seven, and write 3 "
                  "instead of three.";
}

// The demo model was trained at its default budget only and reads badly at others.
int readTextBudget(const ModelInfo &model) {
    return model.demoModel ? model.vision.defaultBudget : budgetUpTo(model, 1120);
}

int detectBudget(const ModelInfo &model) {
    return model.demoModel ? model.vision.defaultBudget : budgetUpTo(model, 560);
}

} // namespace facet::tasks
