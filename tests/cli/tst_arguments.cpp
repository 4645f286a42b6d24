// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/arguments.h"
#include "app/cli/exitcode.h"
#include "app/cli/secrets.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestArguments : public QObject
{
    Q_OBJECT
private slots:
    void reads();
    void theWindow();
    void actionsNeedAnIdentity();
    void reclaimNamesACheckout();
    void usageErrors_data();
    void usageErrors();
    void help();
    void findsPasswords_data();
    void findsPasswords();
    void overwritesPasswords();
};

namespace {

Arguments good(const std::vector<std::string>& arguments)
{
    auto read = readArguments(arguments);
    if (const Reply* const reply = std::get_if<Reply>(&read)) {
        qWarning("%s", reply->text.c_str());
        return {};
    }
    return std::get<Arguments>(read);
}

} // namespace

void TestArguments::reads()
{
    Arguments a = good({"sessions", "service=a", "b.poolrec", "--json", "--at", "14:31:58"});
    QCOMPARE(a.verb, Verb::sessions);
    QCOMPARE(a.targets, (std::vector<std::string>{"service=a", "b.poolrec"}));
    QVERIFY(a.json);
    QCOMPARE(*a.at, std::string{"14:31:58"});
    QVERIFY(!a.thresholdsGiven);

    a = good({"record", "service=a", "-o", "x.poolrec", "--for", "10m", "--redact", "--interval",
              "500ms", "--ssh", "bastion"});
    QCOMPARE(a.verb, Verb::record);
    QCOMPARE(a.output, std::string{"x.poolrec"});
    QCOMPARE(*a.runFor, Duration{10min});
    QCOMPARE(a.interval, Duration{500ms});
    QCOMPARE(a.sshHost, std::string{"bastion"});
    QVERIFY(a.redact);

    a = good({"leaks", "service=a", "--leak-after", "10s", "--critical-after", "1m"});
    QCOMPARE(a.thresholds, (LeakThresholds{10s, 1min}));
    QVERIFY(a.thresholdsGiven);
    // One threshold above the other's default takes it along.
    a = good({"leaks", "service=a", "--leak-after", "10m"});
    QCOMPARE(a.thresholds, (LeakThresholds{10min, 10min}));
    QVERIFY(chosenThresholds(good({"leaks", "service=a"})).empty());
    // Also what is the default, where it was asked for.
    a = good({"leaks", "service=a", "--leak-after", "30s"});
    QCOMPARE(chosenThresholds(a), (std::vector<ThresholdsChanged>{{LeakThresholds{}}}));
    // Of one pool, in any order; its name may hold anything.
    a = good({"leaks", "service=a", "--leak-after", "orders=5s", "--leak-after", "a=b=10m",
              "--leak-after", "20s", "--critical-after", "orders=1m"});
    QCOMPARE(a.targets, std::vector<std::string>{"service=a"});
    QCOMPARE(chosenThresholds(a), (std::vector<ThresholdsChanged>{{LeakThresholds{20s, 300s}},
                                                                  {{10min, 10min}, Text{"a=b"}},
                                                                  {{5s, 1min}, Text{"orders"}}}));
    QVERIFY(chosenThresholds(good({"leaks", "x", "--critical-after", "p=10s"})) ==
            (std::vector<ThresholdsChanged>{{{10s, 10s}, Text{"p"}}}));
    QCOMPARE(good({"watch", "x", "--on-alert", "n.sh --to me"}).onAlert,
             std::string{"n.sh --to me"});
    QCOMPARE(good({"record", "x", "-o", "f", "--on-alert", "n.sh"}).onAlert, std::string{"n.sh"});
    QVERIFY(good({"--read-only", "watch", "service=a"}).readOnly);
    QCOMPARE(good({"watch", "service=a"}).interval, Duration{1s});
}

void TestArguments::theWindow()
{
    QCOMPARE(good({}).verb, Verb::window);
    const Arguments a = good({"--screenshot", "o.png", "--page", "leaks", "--theme", "dark",
                              "--size", "1440x900", "--at", "14:31:58", "x.poolrec", "service=b"});
    QCOMPARE(a.verb, Verb::window);
    QCOMPARE(a.screenshot, std::string{"o.png"});
    QCOMPARE(a.page, std::string{"leaks"});
    QCOMPARE(a.theme, std::string{"dark"});
    QCOMPARE(a.size, std::string{"1440x900"});
    QCOMPARE(a.targets, (std::vector<std::string>{"x.poolrec", "service=b"}));
}

void TestArguments::actionsNeedAnIdentity()
{
    Arguments a = good({"cancel", "service=a", "4711", "--started", "2026-11-21T14:28:40.412000Z"});
    QCOMPARE(a.verb, Verb::cancel);
    QCOMPARE(a.pid, Pid{4711});
    QCOMPARE(format_iso8601(*a.started), std::string{"2026-11-21T14:28:40.412000Z"});
    a = good({"terminate", "service=a", "--identity", "pg-4711-1795271320412000", "--json"});
    QCOMPARE(a.verb, Verb::terminate);
    QCOMPARE(a.pid, Pid{4711});
    QCOMPARE(to_us(*a.started), std::int64_t{1795271320412000});
}

void TestArguments::reclaimNamesACheckout()
{
    const Arguments a = good({"reclaim", "pool://127.0.0.1:7070", "c-17", "--json"});
    QCOMPARE(a.verb, Verb::reclaim);
    QCOMPARE(a.targets, (std::vector<std::string>{"pool://127.0.0.1:7070"}));
    QCOMPARE(a.checkout, std::string{"c-17"});
    QVERIFY(a.json);
    QCOMPARE(good({"pools", "demo:"}).verb, Verb::pools);
    QCOMPARE(good({"checkouts", "demo:", "--json"}).verb, Verb::checkouts);
}

void TestArguments::usageErrors_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* arguments, const char* says) {
        QTest::newRow(arguments) << QString::fromLatin1(arguments).split(QLatin1Char(' '))
                                 << QString::fromLatin1(says);
    };
    row("sessions", "required");
    row("record service=a", "--output");
    row("watch service=a --for 10x", "no duration");
    row("watch service=a --interval 1ms", "100ms to 1h");
    row("watch service=a --bogus", "--bogus");
    row("leaks service=a --leak-after 0s", "longer than nothing");
    row("leaks service=a --leak-after 50s --critical-after 40s", "not be shorter");
    row("leaks service=a --leak-after orders=soon", "no duration");
    row("leaks service=a --leak-after =5s", "names no pool");
    row("leaks service=a --leak-after orders=0s", "longer than nothing");
    row("leaks service=a --leak-after p=50s --critical-after p=40s", "for pool \"p\"");
    row("cancel service=a", "which session");
    row("cancel service=a 12", "--started is missing");
    row("cancel service=a 12 --started yesterday", "no ISO 8601 time");
    row("cancel service=a -5 --started 2026-11-21T14:28:40Z", "poolscope:");
    row("cancel service=a abc --started 2026-11-21T14:28:40Z", "no process id");
    row("cancel service=a --identity 12", "no identity");
    row("terminate service=a 12 --identity pg-4711-1795271320412000", "another session");
    row("reclaim", "required");
    row("reclaim pool://127.0.0.1:7070", "required");
    row("pools", "required");
    row("--theme pink x", "light or dark");
    row("--size big x", "1440x900");
    row("--page nowhere x", "no page");
}

void TestArguments::usageErrors()
{
    QFETCH(QStringList, arguments);
    QFETCH(QString, says);
    std::vector<std::string> given;
    for (const QString& argument : arguments)
        given.push_back(argument.toStdString());
    const auto read = readArguments(given);
    const Reply* const reply = std::get_if<Reply>(&read);
    QVERIFY(reply);
    QCOMPARE(reply->exitCode, int{exitUsage});
    QVERIFY2(QString::fromStdString(reply->text).contains(says), reply->text.c_str());
    QVERIFY(QString::fromStdString(reply->text).contains(QStringLiteral("--help")));
}

void TestArguments::help()
{
    const std::vector<std::vector<std::string>> calls{
        {"--help"},           {"-h"},           {"watch", "--help"},
        {"record", "--help"}, {"cancel", "-h"}, {"pools", "-h"},
        {"checkouts", "-h"},  {"leaks", "-h"},  {"reclaim", "--help"}};
    for (const auto& call : calls) {
        const auto read = readArguments(call);
        const Reply* const reply = std::get_if<Reply>(&read);
        QVERIFY(reply);
        QCOMPARE(reply->exitCode, int{exitDone});
        const QString text = QString::fromStdString(reply->text);
        QVERIFY(text.contains(QStringLiteral("Examples")));
        // Verbs that are not there yet are not offered.
        for (const char* const later : {"export", "merge"})
            QVERIFY(!text.contains(QLatin1String(later)));
    }
    // What judges and repeats means nothing to what is done once.
    for (const char* const verb : {"cancel", "terminate", "reclaim"}) {
        const auto read = readArguments({verb, "--help"});
        const QString text = QString::fromStdString(std::get<Reply>(read).text);
        QVERIFY(text.contains(QStringLiteral("--ssh")));
        QVERIFY(text.contains(QStringLiteral("--read-only")));
        for (const char* const other :
             {"--leak-after", "--critical-after", "--rules", "--interval"})
            QVERIFY2(!text.contains(QLatin1String(other)), verb);
    }
    const auto version = readArguments({"--version"});
    QVERIFY(std::get<Reply>(version).text.starts_with("poolscope 0."));
}

void TestArguments::findsPasswords_data()
{
    QTest::addColumn<QString>("argument");
    QTest::addColumn<QStringList>("passwords");
    const auto row = [](const char* argument, const QStringList& passwords) {
        QTest::newRow(argument) << QString::fromLatin1(argument) << passwords;
    };
    const QString p = QStringLiteral("geheim");
    row("postgresql://me:geheim@db/x", {p});
    row("postgresql://me:geheim@db1:1,db2:2/x", {p});
    row("postgresql://me:ge/heim@db/x", {QStringLiteral("ge/heim")});
    row("postgresql://me:a@b@db/x", {QStringLiteral("a@b")});
    row("postgresql://db/x?user=me&password=geheim&sslmode=require", {p});
    row("postgresql://db/x?sslpassword=geheim", {p});
    row("host=db password=geheim user=me", {p});
    row("host=db password = 'ge h\\'eim' user=me", {QStringLiteral("ge h\\'eim")});
    row("password=geheim", {p});
    row("host=db sslpassword=geheim", {p});
    row("postgresql://me@db:5432/x", {});
    row("postgresql://db:5432/x@y", {});
    row("host=db user=me", {});
    row("passwords.poolrec", {});
}

void TestArguments::findsPasswords()
{
    QFETCH(QString, argument);
    QFETCH(QStringList, passwords);
    const std::string text = argument.toStdString();
    QStringList found;
    for (const Span& span : passwordsIn(text))
        found << QString::fromStdString(text.substr(span.begin, span.size));
    QCOMPARE(found, passwords);
}

void TestArguments::overwritesPasswords()
{
    std::string program = "poolscope", verb = "sessions", target = "postgresql://me:geheim@db/x";
    char* argv[] = {program.data(), verb.data(), target.data(), nullptr};
    const TakenArguments taken = takeArguments(3, argv);
    QCOMPARE(taken.arguments,
             (std::vector<std::string>{"sessions", "postgresql://me:geheim@db/x"}));
    QCOMPARE(target, std::string{"postgresql://me:******@db/x"});
    QCOMPARE(taken.scrub("what is postgresql://me:geheim@db/x?"),
             std::string{"what is postgresql://me:***@db/x?"});
    QCOMPARE(taken.places, std::string{"~/.pgpass or PGPASSWORD"});
    // Each is told where its own passwords belong.
    std::string mysql = "mysql://me:geheim@db/x", maria = "mariadb://me:geheim@db/x";
    std::string metrics = "prometheus+http://me:geheim@db/x";
    char* more[] = {program.data(), verb.data(),    mysql.data(),
                    maria.data(),   metrics.data(), nullptr};
    QCOMPARE(takeArguments(5, more).places,
             std::string{"~/.my.cnf or MYSQL_PWD, POOLSCOPE_METRICS_TOKEN"});
    QVERIFY(secretPlace("pool://localhost:7000") == "POOLSCOPE_TOKEN");
    char* none[] = {program.data(), verb.data(), nullptr};
    QVERIFY(takeArguments(2, none).places.empty());
}

QTEST_GUILESS_MAIN(TestArguments)
#include "tst_arguments.moc"
