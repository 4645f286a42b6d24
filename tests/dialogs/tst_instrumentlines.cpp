// SPDX-License-Identifier: GPL-3.0-or-later
// The lines that users of agents paste.
#include "ui/dialogs/instrumentlines.h"

#include "tests/dialogs/instrumentscene.h"
#include "tests/support/places.h"

#include <QDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestInstrumentLines : public QObject
{
    Q_OBJECT
private slots:
    void everyFileOfLinesIsOffered()
    {
        const QDir agents(inTree("resources/agents"));
        QStringList files;
        for (const QString& language : agents.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
            const QDir lines(agents.filePath(language + QStringLiteral("/lines")));
            for (const QString& file : lines.entryList({QStringLiteral("*.txt")}, QDir::Files)) {
                if (file != QStringLiteral("install.txt"))
                    files << language + QLatin1Char('/') + file.section(QLatin1Char('.'), 0, 0);
            }
        }
        QStringList offered;
        for (const InstrumentStack& stack : instrumentStacks())
            offered << stack.id;
        files.sort();
        QStringList sorted = offered;
        sorted.sort();
        QCOMPARE(sorted, files);
        QVERIFY(offered.contains(QStringLiteral("python/sqlalchemy")));
        QVERIFY(offered.contains(QStringLiteral("go/database-sql")));
        QVERIFY(offered.contains(QStringLiteral("cpp/pool")));
    }

    void readmesHaveTheSameLines()
    {
        for (const InstrumentStack& stack : instrumentStacks()) {
            const QString language = stack.id.section(QLatin1Char('/'), 0, 0);
            const QString readme =
                text(inTree("resources/agents/") + language + QStringLiteral("/README.md"));
            const QString lines = instrumentLines(stack, QStringLiteral("orders"));
            QVERIFY2(readme.contains(lines), qPrintable(stack.id));
            QVERIFY2(lines.contains(QStringLiteral("\"orders\"")), qPrintable(lines));
            QString install = installLines(stack);
            install.replace(agentsFolder(), QStringLiteral("/usr/share/poolscope/agents"));
            for (const QString& part : install.split(QStringLiteral("\n\n")))
                QVERIFY2(readme.contains(part), qPrintable(stack.id + part));
            QVERIFY(!(lines + install).contains(QStringLiteral("@POOL@")));
            QVERIFY(!(lines + install).contains(QStringLiteral("@AGENTS@")));
        }
    }

    void namesStayInsideTheirLiteral()
    {
        const InstrumentStack stack = instrumentStacks().front();
        const QString lines = instrumentLines(stack, QStringLiteral("a\"); evil(\"\\"));
        QVERIFY2(lines.contains(QStringLiteral("\"a\\\"); evil(\\\"\\\\\"")), qPrintable(lines));
        QVERIFY(isPoolName(QStringLiteral("orders ä")));
        QVERIFY(!isPoolName(QStringLiteral("  ")));
        QVERIFY(!isPoolName(QStringLiteral("a\nb")));
        QVERIFY(!isPoolName(QString(61, QLatin1Char('x'))));
    }
};

QTEST_MAIN(TestInstrumentLines)
#include "tst_instrumentlines.moc"
