// Settings: appearance, answers, model, another engine. Changes take effect at once.
#pragma once

#include "chat/types.h"
#include "ui/dialogs/preferences.h"

#include <QDialog>

class QAction;
class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QListWidget;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;
class QStackedWidget;

namespace facet::chat {
class ChatController;
}

namespace facet::ui {

class LoadPage;

class SettingsDialog : public QDialog {
    Q_OBJECT
public:
    enum Page { General, Answers, Model, Loading, Remote, Shortcuts };
    // `actions`: whose keys may be changed.
    SettingsDialog(chat::ChatController *controller, const Preferences &preferences, const QList<QAction *> &actions,
                   QWidget *parent = nullptr);
    void showPage(Page page);

protected:
    void showEvent(QShowEvent *event) override;

signals:
    void preferencesChanged(const facet::ui::Preferences &preferences);
    void shortcutsChanged();
    void openModelRequested();
    void modelsRequested(); // those of other programs
    void fullModelRequested();

private:
    QWidget *makeGeneral();
    QWidget *makeAnswers();
    QWidget *makeModel();
    QWidget *makeRemote();
    void storeAnswers();
    void showEngine(const chat::EngineState &engine);
    void addPage(const QString &iconName, const QString &title);
    void openPage(int page); // pages are made when they are looked at first
    QWidget *makePage(Page page);

    chat::ChatController *m_controller;
    Preferences m_preferences;
    QListWidget *m_index;
    QStackedWidget *m_pages;
    QDoubleSpinBox *m_temperature = nullptr, *m_topP = nullptr, *m_minP = nullptr;
    QSpinBox *m_topK = nullptr, *m_maxTokens = nullptr, *m_seed = nullptr;
    QCheckBox *m_randomSeed = nullptr, *m_tools = nullptr, *m_think = nullptr;
    QPlainTextEdit *m_system = nullptr;
    QLabel *m_model = nullptr, *m_remoteState = nullptr;
    QListWidget *m_recent = nullptr;
    QLineEdit *m_address = nullptr, *m_key = nullptr, *m_remoteModel = nullptr;
    QPushButton *m_test = nullptr, *m_local = nullptr;
    LoadPage *m_loading = nullptr;
    QList<QAction *> m_actions;
    bool m_testing = false;
};

} // namespace facet::ui
