#include "chat/export.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>
#include <QSet>
#include <QUrl>

namespace facet::chat {
namespace {

class Words {
    Q_DECLARE_TR_FUNCTIONS(Export)
};

// A name that is one file name on every system, and used once.
QString freeName(const QString &wanted, const QString &suffix, QSet<QString> &taken) {
    QString clean;
    for (const QChar c : QFileInfo(wanted).fileName()) {
        const bool odd = c.unicode() < 0x20 || QStringLiteral("<>:\"/\\|?*%#").contains(c);
        clean += odd ? QChar(u'_') : c;
    }
    if (clean.isEmpty() || clean.startsWith(QLatin1Char('.'))) {
        clean.prepend(QStringLiteral("attachment"));
    }
    const QFileInfo parts(clean.right(120));
    const QString ending = parts.suffix().isEmpty() ? suffix : parts.suffix();
    QString name = parts.completeBaseName() + QLatin1Char('.') + ending;
    for (int number = 2; taken.contains(name.toLower()); ++number) {
        name = QStringLiteral("%1-%2.%3").arg(parts.completeBaseName()).arg(number).arg(ending);
    }
    taken.insert(name.toLower());
    return name;
}

// A fence longer than any in the text.
QString fenced(const QString &text) {
    QString fence = QStringLiteral("```");
    while (text.contains(fence)) {
        fence += QLatin1Char('`');
    }
    return fence + QLatin1Char('\n') + text + QLatin1Char('\n') + fence + QStringLiteral("\n\n");
}

QString quoted(const QString &text) {
    QString out;
    for (const QString &line : text.split(QLatin1Char('\n'))) {
        out += line.isEmpty() ? QStringLiteral(">\n") : QStringLiteral("> ") + line + QLatin1Char('\n');
    }
    return out + QLatin1Char('\n');
}

QString linkOf(const QString &name) { return QString::fromLatin1(QUrl::toPercentEncoding(name, "/")); }

QString bracketless(QString text) {
    return text.replace(QLatin1Char('['), QLatin1Char('(')).replace(QLatin1Char(']'), QLatin1Char(')'));
}

Error notWritten(const QString &file, const QString &reason) {
    return Error{ErrorCode::FileWriteFailed,
                 Words::tr("The conversation could not be saved as %1; choose another folder and try again.")
                     .arg(QFileInfo(file).fileName())
                     .toStdString(),
                 reason.toStdString(), file.toStdString()};
}

QString roleName(Role role) {
    return role == Role::User ? QStringLiteral("user")
                              : (role == Role::System ? QStringLiteral("system") : QStringLiteral("assistant"));
}

QString kindName(AttachmentKind kind) {
    return kind == AttachmentKind::Picture
               ? QStringLiteral("picture")
               : (kind == AttachmentKind::Sound ? QStringLiteral("sound") : QStringLiteral("film"));
}

} // namespace

QByteArray exportMarkdown(const Export &work, const QHash<QString, QString> &names) {
    QString out = QStringLiteral("# ") + work.title.simplified() + QStringLiteral("\n\n");
    for (const Message &message : work.messages) {
        const QString who = message.role == Role::User ? Words::tr("You") : Words::tr("Facet");
        out += QStringLiteral("## %1 · %2\n\n").arg(who, message.created.toString(Qt::ISODate));
        for (const Attachment &attachment : message.attachments) {
            const QString name = names.value(attachment.hash), label = bracketless(attachment.name);
            if (name.isEmpty()) {
                out += Words::tr("*%1 is missing.*").arg(label) + QStringLiteral("\n\n");
            } else {
                const QString mark = attachment.kind == AttachmentKind::Picture ? QStringLiteral("!") : QString();
                out += QStringLiteral("%1[%2](%3)\n\n").arg(mark, label, linkOf(name));
            }
        }
        if (!message.thinking.trimmed().isEmpty()) {
            out += quoted(Words::tr("**Thought**") + QStringLiteral("\n\n") + message.thinking.trimmed());
        }
        for (const ToolUse &use : message.tools) {
            out += Words::tr("**Tool %1**").arg(use.tool) + QStringLiteral("\n\n") + fenced(use.argumentsJson);
            if (!use.result.isEmpty()) {
                out += fenced(use.result);
            }
        }
        if (!message.text.trimmed().isEmpty()) {
            out += message.text.trimmed() + QStringLiteral("\n\n");
        }
        if (!message.notice.isEmpty()) {
            out += QStringLiteral("*%1*\n\n").arg(message.notice.simplified());
        }
    }
    return out.toUtf8();
}

QByteArray exportJson(const Export &work, const QHash<QString, QString> &names) {
    QJsonArray messages;
    for (const Message &message : work.messages) {
        QJsonObject entry{{QStringLiteral("role"), roleName(message.role)},
                          {QStringLiteral("created"), message.created.toString(Qt::ISODateWithMs)},
                          {QStringLiteral("content"), message.text}};
        if (!message.thinking.isEmpty()) {
            entry.insert(QStringLiteral("reasoning_content"), message.thinking);
            entry.insert(QStringLiteral("reasoning_seconds"), message.thinkingSeconds);
        }
        QJsonArray attachments, calls;
        for (const Attachment &attachment : message.attachments) {
            QJsonObject item{{QStringLiteral("name"), attachment.name},
                             {QStringLiteral("kind"), kindName(attachment.kind)},
                             {QStringLiteral("sha256"), attachment.hash},
                             {QStringLiteral("bytes"), attachment.bytes}};
            const QString name = names.value(attachment.hash);
            item.insert(QStringLiteral("file"), name.isEmpty() ? QJsonValue() : QJsonValue(name));
            attachments.append(item);
        }
        for (const ToolUse &use : message.tools) {
            calls.append(QJsonObject{{QStringLiteral("id"), use.callId},
                                     {QStringLiteral("name"), use.tool},
                                     {QStringLiteral("arguments"), use.argumentsJson},
                                     {QStringLiteral("result"), use.result}});
        }
        if (!attachments.isEmpty()) {
            entry.insert(QStringLiteral("attachments"), attachments);
        }
        if (!calls.isEmpty()) {
            entry.insert(QStringLiteral("tool_calls"), calls);
        }
        if (!message.notice.isEmpty()) {
            entry.insert(QStringLiteral("notice"), message.notice);
        }
        messages.append(entry);
    }
    return QJsonDocument(QJsonObject{{QStringLiteral("format"), QStringLiteral("facet-conversation-1")},
                                     {QStringLiteral("title"), work.title},
                                     {QStringLiteral("messages"), messages}})
        .toJson();
}

Status writeExport(const Export &work) {
    const QFileInfo target(work.file);
    const QString folderName = target.completeBaseName() + QStringLiteral("_files");
    QHash<QString, QString> names;
    QSet<QString> taken;
    for (const Message &message : work.messages) {
        for (const Attachment &attachment : message.attachments) {
            const QString source = work.paths.value(attachment.hash);
            if (names.contains(attachment.hash) || !QFileInfo(source).isFile()) {
                continue;
            }
            if (!QDir(target.path()).mkpath(folderName)) {
                return notWritten(work.file, QStringLiteral("mkdir ") + folderName);
            }
            const QString name = folderName + QLatin1Char('/') + freeName(attachment.name, attachment.suffix, taken);
            const QString copy = target.path() + QLatin1Char('/') + name;
            QFile::remove(copy); // of an earlier export under the same name
            if (QFile file(source); !file.copy(copy)) {
                return notWritten(work.file, file.errorString());
            }
            names.insert(attachment.hash, name);
        }
    }
    QSaveFile file(work.file);
    const bool json = target.suffix().compare(QLatin1String("json"), Qt::CaseInsensitive) == 0;
    const QByteArray content = json ? exportJson(work, names) : exportMarkdown(work, names);
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size() || !file.commit()) {
        return notWritten(work.file, file.errorString());
    }
    return ok();
}

} // namespace facet::chat
