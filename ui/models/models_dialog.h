// Choosing a model: what other programs have downloaded, a folder, a file. Type to filter, Down to the list, Enter loads.
#pragma once

#include "chat/types.h"

#include <QDialog>

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;
class QStackedWidget;

namespace facet::chat {
class ChatController;
}

namespace facet::ui {

class FoundModelsModel;

class ModelsDialog : public QDialog {
    Q_OBJECT
public:
    explicit ModelsDialog(chat::ChatController *controller, QWidget *parent = nullptr);

    QLineEdit *field() const { return m_field; }
    QListView *list() const { return m_list; }
    QLabel *note() const { return m_note; }
    QPushButton *loadButton() const { return m_load; }

signals:
    void openFolderRequested();
    void openFileRequested();

protected:
    void resizeEvent(QResizeEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void showFound(const QVector<chat::FoundModel> &models, const QString &problem);
    void filter(const QString &words);
    void showCurrent();
    void showNote(const QString &sentence); // instead of the list; empty: the list
    void load();
    const chat::FoundModel *current() const;

    chat::ChatController *m_controller;
    FoundModelsModel *m_model;
    QLineEdit *m_field;
    QListView *m_list;
    QLabel *m_note, *m_details;
    QStackedWidget *m_stack;
    QPushButton *m_load;
};

} // namespace facet::ui
