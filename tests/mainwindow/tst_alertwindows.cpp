// SPDX-License-Identifier: GPL-3.0-or-later
// Alerts where there are several windows: one file of rules, and what outlives a window.
#include "core/capture/alertcommand.h"
#include "tests/capture/alertscripts.h"
#include "tests/mainwindow/shownwindow.h"
#include "ui/dialogs/alertrulesdialog.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/windows.h"
#include "ui/views/viewcontext.h"

#include <QFile>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>

using namespace poolscope;
using namespace poolscope::test;

namespace {

QString rule(const char* name)
{
    return QStringLiteral("[[rule]]\nname = '%1'\nmeasure = 'connections_ratio'\n"
                          "at_least = 0.01\n")
        .arg(QLatin1String(name));
}

} // namespace

class TestAlertWindows : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    std::unique_ptr<AlertScripts> scripts_;
    std::unique_ptr<Windows> windows_;

    void make()
    {
        Workspace::Options options = fakeServers(folder_);
        options.alertRulesPath = folder_.filePath(QStringLiteral("alerts.toml"));
        windows_ = std::make_unique<Windows>(options, AttachChoice{}, nullptr);
    }
    MainWindow& add(bool live)
    {
        MainWindow& window = windows_->add();
        window.show();
        if (live) {
            AttachRequest request;
            request.target = QStringLiteral("host=fake");
            window.attach(request);
        }
        return window;
    }
    static Workspace& of(MainWindow& window) { return window.context().workspace(); }
    static std::string rulesOf(MainWindow& window)
    {
        std::optional<std::string> told;
        of(window).findAlertRules([&told](const std::string& rules) { told = rules; });
        return QTest::qWaitFor([&told] { return told.has_value(); }, 20'000) ? *told
                                                                             : "nobody tells";
    }
    static bool calls(MainWindow& window, const std::string& name)
    {
        for (const TargetSummary& target : of(window).latest()->targets) {
            for (const Alert& alert : target.alerts) {
                if (alert.calls() && alert.rule == name)
                    return true;
            }
        }
        return false;
    }
    /// As somebody does it.
    void save(MainWindow& window, const QString& rules)
    {
        window.context().requestAlertRules();
        AlertRulesDialog* dialog = nullptr;
        QTRY_VERIFY((dialog = qobject_cast<AlertRulesDialog*>(window.openDialog())));
        dialog->findChild<QPlainTextEdit*>(QStringLiteral("rules"))->setPlainText(rules);
        auto* const use = dialog->findChild<QPushButton*>(QStringLiteral("use"));
        QTRY_VERIFY(use->isEnabled());
        use->click();
        QTRY_VERIFY(!window.openDialog());
    }
    /// A window whose command runs, while another alert waits for its turn.
    MainWindow& telling()
    {
        const QString go = folder_.filePath(QStringLiteral("go"));
        QFile::remove(go);
        QSettings().setValue(
            QStringLiteral("alerts/command"),
            scripts_->keeper({}, QStringLiteral("n=0; while [ ! -e '%1' ] && [ $n -lt 400 ]; do "
                                                "sleep 0.05; n=$((n + 1)); done\n")
                                     .arg(go)
                                     .toUtf8()));
        MainWindow& window = add(true);
        of(window).setAlertRules(rule("first").toStdString());
        const auto waits = [&] {
            if (!QTest::qWaitFor([&] { return scripts_->count("arguments") == 1; }, 20'000))
                return false;
            of(window).setAlertRules(rule("second").toStdString());
            return QTest::qWaitFor([&] { return calls(window, "second"); }, 20'000) &&
                   window.alertCommand().busy();
        };
        if (!waits() || !QFile(go).open(QIODevice::WriteOnly))
            qFatal("nothing waits");
        return window;
    }

private slots:
    void initTestCase()
    {
        useOwnSettings(folder_);
        QGuiApplication::setQuitOnLastWindowClosed(false);
    }
    void init() { scripts_ = std::make_unique<AlertScripts>(); }
    void cleanup()
    {
        windows_.reset();
        QSettings().clear();
    }

    void savedRulesReachTheOthers()
    {
        make();
        MainWindow& first = add(true);
        MainWindow& second = add(true);
        MainWindow& empty = add(false);
        MainWindow& past = add(false);
        past.open({recordIncident(folder_)});
        QTRY_COMPARE_WITH_TIMEOUT(of(past).transport().mode, Mode::replay, 20'000);
        const std::string recorded = rulesOf(past);
        const std::string rules = rule("shared").toStdString();
        save(first, rule("shared"));
        for (MainWindow* const window : {&first, &second}) {
            QCOMPARE(rulesOf(*window), rules);
            QTRY_VERIFY_WITH_TIMEOUT(calls(*window, "shared"), 20'000);
        }
        QCOMPARE(rulesOf(empty), rules);
        // A recording is judged as it was, until somebody supposes otherwise there.
        QCOMPARE(rulesOf(past), recorded);
        QVERIFY(!calls(past, "shared"));
        // A window that is opened later has them from the beginning.
        MainWindow& later = add(true);
        QTRY_VERIFY_WITH_TIMEOUT(calls(later, "shared"), 20'000);
        // What a replay becomes is watched by them, too.
        AttachRequest request;
        request.target = QStringLiteral("host=fake");
        past.attach(request);
        QTRY_VERIFY_WITH_TIMEOUT(calls(past, "shared"), 20'000);
    }

    /// What a replay supposes is its own.
    void supposedRulesStay()
    {
        make();
        MainWindow& live = add(true);
        MainWindow& past = add(false);
        past.open({recordIncident(folder_, QStringLiteral("supposed.poolrec"))});
        QTRY_COMPARE_WITH_TIMEOUT(of(past).transport().mode, Mode::replay, 20'000);
        save(past, rule("supposed"));
        QTRY_COMPARE(rulesOf(past), rule("supposed").toStdString());
        QVERIFY(rulesOf(live) != rule("supposed").toStdString());
    }

    void whatWaitsOutlivesItsWindow()
    {
        make();
        add(false);
        MainWindow& window = telling();
        QCOMPARE(scripts_->count("arguments"), 1);
        emit window.closed(); // as it is once nobody wants to save
        QTRY_COMPARE(windows_->all().size(), 1U);
        QTRY_COMPARE_WITH_TIMEOUT(scripts_->count("arguments"), 2, 20'000);
        QVERIFY(
            AlertScripts::rules(scripts_->message(1)).contains(QStringLiteral("firing second")));
        // Then it is gone.
        QTRY_VERIFY(!windows_->findChild<AlertCommand*>());
    }

    void theEndOfAllTellsWhatWaits()
    {
        make();
        telling();
        windows_.reset(); // no event loop turns
        QCOMPARE(scripts_->count("arguments"), 2);
        QVERIFY(
            AlertScripts::rules(scripts_->message(1)).contains(QStringLiteral("firing second")));
    }

    void theEndTellsForThoseThatWereClosed()
    {
        make();
        emit telling().closed();
        QTRY_VERIFY(windows_->all().empty());
        windows_.reset();
        QCOMPARE(scripts_->count("arguments"), 2);
    }

    void whatHasNothingToTellGoesAtOnce()
    {
        QSettings().setValue(QStringLiteral("alerts/command"), scripts_->keeper());
        make();
        MainWindow& window = add(false);
        emit window.closed();
        QTRY_VERIFY(windows_->all().empty());
        QVERIFY(!windows_->findChild<AlertCommand*>());
    }
};

QTEST_MAIN(TestAlertWindows)
#include "tst_alertwindows.moc"
