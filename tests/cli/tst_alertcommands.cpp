// SPDX-License-Identifier: GPL-3.0-or-later
// --on-alert: the real binary, a real instrumented process, real scripts.
#include "tests/capture/alertscripts.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QElapsedTimer>
#include <QProcess>

#include <memory>

using namespace poolscope::test;

class TestAlertCommands : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanupTestCase();
    void recordsAndTells();
    void watchKeepsItsOutput();
    void aScriptThatHangs();
    void aScriptThatFails();
    void aScriptThatIsMissing();
    void notOfThePast();
    void whatIsWrongInAFileIsNamed();

private:
    static Run run(const QStringList& arguments);
    QStringList record(const QString& file, const QString& command, const char* runFor) const;

    AlertScripts scripts_;
    std::unique_ptr<QProcess> shop_;
    QString target_;
    QString rules_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

} // namespace

Run TestAlertCommands::run(const QStringList& arguments)
{
    return runProgram(inBuild("app/poolscope"), arguments);
}

QStringList TestAlertCommands::record(const QString& file, const QString& command,
                                      const char* runFor) const
{
    return {text("record"),  target_, text("-o"),         file,    text("--for"), text(runFor),
            text("--rules"), rules_,  text("--on-alert"), command, text("--json")};
}

void TestAlertCommands::initTestCase()
{
    const QString socket = scripts_.path("shop.sock");
    target_ = text("pool+unix://") + socket;
    rules_ = scripts_.path("rules.toml");
    QFile rules(rules_);
    QVERIFY(rules.open(QIODevice::WriteOnly));
    // Both pools of the shop, as soon as they have a maximum; the other one calls nobody.
    rules.write("[[rule]]\nname = 'any'\nmeasure = 'used_ratio'\nat_least = 0\n"
                "severity = 'critical'\n"
                "[[rule]]\nname = 'quiet'\nmeasure = 'used_ratio'\nat_least = 0\n"
                "severity = 'info'\n");
    rules.close();
    shop_ = std::make_unique<QProcess>();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("POOLSCOPE_LISTEN"), text("unix:") + socket);
    shop_->setProcessEnvironment(environment);
    shop_->start(inBuild("app/poolscope"), {text("--demo-workload=fast")});
    QVERIFY(shop_->waitForStarted());
    QVERIFY(shop_->waitForReadyRead(20000));
}

void TestAlertCommands::cleanupTestCase()
{
    shop_->closeWriteChannel(); // its end is that of its input
    QVERIFY(shop_->waitForFinished(20000));
}

void TestAlertCommands::recordsAndTells()
{
    const QString file = scripts_.path("night.poolrec");
    const Run done = run(record(file, scripts_.keeper() + text(" --team \"the shop\""), "4s"));
    QVERIFY2(done.code == 0, done.err.constData());
    QCOMPARE(done.err, QByteArray());
    QVERIFY(scripts_.count("arguments") >= 1);
    QVERIFY(scripts_.read("arguments").startsWith("2 --team the shop\n"));
    QVERIFY(scripts_.read("env").contains("POOLSCOPE_ALERT_RULE=any\n"));
    QVERIFY(!scripts_.read("out").contains("quiet"));
    const QJsonObject message = scripts_.message(0);
    QVERIFY(message[text("firing")].toInt() >= 1);

    // A replay comes to what was told, and tells nobody.
    const int runs = scripts_.count("arguments");
    const Run replayed =
        run({text("alerts"), file, text("--json"), text("--at"), message[text("time")].toString()});
    QVERIFY2(replayed.code == 0, replayed.err.constData());
    const QJsonArray alerts = QJsonDocument::fromJson(replayed.out).array();
    for (const QJsonValue& told : message[text("alerts")].toArray()) {
        bool found = false;
        for (const QJsonValue& then : alerts) {
            bool same = true;
            for (const char* const key :
                 {"target", "pool", "rule", "severity", "state", "since", "threshold"})
                same = same && then[text(key)] == told[text(key)];
            found = found || same;
        }
        QVERIFY2(found, replayed.out.constData());
    }
    QCOMPARE(run({text("watch"), file, text("--json"), text("--for"), text("2s")}).code, 0);
    QCOMPARE(scripts_.count("arguments"), runs);
}

void TestAlertCommands::watchKeepsItsOutput()
{
    const QString script =
        scripts_.make("loud", "cat > $D/heard\necho this is no JSON\necho nor this >&2\n");
    const Run done = run({text("watch"), target_, text("--json"), text("--for"), text("3s"),
                          text("--rules"), rules_, text("--on-alert"), script});
    QVERIFY2(done.code == 0, done.err.constData());
    QVERIFY(scripts_.read("heard").contains("\"any\""));
    QCOMPARE(done.err, QByteArray());
    for (const QByteArray& line : done.out.trimmed().split('\n'))
        QVERIFY2(QJsonDocument::fromJson(line).isObject(), line.constData());
}

void TestAlertCommands::aScriptThatHangs()
{
    const QString script =
        scripts_.make("hangs", "sleep 1000 &\necho $! > $D/pid\necho dialling >&2\nwait\n");
    QElapsedTimer took;
    took.start();
    const Run done = run(record(scripts_.path("hung.poolrec"), script, "2s"));
    QCOMPARE(done.code, 0); // it recorded
    QVERIFY2(done.err.contains(" still ran when Poolscope ended, and was ended with it. It said "
                               "last: dialling"),
             done.err.constData());
    QVERIFY2(took.elapsed() < 30000, qPrintable(QString::number(took.elapsed())));
    const QString child = text("/proc/") + QString::fromLatin1(scripts_.read("pid").trimmed());
    QVERIFY(child != text("/proc/"));
    QTRY_VERIFY(!QFile::exists(child));
    QCOMPARE(run({text("info"), scripts_.path("hung.poolrec")}).code, 0);
}

void TestAlertCommands::aScriptThatFails()
{
    const QString script = scripts_.make("fails", "echo no pager here >&2\nexit 3\n");
    const Run done = run(record(scripts_.path("failed.poolrec"), script, "2s"));
    QCOMPARE(done.code, 0);
    QVERIFY2(done.err.contains("failed with exit status 3. It said last: no pager here Run it "
                               "once in a terminal to see why."),
             done.err.constData());
}

void TestAlertCommands::aScriptThatIsMissing()
{
    const QString file = scripts_.path("none.poolrec");
    for (const QString& verb : {text("record"), text("watch")}) {
        QStringList arguments = record(file, scripts_.path("nothing"), "2s");
        if (verb == text("watch"))
            arguments = {verb, target_, text("--on-alert"), scripts_.path("nothing")};
        const Run done = run(arguments);
        QCOMPARE(done.code, 2);
        QVERIFY2(done.err.startsWith("poolscope: The alert command cannot be run: there is no "
                                     "program "),
                 done.err.constData());
        QVERIFY(done.err.contains("Give the path of a program"));
        QVERIFY(!QFile::exists(file));
    }
}

void TestAlertCommands::notOfThePast()
{
    const QString file = scripts_.path("night.poolrec");
    const int runs = scripts_.count("arguments");
    const Run watched = run({text("watch"), file, text("--on-alert"), scripts_.keeper()});
    QCOMPARE(watched.code, 2);
    QVERIFY2(watched.err.contains("a recording calls nobody"), watched.err.constData());
    const Run ruled = run({text("watch"), file, text("--rules"), rules_});
    QCOMPARE(ruled.code, 2);
    QVERIFY2(ruled.err.contains("shows no alerts of a recording"), ruled.err.constData());
    const Run past = run({text("record"), text("prometheus+http://127.0.0.1:1/api/v1"),
                          text("--past"), text("1h"), text("-o"), scripts_.path("p.poolrec"),
                          text("--on-alert"), scripts_.keeper()});
    QCOMPARE(past.code, 2);
    QVERIFY(past.err.contains("--past asks for what was"));
    QCOMPARE(run({text("alerts"), file, text("--on-alert"), scripts_.keeper()}).code, 2);
    QCOMPARE(scripts_.count("arguments"), runs);
}

/// With its line, as an editor takes it; the rules that can be read count.
void TestAlertCommands::whatIsWrongInAFileIsNamed()
{
    const QString mixed = scripts_.path("mixed.toml");
    QFile rules(mixed);
    QVERIFY(rules.open(QIODevice::WriteOnly));
    rules.write("[[rule]]\nname = 'typo'\nmeasure = 'used_ration'\nat_least = 1\n"
                "[[rule]]\nname = 'sound'\nmeasure = 'used_ratio'\nat_least = 0\n");
    rules.close();
    const Run mostly = run({text("alerts"), target_, text("--json"), text("--rules"), mixed});
    QVERIFY2(mostly.err.contains(mixed.toUtf8() + ":3: "), mostly.err.constData());
    QVERIFY2(mostly.err.contains("is one of used_ratio, pending"), mostly.err.constData());
    QCOMPARE(mostly.code, 0);
    QVERIFY(!mostly.array().isEmpty());
    for (const QJsonValue& alert : mostly.array())
        QCOMPARE(alert[text("rule")].toString(), text("sound"));

    QVERIFY(rules.open(QIODevice::WriteOnly | QIODevice::Truncate));
    rules.write("[[rule]]\nname = 'typo'\nmeasure = 'used_ration'\nat_least = 1\n");
    rules.close();
    const Run none = run({text("alerts"), target_, text("--json"), text("--rules"), mixed});
    QCOMPARE(none.code, 5);
    QVERIFY2(none.err.contains("No alert rule could be read of " + mixed.toUtf8()),
             none.err.constData());
    const Run missing = run({text("alerts"), target_, text("--rules"), text("/nowhere/r.toml")});
    QCOMPARE(missing.code, 5);
    QVERIFY2(missing.err.contains("/nowhere/r.toml cannot be read: "), missing.err.constData());
}

QTEST_GUILESS_MAIN(TestAlertCommands)
#include "tst_alertcommands.moc"
