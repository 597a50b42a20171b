#include "tool/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <map>

namespace facet::bench {

namespace {

std::string line(const char *format, ...) __attribute__((format(printf, 1, 2)));
std::string line(const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return std::string(text) + "\n";
}

std::string figure(double value, int digits) {
    if (value <= 0) return "";
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string share(double value, double limit) {
    if (value <= 0 || limit <= 0) return "";
    char text[32];
    std::snprintf(text, sizeof text, "%.0f %%", 100 * value / limit);
    return text;
}

std::string tableRow(const Profile::Row &row, const std::string &what, double whole, const std::optional<Roofline> &limits) {
    const double gigabytes = row.seconds > 0 ? row.bytes / row.seconds * 1e-9 : 0;
    const double operations = row.seconds > 0 ? row.operations / row.seconds * 1e-9 : 0;
    return line("%-20s %-20s %-5s %7llu %9.3f %6.1f %6.1f %8s %6s %8s %6s", row.part, what.c_str(), row.type,
                static_cast<unsigned long long>(row.calls), row.seconds * 1e3, 100 * row.seconds / whole,
                row.seconds > 0 ? 100 * row.waitSeconds / row.seconds : 0, figure(gigabytes, 1).c_str(),
                share(gigabytes, limits ? limits->streaming() : 0).c_str(), figure(operations, 0).c_str(),
                share(operations, limits ? limits->integers() : 0).c_str());
}

}  // namespace

std::string profileTable(const Setting &setting, const TestResult &result) {
    std::vector<Profile::Row> rows = result.profile;
    std::sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) { return a.seconds > b.seconds; });
    const double whole = std::max(result.profileSeconds, 1e-9);
    std::string out = "profile of " + result.spec.name() + line(", %d threads: %.2f ms (%.2f ms without clocks)", setting.threads,
                                                                 whole * 1e3, result.medianSeconds() * 1e3);
    out += line("%-20s %-20s %-5s %7s %9s %6s %6s %8s %6s %8s %6s", "part", "operation", "type", "calls", "ms", "%", "wait %", "GB/s",
                "of max", "GOP/s", "of int");
    for (const Profile::Row &row : rows)
        if (row.seconds >= 0.0005 * whole) out += tableRow(row, row.operation, whole, setting.limits);
    // The same by kind of operation, over all parts.
    std::map<std::pair<std::string, std::string>, Profile::Row> kinds;
    Profile::Row total;
    for (const Profile::Row &row : rows) {
        for (Profile::Row *sum : {&kinds[{row.operation, row.type}], &total}) {
            sum->part = "all";
            sum->type = sum == &total ? "" : row.type;
            sum->calls += row.calls;
            sum->seconds += row.seconds;
            sum->waitSeconds += row.waitSeconds;
            sum->bytes += row.bytes;
            sum->operations += row.operations;
        }
    }
    std::vector<std::pair<std::string, Profile::Row>> sums;
    for (const auto &[key, row] : kinds) sums.emplace_back(key.first, row);
    std::sort(sums.begin(), sums.end(), [](const auto &a, const auto &b) { return a.second.seconds > b.second.seconds; });
    out += "\n";
    for (const auto &[what, row] : sums)
        if (row.seconds >= 0.0005 * whole) out += tableRow(row, what, whole, setting.limits);
    return out + tableRow(total, "everything", whole, setting.limits);
}

}  // namespace facet::bench
