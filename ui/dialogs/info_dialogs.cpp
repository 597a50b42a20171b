#include "ui/dialogs/info_dialogs.h"

#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/widgets/paragraph.h"

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

#include <algorithm>

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

// Only what somebody may want to copy can be selected: such a label is a whole text document, others cost little.
QLabel *paragraph(QDialog *dialog, const QString &text, bool selectable = false) {
    if (!selectable) {
        return new Paragraph(text, dialog);
    }
    auto *label = new QLabel(text, dialog);
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
    QVBoxLayout *column = makeColumn(this, tr("From the demo model to the real one"));
    column->addWidget(paragraph(this, tr("Facet comes with a very small model, trained to show every part at work. For "
                                         "real answers, load one of Google's Gemma 4 checkpoints, or let a larger "
                                         "machine do the work. There are three ways.")));
    const auto way = [this, column](const QString &title, const QString &words) {
        column->addSpacing(space::kXs);
        auto *head = new QLabel(title, this);
        head->setFont(type::strong(font()));
        column->addWidget(head);
        column->addWidget(paragraph(this, words));
    };
    const auto buttonRow = [column] {
        auto *row = new QHBoxLayout;
        row->setSpacing(space::kS);
        column->addLayout(row);
        return row;
    };
    const auto button = [this](QHBoxLayout *row, const QString &text, const QString &iconName,
                               void (FullModelDialog::*request)()) {
        auto *made = new QPushButton(icon(iconName), text, this);
        made->setAutoDefault(false);
        row->addWidget(made);
        connect(made, &QPushButton::clicked, this, [this, request] {
            accept();
            emit(this->*request)();
        });
    };
    way(tr("One that is here already"),
        tr("If Hugging Face, LM Studio, Ollama or llama.cpp has downloaded Gemma 4, Facet runs it where it lies."));
    QHBoxLayout *row = buttonRow();
    button(row, tr("Look on this &computer …"), QStringLiteral("search"), &FullModelDialog::modelsRequested);
    row->addStretch(1);
    way(tr("A folder or a file"),
        tr("Download an official checkpoint with all its files (config.json, tokenizer.json and the .safetensors "
           "files) into one folder, or a .gguf file with its mmproj file beside it. They need about this much memory:"));
    auto *table = new QGridLayout;
    table->setHorizontalSpacing(space::kL);
    table->setVerticalSpacing(space::kXs);
    const QVector<QStringList> rows = {
        {tr("Checkpoint"), tr("Folder"), tr("4-bit file"), tr("Good for")},
        {QStringLiteral("google/gemma-4-E2B-it"), tr("5.5 GB"), tr("2.3 GB"), tr("laptops; pictures, sound")},
        {QStringLiteral("google/gemma-4-E4B-it"), tr("10.5 GB"), tr("3.7 GB"), tr("most computers; pictures, sound")},
        {QStringLiteral("google/gemma-4-26B-A4B-it"), tr("52 GB"), tr("15.5 GB"), tr("quick for its size; pictures")},
        {QStringLiteral("google/gemma-4-31B-it"), tr("63 GB"), tr("19 GB"), tr("best answers; pictures")}};
    for (int r = 0; r < rows.size(); ++r) {
        for (int c = 0; c < rows[r].size(); ++c) {
            const bool name = r > 0 && c == 0;
            QLabel *cell = name ? paragraph(this, rows[r][c], true) : new QLabel(rows[r][c], this);
            if (r == 0) cell->setForegroundRole(QPalette::PlaceholderText);
            table->addWidget(cell, r, c);
        }
    }
    table->setColumnStretch(3, 1);
    column->addLayout(table);
    row = buttonRow();
    button(row, tr("&Open a folder …"), QStringLiteral("folder"), &FullModelDialog::openFolderRequested);
    button(row, tr("Open a f&ile …"), QStringLiteral("model"), &FullModelDialog::openFileRequested);
    row->addStretch(1);
    way(tr("A server"),
        tr("If vLLM, SGLang, Ollama, LM Studio, llama-server or another Facet runs Gemma 4 somewhere, give Facet its "
           "address. Questions and files are then sent there."));
    row = buttonRow();
    button(row, tr("Use a &server …"), QStringLiteral("server"), &FullModelDialog::serverRequested);
    row->addStretch(1);
    column->addStretch(1);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    resize(600, heightForWidth(600));
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
    table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    table->setColumnWidth(1, 220); // measuring each of them would cost more than all the rest
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
