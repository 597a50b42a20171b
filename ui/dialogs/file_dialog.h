// Choosing files: the desktop's own dialog where it has one, else Qt's in Facet's looks. Qt's looks into each file of a
// folder to find an icon for it, on the window's thread; this one does not.
#pragma once

class QFileDialog;
class QString;
class QWidget;

namespace facet::ui {

// Deletes itself when it is closed; the caller sets what may be chosen, connects and opens it.
QFileDialog *makeFileDialog(QWidget *parent, const QString &title);

} // namespace facet::ui
