// Choosing a model: the dialog over a scripted controller, the list behind it, the settings of loading.
#include "support/fake_chat_controller.h"
#include "ui/dialogs/info_dialogs.h"
#include "ui/dialogs/load_page.h"
#include "ui/models/found_models.h"
#include "ui/models/models_dialog.h"
#include "ui/theme/theme.h"

#include <QAbstractItemModelTester>
#include <QAccessible>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>

#include <cstdlib>

using namespace facet;
using namespace facet::ui;
using chat::FoundModel;
using tests::FakeChatController;

namespace {

FoundModel found(const char *path, const char *name, const char *source) {
    FoundModel model;
    model.path = QLatin1String(path);
    model.name = QLatin1String(name);
    model.source = QLatin1String(source);
    model.bytes = 3'200'000'000;
    model.gguf = true;
    return model;
}

QVector<FoundModel> someModels() {
    FoundModel other = found("/o/llama", "llama3:8b", "Ollama");
    other.obstacle = FoundModel::Obstacle::OtherFamily;
    other.architecture = QStringLiteral("llama");
    FoundModel drafter = found("/l/drafter.gguf", "gemma-4-E2B-drafter", "LM Studio");
    drafter.role = FoundModel::Role::Drafter;
    FoundModel projector = found("/l/mmproj.gguf", "mmproj-gemma-4", "LM Studio");
    projector.role = FoundModel::Role::Projector;
    FoundModel folder = found("/hub/e4b", "google/gemma-4-E4B-it", "Hugging Face");
    folder.gguf = false;
    return {other, drafter, folder, projector, found("/l/e2b.gguf", "gemma-4-E2B-it-Q4_K_M", "LM Studio")};
}

} // namespace

class ModelsTest : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() { applyTheme(Scheme::Light); }

    void rowsAreOrderedByUse() {
        FoundModelsModel model;
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model.firstModelRow(), -1);
        model.setModels(someModels(), QStringLiteral("/hub/e4b"));
        QStringList rows;
        for (int i = 0; i < model.rowCount(); ++i) rows << model.index(i).data().toString();
        QCOMPARE(rows, (QStringList{QStringLiteral("Ready to load"), QStringLiteral("google/gemma-4-E4B-it"),
                                    QStringLiteral("gemma-4-E2B-it-Q4_K_M"), QStringLiteral("Parts that go with a model"),
                                    QStringLiteral("gemma-4-E2B-drafter"), QStringLiteral("mmproj-gemma-4"),
                                    QStringLiteral("Not for Facet"), QStringLiteral("llama3:8b")}));
        QCOMPARE(model.flags(model.index(0)), Qt::ItemFlags(Qt::NoItemFlags));
        QVERIFY(model.flags(model.index(7)) & Qt::ItemIsSelectable); // its reason can be reached with the keyboard
        const auto spoken = [&model](int row) { return model.index(row).data(Qt::AccessibleTextRole).toString(); };
        QCOMPARE(spoken(1), QStringLiteral("google/gemma-4-E4B-it, In use, Folder · 3.2 GB · Hugging Face"));
        QVERIFY(spoken(4).contains(QStringLiteral("Drafter")));
        QVERIFY(spoken(7).contains(QStringLiteral("llama”")));
        QCOMPARE(model.index(1).data(Qt::ToolTipRole).toString(), QStringLiteral("/hub/e4b"));
        model.setFilter(QStringLiteral("STUDIO  gemma"));
        QCOMPARE(model.shownModels(), 3);
        model.setFilter(QStringLiteral("nothing like it"));
        QCOMPARE(model.rowCount(), 0);
    }

    void chosenWithTheKeyboard() {
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        dialog.show();
        QVERIFY(controller.calls.contains(QStringLiteral("findModels")));
        QVERIFY(dialog.note()->isVisible());
        QVERIFY(!dialog.loadButton()->isEnabled());
        QTest::keyClicks(dialog.field(), QStringLiteral("gem")); // before the answer is there
        controller.answerFindModels(someModels());
        QVERIFY(dialog.list()->isVisible());
        QCOMPARE(dialog.list()->currentIndex().data().toString(), QStringLiteral("google/gemma-4-E4B-it"));
        QTest::keyClick(dialog.field(), Qt::Key_Down); // moves in the list although the field has the focus
        QCOMPARE(dialog.list()->currentIndex().data().toString(), QStringLiteral("gemma-4-E2B-it-Q4_K_M"));
        QVERIFY(dialog.loadButton()->isEnabled());
        QTest::keyClick(dialog.list(), Qt::Key_Return);
        QVERIFY(controller.calls.contains(QStringLiteral("openFoundModel /l/e2b.gguf")));
        QVERIFY(!dialog.isVisible());
    }

    void whatIsNoModelSaysSo() {
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        dialog.show();
        controller.answerFindModels(someModels());
        dialog.field()->setText(QStringLiteral("llama"));
        QVERIFY(!dialog.loadButton()->isEnabled());
        QVERIFY(dialog.loadButton()->toolTip().contains(QStringLiteral("Gemma models only")));
        QTest::keyClick(dialog.list(), Qt::Key_Return);
        QVERIFY(dialog.isVisible());
        dialog.field()->setText(QStringLiteral("mmproj"));
        QVERIFY(!dialog.loadButton()->isEnabled());
        dialog.field()->setText(QStringLiteral("no such name"));
        QVERIFY(dialog.note()->isVisible());
        QVERIFY(dialog.note()->text().contains(QStringLiteral("no such name")));
        dialog.field()->setText(QStringLiteral("drafter"));
        QCOMPARE(dialog.loadButton()->text(), QStringLiteral("&Use as drafter"));
        dialog.loadButton()->click();
        QCOMPARE(controller.loadSettings().drafter, QStringLiteral("/l/drafter.gguf"));
        QVERIFY(!controller.calls.join(QLatin1Char(' ')).contains(QStringLiteral("openFoundModel")));
    }

    void nothingFoundAndFailures() {
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        dialog.show();
        controller.answerFindModels({});
        QVERIFY(dialog.note()->text().contains(QStringLiteral("open its folder")));
        controller.answerFindModels({}, QStringLiteral("The engine could not be started."));
        QCOMPARE(dialog.note()->text(), QStringLiteral("The engine could not be started."));
        QSignalSpy folder(&dialog, &ModelsDialog::openFolderRequested), file(&dialog, &ModelsDialog::openFileRequested);
        for (QPushButton *button : dialog.findChildren<QPushButton *>()) {
            QVERIFY(!button->text().isEmpty());
            if (button->text().contains(QStringLiteral("older"))) button->click();
        }
        QCOMPARE(folder.size(), 1);
        QCOMPARE(file.size(), 0);
        QVERIFY(!dialog.isVisible());
    }

    void everyThingHasAName() {
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        dialog.show();
        controller.answerFindModels(someModels());
        LoadPage page(&controller);
        page.addAdapter(QStringLiteral("/adapters/rhymes"), 1);
        page.show();
        for (QWidget *top : {static_cast<QWidget *>(&dialog), static_cast<QWidget *>(&page)}) {
            for (QWidget *each : top->findChildren<QWidget *>()) {
                if (!each->isVisible() || !(each->focusPolicy() & Qt::TabFocus) || each->inherits("QAbstractItemView")) {
                    continue;
                }
                if (each->parentWidget()->inherits("QAbstractSpinBox") || each->parentWidget()->inherits("QComboBox")) {
                    continue; // the inside of a field that has a name
                }
                QAccessibleInterface *seen = QAccessible::queryAccessibleInterface(each);
                QVERIFY2(seen && !seen->text(QAccessible::Name).isEmpty(), each->metaObject()->className());
            }
        }
        QVERIFY(!dialog.list()->accessibleName().isEmpty());
    }

    // As a language or a font with longer words has it.
    void fitsANarrowWindowInWideLetters() {
        const QFont before = QApplication::font();
        QFont wide = before;
        wide.setStretch(130);
        QApplication::setFont(wide);
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        controller.answerFindModels(someModels());
        dialog.resize(380, 500);
        dialog.show();
        QVERIFY(dialog.width() <= 480);
        QApplication::setFont(before);
    }

    void paintsInEveryThemeAndWidth() {
        FakeChatController controller;
        for (const Scheme scheme : {Scheme::Light, Scheme::Dark, Scheme::HighContrast}) {
            applyTheme(scheme);
            ModelsDialog dialog(&controller);
            controller.answerFindModels(someModels());
            for (const int width : {380, 620, 1200}) {
                dialog.resize(width, 500);
                dialog.show();
                QVERIFY(dialog.width() <= std::max(width, 480)); // fits a narrow window
                QVERIFY(!dialog.grab().isNull());
            }
        }
        applyTheme(Scheme::Light);
    }

    void loadingIsSetUp() {
        FakeChatController controller;
        LoadPage page(&controller);
        page.show();
        QVERIFY(!page.applyButton()->isEnabled());
        QVERIFY(!page.applyButton()->toolTip().isEmpty());
        page.memory()->setValue(7.5);
        page.cacheType()->setCurrentIndex(page.cacheType()->findData(QStringLiteral("q8_0")));
        page.weights()->setCurrentIndex(page.weights()->findData(QStringLiteral("q4_0")));
        QTest::keyClicks(page.drafter(), QStringLiteral(" /drafters/e2b "));
        page.addAdapter(QStringLiteral("/adapters/rhymes"), 1);
        page.addAdapter(QStringLiteral("/adapters/latin"), 0.5);
        page.scales()[0]->setValue(0.8);
        QVERIFY(page.applyButton()->isEnabled());
        QVERIFY(!controller.calls.contains(QStringLiteral("setLoadSettings"))); // not before it is asked for
        page.applyButton()->click();
        chat::LoadSettings expected;
        expected.memoryBytes = 7'500'000'000;
        expected.kv = QStringLiteral("q8_0");
        expected.weights = QStringLiteral("q4_0");
        expected.drafter = QStringLiteral("/drafters/e2b");
        expected.adapters = {{QStringLiteral("/adapters/rhymes"), 0.8}, {QStringLiteral("/adapters/latin"), 0.5}};
        QVERIFY(controller.loadSettings() == expected);
        QVERIFY(!page.applyButton()->isEnabled());
        for (QToolButton *button : page.findChildren<QToolButton *>()) {
            if (button->accessibleName() == QStringLiteral("Remove rhymes")) button->click();
        }
        QCOMPARE(page.scales().size(), 1);
        QVERIFY(page.applyButton()->isEnabled());

        // Another model brings its own.
        chat::LoadSettings other;
        other.drafter = QStringLiteral("/drafters/other");
        controller.setLoadSettings(other);
        chat::EngineState engine = controller.engine();
        engine.modelPath = QStringLiteral("/models/other");
        page.showEngine(engine);
        QCOMPARE(page.drafter()->text(), QStringLiteral("/drafters/other"));
        QVERIFY(page.scales().isEmpty());
        QCOMPARE(page.weights()->currentData().toString(), QString());
    }

    // Fields beside each other are equally high, and a label stands in the middle of the first line it belongs to.
    void theLoadingPageIsStraight() {
        FakeChatController controller;
        LoadPage page(&controller);
        page.resize(600, 560);
        page.show();
        QVERIFY(QTest::qWaitForWindowExposed(&page));
        const auto labelOf = [&page](const QString &words) {
            for (QLabel *label : page.findChildren<QLabel *>()) {
                if (label->text() == words) return label;
            }
            return static_cast<QLabel *>(nullptr);
        };
        const auto middle = [&page](const QWidget *widget) {
            return widget->mapTo(&page, widget->rect().center()).y();
        };
        QCOMPARE(page.memory()->height(), page.cacheType()->height());
        QCOMPARE(page.weights()->height(), page.cacheType()->height());
        QCOMPARE(page.drafter()->height(), page.cacheType()->height());
        QVERIFY(std::abs(middle(labelOf(QStringLiteral("Adapters"))) - middle(labelOf(QStringLiteral("None")))) <= 1);
        for (int count = 1; count <= 3; ++count) {
            page.addAdapter(QStringLiteral("/adapters/a%1").arg(count), 1);
            QTest::qWait(1);
            const QWidget *first = page.scales().first();
            QCOMPARE(first->height(), page.cacheType()->height());
            QVERIFY2(std::abs(middle(labelOf(QStringLiteral("Adapters"))) - middle(first)) <= 1,
                     qPrintable(QString::number(middle(labelOf(QStringLiteral("Adapters"))) - middle(first))));
        }
    }

    // In a narrow window a row grows for its reason, and nothing of it is lost.
    void reasonsAreReadableInNarrowWindows() {
        FakeChatController controller;
        ModelsDialog dialog(&controller);
        dialog.resize(620, 600);
        dialog.show();
        controller.answerFindModels(someModels());
        const QModelIndex part = dialog.list()->model()->index(4, 0); // a drafter
        QVERIFY(part.data(Qt::AccessibleTextRole).toString().contains(QStringLiteral("Drafter")));
        QTest::qWait(1);
        const int wide = dialog.list()->visualRect(part).height();
        dialog.resize(380, 600);
        QTest::qWait(1);
        const int narrow = dialog.list()->visualRect(part).height();
        QVERIFY2(narrow > wide, qPrintable(QStringLiteral("%1 %2").arg(wide).arg(narrow)));
        QVERIFY(dialog.list()->frameShape() != QFrame::NoFrame); // the list has an end that one sees
    }

    void threeWaysToAFullModel() {
        const QVector<std::pair<QString, void (FullModelDialog::*)()>> ways = {
            {QStringLiteral("Look on this &computer …"), &FullModelDialog::modelsRequested},
            {QStringLiteral("&Open a folder …"), &FullModelDialog::openFolderRequested},
            {QStringLiteral("Open a f&ile …"), &FullModelDialog::openFileRequested},
            {QStringLiteral("Use a &server …"), &FullModelDialog::serverRequested}};
        for (const auto &[text, request] : ways) {
            FullModelDialog dialog;
            dialog.show();
            QSignalSpy asked(&dialog, request);
            for (QPushButton *button : dialog.findChildren<QPushButton *>()) {
                if (button->text() == text) button->click();
            }
            QCOMPARE(asked.size(), 1);
            QVERIFY(!dialog.isVisible());
        }
    }
};

QTEST_MAIN(ModelsTest)
#include "models_test.moc"
