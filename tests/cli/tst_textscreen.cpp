// SPDX-License-Identifier: GPL-3.0-or-later
// The program at a terminal, against a real PostgreSQL: what somebody sees who was paged because
// the server is full.
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"
#include "tests/support/pseudoterminal.h"
#include "tests/support/shell.h"

#include <QTest>

#include <memory>
#include <vector>

using namespace poolscope::test;

namespace {

constexpr int patience = 30'000;

QString text(const char* words)
{
    return QString::fromLatin1(words);
}

/// As the last frame says.
bool isUp(PseudoTerminal& terminal)
{
    const QByteArray& shown = terminal.shown();
    const QByteArray frame = shown.mid(shown.lastIndexOf("\x1b[H"));
    return frame.startsWith("\x1b[H") && frame.contains("of 7 connections");
}

} // namespace

class TestTextScreen : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void waitsForRoomOnAFullServer();
    void asksForThePasswordOnceTheServerIsBack();
    void promisesNothingThatItDoesNotDo();
    void aDeadDisplayLeadsToTheTextScreen();

private:
    /// Takes what an ordinary role may have.
    void fill();
    bool startAt(PseudoTerminal& terminal, const QStringList& arguments,
                 const QProcessEnvironment& environment = QProcessEnvironment::systemEnvironment());

    PgCluster cluster_;
    QString user_;
    std::vector<std::unique_ptr<PgClient>> clients_;
    QProcess process_;
};

void TestTextScreen::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here");
    PgCluster::Options options;
    options.settings = {text("max_connections = 7"), text("superuser_reserved_connections = 2"),
                        text("max_wal_senders = 0")};
    options.password = "secret";
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    PgClient admin(cluster_.localConninfo());
    QVERIFY(admin.exec(text("CREATE ROLE ann LOGIN PASSWORD 'pepper'; GRANT pg_monitor TO ann")));
    user_ = cluster_.conninfo(text("postgres"), text("ann"));
}

void TestTextScreen::fill()
{
    const QString filler = cluster_.localConninfo(text("postgres"), text("ann"));
    while (true) {
        auto client = std::make_unique<PgClient>(filler);
        if (!client->ok())
            break;
        clients_.push_back(std::move(client));
    }
    QVERIFY(!clients_.empty());
}

bool TestTextScreen::startAt(PseudoTerminal& terminal, const QStringList& arguments,
                             const QProcessEnvironment& environment)
{
    if (process_.state() != QProcess::NotRunning) {
        process_.kill();
        process_.waitForFinished();
    }
    process_.setProcessEnvironment(environment);
    process_.setStandardInputFile(terminal.name());
    process_.setStandardOutputFile(terminal.name());
    process_.setStandardErrorFile(terminal.name());
    process_.start(inBuild("app/poolscope"), arguments);
    return process_.waitForStarted();
}

void TestTextScreen::waitsForRoomOnAFullServer()
{
    fill();
    PseudoTerminal terminal;
    QVERIFY(terminal.ok());
    QVERIFY(startAt(terminal, {text("watch"), user_ + text(" password=pepper")}));
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().contains("\x1b[?1049h") &&
                                  terminal.shown().contains("tried again every 2"),
                              terminal.shown().constData(), patience);
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().contains("no free slot"),
                              terminal.shown().constData(), patience);
    clients_.pop_back();
    QTRY_VERIFY2_WITH_TIMEOUT(isUp(terminal), terminal.shown().constData(), patience);
    QVERIFY(terminal.type("q"));
    QVERIFY(process_.waitForFinished(patience));
    QCOMPARE(process_.exitCode(), 0);
    QVERIFY(terminal.shown().endsWith("\x1b[?1049l"));
}

void TestTextScreen::asksForThePasswordOnceTheServerIsBack()
{
    clients_.clear();
    QVERIFY(cluster_.stop());
    PseudoTerminal terminal;
    QVERIFY(startAt(terminal, {text("watch"), user_}));
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().contains("\x1b[?1049h"),
                              terminal.shown().constData(), patience);
    QVERIFY(!terminal.shown().contains("Password:"));
    QVERIFY2(cluster_.resume(), qPrintable(cluster_.error()));
    // On the ordinary screen, unseen, and then back.
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().endsWith("Password: "), terminal.shown().constData(),
                              patience);
    QVERIFY(terminal.shown().lastIndexOf("\x1b[?1049l") > 0);
    QVERIFY(terminal.type("pepper\n"));
    QTRY_VERIFY2_WITH_TIMEOUT(isUp(terminal), terminal.shown().constData(), patience);
    QVERIFY(!terminal.shown().contains("pepper"));
    QVERIFY(terminal.type("q"));
    QVERIFY(process_.waitForFinished(patience));
    QCOMPARE(process_.exitCode(), 0);
}

/// Verbs that leave, and those that no person reads, say why and do not go on trying.
void TestTextScreen::promisesNothingThatItDoesNotDo()
{
    fill();
    for (const char* const verb : {"sessions", "states", "watch"}) {
        const Run told =
            runProgram(inBuild("app/poolscope"), {text(verb), user_ + text(" password=pepper")});
        QCOMPARE(told.code, 3);
        QVERIFY2(told.err.contains("no free slot"), told.err.constData());
        QVERIFY2(told.err.contains("superuser"), told.err.constData()); // the next step stays
        QVERIFY2(!told.err.contains("again"), told.err.constData());
    }
    clients_.clear();
}

void TestTextScreen::aDeadDisplayLeadsToTheTextScreen()
{
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.remove(text("QT_QPA_PLATFORM"));
    environment.remove(text("WAYLAND_DISPLAY"));
    environment.insert(text("DISPLAY"), text(":1973")); // where no server listens

    // A picture can do without one.
    const QString picture = cluster_.socketDir() + text("/picture.png");
    const Run drawn = runProgram(
        inBuild("app/poolscope"),
        {text("--screenshot"), picture, inTree("resources/samples/incident.poolrec")}, environment);
    if (drawn.err.contains("without a window"))
        QSKIP("built without a window");
    QVERIFY2(drawn.code == 0, drawn.err.constData());

    PseudoTerminal terminal;
    const QString target = cluster_.localConninfo();
    QVERIFY(startAt(terminal, {target}, environment));
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().contains("\x1b[?1049h"),
                              terminal.shown().constData(), patience);
    QVERIFY(terminal.shown().contains("showing the text screen"));
    QVERIFY2(!terminal.shown().contains("qt.qpa"), terminal.shown().constData());
    QTRY_VERIFY2_WITH_TIMEOUT(terminal.shown().contains("postgres"), terminal.shown().constData(),
                              patience);
    QVERIFY(terminal.type("q"));
    QVERIFY(process_.waitForFinished(patience));
    QCOMPARE(process_.exitCode(), 0);
}

QTEST_GUILESS_MAIN(TestTextScreen)
#include "tst_textscreen.moc"
