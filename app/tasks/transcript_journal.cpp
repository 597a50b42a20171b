#include "tasks/transcript_journal.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace facet::tasks {

namespace {

using Json = nlohmann::json;

constexpr const char *kKind = "facet-transcript-1";

// Damaged lines (the last one, where the program was killed) are passed over: their chunk is done again.
bool readRecord(const std::string &line, std::pair<std::int64_t, std::int64_t> &key, ChunkRecord &record) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return false;
    const auto number = [&json](const char *name) -> std::optional<std::int64_t> {
        const auto found = json.find(name);
        if (found == json.end() || !found->is_number_integer()) return std::nullopt;
        return found->get<std::int64_t>();
    };
    const auto begin = number("begin"), end = number("end");
    const auto text = json.find("text");
    if (!begin || !end || text == json.end() || !text->is_string()) return false;
    key = {*begin, *end};
    record.text = text->get<std::string>();
    record.promptTokens = static_cast<int>(number("prompt_tokens").value_or(0));
    record.completionTokens = static_cast<int>(number("completion_tokens").value_or(0));
    record.doubtful = json.contains("doubtful") && json["doubtful"].is_boolean() && json["doubtful"].get<bool>();
    return true;
}

} // namespace

TranscriptJournal::TranscriptJournal(TranscriptJournal &&other) noexcept
    : m_path(std::move(other.m_path)), m_fd(std::exchange(other.m_fd, -1)), m_records(std::move(other.m_records)) {}

TranscriptJournal::~TranscriptJournal() {
    if (m_fd >= 0) ::close(m_fd);
}

Error TranscriptJournal::writeError(int number) const {
    return {.code = number == ENOSPC ? ErrorCode::DiskFull : ErrorCode::FileWriteFailed,
            .message = number == ENOSPC ? "There is no room left for the transcription's journal."
                                        : "The transcription's journal cannot be written.",
            .detail = std::strerror(number),
            .file = m_path};
}

Result<TranscriptJournal> TranscriptJournal::open(const std::string &path, const std::string &identity) {
    const std::string head =
        Json({{"kind", kKind}, {"identity", identity}}).dump(-1, ' ', false, Json::error_handler_t::replace);
    std::map<std::pair<std::int64_t, std::int64_t>, ChunkRecord> records;
    bool ours = false, endsInLine = true;
    if (std::ifstream file(path, std::ios::binary); file) {
        std::string line;
        if (std::getline(file, line)) ours = line == head;
        while (ours && std::getline(file, line)) {
            endsInLine = !file.eof();
            std::pair<std::int64_t, std::int64_t> key;
            ChunkRecord record;
            if (readRecord(line, key, record)) records[key] = std::move(record);
        }
    }
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (ours ? 0 : O_TRUNC), 0600);
    TranscriptJournal journal(path, fd);
    if (fd < 0) return journal.writeError(errno);
    journal.m_records = std::move(records);
    if (!ours) FACET_CHECK(journal.write(head + "\n"));
    if (ours && !endsInLine) FACET_CHECK(journal.write("\n"));
    return journal;
}

Status TranscriptJournal::write(const std::string &line) {
    for (std::size_t done = 0; done < line.size();) {
        const ssize_t count = ::write(m_fd, line.data() + done, line.size() - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return writeError(errno);
        done += static_cast<std::size_t>(count);
    }
    if (::fdatasync(m_fd) != 0 && errno != EINVAL) return writeError(errno);
    return ok();
}

std::optional<ChunkRecord> TranscriptJournal::find(std::int64_t beginSample, std::int64_t endSample) const {
    const auto found = m_records.find({beginSample, endSample});
    if (found == m_records.end()) return std::nullopt;
    return found->second;
}

Status TranscriptJournal::append(std::int64_t beginSample, std::int64_t endSample, const ChunkRecord &record) {
    const Json json = {{"begin", beginSample},
                       {"end", endSample},
                       {"text", record.text},
                       {"prompt_tokens", record.promptTokens},
                       {"completion_tokens", record.completionTokens},
                       {"doubtful", record.doubtful}};
    m_records[{beginSample, endSample}] = record;
    return write(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

} // namespace facet::tasks
