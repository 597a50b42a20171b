// Dialogs that only tell: how to get a full model, keyboard shortcuts, about and licences.
#pragma once

#include <QDialog>
#include <QList>

class QAction;

namespace facet::ui {

class FullModelDialog : public QDialog {
    Q_OBJECT
public:
    explicit FullModelDialog(QWidget *parent = nullptr);

signals:
    void modelsRequested(); // those of other programs
    void openFolderRequested();
    void openFileRequested();
    void serverRequested();
};

// Lists every action that has a shortcut, by menu, and the keys of transcript and composer.
class ShortcutsDialog : public QDialog {
    Q_OBJECT
public:
    explicit ShortcutsDialog(const QList<QAction *> &actions, QWidget *parent = nullptr);
};

class AboutDialog : public QDialog {
    Q_OBJECT
public:
    explicit AboutDialog(QWidget *parent = nullptr);
};

} // namespace facet::ui
