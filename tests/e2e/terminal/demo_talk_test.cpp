// Small talk with the demo model: the questions of somebody who opens the program for the first time. What it says is sensible
// and honest, and outside of its tasks it says that it cannot.
#include "demo_support.h"

using namespace facet;
using namespace facet::demo;

namespace {

constexpr const char *kWho = "I am the tiny **demo model**";
constexpr const char *kCan = "- read short texts in pictures";
constexpr const char *kHello = "Hello! I am the **demo model**";
constexpr const char *kCannot = "I am only a small demo model and cannot answer that.";
constexpr const char *kBigger = "download a full **Gemma 4** model";
constexpr const char *kPictures = "I can read a few lines of text";
constexpr const char *kSpeech = "I can write down short English sentences";

// A question and a part of the answer.
constexpr std::pair<const char *, const char *> kTalk[] = {
    {"Hello", kHello}, {"Hi there", kHello}, {"Good morning", kHello},
    {"Who are you?", kWho}, {"What is your name?", kWho}, {"Which model are you?", kWho}, {"Are you Gemma?", kWho},
    {"Tell me about yourself.", kWho}, {"What model is this?", kWho},
    {"What can you do?", kCan}, {"Help", kCan}, {"How can you help me?", kCan}, {"How does this work?", kCan},
    {"What can I ask you?", kCan},
    {"Thank you", "You are welcome!"}, {"How are you?", "I am fine, thank you!"}, {"Bye", "Goodbye!"},
    {"Can you see pictures?", kPictures}, {"Do you understand images?", kPictures},
    {"Can you hear me?", kSpeech}, {"Can you transcribe audio?", kSpeech},
    {"Where can I get a better model?", kBigger}, {"How do I download Gemma 4?", kBigger},
    {"Write a poem about the sea.", kCannot}, {"What is the capital of France?", kCannot},
    {"Why is the sky blue?", kCannot}, {"Tell me a joke.", kCannot},
    // never trained on
    {"Recommend me a book.", kCannot}, {"How many legs has a spider?", kCannot}, {"Explain machine learning.", kCannot}};

Answer say(Engine &engine, const std::string &question, bool thinking) {
    Request request;
    request.messages.push_back({.role = Role::User, .parts = {Part{.text = question}}});
    request.sampling.temperature = 0;
    request.thinking = thinking;
    request.maxTokens = 300;
    const Result<Answer> answer = engine.generate(std::move(request));
    REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
    return *answer;
}

}  // namespace

TEST_CASE("the first thirty questions are answered sensibly") {
    const auto engine = loadDemoModel();
    int right = 0;
    for (const auto &[question, part] : kTalk) {
        const std::string said = say(*engine, question, false).content;
        const bool sensible = said.find(part) != std::string::npos;
        right += sensible;
        if (!sensible) MESSAGE(std::string(question) << " -> " << said);
        CHECK_FALSE(said.empty());
        // Whatever is missed must still be a whole sentence of its own.
        CHECK(std::string(".!?").find(said.back()) != std::string::npos);
    }
    MESSAGE(right << " of " << std::size(kTalk) << " answers are the right ones");
    CHECK(right >= 24);
}

TEST_CASE("it says honestly what it is, and thinks when it is asked to") {
    const auto engine = loadDemoModel();
    const Answer who = say(*engine, "Who are you?", true);
    CHECK(who.content.find(kWho) != std::string::npos);
    CHECK(who.content.find("full Gemma 4 model") != std::string::npos);
    CHECK_FALSE(who.thinking.empty());
    CHECK(say(*engine, "Who are you?", false).thinking.empty());
}
