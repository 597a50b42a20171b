// What a conversation is on the window's side: plain values, shared by store, chat and ui.
#pragma once

#include "facet/answer.h"

#include <QDateTime>
#include <QPair>
#include <QString>
#include <QVector>

namespace facet::chat {

enum class Role { System, User, Assistant };
enum class AttachmentKind { Picture, Sound, Film };

// A file that belongs to a message. Its bytes lie in the media store under their SHA-256.
struct Attachment {
    QString hash;          // hex SHA-256; the file is MediaStore::path(hash, suffix)
    QString suffix;        // "png"
    QString name;          // as the user knows it
    AttachmentKind kind = AttachmentKind::Picture;
    qint64 bytes = 0;
    int width = 0, height = 0;   // upright pixels
    double seconds = 0;
    int tokenBudget = 0;         // 0: the model's default
    int tokens = -1;             // cost; -1: not known yet
};

enum class ToolState { Asking, Denied, Running, Done, Failed };
struct ToolUse {
    QString callId;
    QString tool;
    QString argumentsJson;
    ToolState state = ToolState::Asking;
    QString result;         // text given back to the model, or what went wrong
};

enum class MessageState { Complete, Streaming, Stopped, Interrupted, Failed };

struct Message {
    qint64 id = 0;                 // row id in the history; 0: not saved yet
    Role role = Role::User;
    QString text;                  // Markdown for the assistant
    QString thinking;
    QVector<Attachment> attachments;
    QVector<ToolUse> tools;        // assistant; results belong to the call
    MessageState state = MessageState::Complete;
    QString notice;                // shown below: why it failed, stopped, was interrupted; malformed calls
    int promptTokens = 0, completionTokens = 0, cachedTokens = 0;
    double tokensPerSecond = 0, firstTokenMs = 0;
    double thinkingSeconds = 0;    // how long the thought took; 0: not known
    QDateTime created;
    qint64 parent = -1;            // id of the message before it; 0: none; -1: whatever is last when it is saved
    QVector<qint64> versions;      // ids of it and of what was written in its place, oldest first; empty: only it
};

// A message whose text holds the words that were searched for.
struct SearchHit {
    qint64 conversation = 0, message = 0;
    QString title;                 // of the conversation
    Role role = Role::User;
    QDateTime created;
    QString excerpt;               // one line around the first word that was found
    QVector<QPair<int, int>> marks; // start and length of what was found in the excerpt
};

struct ConversationInfo {
    qint64 id = 0;
    QString title;
    QDateTime updated;
    int messageCount = 0;          // all versions
};

// What the engine is doing for the running turn; Idle: nothing runs.
enum class TurnPhase { Idle, Starting, Loading, Waiting, ReadingPicture, ReadingSound, ReadingPrompt, Thinking, Writing, AskingTool, RunningTool };
struct TurnProgress {
    TurnPhase phase = TurnPhase::Idle;
    quint64 done = 0, total = 0;
    double secondsInPhase = 0;
};

struct EngineState {
    enum class Kind { Stopped, Starting, Loading, Ready, Failed, Crashed };
    Kind kind = Kind::Stopped;
    QString modelName, modelPath;    // where it lies; of a remote engine its address
    bool remote = false, demoModel = false, hasVision = false, hasAudio = false;
    int contextLength = 0;
    QVector<int> budgets;            // soft-token budgets of pictures; empty: the endpoint does not say
    int defaultBudget = 280;
    quint64 loadedBytes = 0, totalBytes = 0;  // Loading
    QString problem;                 // Failed, Crashed: a whole sentence
};

// A model, or a part for one, that another program has downloaded; used where it lies.
struct FoundModel {
    enum class Role { Model, Drafter, Projector };                       // the latter two are nothing by themselves
    enum class Obstacle { None, OtherFamily, Damaged, Incomplete };      // why Facet cannot run it
    QString path, name, source;      // source: "Ollama"
    QString architecture;            // "gemma4"; empty: unknown
    QString projector;               // file with its eyes and ears, if that is another one
    qint64 bytes = 0;
    Role role = Role::Model;
    Obstacle obstacle = Obstacle::None;
    bool gguf = false;               // one file; else a folder
};

// How the engine on this computer loads a model. The first two hold for all models, the others belong to one.
struct AdapterUse {
    QString path;                    // folder
    double scale = 1.0;
    bool operator==(const AdapterUse &) const = default;
};
struct LoadSettings {
    QString kv;                      // type of the key/value cache: "f16", "q8_0", "q4_0", "q4_r"; empty: the engine chooses
    qint64 memoryBytes = 0;          // for weights and caches together; 0: what the machine has
    QString weights;                 // made smaller while a folder is loaded: "q8_0", "q4_0"; empty: as in the file
    QString drafter;
    QVector<AdapterUse> adapters;
    QString projector;               // empty: the one beside the model
    QString title;                   // shown instead of the file's name (Ollama's files are called by their hash)
    bool operator==(const LoadSettings &) const = default;
};

struct GenerationSettings {
    bool thinking = false;
    double temperature = 1.0, topP = 0.95, minP = 0.0;
    int topK = 64, maxTokens = 0;
    qint64 seed = -1;                // -1: random
    QString systemPrompt;
    bool toolsEnabled = true;
};

}  // namespace facet::chat
