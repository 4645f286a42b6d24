// SPDX-License-Identifier: GPL-3.0-or-later
// `poolscope record -o` while something else reads the file.
#include "tests/support/places.h"

#include <SQLiteCpp/Database.h>

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

using poolscope::test::inBuild;

class TestRecordClosing : public QObject
{
    Q_OBJECT
private slots:
    void whatStillReadsItIsSaid_data();
    void whatStillReadsItIsSaid();
};

void TestRecordClosing::whatStillReadsItIsSaid_data()
{
    QTest::addColumn<bool>("read");
    QTest::newRow("alone") << false;
    QTest::newRow("read") << true;
}

/// Who sends the one file away sends it without its end.
void TestRecordClosing::whatStillReadsItIsSaid()
{
    QFETCH(const bool, read);
    QTemporaryDir folder;
    const QString file = folder.filePath(QStringLiteral("night.poolrec"));
    QProcess process;
    process.start(inBuild("app/poolscope"),
                  {QStringLiteral("record"), QStringLiteral("demo:"), QStringLiteral("-o"), file,
                   QStringLiteral("--json"), QStringLiteral("--for"), QStringLiteral("4s")});
    QVERIFY(process.waitForStarted());
    QTRY_VERIFY(QFile::exists(file + QStringLiteral("-wal")));
    QTest::qWait(1500);
    std::unique_ptr<SQLite::Database> reader;
    if (read) {
        reader = std::make_unique<SQLite::Database>(file.toStdString(), SQLite::OPEN_READONLY);
        reader->exec("BEGIN");
        QVERIFY(reader->execAndGet("SELECT count(*) FROM tick").getInt64() >= 0);
    }
    QVERIFY(process.waitForFinished(30000));
    const QByteArray err = process.readAllStandardError();
    const QList<QByteArray> lines = process.readAllStandardOutput().trimmed().split('\n');
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QVERIFY2(process.exitCode() == (read ? 5 : 0), err.constData());
    QCOMPARE(
        QJsonDocument::fromJson(lines.last()).object().value(QStringLiteral("complete")).toBool(),
        !read);
    QVERIFY2(err.contains("something still reads it") == read, err.constData());
    QCOMPARE(QFile::exists(file + QStringLiteral("-wal")), read);
}

QTEST_GUILESS_MAIN(TestRecordClosing)
#include "tst_recordclosing.moc"
