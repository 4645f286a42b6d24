// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope::test;

/// The real binary before a reader that goes, as "| head" does.
class TestClosedPipe : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void recordGoesOn();
    void watchEnds_data();
    void watchEnds();
    void printingEnds();

private:
    /// What became of `poolscope arguments | head -n lines`: the exit status that a shell sees.
    int before(const QString& reader, const QStringList& arguments) const;

    QTemporaryDir dir_;
    PgCluster cluster_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

} // namespace

int TestClosedPipe::before(const QString& reader, const QStringList& arguments) const
{
    QFile::remove(dir_.filePath(text("status")));
    QProcess shell;
    shell.setStandardInputFile(QProcess::nullDevice());
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("STATUS"), dir_.filePath(text("status")));
    environment.insert(text("TMPDIR"), dir_.filePath(text("scratch")));
    environment.remove(text("XDG_RUNTIME_DIR"));
    shell.setProcessEnvironment(environment);
    shell.start(text("/bin/sh"),
                QStringList{text("-c"),
                            text("( \"$0\" \"$@\"; echo $? > \"$STATUS\" ) | ") + reader,
                            inBuild("app/poolscope")} +
                    arguments);
    if (!shell.waitForFinished(30000))
        return -1;
    QFile status(dir_.filePath(text("status")));
    return status.open(QIODevice::ReadOnly) ? status.readAll().trimmed().toInt() : -1;
}

void TestClosedPipe::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("No PostgreSQL server is installed here");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    QVERIFY(QDir(dir_.path()).mkdir(text("scratch")));
}

/// Nobody may be there to see it: the recording is what counts.
void TestClosedPipe::recordGoesOn()
{
    const QString file = dir_.filePath(text("night.poolrec"));
    QCOMPARE(before(text("head -n 1"), {text("record"), cluster_.uri(), text("-o"), file,
                                        text("--for"), text("4s"), text("--json")}),
             0);
    QVERIFY(!QFile::exists(file + text("-wal")));
    QProcess info;
    info.start(inBuild("app/poolscope"), {text("info"), file, text("--json")});
    QVERIFY(info.waitForFinished(30000));
    const QJsonObject about = QJsonDocument::fromJson(info.readAllStandardOutput()).object();
    QCOMPARE(about.value(text("complete")).toBool(), true);
    QVERIFY(about.value(text("duration_us")).toInteger() > 2500000);
}

void TestClosedPipe::watchEnds_data()
{
    QTest::addColumn<QString>("target");
    QTest::newRow("a server, whose library leaves SIGPIPE alone") << cluster_.uri();
    QTest::newRow("a process, to which Qt writes") << text("demo:");
}

/// At the next line, and with what it kept for itself cleared away.
void TestClosedPipe::watchEnds()
{
    QFETCH(QString, target);
    QElapsedTimer took;
    took.start();
    QCOMPARE(before(text("head -n 1"), {text("watch"), target, text("--json"), text("--interval"),
                                        text("200ms"), text("--for"), text("20s")}),
             141);
    QVERIFY2(took.elapsed() < 15000, qPrintable(QString::number(took.elapsed())));
    QCOMPARE(
        QDir(dir_.filePath(text("scratch"))).entryList(QDir::AllEntries | QDir::NoDotAndDotDot),
        QStringList());
}

void TestClosedPipe::printingEnds()
{
    // The reader has long gone when a picture is there.
    QCOMPARE(before(text("true"), {text("states"), cluster_.uri(), text("--json")}), 141);
    QCOMPARE(
        QDir(dir_.filePath(text("scratch"))).entryList(QDir::AllEntries | QDir::NoDotAndDotDot),
        QStringList());
}

QTEST_GUILESS_MAIN(TestClosedPipe)
#include "tst_closedpipe.moc"
