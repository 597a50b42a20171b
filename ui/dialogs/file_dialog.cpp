#include "ui/dialogs/file_dialog.h"

#include "ui/theme/icons.h"

#include <QAbstractFileIconProvider>
#include <QFileDialog>
#include <QFileInfo>

namespace facet::ui {

namespace {

// Two icons for all. Asked by a thread of the dialog's as well: both icons are there from the start.
class PlainIcons : public QObject, public QAbstractFileIconProvider {
public:
    explicit PlainIcons(QObject *parent)
        : QObject(parent), m_folder(ui::icon(QStringLiteral("folder"), Tint::Muted)),
          m_file(ui::icon(QStringLiteral("text"), Tint::Muted)) {}

    QIcon icon(IconType type) const override { return type == File ? m_file : m_folder; }
    QIcon icon(const QFileInfo &info) const override { return info.isDir() ? m_folder : m_file; }
    QString type(const QFileInfo &info) const override {
        return info.isDir() ? QFileDialog::tr("Folder") : info.suffix().toUpper();
    }

private:
    QIcon m_folder, m_file;
};

} // namespace

QFileDialog *makeFileDialog(QWidget *parent, const QString &title) {
    auto *dialog = new QFileDialog(parent, title);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setOption(QFileDialog::DontUseCustomDirectoryIcons);
    dialog->setIconProvider(new PlainIcons(dialog));
    return dialog;
}

} // namespace facet::ui
