// Sentences of this folder that reach the user: translated, as everything that the window shows.
//
//     return Error{ErrorCode::DiskFull, said(Words::tr("The disk is full."))};
#pragma once

#include <QCoreApplication>
#include <QString>

#include <string>

namespace facet::store {

class Words {
    Q_DECLARE_TR_FUNCTIONS(Store)
};

inline std::string said(const QString &sentence) { return sentence.toStdString(); }

} // namespace facet::store
