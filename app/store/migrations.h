// The versions of the history's database. A step is never changed once it was released; a new one is added at the end.
#pragma once

#include "facet/result.h"

#include <QStringList>
#include <QVector>

class QSqlDatabase;

namespace facet::store {

using MigrationStep = QStringList; // SQL statements

// Step i leads from version i to i + 1.
const QVector<MigrationStep> &historyMigrations();

// Brings the database to version steps.size(), each step in a transaction of its own. If there is anything to keep, a
// copy is written to `<file>.before-v<N>-<time>` first. Newer databases are refused and left as they are.
Status migrate(QSqlDatabase &database, const QVector<MigrationStep> &steps);

} // namespace facet::store
