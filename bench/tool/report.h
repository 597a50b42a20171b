// How results are shown: a table for people, llama-bench's JSON fields (and more) for scripts.
#pragma once

#include "facet/machine.h"
#include "tool/measure.h"

#include <optional>
#include <string>
#include <vector>

namespace facet::bench {

// What the results of one model have in common.
struct Setting {
    std::string model;       // path
    std::string description; // "gemma4 Q4_0"
    std::uint64_t fileBytes = 0, parameters = 0;
    std::string kernels;     // instruction set
    int threads = 0;
    KvType kv = KvType::F16;
    std::optional<Roofline> limits;
};

class Report {
public:
    explicit Report(OutputFormat format) : m_format(format) {}
    void limits(const Roofline &limits);
    void add(const Setting &setting, const TestResult &result);
    void finish();

private:
    void addMarkdown(const Setting &setting, const TestResult &result);
    void addCsv(const Setting &setting, const TestResult &result);

    OutputFormat m_format;
    bool m_begun = false;
    double m_oneRow = 0;  // seconds of the last pass over one row: others are compared with it
};

// Where the time of one run went, as a table. `setting` for the fractions of the limits.
std::string profileTable(const Setting &setting, const TestResult &result);

}  // namespace facet::bench
