#include "ui/dialogs/info_dialogs.h"

#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QAction>
#include <QCoreApplication>
#include <QDialogButtonBox>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>
#include <QTextBrowser>
#include <QVBoxLayout>

namespace facet::ui {

namespace {

QVBoxLayout *makeColumn(QDialog *dialog, const QString &title) {
    auto *column = new QVBoxLayout(dialog);
    column->setContentsMargins(space::kXl, space::kXl, space::kXl, space::kL);
    column->setSpacing(space::kM);
    auto *head = new QLabel(title, dialog);
    head->setFont(type::heading(dialog->font(), 2));
    column->addWidget(head);
    return column;
}

QLabel *paragraph(QDialog *dialog, const QString &text) {
    auto *label = new QLabel(text, dialog);
    label->setWordWrap(true);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    return label;
}

QTableWidget *makeTable(QDialog *dialog, const QStringList &heads, const QString &name) {
    auto *table = new QTableWidget(0, int(heads.size()), dialog);
    table->setHorizontalHeaderLabels(heads);
    table->setAccessibleName(name);
    table->verticalHeader()->hide();
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setShowGrid(false);
    table->setFrameShape(QFrame::NoFrame);
    table->setTabKeyNavigation(false);
    table->horizontalHeader()->setHighlightSections(false);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    return table;
}

void addTableRow(QTableWidget *table, const QStringList &cells) {
    const int row = table->rowCount();
    table->insertRow(row);
    for (int c = 0; c < cells.size(); ++c) table->setItem(row, c, new QTableWidgetItem(cells[c]));
}

} // namespace

FullModelDialog::FullModelDialog(QWidget *parent) : QDialog(parent) {
    setWindowTitle(tr("Get a full model"));
    resize(640, 460);
    QVBoxLayout *column = makeColumn(this, tr("From the demo model to the real one"));
    column->addWidget(paragraph(this, tr("Facet comes with a very small model, trained to show every part at work. For "
                                         "real answers, load one of Google's Gemma 4 "
                                         "checkpoints, or let a larger machine do the work.")));
    auto *folderHead = new QLabel(tr("A folder on this computer"), this);
    folderHead->setFont(type::strong(font()));
    column->addWidget(folderHead);
    column->addWidget(paragraph(this, tr("Download an official checkpoint with all its files (config.json, "
                                         "tokenizer.json and the .safetensors files) into one folder, "
                                         "then open that folder. Quantised while loading, they need about:")));
    auto *table = new QGridLayout;
    table->setHorizontalSpacing(space::kXl);
    table->setVerticalSpacing(space::kS);
    const QVector<QStringList> rows = {
        {tr("Checkpoint"), tr("Memory"), tr("Good for")},
        {QStringLiteral("google/gemma-4-E2B-it"), tr("8 GB"), tr("laptops; text, pictures, sound")},
        {QStringLiteral("google/gemma-4-E4B-it"), tr("12 GB"), tr("most computers; text, pictures, sound")},
        {QStringLiteral("google/gemma-4-26B-A4B-it"), tr("24 GB"), tr("quick for its size; text, pictures")},
        {QStringLiteral("google/gemma-4-31B-it"), tr("32 GB"), tr("best answers; text, pictures")}};
    for (int r = 0; r < rows.size(); ++r) {
        for (int c = 0; c < rows[r].size(); ++c) {
            QLabel *cell = paragraph(this, rows[r][c]);
            cell->setWordWrap(false);
            if (r == 0) cell->setForegroundRole(QPalette::PlaceholderText);
            table->addWidget(cell, r, c);
        }
    }
    table->setColumnStretch(2, 1);
    column->addLayout(table);
    column->addSpacing(space::kS);
    auto *serverHead = new QLabel(tr("A server"), this);
    serverHead->setFont(type::strong(font()));
    column->addWidget(serverHead);
    column->addWidget(paragraph(
        this,
        tr("If vLLM, SGLang, Ollama, LM Studio or llama-server runs Gemma 4 somewhere, give Facet its address.")));
    column->addStretch(1);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    auto *server = buttons->addButton(tr("Use a &server …"), QDialogButtonBox::ActionRole);
    auto *folder = buttons->addButton(tr("&Open a model folder …"), QDialogButtonBox::ActionRole);
    folder->setProperty(kPrimary, true);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(server, &QPushButton::clicked, this, [this] {
        accept();
        emit serverRequested();
    });
    connect(folder, &QPushButton::clicked, this, [this] {
        accept();
        emit openFolderRequested();
    });
}

ShortcutsDialog::ShortcutsDialog(const QList<QAction *> &actions, QWidget *parent) : QDialog(parent) {
    setWindowTitle(tr("Keyboard shortcuts"));
    resize(560, 640);
    QVBoxLayout *column = makeColumn(this, tr("Keyboard shortcuts"));
    QTableWidget *table = makeTable(this, {tr("What"), tr("Keys")}, tr("Keyboard shortcuts"));
    for (const QAction *action : actions) {
        QStringList keys;
        for (const QKeySequence &key : action->shortcuts()) keys << key.toString(QKeySequence::NativeText);
        if (!keys.isEmpty())
            addTableRow(table,
                        {action->text().remove(QLatin1Char('&')).remove(QStringLiteral(" …")), keys.join(tr(" or "))});
    }
    addTableRow(table, {tr("Send; new line"), tr("Enter; Shift+Enter")});
    addTableRow(table, {tr("Edit the last message (empty field)"), tr("Up")});
    addTableRow(table, {tr("Next message, previous message"), tr("Ctrl+Down, Ctrl+Up")});
    addTableRow(table, {tr("Buttons of a message"), tr("Tab, then Enter")});
    addTableRow(table, {tr("Select text with the keyboard"), tr("Shift and arrows, also with Ctrl")});
    table->resizeColumnsToContents();
    table->horizontalHeader()->setStretchLastSection(true);
    column->addWidget(table, 1);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    column->addWidget(buttons);
}

AboutDialog::AboutDialog(QWidget *parent) : QDialog(parent) {
    setWindowTitle(tr("About Facet"));
    resize(560, 460);
    const QString version = QCoreApplication::applicationVersion();
    QVBoxLayout *column = makeColumn(this, version.isEmpty() ? tr("Facet") : tr("Facet %1").arg(version));
    column->addWidget(
        paragraph(this, tr("A desktop assistant that runs Gemma 4 on your own computer. Licensed under Apache-2.0.")));
    auto *licences = new QTextBrowser(this);
    licences->setAccessibleName(tr("Licences"));
    licences->setOpenLinks(false);
    licences->setPlainText(tr("Facet is built on these works of others:") +
                           QStringLiteral("\n\nQt 6 (LGPL-3.0)\nFFmpeg libraries (LGPL-2.1 or later)\nMD4C "
                                          "(MIT)\nnlohmann/json (MIT)\ncpp-httplib (MIT)\n"
                                          "CLI11 (BSD-3-Clause)\nOpenSSL (Apache-2.0)\nSQLite (public domain)\n\n") +
                           tr("Gemma is a family of models by Google; a checkpoint that you load comes with its own "
                              "terms.\nThe full texts lie with the program's documentation."));
    column->addWidget(licences, 1);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    column->addWidget(buttons);
}

} // namespace facet::ui
