#include "ui/models/models_dialog.h"

#include "chat/chat_controller.h"
#include "ui/models/found_models.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/widgets/paragraph.h"
#include "ui/widgets/plain_tip.h"

#include <QCoreApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace facet::ui {

namespace {

constexpr int kNarrow = 480; // the width that every dialog can take

} // namespace

ModelsDialog::ModelsDialog(chat::ChatController *controller, QWidget *parent)
    : QDialog(parent), m_controller(controller), m_model(new FoundModelsModel(this)), m_field(new QLineEdit(this)),
      m_list(new QListView(this)), m_note(new QLabel(this)), m_details(new QLabel(this)),
      m_stack(new QStackedWidget(this)), m_load(new QPushButton(tr("&Load"), this)) {
    setWindowTitle(tr("Models on this computer"));
    resize(620, 600);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(space::kXl, space::kXl, space::kXl, space::kL);
    column->setSpacing(space::kM);
    auto *head = new QLabel(tr("Models on this computer"), this);
    head->setFont(type::heading(font(), 2));
    auto *explanation = new Paragraph(tr("What Hugging Face, LM Studio, Ollama and llama.cpp have downloaded. Facet uses "
                                      "the files where they lie: nothing is copied."),
                                   this);
    explanation->setForegroundRole(QPalette::PlaceholderText);
    m_field->setPlaceholderText(tr("Filter by name or program"));
    m_field->setAccessibleName(tr("Filter the models"));
    m_field->setClearButtonEnabled(true);
    m_field->installEventFilter(this);
    m_list->setModel(m_model);
    m_list->setItemDelegate(new FoundModelsDelegate(m_list));
    m_list->setAccessibleName(tr("Models on this computer"));
    m_list->setFrameShape(QFrame::StyledPanel); // says where the list ends: the path below is no part of it
    m_list->setResizeMode(QListView::Adjust);   // rows are as high as their words need at this width
    m_list->setMouseTracking(true);
    m_list->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->viewport()->setAutoFillBackground(false);
    m_note->setWordWrap(true);
    m_note->setTextFormat(Qt::PlainText);
    m_note->setAlignment(Qt::AlignCenter);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    m_note->setMargin(space::kXl);
    m_stack->addWidget(m_list);
    m_stack->addWidget(m_note);
    m_details->setTextFormat(Qt::PlainText);
    m_details->setFont(type::caption(font()));
    m_details->setForegroundRole(QPalette::PlaceholderText);
    m_details->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_details->setAccessibleName(tr("Where the chosen model lies"));
    auto *folder = new QPushButton(icon(QStringLiteral("folder")), tr("Open &folder …"), this);
    folder->setToolTip(tr("Open a model folder, with config.json and .safetensors files"));
    auto *file = new QPushButton(tr("Open f&ile …"), this);
    file->setToolTip(tr("Open a model in one file (.gguf)"));
    auto *close = new QPushButton(tr("&Close"), this);
    m_load->setProperty(kPrimary, true);
    m_load->setDefault(true);
    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(space::kS);
    auto *openers = new QHBoxLayout;
    openers->setSpacing(space::kS);
    openers->addWidget(folder);
    openers->addWidget(file);
    // In one line where the words of this language and font leave a narrow window room for it.
    int wide = 0;
    for (QPushButton *each : {folder, file, close, m_load}) {
        each->ensurePolished();
        wide += each->sizeHint().width() + space::kS;
    }
    const bool inOneLine = wide + 2 * space::kXl <= kNarrow;
    if (inOneLine) buttons->addLayout(openers);
    else openers->addStretch(1);
    buttons->addStretch(1);
    buttons->addWidget(close);
    buttons->addWidget(m_load);
    column->addWidget(head);
    column->addWidget(explanation);
    column->addWidget(m_field);
    column->addWidget(m_stack, 1);
    column->addWidget(m_details);
    if (!inOneLine) column->addLayout(openers);
    column->addLayout(buttons);
    const auto leaveFor = [this](void (ModelsDialog::*request)()) {
        return [this, request] {
            accept();
            emit(this->*request)();
        };
    };
    connect(folder, &QPushButton::clicked, this, leaveFor(&ModelsDialog::openFolderRequested));
    connect(file, &QPushButton::clicked, this, leaveFor(&ModelsDialog::openFileRequested));
    connect(close, &QPushButton::clicked, this, &QDialog::reject);
    connect(m_load, &QPushButton::clicked, this, &ModelsDialog::load);
    connect(m_list, &QListView::activated, this, &ModelsDialog::load);
    connect(m_list->selectionModel(), &QItemSelectionModel::currentChanged, this, &ModelsDialog::showCurrent);
    connect(m_field, &QLineEdit::textChanged, this, &ModelsDialog::filter);
    connect(m_controller, &chat::ChatController::modelsFound, this, &ModelsDialog::showFound);
    showNote(tr("Looking …"));
    showCurrent();
    m_field->setFocus();
    m_controller->findModels();
}

void ModelsDialog::showNote(const QString &sentence) {
    m_note->setText(sentence);
    m_stack->setCurrentWidget(sentence.isEmpty() ? static_cast<QWidget *>(m_list) : m_note);
}

void ModelsDialog::showFound(const QVector<chat::FoundModel> &models, const QString &problem) {
    const chat::EngineState engine = m_controller->engine();
    m_model->setModels(models, engine.remote ? QString() : engine.modelPath);
    if (models.isEmpty()) {
        showNote(!problem.isEmpty()
                     ? problem
                     : tr("Nothing was found in the folders of Hugging Face, LM Studio, Ollama and llama.cpp.\nIf a "
                          "model lies elsewhere, open its folder or its file."));
        return;
    }
    filter(m_field->text());
}

void ModelsDialog::filter(const QString &words) {
    if (m_note->text() == tr("Looking …") && m_model->rowCount() == 0) {
        return;
    }
    m_model->setFilter(words);
    showNote(m_model->shownModels() > 0 ? QString() : tr("No model is called like “%1”.").arg(words.simplified()));
    m_list->setCurrentIndex(m_model->index(m_model->firstModelRow()));
    showCurrent();
}

const chat::FoundModel *ModelsDialog::current() const { return m_model->modelAt(m_list->currentIndex()); }

void ModelsDialog::showCurrent() {
    using Role = chat::FoundModel::Role;
    const chat::FoundModel *model = current();
    const bool drafter = model && model->role == Role::Drafter;
    m_load->setText(drafter ? tr("&Use as drafter") : tr("&Load"));
    const bool usable =
        model && model->obstacle == chat::FoundModel::Obstacle::None && model->role != Role::Projector;
    m_load->setEnabled(usable);
    m_load->setToolTip(!model    ? tr("Choose a model first.")
                       : !usable ? foundReason(*model)
                       : drafter ? tr("The model in use is loaded again with this drafter.")
                                 : QString());
    const QString path = model ? model->path : QString();
    const int room = width() - 2 * space::kXl;
    m_details->setText(m_details->fontMetrics().elidedText(path, Qt::ElideMiddle, std::max(200, room)));
    m_details->setToolTip(plainTip(path));
}

void ModelsDialog::load() {
    const chat::FoundModel *chosen = current();
    if (!chosen || !m_load->isEnabled()) {
        return;
    }
    const chat::FoundModel model = *chosen; // the list may change while it is loaded
    accept();
    if (model.role == chat::FoundModel::Role::Drafter) {
        chat::LoadSettings settings = m_controller->loadSettings();
        settings.drafter = model.path;
        m_controller->setLoadSettings(settings);
    } else {
        m_controller->openFoundModel(model);
    }
}

void ModelsDialog::resizeEvent(QResizeEvent *event) {
    QDialog::resizeEvent(event);
    showCurrent(); // the path fits anew
}

// The field keeps the focus while the arrows move through the list.
bool ModelsDialog::eventFilter(QObject *watched, QEvent *event) {
    if (watched == m_field && event->type() == QEvent::KeyPress) {
        auto *key = static_cast<QKeyEvent *>(event);
        if (key->key() == Qt::Key_Down || key->key() == Qt::Key_Up || key->key() == Qt::Key_PageDown ||
            key->key() == Qt::Key_PageUp) {
            m_list->setFocus(Qt::OtherFocusReason);
            QKeyEvent copy(key->type(), key->key(), key->modifiers());
            QCoreApplication::sendEvent(m_list, &copy);
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace facet::ui
