// The page of the settings that says how this computer's engine loads its model: memory, cache, weights, drafter, adapters. Nothing
// happens until "Load again" is pressed, because loading takes time.
#pragma once

#include "chat/types.h"

#include <QWidget>

class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QVBoxLayout;

namespace facet::chat {
class ChatController;
}

namespace facet::ui {

// QFormLayout puts labels at the top of high fields; beside a field of one line they belong into its middle.
void centreLabel(QFormLayout *layout, QWidget *field);

class LoadPage : public QWidget {
    Q_OBJECT
public:
    explicit LoadPage(chat::ChatController *controller, QWidget *parent = nullptr);

    void showEngine(const chat::EngineState &engine);
    void addAdapter(const QString &path, double scale);
    // For tests.
    QComboBox *cacheType() const { return m_kv; }
    QComboBox *weights() const { return m_weights; }
    QDoubleSpinBox *memory() const { return m_memory; }
    QLineEdit *drafter() const { return m_drafter; }
    QPushButton *applyButton() const { return m_apply; }
    QVector<QDoubleSpinBox *> scales() const;

private:
    struct AdapterRow {
        QWidget *row;
        QString path;
        QDoubleSpinBox *scale;
    };
    void showSettings();
    chat::LoadSettings shown() const;
    void updateApply();
    void removeAdapter(QWidget *row);
    void choose(bool folder, const QString &title, void (LoadPage::*take)(const QString &));
    void takeDrafter(const QString &path);
    void takeAdapter(const QString &path);

    chat::ChatController *m_controller;
    QString m_model; // path whose settings are shown
    QLabel *m_for;
    QComboBox *m_kv, *m_weights;
    QDoubleSpinBox *m_memory;
    QLineEdit *m_drafter;
    QWidget *m_adapterList;
    QLabel *m_adapterLabel;
    QVBoxLayout *m_adapterColumn;
    QLabel *m_noAdapters;
    QVector<AdapterRow> m_adapters;
    QPushButton *m_addAdapter, *m_apply;
};

} // namespace facet::ui
