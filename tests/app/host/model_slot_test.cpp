#include "host/model_slot.h"

#include "support/fake_engine.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace facet;
using namespace facet::host;

namespace {

struct Fixture {
    std::shared_ptr<FakeControl> control = std::make_shared<FakeControl>();
    FakeLoader loader{control};
    ModelSlot slot{loader};
    Result<ModelInfo> load(const std::string &path) { return slot.load({.path = path}, {}, {}); }
};

ApiError refusal(std::variant<ModelSlot::Ticket, ApiError> entry) {
    REQUIRE(std::holds_alternative<ApiError>(entry));
    return std::get<ApiError>(entry);
}

} // namespace

TEST_CASE("an empty slot refuses, a loaded one lets in") {
    Fixture f;
    CHECK(f.slot.state() == ModelSlot::State::Empty);
    CHECK_FALSE(f.slot.info());
    CHECK(refusal(f.slot.enter({})).code == "no_model");
    REQUIRE(f.load("/models/a"));
    CHECK(f.slot.state() == ModelSlot::State::Ready);
    CHECK(f.slot.info()->name == "fake-model");
    CHECK(std::holds_alternative<ModelSlot::Ticket>(f.slot.enter({})));
    f.slot.unload();
    CHECK(f.slot.state() == ModelSlot::State::Empty);
    CHECK(f.control->alive == 0);
}

TEST_CASE("a wrong path leaves the old model, a bad file does not keep two") {
    Fixture f;
    REQUIRE(f.load("/models/a"));
    CHECK(f.load("/models/missing").error().code == ErrorCode::FileNotFound);
    CHECK(f.slot.state() == ModelSlot::State::Ready);
    CHECK(f.load("/models/corrupt").error().code == ErrorCode::ModelFileCorrupt);
    CHECK(f.slot.state() == ModelSlot::State::Empty);
    CHECK(f.control->alive == 0);
    CHECK(f.load("/models/b"));
    CHECK(f.control->alive == 1);
}

TEST_CASE("one running and sixty-four waiting") {
    Fixture f;
    REQUIRE(f.load("/models/a"));
    std::vector<std::variant<ModelSlot::Ticket, ApiError>> inside;
    for (int i = 0; i <= ModelSlot::kMaxWaiting; ++i) {
        inside.push_back(f.slot.enter({}));
        REQUIRE(std::holds_alternative<ModelSlot::Ticket>(inside.back()));
    }
    const ApiError error = refusal(f.slot.enter({}));
    CHECK(error.status == 429);
    CHECK(error.retryAfterSeconds > 0);
    inside.pop_back();
    CHECK(std::holds_alternative<ModelSlot::Ticket>(f.slot.enter({})));
}

TEST_CASE("unloading stops who is inside and waits for them") {
    Fixture f;
    REQUIRE(f.load("/models/a"));
    const CancelToken stop;
    auto entry = std::make_unique<std::variant<ModelSlot::Ticket, ApiError>>(f.slot.enter(stop));
    std::thread unloading([&] { f.slot.unload(); });
    while (!stop.cancelled()) std::this_thread::yield();
    CHECK(f.control->alive == 1); // still there for the one inside
    CHECK(refusal(f.slot.enter({})).status == 503);
    entry.reset();
    unloading.join();
    CHECK(f.control->alive == 0);
}

TEST_CASE("while one loads nobody else loads or enters; unload cancels it") {
    Fixture f;
    std::thread loading([&] { CHECK(f.load("/models/slow").error().code == ErrorCode::Cancelled); });
    while (f.control->loads == 0) std::this_thread::yield();
    CHECK(f.slot.state() == ModelSlot::State::Loading);
    CHECK(f.load("/models/b").error().code == ErrorCode::Busy);
    CHECK(refusal(f.slot.enter({})).code == "loading");
    f.slot.unload();
    loading.join();
    CHECK(f.slot.state() == ModelSlot::State::Empty);
}

TEST_CASE("a load that was cancelled makes way for the next") {
    Fixture f;
    const CancelToken first;
    std::thread loading(
        [&] { CHECK(f.slot.load({.path = "/models/slow"}, {}, first).error().code == ErrorCode::Cancelled); });
    while (f.control->loads == 0) std::this_thread::yield();
    std::thread changedMind([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        first.cancel();
    });
    CHECK(f.load("/models/b"));
    loading.join();
    changedMind.join();
    CHECK(f.slot.state() == ModelSlot::State::Ready);
}

TEST_CASE("a closed slot stays closed") {
    Fixture f;
    REQUIRE(f.load("/models/a"));
    f.slot.close();
    CHECK(f.load("/models/a").error().code == ErrorCode::Cancelled);
    CHECK(f.slot.state() == ModelSlot::State::Empty);
}
