// What of a long transcription is done, one JSON line a chunk, flushed to the disk: a run that was ended goes on where
// it stopped (audio.md 8.7). The first line says what the records belong to; anything else there starts a new journal.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace facet::tasks {

struct ChunkRecord {
    std::string text;
    int promptTokens = 0, completionTokens = 0;
    bool doubtful = false;
};

class TranscriptJournal {
public:
    // `identity`: file hash, model, prompt, options, as one text. Errors: FileWriteFailed, DiskFull.
    static Result<TranscriptJournal> open(const std::string &path, const std::string &identity);
    TranscriptJournal(TranscriptJournal &&other) noexcept;
    TranscriptJournal &operator=(TranscriptJournal &&) = delete;
    TranscriptJournal(const TranscriptJournal &) = delete;
    ~TranscriptJournal();

    std::optional<ChunkRecord> find(std::int64_t beginSample, std::int64_t endSample) const;
    // On the disk when it returns.
    Status append(std::int64_t beginSample, std::int64_t endSample, const ChunkRecord &record);

private:
    TranscriptJournal(std::string path, int fd) : m_path(std::move(path)), m_fd(fd) {}
    Status write(const std::string &line);
    Error writeError(int number) const;

    std::string m_path;
    int m_fd = -1;
    std::map<std::pair<std::int64_t, std::int64_t>, ChunkRecord> m_records;
};

} // namespace facet::tasks
