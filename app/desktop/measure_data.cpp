#include "measure_data.h"

#include "store/history_database.h"
#include "store/paths.h"

#include <QImage>
#include <QJsonArray>
#include <QPainter>

#include <algorithm>

using namespace facet;

namespace {

constexpr int kChats = 300, kMessagesOfAChat = 40, kFoundModels = 60;
constexpr int kPictureWidth = 4000, kPictureHeight = 3000;
constexpr int kWordsAtOnce = 40; // characters of one event of the stream

// About `length` characters of prose, lists, tables and code, another one for each `seed`.
QString markdown(int seed, int length) {
    QString text;
    for (int part = seed; text.size() < length; ++part) {
        switch (part % 4) {
        case 0:
            text += QStringLiteral("## Part %1 of the answer\n\nHeat is moved from a *cold* place to a **warm** one by a "
                                   "compressor; what it takes is less than what it brings, see "
                                   "[this page](https://example.org/%1). The larger the difference, the harder the work.\n\n")
                        .arg(part);
            break;
        case 1:
            text += QStringLiteral("1. First the pressure `p_%1` rises.\n2. Then the heat is given away, *slowly*.\n"
                                   "3. At last the valve opens, and it begins again.\n\n")
                        .arg(part);
            break;
        case 2:
            text += QStringLiteral("```cpp\n// Part %1\nstruct Pump%1 {\n    double pressure = %1.5; // bar\n"
                                   "    std::string name = \"pump %1\";\n};\n\nfor (int i = 0; i < %1; ++i) {\n"
                                   "    total += pump(i).pressure * factor;\n}\n```\n\n")
                        .arg(part);
            break;
        default:
            text += QStringLiteral("| outside | inside | ratio |\n|---|---|---|\n| %1 | 35 | 4.5 |\n| -%1 | 35 | 2.9 |\n\n")
                        .arg(part % 30);
        }
    }
    return text.left(length);
}

Error cannotPrepare(const QString &what) {
    return Error{ErrorCode::FileWriteFailed, "The data to measure with could not be written; is there room for 100 MB?",
                 {}, what.toStdString()};
}

} // namespace

Result<std::unique_ptr<MeasureData>> MeasureData::make() {
    auto data = std::make_unique<MeasureData>();
    if (!data->m_folder.isValid()) {
        return cannotPrepare(data->m_folder.path());
    }
    FACET_CHECK(store::Paths::under(data->dataDir()).create());
    FACET_CHECK(data->fillHistory());
    FACET_CHECK(data->paintPictures());
    data->writeScript();
    return data;
}

Status MeasureData::fillHistory() {
    store::HistoryDatabase history(store::HistoryOptions{store::Paths::under(dataDir()).historyFile()});
    const Result<store::HistoryOpened> opened = history.open();
    if (!opened) {
        return opened.error();
    }
    qint64 id = opened->lastId;
    const QDateTime now = QDateTime::currentDateTime();
    for (int chat = 0; chat < kChats; ++chat) {
        const bool isLong = chat == kChats - 1;
        chat::ConversationInfo info;
        info.id = ++id;
        info.title = isLong ? QStringLiteral("The long one") : QStringLiteral("Conversation %1 about pumps").arg(chat);
        info.updated = now.addSecs(-3600 * qint64(kChats - chat));
        std::vector<chat::Message> messages;
        for (int i = 0; i < (isLong ? kLongChat : kMessagesOfAChat); ++i) {
            chat::Message message;
            message.parent = messages.empty() ? 0 : messages.back().id;
            message.id = ++id;
            message.created = info.updated;
            message.role = i % 2 == 0 ? chat::Role::User : chat::Role::Assistant;
            message.text = i % 2 == 0 ? QStringLiteral("How does part %1 of chat %2 work?").arg(i).arg(chat)
                                      : markdown(i, isLong ? 3000 : 900);
            messages.push_back(std::move(message));
        }
        FACET_CHECK(history.createConversation(info, messages));
        m_longChat = isLong ? info.id : m_longChat;
        m_otherChat = chat == kChats - 2 ? info.id : m_otherChat;
    }
    history.close();
    return ok();
}

Status MeasureData::paintPictures() {
    for (int i = 0; i < kPictures; ++i) {
        QImage picture(kPictureWidth, kPictureHeight, QImage::Format_RGB32);
        picture.fill(QColor::fromHsv(i * 36, 90, 200));
        QPainter painter(&picture);
        for (int line = 0; line < 400; ++line) {
            painter.setPen(QPen(QColor::fromHsv((line * 7) % 360, 200, 160), 9));
            painter.drawLine(line * 13 % kPictureWidth, 0, line * 29 % kPictureWidth, kPictureHeight);
        }
        painter.end();
        const QString path = m_folder.filePath(QStringLiteral("photo %1.jpg").arg(i + 1));
        if (!picture.save(path, "JPEG")) {
            return cannotPrepare(path);
        }
        m_pictures << path;
    }
    return ok();
}

void MeasureData::writeScript() {
    QJsonArray events;
    const QString answer = markdown(0, kAnswerLength);
    for (int at = 0; at < answer.size(); at += kWordsAtOnce) {
        events.append(QJsonObject{{QStringLiteral("after"), 8}, {QStringLiteral("text"), answer.mid(at, kWordsAtOnce)}});
    }
    QJsonArray models;
    for (int i = 0; i < kFoundModels; ++i) {
        models.append(QJsonObject{{QStringLiteral("path"), QStringLiteral("/models/gemma-%1.gguf").arg(i)},
                                  {QStringLiteral("name"), QStringLiteral("gemma-4-E%1B-it-Q4_K_M").arg(i)},
                                  {QStringLiteral("source"), QStringLiteral("LM Studio")},
                                  {QStringLiteral("role"), QStringLiteral("model")},
                                  {QStringLiteral("format"), QStringLiteral("gguf")},
                                  {QStringLiteral("bytes"), 3e9}});
    }
    const QString boxes = QStringLiteral("```json\n[{\"box_2d\": [100, 120, 400, 380], \"label\": \"pump\"}, "
                                         "{\"box_2d\": [500, 520, 900, 880], \"label\": \"valve\"}]\n```");
    const QJsonArray boxEvents{QJsonObject{{QStringLiteral("text"), boxes}}};
    m_script = {{QStringLiteral("engine"), QJsonObject{{QStringLiteral("load_ms"), 200}, {QStringLiteral("demo"), true}}},
                {QStringLiteral("models"), models},
                {QStringLiteral("turns"), QJsonArray{QJsonObject{{QStringLiteral("when"), QStringLiteral("long")},
                                                                 {QStringLiteral("events"), events}},
                                                     QJsonObject{{QStringLiteral("when"), QStringLiteral("box")},
                                                                 {QStringLiteral("events"), boxEvents}}}}};
}
