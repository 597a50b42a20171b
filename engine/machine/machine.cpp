#include "facet/machine.h"

#include <cstdlib>
#include <exception>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace facet {

namespace {

// Numbers of the logical cores that this process may run on; empty: the system does not tell.
std::vector<int> allowedCores() {
    std::vector<int> cores;
#if defined(__linux__)
    constexpr int kMaxCpus = 8192;
    if (cpu_set_t *set = CPU_ALLOC(kMaxCpus)) {
        const std::size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
        CPU_ZERO_S(bytes, set);
        if (sched_getaffinity(0, bytes, set) == 0) {
            for (int core = 0; core < kMaxCpus; ++core)
                if (CPU_ISSET_S(static_cast<std::size_t>(core), bytes, set)) cores.push_back(core);
        }
        CPU_FREE(set);
    }
#endif
    return cores;
}

// "VmHWM:   1234 kB" of /proc/self/status; 0 if there is none.
std::uint64_t statusBytes(const std::string &status, const std::string &key) {
    const std::size_t at = status.find(key + ":");
    if (at == std::string::npos) return 0;
    return std::strtoull(status.c_str() + at + key.size() + 1, nullptr, 10) * 1024;
}

}  // namespace

std::string processorName() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

int usableCores() noexcept {
    try {
        if (const std::vector<int> cores = allowedCores(); !cores.empty()) return static_cast<int>(cores.size());
    } catch (const std::exception &) {  // no memory for a list
    }
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int usablePhysicalCores() {
    std::set<std::string> physical;
    for (const int core : allowedCores()) {
        std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(core) + "/topology/thread_siblings_list");
        std::string siblings;
        if (!std::getline(file, siblings)) return usableCores();
        physical.insert(siblings);
    }
    return physical.empty() ? usableCores() : static_cast<int>(physical.size());
}

MemoryFigures memoryFigures() {
    std::ifstream file("/proc/self/status");
    std::ostringstream text;
    text << file.rdbuf();
    const std::string status = text.str();
    return {statusBytes(status, "VmHWM"), statusBytes(status, "RssAnon"), statusBytes(status, "RssFile")};
}

void resetPeakMemory() {
    std::ofstream file("/proc/self/clear_refs");
    file << "5";
}

}  // namespace facet
