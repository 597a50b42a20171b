// A tool that the model may call after the user allowed it.
#pragma once

#include <QCoreApplication>
#include <QJsonObject>
#include <QString>

#include <functional>

namespace facet::tools {

// Words that the model reads: never translated, so that it meets what it was trained on.
inline QString forModel(const char *words) { return QString::fromUtf8(words); }

// Words of this folder that the user reads.
class ToolWords {
    Q_DECLARE_TR_FUNCTIONS(Tools)
};

struct Outcome {
    bool worked = false;
    QString text;        // given back to the model
    QString notice = {}; // a sentence for the user, shown below the answer
};

struct Call {
    QJsonObject arguments;
    QString file; // the user's choice, if the tool needs one
};

class Tool {
public:
    using Done = std::function<void(const Outcome &)>;

    virtual ~Tool() = default;
    virtual QString name() const = 0;
    virtual QString description() const = 0;
    virtual QJsonObject parameters() const = 0; // JSON Schema of the arguments
    virtual bool needsFile() const { return false; }
    // Calls `done` once on the GUI thread, at once or later.
    virtual void run(const Call &call, Done done) = 0;
};

} // namespace facet::tools
