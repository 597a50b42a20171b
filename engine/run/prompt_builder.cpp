#include "run/prompt_builder.h"

#include "facet/output_parser.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace facet {

namespace {

Error unsupportedMedium(const LoadedModel &model, const char *what, const char *advice) {
    return {ErrorCode::MediaUnsupported,
            "The model \"" + model.info.name + "\" cannot take " + what + ": " + advice, {}, model.info.path};
}

// "MM:SS", both truncated, minutes not limited to 59 (video.md section 3).
std::string stamp(double seconds) {
    const double whole = std::isfinite(seconds) && seconds > 0 ? std::min(std::floor(seconds), 359999.0) : 0.0;
    const int total = static_cast<int>(whole);
    char text[32];
    std::snprintf(text, sizeof text, "%02d:%02d", total / 60, total % 60);
    return text;
}

std::string pictureKey(const ImageInput &image) {
    if (image.contentHash.empty()) return {};
    return "i:" + image.contentHash + ":" + std::to_string(image.columns) + "x" + std::to_string(image.rows);
}

std::string soundKey(const AudioInput &audio) {
    if (audio.contentHash.empty()) return {};
    return "a:" + audio.contentHash + ":" + std::to_string(audio.frames);
}

// Writes the expansion of one placeholder and remembers which spans it will give.
class Expander {
public:
    explicit Expander(const LoadedModel &model)
        : m_model(model), m_tokens(model.checkpoint.config.tokens),
          m_imageBegin(piece(m_tokens.imageBegin)), m_imageSoft(piece(m_tokens.imageSoft)),
          m_imageEnd(piece(m_tokens.imageEnd)), m_audioBegin(piece(m_tokens.audioBegin)),
          m_audioSoft(piece(m_tokens.audioSoft)), m_audioEnd(piece(m_tokens.audioEnd)),
          m_videoSoft(piece(m_tokens.videoSoft)) {}

    const std::string &imageSoft() const { return m_imageSoft; }
    const std::string &audioSoft() const { return m_audioSoft; }
    const std::string &videoSoft() const { return m_videoSoft; }
    std::vector<SoftSpan> takeSpans() { return std::move(m_spans); }

    Status image(const std::shared_ptr<const ImageInput> &image, std::string &out) {
        if (!m_model.vision || m_imageSoft.empty())
            return unsupportedMedium(m_model, "pictures", "choose a Gemma 4 model with a vision part.");
        return picture(image, m_imageSoft, SoftSpan::Kind::Image, out);
    }

    Status audio(const std::shared_ptr<const AudioInput> &audio, std::string &out) {
        if (!m_model.audio || m_audioSoft.empty())
            return unsupportedMedium(m_model, "sound", "choose a model that hears, such as Gemma 4 E2B or E4B.");
        if (audio->frames <= 0)
            return Error{ErrorCode::InvalidArgument, "The sound is shorter than the 10 ms that the model needs."};
        const int count = AudioTower::softTokenCount(*audio);
        out += m_audioBegin;
        for (int i = 0; i < count; ++i) out += m_audioSoft;
        out += m_audioEnd;
        m_spans.push_back({SoftSpan::Kind::Audio, 0, count, nullptr, audio, soundKey(*audio)});
        return ok();
    }

    Status video(const VideoInput &video, std::string &out) {
        if (!m_model.vision || m_videoSoft.empty())
            return unsupportedMedium(m_model, "films", "choose a Gemma 4 model with a vision part.");
        if (video.frames.empty() || video.frames.size() != video.seconds.size())
            return Error{ErrorCode::InvalidArgument, "The film has no frames to show to the model."};
        for (std::size_t i = 0; i < video.frames.size(); ++i) {
            if (i > 0) out += ' ';
            out += stamp(video.seconds[i]) + ' ';
            FACET_CHECK(picture(video.frames[i], m_videoSoft, SoftSpan::Kind::VideoFrame, out));
        }
        return ok();
    }

private:
    std::string piece(int id) const { return id >= 0 ? m_model.tokenizer.pieceBytes(id) : std::string(); }

    Status picture(const std::shared_ptr<const ImageInput> &image, const std::string &soft, SoftSpan::Kind kind,
                   std::string &out) {
        const int count = m_model.vision->softTokenCount(*image);
        if (count <= 0)
            return Error{ErrorCode::InvalidArgument, "A picture was prepared for another model: its patches do not "
                                                     "fill whole soft tokens."};
        out += m_imageBegin;
        for (int i = 0; i < count; ++i) out += soft;
        out += m_imageEnd;
        m_spans.push_back({kind, 0, count, image, nullptr, pictureKey(*image)});
        return ok();
    }

    const LoadedModel &m_model;
    MediaTokens m_tokens;
    std::string m_imageBegin, m_imageSoft, m_imageEnd, m_audioBegin, m_audioSoft, m_audioEnd, m_videoSoft;
    std::vector<SoftSpan> m_spans;
};

// Finds the first of the needles at or after `from`, outside the plain spans.
struct Found {
    std::size_t at = std::string::npos;
    const std::string *needle = nullptr;
};
Found findPlaceholder(const std::string &text, std::size_t from, const std::vector<ByteSpan> &plain,
                      std::initializer_list<const std::string *> needles) {
    Found best;
    for (const std::string *needle : needles) {
        if (needle->empty()) continue;
        std::size_t at = text.find(*needle, from);
        while (at != std::string::npos) {
            const auto inside = std::find_if(plain.begin(), plain.end(), [&](const ByteSpan &s) {
                return at < s.end && at + needle->size() > s.begin;
            });
            if (inside == plain.end()) break;
            at = text.find(*needle, at + 1);
        }
        if (at < best.at) best = {at, needle};
    }
    return best;
}

// Gives the spans their positions: soft ids stand in the ids in the same order.
Status placeSpans(const MediaTokens &tokens, BuiltPrompt &prompt) {
    std::size_t position = 0;
    for (SoftSpan &span : prompt.spans) {
        const int soft = span.kind == SoftSpan::Kind::Image   ? tokens.imageSoft
                         : span.kind == SoftSpan::Kind::Audio ? tokens.audioSoft
                                                              : tokens.videoSoft;
        const int begin = span.isPicture() ? tokens.imageBegin : tokens.audioBegin;
        while (position < prompt.ids.size() && (prompt.ids[position] != begin || position + 1 >= prompt.ids.size() ||
                                                prompt.ids[position + 1] != soft))
            ++position;
        const std::size_t first = position + 1;
        const auto count = static_cast<std::size_t>(span.count);
        if (first + count > prompt.ids.size() ||
            std::any_of(prompt.ids.begin() + static_cast<std::ptrdiff_t>(first),
                        prompt.ids.begin() + static_cast<std::ptrdiff_t>(first + count),
                        [soft](std::int32_t id) { return id != soft; }))
            return Error{ErrorCode::ModelFileCorrupt,
                         "The tokenizer does not turn the placeholders of pictures and sounds into the ids that "
                         "config.json names: the files do not belong together."};
        span.first = static_cast<std::int64_t>(first);
        position = first + count;
    }
    return ok();
}

std::vector<Message> withFilmSound(const LoadedModel &model, const std::vector<Message> &messages) {
    std::vector<Message> out = messages;
    for (Message &message : out) {
        std::vector<Part> parts;
        for (Part &part : message.parts) {
            // All frames first, then the sound track as a clip of its own (video.md section 4).
            const auto sound = part.kind == PartKind::Video && part.video && model.audio ? part.video->audio : nullptr;
            parts.push_back(std::move(part));
            if (sound && sound->frames > 0) parts.push_back({PartKind::Audio, {}, nullptr, sound, nullptr});
        }
        message.parts = std::move(parts);
    }
    return out;
}

Result<std::vector<Medium>> collectMedia(const std::vector<Message> &messages) {
    std::vector<Medium> media;
    for (const Message &message : messages) {
        for (const Part &part : message.parts) {
            if (part.kind == PartKind::Text) continue;
            if ((part.kind == PartKind::Image && !part.image) || (part.kind == PartKind::Audio && !part.audio) ||
                (part.kind == PartKind::Video && !part.video))
                return Error{ErrorCode::InvalidArgument, "A message names a medium without its contents."};
            media.push_back({part.image, part.audio, part.video});
        }
    }
    return media;
}

}  // namespace

Result<BuiltPrompt> expandPrompt(const LoadedModel &model, const std::string &text, const std::vector<ByteSpan> &plain,
                                 const std::vector<Medium> &media) {
    Expander expander(model);
    std::string expanded;
    std::vector<ByteSpan> spans;
    std::size_t copied = 0, nextPlain = 0;
    // Copies text up to `end`, moving the plain spans inside along.
    const auto copyTo = [&](std::size_t end) {
        while (nextPlain < plain.size() && plain[nextPlain].end <= end) {
            spans.push_back({plain[nextPlain].begin - copied + expanded.size(),
                             plain[nextPlain].end - copied + expanded.size()});
            ++nextPlain;
        }
        expanded.append(text, copied, end - copied);
        copied = end;
    };
    for (const Medium &medium : media) {
        const Found found = findPlaceholder(text, copied, plain,
                                            {&expander.imageSoft(), &expander.audioSoft(), &expander.videoSoft()});
        if (found.at == std::string::npos) {
            if (medium.image && !model.vision)
                return unsupportedMedium(model, "pictures", "choose a Gemma 4 model with a vision part.");
            if (medium.audio && !model.audio)
                return unsupportedMedium(model, "sound", "choose a model that hears, such as Gemma 4 E2B or E4B.");
            return Error{ErrorCode::ModelUnsupported,
                         "The model's chat template leaves out a picture, sound or film of the conversation.", {},
                         model.info.path};
        }
        copyTo(found.at);
        copied += found.needle->size();
        if (medium.image) FACET_CHECK(expander.image(medium.image, expanded));
        if (medium.audio) FACET_CHECK(expander.audio(medium.audio, expanded));
        if (medium.video) FACET_CHECK(expander.video(*medium.video, expanded));
    }
    copyTo(text.size());

    BuiltPrompt prompt;
    prompt.text = text;
    prompt.ids = model.tokenizer.encode(expanded, true, spans);
    prompt.spans = expander.takeSpans();
    prompt.startsInThought = OutputParser::promptOpensThought(text);
    FACET_CHECK(placeSpans(model.checkpoint.config.tokens, prompt));
    return prompt;
}

Result<std::vector<SoftSpan>> mediaSpans(const LoadedModel &model, const std::vector<Part> &media) {
    std::vector<Message> message(1);
    message[0].parts = media;
    FACET_TRY(list, collectMedia(withFilmSound(model, message)));
    Expander expander(model);
    std::string ignored;
    for (const Medium &medium : list) {
        if (medium.image) FACET_CHECK(expander.image(medium.image, ignored));
        if (medium.audio) FACET_CHECK(expander.audio(medium.audio, ignored));
        if (medium.video) FACET_CHECK(expander.video(*medium.video, ignored));
    }
    return expander.takeSpans();
}

namespace {

// Who writes a prompt by hand writes its control tokens by hand as well; only the first one is put before it.
Result<BuiltPrompt> rawPrompt(const LoadedModel &model, const Request &request) {
    if (!request.messages.empty())
        return Error{ErrorCode::InvalidArgument, "A request has either messages or a raw prompt, not both."};
    BuiltPrompt prompt;
    prompt.text = *request.rawPrompt;
    prompt.ids = model.tokenizer.encode(prompt.text, true);
    const int bos = model.checkpoint.config.bosId;
    if (bos >= 0 && (prompt.ids.empty() || prompt.ids.front() != bos)) prompt.ids.insert(prompt.ids.begin(), bos);
    if (prompt.ids.empty()) return Error{ErrorCode::InvalidArgument, "The prompt is empty: there is nothing to continue."};
    return prompt;
}

Result<BuiltPrompt> chatPrompt(const LoadedModel &model, const Request &request) {
    if (request.messages.empty())
        return Error{ErrorCode::InvalidArgument, "The conversation is empty: there is nothing to answer."};
    const std::vector<Message> messages = withFilmSound(model, request.messages);
    FACET_TRY(media, collectMedia(messages));
    for (const Medium &medium : media) {
        if ((medium.image || medium.video) && !model.vision)
            return unsupportedMedium(model, "pictures", "choose a Gemma 4 model with a vision part.");
        if (medium.audio && !model.audio)
            return unsupportedMedium(model, "sound", "choose a model that hears, such as Gemma 4 E2B or E4B.");
    }
    ChatOptions options;
    options.thinking = request.thinking;
    const std::vector<ToolDeclaration> none;
    FACET_TRY(chat, renderChat(model.chatTemplate, messages,
                               request.toolChoice == ToolChoice::None ? none : request.tools, options));
    return expandPrompt(model, chat.text, chat.plain, media);
}

}  // namespace

Result<BuiltPrompt> buildPrompt(const LoadedModel &model, const Request &request) {
    return request.rawPrompt ? rawPrompt(model, request) : chatPrompt(model, request);
}

}  // namespace facet
