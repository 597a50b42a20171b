// read_file: the model asks, the user picks the file; the model never names a path. Text only, a limited size.
#pragma once

#include "facet/result.h"
#include "tools/tool.h"

namespace facet::tools {

inline constexpr qint64 kMaxReadFileBytes = 256 * 1024;

// Content of a text file that the user picked. Refused: what is no plain file, too large, not UTF-8 text, and files
// that hold keys (folders .ssh and .gnupg, system files), also through links. Blocking.
Result<QString> readTextFile(const QString &path);

class ReadFileTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("read_file"); }
    QString description() const override;
    QJsonObject parameters() const override;
    bool needsFile() const override { return true; }
    void run(const Call &call, Done done) override;
};

} // namespace facet::tools
