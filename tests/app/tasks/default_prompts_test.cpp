#include "tasks/default_prompts.h"

#include <doctest/doctest.h>

using namespace facet;
using namespace facet::tasks;

TEST_CASE("the demo model gets its own short sentences") {
    ModelInfo demo;
    demo.demoModel = true;
    demo.vision.defaultBudget = 70;
    CHECK(readTextPrompt(demo) == "Read the text.");
    CHECK(detectPrompt(demo, "") == "Detect all shapes.");
    CHECK(detectPrompt(demo, " red circle ") == "Find the red circle.");
    CHECK(transcribePrompt(demo, "German") == "Transcribe the audio.");
    CHECK(describePrompt(demo) == "Describe the picture.");
    CHECK(readTextBudget(demo) == 70);
    CHECK(detectBudget(demo) == 70);
}

TEST_CASE("full models get the wording recommended with them") {
    const ModelInfo model;
    CHECK(transcribePrompt(model, "").find("in its original language.") != std::string::npos);
    CHECK(
        transcribePrompt(model, "de").rfind("Transcribe the following speech segment in German into German text.", 0) ==
        0);
    CHECK(transcribePrompt(model, "Swahili").find("in Swahili into Swahili text.") != std::string::npos);
    CHECK(detectPrompt(model, "cat, dog").find("following classes in the image: cat, dog.") != std::string::npos);
    CHECK(detectPrompt(model, "").find("\"box_2d\": [y_min, x_min, y_max, x_max]") != std::string::npos);
    CHECK(readTextBudget(model) == 1120);
    CHECK(detectBudget(model) == 560);
}
