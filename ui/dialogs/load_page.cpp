#include "ui/dialogs/load_page.h"

#include "chat/chat_controller.h"
#include "ui/dialogs/file_dialog.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/widgets/paragraph.h"
#include "ui/widgets/plain_tip.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QToolButton>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

constexpr double kGigabyte = 1e9, kMostGigabytes = 4096;
constexpr qsizetype kMostAdapters = 16;

QLabel *note(const QString &text, QWidget *parent) {
    auto *label = new Paragraph(text, parent);
    label->setForegroundRole(QPalette::PlaceholderText);
    return label;
}

QString nameOf(const QString &path) {
    const QString name = QFileInfo(path).fileName();
    return name.isEmpty() ? path : name;
}

} // namespace

void centreLabel(QFormLayout *layout, QWidget *field) {
    constexpr int kOneLine = 48;
    auto *label = qobject_cast<QLabel *>(layout->labelForField(field));
    const int height = field->sizeHint().height();
    if (label && height <= kOneLine) {
        label->setMinimumHeight(height);
        label->setAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    }
}

LoadPage::LoadPage(chat::ChatController *controller, QWidget *parent)
    : QWidget(parent), m_controller(controller), m_for(note({}, this)), m_kv(new QComboBox(this)),
      m_weights(new QComboBox(this)), m_memory(new QDoubleSpinBox(this)), m_drafter(new QLineEdit(this)), m_adapterList(new QWidget(this)),
      m_adapterColumn(new QVBoxLayout(m_adapterList)), m_noAdapters(note(tr("None"), m_adapterList)),
      m_addAdapter(new QPushButton(icon(QStringLiteral("plus")), tr("&Add a folder …"), this)),
      m_apply(new QPushButton(tr("&Load again with these"), this)) {
    auto *layout = new QFormLayout(this);
    layout->setContentsMargins(space::kXl, space::kL, space::kXl, space::kL);
    layout->setHorizontalSpacing(space::kL);
    layout->setVerticalSpacing(space::kM);
    layout->setRowWrapPolicy(QFormLayout::WrapLongRows);
    layout->setFieldGrowthPolicy(QFormLayout::ExpandingFieldsGrow);
    const auto addRow = [layout](const QString &name, QWidget *field, const QString &tip) {
        field->setAccessibleName(name);
        field->setToolTip(tip);
        field->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        layout->addRow(name, field);
        centreLabel(layout, field);
    };
    m_memory->setRange(0, kMostGigabytes);
    m_memory->setDecimals(1);
    m_memory->setSingleStep(1);
    m_memory->setSuffix(tr(" GB"));
    m_memory->setSpecialValueText(tr("What this computer has free"));
    addRow(tr("Memory"), m_memory, tr("The most that weights, conversations and caches may take together"));
    m_kv->addItem(tr("Chosen by the engine"), QString());
    m_kv->addItem(tr("16 bit: exact"), QStringLiteral("f16"));
    m_kv->addItem(tr("8 bit: half the memory, hardly any loss"), QStringLiteral("q8_0"));
    m_kv->addItem(tr("4 bit: a quarter of the memory, some loss"), QStringLiteral("q4_0"));
    m_kv->addItem(tr("4 bit, rotated: as small, less loss"), QStringLiteral("q4_r"));
    addRow(tr("Cache"), m_kv,
           tr("How the keys and values of what was read are kept; long conversations need much of it"));
    layout->addRow(m_for);
    m_weights->addItem(tr("As in the file"), QString());
    m_weights->addItem(tr("8 bit: about half the memory of 16 bit, hardly any loss"), QStringLiteral("q8_0"));
    m_weights->addItem(tr("4 bit: about a quarter, some loss"), QStringLiteral("q4_0"));
    addRow(tr("Weights"), m_weights,
           tr("Made smaller while they are loaded, which takes a little longer. Only for folders with 16 or 32 bit "
              "weights: a .gguf file stays as it is."));
    auto *drafterRow = new QWidget(this);
    auto *drafterLine = new QHBoxLayout(drafterRow);
    drafterLine->setContentsMargins(0, 0, 0, 0);
    drafterLine->setSpacing(space::kS);
    m_drafter->setPlaceholderText(tr("None"));
    m_drafter->setClearButtonEnabled(true);
    m_drafter->setAccessibleName(tr("Drafter"));
    m_drafter->setToolTip(tr("A small model trained to guess ahead for this one: the same answers, sooner"));
    auto *drafterFolder = new QToolButton(drafterRow), *drafterFile = new QToolButton(drafterRow);
    drafterFolder->setIcon(icon(QStringLiteral("folder"), Tint::Muted));
    drafterFolder->setToolTip(tr("Choose a drafter's folder"));
    drafterFile->setIcon(icon(QStringLiteral("model"), Tint::Muted));
    drafterFile->setToolTip(tr("Choose a drafter's file (.gguf)"));
    for (QToolButton *button : {drafterFolder, drafterFile}) {
        button->setAccessibleName(button->toolTip());
        button->setFocusPolicy(Qt::TabFocus);
    }
    drafterLine->addWidget(m_drafter, 1);
    drafterLine->addWidget(drafterFolder);
    drafterLine->addWidget(drafterFile);
    layout->addRow(tr("Drafter"), drafterRow);
    centreLabel(layout, drafterRow);
    m_adapterColumn->setContentsMargins(0, 0, 0, 0);
    m_adapterColumn->setSpacing(space::kXs);
    m_adapterColumn->addWidget(m_noAdapters);
    m_adapterList->setAccessibleName(tr("Adapters"));
    layout->addRow(tr("Adapters"), m_adapterList);
    m_adapterLabel = qobject_cast<QLabel *>(layout->labelForField(m_adapterList));
    m_adapterLabel->setAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    m_addAdapter->setToolTip(tr("A LoRA adapter in PEFT's layout: what the model was taught besides"));
    auto *addLine = new QHBoxLayout;
    addLine->addWidget(m_addAdapter);
    addLine->addStretch(1);
    layout->addRow(QString(), addLine);
    m_apply->setProperty(kPrimary, true);
    auto *applyLine = new QHBoxLayout;
    applyLine->addWidget(m_apply);
    applyLine->addStretch(1);
    layout->addRow(QString(), applyLine);

    connect(m_memory, &QDoubleSpinBox::valueChanged, this, &LoadPage::updateApply);
    connect(m_kv, &QComboBox::currentIndexChanged, this, &LoadPage::updateApply);
    connect(m_weights, &QComboBox::currentIndexChanged, this, &LoadPage::updateApply);
    connect(m_drafter, &QLineEdit::textChanged, this, &LoadPage::updateApply);
    connect(drafterFolder, &QToolButton::clicked, this,
            [this] { choose(true, tr("Choose a drafter's folder"), &LoadPage::takeDrafter); });
    connect(drafterFile, &QToolButton::clicked, this,
            [this] { choose(false, tr("Choose a drafter's file (.gguf)"), &LoadPage::takeDrafter); });
    connect(m_addAdapter, &QPushButton::clicked, this,
            [this] { choose(true, tr("Choose an adapter's folder"), &LoadPage::takeAdapter); });
    connect(m_apply, &QPushButton::clicked, this, [this] {
        m_controller->setLoadSettings(shown());
        updateApply();
    });
    showSettings();
    showEngine(controller->engine());
}

void LoadPage::showEngine(const chat::EngineState &engine) {
    if (!engine.remote && engine.modelPath != m_model) {
        m_model = engine.modelPath;
        showSettings(); // another model has its own drafter and adapters
    }
    m_for->setText(engine.remote ? tr("%1 answers now; these settings wait until this computer is used again.")
                                       .arg(engine.modelPath)
                   : engine.modelName.isEmpty() ? tr("For the model that is loaded next:")
                                                : tr("For %1 only:").arg(engine.modelName));
    updateApply();
}

void LoadPage::showSettings() {
    const chat::LoadSettings settings = m_controller->loadSettings();
    m_memory->setValue(double(settings.memoryBytes) / kGigabyte);
    m_kv->setCurrentIndex(std::max(0, m_kv->findData(settings.kv)));
    m_weights->setCurrentIndex(std::max(0, m_weights->findData(settings.weights)));
    m_drafter->setText(settings.drafter);
    while (!m_adapters.isEmpty()) removeAdapter(m_adapters.first().row);
    for (const chat::AdapterUse &adapter : settings.adapters) addAdapter(adapter.path, adapter.scale);
}

void LoadPage::addAdapter(const QString &path, double scale) {
    auto *row = new QWidget(m_adapterList);
    auto *line = new QHBoxLayout(row);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(space::kS);
    auto *name = new QLabel(nameOf(path), row);
    name->setTextFormat(Qt::PlainText);
    name->setToolTip(plainTip(path));
    name->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    auto *box = new QDoubleSpinBox(row);
    box->setRange(-10, 10);
    box->setSingleStep(0.1);
    box->setValue(scale);
    box->setPrefix(tr("× "));
    box->setAccessibleName(tr("Strength of %1").arg(nameOf(path)));
    box->setToolTip(tr("How strongly the adapter works; 1 is as it was trained, 0 switches it off"));
    auto *remove = new QToolButton(row);
    remove->setIcon(icon(QStringLiteral("close"), Tint::Muted));
    remove->setAccessibleName(tr("Remove %1").arg(nameOf(path)));
    remove->setToolTip(plainTip(remove->accessibleName()));
    remove->setFocusPolicy(Qt::TabFocus);
    line->addWidget(name, 1);
    line->addWidget(box);
    line->addWidget(remove);
    m_adapterColumn->addWidget(row);
    m_adapters.append({row, path, box});
    connect(box, &QDoubleSpinBox::valueChanged, this, &LoadPage::updateApply);
    connect(remove, &QToolButton::clicked, this, [this, row] { removeAdapter(row); });
    updateApply();
}

void LoadPage::removeAdapter(QWidget *row) {
    m_adapters.removeIf([row](const AdapterRow &each) { return each.row == row; });
    row->hide();
    row->deleteLater(); // its own button may have been pressed
    updateApply();
}

QVector<QDoubleSpinBox *> LoadPage::scales() const {
    QVector<QDoubleSpinBox *> boxes;
    for (const AdapterRow &each : m_adapters) boxes << each.scale;
    return boxes;
}

chat::LoadSettings LoadPage::shown() const {
    chat::LoadSettings settings = m_controller->loadSettings();
    settings.kv = m_kv->currentData().toString();
    settings.weights = m_weights->currentData().toString();
    settings.memoryBytes = qint64(std::llround(m_memory->value() * 10)) * qint64(kGigabyte / 10);
    settings.drafter = m_drafter->text().trimmed();
    settings.adapters.clear();
    for (const AdapterRow &each : m_adapters) settings.adapters.append({each.path, each.scale->value()});
    return settings;
}

void LoadPage::updateApply() {
    const bool changed = !(shown() == m_controller->loadSettings());
    m_noAdapters->setVisible(m_adapters.isEmpty());
    // The label stands beside the first line, however many there are.
    const QWidget *firstLine = m_adapters.isEmpty() ? static_cast<QWidget *>(m_noAdapters) : m_adapters.first().row;
    m_adapterLabel->setFixedHeight(firstLine->sizeHint().height());
    m_addAdapter->setEnabled(m_adapters.size() < kMostAdapters);
    m_apply->setText(m_controller->engine().remote ? tr("&Keep these") : tr("&Load again with these"));
    m_apply->setEnabled(changed);
    m_apply->setToolTip(changed ? QString() : tr("Nothing was changed."));
}

void LoadPage::choose(bool folder, const QString &title, void (LoadPage::*take)(const QString &)) {
    QFileDialog *dialog = makeFileDialog(this, title);
    dialog->setFileMode(folder ? QFileDialog::Directory : QFileDialog::ExistingFile);
    dialog->setOption(QFileDialog::ShowDirsOnly, folder);
    if (!folder) dialog->setNameFilters({tr("Models in one file (*.gguf)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, this, take);
    dialog->open();
}

void LoadPage::takeDrafter(const QString &path) { m_drafter->setText(path); }

void LoadPage::takeAdapter(const QString &path) { addAdapter(path, 1.0); }

} // namespace facet::ui
