// Two passes over the recording: the first plans the chunks (only energies are kept), the second decodes again and asks
// the model chunk by chunk, so that hours of sound need the memory of half a minute.
#include "tasks/transcription.h"

#include "facet/media/transcript.h"
#include "tasks/default_prompts.h"
#include "tasks/transcript_journal.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace facet::tasks {

namespace {

// A cue pushed behind the one before it keeps at least this long.
constexpr double kShortestCueSeconds = 0.1;


constexpr double kRate = 16000;
constexpr double kTokensPerSecond = 25; // speech never needs more (audio.md 8.4)
constexpr int kLeastTokens = 24;
constexpr std::int64_t kLeastSamples = 1600;      // 0.1 s: below this there is nothing to hear
constexpr std::int64_t kSplitSamples = 2 * 16000; // a bad chunk longer than this is asked again in halves

std::string trimmed(std::string text) {
    const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && blank(text.back())) text.pop_back();
    std::size_t begin = 0;
    while (begin < text.size() && blank(text[begin])) ++begin;
    return text.substr(begin);
}

media::ChunkOptions chunkOptions(const ModelInfo &model) {
    media::ChunkOptions options;
    options.hardLimitSeconds = std::min(options.hardLimitSeconds, static_cast<double>(model.audio.maxSamples) / kRate);
    if (model.demoModel) { // trained on single short sentences
        options.targetSeconds = 4;
        options.hardLimitSeconds = 5;
    }
    options.targetSeconds = std::min(options.targetSeconds, options.hardLimitSeconds * 0.8);
    return options;
}

Result<std::vector<media::AudioChunk>> planChunks(const media::Source &source, const media::ChunkOptions &options,
                                                  const media::DecodeLimits &limits, const CancelToken &cancel,
                                                  double &seconds) {
    media::ChunkPlanner planner(options);
    FACET_TRY(total, media::decodeSound(
                         source,
                         [&planner](std::span<const float> samples) {
                             planner.push(samples);
                             return true;
                         },
                         limits, cancel));
    seconds = static_cast<double>(total) / kRate;
    std::vector<media::AudioChunk> chunks = planner.finish();
    std::erase_if(
        chunks, [](const media::AudioChunk &c) { return !c.hasSpeech || c.endSample - c.beginSample < kLeastSamples; });
    // A short recording goes in as it is: its own silence is context.
    if (chunks.size() == 1 && seconds <= options.hardLimitSeconds) {
        chunks.front().beginSample = 0;
        chunks.front().endSample = total;
    }
    return chunks;
}

// The quietest place in the middle third, where a bad chunk is cut.
std::size_t middleSilence(std::span<const float> samples) {
    constexpr std::size_t kFrame = 320;
    std::size_t best = samples.size() / 2;
    double least = -1;
    for (std::size_t at = samples.size() / 3; at + kFrame < samples.size() * 2 / 3; at += kFrame) {
        double energy = 0;
        for (std::size_t i = at; i < at + kFrame; ++i)
            energy += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
        if (least < 0 || energy < least) {
            least = energy;
            best = at + kFrame / 2;
        }
    }
    return best;
}

struct Job {
    const AnswerFn &answer;
    const ModelInfo &model;
    const TranscribeOptions &options;
    const TranscribeCallbacks &callbacks;
    const CancelToken &cancel;
    std::string prompt;
    std::unique_ptr<TranscriptJournal> journal;
    Transcript out;
    // The last chunk's text is held until it is known whether the next one overlaps it.
    const media::AudioChunk *heldChunk = nullptr;
    std::string heldText;

    Result<ChunkRecord> ask(std::span<const float> samples) {
        FACET_TRY(sound, media::prepareAudio(samples, model.audio));
        Message message;
        message.parts.push_back(
            {.kind = PartKind::Audio, .audio = std::make_shared<const AudioInput>(std::move(sound))});
        message.parts.push_back({.kind = PartKind::Text, .text = prompt});
        Request request;
        request.messages.push_back(std::move(message));
        request.sampling = options.sampling;
        request.background = true; // an hour of sound must not keep a question waiting
        request.maxTokens =
            kLeastTokens + static_cast<int>(std::ceil(static_cast<double>(samples.size()) / kRate * kTokensPerSecond));
        FACET_TRY(answered, answer(std::move(request), {}, cancel));
        if (answered.finish == FinishReason::Cancelled) return cancelled();
        ChunkRecord record;
        record.text = trimmed(answered.content);
        record.promptTokens = answered.usage.promptTokens;
        record.completionTokens = answered.usage.completionTokens;
        record.doubtful =
            record.text.empty() || answered.finish == FinishReason::Length || media::isRepeating(record.text);
        return record;
    }

    // A chunk that came back bad is asked once more in two halves.
    Result<ChunkRecord> askWithRetry(std::span<const float> samples) {
        FACET_TRY(record, ask(samples));
        if (!record.doubtful || static_cast<std::int64_t>(samples.size()) < kSplitSamples) return record;
        const std::size_t cut = middleSilence(samples);
        FACET_TRY(first, ask(samples.first(cut)));
        FACET_TRY(second, ask(samples.subspan(cut)));
        ChunkRecord joined;
        joined.text =
            first.text.empty() || second.text.empty() ? first.text + second.text : first.text + " " + second.text;
        joined.promptTokens = record.promptTokens + first.promptTokens + second.promptTokens;
        joined.completionTokens = record.completionTokens + first.completionTokens + second.completionTokens;
        // One half may be silent; both empty, or a loop in either, stays in doubt.
        const auto loops = [](const ChunkRecord &r) { return r.doubtful && !r.text.empty(); };
        joined.doubtful = joined.text.empty() || loops(first) || loops(second);
        return joined;
    }

    Status chunk(const media::AudioChunk &plan, std::span<const float> samples) {
        std::optional<ChunkRecord> record = journal ? journal->find(plan.beginSample, plan.endSample) : std::nullopt;
        if (record) {
            ++out.resumedChunks;
        } else {
            FACET_TRY(fresh, askWithRetry(samples));
            if (journal) FACET_CHECK(journal->append(plan.beginSample, plan.endSample, fresh));
            record = std::move(fresh);
        }
        out.promptTokens += record->promptTokens;
        out.completionTokens += record->completionTokens;
        out.doubtfulChunks += record->doubtful ? 1 : 0;
        settle(plan, std::move(record->text));
        if (callbacks.progress) callbacks.progress(static_cast<double>(plan.endSample) / kRate, out.seconds);
        return ok();
    }

    void settle(const media::AudioChunk &plan, std::string text) {
        if (heldChunk != nullptr && plan.overlapsPrevious) {
            const media::TextOverlap overlap = media::findOverlap(heldText, text);
            if (overlap.found) {
                heldText = trimmed(heldText.substr(0, overlap.previousEnd));
                text = trimmed(text.substr(overlap.nextBegin));
            }
        }
        release();
        heldChunk = &plan;
        heldText = std::move(text);
    }

    // Gives away what is held.
    void release() {
        if (heldChunk == nullptr || heldText.empty()) {
            heldChunk = nullptr;
            return;
        }
        const std::string piece = out.text.empty() ? heldText : " " + heldText;
        out.text += piece;
        if (callbacks.text) callbacks.text(piece);
        std::vector<TranscriptSegment> segments;
        // Where no silence was found two chunks share a second of sound: cues of the later one begin when the earlier end.
        double shown = out.segments.empty() ? 0.0 : out.segments.back().endSeconds;
        for (media::Cue &cue : media::cuesFor(*heldChunk, heldText)) {
            const double begin = std::max(cue.begin, shown);
            shown = std::max(cue.end, begin + kShortestCueSeconds);
            segments.push_back({begin, shown, std::move(cue.text)});
        }
        if (callbacks.segments) callbacks.segments(segments);
        out.segments.insert(out.segments.end(), segments.begin(), segments.end());
        heldChunk = nullptr;
        heldText.clear();
    }

    static Error cancelled() { return {.code = ErrorCode::Cancelled, .message = "The transcription was stopped."}; }
};

std::string identityOf(const std::string &fileHash, const ModelInfo &model, const std::string &prompt,
                       const media::ChunkOptions &chunks, const SamplingOptions &sampling) {
    std::string text = fileHash;
    for (const std::string &part : {model.name, model.weightType, std::to_string(model.parameterCount),
                                    std::to_string(model.fileBytes), prompt, std::to_string(chunks.targetSeconds),
                                    std::to_string(chunks.hardLimitSeconds), std::to_string(sampling.temperature)}) {
        text += "|" + part;
    }
    return text;
}

// Second pass: gives each chunk its samples as soon as they are decoded.
Status runChunks(Job &job, const std::vector<media::AudioChunk> &chunks, const media::Source &source) {
    std::vector<float> buffer;
    std::int64_t bufferBegin = 0;
    std::size_t next = 0;
    Status state = ok();
    const auto atSample = [&](std::int64_t sample) { return static_cast<std::size_t>(sample - bufferBegin); };
    const auto take = [&](std::span<const float> samples) {
        buffer.insert(buffer.end(), samples.begin(), samples.end());
        while (next < chunks.size() &&
               chunks[next].endSample <= bufferBegin + static_cast<std::int64_t>(buffer.size())) {
            const media::AudioChunk &plan = chunks[next];
            if (job.cancel.cancelled()) {
                state = Job::cancelled();
                return false;
            }
            state =
                job.chunk(plan, std::span(buffer).subspan(atSample(plan.beginSample),
                                                          static_cast<std::size_t>(plan.endSample - plan.beginSample)));
            if (!state) return false;
            ++next;
            // The next chunk does not overlap: nothing can change this one's text any more.
            if (next >= chunks.size() || !chunks[next].overlapsPrevious) job.release();
        }
        // What lies before the next chunk is not needed again.
        const std::int64_t have = bufferBegin + static_cast<std::int64_t>(buffer.size());
        const std::int64_t keepFrom = next < chunks.size() ? std::min(chunks[next].beginSample, have) : have;
        if (keepFrom - bufferBegin > static_cast<std::int64_t>(kRate)) {
            buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(atSample(keepFrom)));
            bufferBegin = keepFrom;
        }
        return next < chunks.size();
    };
    const Result<std::int64_t> decoded = media::decodeSound(source, take, job.options.limits, job.cancel);
    FACET_CHECK(state);
    if (!decoded) return decoded.error();
    return ok();
}

} // namespace

Result<Transcript> transcribe(const AnswerFn &answer, const ModelInfo &model, const media::Source &source,
                              const TranscribeOptions &options, const TranscribeCallbacks &callbacks,
                              const CancelToken &cancel) {
    if (!model.hasAudio) {
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message =
                         "The model " + model.name + " cannot hear; choose one with an audio encoder (E2B or E4B).",
                     .file = source.name};
    }
    Job job{.answer = answer, .model = model, .options = options, .callbacks = callbacks, .cancel = cancel};
    job.prompt = options.prompt.empty() ? transcribePrompt(model, options.language) : options.prompt;
    job.out.language = options.language;
    const media::ChunkOptions chunking = chunkOptions(model);
    FACET_TRY(chunks, planChunks(source, chunking, options.limits, cancel, job.out.seconds));
    if (!options.journalPath.empty()) {
        FACET_TRY(hash, media::contentHashOf(source, cancel));
        FACET_TRY(journal, TranscriptJournal::open(options.journalPath,
                                                   identityOf(hash, model, job.prompt, chunking, options.sampling)));
        job.journal = std::make_unique<TranscriptJournal>(std::move(journal));
    }
    if (callbacks.progress) callbacks.progress(0, job.out.seconds);
    if (!chunks.empty()) FACET_CHECK(runChunks(job, chunks, source));
    job.release();
    if (callbacks.progress) callbacks.progress(job.out.seconds, job.out.seconds);
    return std::move(job.out);
}

} // namespace facet::tasks
