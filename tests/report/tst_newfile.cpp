// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/newfile.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

using namespace poolscope;

class TestNewFile : public QObject
{
    Q_OBJECT
private slots:
    void whatAKilledProcessLeftBehind();
    void nothingIsOverwritten();
};

void TestNewFile::whatAKilledProcessLeftBehind()
{
    const QTemporaryDir dir;
    for (const char* const name : {".out.html.%1.part", ".out.html.%1.0.part"}) {
        QFile part(dir.filePath(QString::fromLatin1(name).arg(::getpid())));
        QVERIFY(part.open(QIODevice::WriteOnly));
        part.write("half");
    }
    const QString out = dir.filePath(QStringLiteral("out.html"));
    const auto written = report::write_new_file(out.toStdString(), "whole");
    QVERIFY2(written, written ? "" : written.error().sentence.c_str());
    QFile file(out);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), QByteArray("whole"));
    QCOMPARE(QDir(dir.path()).entryList(QDir::Files | QDir::Hidden).size(), 3);
}

void TestNewFile::nothingIsOverwritten()
{
    const QTemporaryDir dir;
    const std::string out = dir.filePath(QStringLiteral("out.html")).toStdString();
    QVERIFY(report::write_new_file(out, "mine"));
    const auto again = report::write_new_file(out, "theirs");
    QVERIFY(!again);
    QVERIFY(again.error().sentence.find("exists already") != std::string::npos);
}

QTEST_APPLESS_MAIN(TestNewFile)
#include "tst_newfile.moc"
