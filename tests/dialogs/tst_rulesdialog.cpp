// SPDX-License-Identifier: GPL-3.0-or-later
// The editor of alert rules: what it says while one types, and what it leaves in the file.
#include "core/analyze/alertrules.h"
#include "core/capture/alertrulesfile.h"
#include "ui/dialogs/alertrulesdialog.h"
#include "ui/dialogs/questiondialog.h"
#include "ui/theme/theme.h"

#include <QFile>
#include <QLabel>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <QTextBlock>
#include <QTextLayout>

using namespace poolscope;

namespace {

const QString good =
    QStringLiteral("[[rule]]\nname = \"mine\"\nmeasure = \"pending\"\nat_least = 3\n"
                   "severity = \"critical\"\n");
const QString bad =
    QStringLiteral("\n[[rule]]\nname = \"<b>other\"\nmeasure = \"moon\"\nat_least = 3\n");

QString contentOf(const QString& file)
{
    QFile opened(file);
    return opened.open(QIODevice::ReadOnly) ? QString::fromUtf8(opened.readAll()) : QString();
}

QString builtIn()
{
    std::string_view text = default_alert_rules_text();
    text.remove_prefix(text.find('\n') + 1); // whose licence it is, is not about rules
    return QString::fromUtf8(text.data(), std::ssize(text));
}

} // namespace

class TestRulesDialog : public QObject
{
    Q_OBJECT
private slots:
    void allMeasuresAreListed()
    {
        AlertRulesDialog dialog({}, QStringLiteral("/nowhere/alerts.toml"), false);
        const QString words = dialog.findChild<QLabel*>(QStringLiteral("measures"))->text();
        for (int i = 0; i <= int(AlertMeasure::critical_leaks); ++i) {
            const std::string_view name = name_of(AlertMeasure(i));
            QVERIFY2(words.contains(QString::fromUtf8(name.data(), std::ssize(name))), name.data());
        }
        // What stands above the rules is true in the editor, too.
        const QString text =
            dialog.findChild<QPlainTextEdit*>(QStringLiteral("rules"))->toPlainText();
        QVERIFY(!text.contains(QStringLiteral("beside this file")));
    }

    /// The words of code are none here: `for` is a name like the others.
    void theTextIsColouredAsToml()
    {
        AlertRulesDialog dialog(QStringLiteral("[[rule]]\nfor = \"10s\"\nenabled = true # it is\n"),
                                QStringLiteral("/nowhere/alerts.toml"), false);
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        const QTextDocument& document =
            *dialog.findChild<QPlainTextEdit*>(QStringLiteral("rules"))->document();
        const Tokens& tokens = Theme::current().tokens();
        const auto colourAt = [&](int line, int column) -> QColor {
            for (const QTextLayout::FormatRange& range :
                 document.findBlockByNumber(line).layout()->formats()) {
                if (column >= range.start && column < range.start + range.length)
                    return range.format.foreground().color();
            }
            return {};
        };
        QCOMPARE(colourAt(0, 2), tokens.info);
        QVERIFY(!colourAt(1, 0).isValid());
        QCOMPARE(colourAt(1, 7), tokens.ok);
        QCOMPARE(colourAt(2, 11), tokens.info);
        QCOMPARE(colourAt(2, 16), tokens.text3);
    }

    void initTestCase() { Theme::current().install(); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void beginsWithThoseInUse();
    void saysWhatIsWrong();
    void savesAndKeepsWhatWas();
    void builtInOnesAreNotPinned();
    void nothingReadableIsNotUsed();
    void cannotBeWritten();
    void whatWasWrittenIsNotLostByEsc();
    void inReplayNothingIsSaved();

private:
    QString file() const { return folder_->filePath(QStringLiteral("Poolscope/alerts.toml")); }
    template <class Widget>
    static Widget& part(const QWidget& of, const char* name)
    {
        return *of.findChild<Widget*>(QLatin1String(name));
    }
    static void write(AlertRulesDialog& dialog, const QString& text)
    {
        part<QPlainTextEdit>(dialog, "rules").setPlainText(text);
    }

    std::unique_ptr<QTemporaryDir> folder_;
};

void TestRulesDialog::beginsWithThoseInUse()
{
    const AlertRulesDialog none({}, file(), false);
    QCOMPARE(part<QPlainTextEdit>(none, "rules").toPlainText(), builtIn());
    const AlertRulesDialog own(good, file(), false);
    QCOMPARE(part<QPlainTextEdit>(own, "rules").toPlainText(), good);
    QVERIFY(!part<QListWidget>(own, "problems").isVisibleTo(&own));
}

void TestRulesDialog::whatWasWrittenIsNotLostByEsc()
{
    AlertRulesDialog untouched(good, file(), false);
    untouched.show();
    QTest::keyClick(&untouched, Qt::Key_Escape);
    QVERIFY(!untouched.isVisible());

    AlertRulesDialog dialog(good, file(), false);
    dialog.show();
    QVERIFY(QTest::qWaitForWindowExposed(&dialog));
    const auto asked = [&dialog] {
        return dialog.findChild<QuestionDialog*>();
    };
    auto& edit = part<QPlainTextEdit>(dialog, "rules");
    QTest::keyClicks(&edit, QStringLiteral("# mine"));
    QTest::keyClick(&dialog, Qt::Key_Escape);
    QVERIFY(dialog.isVisible());
    QVERIFY(asked());
    part<QPushButton>(*asked(), "stay").click();
    QTRY_VERIFY(!asked());
    QVERIFY(dialog.isVisible());
    QVERIFY(edit.toPlainText().startsWith(QStringLiteral("# mine")));
    dialog.close(); // as by the window's cross
    QVERIFY(dialog.isVisible());
    QVERIFY(asked());
    part<QPushButton>(*asked(), "discard").click();
    QTRY_VERIFY(!dialog.isVisible());
    QCOMPARE(dialog.result(), int(QDialog::Rejected));
    QCOMPARE(contentOf(file()), QString());

    // While it is saved it asks, too, and the answer may come too late.
    AlertRulesDialog saving(good, file(), false);
    saving.show();
    part<QPushButton>(saving, "use").click();
    QTest::keyClick(&saving, Qt::Key_Escape);
    QVERIFY(saving.isVisible());
    QVERIFY(saving.findChild<QuestionDialog*>());
    QTRY_VERIFY(!saving.isVisible());
    QCOMPARE(saving.result(), int(QDialog::Accepted));
    QCOMPARE(contentOf(file()), good);
}

void TestRulesDialog::saysWhatIsWrong()
{
    AlertRulesDialog dialog(good, file(), false);
    dialog.show();
    write(dialog, good + bad);
    const auto& problems = part<QListWidget>(dialog, "problems");
    QTRY_VERIFY(problems.isVisible());
    QVERIFY2(problems.item(0)->text().contains(QStringLiteral("used_ratio")), // which there are
             qPrintable(problems.item(0)->text()));
    QVERIFY(problems.item(0)->text().startsWith(QStringLiteral("line ")));
    // The others count, so it can be used.
    QVERIFY(part<QPushButton>(dialog, "use").isEnabled());
    auto& list = part<QListWidget>(dialog, "problems");
    list.setCurrentRow(0);
    QVERIFY(part<QPlainTextEdit>(dialog, "rules").textCursor().blockNumber() >= 6);
    write(dialog, good);
    QTRY_VERIFY(!problems.isVisible());
}

void TestRulesDialog::savesAndKeepsWhatWas()
{
    QVERIFY(!saveAlertRules(file(), QStringLiteral("# before\n")));
    AlertRulesDialog dialog({}, file(), false);
    write(dialog, good);
    part<QPushButton>(dialog, "use").click();
    QTRY_COMPARE(dialog.result(), int(QDialog::Accepted));
    QCOMPARE(dialog.rules(), good);
    QCOMPARE(contentOf(file()), good);
    QCOMPARE(contentOf(file() + u'~'), QStringLiteral("# before\n"));
}

void TestRulesDialog::builtInOnesAreNotPinned()
{
    QVERIFY(!saveAlertRules(file(), good));
    AlertRulesDialog dialog(good, file(), false);
    part<QPushButton>(dialog, "builtIn").click();
    auto& edit = part<QPlainTextEdit>(dialog, "rules");
    QCOMPARE(edit.toPlainText(), builtIn());
    edit.undo();
    QCOMPARE(edit.toPlainText(), good);
    edit.redo();
    part<QPushButton>(dialog, "use").click();
    QTRY_COMPARE(dialog.result(), int(QDialog::Accepted));
    QCOMPARE(dialog.rules(), QString());
    QVERIFY(!QFile::exists(file()));
    QCOMPARE(contentOf(file() + u'~'), good);
}

void TestRulesDialog::nothingReadableIsNotUsed()
{
    AlertRulesDialog dialog(good, file(), false);
    write(dialog, bad);
    part<QPushButton>(dialog, "use").click(); // before the pause after typing is over
    QVERIFY(dialog.result() != QDialog::Accepted);
    QVERIFY(!part<QPushButton>(dialog, "use").isEnabled());
    QVERIFY(!QFile::exists(file()));
    // None at all may be meant.
    write(dialog, QStringLiteral("# quiet\n"));
    QTRY_VERIFY(part<QPushButton>(dialog, "use").isEnabled());
    // An empty file would stand for those built in.
    write(dialog, QStringLiteral(" \n"));
    part<QPushButton>(dialog, "use").click();
    QTRY_COMPARE(dialog.result(), int(QDialog::Accepted));
    QVERIFY(contentOf(file()).startsWith(u'#'));
    const AlertRules quiet = parse_alert_rules(contentOf(file()).toStdString(), {});
    QVERIFY(quiet.rules.empty() && quiet.problems.empty());
}

void TestRulesDialog::cannotBeWritten()
{
    const QString inTheWay = folder_->filePath(QStringLiteral("Poolscope"));
    QFile blocker(inTheWay);
    QVERIFY(blocker.open(QIODevice::WriteOnly));
    blocker.close();
    AlertRulesDialog dialog(good, file(), false);
    part<QPushButton>(dialog, "use").click();
    const auto& problems = part<QListWidget>(dialog, "problems");
    QTRY_COMPARE(problems.count(), 1);
    QVERIFY2(problems.item(0)->text().contains(QStringLiteral("cannot be written")),
             qPrintable(problems.item(0)->text()));
    QVERIFY(dialog.result() != QDialog::Accepted);
    QVERIFY(part<QPushButton>(dialog, "use").isEnabled()); // to be tried again
    QVERIFY(!part<QPlainTextEdit>(dialog, "rules").isReadOnly());
}

void TestRulesDialog::inReplayNothingIsSaved()
{
    AlertRulesDialog dialog({}, file(), true);
    part<QPushButton>(dialog, "use").click();
    QCOMPARE(dialog.result(), int(QDialog::Accepted));
    QCOMPARE(dialog.rules(), builtIn()); // empty would be the recording's
    QVERIFY(!QFile::exists(file()));
    AlertRulesDialog back(good, file(), true);
    part<QPushButton>(back, "asRecorded").click();
    QCOMPARE(back.result(), int(QDialog::Accepted));
    QCOMPARE(back.rules(), QString());
}

QTEST_MAIN(TestRulesDialog)
#include "tst_rulesdialog.moc"
