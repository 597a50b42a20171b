#include "support/host_fixture.h"

#include <string>

using namespace facet;
using namespace facet::host;
using Json = nlohmann::json;

TEST_CASE("the state of the model") {
    HostFixture f(false, false);
    CHECK(parsed(f.get("/x_facet/model").body) == Json{{"loaded", false}});
    REQUIRE(f.slot.load({.path = "/a"}, {}, {}));
    const Json json = parsed(f.get("/x_facet/model").body);
    CHECK(json["loaded"] == true);
    const Json &info = json["info"];
    CHECK(info["path"] == "/models/fake");
    CHECK(info["name"] == "fake-model");
    CHECK(info["weight_type"] == "BF16");
    CHECK(info["parameters"] == 1234);
    CHECK(info["context"] == 8192);
    CHECK(info["max_context"] == 131072);
    CHECK(info["vision"]["budgets"] == Json::parse("[70,140,280,560,1120]"));
    CHECK(info["vision"]["patch_size"] == 16);
    CHECK(info["vision"]["pooling"] == 3);
    CHECK(info["audio"]["sample_rate"] == 16000);
    CHECK(info["demo"] == false);
    CHECK(info["memory_bytes"] == 1021);
    CHECK(info["unsupported"].empty());
}

TEST_CASE("a model seen from its headers") {
    HostFixture f(false, false);
    f.control->info.unsupported = {"It cannot sing."};
    f.control->info.hasAudio = false;
    const Json json = parsed(f.post("/x_facet/inspect", R"({"path":"/models/b"})").body);
    CHECK(json["name"] == "fake-model");
    CHECK(json["audio"].is_null());
    REQUIRE(json["memory"].size() == 2);
    CHECK(json["memory"][0]["context"] == 4096);
    CHECK(json["memory"][0]["kv"] == "f16");
    CHECK(json["memory"][0]["total_bytes"] == 1011);
    CHECK(json["memory"][0]["text_bytes"] == 1011);
    CHECK(json["memory"][0]["start_bytes"] == 1000);
    CHECK(json["memory"][1]["total_bytes"] == 1021);
    CHECK(json["notes"] == Json::array());
    CHECK(f.post("/x_facet/inspect", R"({"path":"/b","kv":"q8_0","memory":5000000000,"context":2048})").status == 200);
    CHECK(f.loader.lastInspected.kv == KvType::Q8_0);
    CHECK(f.loader.lastInspected.memoryLimitBytes == 5'000'000'000);
    CHECK(f.loader.lastInspected.contextLength == 2048);
    CHECK(json["unsupported"][0] == "It cannot sing.");
    const HttpAnswer missing = f.post("/x_facet/inspect", R"({"path":"/missing"})");
    CHECK(missing.status == 404);
    CHECK(parsed(missing.body)["error"]["code"] == "file_not_found");
    CHECK(parsed(f.post("/x_facet/inspect", "{}").body)["error"]["param"] == "path");
    CHECK(parsed(f.post("/x_facet/inspect", R"({"path":"a\u0000b"})").body)["error"]["param"] == "path");
    CHECK(parsed(f.post("/x_facet/inspect", R"({"path":"a","weights":"q1"})").body)["error"]["param"] == "weights");
    CHECK(f.post("/x_facet/inspect", "[]").status == 400);
}

TEST_CASE("loading tells how far it is and ends with the model") {
    HostFixture f(false, false);
    const HttpAnswer answer = f.post("/x_facet/load", R"({"path":"/a","weights":"q8_0","context":4096,"threads":2,"kv":"q4_0","packing":"off","memory":7000000000})");
    CHECK(answer.headers.at("content-type") == "text/event-stream");
    const auto lines = dataLines(answer.body);
    REQUIRE(lines.size() >= 2);
    CHECK(lines.back() == "[DONE]");
    const Json last = parsed(lines[lines.size() - 2]);
    CHECK(last["loaded"] == true);
    CHECK(last["info"]["name"] == "fake-model");
    CHECK(f.loader.lastOptions.weights == WeightType::Q8_0);
    CHECK(f.loader.lastOptions.contextLength == 4096);
    CHECK(f.loader.lastOptions.threads == 2);
    CHECK(f.loader.lastOptions.kv == KvType::Q4_0);
    CHECK(f.loader.lastOptions.packing == Packing::Off);
    CHECK(f.loader.lastOptions.memoryLimitBytes == 7'000'000'000);
    CHECK(parsed(f.post("/x_facet/load", R"({"path":"/a","kv":"q2"})").body)["error"]["param"] == "kv");
    CHECK(parsed(f.post("/x_facet/load", R"({"path":"/a","packing":"yes"})").body)["error"]["param"] == "packing");
    CHECK(parsed(f.post("/x_facet/load", R"({"path":"/a","memory":-1})").body)["error"]["param"] == "memory");
    CHECK(f.slot.state() == ModelSlot::State::Ready);
    CHECK(parsed(f.post("/x_facet/load", R"({"path":"/a","context":-1})").body)["error"]["param"] == "context");

    const auto failed = dataLines(f.post("/x_facet/load", R"({"path":"/corrupt"})").body);
    CHECK(parsed(failed[failed.size() - 2])["error"]["code"] == "model_file_corrupt");
    CHECK(f.slot.state() == ModelSlot::State::Empty);
}

TEST_CASE("a load takes what goes with the model") {
    HostFixture f(false, false);
    f.services.tuningFolder = "/tuning";
    const std::string body = R"({"path":"/a","mmproj":"/m.gguf","drafter":"/d","kv":"q8_0","memory":8000000000,"tune":"again",
        "adapters":[{"path":"/l1"},{"path":"/l2","scale":0.5}]})";
    REQUIRE(f.post("/x_facet/load", body).status == 200);
    const LoadOptions &options = f.loader.lastOptions;
    CHECK(options.mmproj == "/m.gguf");
    CHECK(options.drafter == "/d");
    CHECK(options.kv == KvType::Q8_0);
    CHECK(options.memoryLimitBytes == 8'000'000'000U);
    CHECK(options.tune == TuneMode::Again);
    CHECK(options.tuningFolder == "/tuning");
    REQUIRE(options.adapters.size() == 2);
    CHECK(options.adapters[0].path == "/l1");
    CHECK(options.adapters[0].scale == 1.0F);
    CHECK(options.adapters[1].scale == 0.5F);
    REQUIRE(f.post("/x_facet/load", R"({"path":"/a"})").status == 200);
    CHECK(f.loader.lastOptions.kv == KvType::Auto);
    CHECK(f.loader.lastOptions.drafter.empty());
    CHECK(f.loader.lastOptions.tune == TuneMode::Auto);
    f.services.tune = TuneMode::Off; // serve --tune off: unless the load says otherwise
    REQUIRE(f.post("/x_facet/load", R"({"path":"/a"})").status == 200);
    CHECK(f.loader.lastOptions.tune == TuneMode::Off);
    REQUIRE(f.post("/x_facet/load", R"({"path":"/a","tune":"auto"})").status == 200);
    CHECK(f.loader.lastOptions.tune == TuneMode::Auto);
    const auto refused = [&](const char *text) {
        return parsed(f.post("/x_facet/load", text).body)["error"]["param"].get<std::string>();
    };
    CHECK(refused(R"({"path":"/a","kv":"q3"})") == "kv");
    CHECK(refused(R"({"path":"/a","memory":-1})") == "memory");
    CHECK(refused(R"({"path":"/a","tune":"now"})") == "tune");
    CHECK(refused(R"({"path":"/a","drafter":7})") == "drafter");
    CHECK(refused(R"({"path":"/a","mmproj":"a\u0000b"})") == "mmproj");
    CHECK(refused(R"({"path":"/a","adapters":["x"]})") == "adapters[0]");
    CHECK(refused(R"({"path":"/a","adapters":[{"scale":1}]})") == "adapters[0].path");
    CHECK(refused(R"({"path":"/a","adapters":[{"path":"x","scale":1e9}]})") == "adapters[0].scale");
    std::string many = R"({"path":"/a","adapters":[)";
    for (int i = 0; i < 17; ++i) many += std::string(i ? "," : "") + R"({"path":"x"})";
    CHECK(refused((many + "]}").c_str()) == "adapters");
}

TEST_CASE("models of other programs are told to the window only") {
    const auto models = [] {
        FoundModel model{.path = "/m/a.gguf", .name = "a", .source = "LM Studio", .bytes = 12, .mmproj = "/m/p.gguf"};
        model.gguf = true;
        model.architecture = "gemma4";
        FoundModel other{.path = "/m/b", .name = "b\xff", .source = "Hugging Face"};
        other.obstacle = FoundModel::Obstacle::OtherFamily;
        other.architecture = "llama";
        FoundModel drafter{.path = "/m/c", .name = "c", .source = "Ollama"};
        drafter.role = FoundModel::Role::Drafter;
        return std::vector<FoundModel>{model, other, drafter};
    };
    HostFixture open(false, false);
    open.services.findModels = models;
    CHECK(open.get("/x_facet/models/found").status == 404);
    HostFixture f(true, false);
    CHECK(parsed(f.get("/x_facet/models/found").body) == Json{{"models", Json::array()}});
    f.services.findModels = models;
    const Json list = parsed(f.get("/x_facet/models/found").body)["models"];
    REQUIRE(list.size() == 3);
    CHECK(list[0] == Json{{"path", "/m/a.gguf"}, {"name", "a"}, {"source", "LM Studio"}, {"format", "gguf"},
                          {"role", "model"}, {"architecture", "gemma4"}, {"obstacle", nullptr}, {"bytes", 12},
                          {"mmproj", "/m/p.gguf"}});
    CHECK(list[1]["obstacle"] == "other_family");
    CHECK(list[1]["format"] == "safetensors");
    CHECK(list[1]["mmproj"].is_null());
    CHECK(list[2]["role"] == "drafter");
}

TEST_CASE("closing the connection cancels a load; progress is reported meanwhile") {
    HostFixture f(false, false);
    HttpPeer peer(f.port());
    peer.send(httpPost("/x_facet/load", R"({"path":"/slow"})"));
    REQUIRE(peer.waitFor(R"("phase":"loading")"));
    CHECK(peer.received().find(R"("done":1,"phase":"loading","total":10)") != std::string::npos);
    CHECK(ask(f.port(), httpGet("/health")).status == 503);
    const auto second = dataLines(f.post("/x_facet/load", R"({"path":"/b"})").body);
    CHECK(parsed(second[second.size() - 2])["error"]["code"] == "busy");
    peer.hangUp();
    CHECK(eventually([&] { return f.slot.state() == ModelSlot::State::Empty; }));
}

TEST_CASE("stopping the server cancels a load") {
    HostFixture f(false, false);
    HttpPeer peer(f.port());
    peer.send(httpPost("/x_facet/load", R"({"path":"/slow"})"));
    REQUIRE(peer.waitFor(R"("phase":"loading")"));
    f.server->stop();
    CHECK(f.slot.state() == ModelSlot::State::Empty);
}

TEST_CASE("unloading") {
    HostFixture f;
    CHECK(parsed(f.post("/x_facet/unload", "{}").body) == Json{{"loaded", false}});
    CHECK(f.control->alive == 0);
    CHECK(f.post("/x_facet/unload", "").status == 200);
}

TEST_CASE("media are read ahead") {
    HostFixture f;
    const auto read = f.post("/x_facet/encode", R"({"kind":"image","url":"data:;base64,UElD","token_budget":280})");
    CHECK(read.status == 200);
    CHECK(parsed(read.body)["encoded"] == true);
    CHECK(f.control->encodedAhead == 1);
    CHECK(f.post("/x_facet/encode", R"({"kind":"smell","url":"data:;base64,UElD"})").status == 400);
    CHECK(f.post("/x_facet/encode", "{}").status == 400);
    CHECK(parsed(f.get("/x_facet/model").body)["memory"]["limit"] == 1000);
    HostFixture none(false, false);
    CHECK(none.post("/x_facet/encode", R"({"kind":"image","url":"data:;base64,UElD"})").status == 503);
}

TEST_CASE("costs of media") {
    HostFixture f;
    const Json picture =
        parsed(f.post("/x_facet/cost", R"({"kind":"image","url":"data:;base64,UElD","token_budget":280})").body);
    CHECK(picture["width"] == 640);
    CHECK(picture["tokens"].get<int>() > 200);
    CHECK(picture["tokens"].get<int>() <= 282);
    CHECK(parsed(f.post("/x_facet/cost", R"({"kind":"audio","url":"data:;base64,U05E"})").body)["seconds"] == 10.0);
    CHECK(parsed(f.post("/x_facet/cost", R"({"kind":"video","url":"data:;base64,RkxN","frames":4})").body)["frames"] ==
          4);
    CHECK(parsed(f.post("/x_facet/cost", R"({"kind":"smell","url":"data:;base64,UElD"})").body)["error"]["param"] ==
          "kind");
    CHECK(parsed(f.post("/x_facet/cost", R"({"kind":"image"})").body)["error"]["param"] == "url");
    CHECK(parsed(f.post("/x_facet/cost", R"({"kind":"image","url":"file:///etc/hostname"})").body)["error"]["param"] ==
          "url");
    CHECK(f.post("/x_facet/cost", R"({"kind":"image","url":"data:;base64,AAAA"})").status == 400);
    CHECK(f.post("/x_facet/cost", R"({"kind":"image","url":"data:;base64,UElD","token_budget":99})").status == 400);
    f.slot.unload();
    CHECK(f.post("/x_facet/cost", R"({"kind":"image","url":"data:;base64,UElD"})").status == 200);
}
