// SPDX-License-Identifier: GPL-3.0-or-later
// A stranger's project is built against the installed package and leaks a connection to a real
// server; the program, which knows neither, names the line.
#include "tests/support/pgcluster.h"

#include <QDateTime>
#include <QDir>
#include <QDirIterator>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope::test;

class TestConsumer : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanupTestCase();

    void packageIsApacheAlone();
    void leakIsNamedLive();
    void leakIsNamedWithinASecond();
    void leakIsNamedFromTheRecording();

private:
    static constexpr qint64 second = 1000000; // in microseconds, as in the JSON
    static constexpr qint64 threshold = 3 * second;

    QString in(const QString& name) const { return folder_.filePath(name); }
    /// Runs a command to its end; what it said where it failed.
    QString run(const QString& program, const QStringList& arguments);
    bool startBakery();
    void verifyLeak(const QJsonObject& leak) const;

    QTemporaryDir folder_;
    PgCluster cluster_;
    QProcess bakery_;
    QString address_;
    qint64 leaked_ = 0; ///< microseconds since the epoch, shortly after the checkout
    int line_ = 0;      ///< of orders.cpp, where it was acquired
    int serverPid_ = 0;
};

void TestConsumer::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here");
    QVERIFY(folder_.isValid());
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));

    const QString cmake = QStringLiteral(CMAKE_PROGRAM);
    QCOMPARE(run(cmake, {QStringLiteral("--install"), QStringLiteral(BUILD_FOLDER),
                         QStringLiteral("--component"), QStringLiteral("pool"),
                         QStringLiteral("--prefix"), in(QStringLiteral("prefix"))}),
             QString());
    QVERIFY(QDir().mkpath(in(QStringLiteral("bakery"))));
    QDirIterator files(QStringLiteral(PROJECT_FOLDER), QDir::Files);
    while (files.hasNext()) {
        files.next();
        QVERIFY(QFile::copy(files.filePath(), in(QStringLiteral("bakery/") + files.fileName())));
    }
    QStringList configure{QStringLiteral("-S"),
                          in(QStringLiteral("bakery")),
                          QStringLiteral("-B"),
                          in(QStringLiteral("build")),
                          QStringLiteral("-G"),
                          QStringLiteral(GENERATOR),
                          QStringLiteral("-DCMAKE_BUILD_TYPE=RelWithDebInfo"),
                          QStringLiteral("-DCMAKE_CXX_COMPILER=" COMPILER),
                          QStringLiteral("-DCMAKE_PREFIX_PATH=") + in(QStringLiteral("prefix"))};
    if (qstrlen(SANITIZE) > 0) // as the library was
        configure << QStringLiteral("-DCMAKE_CXX_FLAGS=-fsanitize=" SANITIZE);
    QCOMPARE(run(cmake, configure), QString());
    QCOMPARE(run(cmake, {QStringLiteral("--build"), in(QStringLiteral("build"))}), QString());

    QFile source(in(QStringLiteral("bakery/orders.cpp")));
    QVERIFY(source.open(QFile::ReadOnly));
    for (int number = 1; !source.atEnd(); ++number) {
        if (source.readLine().contains(".acquire("))
            line_ = number;
    }
    QVERIFY(line_ > 0);
}

void TestConsumer::cleanupTestCase()
{
    if (bakery_.state() == QProcess::NotRunning)
        return;
    bakery_.closeWriteChannel();
    QVERIFY(bakery_.waitForFinished(10000));
    QCOMPARE(bakery_.exitStatus(), QProcess::NormalExit);
    QCOMPARE(bakery_.exitCode(), 0);
}

QString TestConsumer::run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    if (!process.waitForFinished(240000) || process.exitStatus() != QProcess::NormalExit)
        return program + QStringLiteral(" did not end: ") + process.errorString();
    const QString said = QString::fromLocal8Bit(process.readAll());
    return process.exitCode() == 0 ? QString() : program + QStringLiteral(" failed:\n") + said;
}

bool TestConsumer::startBakery()
{
    if (bakery_.state() != QProcess::NotRunning) {
        bakery_.closeWriteChannel();
        bakery_.waitForFinished();
    }
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"),
                       QStringLiteral("unix:") + in(QStringLiteral("bakery.sock")));
    bakery_.setProcessEnvironment(environment);
    bakery_.start(in(QStringLiteral("build/bakery")), {cluster_.conninfo()});
    if (!bakery_.waitForStarted())
        return false;
    while (!bakery_.canReadLine()) {
        if (!bakery_.waitForReadyRead())
            return false;
    }
    const QStringList said =
        QString::fromUtf8(bakery_.readLine()).trimmed().split(QLatin1Char(' '));
    if (said.size() != 2)
        return false;
    address_ = said[0];
    leaked_ = said[1].toLongLong();
    serverPid_ = PgClient(cluster_.conninfo())
                     .value(QStringLiteral("SELECT pid FROM pg_stat_activity WHERE query LIKE "
                                           "'SELECT $1::text%' AND pid <> pg_backend_pid()"))
                     .toInt();
    return address_.startsWith(QStringLiteral("pool+unix://"));
}

void TestConsumer::verifyLeak(const QJsonObject& leak) const
{
    QCOMPARE(leak.value(QStringLiteral("kind")).toString(), QStringLiteral("checkout"));
    QCOMPARE(leak.value(QStringLiteral("pool")).toString(), QStringLiteral("bakery"));
    QCOMPARE(leak.value(QStringLiteral("acquired_by")).toString(), QStringLiteral("oven"));
    QCOMPARE(leak.value(QStringLiteral("server_pid")).toInt(), serverPid_);
    const QJsonArray stack = leak.value(QStringLiteral("stack")).toArray();
    QVERIFY(stack.size() >= 3);
    const QJsonObject innermost = stack[0].toObject();
    QCOMPARE(innermost.value(QStringLiteral("function")).toString(),
             QStringLiteral("bakery::Orders::bake"));
    QCOMPARE(innermost.value(QStringLiteral("file")).toString(),
             in(QStringLiteral("bakery/orders.cpp")));
    QCOMPARE(innermost.value(QStringLiteral("line")).toInt(), line_);
    QCOMPARE(innermost.value(QStringLiteral("own")).toBool(), true);
    QCOMPARE(stack[1].toObject().value(QStringLiteral("function")).toString(),
             QStringLiteral("bakery::Orders::take"));
    QCOMPARE(stack[2].toObject().value(QStringLiteral("function")).toString(),
             QStringLiteral("main"));
}

void TestConsumer::packageIsApacheAlone()
{
    int headers = 0;
    QDirIterator files(in(QStringLiteral("prefix")), QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) {
        const QString name = files.next();
        if (name.endsWith(QStringLiteral(".a")) || name.endsWith(QStringLiteral(".txt")))
            continue;
        QFile file(name);
        QVERIFY(file.open(QFile::ReadOnly));
        const QByteArray text = file.readAll();
        QVERIFY2(!text.contains("GPL"), qPrintable(name));
        // Nothing of the machine that it was built on.
        QVERIFY2(!text.contains(BUILD_FOLDER) && !text.contains(PROJECT_FOLDER), qPrintable(name));
        if (!name.endsWith(QStringLiteral(".h")))
            continue;
        ++headers;
        QVERIFY2(text.startsWith("// SPDX-License-Identifier: Apache-2.0\n"), qPrintable(name));
        QVERIFY2(!text.contains("#include <fmt") && !text.contains("#include <Q"),
                 qPrintable(name));
    }
    QVERIFY(headers > 20);
    QVERIFY(QFile::exists(in(QStringLiteral("prefix/share/doc/poolscope-pool/Apache-2.0.txt"))));
}

/// One question, one answer.
void TestConsumer::leakIsNamedLive()
{
    QVERIFY(startBakery());
    QProcess leaks;
    leaks.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    leaks.start(QStringLiteral(POOLSCOPE_PROGRAM),
                {QStringLiteral("leaks"), address_, QStringLiteral("--json"),
                 QStringLiteral("--leak-after"), QStringLiteral("100ms"), QStringLiteral("--for"),
                 QStringLiteral("1s")}); // the bakery may have begun just now
    QVERIFY(leaks.waitForFinished(30000));
    QCOMPARE(leaks.exitCode(), 0);
    const QJsonArray found = QJsonDocument::fromJson(leaks.readAllStandardOutput()).array();
    QCOMPARE(found.size(), 1);
    verifyLeak(found[0].toObject());
}

/// Who watches hears of it no later than a second after the threshold, and not before.
void TestConsumer::leakIsNamedWithinASecond()
{
    QVERIFY(startBakery());
    QProcess watch;
    watch.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    watch.start(QStringLiteral(POOLSCOPE_PROGRAM),
                {QStringLiteral("watch"), address_, QStringLiteral("--json"),
                 QStringLiteral("--leak-after"), QStringLiteral("3s"), QStringLiteral("--interval"),
                 QStringLiteral("100ms"), QStringLiteral("--for"), QStringLiteral("30s")});
    QVERIFY(watch.waitForStarted());
    QJsonArray leaks;
    int before = 0;
    qint64 heard = 0;
    QElapsedTimer patience;
    patience.start();
    while (leaks.isEmpty() && patience.elapsed() < 20000 && watch.waitForReadyRead(20000)) {
        while (leaks.isEmpty() && watch.canReadLine()) {
            heard = QDateTime::currentMSecsSinceEpoch() * 1000;
            leaks = QJsonDocument::fromJson(watch.readLine())
                        .object()
                        .value(QStringLiteral("leaks"))
                        .toArray();
            before += leaks.isEmpty() ? 1 : 0;
        }
    }
    watch.terminate();
    QVERIFY(watch.waitForFinished());
    QVERIFY(before > 0);
    QCOMPARE(leaks.size(), 1);
    verifyLeak(leaks[0].toObject());
    const qint64 age = heard - leaked_;
    const qint64 told = leaks[0].toObject().value(QStringLiteral("age_us")).toInteger();
    qInfo("named %.2f s after the threshold, as %.2f s old", double(age - threshold) / second,
          double(told) / second);
    QVERIFY2(told >= threshold && told <= threshold + second, qPrintable(QString::number(told)));
    // And a busy machine takes its time to print it, and to read it here.
    QVERIFY2(age <= threshold + second * 3 / 2, qPrintable(QString::number(age)));
}

void TestConsumer::leakIsNamedFromTheRecording()
{
    QVERIFY(startBakery());
    const QString file = in(QStringLiteral("bakery.poolrec"));
    QCOMPARE(run(QStringLiteral(POOLSCOPE_PROGRAM),
                 {QStringLiteral("record"), address_, QStringLiteral("-o"), file,
                  QStringLiteral("--leak-after"), QStringLiteral("2s"), QStringLiteral("--for"),
                  QStringLiteral("4s")}),
             QString());
    QProcess leaks;
    leaks.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    leaks.start(QStringLiteral(POOLSCOPE_PROGRAM),
                {QStringLiteral("leaks"), file, QStringLiteral("--json")});
    QVERIFY(leaks.waitForFinished(30000));
    QCOMPARE(leaks.exitCode(), 0);
    const QJsonArray found = QJsonDocument::fromJson(leaks.readAllStandardOutput()).array();
    QCOMPARE(found.size(), 1);
    verifyLeak(found[0].toObject());
}

QTEST_GUILESS_MAIN(TestConsumer)
#include "tst_consumer.moc"
