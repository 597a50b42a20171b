// Shows the window in its typical states and saves a picture of each: for the eye of a reviewer and for the README.
//
//     facet_ui_gallery OUT_FOLDER [--only NAME]          (QT_QPA_PLATFORM=offscreen; QT_SCALE_FACTOR=2 for sharp ones)
#include "support/fake_chat_controller.h"
#include "ui/composer/composer.h"
#include "ui/dialogs/info_dialogs.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/main_window.h"
#include "ui/models/models_dialog.h"
#include "ui/overlay/picture_cache.h"
#include "ui/overlay/picture_view.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"

#include <QAction>
#include <QApplication>
#include <QDir>
#include <QLineEdit>
#include <QListWidget>
#include <QScrollBar>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>
#include <functional>

using namespace facet;
using tests::FakeChatController;

namespace {

QString fixture(const char *name) {
    return QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/") + QLatin1String(name);
}

chat::Message user(const QString &text) {
    chat::Message message;
    message.role = chat::Role::User;
    message.text = text;
    return message;
}

chat::Message assistant(const QString &text) {
    chat::Message message;
    message.role = chat::Role::Assistant;
    message.text = text;
    message.completionTokens = int(text.size() / 4);
    message.promptTokens = 412;
    message.cachedTokens = 380;
    message.tokensPerSecond = 21.7;
    message.firstTokenMs = 620;
    return message;
}

QVector<chat::FoundModel> foundModels() {
    using chat::FoundModel;
    const auto found = [](const char *name, const char *source, double gigabytes, bool gguf) {
        FoundModel model;
        model.name = QLatin1String(name);
        model.source = QLatin1String(source);
        model.path = QStringLiteral("/home/me/.cache/") + model.name;
        model.bytes = qint64(gigabytes * 1e9);
        model.gguf = gguf;
        return model;
    };
    FoundModel inUse = found("google/gemma-4-E2B-it", "Hugging Face", 10.2, false);
    inUse.path = QStringLiteral("/models/gemma-4-E2B-it");
    FoundModel withEyes = found("gemma-4-E4B-it-Q4_K_M", "LM Studio", 6.1, true);
    withEyes.projector = QStringLiteral("/home/me/.lmstudio/models/mmproj-F16.gguf");
    FoundModel drafter = found("gemma-4-E2B-it-assistant", "Hugging Face", 0.16, false);
    drafter.role = FoundModel::Role::Drafter;
    FoundModel projector = found("mmproj-gemma-4-E4B-it-F16", "LM Studio", 0.9, true);
    projector.role = FoundModel::Role::Projector;
    FoundModel other = found("qwen3:8b", "Ollama", 5.2, true);
    other.obstacle = FoundModel::Obstacle::OtherFamily;
    other.architecture = QStringLiteral("qwen3");
    FoundModel half = found("google/gemma-4-31B-it", "Hugging Face", 21.5, false);
    half.obstacle = FoundModel::Obstacle::Incomplete;
    return {inUse, withEyes, found("gemma3:270m", "Ollama", 0.29, true), drafter, projector, other, half};
}

chat::Attachment picture(FakeChatController &controller, const char *name, int width, int height) {
    chat::Attachment attachment;
    attachment.name = QLatin1String(name);
    attachment.hash = QStringLiteral("h-") + attachment.name;
    attachment.bytes = 84211;
    attachment.width = width;
    attachment.height = height;
    attachment.tokens = 256;
    controller.setAttachmentPath(attachment.hash, fixture(name));
    return attachment;
}

void fillConversations(FakeChatController &controller) {
    const QDateTime now = QDateTime::currentDateTime();
    QVector<chat::ConversationInfo> list;
    const QVector<std::pair<QString, int>> titles = {{QStringLiteral("Shapes on the table"), 0},
                                                     {QStringLiteral("Ring buffer in C++"), 0},
                                                     {QStringLiteral("Interview with Dr. Sanders"), 1},
                                                     {QStringLiteral("Receipt from the bakery"), 3},
                                                     {QStringLiteral("Wording of the invitation"), 5},
                                                     {QStringLiteral("Screenshots of the old dashboard, compared"), 21},
                                                     {QStringLiteral("Lecture 4: heat pumps"), 64}};
    for (int i = 0; i < titles.size(); ++i) {
        chat::ConversationInfo info;
        info.id = i + 1;
        info.title = titles[i].first;
        info.updated = now.addDays(-titles[i].second).addSecs(-600 * i);
        list.append(info);
    }
    controller.setConversations(list);
}

const char kMarkdown[] =
    R"(A **ring buffer** keeps the last *n* values in a fixed block of memory. Two indices run around it, and nothing is ever moved:

1. `head` is where the next value goes.
2. `tail` is where the oldest one lies.
3. When both meet, the buffer is either empty or full; a count tells which.

```cpp
template <typename T, std::size_t N>
class RingBuffer {
public:
    bool push(const T &value) {
        if (m_count == N) return false;   // full: the caller decides
        m_values[(m_tail + m_count++) % N] = value;
        return true;
    }

private:
    std::array<T, N> m_values{};
    std::size_t m_tail = 0, m_count = 0;
};
```

## When to use which

| Structure | Push | Memory | Good for |
|---|:---:|---:|---|
| Ring buffer | O(1) | fixed | audio, logs |
| `std::deque` | O(1) | grows | queues of unknown length |
| `std::vector` | O(1)* | grows | everything else |

> A full buffer is a decision, not an accident: drop the oldest, drop the newest, or wait.

See [the reference](https://en.cppreference.com/w/cpp/container) for the containers of the standard library.)";

void markdownChat(FakeChatController &controller) {
    fillConversations(controller);
    controller.setMessages(
        {user(QStringLiteral("What is a ring buffer, and when would I use one rather than a deque?")),
         assistant(QString::fromUtf8(kMarkdown)),
         user(QStringLiteral("Thanks! One line for the commit message, please.")),
         assistant(QStringLiteral("`audio: keep the last two seconds in a ring buffer`"))});
}

const char kBoxes[] = "I found these shapes:\n\n```json\n[{\"box_2d\": [120, 80, 420, 330], \"label\": \"red "
                      "circle\"},\n {\"box_2d\": [150, 560, 470, 860], \"label\": \"blue square\"},\n "
                      "{\"box_2d\": [560, 300, 900, 660], \"label\": \"green triangle\"},\n {\"point\": [300, 480], "
                      "\"label\": \"centre\"}]\n```\n";

void pictureChat(FakeChatController &controller) {
    fillConversations(controller);
    chat::Message question = user(QStringLiteral("Find all shapes in this picture."));
    question.attachments = {picture(controller, "shapes.png", 640, 480)};
    controller.setMessages({question, assistant(QString::fromUtf8(kBoxes))});
}

void toolChat(FakeChatController &controller) {
    fillConversations(controller);
    chat::Message answer = assistant(QString());
    answer.completionTokens = 0;
    answer.state = chat::MessageState::Streaming;
    chat::ToolUse done;
    done.callId = QStringLiteral("call_1");
    done.tool = QStringLiteral("calculator");
    done.argumentsJson = QStringLiteral("{\"expression\": \"(1284.50 + 79.90) * 0.19\"}");
    done.state = chat::ToolState::Done;
    done.result = QStringLiteral("259.236");
    chat::ToolUse asking;
    asking.callId = QStringLiteral("call_2");
    asking.tool = QStringLiteral("open_link");
    asking.argumentsJson =
        QStringLiteral("{\"url\": \"https://example.org/vat\", \"reason\": \"Look up the current rate\"}");
    answer.tools = {done, asking};
    controller.setMessages(
        {user(QStringLiteral("What is the VAT on 1284.50 and 79.90 together, and is 19 % still right?")), answer});
    chat::TurnProgress progress;
    progress.phase = chat::TurnPhase::AskingTool;
    controller.setProgress(progress);
}

void thinkingChat(FakeChatController &controller) {
    fillConversations(controller);
    chat::Message answer = assistant(QString());
    answer.completionTokens = 0;
    answer.state = chat::MessageState::Streaming;
    answer.thinking = QStringLiteral("The user asks about three coins. One is fake and lighter.\n\nWeigh two of them "
                                     "against each other: if they balance, the third is the fake; otherwise the "
                                     "lighter side is. So **one** weighing is enough.");
    controller.setMessages(
        {user(QStringLiteral("Three coins, one is lighter. How many weighings do I need?")), answer});
    chat::TurnProgress progress;
    progress.phase = chat::TurnPhase::Thinking;
    progress.secondsInPhase = 12;
    controller.setProgress(progress);
}

void streamingChat(FakeChatController &controller) {
    markdownChat(controller);
    QVector<chat::Message> messages = controller.messages();
    messages.resize(2);
    messages[1].state = chat::MessageState::Streaming;
    messages[1].completionTokens = 0;
    messages[1].text = messages[1].text.left(700);
    controller.setMessages(messages);
    chat::TurnProgress progress;
    progress.phase = chat::TurnPhase::Writing;
    controller.setProgress(progress);
}

void problemChat(FakeChatController &controller) {
    markdownChat(controller);
    QVector<chat::Message> messages = controller.messages();
    messages.last().text = QStringLiteral("The first half of the answer was");
    messages.last().state = chat::MessageState::Interrupted;
    controller.setMessages(messages);
    chat::EngineState state = controller.engine();
    state.kind = chat::EngineState::Kind::Crashed;
    state.problem = QStringLiteral("The engine ran out of memory and was ended by the system. Your chat is safe.");
    controller.setEngineState(state);
}

void emptyChat(FakeChatController &controller, bool demo) {
    chat::EngineState state = controller.engine();
    if (demo) {
        state.modelName = QStringLiteral("Facet demo model");
        state.demoModel = true;
    }
    controller.setEngineState(state);
}

struct Shot {
    const char *name;
    QSize size;
    ui::Scheme scheme;
    std::function<void(FakeChatController &, ui::MainWindow &)> prepare;
};

} // namespace

int main(int argc, char **argv) {
    QApplication application(argc, argv);
    const QStringList arguments = application.arguments();
    if (arguments.size() < 2) {
        std::fprintf(stderr, "usage: facet_ui_gallery OUT_FOLDER [--only NAME]\n");
        return 2;
    }
    const QString only = arguments.size() > 3 ? arguments[3] : QString();
    QDir().mkpath(arguments[1]);
    using ui::Scheme;
    const auto plain = [](auto fill) {
        return [fill](FakeChatController &controller, ui::MainWindow &) { fill(controller); };
    };
    const auto top = [](auto fill) {
        return [fill](FakeChatController &controller, ui::MainWindow &window) {
            fill(controller);
            QTest::qWait(50);
            window.findChild<ui::TranscriptView *>()->scrollToMessage(0);
        };
    };
    const auto attach = [](FakeChatController &controller, ui::MainWindow &window) {
        emptyChat(controller, false);
        fillConversations(controller);
        controller.newConversation();
        window.attachFiles({fixture("landscape.png"), fixture("speech_en_16k.wav"), fixture("talk.mp4")});
        window.findChild<ui::Composer *>()->setText(
            QStringLiteral("What do the picture and the recording have in common?\nAnswer in two sentences."));
    };
    const auto thinkingOpen = [](FakeChatController &controller, ui::MainWindow &window) {
        thinkingChat(controller);
        QTest::qWait(50);
        auto *view = window.findChild<ui::TranscriptView *>();
        view->activate(view->spotsOf(1).value(0));
    };
    const auto selection = [](FakeChatController &controller, ui::MainWindow &window) {
        markdownChat(controller);
        QTest::qWait(50);
        auto *view = window.findChild<ui::TranscriptView *>();
        view->scrollToMessage(0);
        view->setSelection({0, 0, 10}, {1, 4, 120});
        view->find(QStringLiteral("buffer"));
        view->setFocus();
        view->setFocusMessage(1);
    };
    // Words found in other chats, an answer with versions and a thought that has ended.
    const auto search = [](FakeChatController &controller, ui::MainWindow &window) {
        markdownChat(controller);
        QVector<chat::Message> messages = controller.messages();
        messages.resize(2);
        messages[1].thinking = QStringLiteral("Short.");
        messages[1].thinkingSeconds = 12.4;
        messages[1].id = 2;
        messages[1].versions = {1, 2, 3};
        messages[1].text = QStringLiteral("A **ring buffer** keeps the last values in a fixed block of memory.");
        messages[0].id = 5;
        messages[0].versions = {4, 5};
        controller.setMessages(messages);
        auto *sidebar = window.findChild<ui::Sidebar *>();
        sidebar->search()->setText(QStringLiteral("buffer"));
        QVector<chat::SearchHit> hits(3);
        for (int i = 0; i < hits.size(); ++i) {
            hits[i].title = controller.conversations().value(i + 1).title;
            hits[i].created = controller.conversations().value(i + 1).updated;
            hits[i].excerpt = QStringLiteral("…and a ring buffer keeps the last n values in a fixed block of memory, so…");
            hits[i].marks = {{12, 6}};
        }
        controller.answerSearch(QStringLiteral("buffer"), hits);
        window.findChild<ui::TranscriptView *>()->find(QStringLiteral("buffer"));
    };
    const auto longTable = [](FakeChatController &controller, ui::MainWindow &window) {
        markdownChat(controller);
        QVector<chat::Message> messages = controller.messages();
        messages.resize(2);
        messages[1].text = QStringLiteral("| id | name | words |\n|---:|---|---|\n");
        for (int row = 0; row < 300; ++row) {
            messages[1].text += QStringLiteral("| %1 | row %1 | %2 |\n").arg(row).arg(QString(row % 40, QLatin1Char('x')));
        }
        controller.setMessages(messages);
        QTest::qWait(50);
        auto *bar = window.findChild<ui::TranscriptView *>()->verticalScrollBar();
        bar->setValue(bar->maximum() / 5);
    };
    const QVector<Shot> shots = {
        {"empty",
         {1180, 800},
         Scheme::Light,
         [](FakeChatController &c, ui::MainWindow &) {
             fillConversations(c);
             c.newConversation();
             emptyChat(c, true);
         }},
        {"markdown", {1180, 800}, Scheme::Light, top(markdownChat)},
        {"markdown_end", {1180, 800}, Scheme::Light, plain(markdownChat)},
        {"markdown_dark", {1180, 800}, Scheme::Dark, top(markdownChat)},
        {"boxes", {1180, 900}, Scheme::Light, plain(pictureChat)},
        {"boxes_dark", {1180, 900}, Scheme::Dark, plain(pictureChat)},
        {"tool", {1180, 800}, Scheme::Light, plain(toolChat)},
        {"thinking", {1180, 800}, Scheme::Light, thinkingOpen},
        {"streaming", {1180, 800}, Scheme::Light, plain(streamingChat)},
        {"attachments", {1180, 800}, Scheme::Light, attach},
        {"problem", {1180, 800}, Scheme::Light, plain(problemChat)},
        {"selection", {1180, 800}, Scheme::Light, selection},
        {"narrow", {480, 800}, Scheme::Light, plain(pictureChat)},
        {"narrow_markdown", {480, 800}, Scheme::Dark, top(markdownChat)},
        {"narrow_empty",
         {480, 800},
         Scheme::Light,
         [](FakeChatController &c, ui::MainWindow &) { emptyChat(c, true); }},
        {"wide", {1600, 900}, Scheme::Light, top(markdownChat)},
        {"search", {1180, 800}, Scheme::Light, search},
        {"search_dark", {1180, 800}, Scheme::Dark, search},
        {"long_table", {1180, 800}, Scheme::Light, longTable},
        {"high_contrast", {1180, 800}, Scheme::HighContrast, plain(toolChat)},
    };
    QTemporaryDir folder;
    const auto save = [&](QWidget &widget, const QString &name) {
        for (int i = 0; i < 12; ++i) QTest::qWait(30); // pictures decode on workers
        widget.grab().save(QDir(arguments[1]).filePath(name + QStringLiteral(".png")));
        std::printf("%s\n", qPrintable(name));
    };
    for (const Shot &shot : shots) {
        if (!only.isEmpty() && only != QLatin1String(shot.name)) continue;
        QSettings settings(folder.filePath(QLatin1String(shot.name) + QStringLiteral(".ini")), QSettings::IniFormat);
        settings.setValue(QStringLiteral("window/theme"), int(shot.scheme));
        FakeChatController controller;
        ui::MainWindow window(&controller, nullptr);
        window.useSettings(&settings);
        window.resize(shot.size);
        window.show();
        QTest::qWait(20);
        shot.prepare(controller, window);
        save(window, QLatin1String(shot.name));
    }
    ui::applyTheme(Scheme::Light);
    FakeChatController controller;
    if (only.isEmpty() || only == QLatin1String("dialogs")) {
        ui::MainWindow window(&controller, nullptr); // for its actions
        QList<QAction *> actions;
        for (QAction *action : window.findChildren<QAction *>()) {
            if (action->property(ui::kStandardKeys).isValid()) actions << action;
        }
        ui::SettingsDialog settings(&controller, {}, actions);
        settings.show();
        save(settings, QStringLiteral("settings"));
        settings.showPage(ui::SettingsDialog::Answers);
        save(settings, QStringLiteral("settings_answers"));
        settings.showPage(ui::SettingsDialog::Model);
        save(settings, QStringLiteral("settings_model"));
        chat::LoadSettings loading;
        loading.drafter = QStringLiteral("/home/me/models/gemma-4-E2B-it-assistant");
        loading.adapters = {{QStringLiteral("/home/me/adapters/rhymes"), 1.0}, {QStringLiteral("/home/me/adapters/latin"), 0.5}};
        controller.setLoadSettings(loading);
        ui::SettingsDialog loadingPage(&controller, {}, actions);
        loadingPage.showPage(ui::SettingsDialog::Loading);
        loadingPage.show();
        save(loadingPage, QStringLiteral("settings_loading"));
        settings.showPage(ui::SettingsDialog::Remote);
        save(settings, QStringLiteral("settings_remote"));
        settings.showPage(ui::SettingsDialog::Shortcuts);
        save(settings, QStringLiteral("settings_shortcuts"));
        ui::FullModelDialog full;
        full.show();
        save(full, QStringLiteral("full_model"));
        for (const Scheme scheme : {Scheme::Light, Scheme::Dark}) {
            ui::applyTheme(scheme);
            ui::ModelsDialog models(&controller);
            models.show();
            controller.answerFindModels(foundModels());
            const bool dark = scheme == Scheme::Dark;
            save(models, dark ? QStringLiteral("models_dark") : QStringLiteral("models"));
            models.resize(400, 520);
            save(models, dark ? QStringLiteral("models_narrow_dark") : QStringLiteral("models_narrow"));
        }
        ui::applyTheme(Scheme::Light);
        ui::ModelsDialog none(&controller);
        none.show();
        controller.answerFindModels({});
        save(none, QStringLiteral("models_none"));
        ui::PictureCache cache;
        ui::PictureDialog picture(&cache, fixture("shapes.png"), QStringLiteral("shapes.png"), {640, 480},
                                  ui::marksIn(QString::fromUtf8(kBoxes), {640, 480}));
        picture.show();
        picture.list()->setCurrentRow(1);
        save(picture, QStringLiteral("picture_dialog"));
    }
    return 0;
}
