#include "ui/main_window.h"

#include "ui/composer/composer.h"
#include "ui/main_window_parts.h"
#include "ui/overlay/picture_cache.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"
#include "ui/widgets/plain_tip.h"

#include <QApplication>
#include <QBackingStore>
#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QJsonObject>
#include <QLabel>
#include <QMimeData>
#include <QPainter>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {

QToolButton *headerButton(QWidget *parent, const QString &iconName, const QString &name, const QString &tip) {
    auto *button = new QToolButton(parent);
    button->setIcon(icon(iconName, Tint::Muted));
    button->setIconSize({18, 18});
    button->setAccessibleName(name);
    button->setToolTip(tip);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

// One line in the middle, ended by dots where it does not fit; then the tool tip tells all of it.
class TitleLabel : public QLabel {
public:
    using QLabel::QLabel;

protected:
    void paintEvent(QPaintEvent *) override {
        QPainter painter(this);
        painter.setPen(palette().color(foregroundRole()));
        painter.drawText(rect(), Qt::AlignCenter, fontMetrics().elidedText(text(), Qt::ElideRight, width()));
    }
    bool event(QEvent *event) override {
        if (event->type() == QEvent::ToolTip)
            setToolTip(fontMetrics().horizontalAdvance(text()) > width() ? plainTip(text()) : QString());
        return QLabel::event(event);
    }
};

} // namespace

MainWindow::MainWindow(chat::ChatController *controller, RecorderPort *recorder, QWidget *parent)
    : QMainWindow(parent), m_parts(std::make_unique<Parts>(this, controller, recorder)) {}

MainWindow::~MainWindow() = default;

void MainWindow::useSettings(QSettings *settings) { m_parts->useSettings(settings); }

void MainWindow::attachFiles(const QStringList &paths) { m_parts->attachFiles(paths); }

void MainWindow::warmUp() {
    grab();
    if (QGuiApplication::platformName() != QLatin1String("xcb")) {
        return; // elsewhere the memory behind a window may come with its first frame only
    }
    create();
    if (QBackingStore *store = backingStore()) { // touched here, not in the first frame
        store->resize(size());
        store->beginPaint(rect());
        QPainter painter(store->paintDevice());
        painter.fillRect(rect(), palette().window());
        painter.end();
        store->endPaint();
    }
}

QJsonObject MainWindow::describe() { return m_parts->describe(); }

void MainWindow::closeEvent(QCloseEvent *event) {
    m_parts->saveState();
    m_parts->waitForWriter(); // the last thing that this window does
    QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent *event) {
    if (!filesIn(event->mimeData()).isEmpty()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent *event) {
    attachFiles(filesIn(event->mimeData()));
    event->acceptProposedAction();
}

MainWindow::Parts::Parts(MainWindow *window, chat::ChatController *controller, RecorderPort *recorder)
    : m_window(window), m_controller(controller), m_pictures(new PictureCache(this)) {
    renderIconsAhead({{QStringLiteral("facet"), 48}, {QStringLiteral("text"), 20}, {QStringLiteral("boxes"), 20},
                      {QStringLiteral("sound"), 20}, {QStringLiteral("chat"), 20}, {QStringLiteral("sidebar"), 18},
                      {QStringLiteral("new-chat"), 18}, {QStringLiteral("search"), 18}, {QStringLiteral("attach"), 18},
                      {QStringLiteral("microphone"), 18}, {QStringLiteral("think"), 18}, {QStringLiteral("model"), 18},
                      {QStringLiteral("send"), 18}, {QStringLiteral("info"), 18}},
                     window->devicePixelRatioF());
    applyTheme(m_preferences.scheme, m_preferences.textScale);
    window->setWindowTitle(tr("Facet"));
    window->setWindowIcon(icon(QStringLiteral("facet"), Tint::Accent));
    window->resize(1180, 800);
    window->setMinimumSize(380, 420);
    window->setAcceptDrops(true);

    m_splitter = new QSplitter(window);
    m_sidebar = new Sidebar(m_splitter);
    m_centre = makeCentre(recorder);
    m_splitter->addWidget(m_sidebar);
    m_splitter->addWidget(m_centre);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setCollapsible(1, false);
    m_splitter->setSizes({264, 916});
    m_splitter->setHandleWidth(1);
    window->setCentralWidget(m_splitter);
    m_toast = new Toast(m_centre);
    connect(m_toast, &Toast::actionPressed, this, [this] {
        if (m_toastAction) m_toastAction();
    });
    tintCentre();
    makeActions();
    wireController();
    wireTranscript();
    wireComposer();
    wireSidebar();
    window->installEventFilter(this);
    connect(m_demoBanner, &Banner::pressed, this, &Parts::showFullModel);
    connect(m_demoBanner, &Banner::dismissed, this, [this] {
        m_bannerDismissed = true;
        m_demoBanner->hide();
        m_composer->edit()->setFocus();
    });
    connect(m_problemBanner, &Banner::pressed, m_controller, &chat::ChatController::restartEngine);
    connect(m_empty, &EmptyState::chosen, this, &Parts::beginTask);
    m_sidebar->setConversations(m_controller->conversations(), m_controller->currentConversation());
    m_composer->setThinking(m_controller->settings().thinking);
    m_thinkingAction->setChecked(m_controller->settings().thinking);
    showEngine(m_controller->engine());
    openedConversation();
    showProgress(m_controller->progress());
    m_composer->edit()->setFocus();
}

QWidget *MainWindow::Parts::makeHeader() {
    auto *header = new QWidget;
    auto *row = new QHBoxLayout(header);
    row->setContentsMargins(space::kS, 6, space::kS, 6);
    row->setSpacing(space::kXs);
    m_sidebarButton = headerButton(header, QStringLiteral("sidebar"), tr("Show or hide the chats"),
                                   tr("Show or hide the chats (Ctrl+B)"));
    m_newButton = headerButton(header, QStringLiteral("new-chat"), tr("New chat"), tr("New chat (Ctrl+N)"));
    m_findButton =
        headerButton(header, QStringLiteral("search"), tr("Find in this chat"), tr("Find in this chat (Ctrl+F)"));
    m_title = new TitleLabel(header);
    m_title->setTextFormat(Qt::PlainText);
    m_title->setAlignment(Qt::AlignCenter);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_title->setAccessibleName(tr("Title of this chat"));
    row->addWidget(m_sidebarButton);
    row->addWidget(m_newButton);
    row->addWidget(m_title, 1);
    row->addWidget(m_findButton);
    row->addSpacing(m_sidebarButton->sizeHint().width()); // keeps the title in the middle
    return header;
}

QWidget *MainWindow::Parts::makeCentre(RecorderPort *recorder) {
    auto *centre = new QWidget;
    centre->setAutoFillBackground(true);
    centre->setBackgroundRole(QPalette::Window);
    m_demoBanner = new Banner(Banner::Kind::Info, centre);
    m_problemBanner = new Banner(Banner::Kind::Problem, centre);
    m_demoBanner->hide();
    m_problemBanner->hide();
    m_findBar = new FindBar(centre);
    m_empty = new EmptyState(centre);
    m_transcript = new TranscriptView(m_pictures, centre);
    m_stack = new QStackedWidget(centre);
    auto *emptyScroll = new QScrollArea(centre); // four cards do not fit into every window
    emptyScroll->setWidget(m_empty);
    emptyScroll->setWidgetResizable(true);
    emptyScroll->setFrameShape(QFrame::NoFrame);
    emptyScroll->viewport()->setAutoFillBackground(false); // the empty state fills itself
    m_empty->setAutoFillBackground(false);                 // the scroll area has switched it on
    emptyScroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    emptyScroll->setFocusPolicy(Qt::NoFocus);
    emptyScroll->setAccessibleName(tr("Things to begin with"));
    m_stack->addWidget(emptyScroll);
    m_stack->addWidget(m_transcript);
    m_phase = new PhaseStrip(centre);
    m_composer = new Composer(m_pictures, recorder, centre);
    m_status = new QLabel(centre);
    m_status->setAlignment(Qt::AlignCenter);
    m_status->setForegroundRole(QPalette::PlaceholderText);
    m_status->setTextFormat(Qt::PlainText);
    m_status->setAccessibleName(tr("State of the engine"));
    m_status->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto *foot = new QWidget(centre);
    auto *footColumn = new QVBoxLayout(foot);
    footColumn->setContentsMargins(space::kL, 2, space::kL, space::kS);
    footColumn->setSpacing(space::kXs);
    const auto centred = [&](QWidget *widget) {
        auto *row = new QHBoxLayout;
        widget->setMaximumWidth(space::kColumn + 32);
        row->addStretch(1);
        row->addWidget(widget, 100);
        row->addStretch(1);
        footColumn->addLayout(row);
    };
    centred(m_phase);
    centred(m_composer);
    footColumn->addWidget(m_status);
    foot->setAutoFillBackground(true);

    auto *column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeHeader());
    column->addWidget(m_demoBanner);
    column->addWidget(m_problemBanner);
    column->addWidget(m_findBar);
    column->addWidget(m_stack, 1);
    column->addWidget(foot);
    return centre;
}

} // namespace facet::ui
