// SPDX-License-Identifier: GPL-3.0-or-later
// What is to be compared, asked for by real widgets, with real recordings as the other side.
#include "tests/compare/tape.h"
#include "ui/dialogs/comparedialog.h"
#include "ui/dialogs/comparisondialog.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QClipboard>
#include <QDateTimeEdit>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <map>

using namespace poolscope;
using namespace poolscope::test;

class TestCompareDialog : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanup() { dialog_.reset(); }
    void oneRecordingIsCutInTwo();
    void allOfItAndAsInTheCharts();
    void anEmptyRange();
    void anotherFile();
    void aFileThatIsNoRecording();
    void theLatestNameCounts();
    void withoutARecordingHere();
    void localTime();
    void redacted();
    void theResultIsCopiedAndSaved();

private:
    CompareScope scope() const;
    void ask(const CompareScope& scope);
    template <class T>
    T* child(const char* name) const
    {
        return dialog_->findChild<T*>(QLatin1String(name));
    }
    void choose(const char* control, int index) const
    {
        auto* const chosen = child<SegmentedControl>(control);
        chosen->setCurrent(index);
        emit chosen->chosen(index);
    }
    QString words(const char* name) const { return child<QLabel>(name)->text(); }
    bool ready() const { return child<QPushButton>("startCompare")->isEnabled(); }

    QTemporaryDir dir_;
    Timestamp end_;
    int looks_ = 0;
    std::unique_ptr<CompareDialog> dialog_;
};

void TestCompareDialog::initTestCase()
{
    QVERIFY(dir_.isValid());
    QCoreApplication::setAttribute(Qt::AA_DontUseNativeDialogs);
    Theme::current().install();
    Tape tape(dir_.filePath(QStringLiteral("other.poolrec")).toStdString());
    tape.play({.seconds = 60});
    tape.close();
    QCOMPARE(tape.trouble(), std::string());
    end_ = Tape::start + 60s;
}

CompareScope TestCompareDialog::scope() const
{
    CompareScope scope;
    scope.any = true;
    scope.name = QStringLiteral("night.poolrec");
    scope.start = Tape::start;
    scope.end = Tape::start + 120s;
    scope.visibleFrom = Tape::start + 10s;
    scope.visibleTo = Tape::start + 20s;
    scope.utc = true;
    scope.cut = Tape::start + 40s;
    scope.cutWords = QStringLiteral("Proposed: cut at 14:29:20, the first sign of trouble.");
    return scope;
}

void TestCompareDialog::ask(const CompareScope& scope)
{
    looks_ = 0;
    // As the window does it: what is there is read, and answered later.
    const RecordingLook look = [this](const QString& file, const RecordingAnswer& answer) {
        ++looks_;
        auto reader = RecordingReader::open(file.toStdString());
        const auto info = reader ? reader.value()->info() : Result<RecordingInfo>{reader.error()};
        QMetaObject::invokeMethod(
            this, [answer, info] { answer(info); }, Qt::QueuedConnection);
    };
    dialog_ = std::make_unique<CompareDialog>(scope, dir_.path(), look);
    dialog_->show();
    QVERIFY(QTest::qWaitForWindowExposed(dialog_.get()));
}

void TestCompareDialog::oneRecordingIsCutInTwo()
{
    ask(scope());
    QVERIFY(ready());
    QCOMPARE(words("compareCut"), scope().cutWords);
    QVERIFY(child<QLabel>("compareCut")->isVisible());
    QCOMPARE(words("beforeWords"),
             QStringLiteral("2025-11-21 14:28:40 to 2025-11-21 14:29:20 in UTC, 40 s"));
    QCOMPARE(words("afterWords"),
             QStringLiteral("2025-11-21 14:29:20 to 2025-11-21 14:30:40 in UTC, 1 min 20 s"));
    const CompareWish wish = dialog_->wish();
    QVERIFY(wish.utc);
    QVERIFY(wish.before.file.isEmpty() && wish.after.file.isEmpty());
    QCOMPARE(wish.before.name, QStringLiteral("night.poolrec"));
    QCOMPARE(wish.before.from, std::optional(Tape::start));
    QCOMPARE(wish.before.to, std::optional(scope().cut));
    QCOMPARE(wish.after.from, std::optional(scope().cut));
    QCOMPARE(wish.after.to, std::optional(scope().end));
    QVERIFY(!child<QLineEdit>("beforeFile")->isVisible());
    QSignalSpy accepted(dialog_.get(), &QDialog::accepted);
    QTest::keyClick(dialog_.get(), Qt::Key_Return);
    QCOMPARE(accepted.count(), 1);
}

void TestCompareDialog::allOfItAndAsInTheCharts()
{
    ask(scope());
    choose("beforeRange", 0);
    choose("afterRange", 1);
    QVERIFY(!child<QDateTimeEdit>("beforeFrom")->isEnabled());
    QVERIFY(words("beforeWords").endsWith(QStringLiteral("2 min")));
    QVERIFY(words("afterWords").endsWith(QStringLiteral("10 s")));
    const CompareWish wish = dialog_->wish();
    QVERIFY(!wish.before.from && !wish.before.to); // whatever it grows to
    QCOMPARE(wish.after.from, std::optional(scope().visibleFrom));
    QCOMPARE(wish.after.to, std::optional(scope().visibleTo));
}

void TestCompareDialog::anEmptyRange()
{
    ask(scope());
    auto* const from = child<QDateTimeEdit>("afterFrom");
    auto* const to = child<QDateTimeEdit>("afterTo");
    from->setDateTime(to->dateTime());
    QVERIFY(!ready());
    QCOMPARE(words("afterWords"),
             QStringLiteral("Nothing is between these two. Give the range a later end."));
    QSignalSpy accepted(dialog_.get(), &QDialog::accepted);
    dialog_->accept(); // as Enter would
    QCOMPARE(accepted.count(), 0);
    from->setDateTime(to->dateTime().addSecs(-5));
    QVERIFY(ready());
    QCOMPARE(dialog_->wish().after.from, std::optional(scope().end - 4999ms));
    // Beyond its end there is nothing: the field does not go there.
    to->setDateTime(to->dateTime().addSecs(3600));
    QCOMPARE(dialog_->wish().after.to, std::optional(scope().end));
    CompareScope still = scope();
    still.visibleTo = still.visibleFrom;
    ask(still);
    choose("beforeRange", 1);
    QVERIFY(!ready());
    QVERIFY(words("beforeWords").contains(QStringLiteral("holds no time")));
}

void TestCompareDialog::anotherFile()
{
    ask(scope());
    choose("afterWhich", 1);
    auto* const file = child<QLineEdit>("afterFile");
    QVERIFY(file->isVisible());
    QVERIFY(!ready());
    QCOMPARE(words("afterWords"), QStringLiteral("Name the other recording."));
    // Of two recordings each is taken whole, unless another range was chosen.
    QVERIFY(!child<QLabel>("compareCut")->isVisible());
    QCOMPARE(child<SegmentedControl>("beforeRange")->current(), 0);
    QCOMPARE(child<SegmentedControl>("afterRange")->current(), 0);
    file->setText(QStringLiteral("other.poolrec")); // in the folder
    QCOMPARE(words("afterWords"), QStringLiteral("Looking into the file…"));
    QVERIFY(!ready());
    QTRY_VERIFY(ready());
    QCOMPARE(looks_, 1);
    QVERIFY(words("afterWords").endsWith(QStringLiteral("1 min")));
    const CompareWish wish = dialog_->wish();
    QCOMPARE(wish.after.file, dir_.filePath(QStringLiteral("other.poolrec")));
    QCOMPARE(wish.after.name, QStringLiteral("other.poolrec"));
    QVERIFY(wish.before.file.isEmpty());
    choose("afterRange", 1);
    QVERIFY(!ready());
    QVERIFY(words("afterWords").startsWith(QStringLiteral("The charts show this recording")));
    choose("afterRange", 0);
    QVERIFY(ready());
    choose("afterWhich", 0);
    QVERIFY(ready());
    QVERIFY(dialog_->wish().after.file.isEmpty());
    QVERIFY(child<QLabel>("compareCut")->isVisible());
    QCOMPARE(dialog_->wish().before.to, std::optional(scope().cut));
    QVERIFY(!dialog_->wish().after.to); // as was chosen
}

void TestCompareDialog::aFileThatIsNoRecording()
{
    QFile none(dir_.filePath(QStringLiteral("none.poolrec")));
    QVERIFY(none.open(QIODevice::WriteOnly));
    none.write("no recording");
    none.close();
    ask(scope());
    choose("beforeWhich", 1);
    auto* const file = child<QLineEdit>("beforeFile");
    file->setText(none.fileName());
    QTRY_VERIFY(words("beforeWords").contains(QStringLiteral("none.poolrec")));
    QVERIFY(!ready());
    file->setText(dir_.filePath(QStringLiteral("missing.poolrec")));
    QTRY_VERIFY(words("beforeWords").contains(QStringLiteral("missing.poolrec")));
    QVERIFY(!ready());
    file->setText(dir_.filePath(QStringLiteral("other.poolrec")));
    QTRY_VERIFY(ready());
}

/// An answer that comes after another name was written is of no use.
void TestCompareDialog::theLatestNameCounts()
{
    std::map<QString, RecordingAnswer> asked;
    dialog_ = std::make_unique<CompareDialog>(
        scope(), dir_.path(), [&asked](const QString& file, const RecordingAnswer& answer) {
            asked[QFileInfo(file).fileName()] = answer;
        });
    dialog_->show();
    choose("afterWhich", 1);
    choose("afterRange", 0);
    auto* const file = child<QLineEdit>("afterFile");
    file->setText(QStringLiteral("first.poolrec"));
    QTRY_COMPARE(asked.size(), std::size_t{1});
    file->setText(QStringLiteral("second.poolrec"));
    QTRY_COMPARE(asked.size(), std::size_t{2});
    RecordingInfo info;
    info.started = Tape::start;
    info.ended = end_;
    info.observations = 5;
    asked[QStringLiteral("first.poolrec")](info);
    QVERIFY(!ready());
    info.ended = Tape::start + 30s;
    asked[QStringLiteral("second.poolrec")](info);
    QVERIFY(ready());
    QVERIFY(words("afterWords").endsWith(QStringLiteral("30 s")));
    // Of nothing, nothing changed.
    file->setText(QStringLiteral("third.poolrec"));
    QTRY_COMPARE(asked.size(), std::size_t{3});
    asked[QStringLiteral("third.poolrec")](RecordingInfo{});
    QVERIFY(!ready());
    QVERIFY(words("afterWords").startsWith(QStringLiteral("Nothing was observed")));
    file->setText(QStringLiteral("fourth.poolrec"));
    QTRY_COMPARE(asked.size(), std::size_t{4});
    dialog_.reset();
    asked[QStringLiteral("fourth.poolrec")](info); // nobody asks any more
}

void TestCompareDialog::withoutARecordingHere()
{
    ask({});
    QVERIFY(!ready());
    for (const char* const side : {"before", "after"}) {
        QVERIFY(!child<SegmentedControl>((std::string(side) + "Which").c_str())->isEnabled());
        child<QLineEdit>((std::string(side) + "File").c_str())
            ->setText(QStringLiteral("other.poolrec"));
    }
    QVERIFY(!child<QLabel>("compareCut")->isVisible());
    QTRY_VERIFY(ready());
    choose("afterRange", 2);
    auto* const from = child<QDateTimeEdit>("afterFrom");
    QVERIFY(from->isEnabled());
    from->setDateTime(from->dateTime().addSecs(30));
    QCOMPARE(*dialog_->wish().after.from,
             timestamp_from_us(from->dateTime().toMSecsSinceEpoch() * 1000));
    QCOMPARE(dialog_->wish().after.to, std::optional(end_));
}

void TestCompareDialog::localTime()
{
    CompareScope local = scope();
    local.utc = false;
    ask(local);
    QVERIFY(words("beforeWords").contains(QStringLiteral("local time")));
    QCOMPARE(dialog_->wish().before.to, std::optional(local.cut));
}

/// For others to read, if somebody says so.
void TestCompareDialog::redacted()
{
    ask(scope());
    auto* const redact = child<QCheckBox>("compareRedact");
    QVERIFY(redact->isVisible() && !redact->isChecked());
    QVERIFY(!dialog_->wish().redact);
    redact->click();
    QVERIFY(dialog_->wish().redact);
    QVERIFY(ready());
}

void TestCompareDialog::theResultIsCopiedAndSaved()
{
    auto* const view = new QLabel(QStringLiteral("figures"));
    ComparisonDialog shown(view, QStringLiteral("what changed\n"), dir_.path());
    shown.show();
    QVERIFY(QTest::qWaitForWindowExposed(&shown));
    QVERIFY(view->isVisible());
    shown.findChild<QPushButton*>(QStringLiteral("copyComparison"))->click();
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("what changed\n"));
    QSignalSpy wanted(&shown, &ComparisonDialog::saveWanted);
    const auto save = [&shown](const QString& filter, const QString& name) {
        shown.findChild<QPushButton*>(QStringLiteral("saveComparison"))->click();
        auto* const dialog = shown.findChild<QFileDialog*>();
        QVERIFY(dialog);
        dialog->selectNameFilter(filter);
        emit dialog->filterSelected(filter);
        dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"))->setText(name);
        QMetaObject::invokeMethod(dialog, "accept");
        delete dialog;
    };
    save(QStringLiteral("Text (*.txt)"), QStringLiteral("plain"));
    QCOMPARE(wanted.count(), 1);
    QCOMPARE(wanted[0][0].toString(), dir_.filePath(QStringLiteral("plain.txt")));
    QCOMPARE(wanted[0][1].value<ComparisonDialog::Form>(), ComparisonDialog::Form::text);
    save(QStringLiteral("JSON (*.json)"), QStringLiteral("figures"));
    QCOMPARE(wanted.count(), 2);
    QCOMPARE(wanted[1][0].toString(), dir_.filePath(QStringLiteral("figures.json")));
    QCOMPARE(wanted[1][1].value<ComparisonDialog::Form>(), ComparisonDialog::Form::json);
    shown.setSaved(QStringLiteral("Written."));
    QCOMPARE(shown.findChild<QLabel*>(QStringLiteral("comparisonSaved"))->text(),
             QStringLiteral("Written."));
}

QTEST_MAIN(TestCompareDialog)
#include "tst_comparedialog.moc"
