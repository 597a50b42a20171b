// What `facet --measure-gui` works on: a folder of its own with a large history, a script for the engine with a long
// answer, and pictures to drop. Gone when the object is.
#pragma once

#include "facet/result.h"

#include <QJsonObject>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>

class MeasureData {
public:
    static constexpr int kLongChat = 500;       // messages of the long conversation
    static constexpr int kAnswerLength = 20000; // characters of the streamed answer, code blocks among them
    static constexpr int kPictures = 10;        // of 12 million pixels each

    // Takes some seconds: called before there is a window.
    static facet::Result<std::unique_ptr<MeasureData>> make();

    QString dataDir() const { return m_folder.filePath(QStringLiteral("data")); }
    QJsonObject script() const { return m_script; }
    QStringList pictures() const { return m_pictures; }
    qint64 longChat() const { return m_longChat; }   // ids in the history
    qint64 otherChat() const { return m_otherChat; }

private:
    facet::Status fillHistory();
    facet::Status paintPictures();
    void writeScript();

    QTemporaryDir m_folder;
    QJsonObject m_script;
    QStringList m_pictures;
    qint64 m_longChat = 0, m_otherChat = 0;
};
