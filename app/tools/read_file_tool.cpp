#include "tools/read_file_tool.h"

#include "tools/builtin_tools.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QStringDecoder>
#include <QThreadPool>

#include <utility>

namespace facet::tools {
namespace {

Error refusal(ErrorCode code, const QString &sentence, const QString &path) {
    return Error{code, sentence.toStdString(), {}, path.toStdString()};
}

// The picker shows everything; a click on the wrong file must not hand a private key to a model.
bool isProtected(const QString &realPath) {
    for (const char *folder : {"/proc/", "/sys/", "/dev/", "/run/", "/etc/shadow", "/etc/gshadow"}) {
        if (realPath.startsWith(QLatin1String(folder))) {
            return true;
        }
    }
    for (const char *part : {"/.ssh/", "/.gnupg/", "/.password-store/", "/.aws/", "/keyrings/"}) {
        if (realPath.contains(QLatin1String(part))) {
            return true;
        }
    }
    return false;
}

} // namespace

Result<QString> readTextFile(const QString &path) {
    const QString real = QFileInfo(path).canonicalFilePath(); // links resolved
    if (real.isEmpty()) {
        return refusal(ErrorCode::FileNotFound, forModel("The file is not there any more."), path);
    }
    if (isProtected(real)) {
        return refusal(ErrorCode::InvalidArgument, forModel("This file is protected and was not read."), path);
    }
    if (!QFileInfo(real).isFile()) {
        return refusal(ErrorCode::InvalidArgument, forModel("This is not a plain file."), path);
    }
    QFile file(real);
    if (!file.open(QIODevice::ReadOnly)) {
        return refusal(ErrorCode::FileUnreadable, forModel("The file cannot be read."), path);
    }
    const QByteArray bytes = file.read(kMaxReadFileBytes + 1);
    if (bytes.size() > kMaxReadFileBytes) {
        return refusal(ErrorCode::LimitExceeded, forModel("The file is larger than 256 KiB."), path);
    }
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    QString text = decoder(bytes);
    if (decoder.hasError() || text.contains(QChar(u'\0'))) {
        return refusal(ErrorCode::MediaUnsupported, forModel("The file is not a text file."), path);
    }
    return text;
}

QString ReadFileTool::description() const {
    return forModel("Asks the user to choose a text file and returns its content. The user decides which file.");
}

QJsonObject ReadFileTool::parameters() const {
    return stringSchema({{QStringLiteral("reason"), QStringLiteral("Which file is needed, shown to the user")}});
}

void ReadFileTool::run(const Call &call, Done done) {
    QThreadPool::globalInstance()->start([path = call.file, done = std::move(done)] {
        const Result<QString> text = readTextFile(path);
        const Outcome outcome =
            text ? Outcome{true, *text} : Outcome{false, QString::fromStdString(text.error().message)};
        QMetaObject::invokeMethod(
            QCoreApplication::instance(), [done, outcome] { done(outcome); }, Qt::QueuedConnection);
    });
}

} // namespace facet::tools
