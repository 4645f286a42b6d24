// SPDX-License-Identifier: GPL-3.0-or-later
// From the menu to what changed: a comparison as a person asks for it.
#include "core/compare/compare.h"
#include "core/compare/text.h"
#include "tests/compare/tape.h"
#include "tests/mainwindow/shownwindow.h"
#include "tests/report/incident.h"
#include "tests/support/places.h"
#include "ui/dialogs/comparedialog.h"
#include "ui/dialogs/comparisondialog.h"
#include "ui/dialogs/reportdialog.h"
#include "ui/mainwindow/compareflow.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/views/comparisonview.h"
#include "ui/views/datatable.h"
#include "ui/views/framelist.h"

#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QToolButton>

using namespace poolscope;
using namespace poolscope::test;

namespace {

const QString sample = inTree("resources/samples/incident.poolrec");

} // namespace

class TestCompareWindow : public QObject, ShownWindow
{
    Q_OBJECT

    QString quiet_;
    QString busy_;

    void makeLive()
    {
        ShownWindow::makeLive();
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().end - workspace().transport().start > 1s,
                                 20000);
    }
    /// As a person opens it.
    CompareDialog* ask()
    {
        window_->actions().compare->trigger();
        return qobject_cast<CompareDialog*>(window_->openDialog());
    }
    template <class T>
    static T* child(QObject* in, const char* name)
    {
        return in->findChild<T*>(QString::fromLatin1(name));
    }
    static void choose(CompareDialog* dialog, const char* control, int index)
    {
        auto* const chosen = child<SegmentedControl>(dialog, control);
        chosen->setCurrent(index);
        emit chosen->chosen(index);
    }
    /// All of that file.
    static void take(CompareDialog* dialog, const std::string& side, const QString& file)
    {
        choose(dialog, (side + "Which").c_str(), 1);
        choose(dialog, (side + "Range").c_str(), 0);
        child<QLineEdit>(dialog, (side + "File").c_str())->setText(file);
    }
    static void start(CompareDialog* dialog, bool redact = false)
    {
        child<QCheckBox>(dialog, "compareRedact")->setChecked(redact);
        auto* const button = child<QPushButton>(dialog, "startCompare");
        QTRY_VERIFY(button->isEnabled());
        button->click();
    }
    ComparisonDialog* shown()
    {
        return QTest::qWaitFor([this] { return window_->comparisons().shown() != nullptr; }, 60000)
                   ? window_->comparisons().shown()
                   : nullptr;
    }
    static QStringList texts(QObject* in, const char* name)
    {
        QStringList all;
        for (const QLabel* label : in->findChildren<QLabel*>(QString::fromLatin1(name)))
            all += QString(label->text()).replace(QChar(0xa0), QLatin1Char(' '));
        return all;
    }
    static QByteArray contentOf(const QString& file)
    {
        QFile in(file);
        return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
    }
    QString record(const char* name, const Behaviour& how) const
    {
        const QString file = folder_.filePath(QLatin1String(name));
        Tape tape(file.toStdString());
        tape.play(how);
        tape.close();
        return tape.trouble().empty() ? file : QString();
    }

private slots:
    void initTestCase()
    {
        useOwnSettings();
        quiet_ = record("quiet.poolrec", {.seconds = 60});
        busy_ = record("busy.poolrec",
                       {.seconds = 60, .acquires = 10, .use = 90ms, .timeouts = 30, .leaks = 4});
        QVERIFY(!quiet_.isEmpty() && !busy_.isEmpty());
    }
    void init()
    {
        QSettings().clear();
        QSettings().setValue(QStringLiteral("folder"), folder_.path());
    }
    void cleanup() { closeAll(); }

    /// What the demo recorded of a real server, cut where trouble began.
    void oneRecordingIsCutWhereTroubleBegan()
    {
        makeReplay(sample);
        QTRY_VERIFY(workspace().marks() && !workspace().marks()->empty());
        CompareDialog* const dialog = ask();
        QVERIFY(dialog);
        QVERIFY2(child<QLabel>(dialog, "compareCut")
                     ->text()
                     .contains(QStringLiteral("the first sign of trouble")),
                 qPrintable(child<QLabel>(dialog, "compareCut")->text()));
        const CompareWish wish = dialog->wish();
        QVERIFY(wish.before.to > wish.before.from && wish.after.to > wish.after.from);
        QSignalSpy progress(&window_->comparisons(), &CompareFlow::progressed);
        start(dialog);
        QVERIFY(!window_->actions().compare->isEnabled()); // one at a time
        QVERIFY(!window_->actions().report->isEnabled());
        ComparisonDialog* const result = shown();
        QVERIFY(result && result->isVisible() && !result->isModal());
        QVERIFY(window_->actions().compare->isEnabled());
        QVERIFY(window_->actions().report->isEnabled());
        QVERIFY(progress.count() > 4);
        double last = 0;
        for (qsizetype i = 0; i + 1 < progress.count(); ++i) {
            QVERIFY(progress[i][0].toDouble() >= last);
            last = progress[i][0].toDouble();
        }
        QCOMPARE(progress.last()[0].toDouble(), -1.0);
        // It says what the command says, and the other way round.
        auto reader = RecordingReader::open(sample.toStdString());
        QVERIFY(bool(reader));
        const auto side = [&](const CompareRange& range) {
            return compare::side_of(*reader.value(),
                                    {range.name.toStdString(), range.from, range.to})
                .value();
        };
        const compare::Comparison same = compare::compare(side(wish.before), side(wish.after));
        const auto headlines = compare::headlines(same);
        QVERIFY(headlines.size() > 2);
        QCOMPARE(texts(result, "comparisonHeadline"),
                 QStringList(QString::fromStdString(compare::sentence_of(*headlines.front()))));
        child<QPushButton>(result, "copyComparison")->click();
        QCOMPARE(QGuiApplication::clipboard()->text(),
                 QString::fromStdString(compare::text_of(same, 0)));
        auto* const table = result->findChild<DataTable*>();
        QVERIFY(table && table->isVisible() && table->model()->rowCount() > 2);
        // As wide as there is room: neither is cut.
        result->resize(1280, 800);
        QTRY_COMPARE(result->size(), QSize(1280, 800));
        QTRY_VERIFY(!table->horizontalScrollBar()->isVisible());
    }

    /// A leak, and what comes of it: which line, with its stack.
    void twoFilesWithNothingOpen()
    {
        make();
        CompareDialog* const dialog = ask();
        QVERIFY(dialog);
        take(dialog, "before", quiet_);
        take(dialog, "after", busy_);
        start(dialog);
        ComparisonDialog* const result = shown();
        QVERIFY(result);
        QCOMPARE(texts(result, "comparisonHeadline"),
                 QStringList(QStringLiteral(
                     "shop-api, pool shop: timeouts came up, 30.0/min after none.")));
        QVERIFY(texts(result, "comparisonBeforeRange")
                    .constFirst()
                    .startsWith(QStringLiteral("quiet.poolrec, ")));
        auto* const table = result->findChild<DataTable*>();
        const auto rows = table->model()->match(table->model()->index(0, 0), Qt::DisplayRole,
                                                QStringLiteral("load (load.cpp:88)"), 1,
                                                Qt::MatchStartsWith | Qt::MatchRecursive);
        QCOMPARE(rows.size(), 1);
        table->setCurrentIndex(rows.front());
        auto* const stack = child<FrameList>(result, "comparisonStack");
        QVERIFY(stack->isVisible());
        QVERIFY(stack->picked());
        QCOMPARE(stack->picked()->line, 88);
        QCOMPARE(texts(result, "comparisonSentence"),
                 QStringList(QStringLiteral("shop-api, pool shop: load (load.cpp:88) holds 3.4 "
                                            "connections on average, before none.")));
        QCOMPARE(workspace().transport().mode, Mode::empty);
        // It stays where the window shows something else, and goes with the window.
        window_->open({quiet_});
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::replay, 10000);
        QVERIFY(result->isVisible());
        const QPointer<ComparisonDialog> still(result);
        closeAll();
        QVERIFY(!still);
    }

    /// What is shown, copied and saved is the same, and names neither hosts nor users.
    void itIsRedacted_data()
    {
        QTest::addColumn<bool>("redact");
        QTest::newRow("redacted") << true;
        QTest::newRow("as it is") << false;
    }
    void itIsRedacted()
    {
        QFETCH(const bool, redact);
        const QString file = folder_.filePath(QStringLiteral("alices-night.poolrec"));
        QFile::remove(file);
        const RecordedIncident recorded{file.toStdString()};
        QCOMPARE(recorded.trouble(), std::string{});
        make();
        CompareDialog* const dialog = ask();
        QVERIFY(dialog);
        take(dialog, "before", file);
        take(dialog, "after", file);
        start(dialog, redact);
        ComparisonDialog* const result = shown();
        QVERIFY(result);
        child<QPushButton>(result, "copyComparison")->click();
        const QString json = folder_.filePath(QStringLiteral("redacted%1.json").arg(redact));
        emit result->saveWanted(json, ComparisonDialog::Form::json);
        QTRY_VERIFY(texts(result, "comparisonSaved").constFirst().contains(json));
        QString all = QGuiApplication::clipboard()->text() + QString::fromUtf8(contentOf(json));
        for (const QLabel* const label : result->findChildren<QLabel*>()) {
            if (label->objectName() != QStringLiteral("comparisonSaved"))
                all += label->text() + QLatin1Char('\n');
        }
        QCOMPARE(all.contains(QStringLiteral("alice")), !redact);
        QCOMPARE(texts(result, "comparisonBeforeRange")
                     .constFirst()
                     .startsWith(QStringLiteral("recording 1, ")),
                 redact);
        QCOMPARE(texts(result, "comparisonAfterRange")
                     .constFirst()
                     .startsWith(QStringLiteral("recording 1, ")),
                 redact);
        if (redact) {
            for (const std::string& secret : RecordedIncident::secrets)
                QVERIFY2(secret == "815" // may be a figure
                             || !all.contains(QString::fromStdString(secret)),
                         secret.c_str());
        }
    }

    void itIsSaved()
    {
        makeReplay(quiet_);
        CompareDialog* const dialog = ask();
        choose(dialog, "beforeRange", 0);
        take(dialog, "after", busy_);
        start(dialog);
        ComparisonDialog* const result = shown();
        QVERIFY(result);
        const QString text = folder_.filePath(QStringLiteral("changes.txt"));
        const QString json = folder_.filePath(QStringLiteral("changes.json"));
        emit result->saveWanted(text, ComparisonDialog::Form::text);
        QTRY_VERIFY(texts(result, "comparisonSaved").constFirst().contains(text));
        QVERIFY(contentOf(text).startsWith("Before  quiet.poolrec, "));
        QVERIFY(!(QFile::permissions(text) & (QFile::ReadGroup | QFile::ReadOther)));
        emit result->saveWanted(json, ComparisonDialog::Form::json);
        QTRY_VERIFY(texts(result, "comparisonSaved").constFirst().contains(json));
        const QJsonDocument document = QJsonDocument::fromJson(contentOf(json));
        QVERIFY(document.isArray());
        QCOMPARE(document.array().first().toObject()[QStringLiteral("measure")].toString(),
                 QStringLiteral("timeouts_per_minute"));
        // What is there stays.
        emit result->saveWanted(text, ComparisonDialog::Form::json);
        QTRY_VERIFY(texts(result, "comparisonSaved")
                        .constFirst()
                        .contains(QStringLiteral("is not overwritten")));
        QVERIFY(contentOf(text).startsWith("Before  quiet.poolrec, "));
    }

    void duringACapture()
    {
        makeLive();
        CompareDialog* const dialog = ask();
        QVERIFY(dialog);
        choose(dialog, "beforeRange", 0);
        take(dialog, "after", quiet_);
        const Timestamp end = workspace().transport().end;
        start(dialog);
        ComparisonDialog* const result = shown();
        QVERIFY(result);
        QVERIFY(texts(result, "comparisonBeforeRange")
                    .constFirst()
                    .startsWith(QStringLiteral("this capture, ")));
        QVERIFY(texts(result, "comparisonNote")
                    .join(QLatin1Char('\n'))
                    .contains(QStringLiteral("Before: the recording was still being written")));
        QCOMPARE(workspace().transport().mode, Mode::live);
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().end > end, 10000); // it goes on
    }

    void itCanBeStopped()
    {
        makeLive();
        auto* const stop = child<QToolButton>(&window_->statusStrip(), "stopComparing");
        QVERIFY(stop && !stop->isVisible());
        CompareDialog* const dialog = ask();
        start(dialog);
        QVERIFY(stop->isVisible());
        stop->click(); // before it can have begun: the capture flushes first
        QTRY_VERIFY(!stop->isVisible());
        QTRY_VERIFY(window_->banner().isVisible());
        QVERIFY(window_->banner().accessibleName().contains(
            QStringLiteral("The comparison was stopped")));
        QVERIFY(!window_->comparisons().shown());
        QVERIFY(window_->actions().compare->isEnabled());
        QCOMPARE(workspace().transport().mode, Mode::live);
        // Of files alone, too.
        CompareDialog* const again = ask();
        take(again, "before", sample);
        take(again, "after", sample);
        QSignalSpy failed(&window_->comparisons(), &CompareFlow::failed);
        start(again);
        window_->comparisons().stop();
        QTRY_VERIFY(!window_->comparisons().running());
        // However late it was: who stopped it is shown nothing, and told of no fault.
        QCOMPARE(failed.size(), 1);
        QVERIFY(failed.front().at(1).toBool());
        QVERIFY(!window_->comparisons().shown());
    }

    void closingSaysThatAComparisonIsBeingMade()
    {
        makeReplay(sample);
        CompareDialog* const dialog = ask();
        take(dialog, "before", quiet_);
        take(dialog, "after", busy_);
        start(dialog);
        QVERIFY(window_->comparisons().running());
        window_->close();
        QVERIFY(window_->isVisible());
        QVERIFY(window_->notices().offered().accessibleName().contains(
            QStringLiteral("comparison is still being made")));
        QVERIFY(shown());
        QVERIFY(window_->isVisible());
        QVERIFY(!window_->notices().offered().isVisible());
        window_->close();
        QTRY_VERIFY(windows_->all().empty());
    }

    /// It was one while it was asked for.
    void aSecondFileThatIsNoneAnyMore()
    {
        makeReplay(quiet_);
        const QString gone = folder_.filePath(QStringLiteral("gone.poolrec"));
        QVERIFY(QFile::copy(busy_, gone));
        CompareDialog* const dialog = ask();
        take(dialog, "after", gone);
        auto* const button = child<QPushButton>(dialog, "startCompare");
        QTRY_VERIFY(button->isEnabled());
        QVERIFY(QFile::remove(gone));
        button->click();
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 30000);
        QVERIFY2(window_->banner().accessibleName().contains(QStringLiteral("gone.poolrec")),
                 qPrintable(window_->banner().accessibleName()));
        QVERIFY(!window_->comparisons().shown());
        QVERIFY(window_->actions().compare->isEnabled());
    }

    void anotherRecordingEndsIt()
    {
        makeReplay(sample);
        QSignalSpy failed(&window_->comparisons(), &CompareFlow::failed);
        start(ask());
        window_->open({quiet_});
        QTRY_VERIFY_WITH_TIMEOUT(!window_->comparisons().running(), 30000);
        QVERIFY(failed.isEmpty() || failed.front().at(1).toBool()); // by the user, in effect
        QTRY_COMPARE_WITH_TIMEOUT(window_->shownFile(), quiet_, 10000);
    }

    void theWindowCanBeClosedMeanwhile()
    {
        for (const bool files : {false, true}) {
            makeReplay(sample);
            CompareDialog* const dialog = ask();
            if (files) {
                take(dialog, "before", sample);
                take(dialog, "after", sample);
            }
            start(dialog);
            window_->close();
            QVERIFY(window_->isVisible());
            emit window_->notices().offered().linkActivated();
            QTRY_VERIFY(windows_->all().empty());
            closeAll();
            QTest::qWait(0);
        }
    }

    /// Neither a report nor a comparison takes the recording from the other.
    void oneReadsAtATime()
    {
        makeReplay(sample);
        start(ask());
        QVERIFY(window_->comparisons().running());
        window_->showReport();
        window_->showCompare();
        QVERIFY(!window_->findChild<ReportDialog*>());
        QCOMPARE(window_->findChildren<CompareDialog*>().size(), 1); // the one that was accepted
        QVERIFY(shown());
    }
};

QTEST_MAIN(TestCompareWindow)
#include "tst_comparewindow.moc"
