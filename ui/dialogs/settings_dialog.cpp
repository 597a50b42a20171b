#include "ui/dialogs/settings_dialog.h"

#include "chat/chat_controller.h"
#include "ui/dialogs/load_page.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/widgets/paragraph.h"
#include "ui/widgets/plain_tip.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSlider>
#include <QSpinBox>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

namespace facet::ui {

namespace {

QLabel *note(const QString &text, QWidget *parent) {
    auto *label = new Paragraph(text, parent);
    label->setForegroundRole(QPalette::PlaceholderText);
    return label;
}

QFormLayout *form(QWidget *page) {
    auto *layout = new QFormLayout(page);
    layout->setContentsMargins(space::kXl, space::kL, space::kXl, space::kL);
    layout->setHorizontalSpacing(space::kL);
    layout->setVerticalSpacing(space::kM);
    layout->setRowWrapPolicy(QFormLayout::WrapLongRows);
    layout->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    return layout;
}

constexpr int kNumberWidth = 120; // fields of numbers below each other end alike

void addRow(QFormLayout *layout, const QString &name, QWidget *field, const QString &tip = {}) {
    field->setAccessibleName(name);
    field->setToolTip(tip);
    layout->addRow(name, field);
    centreLabel(layout, field);
}

} // namespace

SettingsDialog::SettingsDialog(chat::ChatController *controller, const Preferences &preferences,
                               const QList<QAction *> &actions, QWidget *parent)
    : QDialog(parent), m_controller(controller), m_preferences(preferences), m_index(new QListWidget(this)),
      m_pages(new QStackedWidget(this)), m_actions(actions) {
    setWindowTitle(tr("Settings"));
    resize(760, 560);
    m_index->setFixedWidth(180);
    m_index->setFrameShape(QFrame::NoFrame);
    m_index->setAccessibleName(tr("Groups of settings"));
    m_index->setIconSize({18, 18});
    m_index->setSpacing(2);
    m_index->viewport()->setAutoFillBackground(false);
    addPage(QStringLiteral("settings"), tr("General"));
    addPage(QStringLiteral("chat"), tr("Answers"));
    addPage(QStringLiteral("model"), tr("Model"));
    addPage(QStringLiteral("gauge"), tr("Loading"));
    addPage(QStringLiteral("server"), tr("Another engine"));
    addPage(QStringLiteral("keyboard"), tr("Shortcuts"));
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::accept);
    auto *row = new QHBoxLayout;
    row->setSpacing(0);
    row->addWidget(m_index);
    row->addWidget(m_pages, 1);
    auto *column = new QVBoxLayout(this);
    column->addLayout(row, 1);
    column->addWidget(buttons);
    connect(m_index, &QListWidget::currentRowChanged, this, &SettingsDialog::openPage);
    connect(m_controller, &chat::ChatController::engineChanged, this, &SettingsDialog::showEngine);
}

void SettingsDialog::showEvent(QShowEvent *event) {
    if (m_index->currentRow() < 0) showPage(General);
    QDialog::showEvent(event);
}

// A page may be higher than a small screen: it scrolls.
void SettingsDialog::addPage(const QString &iconName, const QString &title) {
    auto *item = new QListWidgetItem(icon(iconName, Tint::Muted), title, m_index);
    item->setSizeHint({0, 36});
    auto *scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setAccessibleName(title);
    scroll->viewport()->setAutoFillBackground(false);
    m_pages->addWidget(scroll);
}

void SettingsDialog::openPage(int page) {
    auto *scroll = qobject_cast<QScrollArea *>(m_pages->widget(page));
    if (scroll && !scroll->widget()) {
        QWidget *made = makePage(Page(page));
        scroll->setWidget(made);
        made->setAutoFillBackground(false); // the scroll area has switched it on
        scroll->setMinimumWidth(made->minimumSizeHint().width() + scroll->verticalScrollBar()->sizeHint().width());
        showEngine(m_controller->engine());
    }
    m_pages->setCurrentIndex(page);
}

QWidget *SettingsDialog::makePage(Page page) {
    switch (page) {
    case General: return makeGeneral();
    case Answers: return makeAnswers();
    case Model: return makeModel();
    case Loading: return m_loading = new LoadPage(m_controller, this);
    case Remote: return makeRemote();
    case Shortcuts: break;
    }
    auto *shortcuts = new ShortcutsPage(m_actions, this);
    connect(shortcuts, &ShortcutsPage::changed, this, &SettingsDialog::shortcutsChanged);
    return shortcuts;
}

void SettingsDialog::showPage(Page page) { m_index->setCurrentRow(int(page)); }

QWidget *SettingsDialog::makeGeneral() {
    auto *page = new QWidget(this);
    QFormLayout *layout = form(page);
    auto *theme = new QComboBox(page);
    theme->addItem(tr("Like the desktop"), int(Scheme::System));
    theme->addItem(tr("Light"), int(Scheme::Light));
    theme->addItem(tr("Dark"), int(Scheme::Dark));
    theme->addItem(tr("High contrast"), int(Scheme::HighContrast));
    theme->setCurrentIndex(theme->findData(int(m_preferences.scheme)));
    addRow(layout, tr("Theme"), theme);
    auto *scale = new QSpinBox(page);
    scale->setRange(int(kMinTextScale * 100), int(kMaxTextScale * 100));
    scale->setSingleStep(10);
    scale->setSuffix(tr(" %"));
    scale->setValue(qRound(m_preferences.textScale * 100));
    addRow(layout, tr("Text size"), scale, tr("Also Ctrl and + or −"));
    auto *send = new QComboBox(page);
    send->addItem(tr("Enter sends, Shift+Enter begins a new line"));
    send->addItem(tr("Ctrl+Enter sends, Enter begins a new line"));
    send->setCurrentIndex(m_preferences.enterSends ? 0 : 1);
    addRow(layout, tr("Sending"), send);
    layout->addRow(note(
        tr("Facet works without a network. It asks before it opens a link, and reads no file that you did not choose."),
        page));
    connect(theme, &QComboBox::currentIndexChanged, this, [this, theme] {
        m_preferences.scheme = Scheme(theme->currentData().toInt());
        emit preferencesChanged(m_preferences);
    });
    connect(scale, &QSpinBox::valueChanged, this, [this](int value) {
        m_preferences.textScale = value / 100.0;
        emit preferencesChanged(m_preferences);
    });
    connect(send, &QComboBox::currentIndexChanged, this, [this](int row) {
        m_preferences.enterSends = row == 0;
        emit preferencesChanged(m_preferences);
    });
    return page;
}

QWidget *SettingsDialog::makeAnswers() {
    auto *page = new QWidget(this);
    QFormLayout *layout = form(page);
    const chat::GenerationSettings now = m_controller->settings();
    const auto real = [&](double value, double low, double high, double step) {
        auto *box = new QDoubleSpinBox(page);
        box->setRange(low, high);
        box->setSingleStep(step);
        box->setValue(value);
        box->setMinimumWidth(kNumberWidth);
        connect(box, &QDoubleSpinBox::valueChanged, this, &SettingsDialog::storeAnswers);
        return box;
    };
    const auto whole = [&](int value, int low, int high) {
        auto *box = new QSpinBox(page);
        box->setRange(low, high);
        box->setValue(value);
        box->setMinimumWidth(kNumberWidth);
        connect(box, &QSpinBox::valueChanged, this, &SettingsDialog::storeAnswers);
        return box;
    };
    m_system = new QPlainTextEdit(now.systemPrompt, page);
    m_system->setMaximumHeight(84);
    m_system->setTabChangesFocus(true);
    m_system->setPlaceholderText(
        tr("How Facet should behave in every chat, for example: Answer briefly and in German."));
    addRow(layout, tr("Instructions"), m_system);
    m_think = new QCheckBox(tr("Think before answering"), page);
    m_think->setChecked(now.thinking);
    m_tools = new QCheckBox(tr("Offer tools; each use is asked about"), page);
    m_tools->setChecked(now.toolsEnabled);
    layout->addRow(QString(), m_think);
    layout->addRow(QString(), m_tools);
    m_temperature = real(now.temperature, 0, 2, 0.1);
    addRow(layout, tr("Temperature"), m_temperature, tr("0 always takes the likeliest word; 1 is Gemma's own setting"));
    m_topP = real(now.topP, 0.01, 1, 0.05);
    addRow(layout, tr("Top-p"), m_topP, tr("Only words that together reach this likelihood"));
    m_topK = whole(now.topK, 0, 1000);
    addRow(layout, tr("Top-k"), m_topK, tr("Only this many of the likeliest words; 0: all"));
    m_minP = real(now.minP, 0, 1, 0.05);
    addRow(layout, tr("Min-p"), m_minP, tr("Only words at least this likely compared with the likeliest"));
    m_maxTokens = whole(now.maxTokens, 0, 131072);
    m_maxTokens->setSpecialValueText(tr("As long as needed"));
    addRow(layout, tr("Longest answer"), m_maxTokens, tr("In tokens, about three quarters of a word each"));
    m_randomSeed = new QCheckBox(tr("Another answer each time"), page);
    m_randomSeed->setChecked(now.seed < 0);
    m_seed = whole(int(std::clamp<qint64>(now.seed, 0, 2147483647)), 0, 2147483647);
    m_seed->setEnabled(now.seed >= 0);
    layout->addRow(QString(), m_randomSeed);
    addRow(layout, tr("Seed"), m_seed, tr("The same seed gives the same answer to the same question"));
    connect(m_system, &QPlainTextEdit::textChanged, this, &SettingsDialog::storeAnswers);
    connect(m_think, &QCheckBox::toggled, this, &SettingsDialog::storeAnswers);
    connect(m_tools, &QCheckBox::toggled, this, &SettingsDialog::storeAnswers);
    connect(m_randomSeed, &QCheckBox::toggled, this, [this](bool random) {
        m_seed->setEnabled(!random);
        storeAnswers();
    });
    return page;
}

void SettingsDialog::storeAnswers() {
    chat::GenerationSettings settings = m_controller->settings();
    settings.systemPrompt = m_system->toPlainText().trimmed();
    settings.thinking = m_think->isChecked();
    settings.toolsEnabled = m_tools->isChecked();
    settings.temperature = m_temperature->value();
    settings.topP = m_topP->value();
    settings.topK = m_topK->value();
    settings.minP = m_minP->value();
    settings.maxTokens = m_maxTokens->value();
    settings.seed = m_randomSeed->isChecked() ? -1 : m_seed->value();
    m_controller->setSettings(settings);
}

QWidget *SettingsDialog::makeModel() {
    auto *page = new QWidget(this);
    auto *column = new QVBoxLayout(page);
    column->setContentsMargins(space::kXl, space::kL, space::kXl, space::kL);
    column->setSpacing(space::kM);
    m_model = new QLabel(page);
    m_model->setWordWrap(true);
    m_model->setTextFormat(Qt::PlainText);
    m_model->setAccessibleName(tr("Model in use"));
    auto *found = new QPushButton(icon(QStringLiteral("model")), tr("Models on this &computer …"), page);
    auto *open = new QPushButton(icon(QStringLiteral("folder")), tr("&Open model folder …"), page);
    auto *full = new QPushButton(icon(QStringLiteral("info")), tr("How to get a &full model"), page);
    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(space::kS);
    buttons->addWidget(found);
    buttons->addWidget(open);
    buttons->addStretch(1);
    auto *help = new QHBoxLayout;
    help->addWidget(full);
    help->addStretch(1);
    m_recent = new QListWidget(page);
    m_recent->setAccessibleName(tr("Recent models"));
    for (const QString &path : m_controller->recentModels()) {
        auto *item = new QListWidgetItem(m_controller->modelTitle(path), m_recent);
        item->setData(Qt::UserRole, path);
        item->setSizeHint({0, 32});
        item->setToolTip(plainTip(path));
    }
    m_recent->setFrameShape(QFrame::NoFrame);
    m_recent->viewport()->setAutoFillBackground(false);
    auto *head = new QLabel(tr("Recent models"), page);
    head->setFont(type::strong(head->font()));
    column->addWidget(m_model);
    column->addLayout(buttons);
    column->addLayout(help);
    column->addWidget(head);
    column->addWidget(note(tr("Press Enter or double-click to load one."), page));
    column->addWidget(m_recent, 1);
    connect(found, &QPushButton::clicked, this, &SettingsDialog::modelsRequested);
    connect(open, &QPushButton::clicked, this, &SettingsDialog::openModelRequested);
    connect(full, &QPushButton::clicked, this, &SettingsDialog::fullModelRequested);
    connect(m_recent, &QListWidget::itemActivated, this,
            [this](QListWidgetItem *item) { m_controller->openModel(item->data(Qt::UserRole).toString()); });
    return page;
}

QWidget *SettingsDialog::makeRemote() {
    auto *page = new QWidget(this);
    QFormLayout *layout = form(page);
    layout->addRow(note(tr("Facet can use any OpenAI-compatible engine: vLLM, SGLang, Ollama, LM Studio, llama-server, "
                           "or Facet's own on a larger machine. "
                           "Messages and attached files are then sent to that address."),
                        page));
    const chat::EngineState engine = m_controller->engine();
    m_address = new QLineEdit(engine.remote ? engine.modelPath : QString(), page);
    m_address->setPlaceholderText(QStringLiteral("http://192.168.1.20:8080/v1"));
    addRow(layout, tr("Address"), m_address);
    m_key = new QLineEdit(page);
    m_key->setEchoMode(QLineEdit::PasswordEchoOnEdit);
    m_key->setPlaceholderText(engine.remote ? tr("As before; enter one to change it")
                                            : tr("Only if the server asks for one"));
    addRow(layout, tr("Key"), m_key);
    m_remoteModel = new QLineEdit(engine.remote ? engine.modelName : QString(), page);
    m_remoteModel->setPlaceholderText(tr("The first one that the server offers"));
    addRow(layout, tr("Model"), m_remoteModel);
    m_test = new QPushButton(tr("&Test and use"), page);
    m_test->setProperty(kPrimary, true);
    m_local = new QPushButton(tr("Use &this computer"), page);
    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(space::kS);
    buttons->addWidget(m_test);
    buttons->addWidget(m_local);
    buttons->addStretch(1);
    layout->addRow(QString(), buttons);
    m_remoteState = new QLabel(page);
    m_remoteState->setWordWrap(true);
    m_remoteState->setTextFormat(Qt::PlainText);
    m_remoteState->setAccessibleName(tr("Result of the test"));
    m_remoteState->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    layout->addRow(QString(), m_remoteState);
    connect(m_test, &QPushButton::clicked, this, [this] {
        const QUrl url = QUrl::fromUserInput(m_address->text().trimmed());
        const bool plausible = url.isValid() && !url.host().isEmpty() &&
                               (url.scheme() == QLatin1String("http") || url.scheme() == QLatin1String("https"));
        if (!plausible) {
            m_remoteState->setText(tr("That is no web address. Write it like http://192.168.1.20:8080/v1."));
            m_address->setFocus();
            return;
        }
        m_testing = true;
        m_remoteState->setText(tr("Asking %1 …").arg(url.host()));
        m_controller->useRemote(m_address->text().trimmed(), m_key->text(), m_remoteModel->text().trimmed());
    });
    connect(m_local, &QPushButton::clicked, this, [this] {
        m_testing = false;
        m_remoteState->clear();
        m_controller->useLocal();
    });
    return page;
}

void SettingsDialog::showEngine(const chat::EngineState &engine) {
    using Kind = chat::EngineState::Kind;
    if (m_model) {
        m_model->setText(engine.modelName.isEmpty() ? tr("No model is loaded.")
                                                    : tr("In use: %1\n%2").arg(engine.modelName, engine.modelPath));
    }
    if (m_loading) m_loading->showEngine(engine);
    if (m_local) {
        m_local->setEnabled(engine.remote);
        m_local->setToolTip(engine.remote ? QString() : tr("Facet uses this computer already."));
    }
    if (!m_testing) {
        return;
    }
    if (engine.kind == Kind::Ready && engine.remote) {
        m_remoteState->setText(tr("It works: %1 answers.").arg(engine.modelName));
        m_testing = false;
    } else if (engine.kind == Kind::Failed || engine.kind == Kind::Crashed) {
        m_remoteState->setText(engine.problem);
        m_testing = false;
    }
}

} // namespace facet::ui
