// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of an alert command that hangs, fails, or is left: real scripts, real processes.
#include "core/capture/alertcommand.h"
#include "tests/capture/alertscripts.h"
#include "tests/capture/alertupdates.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSignalSpy>

#include <initializer_list>
#include <memory>

#include <sys/socket.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAlertCommandEnds : public QObject
{
    Q_OBJECT
private slots:
    void init() { scripts = std::make_unique<AlertScripts>(); }
    void oneThatReadsNothing();
    void oneThatHangs();
    void oneThatWillNotEnd();
    void oneThatIsMissing();
    void oneThatFails();
    void theEndWaitsALittle();
    void theEndEndsWhatHangs();
    void goesWithItsOwner();

private:
    std::unique_ptr<AlertScripts> scripts;
};

void TestAlertCommandEnds::oneThatReadsNothing()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    QSignalSpy failed(&command, &AlertCommand::failed);
    // More than a pipe takes; and more said than anybody reads.
    command.setCommand(scripts->make("deaf", "exec <&-\nhead -c 300000 /dev/zero\n"
                                             "head -c 300000 /dev/zero >&2\n"));
    std::vector<Alert> many;
    for (int i = 0; i < 100; ++i) {
        many.push_back(one(std::to_string(i).c_str()));
        many.back().sentence = std::string(900, 'x');
    }
    command.apply(with(many));
    QTRY_COMPARE(succeeded.size(), 1);
    QCOMPARE(failed.size(), 0);
}

void TestAlertCommandEnds::oneThatHangs()
{
    AlertCommand::Limits limits = quick();
    limits.run = 400ms;
    AlertCommand command(limits, nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    command.setCommand(scripts->make("hangs", "echo asking the pager >&2\nsleep 1000 &\n"
                                              "echo $! >> $D/pids\nwait\n"));
    command.apply(with({one("a")}));
    QTRY_COMPARE(scripts->count("pids"), 1);
    QTRY_COMPARE(failed.size(), 1);
    const Error error = failed.front().front().value<Error>();
    QCOMPARE(error.sentence, "The alert command " + scripts->path("hangs").toStdString() +
                                 " ran for more than 400.0 ms and was ended. It said last: asking "
                                 "the pager");
    QVERIFY(!error.next_step.empty());
    const qint64 child = scripts->read("pids").trimmed().toLongLong();
    QVERIFY(child > 1);
    QTRY_VERIFY(!lives(child)); // what it started went with it
    // The next one is told all the same, and of the same trouble one hears once.
    command.apply(with({one("a"), one("b")}));
    QTRY_COMPARE(scripts->count("pids"), 2);
    QTest::qWait(700);
    QCOMPARE(failed.size(), 1);
    command.setCommand(scripts->keeper());
    command.apply(with({one("a"), one("b"), one("c")}));
    QTRY_COMPARE(scripts->count("arguments"), 1);
}

void TestAlertCommandEnds::oneThatWillNotEnd()
{
    AlertCommand::Limits limits = quick();
    limits.run = 300ms;
    limits.grace = 300ms;
    AlertCommand command(limits, nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    command.setCommand(scripts->make("stubborn", "trap '' TERM\necho $$ > $D/pids\n"
                                                 "while :; do sleep 0.05; done\n"));
    command.apply(with({one("a")}));
    QTRY_COMPARE(failed.size(), 1);
    QVERIFY(failed.front().front().value<Error>().sentence.find("ran for more than") !=
            std::string::npos);
    QTRY_VERIFY(!lives(scripts->read("pids").trimmed().toLongLong()));
}

void TestAlertCommandEnds::oneThatIsMissing()
{
    QVERIFY(!AlertCommand::trouble({}));
    QVERIFY(!AlertCommand::trouble(QStringLiteral("sh -c true")));
    const auto none = AlertCommand::trouble(QStringLiteral("no-such-notifier --now"));
    QVERIFY(none);
    QCOMPARE(none->sentence,
             std::string("The alert command cannot be run: there is no program no-such-notifier."));
    QVERIFY(!none->next_step.empty());
    const QString closed = scripts->make("closed", "true\n");
    QFile(closed).setPermissions(QFile::ReadOwner);
    if (::getuid() != 0) // who may do everything may that too, but for a file nobody may run
        QVERIFY(AlertCommand::trouble(closed));
    QCOMPARE(AlertCommand::trouble(closed)->sentence,
             "The alert command cannot be run: this user may not execute " + closed.toStdString() +
                 ".");

    AlertCommand command(quick(), nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    command.setCommand(scripts->path("later"));
    command.apply(with({one("a")}));
    QTRY_COMPARE(failed.size(), 1);
    QVERIFY(failed.front().front().value<Error>().sentence.starts_with(
        "The alert command cannot be run: there is no program "));
    // A script whose reader is not there is one that nothing is wrong with, at a look.
    command.setCommand(scripts->make("unread", "true\n", "/no/such/reader"));
    command.apply(with({}));
    QTRY_COMPARE(failed.size(), 2);
    QVERIFY(failed.back().front().value<Error>().sentence.find("cannot be started") !=
            std::string::npos);
    // Now it is there.
    command.setCommand(scripts->path("later"));
    scripts->make("later", "true\n");
    command.apply(with({one("b")}));
    QTRY_COMPARE(succeeded.size(), 1);
}

void TestAlertCommandEnds::oneThatFails()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    const QString script = scripts->make(
        "fails", "echo first >&2\nprintf 'no way\\033[31m to the pager\\n' >&2\nexit 3\n");
    command.setCommand(script);
    command.apply(with({one("a")}));
    QTRY_COMPARE(failed.size(), 1);
    const std::string sentence = failed.front().front().value<Error>().sentence;
    QVERIFY2(sentence.starts_with("The alert command " + script.toStdString() +
                                  " failed with exit status 3. It said last: no way"),
             sentence.c_str());
    QVERIFY(sentence.find('\x1b') == std::string::npos);
    command.setCommand(scripts->make("dies", "kill -SEGV $$\n"));
    command.apply(with({}));
    QTRY_COMPARE(failed.size(), 2);
    QVERIFY(failed.back().front().value<Error>().sentence.find("ended by a signal") !=
            std::string::npos);
}

void TestAlertCommandEnds::theEndWaitsALittle()
{
    AlertCommand::Limits limits; // with its pause
    AlertCommand command(limits, nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    command.setCommand(scripts->keeper("sleep 0.3\n"));
    command.apply(with({one("a")}));
    command.apply(with({one("a"), one("b")}));
    command.end(20s); // no event loop turns
    QCOMPARE(scripts->count("arguments"), 2);
    QCOMPARE(AlertScripts::rules(scripts->message(1)), list({"firing b"}));
    QCOMPARE(failed.size(), 0);
    command.apply(with({one("c")}));
    QTest::qWait(100);
    QCOMPARE(scripts->count("arguments"), 2);
}

void TestAlertCommandEnds::theEndEndsWhatHangs()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy failed(&command, &AlertCommand::failed);
    command.setCommand(scripts->make("hangs", "sleep 1000 &\necho $! >> $D/pids\nwait\n"));
    command.apply(with({one("a")}));
    QTRY_COMPARE(scripts->count("pids"), 1);
    command.apply(with({one("a"), one("b"), one("c")}));
    QElapsedTimer took;
    took.start();
    command.end(300ms);
    QVERIFY2(took.elapsed() < 5000, qPrintable(QString::number(took.elapsed())));
    QTRY_VERIFY(!lives(scripts->read("pids").trimmed().toLongLong()));
    QCOMPARE(failed.size(), 2);
    QVERIFY(failed.at(0).front().value<Error>().sentence.find("still ran when Poolscope ended") !=
            std::string::npos);
    QCOMPARE(failed.at(1).front().value<Error>().sentence,
             std::string("The alert command was not told of 2 alerts: Poolscope ended before."));
}

void TestAlertCommandEnds::goesWithItsOwner()
{
    auto command = std::make_unique<AlertCommand>(quick(), nullptr);
    command->setCommand(scripts->make("hangs", "sleep 1000 &\necho $! >> $D/pids\nwait\n"));
    command->apply(with({one("a")}));
    QTRY_COMPARE(scripts->count("pids"), 1);
    command.reset();
    QTRY_VERIFY(!lives(scripts->read("pids").trimmed().toLongLong()));
}

QTEST_GUILESS_MAIN(TestAlertCommandEnds)
#include "tst_alertcommandends.moc"
