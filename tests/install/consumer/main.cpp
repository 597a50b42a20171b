// Ten lines against the installed package: load a model folder, ask, print.
#include <facet/engine.h>
#include <cstdio>
int main(int argc, char **argv) {
    facet::LoadOptions options;
    options.path = argc > 1 ? argv[1] : "";
    auto engine = facet::Engine::load(options);
    if (!engine) return std::fprintf(stderr, "%s\n", engine.error().describe().c_str()), 1;
    facet::Request request;
    request.messages.push_back({.parts = {{.text = "Hello"}}});
    request.sampling.temperature = 0;
    auto answer = (*engine)->generate(request);
    return answer ? std::puts(answer->content.c_str()), 0 : 1;
}
